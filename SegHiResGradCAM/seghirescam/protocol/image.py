"""The image: channels of one examination on one grid."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from .errors import ImageError
from .grid import Grid


@dataclass(frozen=True, eq=False)
class Image:
    """Channels of one examination on one grid: ``array[C, K, J, I]`` (a missing channel axis is added).

    notes: what was assumed when it was read; every answer about it says so.  headers: for each channel the one of its
    file's headers that was believed where they disagree, "" where they do not.
    """

    array: np.ndarray
    grid: Grid
    notes: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        array = np.asarray(self.array)
        if array.ndim == 3:
            array = array[None]
        if array.ndim != 4 or array.shape[1:] != self.grid.shape:
            raise ImageError(
                f"The image array has shape {array.shape}, its grid {self.grid.shape}.",
                "Give an array [C, K, J, I] (or [K, J, I]) that fits the grid.",
            )
        if array.dtype.kind not in "fiub":
            raise ImageError(f"Image values of type {array.dtype} are not numbers.", "Convert the image to a scalar.")
        object.__setattr__(self, "array", array)

    @property
    def content_hash(self) -> str:
        """SHA-256 of voxels and geometry: names an image without naming a patient."""
        digest = hashlib.sha256(array_bytes(self.array))
        digest.update(str((self.array.shape, self.array.dtype.str)).encode())
        digest.update(np.round(self.grid.ijk_to_ras, 6).tobytes())
        return digest.hexdigest()


def array_bytes(array: np.ndarray) -> memoryview:
    """The array's bytes without a copy of a contiguous one."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
