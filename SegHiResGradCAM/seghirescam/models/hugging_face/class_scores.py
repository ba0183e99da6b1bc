"""Networks of ``transformers`` as networks that return one tensor: logits, or the logarithm of a class score.

Cheng et al. 2021, "Per-Pixel Classification is Not All You Need" (NeurIPS), section 3.4, and transformers'
``post_process_semantic_segmentation``: a network with queries q says p_q(c), a softmax over classes and "no object",
and a mask m_q(v).  The score of class c at pixel v is P_c(v) = sum_q p_q(c) sigmoid(m_q(v)), without "no object"; the
library takes the largest.  What is explained is log P_c: differences of it are log ratios, as those of logits are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

#: transformers brings the masks of every Mask2Former to this size before it forms the score
MASK2FORMER_SIZE = (384, 384)


class _Answers:
    """What a network said before it was enlarged; one for all copies of the network.

    sizes: input size -> size at which it answers.  last: ``[C, *size]`` of its last pass, on the CPU.
    """

    def __init__(self):
        self.sizes: dict[tuple[int, int], tuple[int, int]] = {}
        self.last: torch.Tensor | None = None

    def __deepcopy__(self, memo):
        return self


class PixelLogits(torch.nn.Module):
    """``[B, C, H, W]`` -> logits ``[B, classes, H, W]``, enlarged as the library does."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model
        self.answers = _Answers()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.as_logits(self._enlarged(self.model(pixel_values=image).logits, image))

    def as_logits(self, values: torch.Tensor) -> torch.Tensor:
        """What is explained, from the values that the library compares."""
        return values

    def compared(self, logits: np.ndarray, again: Callable[[], object] | None = None) -> np.ndarray:
        """The values that the library compares, at the network's own size, from logits ``[C, H, W]`` made of them.

        Those of the last pass where the logits are its; else the enlarging is undone, to about a millionth of the
        largest value nearby.  again: makes that pass once more; asked where the own size was reduced, which cannot be
        undone.
        """
        size = tuple(logits.shape[1:])
        own = self.answers.sizes.get(size, size)
        found, reduced = self._of_last(logits), any(a > b for a, b in zip(own, size, strict=True))
        if found is None and reduced and again is not None:
            again()
            found = self._of_last(logits)
        if found is not None:
            return found
        values = self.undone(logits.astype(np.float64))
        return values if reduced else before_enlarging(values, own)

    def _of_last(self, logits):
        """What the last pass answered, where these logits were made of it; else None."""
        last = self.answers.last
        if last is None or len(last) != len(logits):
            return None
        same = self.as_logits(resized(last[None], tuple(logits.shape[1:])))[0].numpy()
        return last.numpy() if np.allclose(same, logits, rtol=1e-4, atol=1e-4) else None

    def undone(self, logits: np.ndarray) -> np.ndarray:
        return logits

    def _enlarged(self, values: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        size = tuple(image.shape[2:])
        self.answers.sizes[size] = tuple(values.shape[2:])
        self.answers.last = values[0].detach().float().cpu()
        return values if tuple(values.shape[2:]) == size else resized(values, size)


class QueryScores(PixelLogits):
    """``[B, C, H, W]`` -> log P ``[B, classes, H, W]``.

    first: the size the masks are brought to before anything else, None: as they are.  task: token ids ``[1, N]`` of the
    task, for networks that are told one.
    """

    def __init__(self, model: torch.nn.Module, first: tuple[int, int] | None = None, task: torch.Tensor | None = None):
        super().__init__(model)
        self.first = first
        self.register_buffer("task", task, persistent=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        words = {} if self.task is None else {"task_inputs": self.task.expand(image.shape[0], -1)}
        out = self.model(pixel_values=image, **words)
        masks = out.masks_queries_logits
        if self.first is not None:
            masks = resized(masks, self.first)
        classes = out.class_queries_logits.softmax(dim=-1)[..., :-1]
        return self.as_logits(self._enlarged(torch.einsum("bqc,bqhw->bchw", classes, masks.sigmoid()), image))

    def as_logits(self, values: torch.Tensor) -> torch.Tensor:
        return values.clamp_min(torch.finfo(values.dtype).tiny).log()

    def undone(self, logits: np.ndarray) -> np.ndarray:
        return np.exp(logits)


def resized(values: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Bilinear, corners not aligned, no smoothing: as transformers resizes logits."""
    return functional.interpolate(values, size=size, mode="bilinear", align_corners=False)


def before_enlarging(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """``[C, *size]`` of which :func:`resized` made ``values`` ``[C, H, W]``, H and W not smaller: its exact inverse."""
    for axis, (small, large) in enumerate(zip(size, values.shape[1:], strict=True), start=1):
        if small != large:
            back = np.linalg.pinv(_enlarging(small, large))
            values = np.moveaxis(np.tensordot(back, values, axes=(1, axis)), 0, axis)
    return values


def _enlarging(small: int, large: int) -> np.ndarray:
    """The matrix ``[large, small]`` of enlarging along one axis."""
    one = torch.eye(small, dtype=torch.float64)[None]
    return functional.interpolate(one, size=large, mode="linear", align_corners=False)[0].T.numpy()
