"""What travels between Slicer, the worker, the command line and the engine: images, pixel sets, explanations.

Standard library and numpy only: this file is imported inside the Slicer application.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np

from .errors import ImageError, PixelSetError
from .geometry import Grid, copied, resampled, spread


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

    def __post_init__(self):
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
        digest = hashlib.sha256(_bytes(self.array))
        digest.update(str((self.array.shape, self.array.dtype.str)).encode())
        digest.update(np.round(self.grid.ijk_to_ras, 6).tobytes())
        return digest.hexdigest()


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

    def __post_init__(self):
        weights = np.asarray(self.weights)
        if weights.shape != self.grid.shape:
            raise PixelSetError(
                f"The pixel set has shape {weights.shape}, its grid {self.grid.shape}.",
                "Give weights [K, J, I] that fit the grid.",
            )
        weights = weights.astype(np.float32, copy=False)
        # written so that NaN fails too; no copy of a large volume's size is made
        if not (weights.min() >= 0 and weights.max() <= 1):
            raise PixelSetError(
                "The weights of a pixel set must lie between 0 and 1.",
                "Pass a mask, or divide the weights by their max.",
            )
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
        digest = hashlib.sha256(_bytes(self.weights))
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
            return replace(self, grid=grid)
        weights = copied(self.weights, self.grid, grid)
        if weights is None:
            weights = np.clip(resampled(self.weights, self.grid, grid), 0, 1)
        if not self.is_empty and not weights.any():
            raise PixelSetError(
                f"The pixel set ({self.label}) lies outside the image.", "Choose a segment that overlaps the volume."
            )
        return replace(self, weights=weights, grid=grid)


def refuse_elsewhere(grid: Grid, image: Grid, label: str) -> None:
    """Raises PixelSetError where the two name different frames of reference."""
    if grid.elsewhere(image):
        raise PixelSetError(
            f"The pixel set ({label}) lies in another DICOM frame of reference than the image: their places cannot be "
            "compared.",
            "Choose the segmentation of this image, or register the two first.",
        )


def _bytes(array):
    """The array's bytes without a copy of a contiguous one."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


@dataclass(frozen=True)
class ClassInfo:
    """One class of a segmentation model: its index in the explanation request, and its name."""

    index: int
    name: str


@dataclass(frozen=True)
class LayerInfo:
    """A layer that can be explained; tuples run in array order (K, J, I), a 2D model has 1, 0 and 1 along K.

    stride: model voxels per cell.  reads / writes: model-grid index of cell 0 where the cell looks, and where it acts.
    mm_per_cell: cell size on the model grid the list was made for (None before an image is known), in length_unit: mm,
    or the pixels of a photo.
    part: "encoder", "bottleneck", "decoder", "head", or "input" for maps of the image itself.  main: the last layer of
    its run of equal resolution.
    placement: how reads and writes were found: "probed" or "assumed" (then cell corners are aligned, and notes say it).
    field, acts_on: where all layers of a network have one resolution, the voxels that one cell sees, and those of the
    output that it acts on, per axis.
    """

    name: str
    channels: int
    cells: tuple[int, int, int]
    stride: tuple[int, int, int]
    part: str
    main: bool
    reads: tuple[float, float, float] | None = None
    writes: tuple[float, float, float] | None = None
    placement: str = "assumed"
    mm_per_cell: tuple[float, float, float] | None = None
    aliases: tuple[str, ...] = ()
    field: tuple[int, int, int] | None = None
    acts_on: tuple[int, int, int] | None = None
    length_unit: str = "mm"

    def __str__(self):
        mm = "" if self.mm_per_cell is None else f" of {self.cell_words}"
        cells, stride = (" x ".join(map(str, values)) for values in (self.cells, self.stride))
        return f"{self.name} ({self.part}, stride {stride}, {self.channels} channels, {cells} cells{mm})"

    @property
    def cell_words(self) -> str:
        """ "2 x 4 x 4 mm" along K, J, I; once an image is known."""
        return f"{' x '.join(f'{v:.3g}' for v in self.mm_per_cell)} {self.length_unit}"

    def cell_json(self) -> dict:
        """The cell's size as sidecars and tables say it: a photo has no millimetres."""
        size = None if self.mm_per_cell is None else list(self.mm_per_cell)
        if self.length_unit == "mm":
            return {"mm_per_cell_kji": size}
        return {"mm_per_cell_kji": None, f"{self.length_unit}_per_cell_kji": size}


@dataclass(frozen=True, eq=False)
class PlacedMap:
    """A map carried to another grid as a density. array: float32 [K, J, I], unit per ml (photos: per pixel).

    integral_before / integral_after: sum over the layer's cells, and the density's integral on this grid.
    """

    array: np.ndarray
    grid: Grid
    unit: str
    integral_before: float
    integral_after: float


@dataclass(frozen=True, eq=False)
class Explanation:
    """One answer: the signed map of one method at one layer for one pixel set.

    map: float32 [K, J, I] on ``grid``, the layer's own grid in patient space; a cell holds its contribution to the
    score in ``unit`` (so the cells add up to ``total``).  Never rectified, never normalised.
    score: S, the sum over M of what was differentiated.  completeness: total / score: 1 means
    the map accounts for all of S, the rest are biases and non-linearity (None if the score is 0 or the map's unit
    another).
    status: "ok", "zero_map", "no_positive_evidence" or "nonfinite", with ``reason`` in words.
    provenance: JSON-able facts from which the run can be repeated; hashes, never paths or patient names.
    """

    map: np.ndarray
    grid: Grid
    unit: str
    score: float
    method: str
    method_title: str
    layer: LayerInfo
    class_index: int
    class_name: str
    score_title: str
    pixel_set_label: str
    side: str
    status: str = "ok"
    reason: str = ""
    notes: tuple[str, ...] = ()
    provenance: dict = field(default_factory=dict)

    @property
    def total(self) -> float:
        return float(self.map.sum(dtype=np.float64))

    @property
    def completeness(self) -> float | None:
        return self.total / self.score if self.score and self.unit == "logit" else None

    def resampled_to(self, grid: Grid) -> PlacedMap:
        """The map as a density (unit per ml) on another grid, each cell around its own centre in patient space."""
        density = spread(self.map, self.grid, grid)
        after = float(density.sum(dtype=np.float64)) * grid.voxel_volume
        return PlacedMap(density, grid, f"{self.unit}/{grid.volume_unit}", self.total, after)

    def title(self) -> str:
        """One line for legends: method, class, layer."""
        return f"{self.method_title}, {self.class_name}, {self.layer.name}"

    def to_json(self) -> dict:
        """Everything but the voxels: the sidecar of an exported map."""
        layer = self.layer
        return {
            "format": "seghirescam-explanation-1",
            "method": self.method,
            "method_title": self.method_title,
            "class_index": self.class_index,
            "class_name": self.class_name,
            "score_title": self.score_title,
            "pixel_set": self.pixel_set_label,
            "layer": {
                "name": layer.name,
                "part": layer.part,
                "channels": layer.channels,
                "cells_kji": list(layer.cells),
                "stride_kji": list(layer.stride),
                **layer.cell_json(),
                "placement": layer.placement,
            },
            "side": self.side,
            "grid": self.grid.to_json(),
            "unit": self.unit,
            "score": self.score,
            "total": self.total,
            "completeness": self.completeness,
            "status": self.status,
            "reason": self.reason,
            "notes": list(self.notes),
            "provenance": self.provenance,
        }
