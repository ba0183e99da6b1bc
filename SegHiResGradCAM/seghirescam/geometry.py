"""Where voxels lie: grids in millimetres (RAS) and the three ways to carry values between them.

Arrays are in ``(K, J, I)`` order, matrices act on ``(I, J, K, 1)`` columns as in Slicer.  Standard library and numpy
only (scipy is imported where two grids are turned against each other).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from .errors import GeometryError

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

    shape: tuple[int, int, int]
    ijk_to_ras: np.ndarray
    frame: str = field(default="", repr=False)
    space: str = PATIENT

    def __post_init__(self):
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
    def from_spacing(shape, spacing_kji=(1.0, 1.0, 1.0), origin_ras=(0.0, 0.0, 0.0)) -> Grid:
        """Axis-aligned grid; spacing in mm in (K, J, I) order."""
        matrix = np.diag([*reversed(tuple(spacing_kji)), 1.0])
        matrix[:3, 3] = origin_ras
        return Grid(tuple(shape), matrix)

    @staticmethod
    def of_photo(shape) -> Grid:
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
        return tuple(float(v) for v in np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0)[::-1])

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in millilitres; means nothing in a photo: use ``voxel_volume``."""
        return float(abs(np.linalg.det(self.ijk_to_ras[:3, :3]))) / 1000.0

    @property
    def kji_to_ras(self) -> np.ndarray:
        return self.ijk_to_ras @ _REVERSE

    def ras(self, kji) -> np.ndarray:
        """Millimetres (..., 3) of array indices (..., 3) in (K, J, I) order; fractions allowed."""
        return np.asarray(kji, dtype=float) @ self.kji_to_ras[:3, :3].T + self.kji_to_ras[:3, 3]

    def placed(self, point) -> np.ndarray:
        """A user's point (..., 3) as this grid's RAS: millimetres as they are; of a photo column, row and 0."""
        point = np.asarray(point, dtype=float)
        return point @ _ROWS_DOWN[:3, :3] if self.is_photo else point

    def kji(self, ras) -> np.ndarray:
        """Fractional array indices (..., 3), (K, J, I) order, of points (..., 3) in mm."""
        inverse = np.linalg.inv(self.kji_to_ras)
        return np.asarray(ras, dtype=float) @ inverse[:3, :3].T + inverse[:3, 3]

    def strided(self, jump_kji, start_kji, shape) -> Grid:
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
        corners = _corners(self.shape)
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

    def __repr__(self):
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


def resampled(array: np.ndarray, source: Grid, target: Grid, order: int = 1, outside: float = 0.0) -> np.ndarray:
    """Values of ``array`` (..., K, J, I) on ``source`` at the voxel centres of ``target``.

    order 0 = nearest, 1 = linear.  Where the target is coarser and not turned against the source, order 1 averages
    over the target voxel (no aliasing).  Points more than half a source voxel outside get ``outside``.  float32 out
    (the input's dtype for order 0).
    """
    array = np.asarray(array)
    if source.same_as(target, 1e-6):
        return array.copy()
    lead = array.shape[:-3]
    flat = array.reshape((-1, *array.shape[-3:]))
    mapping = _index_map(source, target)
    axes = _source_axes(mapping)
    if order == 1 and axes is not None:
        out = [_separable(a, mapping, axes, target.shape, _sampling_weights, outside) for a in flat]
    else:
        out = [_turned(a, mapping, target.shape, order, outside) for a in flat]
    return np.stack(out).reshape((*lead, *target.shape))


def copied(array: np.ndarray, source: Grid, target: Grid) -> np.ndarray | None:
    """Values of ``array`` [K, J, I] where both grids have the same voxels, in whatever order; 0 outside the source.

    None unless :func:`same_voxels`: cropped, padded, flipped and permuted copies of one grid differ in nothing else,
    and nothing is interpolated.
    """
    whole = _whole_steps(source, target)
    if whole is None:
        return None
    order = np.abs(whole[:3, :3]).argmax(axis=1)  # source axis -> target axis
    read, write = [None] * 3, [None] * 3
    for axis, along in enumerate(order):
        place = int(whole[axis, 3]) + int(whole[axis, along]) * np.arange(target.shape[along])
        inside = np.flatnonzero((place >= 0) & (place < source.shape[axis]))
        write[along], read[axis] = inside, place[inside]
    out = np.zeros(target.shape, array.dtype)
    out[np.ix_(*write)] = np.transpose(array[np.ix_(*read)], np.argsort(order))
    return out


def same_voxels(source: Grid, target: Grid) -> bool:
    """Whether every voxel centre of the target lies within :attr:`Grid.tolerance_mm` of one of the source's lattice,
    and neighbours are neighbours in both."""
    return _whole_steps(source, target) is not None


def _whole_steps(source, target):
    """The 4x4 of whole numbers from target to source (k, j, i, 1); None where there is none."""
    mapping = _index_map(source, target)
    whole = np.rint(mapping)
    turn = np.abs(whole[:3, :3])
    if not ((turn.sum(axis=0) == 1).all() and (turn.sum(axis=1) == 1).all()):
        return None
    corners = _corners(target.shape)
    away = (mapping[:3, :3] - whole[:3, :3]) @ corners.T + (mapping[:3, 3] - whole[:3, 3])[:, None]
    away_mm = np.array(source.spacing_kji)[:, None] * np.abs(away)
    return whole if away_mm.max() <= target.tolerance_mm else None


