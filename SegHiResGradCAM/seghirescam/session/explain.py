"""The one verb: model + image + pixel set -> explanations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..models.segmentation_model import SegmentationModel
from ..protocol.explanation import Explanation, LayerInfo
from ..protocol.image import Image
from ..protocol.pixel_set import PixelSet
from ..protocol.question import (
    ALL_MIRRORINGS,
    AUTO,
    DEEPEST,
    DEFAULT,
    DEFAULT_METHOD,
    LOGIT,
    MAIN,
    NO_NOISE,
    SAMPLES,
    SIGMA,
    Question,
)
from ..protocol.recipes import Recipe
from .opening import open_session

__all__ = ["DEEPEST", "DEFAULT", "MAIN", "explain", "list_layers", "predict"]


def explain(
    model: SegmentationModel,
    image: Image,
    pixel_sets: Recipe | PixelSet | Sequence[Recipe | PixelSet] | None = None,
    *,
    class_index: int | str | Sequence[int | str],
    methods: Any = DEFAULT_METHOD,
    layers: str | Sequence[str] = DEFAULT,
    score: str = LOGIT,
    rival: int | str | Sequence[int | str] | None = None,
    side: str = AUTO,
    device: str | None = None,
    precision: str = "fp32",
    tolerance: float = 0.0,
    seed: int = 0,
    mirroring: str = ALL_MIRRORINGS,
    folds: Sequence[str] = (),
    draws: int = 1,
    noise: str = NO_NOISE,
    noise_samples: int = SAMPLES,
    noise_sigma: float = SIGMA,
    progress: Callable[[float, str], None] | None = None,
) -> list[Explanation]:
    """Why did the network draw that segment? One forward pass for all pixel sets, layers and methods together.

    pixel_sets: PixelSet, recipe of :mod:`recipes`, or several; default: where the class is predicted.
    class_index: index or name, or one for each pixel set.  methods: name or Method instance, or several.  layers: layer
    names, or "default" (design rule: at least two cells across the first pixel set), "each" (the same for every pixel
    set by itself), "deepest" (the paper's choice), "main" (the last of every level).  score: "logit", "log_odds", or
    "contrast" against ``rival`` (again one, or one for each).  side: "reading" places a cell where it looks, "writing"
    where it acts; "auto" reads up to the bottleneck and writes behind it.  device: default the network's own.
    precision: "fp32"; "tf32" (GPUs that have it); "bf16" or "fp16" (autocast; score and products stay float32).
    tolerance: for models with sliding windows, the share of M's weight whose windows may be left out.  seed: for a
    network that draws random numbers in its forward pass (dropout that is always on); the notes say so, and the
    caller's generators stay as they were.  draws: of such a network, the mean map of so many draws and how far they
    differ.  noise, noise_samples, noise_sigma: SmoothGrad and its kin, see :class:`question.Noise`.
    mirroring="none", folds: a preview without the model's mirroring or by some of its folds, see
    :class:`question.ComputeSettings`.
    progress(fraction, phase) may raise to cancel: nothing is left behind.

    Returns explanations ordered by pixel set, then layer, then method.  Raises the errors of :mod:`errors`, before the
    forward pass where that is possible.  The network is left exactly as it was.  Nothing is kept for a next question
    about the same image: :func:`opening.open_session` does that.
    """
    question = Question.of(
        pixel_sets, class_index=class_index, methods=methods, layers=layers, score=score, rival=rival, side=side,
        draws=draws, noise=noise, noise_samples=noise_samples, noise_sigma=noise_sigma,
    )  # fmt: skip
    words: dict[str, Any] = {
        "device": device,
        "precision": precision,
        "keep": False,
        "tolerance": tolerance,
        "seed": seed,
    }
    words |= {"mirroring": mirroring, "folds": folds}
    return open_session(model, image, **words).ask(question, progress=progress)


def list_layers(model: SegmentationModel, image: Image) -> list[LayerInfo]:
    """All layers that can be explained for this image: stride, channels, cells, mm per cell, part, placement."""
    return open_session(model, image, keep=False).layers()


def predict(model: SegmentationModel, image: Image, class_index: int | str) -> PixelSet:
    """Where the network chooses a class, on the model grid (padding excluded); may be empty."""
    return open_session(model, image, keep=False).predict(class_index)
