"""Where voxels lie: grids in millimetres (RAS).

Arrays are in ``(K, J, I)`` order, matrices act on ``(I, J, K, 1)`` columns as in Slicer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from .errors import GeometryError

if TYPE_CHECKING:  # Slicer starts without it
    from numpy.typing import ArrayLike

_REVERSE = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], dtype=float)
#: where a grid lies: in a patient, in millimetres (RAS); or in a photo, which has pixels and no patient
PATIENT, PIXELS = "patient", "pixels"
#: a photo's columns and rows run to the patient's left and back, as its file reads in Slicer, so that it stands upright
_ROWS_DOWN = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular voxel grid in patient space, or that of a photo.

    shape: ``(K, J, I)``, array order.  ijk_to_ras: 4x4 affine, millimetres, maps ``(i, j, k, 1)`` to ``(R, A, S, 1)``
    of the voxel *centre*.  frame: the DICOM frame of reference in which those millimetres are measured, "" where it is
    not known; it is compared and never written or shown.  space: PATIENT, or PIXELS for what comes from a photo (PNG,
    JPEG): then the affine's unit is the photo's pixel, lengths and volumes are in pixels (``length_unit``,
    ``volume_unit``), and its axes are no patient's.  Grids made from it keep both.  Raises GeometryError for
    anything that is not a usable affine.
    """

    shape: tuple[int, ...]
    ijk_to_ras: np.ndarray
    frame: str = field(default="", repr=False)
    space: str = PATIENT

    def __post_init__(self) -> None:
        if self.space not in (PATIENT, PIXELS):
            raise GeometryError(f"There is no space {self.space!r}.", f"It is {PATIENT!r} or {PIXELS!r}.")
        shape = tuple(int(n) for n in self.shape)
        matrix = np.array(self.ijk_to_ras, dtype=float)
        if len(shape) != 3 or min(shape) < 1:
            raise GeometryError(f"A grid needs three sizes of at least 1 (K, J, I), got {shape}.")
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or not np.allclose(matrix[3], [0, 0, 0, 1]):
            raise GeometryError("The IJK-to-RAS matrix must be a finite 4x4 affine.", "Check the image's header.")
        lengths = np.linalg.norm(matrix[:3, :3], axis=0)
        if lengths.min() <= 0 or abs(np.linalg.det(matrix[:3, :3] / lengths)) < 1e-3:
            raise GeometryError(
                "The IJK-to-RAS matrix is singular: two axes of the image point the same way.",
                "Check the image's spacing and directions.",
            )
        matrix.setflags(write=False)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "ijk_to_ras", matrix)

    @staticmethod
    def from_spacing(
        shape: Iterable[int], spacing_kji: Iterable[float] = (1.0, 1.0, 1.0), origin_ras: ArrayLike = (0.0, 0.0, 0.0)
    ) -> Grid:
        """Axis-aligned grid; spacing in mm in (K, J, I) order."""
        matrix = np.diag([*reversed(tuple(spacing_kji)), 1.0])
        matrix[:3, 3] = origin_ras
        return Grid(tuple(shape), matrix)

    @staticmethod
    def of_photo(shape: Iterable[int]) -> Grid:
        """The grid of a photo: ``(K, J, I)`` pixels, whatever size its file prints them in."""
        return Grid(tuple(shape), _ROWS_DOWN, space=PIXELS)

    @property
    def is_photo(self) -> bool:
        return self.space == PIXELS

    @property
    def length_unit(self) -> str:
        """Of ``spacing_kji`` and of everything measured with it."""
        return "pixels" if self.is_photo else "mm"

    @property
    def volume_unit(self) -> str:
        """Of ``voxel_volume``; densities are per one of it."""
        return "pixel" if self.is_photo else "ml"

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel in ``volume_unit``: millilitres, or in a photo its pixels (a layer's cell holds many)."""
        return float(abs(np.linalg.det(self.ijk_to_ras[:3, :3]))) if self.is_photo else self.voxel_ml

    @property
    def spacing_kji(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along K, J, I in mm (in a photo: pixels)."""
        k, j, i = np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0)[::-1].tolist()
        return k, j, i

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in millilitres; means nothing in a photo: use ``voxel_volume``."""
        return float(abs(np.linalg.det(self.ijk_to_ras[:3, :3]))) / 1000.0

    @property
    def kji_to_ras(self) -> np.ndarray:
        return self.ijk_to_ras @ _REVERSE

    def ras(self, kji: ArrayLike) -> np.ndarray:
        """Millimetres (..., 3) of array indices (..., 3) in (K, J, I) order; fractions allowed."""
        return np.asarray(kji, dtype=float) @ self.kji_to_ras[:3, :3].T + self.kji_to_ras[:3, 3]

    def placed(self, point: ArrayLike) -> np.ndarray:
        """A user's point (..., 3) as this grid's RAS: millimetres as they are; of a photo column, row and 0."""
        point = np.asarray(point, dtype=float)
        return point @ _ROWS_DOWN[:3, :3] if self.is_photo else point

    def kji(self, ras: ArrayLike) -> np.ndarray:
        """Fractional array indices (..., 3), (K, J, I) order, of points (..., 3) in mm."""
        inverse = np.linalg.inv(self.kji_to_ras)
        return np.asarray(ras, dtype=float) @ inverse[:3, :3].T + inverse[:3, 3]

    def strided(self, jump_kji: ArrayLike, start_kji: ArrayLike, shape: Iterable[int]) -> Grid:
        """The grid whose index u lies at this grid's (fractional) index ``start + jump * u``."""
        step = np.eye(4)
        step[[0, 1, 2], [0, 1, 2]] = np.asarray(jump_kji, dtype=float)[::-1]
        step[:3, 3] = np.asarray(start_kji, dtype=float)[::-1]
        return replace(self, shape=tuple(shape), ijk_to_ras=self.ijk_to_ras @ step)

    def elsewhere(self, other: Grid) -> bool:
        """True if both name a frame of reference and it is not the same one: their places cannot be compared."""
        return bool(self.frame and other.frame and self.frame != other.frame)

    @property
    def tolerance_mm(self) -> float:
        """What is no difference between two places on this grid: a fiftieth of its smallest voxel width."""
        return 0.02 * min(self.spacing_kji)

    def same_as(self, other: Grid, tolerance_mm: float | None = None) -> bool:
        """True if both have the same shape and no voxel centre differs by more than the tolerance.

        By default that is a micrometre, or a fiftieth of a voxel where that is less.
        """
        if self.shape != other.shape:
            return False
        if tolerance_mm is None:
            tolerance_mm = min(1e-3, self.tolerance_mm)
        corners = corners_of(self.shape)
        return float(np.abs(self.ras(corners) - other.ras(corners)).max()) <= tolerance_mm

    def to_json(self) -> dict:
        """A photo's grid carries its space and no R, A, S; a grid that names no space lies in a patient."""
        if self.is_photo:
            matrix = (_ROWS_DOWN @ self.ijk_to_ras).tolist()
            return {"shape_kji": list(self.shape), "space": self.space, "ijk_to_pixels": matrix}
        return {"shape_kji": list(self.shape), "ijk_to_ras": self.ijk_to_ras.tolist()}

    @staticmethod
    def from_json(data: dict) -> Grid:
        if data.get("space", PATIENT) == PIXELS:
            matrix = _ROWS_DOWN @ np.array(data["ijk_to_pixels"], dtype=float)
            return Grid(tuple(data["shape_kji"]), matrix, space=PIXELS)
        return Grid(tuple(data["shape_kji"]), np.array(data["ijk_to_ras"], dtype=float))

    def __repr__(self) -> str:
        spacing = " x ".join(f"{s:.3g}" for s in self.spacing_kji)
        return f"Grid({' x '.join(map(str, self.shape))} (K, J, I), {spacing} {self.length_unit})"


def canonical(grid: Grid, spacing_mm: float | None = None) -> Grid:
    """The grid with axes permuted and flipped so that I, J, K run towards R, A, S as nearly as they can.

    With ``spacing_mm`` the voxels become cubes of that size and cover the same box (rounded up to whole voxels).
    """
    directions = grid.ijk_to_ras[:3, :3] / np.linalg.norm(grid.ijk_to_ras[:3, :3], axis=0)
    order, taken = [], set()
    for ras_axis in range(3):
        best = max((a for a in range(3) if a not in taken), key=lambda a: abs(directions[ras_axis, a]))
        order.append(best)
        taken.add(best)
    size_ijk = np.array(grid.shape[::-1])
    step = np.zeros((4, 4))
    step[3, 3] = 1
    for new_axis, old_axis in enumerate(order):
        flipped = directions[new_axis, old_axis] < 0
        step[old_axis, new_axis] = -1 if flipped else 1
        step[old_axis, 3] = size_ijk[old_axis] - 1 if flipped else 0
    turned = replace(grid, shape=tuple(size_ijk[order][::-1]), ijk_to_ras=grid.ijk_to_ras @ step)
    if spacing_mm is None:
        return turned
    factor = spacing_mm / np.array(turned.spacing_kji)
    shape = tuple(int(n) for n in np.maximum(1, np.ceil(np.array(turned.shape) / factor - 1e-6)))
    return turned.strided(factor, (factor - 1) / 2, shape)


def corners_of(shape: tuple[int, ...]) -> np.ndarray:
    return np.array([[k, j, i] for k in (0, shape[0] - 1) for j in (0, shape[1] - 1) for i in (0, shape[2] - 1)])
