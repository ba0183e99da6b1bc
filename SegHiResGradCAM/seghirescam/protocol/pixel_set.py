"""The pixel set M: weights on a grid."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass, replace

import numpy as np

from .errors import PixelSetError
from .grid import Grid
from .image import array_bytes
from .resampling import box_of, copied, resampled


@dataclass(frozen=True, eq=False)
class PixelSet:
    """The pixel set M: ``weights[K, J, I]`` in [0, 1] on a grid; soft sets are allowed.

    label: what the user sees ("segment 'tumour'").  An all-zero set can be built; :func:`explain` refuses it.
    notes, header: as an Image's; every answer about the set says so.
    """

    weights: np.ndarray
    grid: Grid
    label: str = "pixel set"
    notes: tuple[str, ...] = ()
    header: str = ""

    def __post_init__(self) -> None:
        weights = np.asarray(self.weights)
        if weights.shape != self.grid.shape:
            raise PixelSetError(
                f"The pixel set has shape {weights.shape}, its grid {self.grid.shape}.",
                "Give weights [K, J, I] that fit the grid.",
            )
        if weights.dtype == bool:
            object.__setattr__(self, "weights", _of_mask(weights))
            return
        weights = weights.astype(np.float32, copy=False)
        refuse_weights(weights)
        object.__setattr__(self, "weights", weights)

    @property
    def is_empty(self) -> bool:
        return not self.weights.any()

    @property
    def voxels(self) -> int:
        """Number of voxels with a weight above zero."""
        return int(np.count_nonzero(self.weights))

    @property
    def ml(self) -> float:
        """Volume in millilitres, soft weights counted as fractions."""
        return float(self.weights.sum(dtype=np.float64)) * self.grid.voxel_ml

    @property
    def content_hash(self) -> str:
        digest = hashlib.sha256(array_bytes(self.weights))
        digest.update(np.round(self.grid.ijk_to_ras, 6).tobytes())
        return digest.hexdigest()

    def on(self, grid: Grid) -> PixelSet:
        """The same set on another grid: voxel by voxel where both have the same voxels in whatever order, else averaged
        where that is coarser and linear where it is finer.

        Raises PixelSetError if the set has voxels but none of them reaches the other grid, and where the two lie in
        different frames of reference.
        """
        refuse_elsewhere(self.grid, grid, self.label)
        if self.grid.same_as(grid):
            same = copy.copy(self)  # the weights were checked
            object.__setattr__(same, "grid", grid)
            return same
        weights = copied(self.weights, self.grid, grid)
        if weights is None:
            weights = np.clip(resampled(self.weights, self.grid, grid), 0, 1)
        if not self.is_empty and not weights.any():
            raise outside(self.label)
        return replace(self, weights=weights, grid=grid)


def _of_mask(mask: np.ndarray) -> np.ndarray:
    """As float32; around what is in it memory that nobody has written to, which takes no room."""
    weights, box = np.zeros(mask.shape, np.float32), box_of(mask)
    weights[box] = mask[box]
    return weights


def refuse_weights(weights: np.ndarray) -> None:
    """Raises PixelSetError for what does not lie between 0 and 1."""
    # written so that NaN fails too; no copy of a large volume's size is made
    if not (weights.min() >= 0 and weights.max() <= 1):
        raise PixelSetError(
            "The weights of a pixel set must lie between 0 and 1.", "Pass a mask, or divide the weights by their max."
        )


def outside(label: str) -> PixelSetError:
    return PixelSetError(
        f"The pixel set ({label}) lies outside the image.", "Choose a segment that overlaps the volume."
    )


def refuse_elsewhere(grid: Grid, image: Grid, label: str) -> None:
    """Raises PixelSetError where the two name different frames of reference."""
    if grid.elsewhere(image):
        raise PixelSetError(
            f"The pixel set ({label}) lies in another DICOM frame of reference than the image: their places cannot be "
            "compared.",
            "Choose the segmentation of this image, or register the two first.",
        )
