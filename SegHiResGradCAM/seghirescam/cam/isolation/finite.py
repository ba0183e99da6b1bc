"""Scores where some logits are infinite or NaN: classes a network forbids with -inf, or an overflow.

What lies outside M, and other classes' -inf, have no part in S; 0 * inf must not make it NaN.  What is not finite
inside M makes S so, and is counted.
"""

from __future__ import annotations

import torch


def inside_only(logits: torch.Tensor, weights: torch.Tensor, finite: bool | None = None) -> torch.Tensor:
    """Logits ``[B, C, *spatial]`` as they are where all are finite, else with zeros outside M: the same to S.

    weights: m ``[*spatial]``.  finite: whether all are, where that is known; on a GPU nobody looks, which would wait.
    """
    if finite is None and logits.device.type != "cuda":
        finite = all_finite(logits)
    if finite:
        return logits
    return torch.where(weights.to(logits.device) > 0, logits, torch.zeros_like(logits))


def all_finite(logits: torch.Tensor) -> bool:
    return bool(torch.isfinite(logits.detach()).all())


def doubled(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """m s, to be summed with ``dtype=torch.float64``: a double's product on the CPU; a GPU's stays float32, where the
    sum alone is in double (weights of 0 and 1 are exact so, too).  Both ``[*spatial]`` or ``[B, *spatial]``."""
    values = values.detach()
    if values.device.type == "cuda":
        return values * weights.to(values.device, values.dtype)
    if values.device.type == "mps":  # which knows no double
        values = values.cpu()
    return values.double() * weights.to(values.device).double()


def nonfinite_in(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Bool ``[*spatial]``: voxels of M whose score ``[*spatial]`` is infinite or NaN."""
    return ~torch.isfinite(values.detach()) & (weights.to(values.device) > 0)
