"""One answer: the map of one method at one layer, with the layer, the class and every fact it was made from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .display.map_grids import quarter_grid
from .grid import Grid
from .question import BF16, TITLES
from .resampling import spread
from .value import Value

#: of scores and maps, where the model has no other; its sidecars do not say it twice
USUAL_UNIT = "logit"


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

    def __str__(self) -> str:
        mm = "" if self.mm_per_cell is None else f" of {self.cell_words}"
        cells, stride = (" x ".join(map(str, values)) for values in (self.cells, self.stride))
        return f"{self.name} ({self.part}, stride {stride}, {self.channels} channels, {cells} cells{mm})"

    @property
    def cell_words(self) -> str:
        """ "2 x 4 x 4 mm" along K, J, I; once an image is known."""
        return f"{' x '.join(f'{v:.3g}' for v in self.mm_per_cell)} {self.length_unit}"  # type: ignore[union-attr]

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
    score: S, the sum over M of what was differentiated, in ``score_unit``: logit, or what the model has instead.
    completeness: total / score: 1 means the map accounts for all of S, the rest are biases and non-linearity (None if
    the score is 0 or the map's unit another).
    status: "ok", "zero_map", "no_positive_evidence" or "nonfinite", with ``reason`` in words.
    provenance: JSON-able facts from which the run can be repeated; hashes, never paths or patient names.
    numbers: what was measured on the way, by a name of :mod:`value` (CANCELLATION, CUT_OFF, LEFT_OUT).
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
    numbers: dict[str, Value] = field(default_factory=dict)
    score_unit: str = USUAL_UNIT

    @property
    def total(self) -> float:
        return float(self.map.sum(dtype=np.float64))

    @property
    def completeness(self) -> float | None:
        return self.total / self.score if self.score and self.unit == self.score_unit else None

    def resampled_to(self, grid: Grid) -> PlacedMap:
        """The map as a density (unit per ml) on another grid, each cell around its own centre in patient space."""
        density = spread(self.map, self.grid, grid)
        after = float(density.sum(dtype=np.float64)) * grid.voxel_volume
        return PlacedMap(density, grid, f"{self.unit}/{grid.volume_unit}", self.total, after)

    def quarter_grid(self, image: Grid) -> Grid:
        """For :meth:`resampled_to`: as fine as the map is, a quarter of its cells, and nowhere finer than the image."""
        return quarter_grid(self.grid, image)

    def title(self) -> str:
        """One line for legends: method, class, layer, and what makes it an approximation."""
        rough = [BF16] if self.provenance.get("precision") == BF16 else []
        noise = self.provenance.get("noise")
        rough += [TITLES[noise["kind"]]] if noise else []
        rough += ["preview"] if self.provenance.get("preview") else []
        return ", ".join([self.method_title, self.class_name, self.layer.name, *rough])

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
            **({} if self.score_unit == USUAL_UNIT else {"score_unit": self.score_unit}),
            "score": self.score,
            "total": self.total,
            "completeness": self.completeness,
            "status": self.status,
            "reason": self.reason,
            "notes": list(self.notes),
            **({"numbers": {name: one.to_json() for name, one in self.numbers.items()}} if self.numbers else {}),
            "provenance": self.provenance,
        }
