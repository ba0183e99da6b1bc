"""In which order a network is fed a volume's axes, and what the user is told about it.

"zyx": the array ``[C, K, J, I]`` as it is, slices first, as SimpleITK reads a file.  "xyz": the file's own order
(I, J, K), ``[C, x, y, z]``, as MONAI, TorchIO and nibabel read it; a 2D network then sees its slices as ``[C, x, y]``.
The model grid always names the *tensor's* spatial axes K, J, I (a Grid's K, J, I are its array's axes, nothing more);
its matrix carries the truth, so that maps and predictions find their way back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..protocol.grid import Grid
from .description_words import XYZ, ZYX

REVERSE = np.eye(4)[[2, 1, 0, 3]]  # (i, j, k, 1) <-> (k, j, i, 1)

#: where an order comes from
STATED, ASSUMED, MONAI, LOADER, SIDECAR = "stated", "assumed", "MONAI's metadata", "MONAI's loader", "sidecar"
#: the caller's own array went in as it was
AS_GIVEN = "as given"


@dataclass(frozen=True)
class Axes:
    """order: "zyx" or "xyz".  source: one of the six words above.

    STATED: by a description or a caller.  ASSUMED: nobody said.  MONAI: assumed, because MONAI wrote the file or is
    named.  LOADER: what the library's own inference does.  SIDECAR: a result is repeated as it was made.
    """

    order: str
    source: str = ASSUMED

    def fed(self, array: np.ndarray, grid: Grid, spatial_dims: int) -> tuple[np.ndarray, Grid]:
        """``[C, K, J, I]`` in this order (the slices of 2D networks stay in front), memory of its own, and its grid."""
        if self.order == ZYX:
            return np.array(array, order="C"), grid
        return moved(array, grid, swap(spatial_dims))

    def note(self, spatial_dims: int) -> str:
        """One sentence for the user, "" where the library's own loader decided."""
        if self.source in (LOADER, AS_GIVEN):
            return ""
        now, other = _listed(self.order, spatial_dims), _other(self.order)
        told = {
            STATED: ", as stated",
            ASSUMED: f' (assumed; state "axes": "{other}" if it was trained with MONAI, TorchIO or nibabel)',
            MONAI: f', MONAI\'s order (assumed; state "axes": "{other}" if it was trained otherwise)',
            SIDECAR: f", as for the sidecar that is repeated; now it would be {_listed(other, spatial_dims)}",
        }
        return f"Axes: the network was fed {now}{told[self.source]}."

    def to_json(self) -> dict:
        return {"order": self.order, "stated": self.source == STATED, "source": self.source}


def swap(spatial_dims: int) -> tuple[int, int, int]:
    """The permutation of K, J, I between the two orders; its own inverse."""
    return (2, 1, 0) if spatial_dims == 3 else (0, 2, 1)


def moved(array: np.ndarray, grid: Grid, order) -> tuple[np.ndarray, Grid]:
    """``[C, K, J, I]`` whose new spatial axis a is the old axis ``order[a]``, memory of its own, and its grid."""
    array = np.array(np.transpose(array, (0, *(1 + o for o in order))), order="C")
    matrix = grid.kji_to_ras[:, [*order, 3]] @ REVERSE
    return array, replace(grid, shape=array.shape[1:], ijk_to_ras=matrix)


def _other(order):
    return XYZ if order == ZYX else ZYX


def _listed(order, spatial_dims):
    return ", ".join(axis for axis in order if spatial_dims == 3 or axis != "z")
