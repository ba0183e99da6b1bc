"""The three ways to carry values between grids: sampling, copying voxel by voxel, and spreading what cells hold.

numpy only; scipy is imported where two grids are turned against each other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .grid import Grid, corners_of


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
    read: list = [None] * 3
    write: list = [None] * 3
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


def _whole_steps(source: Grid, target: Grid) -> np.ndarray | None:
    """The 4x4 of whole numbers from target to source (k, j, i, 1); None where there is none."""
    mapping = _index_map(source, target)
    whole = np.rint(mapping)
    turn = np.abs(whole[:3, :3])
    if not ((turn.sum(axis=0) == 1).all() and (turn.sum(axis=1) == 1).all()):
        return None
    corners = corners_of(target.shape)
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
    amount = _separable(cells, mapping, axes, target.shape, _sharing_weights, 0.0, target.voxel_volume)
    return amount.astype(np.float32, copy=False)


def _index_map(source: Grid, target: Grid) -> np.ndarray:
    """4x4 that maps target (k, j, i, 1) to source (k, j, i, 1)."""
    return np.linalg.inv(source.kji_to_ras) @ target.kji_to_ras


def _source_axes(mapping: np.ndarray) -> np.ndarray | None:
    """For each source axis the one target axis it depends on, or None if the grids are turned."""
    linear = np.abs(mapping[:3, :3])
    # a thousandth of the largest entry: less than a tenth of a voxel over a hundred voxels
    strong = linear > 1e-3 * linear.max(axis=1, keepdims=True)
    if not (strong.sum(axis=0) == 1).all() or not (strong.sum(axis=1) == 1).all():
        return None
    return strong.argmax(axis=1)


def box_of(array: np.ndarray) -> tuple[slice, ...]:
    """The smallest box of ``array`` [K, J, I] that holds all that is not 0; empty slices where all is."""
    box: list[slice] = []
    for axis in range(3):
        # what the box leaves out along the axes before is not looked at again
        part = array[tuple(box)]
        filled = np.flatnonzero(part.any(axis=tuple(a for a in range(3) if a != axis)))
        box.append(slice(int(filled[0]), int(filled[-1]) + 1) if filled.size else slice(0, 0))
    return tuple(box)


def _separable(
    array: np.ndarray, mapping: np.ndarray, axes: np.ndarray, shape: tuple[int, ...], weights: Callable,
    outside: float, per: float = 1.0,
) -> np.ndarray:  # fmt: skip
    """One matrix an axis; those that shrink the array come first, and of the others the last axis.

    Only what is not 0, and the voxels that it reaches, are computed.  per: what the result is divided by.
    """
    sources = np.argsort(axes)
    box = box_of(array)
    part = array[box].astype(np.float32 if array.dtype != np.float64 else np.float64).transpose(sources)
    matrices: list[np.ndarray] = []
    covers: list[np.ndarray] = []
    reached: list[slice] = []
    for axis, source in enumerate(sources):
        scale, offset = mapping[source, axis], mapping[source, 3]
        matrix, covered = weights(array.shape[source], shape[axis], scale, offset)
        matrix = matrix[:, box[source]]
        rows = np.flatnonzero(matrix.any(axis=1))
        reached.append(slice(int(rows[0]), int(rows[-1]) + 1) if rows.size else slice(0, 0))
        matrices.append(matrix[reached[-1]].astype(part.dtype))
        covers.append(covered)
    growth = [min(1.0, n / array.shape[source]) for n, source in zip(shape, sources, strict=True)]
    # memory that nobody has written to costs nothing
    out = np.zeros(shape, part.dtype)
    if part.size and all(matrix.size for matrix in matrices):
        for axis in sorted(range(3), key=lambda axis: (growth[axis], -axis)):
            part = _along(matrices[axis], part, axis)
        np.divide(part, per, out=part)
        out[tuple(reached)] = part
    for axis, covered in enumerate(covers):
        if not covered.all():
            index: list = [slice(None)] * 3
            index[axis] = ~covered
            out[tuple(index)] = outside
    return out


def _along(matrix: np.ndarray, array: np.ndarray, axis: int) -> np.ndarray:
    """The matrix times the array along one axis; no product needs a transposed copy of the result."""
    if axis == 0:
        return (matrix @ array.reshape(len(array), -1)).reshape(-1, *array.shape[1:])
    return np.matmul(matrix, array) if axis == 1 else np.matmul(array, matrix.T)


def _sampling_weights(n_source: int, n_target: int, scale: float, offset: float) -> tuple[np.ndarray, np.ndarray]:
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


def _sharing_weights(n_source: int, n_target: int, scale: float, offset: float) -> tuple[np.ndarray, np.ndarray]:
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


def _hats(n_source: int, centre: np.ndarray) -> np.ndarray:
    position = np.clip(centre, 0, n_source - 1)
    return np.clip(1 - np.abs(position[:, None] - np.arange(n_source)[None, :]), 0, None)


def _turned(array: np.ndarray, mapping: np.ndarray, shape: tuple[int, ...], order: int, outside: float) -> np.ndarray:
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


def labels_on(array: np.ndarray, source: Grid, grid: Grid) -> np.ndarray:
    """A label map on another grid: voxel by voxel where both have the same, else label by label where it is at least
    half."""
    if source.same_as(grid):
        return array
    same = copied(array, source, grid)
    if same is not None:
        return same
    found = np.zeros(grid.shape, array.dtype)
    for value in np.unique(array[array > 0]):
        found[resampled((array == value).astype(np.float32), source, grid) >= 0.5] = value
    return found
