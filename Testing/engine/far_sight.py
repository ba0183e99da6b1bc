"""A network that looks elsewhere, in windows, mirrored and in folds; and its fused answer by numpy alone, float64.

Beyond a window's edge it sees zeros, so that an answer from windows is another one than from the whole volume, and
mirrored it looks to the other side.
"""

import numpy as np
import torch
from torch import nn

from engine.windowed_models import stepping
from seghirescam.models.plain import PlainModel
from seghirescam.models.segmentation_model import Windows

CLASSES = ("rest", "object", "look-alike")
CHANNELS = ("T1", "T2", "FLAIR")
CONSTANT, BIAS = 0.3, 0.4
SHAPES = {2: (1, 10, 20), 3: (3, 10, 20)}
SIZES, STEP = {2: (1, 6, 12), 3: (2, 6, 12)}, (1, 4, 8)


class FarSight(nn.Module):
    """0.3 | a x0(v + far) |x1|(v + near) + x0(v + far) + x2(v - near) + 0.4 | max(x1, x2)(v + near) / 2.

    far, near: voxels along the last axis.
    """

    def __init__(self, a, far, near):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(float(a), dtype=torch.float64))
        self.far, self.near = far, near

    def forward(self, x):
        def moved(channel, by):
            return torch.nn.functional.pad(x[:, channel], (max(0, -by), max(0, by)))[
                ..., max(0, by) : max(0, by) + x.shape[-1]
            ]

        one = (self.a * moved(1, self.near).abs() + 1) * moved(0, self.far) + moved(2, -self.near) + BIAS
        two = torch.maximum(moved(1, self.near), moved(2, self.near)) / 2
        return torch.stack([0 * one + CONSTANT, one, two], dim=1)


class Sight:
    """One of the sixteen kinds: the engine's model, and :meth:`logits` without it."""

    def __init__(self, head, dims, windowed, folds, far=3, near=1):
        self.strengths, self.far, self.near = [0.5 + 0.7 * n for n in range(folds)], far, near
        self.size = SIZES[dims] if windowed else None
        networks = [FarSight(a, far, near) for a in self.strengths]
        windows = None
        if windowed:
            self.importance = 1.0 + np.arange(np.prod(self.size)).reshape(self.size) % 5
            windows = Windows(self.size, stepping(self.size, STEP), self.importance.astype(np.float32), (2,))
        self.model = PlainModel(
            networks[0], CLASSES, channels=CHANNELS, spatial_dims=dims, head=head, activation="none", windows=windows,
            folds=networks[1:],
        )  # fmt: skip

    def logits(self, arrays):
        """``[..., 3, K, J, I]`` of arrays ``[..., 3, K, J, I]``: plain loops over folds, windows and mirrorings."""
        total, weight = np.zeros_like(arrays), np.zeros(arrays.shape[-3:])
        whole = arrays.shape[-3:]
        size = self.size or whole
        starts = [sorted({*range(0, n - s + 1, d), n - s}) for n, s, d in zip(whole, size, STEP, strict=True)]
        if self.size is None:
            starts = [[0]] * 3
        for k, j, i in np.stack(np.meshgrid(*starts, indexing="ij"), -1).reshape(-1, 3):
            place = (..., slice(k, k + size[0]), slice(j, j + size[1]), slice(i, i + size[2]))
            importance = self.importance if self.size else np.ones(size)
            for mirrored in (False, True) if self.size else (False,):
                for a in self.strengths:
                    patch = arrays[place][..., ::-1] if mirrored else arrays[place]
                    answer = self._one(patch, a)
                    total[place] += importance * (answer[..., ::-1] if mirrored else answer)
                    weight[place[1:]] += importance
        return total / weight

    def _one(self, x, a):
        def at(channel, by):
            found, n = np.zeros(x[..., 0, :, :, :].shape), x.shape[-1]
            for i in range(n):
                if 0 <= i + by < n:
                    found[..., i] = x[..., channel, :, :, i + by]
            return found

        one = (a * np.abs(at(1, self.near)) + 1) * at(0, self.far) + at(2, -self.near) + BIAS
        two = np.maximum(at(1, self.near), at(2, self.near)) / 2
        return np.stack([np.full_like(one, CONSTANT), one, two], axis=-4)


def chosen(logits, head, index=1):
    """Bool ``[..., K, J, I]``: where the class is drawn."""
    if head == "sigmoid":
        return logits[..., index, :, :, :] > 0
    return logits.argmax(axis=-4) == index
