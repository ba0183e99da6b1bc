"""The steps of :mod:`preprocessing_words` as MONAI's transforms, and the way of an image through them.

MONAI sees the file's own order of axes, ``[C, x, y, z]``; the affine it keeps is the model grid's, so that maps and
predictions find their way back.  A 2D network's slice is a volume with one slice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...protocol.errors import ImageError, ModelError
from ...protocol.grid import Grid
from ...protocol.image import Image
from ..axes import moved as reordered
from ..axes import swap
from ..monai_library import monai, requirements
from .preprocessing_words import NEAREST, NONZERO, Step, word_of
from .transform_chain import placed, through

if TYPE_CHECKING:
    import torch


def needed(steps: Sequence[Step]) -> tuple[str, ...]:
    """pip requirements of the steps."""
    return requirements("Orientation", "Spacing") if steps else ()


def prepared_by(steps: Sequence[Step], image: Image, spatial_dims: int) -> tuple[np.ndarray, Grid]:
    """Float32 ``[C, K, J, I]`` after all steps, slices first as in ``image``, and its grid.

    Raises ImageError for images the steps cannot be applied to, DependencyError where MONAI is missing.
    """
    _refuse_photo(steps, image)
    array, _ = reordered(np.asarray(image.array, dtype=np.float32), image.grid, swap(3))
    found = through(chain_of(steps, spatial_dims), (), array, image.grid.ijk_to_ras)
    array, grid = placed(found, image.grid)
    if not np.isfinite(array).all():
        raise ImageError(
            "The description's preprocessing turned this image into NaN or infinite values.",
            "Look for a constant or empty channel.",
        )
    array, grid = reordered(array, grid, swap(3))
    if spatial_dims == 2:
        _refuse_turned_slices(image.grid, grid)
    return array, grid


def chain_of(steps: Sequence[Step], spatial_dims: int = 3) -> list[Callable]:
    """One transform a step. Raises DependencyError."""
    transforms = monai("transforms")
    return [_BUILT[word_of(step)](transforms, step, spatial_dims) for step in steps]


def _refuse_photo(steps, image):
    words = [word for word in map(word_of, steps) if word in ("orientation", "spacing")]
    if image.grid.is_photo and words:
        raise ImageError(
            f"The model's description asks for {words[0]}, and a photo has neither directions nor millimetres.",
            "Leave that step out of its preprocessing, or give a medical image.",
        )


def _refuse_turned_slices(before: Grid, after: Grid) -> None:
    """A 2D network goes through the slices as they are stacked: they may be flipped within their plane."""
    one, other = (g.ijk_to_ras[:3, 2] / np.linalg.norm(g.ijk_to_ras[:3, 2]) for g in (before, after))
    if abs(float(one @ other)) < 0.999:
        raise ImageError(
            "The orientation in the model's description turns this image's slices out of their plane.",
            "Turn the volume first, so that its slices lie as the 2D network saw them.",
        )


# one function a word: (MONAI's transforms, step, spatial_dims) -> a callable on [C, x, y, z]


def _orientation(t, step, dims):
    return t.Orientation(axcodes=step["orientation"], labels=(("L", "R"), ("P", "A"), ("I", "S")))


def _spacing(t, step, dims):
    import torch

    mode = "nearest" if step.get("mode") == NEAREST else "bilinear"
    return t.Spacing(pixdim=[n or np.nan for n in _three(step["spacing"], dims)], mode=mode, dtype=torch.float64)


def _size(t, step, dims):
    mode = "nearest-exact" if step.get("mode") == NEAREST else "trilinear"
    return t.Resize(spatial_size=[n or -1 for n in _three(step["size"], dims)], mode=mode)


def _crop(t, step, dims):
    margin = step["crop_nonzero"]
    around = [margin, margin, margin if dims == 3 else 0]
    return t.CropForeground(select_fn=_is_not_zero, margin=around, allow_smaller=True)


def _percentile_clip(t, step, dims):
    low, high = step["percentile_clip"]
    return t.ClipIntensityPercentiles(low, high, channel_wise=True)


def _z_score(t, step, dims):
    return t.NormalizeIntensity(nonzero=step["z_score"] == NONZERO, channel_wise=True)


def _min_max(t, step, dims):
    low, high = step["min_max"]
    return t.ScaleIntensity(minv=low, maxv=high, channel_wise=True)


def _intensity_window(t, step, dims):
    (low, high), (a, b) = step["intensity_window"], step.get("to", (0, 1))
    return t.ScaleIntensityRange(a_min=low, a_max=high, b_min=a, b_max=b, clip=True)


def _scale(t, step, dims):
    return lambda x: x * _each_channel(step["scale"], x)


def _divide(t, step, dims):
    return lambda x: x / _each_channel(step["divide"], x)


def _shift(t, step, dims):
    return lambda x: x + _each_channel(step["shift"], x)


_BUILT = {
    "orientation": _orientation,
    "spacing": _spacing,
    "size": _size,
    "crop_nonzero": _crop,
    "percentile_clip": _percentile_clip,
    "z_score": _z_score,
    "min_max": _min_max,
    "intensity_window": _intensity_window,
    "scale": _scale,
    "divide": _divide,
    "shift": _shift,
}


def _three(values, dims):
    return values if dims == 3 else [*values, None]


def _is_not_zero(x: torch.Tensor) -> torch.Tensor:
    return x != 0


def _each_channel(value, x: torch.Tensor):
    import torch

    if not isinstance(value, list):
        return value
    if len(value) != x.shape[0]:
        raise ModelError(
            f"The description's preprocessing gives {len(value)} values for {x.shape[0]} channel(s).",
            "Give one for all, or one for each.",
        )
    return torch.tensor(value, dtype=x.dtype).reshape(-1, 1, 1, 1)
