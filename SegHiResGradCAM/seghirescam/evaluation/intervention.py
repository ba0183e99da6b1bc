"""Paint a region over, run the network again: the proof of what it used, as far as there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from ..cam.score import Score
from ..models.base import SegmentationModel
from ..progress import Progress
from ..protocol import Image, PixelSet
from .painting import paint_over, region_on
from .rerun import Rerun

__all__ = ["Intervention", "Outcome", "intervene", "outcome", "paint_over"]


@dataclass(frozen=True)
class Outcome:
    """What the network says about one image. score: mean of the score over M (logit), M weighted, on the model grid.

    voxels, ml: size of the predicted class in the whole image.  dice: of the predicted class with M.
    """

    score: float
    voxels: int
    ml: float
    dice: float


@dataclass(frozen=True)
class Intervention:
    """Before and after a region was painted over; M is the same voxels in both."""

    region_label: str
    pixel_set_label: str
    score_title: str
    unit: str
    before: Outcome
    after: Outcome

    @property
    def change(self) -> float:
        """Mean score over M after minus before; negative: the region had spoken for the class."""
        return self.after.score - self.before.score

    @property
    def flips(self) -> bool:
        """Whether the mean score changed its sign."""
        return (self.before.score > 0) != (self.after.score > 0)

    def to_json(self) -> dict:
        return {**asdict(self), "change": self.change, "flips": self.flips}


def intervene(
    model: SegmentationModel,
    image: Image,
    region: PixelSet,
    pixel_set: PixelSet,
    score: Score,
    *,
    margin_mm: float = 2.0,
    paint: Callable[[Image, PixelSet, float], Image] = paint_over,
    before: Outcome | None = None,
    device: str | None = "cpu",
    progress: Callable[[float, str], None] | None = None,
) -> Intervention:
    """Run the model on the image and on the image with ``region`` painted over, and compare the score on frozen M.

    score: class logit, log-odds or contrast (:mod:`seghirescam.cam.score`).  paint: called with (image, region,
    margin_mm).  before: an outcome already known for this image, M and score, which saves one of two predictions.
    Models of every kind; the network's modes and buffers are left as they were.
    Raises EmptyPixelSetError or PixelSetError for a region or an M without a voxel in the image.
    """
    tell = Progress(progress)
    tell(0.0, "painting over")
    painted = paint(image, region, margin_mm)
    middle = 0.1 if before is not None else 0.55
    if before is None:
        before = outcome(model, image, pixel_set, score, device, lambda f, phase: tell(0.1 + 0.45 * f, phase))
    again = {"progress": lambda f, phase: tell(middle + (1 - middle) * f, f"{phase}, painted over")}
    after = outcome(model, painted, pixel_set, score, device, **again)
    names = {info.index: info.name for info in model.classes}
    return Intervention(region.label, pixel_set.label, score.title(names), score.unit, before, after)


def outcome(
    model: SegmentationModel,
    image: Image,
    pixel_set: PixelSet,
    score: Score,
    device: str | None = "cpu",
    progress: Callable[[float, str], None] | None = None,
) -> Outcome:
    """The mean score over M and the predicted segment of the score's class, for one image."""
    region_on(pixel_set, image.grid)
    seen = Rerun(model, device=device).see(image, progress=progress)
    weights, found = seen.weights(pixel_set), seen.predicted(score.class_index)
    voxels = int(np.count_nonzero(found))
    overlap = 2 * float(weights[found].sum()) / (float(weights.sum()) + voxels)
    return Outcome(seen.mean_score(pixel_set, score), voxels, voxels * seen.grid.voxel_ml, overlap)
