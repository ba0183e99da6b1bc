"""Scores where some logits are infinite or NaN: classes a network forbids with -inf, or an overflow.

What lies outside M, and other classes' -inf, have no part in S; 0 * inf must not make it NaN.  What is not finite
inside M makes S so, and is counted.
"""

from __future__ import annotations

import torch


def inside_only(logits: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Logits ``[B, C, *spatial]`` as they are where all are finite, else with zeros outside M.

    weights: m ``[*spatial]``.
    """
    if bool(torch.isfinite(logits.detach()).all()):
        return logits
    return torch.where(weights.to(logits.device) > 0, logits, torch.zeros_like(logits))


def nonfinite_in(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Bool ``[*spatial]``: voxels of M whose score ``[*spatial]`` is infinite or NaN."""
    return ~torch.isfinite(values.detach()) & (weights.to(values.device) > 0)
