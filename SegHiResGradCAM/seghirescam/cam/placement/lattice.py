"""Adding up the maps of windows that do not lie on one feature grid.

Cell u of a window at offset o sits at o + start + stride u.  Where all windows agree modulo the stride, the lattice is
the layer's own grid and maps are added cell by cell.  Where they do not (nnU-Net rounds its offsets), each cell is
shared among the points of a finer lattice by linear weights a cell wide; the step divides the stride, so the sum and
the centre of every cell are kept exactly.
"""

from __future__ import annotations

import math

import numpy as np

#: no finer than this many voxels, half a cell at most: viewers interpolate
_STEP = 4
#: maps whose positions differ by less than this share of a cell lie on one grid (measured centres are no whole numbers)
_SAME = 0.25
#: cells this much further than half a cell outside the image (in cells) still count as at its border
_RIM = 1e-3


class Lattice:
    """Sums of maps over a box of the volume. Axes (K, J, I), positions in voxels of the model grid.

    starts: for every map to come, the position of its cell 0 per axis.  cells, stride: of the layer.  valid: shape of
    the image; cells more than half a cell outside it (padding) are left out and counted in ``outside``.
    """

    def __init__(self, starts, cells, stride, valid):
        self.cells = tuple(cells)
        self._axes = [
            _Axis(sorted({s[axis] for s in starts}), cells[axis], stride[axis], valid[axis]) for axis in range(3)
        ]
        self._total: np.ndarray | None = None
        self.outside = 0.0
        self.magnitude = 0.0

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(axis.count for axis in self._axes)

    @property
    def nbytes(self) -> int:
        """Of the sums."""
        return 4 * math.prod(self.shape)

    @property
    def total(self) -> np.ndarray:
        """The sums ``[*shape]``, float32; they take memory from the first look on."""
        if self._total is None:
            self._total = np.zeros(self.shape, dtype=np.float32)
        return self._total

    @property
    def step(self) -> tuple[float, float, float]:
        """Voxels from one point to the next."""
        return tuple(axis.step for axis in self._axes)

    @property
    def origin(self) -> tuple[float, float, float]:
        """Position of the first point."""
        return tuple(axis.origin for axis in self._axes)

    def add(self, cells: np.ndarray, start) -> None:
        """Add one map ``[*cells]`` whose cell 0 sits at ``start``."""
        magnitude = float(np.abs(cells).sum(dtype=np.float64))
        index, values = [], cells
        for n, (axis, position) in enumerate(zip(self._axes, start, strict=True)):
            rows, kept, matrix = axis.sharing(position)
            values = np.take(values, range(kept.start, kept.stop), axis=n) if len(kept) < values.shape[n] else values
            if matrix is not None:
                values = np.moveaxis(np.tensordot(matrix, values, axes=(1, n)), 0, n)
            index.append(rows)
        inner = cells[
            tuple(slice(k.start, k.stop) for k in (a.kept(p) for a, p in zip(self._axes, start, strict=True)))
        ]
        self.magnitude += magnitude
        self.outside += magnitude - float(np.abs(inner).sum(dtype=np.float64))
        self.total[tuple(index)] += values


class _Axis:
    def __init__(self, starts, cells, stride, valid):
        self.stride, self.cells, self.valid = float(stride), cells, valid
        phases = [(s - starts[0] + self.stride / 2) % self.stride - self.stride / 2 for s in starts]
        self.aligned = max(phases) - min(phases) <= _SAME * self.stride
        self._anchor = starts[0] + (max(phases) + min(phases)) / 2 if self.aligned else starts[0]
        starts = [self._snapped(s) for s in starts]
        rim = _RIM * self.stride
        low, high = -self.stride / 2 - rim, valid - 1 + self.stride / 2 + rim
        ends = [s + self.stride * (cells - 1) for s in starts]
        if self.aligned:
            self.step, reach = self.stride, 0.0
        else:
            self.step = self.stride / math.ceil(self.stride / max(1.0, min(_STEP, self.stride / 2)) - 1e-9)
            reach = self.stride
        # a point of the lattice at the first start; then outwards as far as cells reach, but not out of the image
        anchor = self._anchor
        first = math.ceil((max(min(starts) - reach, low) - anchor) / self.step - 1e-9)
        last = math.floor((min(max(ends) + reach, high) - anchor) / self.step + 1e-9)
        self.origin, self.count = anchor + first * self.step, max(1, last - first + 1)

    def _snapped(self, start):
        if not self.aligned:
            return start
        return self._anchor + self.stride * round((start - self._anchor) / self.stride)

    def kept(self, start) -> range:
        """Cells within half a cell of the image."""
        start = self._snapped(start)
        low = math.ceil((-self.stride / 2 - start) / self.stride - _RIM - 1e-9)
        high = math.floor((self.valid - 1 + self.stride / 2 - start) / self.stride + _RIM + 1e-9)
        return range(max(0, low), max(max(0, low), min(self.cells, high + 1)))

    def sharing(self, start):
        """(rows of the lattice, cells that are kept, matrix [rows, cells kept] or None for one to one)."""
        start, kept = self._snapped(start), self.kept(start)
        centre = (start + self.stride * np.arange(kept.start, kept.stop) - self.origin) / self.step
        if not len(kept):
            return slice(0, 0), kept, None
        if self.aligned:
            first = round(float(centre[0]))
            return slice(first, first + len(kept)), kept, None
        width = self.stride / self.step
        first = max(0, math.ceil(centre[0] - width))
        last = min(self.count, math.floor(centre[-1] + width) + 1)
        matrix = np.clip(1 - np.abs(np.arange(first, last)[:, None] - centre[None, :]) / width, 0, None)
        matrix /= matrix.sum(axis=0, keepdims=True)
        return slice(first, last), kept, matrix.astype(np.float32)
