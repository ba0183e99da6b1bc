"""On which voxels a map is stored or shown: the image's, quarters of its cells, or its cells as they are. numpy only."""

from __future__ import annotations

import numpy as np

from .grid import Grid, corners_of

#: the image's voxels; a quarter of a cell, or the image's voxels where they are coarser; the layer's cells
INPUT, QUARTER, LAYER = "input", "quarter", "layer"
MAP_GRIDS = (INPUT, QUARTER, LAYER)
#: voxels a cell: what lies between is a straight line, so that finer ones would say nothing more
_PARTS = 4
_ROUNDING = 1e-6
#: the level above which a share of the evidence lies on quarters of the cells has this share above it on the image's
#: voxels too, to within this part of the evidence (half of it from 80 % on): borders are cut a little elsewhere
SHARE_TOLERANCE = 0.05


def map_grid(kind: str, cells: Grid, image: Grid) -> Grid | None:
    """The grid of a map that is stored as ``kind`` says, in mm; None: its own cells (the unit is per cell there).

    cells: the layer's grid.  image: that of the image that was explained.  Raises ValueError for another kind.
    """
    if kind not in MAP_GRIDS:
        raise ValueError(f"The grid of a map is one of {', '.join(MAP_GRIDS)}, got {kind!r}.")
    if kind == LAYER:
        return None
    return image if kind == INPUT else quarter_grid(cells, image)


def quarter_grid(cells: Grid, image: Grid) -> Grid:
    """Quarters of the cells over the image, along each axis no finer than the image's voxels.

    Where the image's voxels are the coarser along every axis it is the image's grid.  Else the axes are those of the
    cells, quarters lie within their cells, and the grid covers what both the image's voxels and the reach of the cells
    (a cell beyond the outermost centres) cover, to the next whole voxel.
    """
    to_cells = np.linalg.inv(cells.kji_to_ras) @ image.kji_to_ras
    # image voxels a cell, along each axis of the cells
    finer = np.linalg.norm(np.linalg.inv(to_cells)[:3, :3], axis=0)
    if (finer <= _PARTS + _ROUNDING).all():
        return image
    corners = corners_of(image.shape)
    corners = (corners + np.where(corners == 0, -0.5, 0.5)) @ to_cells[:3, :3].T + to_cells[:3, 3]
    low, high = corners.min(axis=0), corners.max(axis=0)
    quarters = finer > _PARTS + _ROUNDING
    step = np.where(quarters, 1 / _PARTS, 1 / finer)
    edge = np.where(quarters, -0.5, low)  # of a voxel: a cell's, or the image's
    first = np.floor((np.maximum(low, -1) - edge) / step + _ROUNDING)
    last = np.ceil((np.minimum(high, cells.shape) - edge) / step - _ROUNDING)
    count = np.maximum(last - first, 1).astype(int)
    return cells.strided(step, edge + (first + 0.5) * step, count.tolist())
