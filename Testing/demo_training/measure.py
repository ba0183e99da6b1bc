"""What the maps of a demo model point at, in numbers, and what masking out shows. One case, one model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seghirescam.evaluation.metrics.shares import chance, dilated, region_shares
from seghirescam.evaluation.painting.intervention import Intervention, intervene, outcome
from seghirescam.models.demo_networks.demo_model import DemoModel
from seghirescam.models.demo_networks.preprocessing import LESION, LOOK_ALIKE
from seghirescam.protocol.explanation import Explanation
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain, predict

#: the level of stride 4 for which the targets were fixed beforehand
LAYER_OF_THE_TARGETS = "encoder.2"
#: the level at which the marker holds most of the shortcut network's evidence, shown in pictures and by the panel
LAYER_OF_THE_PICTURES = "encoder.1"
LAYERS = (*(f"encoder.{i}" for i in range(5)), *(f"decoder.{i}" for i in range(4)))
METHODS = ("seg_hires_grad_cam", "seg_grad_cam")
SCORES = ("contrast", "logit")
#: regions are dilated by this before evidence is counted in them
DILATION_MM = 8.0


@dataclass(frozen=True)
class EvidenceRow:
    """Shares (0..1) of the positive evidence; chance: the region's share of the volume; NaN without evidence."""

    model: str
    norm: str
    score: str
    method: str
    layer: str
    stride: int
    status: str
    voxels: int
    lesion: float
    marker: float
    elsewhere: float
    lesion_chance: float
    marker_chance: float


@dataclass(frozen=True)
class InterventionRow:
    """Mean of logit(lesion) - logit(look-alike) over M before and after a region was masked out.

    dice_body: Dice of the predicted lesion with the true body, before.  ml: size of the predicted lesion.  dice_after:
    its Dice with M afterwards (with M before, by definition, it is 1).
    """

    model: str
    norm: str
    painted: str
    dice_body: float
    before: float
    after: float
    ml_before: float
    ml_after: float
    dice_after: float


def evidence(
    model: DemoModel, image: Image, regions: dict[str, PixelSet], pixels: PixelSet | None = None, **options
) -> list[tuple[EvidenceRow, Explanation]]:
    """Every layer, method and score, with the map itself; M is the predicted lesion unless ``pixels`` are given.

    regions: "lesion" and "marker".  Shares are counted on the model grid: the map placed there as a density, then its
    positive part.  options: layers, methods, scores, and whatever explain takes.  Raises EmptyPixelSetError where the
    model predicts no lesion.
    """
    layers, methods = options.pop("layers", LAYERS), options.pop("methods", METHODS)
    scores = options.pop("scores", SCORES)
    pixels = predict(model, image, LESION) if pixels is None else pixels
    grid, masks = pixels.grid, None
    rows = []
    for score in scores:
        rival = LOOK_ALIKE if score == "contrast" else None
        wanted = {"class_index": LESION, "score": score, "rival": rival, "methods": methods, "layers": layers}
        for found in explain(model, image, pixels, **wanted, **options):
            if masks is None:
                masks = {
                    name: dilated(regions[name].on(grid).weights >= 0.5, grid, DILATION_MM)
                    for name in ("lesion", "marker")
                }
            shares = region_shares(found.resampled_to(grid).array, masks)
            row = EvidenceRow(
                model.title,
                model.norm,
                score,
                found.method,
                found.layer.name,
                max(found.layer.stride),
                found.status,
                pixels.voxels,
                **shares,
                lesion_chance=chance(masks["lesion"]),
                marker_chance=chance(masks["marker"]),
            )
            rows.append((row, found))
    return rows


def interventions(
    model: DemoModel, image: Image, regions: dict[str, PixelSet], pixels: PixelSet | None = None
) -> list[InterventionRow]:
    """Paint over the marker, then (on the untouched image) the ring; M is the predicted lesion, frozen.

    regions: "lesion", "ring" and "marker".  Raises EmptyPixelSetError where the model predicts no lesion.
    """
    from seghirescam.cam.logits.score import Contrast

    pixels = predict(model, image, LESION) if pixels is None else pixels
    score = Contrast(LESION, LOOK_ALIKE)
    before = outcome(model, image, pixels, score)
    body = regions["lesion"].on(pixels.grid).weights >= 0.5
    dice_body = 2 * float(pixels.weights[body].sum()) / (pixels.voxels + int(np.count_nonzero(body)))
    rows = []
    for name in ("marker", "ring"):
        found: Intervention = intervene(model, image, regions[name], pixels, score, before=before)
        rows.append(
            InterventionRow(
                model.title,
                model.norm,
                name,
                dice_body,
                found.before.score,
                found.after.score,
                found.before.ml,
                found.after.ml,
                found.after.dice,
            )
        )
    return rows


def mean_and_spread(values) -> tuple[float, float, int]:
    """Mean, standard deviation (n - 1) and number of the values that are numbers."""
    numbers = np.array([v for v in values if np.isfinite(v)], dtype=float)
    if numbers.size == 0:
        return float("nan"), float("nan"), 0
    return float(numbers.mean()), float(numbers.std(ddof=1)) if numbers.size > 1 else 0.0, int(numbers.size)
