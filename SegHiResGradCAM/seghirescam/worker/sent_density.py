"""A map that was sent, as a density on the grid where it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..protocol.resampling import spread

if TYPE_CHECKING:
    import numpy as np

    from ..protocol.grid import Grid


def sent_density(map_: tuple[np.ndarray, Grid], grid: Grid) -> np.ndarray:
    """``[K, J, I]`` on ``grid``; cells that lie on it already are taken as they are: shares stay the same."""
    cells, source = map_
    return cells if source.same_as(grid) else spread(cells, source, grid)
