"""Maps of a coarse layer on the input's grid, every cell where it sits (:mod:`probe`), on any device.

``interpolated`` carries values (masks); ``shared_out`` carries amounts: their sum stays the same.
"""

from __future__ import annotations

import torch


def interpolated(maps: torch.Tensor, shape, starts, strides) -> torch.Tensor:
    """``[K, *cells]`` to ``[K, *shape]``, linear between cell centres, constant beyond the outermost ones.

    starts, strides: position of cell 0 and distance of cells, in voxels of the target per axis.
    """
    for axis, (size, start, stride) in enumerate(zip(shape, starts, strides, strict=True)):
        cells = maps.shape[1 + axis]
        where = (torch.arange(size, device=maps.device, dtype=maps.dtype) - start) / stride
        where = where.clamp(0, cells - 1)
        low = where.floor().long().clamp(max=max(0, cells - 2))
        high = (low + 1).clamp(max=cells - 1)
        part = (where - low).view(-1, *[1] * (maps.ndim - 2 - axis))
        near, far = maps.index_select(1 + axis, low), maps.index_select(1 + axis, high)
        maps = torch.lerp(near, far, part)
    return maps


def shared_out(cells: torch.Tensor, shape, starts, strides) -> torch.Tensor:
    """``[*cells]`` to ``[*shape]``: what a cell holds is divided among the voxels nearest to it; the sum is kept.

    A cell that is nearest to no voxel (finer than the target) gives to the voxel nearest to its centre.
    """
    for axis, (size, start, stride) in enumerate(zip(shape, starts, strides, strict=True)):
        count = cells.shape[axis]
        # small tables, made on the CPU: not every device has float64
        owner = torch.round((torch.arange(size, dtype=torch.float64) - start) / stride).clamp(0, count - 1).long()
        voxels = torch.bincount(owner, minlength=count)
        shares = torch.where(voxels > 0, 1.0 / voxels.clamp_min(1).double(), 0.0).to(cells.device, cells.dtype)
        divided = cells * shares.view(-1, *[1] * (cells.ndim - 1 - axis))
        out = divided.index_select(axis, owner.to(cells.device))
        lonely = torch.arange(count)[voxels == 0]
        if len(lonely):
            nearest = torch.round(start + stride * lonely.double()).clamp(0, size - 1).long()
            given = cells.index_select(axis, lonely.to(cells.device))
            out = out.index_add(axis, nearest.to(cells.device), given)
        cells = out
    return cells
