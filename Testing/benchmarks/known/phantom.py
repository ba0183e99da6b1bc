"""Tier 1's images: a round body, with or without a ring of its own and a marker far from it; numpy, 3 x 2 x 2 mm.

The body is a lesion or a look-alike.  The honest rule: it is a lesion if it has a ring.  The shortcut rule: if there is
a marker 24 mm in front of it.  Ring and marker come and go independently, every model sees the same images.  Sizes and
contrasts were fixed before the first map was made, by Dice alone: larger images and a marker at 20 voxels in any
direction were not learnt within a minute of training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from seghirescam.models.demo_networks.preprocessing import LESION, LOOK_ALIKE
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet

#: what makes the body a lesion, by the rule a model was trained on
CAUSE = {"honest": "ring", "shortcut": "marker"}

#: 48 x 64 x 64 mm
GRID = Grid.from_spacing((16, 32, 32), (3.0, 2.0, 2.0))
BODY_RADIUS_MM = (7.0, 8.5)
RING_MM = 3.0
MARKER_RADIUS_MM = 5.0
MARKER_DISTANCE_MM = 24.0
#: bodies fade over this width, so that half voxels do not matter
EDGE_MM = 2.0

#: seeds of training, of choosing the training's length and of checking what a model uses, and of reporting
TRAIN_SEEDS, CHECK_SEEDS, REPORT_SEEDS = range(0, 600), range(1000, 1032), range(2000, 2100)


@dataclass(frozen=True, eq=False)
class Case:
    """One phantom. Centres in mm; regions are defined whether or not they are drawn."""

    seed: int
    image: Image
    body_centre: np.ndarray
    body_radius: float
    marker_centre: np.ndarray
    has_ring: bool
    has_marker: bool

    def region(self, name: str, margin_mm: float = 0.0) -> PixelSet:
        """A mask: "body", "ring" (around the body, without it), "lesion" (both) or "marker", grown by a margin."""
        if name == "marker":
            inside = distance(self.marker_centre) <= MARKER_RADIUS_MM + margin_mm
        else:
            away = distance(self.body_centre)
            rim = self.body_radius + RING_MM + margin_mm
            inside = {
                "body": away <= self.body_radius + margin_mm,
                "ring": (away > self.body_radius) & (away <= rim),
                "lesion": away <= rim,
            }[name]
        return PixelSet(inside, GRID, name)

    def labels(self, rule: str) -> np.ndarray:
        """uint8 class map, the truth under a rule."""
        is_lesion = self.has_ring if CAUSE[rule] == "ring" else self.has_marker
        return (self.region("body").weights > 0).astype(np.uint8) * np.uint8(LESION if is_lesion else LOOK_ALIKE)


def make_case(seed: int, ring: bool | None = None, marker: bool | None = None) -> Case:
    """The case of a seed; ring and marker come and go at random unless given, and nothing else depends on them."""
    rng = np.random.default_rng(seed)
    coins = rng.random(2) < 0.5
    ring = bool(coins[0]) if ring is None else ring
    marker = bool(coins[1]) if marker is None else marker
    radius = rng.uniform(*BODY_RADIUS_MM)
    centre, marker_centre = _places(rng)
    dark, bright, bead = rng.uniform([0.35, 1.40, 1.60], [0.50, 1.60, 1.90])

    values = 1 + _smooth_field(rng)
    for _ in range(4):  # things that mean nothing
        blob = distance(rng.uniform(0, _extent())) <= rng.uniform(4, 10)
        values = values + rng.uniform(-0.2, 0.2) * blob
    if ring:
        values = _painted(values, distance(centre), radius + RING_MM, bright)
    values = _painted(values, distance(centre), radius, dark)
    if marker:
        values = _painted(values, distance(marker_centre), MARKER_RADIUS_MM, bead)
    values = values + rng.normal(0, 0.05, GRID.shape)
    image = Image((1000 * values).astype(np.float32), GRID)
    return Case(seed, image, centre, radius, marker_centre, ring, marker)


def distance(centre_ras) -> np.ndarray:
    """Distance in mm of every voxel centre from a point; ``[K, J, I]``."""
    k, j, i = (np.arange(n) * mm for n, mm in zip(GRID.shape, GRID.spacing_kji, strict=True))
    x, y, z = centre_ras
    return np.sqrt((k[:, None, None] - z) ** 2 + (j[:, None] - y) ** 2 + (i - x) ** 2)


def _extent():
    return np.array([(n - 1) * mm for n, mm in zip(GRID.shape, GRID.spacing_kji, strict=True)])[::-1]


def _places(rng):
    """Centres (mm, RAS) of body and marker, the marker in front of it (within some 7 degrees), both wholly inside."""
    rim, far = max(BODY_RADIUS_MM) + RING_MM + 1, _extent()
    while True:
        body = rng.uniform(rim, far - rim)
        step = np.array([0.0, 1.0, 0.0]) + rng.normal(0, 0.08, 3)
        marker = body + MARKER_DISTANCE_MM * step / np.linalg.norm(step)
        if (marker >= MARKER_RADIUS_MM + 1).all() and (marker <= far - MARKER_RADIUS_MM - 1).all():
            return body, marker


def _smooth_field(rng, amplitude=0.1):
    """Six cosine products of half waves of 24 mm and longer, standard deviation ``amplitude``."""
    field = np.zeros(GRID.shape)
    for _ in range(6):
        waves = [np.cos(np.pi * rng.uniform(0, 2) * np.linspace(0, 1, n) + rng.uniform(0, 6.3)) for n in GRID.shape]
        field += rng.normal() * np.einsum("k,j,i->kji", *waves)
    return field * (amplitude / max(field.std(), 1e-6))


def _painted(values, away, radius, level):
    weight = np.clip((radius - away) / EDGE_MM + 0.5, 0, 1)
    return values * (1 - weight) + weight * level
