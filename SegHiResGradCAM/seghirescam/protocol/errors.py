"""Errors a user may meet: a stable code, one sentence, and what to do about it.

Every error derives from :class:`SegHiResCamError`.  ``str(error)`` is the sentence; ``error.hint`` says what to
do; ``error.code`` is stable and travels to Slicer; ``error.numbers`` holds the figures named in the sentence.
"""

from __future__ import annotations

from typing import Any


class SegHiResCamError(Exception):
    """Base of all errors this package raises on purpose."""

    code = "error"

    def __init__(self, sentence: str, hint: str = "", **numbers: Any):
        super().__init__(f"{sentence} {hint}".strip())
        self.sentence = sentence
        self.hint = hint
        self.numbers = numbers

    def to_json(self) -> dict:
        return {"code": self.code, "sentence": self.sentence, "hint": self.hint, "numbers": self.numbers}


class GeometryError(SegHiResCamError, ValueError):
    """A grid that is no grid: singular, sheared beyond use, or of the wrong shape."""

    code = "geometry"


class ImageError(SegHiResCamError, ValueError):
    """An image the model cannot take: channels, dimensions, non-finite voxels."""

    code = "image"


class PixelSetError(SegHiResCamError, ValueError):
    """A pixel set M that cannot be explained: empty, outside the image, negative or non-finite weights."""

    code = "pixel_set"


class EmptyPixelSetError(PixelSetError):
    """M holds no voxel, so the score is a sum over nothing."""

    code = "empty_pixel_set"


class ClassError(SegHiResCamError, ValueError):
    """A class the model does not have."""

    code = "class"


class LayerError(SegHiResCamError, ValueError):
    """A target layer that is absent, never executed, or has no spatial activation."""

    code = "layer"


class GradientError(SegHiResCamError, RuntimeError):
    """The score does not depend on the target layer through autograd."""

    code = "gradient"


class MethodError(SegHiResCamError, ValueError):
    """A method that is unknown or cannot work with these settings."""

    code = "method"


class ModelError(SegHiResCamError, RuntimeError):
    """A model that cannot be opened or does not do what a segmentation network does."""

    code = "model"


class BareWeightsError(ModelError):
    """Weights that could be opened if a description said which network they are for."""

    code = "bare_weights"


class ConsentError(SegHiResCamError, RuntimeError):
    """Opening would run the model author's code and nobody has said yes to this content."""

    code = "consent"


class DependencyError(SegHiResCamError, ImportError):
    """An optional library is missing; the hint names the command that installs it."""

    code = "dependency"

    @classmethod
    def of(cls, who: str, package: str, pip: str = "", more: str = "") -> DependencyError:
        """``who`` needs a package; pip: what to give to pip where that is more than its name; more: behind the hint."""
        sentence = f"{who} needs '{package}', which is not installed."
        return cls(sentence, f"Install it: python -m pip install {pip or package}{more}.")


class CancelledError(SegHiResCamError):
    """The caller's progress function asked to stop."""

    code = "cancelled"
