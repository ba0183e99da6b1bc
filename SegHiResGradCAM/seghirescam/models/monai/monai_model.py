"""A network of MONAI with MONAI's preprocessing and windows, as a :class:`SegmentationModel`.

The axes (:mod:`axes`): MONAI's networks see a volume as ``[C, x, y, z]``, the order of the file's voxels, which is
Slicer's (I, J, K), and the model grid's matrix carries MONAI's ``image.affine`` of the tensor after cropping, turning
and resampling.  A 2D network goes through the volume slice by slice (MONAI's SliceInferer): the slice axis is then
moved to the front, for example z, x, y.  MONAI's transforms always see x, y, z; a network of MONAI that was trained
otherwise (axes="zyx") gets the axes reversed behind them, and windows and divisors follow the network's order.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from ...protocol.errors import ImageError, ModelError
from ...protocol.image import Image
from ..axes import LOADER, Axes, moved, swap
from ..description_words import XYZ, ZYX
from ..intensity_note import raw_values
from ..plain import PlainModel
from ..preprocessing.preprocessing_words import changes_values
from ..preprocessing.transform_chain import placed, through
from ..segmentation_model import Prepared, Windows, padded

_PADDING = {"replicate": "edge", "edge": "edge", "reflect": "reflect", "circular": "wrap", "wrap": "wrap"}


class MonaiModel(PlainModel):
    """chain: MONAI transforms after loading; keys: their input keys (() = transforms of plain arrays).

    windows None: in one piece, padded at the far ends by edge values to multiples of ``divisors`` (one a tensor axis).
    padding: MONAI's padding_mode for volumes smaller than the window.  in_channels: what the network takes after the
    chain, None if unknown.  slice_axis: of x, y, z, for 2D networks.  notes: said with every prepared image.
    """

    default_axes = Axes(XYZ, LOADER)

    def __init__(
        self,
        network,
        classes: Sequence[str],
        *,
        kind: str,
        chain: Sequence = (),
        keys: Sequence[str] = (),
        windows: Windows | None = None,
        padding: str = "constant",
        divisors: Sequence[int] = (1, 1, 1),
        in_channels: int | None = None,
        slice_axis: int = 2,
        notes: Sequence[str] = (),
        **words,
    ):
        super().__init__(network, classes, **words)
        self.kind = kind
        self.chain, self.keys = list(chain), tuple(keys)
        self.windows, self.padding = windows, padding
        self.divisors = tuple(int(d) for d in divisors)
        self.in_channels = in_channels
        self.notes = tuple(notes)
        self.slice_axis = slice_axis
        if padding not in ("constant", *_PADDING):
            raise ModelError(f"The windows' padding '{padding}' is unknown.", "Known: constant, replicate, reflect.")

    def steps(self) -> tuple[dict, ...] | None:
        return None if self.chain or self.axes.source == LOADER else self.preprocessing

    def prepare(self, image: Image) -> Prepared:
        """Raises ImageError for images the model cannot take, ModelError if the preprocessing itself fails."""
        import torch

        self.check(image)
        array, grid = self._volume(image)
        if self.spatial_dims == 2:
            array, grid = moved(array, grid, [self.slice_axis, *(a for a in range(3) if a != self.slice_axis)])
        if self.axes.order == ZYX:
            array, grid = moved(array, grid, swap(self.spatial_dims))
        if self.in_channels is not None and array.shape[0] != self.in_channels:
            raise ModelError(
                f"The network takes {self.in_channels} channel(s), the preprocessing makes {array.shape[0]}.",
                "The bundle's preprocessing and network do not fit each other.",
            )
        if not np.isfinite(array).all():
            raise ImageError(
                "The model's preprocessing turned this image into NaN or infinite values.",
                "Look for a constant or empty channel.",
            )
        valid, notes = grid.shape, (*self.notes, *self._raw(array))
        if self.windows is None:
            first = -3 if self.spatial_dims == 3 else -2
            for axis, divisor in zip(range(3 + first, 3), self.divisors[first:], strict=True):
                array, grid, _ = padded(array, grid, divisor, (axis,))
            if grid.shape != valid:
                note = f"The image was padded from {valid} to {grid.shape} voxels (the network's axes)."
                notes = (*notes, f"{note} Cells in the padding are cut off.")
        elif self.padding != "constant":
            array, grid = self._enlarged(array, grid)
            valid = grid.shape
        tensor = torch.tensor(np.ascontiguousarray(array, dtype=np.float32))[None]
        if self.spatial_dims == 2 and self.windows is None:
            tensor = tensor[:, :, 0]
        return Prepared(tensor, grid, valid, (*notes, *self.axes_notes))

    def _raw(self, array):
        """The sentence for intensities that no transform of the chain has changed."""
        changed = any(re.search("Intensity|HistogramNormalize", type(step).__name__) for step in self.chain)
        return () if changed or changes_values(self.preprocessing) else raw_values(array, self.network)

    def _volume(self, image):
        """``[C, x, y, z]`` and its grid after MONAI's own chain, or the steps of the description."""
        array, grid = moved(*self.preprocessed(image), swap(3))
        if not self.chain:
            return array, grid
        return placed(through(self.chain, self.keys, array, image.grid.ijk_to_ras), image.grid)

    def _enlarged(self, array, grid):
        """A volume smaller than the window, padded as MONAI's inferer does; the margin is part of the model grid."""
        missing = [max(0, size - n) for size, n in zip(self.windows.size, grid.shape, strict=True)]
        if not any(missing):
            return array, grid
        front = [n // 2 for n in missing]
        margins = [(0, 0), *((f, n - f) for f, n in zip(front, missing, strict=True))]
        array = np.pad(array, margins, mode=_PADDING[self.padding])
        return array, grid.strided((1, 1, 1), [-f for f in front], array.shape[1:])


def per_axis(divisor: int | Sequence[int], dims: int) -> tuple[int, ...]:
    """One divisor for each axis of the tensor. Raises ModelError for what is no whole number above 0."""
    found = (divisor,) * dims if isinstance(divisor, int) else tuple(divisor)
    if len(found) != dims or not all(isinstance(d, int) and d >= 1 for d in found) or math.prod(found) > 10**9:
        raise ModelError(f"The divisor {divisor!r} is not one whole number above 0 for each axis.", "Correct it.")
    return found
