"""Windows seen in other images of one case: where a change does not reach, the network has answered already.

A window is known by its place, its mirroring, its fold and what the network is fed there, voxel by voxel: a model that
normalises the whole image changes all windows, and then all are run.  Kept of each is what lies in the box around the
pixel set, the part that is asked about.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from ...cam.placement.windows import Seeds
from ..memory import memory_of_machine

if TYPE_CHECKING:
    from ...cam.placement.windows import Offset
    from ..window_passes import WindowPasses

#: of the machine's free memory, for what is kept
SHARE = 0.25
_Key = tuple[tuple, int, "Offset", tuple[int, ...], bytes]


class KnownWindows:
    """One model, one frozen pixel set, many images. limit_bytes: None is a quarter of what is free; beyond it the
    windows that were not asked about for longest are forgotten.  spared: window passes that were not run."""

    def __init__(self, limit_bytes: int | None = None):
        self._limit = int(SHARE * memory_of_machine()[1]) if limit_bytes is None else limit_bytes
        self._kept: OrderedDict[_Key, torch.Tensor] = OrderedDict()
        self._nbytes = 0
        self._box: tuple = ()
        self.spared = 0

    def about(self, passes: WindowPasses, weights: np.ndarray) -> None:
        """What is asked about: m ``[K, J, I]`` on the grid of these passes."""
        seeds = Seeds.of(passes.plan, weights)
        self._box = (passes.plan.shape, passes.plan.size, seeds.low, seeds.high)

    def seen(
        self, passes: WindowPasses, fold: int, group: Sequence[Offset], flip: tuple[int, ...],
        run: Callable[[tuple[Offset, ...]], torch.Tensor],
    ) -> torch.Tensor:  # fmt: skip
        """Logits ``[B, C, *spatial]`` of a group of windows, right within the box. run: of those never seen."""
        keys = {offset: self._key(passes, fold, offset, flip) for offset in group}
        new = tuple(offset for offset in group if keys[offset] not in self._kept)
        self.spared += len(group) - len(new)
        if len(new) == len(group):
            logits = run(new)
            for offset, found in zip(new, logits, strict=True):
                self._keep(keys[offset], found, passes)
            return logits
        known = {offset: self._window(keys[offset], passes) for offset in group if offset not in new}
        if new:
            logits = run(new)
            for offset, found in zip(new, logits, strict=True):
                self._keep(keys[offset], found, passes)
                known[offset] = found
            known = {offset: one.to(logits.device, logits.dtype) for offset, one in known.items()}
        return torch.stack([known[offset] for offset in group])

    def _key(self, passes: WindowPasses, fold: int, offset: Offset, flip: tuple[int, ...]) -> _Key:
        fed = passes.batch((offset,), flip, torch.device("cpu")).contiguous()
        return self._box, fold, offset, flip, hashlib.sha256(fed.numpy().tobytes()).digest()

    def _part(self, key: _Key, passes: WindowPasses) -> tuple:
        """The box within the mirrored window, an index of its logits."""
        _, _, offset, flip, _ = key
        met = passes.plan.overlap(offset, *self._box[2:])
        assert met is not None  # only windows that meet the pixel set are run
        within = [
            slice(n - s.stop, n - s.start) if axis in flip else s
            for axis, (s, n) in enumerate(zip(met[1], passes.plan.size, strict=True))
        ]
        return (slice(None), *within[3 - passes.model.spatial_dims :])

    def _keep(self, key: _Key, logits: torch.Tensor, passes: WindowPasses) -> None:
        part = logits[self._part(key, passes)].detach().cpu().clone()
        self._kept[key] = part
        self._nbytes += part.nbytes
        while self._nbytes > self._limit and self._kept:
            self._nbytes -= self._kept.popitem(last=False)[1].nbytes

    def _window(self, key: _Key, passes: WindowPasses) -> torch.Tensor:
        self._kept.move_to_end(key)
        part = self._kept[key]
        size = passes.plan.size[3 - passes.model.spatial_dims :]
        logits = part.new_zeros((len(part), *size))
        logits[self._part(key, passes)] = part
        return logits
