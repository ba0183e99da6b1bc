"""What is differentiated: a scalar for every voxel, summed over the pixel set M.

S = sum_v m(v) s(v), as in Seg-Grad-CAM (Vinogradova 2020) and Rheude et al. 2024, Eq. 5.  M is frozen: no gradient
runs through it.  Scores of logits are in logit; a contrast or log-odds is a difference of logits and keeps the unit.
Where the network has no logits (masks found by queries) the unit names what stands for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch

from ...protocol.errors import ClassError
from .heads import BINARY, SIGMOID


@dataclass(frozen=True)
class Score:
    """Base: ``values(logits, head)`` maps ``[B, C, *spatial]`` to ``[B, *spatial]``.

    linear: values of a weighted sum of logits are the weighted sum of the values.
    """

    class_index: int

    name: ClassVar[str]
    unit: str = field(default="logit", kw_only=True)
    linear: ClassVar[bool] = True

    def values(self, logits: torch.Tensor, head: str) -> torch.Tensor:
        raise NotImplementedError

    def title(self, names: dict[int, str]) -> str:
        raise NotImplementedError


class ClassLogit(Score):
    """s(v) = y_c(v), the paper's choice."""

    name = "logit"

    def values(self, logits, head):
        return class_logit(logits, self.class_index, head)

    def title(self, names):
        return f"{self.unit} of {names[self.class_index]}"


class LogOdds(Score):
    """s(v) = y_c(v) - logsumexp over the other classes: the log-odds of class c under the softmax.

    A sigmoid channel's logit already is its log-odds, so there it equals ClassLogit; for a binary head z it is z or -z.
    """

    name = "log_odds"
    linear = False

    def values(self, logits, head):
        own = class_logit(logits, self.class_index, head)
        if head in (SIGMOID, BINARY):
            return own
        others = [c for c in range(logits.shape[1]) if c != self.class_index]
        return own - torch.logsumexp(logits[:, others], dim=1)

    def title(self, names):
        return f"log-odds of {names[self.class_index]}"


@dataclass(frozen=True)
class Contrast(Score):
    """s(v) = y_c(v) - y_r(v): why class c and not the rival r?"""

    rival_index: int

    name = "contrast"

    def __post_init__(self):
        if self.rival_index == self.class_index:
            raise ClassError("A class cannot be its own rival.", "Choose another rival class.")

    def values(self, logits, head):
        return class_logit(logits, self.class_index, head) - class_logit(logits, self.rival_index, head)

    def title(self, names):
        return f"{self.unit} of {names[self.class_index]} minus {names[self.rival_index]}"


def class_logit(logits: torch.Tensor, index: int, head: str) -> torch.Tensor:
    """``[B, *spatial]`` logit of one class; a binary head z gives z for class 1 and -z for class 0."""
    if head == BINARY:
        if logits.shape[1] != 1 or index not in (0, 1):
            raise ClassError(f"A binary head has one channel and classes 0 and 1, got class {index}.")
        return logits[:, 0] if index == 1 else -logits[:, 0]
    if not 0 <= index < logits.shape[1]:
        raise ClassError(f"The network has {logits.shape[1]} output channels, class {index} is not among them.")
    return logits[:, index]


def decide(logits: torch.Tensor, index: int, head: str) -> torch.Tensor:
    """Where the network chooses class ``index``: bool ``[B, *spatial]`` (arg-max, or logit > 0 for sigmoid heads)."""
    if head in (SIGMOID, BINARY):
        return class_logit(logits, index, head) > 0
    return logits.argmax(dim=1) == index
