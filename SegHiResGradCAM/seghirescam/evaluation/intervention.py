"""Paint a region over, run the network again: the proof of what it used, as far as there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch

from ..cam.capture import as_logits
from ..cam.score import Score, decide
from ..cam.undisturbed import undisturbed
from ..models.base import SegmentationModel
from ..protocol import Image, PixelSet
from .painting import paint_over, region_on

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
    device: str = "cpu",
) -> Intervention:
    """Run the model on the image and on the image with ``region`` painted over, and compare the score on frozen M.

    score: class logit, log-odds or contrast (:mod:`seghirescam.cam.score`).  paint: called with (image, region,
    margin_mm).  before: an outcome already known for this image, M and score, which saves one of two forward passes.
    The network's modes and buffers are left as they were.
    Raises EmptyPixelSetError or PixelSetError for a region or an M without a voxel in the image.
    """
    painted = paint(image, region, margin_mm)
    if before is None:
        before = outcome(model, image, pixel_set, score, device)
    after = outcome(model, painted, pixel_set, score, device)
    names = {info.index: info.name for info in model.classes}
    return Intervention(region.label, pixel_set.label, score.title(names), score.unit, before, after)


def outcome(model: SegmentationModel, image: Image, pixel_set: PixelSet, score: Score, device: str = "cpu") -> Outcome:
    """The mean score over M and the predicted segment of the score's class, for one image."""
    region_on(pixel_set, image.grid)
    logits, grid, valid = model_logits(model, image, device)
    shown = tuple(slice(n) for n in valid)
    weights = region_on(pixel_set, grid).weights[shown].astype(np.float64)
    values = score.values(logits, model.head)[0].double().numpy()[shown]
    found = decide(logits, score.class_index, model.head)[0].numpy()[shown]
    voxels = int(np.count_nonzero(found))
    overlap = 2 * float(weights[found].sum()) / (float(weights.sum()) + voxels)
    return Outcome(float((weights * values).sum() / weights.sum()), voxels, voxels * grid.voxel_ml, overlap)


def model_logits(model: SegmentationModel, image: Image, device: str = "cpu"):
    """``[1, C, K, J, I]`` float32 logits (mean over the folds) on the CPU, the model grid, and the unpadded shape."""
    prepared = model.prepare(image)
    total = 0.0
    with torch.no_grad():
        for network in model.networks:
            home = next((p.device for p in network.parameters()), torch.device("cpu"))
            try:
                with undisturbed(network.to(device)):
                    total = total + as_logits(network(prepared.tensor.to(device))).float().cpu()
            finally:
                network.to(home)
    logits = total / len(model.networks)
    if logits.ndim == 4:  # a 2D network: one slice
        logits = logits[:, :, None]
    return logits, prepared.grid, prepared.valid
