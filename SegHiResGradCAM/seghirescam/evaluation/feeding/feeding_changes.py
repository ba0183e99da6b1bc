"""What may be wrong in how a model is fed, one change each: axes, head and activation, normalisation, orientation.

Only what a description can state is changed.  Where a library's own loader prepares the images (nnU-Net, bundles,
Auto3DSeg, a list of MONAI's transforms), the image itself is flipped instead: its header may name directions wrongly.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ...cam.logits.heads import SIGMOID, SOFTMAX
from ...models.architectures.toml_text import toml_value
from ...models.axes import LOADER, STATED, Axes
from ...models.description_words import XYZ, ZYX
from ...models.model_outputs import output_channels
from ...models.plain import PlainModel
from ...models.preprocessing.preprocessing_words import GEOMETRIC, word_of
from ...protocol.errors import DependencyError
from ...protocol.grid import Grid
from ...protocol.image import Image

if TYPE_CHECKING:
    from ...models.segmentation_model import SegmentationModel

AXES, OUTPUT, NORMALISATION, ORIENTATION = "axes", "head and activation", "normalisation", "orientation"
#: name -> steps; the last two are for images in Hounsfield units
NORMALISATIONS: dict[str, list[dict]] = {
    "none": [],
    "z-score": [{"z_score": "all"}],
    "z-score of the non-zero voxels": [{"z_score": "nonzero"}],
    "min-max to 0..1": [{"min_max": [0, 1]}],
    "divided by 255": [{"divide": 255}],
    "percentiles 5 to 95 to 0..1": [{"percentile_clip": [5, 95]}, {"min_max": [0, 1]}],
    "percentiles 1 to 99 to 0..1": [{"percentile_clip": [1, 99]}, {"min_max": [0, 1]}],
    "percentiles 0.5 to 99.5, z-score": [{"percentile_clip": [0.5, 99.5]}, {"z_score": "all"}],
    "CT window -160 to 240 to 0..1": [{"intensity_window": [-160, 240]}],
    "CT window -1000 to 1000 to 0..1": [{"intensity_window": [-1000, 1000]}],
}
#: an image with values below this is taken for a CT
_HOUNSFIELD = -500
#: the usual ones: DICOM's, NIfTI's, that of old atlases, and that of FreeSurfer's conformed volumes
_ORIENTATIONS = ("RAS", "LPS", "LAS", "LIA")
_OTHER_END = dict(zip("LRPAIS", "RLAPSI", strict=True))
_FLIPPED = ("left and right", "front and back", "top and bottom")


@dataclass(frozen=True, eq=False)
class Change:
    """kind: one of the four above, "" for what is stated.  name: in words.  model: that is fed so.

    words: what a description must say for it, {} where none can; without: what it must leave out.  flipped: axes (of K,
    J, I) of the image that are turned around before, and of the prediction after.  otherwise: what is tried where this
    is refused.
    """

    kind: str
    name: str
    model: SegmentationModel
    words: dict = field(default_factory=dict)
    without: tuple[str, ...] = ()
    flipped: tuple[int, ...] = ()
    otherwise: Change | None = None

    def written(self, toml: bool) -> str:
        """What a description must say, as it is written there, "" where none can say it."""
        told = [
            f"{word} = {toml_value(value)}" if toml else f"{json.dumps(word)}: {json.dumps(value)}"
            for word, value in self.words.items()
        ]
        text = " and ".join(told) if toml else ", ".join(told)
        return f"{text}, and leave out {', '.join(self.without)}" if self.without else text

    def image(self, image: Image) -> Image:
        """What the model is given: voxels turned around, their places not."""
        if not self.flipped:
            return image
        return Image(np.ascontiguousarray(np.flip(image.array, [1 + a for a in self.flipped])), image.grid)


def changes_of(model: SegmentationModel, image: Image) -> list[Change]:
    """Everything that may be changed about a model for this image; nothing is computed."""
    return [*_axes(model), *_outputs(model), *_normalisations(model, image), *_orientations(model, image)]


def what_is_fixed(model: SegmentationModel) -> tuple[str, ...]:
    """The kinds of changes that are not tried because the model's own loader decides."""
    fixed = () if _may_change_axes(model) else (AXES,)
    if not isinstance(model, PlainModel) or _is_loaded_by_library(model):
        fixed += (OUTPUT,)
    return fixed if model.steps() is not None else (*fixed, NORMALISATION)


def _is_loaded_by_library(model):
    return model.axes is not None and model.axes.source == LOADER


def _may_change_axes(model):
    return isinstance(model, PlainModel) and not _is_loaded_by_library(model)


