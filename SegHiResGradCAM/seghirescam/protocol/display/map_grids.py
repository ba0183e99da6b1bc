"""On which voxels a map is stored or shown: the image's, quarters of its cells, or the cells themselves. numpy only."""

from __future__ import annotations

from itertools import product

import numpy as np

from ..grid import Grid

#: the image's voxels; a quarter of a cell, or the image's voxels where they are coarser; the layer's cells
INPUT, QUARTER, LAYER = "input", "quarter", "layer"
MAP_GRIDS = (INPUT, QUARTER, LAYER)
#: voxels a cell: what lies between is a straight line, so that finer ones would say nothing more
_PARTS = 4
_ROUNDING = 1e-6
#: the level above which a share of the evidence lies on quarters of the cells has this share above it on the image's
#: voxels too, to within this part of the evidence (half of it from 80 % on)
SHARE_TOLERANCE = 0.03


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
    """The image cut into equal parts along the axes of the cells, of a quarter of a cell at most, and nowhere finer
    than the image's voxels.

    Where the image's voxels are the coarser along every axis it is the image's grid.  Of the parts those are left away
    that no cell reaches (a cell beyond the outermost centres).  What :func:`resampling.spread` puts there adds up to
    the cells' sum, as long as no cell's centre lies more than 7/8 of a cell outside the image.
    """
    to_cells = np.linalg.inv(cells.kji_to_ras) @ image.kji_to_ras
    # image voxels a cell, along each axis of the cells
    finer = np.linalg.norm(np.linalg.inv(to_cells)[:3, :3], axis=0)
    if (finer <= _PARTS + _ROUNDING).all():
        return image
    corners = np.array(list(product(*((-0.5, n - 0.5) for n in image.shape))))
    corners = corners @ to_cells[:3, :3].T + to_cells[:3, 3]
    low, high = corners.min(axis=0), corners.max(axis=0)
    # cut where the image ends, not where cells do: a part that lies half outside would hold what belongs inside
    step = (high - low) / np.ceil((high - low) * np.minimum(finer, _PARTS) - _ROUNDING)
    first = np.floor((np.maximum(low, -1) - low) / step + _ROUNDING)
    last = np.ceil((np.minimum(high, cells.shape) - low) / step - _ROUNDING)
    count = np.maximum(last - first, 1).astype(int)
    return cells.strided(step, low + (first + 0.5) * step, count.tolist())
