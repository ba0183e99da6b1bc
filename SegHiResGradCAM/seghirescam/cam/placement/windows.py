"""Sliding windows with an exact meaning: which windows matter to a pixel set, and with which weights.

Inference fuses logits, y(v) = (1/RF) sum over F folds, R mirrorings and windows p of w_p(v) y_p(v) / W(v), where
W = sum_p w_p.  The score S = sum_v m(v) y_c(v) therefore is a sum over windows, each with the soft pixel set
m_p = m w_p / (R F W).  Gradients are linear, so the signed maps of the windows add up to the map of S; the window
weights are in m_p already and must not be applied again.  A window with m_p = 0 has gradient zero and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch

from ...protocol.errors import ModelError
from ..isolation.host_copies import copy_to_host

Offset = tuple[int, int, int]


class WindowPlan:
    """All windows of one volume. Axes are (K, J, I) throughout; a 2D network has windows of one slice.

    shape: of the volume.  offsets: where windows start in it, negative where the volume is smaller than a window.
    flips: the mirrorings, each a tuple of axes, the first one empty.  importance: w, float32 ``[*size]``.
    """

    def __init__(self, shape, size, offsets, importance, mirror_axes=(), pad_value=0.0):
        self.shape, self.size = tuple(shape), tuple(int(n) for n in size)
        padded = tuple(max(n, s) for n, s in zip(self.shape, self.size, strict=True))
        before = tuple((p - n) // 2 for p, n in zip(padded, self.shape, strict=True))
        self.offsets: list[Offset] = [
            tuple(int(o) - b for o, b in zip(offset, before, strict=True)) for offset in offsets(padded)
        ]
        if len(set(self.offsets)) < len(self.offsets):
            raise ModelError("The model's windows name a place twice.", "This is a fault of the model's loader.")
        self.importance = np.ascontiguousarray(importance, dtype=np.float32)
        if self.importance.shape != self.size or not (self.importance > 0).all():
            raise ModelError(
                f"The windows' importance must be positive and of shape {self.size}, got {self.importance.shape}.",
                "This is a fault of the model's loader.",
            )
        axes = sorted(set(mirror_axes))
        self.flips = [flip for n in range(len(axes) + 1) for flip in combinations(axes, n)]
        self.pad_value = float(pad_value)

    @staticmethod
    def of(windows, shape) -> WindowPlan:
        """From a :class:`segmentation_model.Windows`; None means one window, the volume itself."""
        if windows is None:
            return WindowPlan(shape, shape, lambda padded: [(0, 0, 0)], np.ones(shape, dtype=np.float32))
        return WindowPlan(
            shape, windows.size, windows.offsets, windows.importance, windows.mirror_axes, windows.pad_value
        )

    def overlap(self, offset: Offset, low=(0, 0, 0), high=None):
        """(slices of the box from ``low`` to ``high``, slices of the window) where both meet, or None."""
        box, window = [], []
        for o, s, a, b in zip(offset, self.size, low, self.shape if high is None else high, strict=True):
            first, last = max(o, a), min(o + s, b)
            if first >= last:
                return None
            box.append(slice(first - a, last - a))
            window.append(slice(first - o, last - o))
        return tuple(box), tuple(window)

    def cut(self, volume: torch.Tensor, offset: Offset, flip=()) -> torch.Tensor:
        """The window ``[1, C, *size]`` of ``[1, C, K, J, I]``: a copy, padded and mirrored."""
        patch = volume.new_full((*volume.shape[:2], *self.size), self.pad_value)
        inside, within = self.overlap(offset)
        patch[(slice(None), slice(None), *within)] = volume[(slice(None), slice(None), *inside)]
        return patch.flip([2 + axis for axis in flip]) if flip else patch

    def total_weight(self, low, high) -> np.ndarray:
        """W = sum_p w_p in a box, float32."""
        total = np.zeros([b - a for a, b in zip(low, high, strict=True)], dtype=np.float32)
        for offset in self.offsets:
            meeting = self.overlap(offset, low, high)
            if meeting is not None:
                total[meeting[0]] += self.importance[meeting[1]]
        return total


@dataclass(eq=False)
class Seeds:
    """m_p of one pixel set: what every window's logits are weighted with.

    low, high: the box around M.  share: m / W in that box.  touched: offset -> its share of M's weight; these windows
    meet M, the largest first; all others have gradient zero.  left_out, dropped: share of M's weight in windows that
    a tolerance left out, and their number.
    """

    low: Offset
    high: Offset
    share: np.ndarray
    touched: dict[Offset, float]
    left_out: float
    dropped: int = 0

    @staticmethod
    def of(plan: WindowPlan, weights: np.ndarray, tolerance: float = 0.0) -> Seeds:
        """weights: m on the whole volume, not empty.  tolerance: the share of M's weight that may be left out."""
        low, high = _box(weights)
        inner = weights[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        total = plan.total_weight(low, high)
        if not (total[inner > 0] > 0).all():
            raise ModelError("The model's windows leave gaps in the volume.", "This is a fault of the model's loader.")
        share = np.divide(inner, total, out=np.zeros_like(total), where=total > 0)
        found, whole = {}, float(inner.sum(dtype=np.float64))
        for offset in plan.offsets:
            meeting = plan.overlap(offset, low, high)
            if meeting is not None:
                amount = float((share[meeting[0]] * plan.importance[meeting[1]]).sum(dtype=np.float64))
                if amount > 0:
                    found[offset] = amount / whole
        touched, covered = {}, 0.0
        for offset, part in sorted(found.items(), key=lambda item: -item[1]):
            if tolerance and touched and covered >= 1 - tolerance:
                break
            touched[offset] = part
            covered += part
        left_out = sum(found.values()) - covered if len(touched) < len(found) else 0.0
        return Seeds(low, high, share, touched, left_out, len(found) - len(touched))

    def window(self, plan: WindowPlan, offset: Offset, runs: int, flip=()) -> np.ndarray:
        """m_p of one run, ``[*size]`` float32, mirrored like its input; runs: R times F."""
        seed = np.zeros(plan.size, dtype=np.float32)
        box, within = plan.overlap(offset, self.low, self.high)
        seed[within] = self.share[box] * plan.importance[within] / runs
        return np.ascontiguousarray(np.flip(seed, flip)) if flip else seed


def _box(weights):
    """Smallest box around the voxels above zero, without a copy of the volume's size."""
    low, high = [], []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        found = np.flatnonzero(weights.any(axis=others))
        low.append(int(found[0]))
        high.append(int(found[-1]) + 1)
    return tuple(low), tuple(high)


class Fused:
    """One pass over windows whose logits are added up as the model's own inference does.

    where: the device of the sums.  Sums in RAM of windows from a GPU take them through pinned memory, a window behind:
    nobody waits for a copy while the next window is computed.
    """

    def __init__(self, plan: WindowPlan, channels: int, runs: int, where: torch.device | str = "cpu"):
        self.plan, self.runs = plan, runs
        self.total = torch.zeros((channels, *plan.shape), dtype=torch.float32, device=where)
        self._weight = torch.as_tensor(plan.importance).to(where)
        self._coming: list[tuple] = []

    def add(self, logits: torch.Tensor, offset: Offset, flip=()) -> None:
        """logits: ``[C, *size]`` of one window, still mirrored."""
        logits = logits.detach().float()
        if logits.device == self.total.device:
            self._add(logits, offset, flip)
            return
        self._coming.append((*copy_to_host(logits), offset, flip))
        if len(self._coming) > 1:
            self._take()

    def _take(self):
        copy, wait, offset, flip = self._coming.pop(0)
        wait()
        self._add(copy, offset, flip)

    def _add(self, logits, offset, flip):
        if flip:
            logits = logits.flip([1 + axis for axis in flip])
        inside, within = self.plan.overlap(offset)
        self.total[(slice(None), *inside)] += logits[(slice(None), *within)] * self._weight[within]

    def logits(self) -> torch.Tensor:
        """``[C, K, J, I]`` on the device of the sums; call once, they are divided in place."""
        while self._coming:
            self._take()
        weight = torch.as_tensor(self.plan.total_weight((0, 0, 0), self.plan.shape)).to(self.total.device)
        return self.total.div_(weight.mul_(self.runs))
