"""An image's way through MONAI's transforms: in with its place, out with the place MONAI gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...protocol.errors import ImageError, ModelError, SegHiResCamError
from ...protocol.grid import Grid
from ..axes import REVERSE
from ..monai_library import monai


def through(chain: Sequence, keys: Sequence[str], array: np.ndarray, affine: np.ndarray):
    """What MONAI's transforms make of float32 ``[C, x, y, z]`` with that affine (RAS).

    keys: the transforms' input keys; () for transforms of plain arrays.  Raises ModelError where one fails.
    """
    import torch

    tensors, transforms = monai("data"), monai("transforms")
    # NIfTI keeps its matrix in float32; 14 slices of 3 mm are 20.5 of 2 mm, and MONAI rounds by the last digit
    affine = np.asarray(affine, dtype=np.float32).astype(float)
    meta = {"space": "RAS", "original_affine": np.array(affine), "spatial_shape": np.array(array.shape[1:])}

    def tensor(part):
        return tensors.MetaTensor(torch.from_numpy(part), affine=torch.tensor(affine), meta=dict(meta))

    if not keys:
        data = tensor(array)
    elif len(keys) == 1:
        data = {keys[0]: tensor(array)}
    else:  # one file a key, joined by the chain
        data = {key: tensor(array[n : n + 1]) for n, key in enumerate(keys)}
    try:
        with torch.no_grad():
            data = transforms.Compose(list(chain))(data)
        if not keys:
            return data
        return data["image" if "image" in data else keys[0]]
    except (Exception, SystemExit) as error:  # an author's transform (after a yes) must not end the worker
        reason = error.__cause__ or error
        if isinstance(reason, SegHiResCamError):
            raise reason from error
        line = (str(reason).splitlines() or [""])[0][:200]
        raise ModelError(
            f"The model's preprocessing failed on this image: {type(reason).__name__}: {line}.",
            "Give an image like those the model was made for (orientation, size, channels).",
        ) from error


def placed(found, before: Grid) -> tuple[np.ndarray, Grid]:
    """Float32 ``[C, x, y, z]`` of what :func:`through` gave, and its grid, whose array axes are x, y, z.

    Raises ModelError where it has lost its place, ImageError where nothing is left of it.
    """
    affine = getattr(found, "affine", None)
    if affine is None or found.ndim != 4:
        raise ModelError(
            "The bundle's preprocessing did not return a volume with its geometry.",
            "It must keep MONAI's MetaTensor [C, x, y, z] (no ToNumpy, no track_meta=False).",
        )
    if 0 in found.shape:
        raise ImageError("The model's preprocessing cropped the whole image away.", "Is there anything in it?")
    matrix = np.asarray(affine, dtype=float) @ REVERSE
    grid = replace(before, shape=found.shape[1:], ijk_to_ras=matrix)
    return found.detach().cpu().numpy().astype(np.float32, copy=False), grid
