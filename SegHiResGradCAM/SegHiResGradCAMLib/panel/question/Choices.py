"""What the panel lets the user choose from; ``value`` is what the engine is asked, ``label()`` what the user reads."""

from __future__ import annotations

from enum import Enum
from typing import Any, Self

from seghirescam.protocol.display import map_grids
from seghirescam.protocol.question import FIRST_FOLD, NO_MIRRORING
from seghirescam.protocol.recipes import FORMS

from ...setup.Translation import _

#: what the paper's method is called; the list of all comes from the worker, which knows the engine's registry
DEFAULT_METHOD_TITLE = _("Seg-HiRes-Grad CAM")


class _Choice(Enum):
    """A value for the engine and a text for the user; saved with the scene by name."""

    text: str

    def __new__(cls, value: str, text: str) -> Self:
        choice = object.__new__(cls)
        choice._value_ = value
        choice.text = text
        return choice

    def label(self) -> str:
        return self.text


class _PixelSetChoice(_Choice):
    """The pixel set M whose scores are added up and explained."""

    @property
    def needsSegment(self) -> bool:
        return bool(FORMS[self.value].given)


#: the titles of :mod:`recipes`, which the engine says in English; one that is not here is shown as it is
_TITLES = {
    "segment": _("Segment"),
    "predicted": _("Predicted class"),
    "segment_and_predicted": _("Segment and predicted"),
    "component": _("Largest part of the segment"),
    "false_positives": _("False positives against the segment"),
    "false_negatives": _("False negatives against the segment"),
    "whole_image": _("Whole image"),
}


def pixelSetChoices() -> type[_PixelSetChoice]:
    """The forms of :mod:`recipes` that have a title."""
    offered = {kind.upper(): (kind, _TITLES.get(kind, form.title)) for kind, form in FORMS.items() if form.title}
    made: Any = _PixelSetChoice  # an Enum made by a call: its types know only those that are written out
    return made("PixelSetChoice", offered, module=__name__)


PixelSetChoice = pixelSetChoices()


class ScoreChoice(_Choice):
    """What is summed over the pixel set and differentiated."""

    LOGIT = "logit", _("Logit of the class")
    LOG_ODDS = "log_odds", _("Log-odds of the class")
    CONTRAST = "contrast", _("Contrast with a rival")


class DeviceChoice(_Choice):
    """Where the network runs."""

    AUTOMATIC = "auto", _("Automatic")
    CPU = "cpu", "CPU"
    CUDA = "cuda", _("GPU (CUDA)")


class PrecisionChoice(_Choice):
    """How exactly the network is computed."""

    FP32 = "fp32", _("Full (fp32)")
    BF16 = "bf16", _("Approximate (bf16)")


class PassesChoice(_Choice):
    """Which passes of a model that averages mirrorings and folds are run; ``words`` are those of a request."""

    ALL = "all", _("All passes")
    PREVIEW = "preview", _("Preview")

    @property
    def words(self) -> dict:
        return {"mirroring": NO_MIRRORING, "folds": [FIRST_FOLD]} if self is PassesChoice.PREVIEW else {}


class GridChoice(_Choice):
    """On which voxels the map is stored in the scene, see :mod:`map_grids`."""

    QUARTER = map_grids.QUARTER, _("On quarters of the layer's cells")
    INPUT = map_grids.INPUT, _("On the volume's voxels")
    LAYER = map_grids.LAYER, _("On the layer's cells")
