"""What the panel lets the user choose from; ``value`` is what the engine is asked, ``label()`` what the user reads."""

from __future__ import annotations

from enum import Enum

#: words that stand for a layer: the engine's default rule, and the paper's choice
DEFAULT_LAYER, DEEPEST_LAYER = "default", "deepest"
#: the paper's method; the list of all comes from the worker, which knows the engine's registry
DEFAULT_METHOD, DEFAULT_METHOD_TITLE = "seg_hires_grad_cam", "Seg-HiRes-Grad CAM"


class _Choice(Enum):
    """A value for the engine and a text for the user; saved with the scene by name."""

    def __new__(cls, value, text):
        choice = object.__new__(cls)
        choice._value_ = value
        choice.text = text
        return choice

    def label(self) -> str:
        return self.text


class PixelSetChoice(_Choice):
    """The pixel set M whose scores are added up and explained."""

    SEGMENT = "segment", "Segment"
    PREDICTED = "predicted", "Predicted class"
    SEGMENT_AND_PREDICTED = "segment_and_predicted", "Segment and predicted"
    COMPONENT = "component", "Largest part of the segment"
    FALSE_POSITIVES = "false_positives", "False positives against the segment"
    FALSE_NEGATIVES = "false_negatives", "False negatives against the segment"
    WHOLE_IMAGE = "whole_image", "Whole image"

    @property
    def needsSegment(self) -> bool:
        return self not in (PixelSetChoice.PREDICTED, PixelSetChoice.WHOLE_IMAGE)


class ScoreChoice(_Choice):
    """What is summed over the pixel set and differentiated."""

    LOGIT = "logit", "Logit of the class"
    LOG_ODDS = "log_odds", "Log-odds of the class"
    CONTRAST = "contrast", "Contrast with a rival"


class DeviceChoice(_Choice):
    """Where the network runs."""

    AUTOMATIC = "auto", "Automatic"
    CPU = "cpu", "CPU"
    CUDA = "cuda", "GPU (CUDA)"


class GridChoice(_Choice):
    """On which voxels the map is stored in the scene."""

    INPUT = "input", "On the volume's voxels"
    LAYER = "layer", "On the layer's cells"