def _axes(model) -> Iterator[Change]:
    if _may_change_axes(model):
        order = XYZ if model.axes.order == ZYX else ZYX
        other = copy.copy(model)
        other.axes = Axes(order, STATED)
        name = ", ".join(order if model.spatial_dims == 3 else order.replace("z", ""))
        yield Change(AXES, name, other, {"axes": order})


def _outputs(model) -> Iterator[Change]:
    """Each head with what the engine itself finds of the activation; where that is refused, with the one to be stated:
    an output between 0 and 1 may be probabilities."""
    if not isinstance(model, PlainModel) or _is_loaded_by_library(model):
        return
    for head in (model.head,) if output_channels(model) == 1 else (SOFTMAX, SIGMOID):
        if (head, None) == (model.head, model.activation):
            continue
        activation = SOFTMAX if head == SOFTMAX else SIGMOID
        stated = _read_as(model, head, activation, f", the network returns a {activation}'s probabilities")
        yield replace(_read_as(model, head, None, ""), otherwise=stated)


def _read_as(model, head, activation, returned):
    other = copy.copy(model)
    other.head, other.head_stated, other.activation = head, True, activation
    words = {"head": head} | ({"activation": activation} if activation else {})
    without = ("activation",) if model.activation and not activation else ()
    return Change(OUTPUT, f"{head} head{returned}", other, words, without)


def _normalisations(model, image) -> Iterator[Change]:
    steps = model.steps()
    if steps is None:
        return
    hounsfield = float(image.array.min()) <= _HOUNSFIELD
    for name, values in NORMALISATIONS.items():
        if name.startswith("CT") and not hounsfield:
            continue
        changed = with_values(steps, values)
        if changed == list(steps) and model.normalise is None:
            continue
        other = model.with_steps(changed)
        other.normalise = None
        without = (*_older(model), *(("normalise",) if model.normalise else ()))
        yield Change(NORMALISATION, name, other, {"preprocessing": changed}, without)


def with_values(steps: Sequence[dict], values: Sequence[dict]) -> list[dict]:
    """The steps with other ones for the intensities, in the place of the first of them, or last."""
    geometric = [step for step in steps if word_of(step) in GEOMETRIC]
    first = next((n for n, step in enumerate(steps) if word_of(step) not in GEOMETRIC), len(steps))
    return [*geometric[:first], *values, *geometric[first:]]


def _orientations(model, image) -> Iterator[Change]:
    if image.grid.is_photo:
        return  # its rows and columns run to no patient's side
    steps = model.steps()
    if steps is None:
        yield from _flips(model, image.grid)
        return
    stored = codes(image.grid)
    now = next((step["orientation"] for step in steps if word_of(step) == "orientation"), stored)
    for code in _candidates(now, stored, model.spatial_dims):
        place = next((n for n, step in enumerate(steps) if word_of(step) == "orientation"), 0)
        rest = [step for step in steps if word_of(step) != "orientation"]
        changed = [*rest[:place], {"orientation": code}, *rest[place:]]
        words = {"preprocessing": changed}
        yield Change(ORIENTATION, code, model.with_steps(changed), words, _older(model))


def _flips(model, grid) -> Iterator[Change]:
    code = codes(grid)
    axes = range(3) if model.spatial_dims == 3 else range(2)
    for axis in axes:
        side = next(n for n, ends in enumerate(("LR", "PA", "IS")) if code[axis] in ends)
        yield Change(ORIENTATION, f"{_FLIPPED[side]} of the image swapped", model, flipped=(2 - axis,))


def _candidates(now, stored, dims) -> list[str]:
    turned = [
        "".join(_OTHER_END[c] if n in axes else c for n, c in enumerate(now))
        for axes in ((0,), (1,), (2,) if dims == 3 else (0, 1))
    ]
    usual = [stored, *_ORIENTATIONS] if dims == 3 else [stored]
    return [code for code in dict.fromkeys([*usual, *turned]) if code != now]


def codes(grid: Grid) -> str:
    """Where I, J and K of a grid run to, as nibabel names it: "RAS", "LPS", ... Raises DependencyError."""
    try:
        from nibabel.orientations import aff2axcodes
    except ImportError as error:
        raise DependencyError.of("A check", "nibabel") from error
    return "".join(aff2axcodes(grid.ijk_to_ras))


def _older(model) -> tuple[str, ...]:
    """The older words of a program's description that steps of preprocessing take the place of."""
    about = getattr(model, "about", None)
    if about is None or model.preprocessing:
        return ()
    valued = any(word_of(step) not in GEOMETRIC for step in model.steps() or ())
    older = [word for word in ("orientation", "spacing_mm") if getattr(about, word)]
    return (*older, *(["intensity"] if valued or model.steps() is None else []))
