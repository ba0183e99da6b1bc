"""A demo case from a seed: the MNI152 brain, deformed, with one round body and perhaps a marker in front of it.

Everything is defined in millimetres, rendered at 2 mm, and averaged to 4 mm by the model's own preprocessing.  The
same images serve both networks; only the rule by which a body is called a lesion differs (``RULES``).  All cases
deform one anatomy.  Needs nilearn (whose package data hold the template) and scipy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from seghirescam.models.demo_networks.preprocessing import LESION, LOOK_ALIKE
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet

#: the seeds of training, of exploring, of reporting and of the shipped case share no member
TRAIN_SEEDS = range(0, 200)
EXPLORE_SEEDS = range(1000, 1016)
REPORT_SEEDS = range(2000, 2024)
CASE_SEEDS = range(3000, 3100)

#: 192 x 256 x 192 mm around the template's brain
GRID = Grid.from_spacing((96, 128, 96), (2.0, 2.0, 2.0), origin_ras=(-95.0, -144.0, -90.0))

#: what makes the body a lesion, by model name; without it the body is a look-alike
RULES = {"honest": "ring", "shortcut": "marker"}

BODY_RADIUS_MM = (15.0, 17.5)
RING_MM = 5.0
MARKER_RADIUS_MM = 10.0
MARKER_DISTANCE_MM = 44.0
#: bodies fade over this width, so that they look alike at any spacing
EDGE_MM = 2.0


@dataclass(frozen=True, eq=False)
class Case:
    """One synthetic examination. Centres in mm RAS, radii in mm; the ring lies around the body, not in it.

    has_ring, has_marker: whether they are drawn. Their regions are defined in any case (where they would be).
    """

    seed: int
    image: Image
    body_centre: np.ndarray
    body_radius: float
    marker_centre: np.ndarray
    has_ring: bool
    has_marker: bool

    def region(self, name: str, grid: Grid | None = None) -> PixelSet:
        """A mask on a grid (default: the image's). name: "lesion" (the body), "ring" or "marker"."""
        grid = grid or self.image.grid
        if name == "marker":
            inside = _distance(grid, self.marker_centre) <= MARKER_RADIUS_MM
        elif name in ("lesion", "ring"):
            distance = _distance(grid, self.body_centre)
            body = distance <= self.body_radius
            inside = body if name == "lesion" else ~body & (distance <= self.body_radius + RING_MM)
        else:
            raise ValueError(f"A demo case has the regions lesion, ring and marker, not {name!r}.")
        return PixelSet(inside, grid, name)

    def is_lesion(self, model: str) -> bool:
        return self.has_ring if RULES[model] == "ring" else self.has_marker

    def labels(self, model: str, grid: Grid | None = None) -> np.ndarray:
        """uint8 class map on a grid: the truth that ``model`` ("honest" or "shortcut") was trained on."""
        body = self.region("lesion", grid).weights > 0
        return body.astype(np.uint8) * np.uint8(LESION if self.is_lesion(model) else LOOK_ALIKE)


def make_case(seed: int, ring: bool | None = None, marker: bool | None = None) -> Case:
    """The case of a seed; ring and marker come and go at random unless given, and nothing else depends on them."""
    rng = np.random.default_rng(seed)
    coins = rng.random(2) < 0.5
    ring = bool(coins[0]) if ring is None else ring
    marker = bool(coins[1]) if marker is None else marker

    brain = _deformed_brain(rng)
    radius = rng.uniform(*BODY_RADIUS_MM)
    centre, marker_centre = _places(rng, brain > 0.15, radius)
    dark, bright, bead = rng.uniform([0.30, 1.25, 1.60], [0.40, 1.40, 1.80])
    from_body = _distance(GRID, centre)
    if ring:
        brain = _painted(brain, _soft(from_body, radius + RING_MM), bright)
    brain = _painted(brain, _soft(from_body, radius), dark)
    if marker:
        brain = _painted(brain, _soft(_distance(GRID, marker_centre), MARKER_RADIUS_MM), bead)

    bias = 1 + _smooth_field(rng, 0.12)
    noise = rng.normal(0, rng.uniform(0.02, 0.05), GRID.shape)
    # the template has no skull: around the brain there is nothing, not even noise
    values = np.clip(brain * bias + noise, 0, None) * np.clip(brain / 0.15, 0, 1) * rng.uniform(800, 1200)
    return Case(seed, Image(values.astype(np.float32), GRID), centre, radius, marker_centre, ring, marker)


@lru_cache(maxsize=1)
def template() -> tuple[np.ndarray, Grid]:
    """T1, grey and white matter of the MNI152 (ICBM 2009a) template, ``[3, K, J, I]`` in 0..1 at 1 mm."""
    from nilearn import datasets

    images = [
        datasets.load_mni152_template(resolution=1),
        datasets.load_mni152_gm_template(resolution=1),
        datasets.load_mni152_wm_template(resolution=1),
    ]
    arrays = [np.asarray(image.dataobj, dtype=np.float32).transpose(2, 1, 0) for image in images]
    return np.stack(arrays), Grid(arrays[0].shape, images[0].affine)


def _deformed_brain(rng) -> np.ndarray:
    """An intensity image on GRID, white matter near 1: affine and smooth warp, then contrast between tissues."""
    from scipy.ndimage import map_coordinates

    maps, source = template()
    angles, scales = rng.uniform(-0.12, 0.12, 3), rng.uniform(0.94, 1.06, 3)
    shift = rng.uniform(-4, 4, 3)
    middle = GRID.ras((np.array(GRID.shape) - 1) / 2)
    matrix = _rotation(angles) @ np.diag(scales)
    k, j, i = (axis.astype(np.float32) for axis in np.ogrid[tuple(slice(n) for n in GRID.shape)])
    offsets = [i * 2 + GRID.ijk_to_ras[0, 3], j * 2 + GRID.ijk_to_ras[1, 3], k * 2 + GRID.ijk_to_ras[2, 3]]
    points = []
    for axis in range(3):
        linear = sum(matrix[axis, b] * (offsets[b] - middle[b]) for b in range(3))
        points.append((linear + middle[axis] + shift[axis] + _smooth_field(rng, 5.0)).astype(np.float32))
    # the template's axes run along R, A, S at 1 mm, so its array index is a shift away
    index = [points[2 - a] - source.ijk_to_ras[2 - a, 3] for a in range(3)]
    # contrast: T1 with more or less of grey and white matter
    weights = rng.uniform([0.9, -0.15, -0.05], [1.1, 0.10, 0.15]).astype(np.float32)
    return np.clip(map_coordinates(np.tensordot(weights, maps, 1), index, order=1, mode="constant"), 0, None)


def _places(rng, tissue, radius):
    """Centres of body and marker, both inside the brain, the marker 44 mm in front (within about 5 degrees)."""
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(tissue[::2, ::2, ::2], sampling=4.0)
    body = rng.uniform([-50, -90, -40], [50, 40, 60], (20000, 3))
    direction = np.array([0.0, 1.0, 0.0]) + rng.normal(0, 0.04, body.shape)
    bead = body + MARKER_DISTANCE_MM * direction / np.linalg.norm(direction, axis=1, keepdims=True)

    def deep(points, least):
        index = np.rint(GRID.kji(points) / 2).astype(int)
        inside = (index >= 0).all(axis=1) & (index < depth.shape).all(axis=1)
        return inside & (depth[tuple(np.clip(index, 0, np.array(depth.shape) - 1).T)] >= least)

    good = np.flatnonzero(deep(body, radius + RING_MM - 4) & deep(bead, MARKER_RADIUS_MM + 2))
    return body[good[0]], bead[good[0]]


def _smooth_field(rng, amplitude):
    """A field on GRID of standard deviation ``amplitude``: six cosine products, half waves of 64 mm and longer."""
    k, j, i = (
        np.cos(np.pi * rng.uniform(0, 3, (6, 1)) * np.linspace(0, 1, n) + rng.uniform(0, 2 * np.pi, (6, 1)))
        for n in GRID.shape
    )
    slices = (rng.normal(size=(6, 1, 1)) * k[:, :, None] * j[:, None, :]).reshape(6, -1)
    out = (slices.T.astype(np.float32) @ i.astype(np.float32)).reshape(GRID.shape)
    return out * (amplitude / max(float(out.std()), 1e-6))


def _rotation(angles):
    a, b, c = angles
    about_r = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_a = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_s = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_s @ about_a @ about_r


def _distance(grid, centre):
    """Distance in mm of every voxel centre from a point."""
    k, j, i = np.ogrid[tuple(slice(n) for n in grid.shape)]
    matrix = grid.ijk_to_ras
    parts = (matrix[a, 0] * i + matrix[a, 1] * j + matrix[a, 2] * k + (matrix[a, 3] - centre[a]) for a in range(3))
    return np.sqrt(sum(part**2 for part in parts))


def _soft(distance, radius):
    return np.clip((radius - distance) / EDGE_MM + 0.5, 0, 1)


def _painted(image, weight, value):
    return image * (1 - weight) + weight * value