def spread(cells: np.ndarray, source: Grid, target: Grid) -> np.ndarray:
    """Spread what each cell holds over the target's voxels; returns amount per ml (photo: per pixel), float32.

    Each cell's amount is shared among the voxels less than a cell from its centre, by linear weights that are scaled
    to add up to one *per cell*: nothing is lost at borders or where cell centres lie half a cell off.  So
    sum(out) * target.voxel_volume == sum(cells) as long as every cell has a voxel near it.  Where the two grids are
    turned against each other the density is interpolated at voxel centres instead; then the sum is only nearly kept,
    and the caller reports both.
    """
    cells = np.asarray(cells)
    mapping = _index_map(source, target)
    axes = _source_axes(mapping)
    if axes is None:
        density = _turned(cells / source.voxel_volume, mapping, target.shape, 1, 0.0)
        return density.astype(np.float32)
    amount = _separable(cells, mapping, axes, target.shape, _sharing_weights, 0.0)
    return (amount / target.voxel_volume).astype(np.float32)


def _corners(shape):
    return np.array([[k, j, i] for k in (0, shape[0] - 1) for j in (0, shape[1] - 1) for i in (0, shape[2] - 1)])


def _index_map(source: Grid, target: Grid) -> np.ndarray:
    """4x4 that maps target (k, j, i, 1) to source (k, j, i, 1)."""
    return np.linalg.inv(source.kji_to_ras) @ target.kji_to_ras


def _source_axes(mapping: np.ndarray):
    """For each source axis the one target axis it depends on, or None if the grids are turned."""
    linear = np.abs(mapping[:3, :3])
    # a thousandth of the largest entry: less than a tenth of a voxel over a hundred voxels
    strong = linear > 1e-3 * linear.max(axis=1, keepdims=True)
    if not (strong.sum(axis=0) == 1).all() or not (strong.sum(axis=1) == 1).all():
        return None
    return strong.argmax(axis=1)


def _separable(array, mapping, axes, shape, weights, outside):
    out = array.astype(np.float32 if array.dtype != np.float64 else np.float64)
    inside = []
    for source_axis, target_axis in enumerate(axes):
        matrix, covered = weights(
            array.shape[source_axis], shape[target_axis], mapping[source_axis, target_axis], mapping[source_axis, 3]
        )
        out = np.moveaxis(np.tensordot(matrix.astype(out.dtype), out, axes=(1, source_axis)), 0, source_axis)
        inside.append((target_axis, covered))
    out = np.ascontiguousarray(np.transpose(out, np.argsort(axes)))
    for target_axis, covered in inside:
        if not covered.all():
            index = [slice(None)] * 3
            index[target_axis] = ~covered
            out[tuple(index)] = outside
    return out


def _sampling_weights(n_source, n_target, scale, offset):
    """Rows: linear interpolation at each target centre, or the mean over its width where it is the coarser."""
    centre = offset + scale * np.arange(n_target)
    covered = (centre >= -0.5 - 1e-6) & (centre <= n_source - 0.5 + 1e-6)
    width = abs(scale)
    if width <= 1 + 1e-6:
        return _hats(n_source, centre), covered
    edges = np.arange(n_source)[None, :]
    low, high = centre[:, None] - width / 2, centre[:, None] + width / 2
    overlap = np.clip(np.minimum(edges + 0.5, high) - np.maximum(edges - 0.5, low), 0, None)
    total = overlap.sum(axis=1, keepdims=True)
    return overlap / np.where(total > 0, total, 1), covered & (total[:, 0] > 0)


def _sharing_weights(n_source, n_target, scale, offset):
    """Columns add up to one: how each source cell's amount is shared among the target voxels."""
    centre = offset + scale * np.arange(n_target)
    # no clamping at the outermost cells: every cell has the same footprint, so that heights can be compared
    matrix = np.clip(1 - np.abs(centre[:, None] - np.arange(n_source)[None, :]), 0, None)
    total = matrix.sum(axis=0, keepdims=True)
    if abs(scale) > 1 and (total == 0).any():  # the target is the coarser: give each cell to its nearest voxel
        for cell in np.flatnonzero(total[0] == 0):
            voxel = int(np.clip(round((cell - offset) / scale), 0, n_target - 1))
            if abs(centre[voxel] - cell) <= abs(scale) / 2 + 1e-6:
                matrix[voxel, cell] = 1
        total = matrix.sum(axis=0, keepdims=True)
    return matrix / np.where(total > 0, total, 1), np.ones(n_target, dtype=bool)


def _hats(n_source, centre):
    position = np.clip(centre, 0, n_source - 1)
    return np.clip(1 - np.abs(position[:, None] - np.arange(n_source)[None, :]), 0, None)


def _turned(array, mapping, shape, order, outside):
    from scipy.ndimage import affine_transform

    work = array if order == 0 else array.astype(np.float32 if array.dtype != np.float64 else np.float64)
    # the half voxel around the outermost centres belongs to the image: sample it with the edge value
    out = affine_transform(
        work, mapping[:3, :3], mapping[:3, 3], output_shape=tuple(shape), order=order, mode="nearest", prefilter=False
    )
    grids = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij", sparse=True)
    covered = np.ones(shape, dtype=bool)
    for axis in range(3):
        position = sum(mapping[axis, t] * grids[t] for t in range(3)) + mapping[axis, 3]
        covered &= (position >= -0.5 - 1e-6) & (position <= array.shape[axis] - 0.5 + 1e-6)
    out[~covered] = outside
    return out
