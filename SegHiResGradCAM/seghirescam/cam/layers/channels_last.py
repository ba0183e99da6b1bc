"""Activations whose last axis is the channels (``[B, *cells, K]``, as ConvNeXt computes inside its blocks): no layers.

Their sizes can be those of a grid by chance (96 cells and 96 channels), and a map of one would show channels as places.
"""

from __future__ import annotations

import torch


def channels_last(module: torch.nn.Module, given: int | None, output: torch.Tensor, known: set[int]) -> bool:
    """Whether what a module returned has its channels last.

    given: id of its input.  known: ids of tensors of which that has been found; they are alive.
    """
    if output.ndim < 4:
        return False  # tokens
    if isinstance(module, torch.nn.Linear):
        return True
    if isinstance(module, torch.nn.LayerNorm):
        stated = getattr(module, "data_format", None)
        plain = stated == "channels_last" or (stated is None and type(module) is torch.nn.LayerNorm)
        return plain and tuple(module.normalized_shape) == (output.shape[-1],)
    # what works voxel by voxel keeps the axes where they are
    bare = next(module.parameters(), None) is None and next(module.children(), None) is None
    return bare and given in known
