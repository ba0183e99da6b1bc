"""nnU-Net checkpoints as data: tensors, words and numbers; the numpy scalars its logger leaves in them are let through.

nnU-Net itself loads them with weights_only=False, which runs whatever they hold.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterable
from pathlib import Path

from ...protocol.errors import ModelError
from .numpy_scalars import numpy_scalars
from .state import read_checkpoint, unwrapped_and_finite


def read_training_checkpoint(path: Path) -> dict:
    """The checkpoint's dict with clean "network_weights"; weights stay on disk until used, the optimizer is never read.

    Raises ModelError for damaged files, for Python objects beyond numpy scalars (named, not loaded), for a file without
    network weights, and for weights that are NaN or infinite.
    """
    name = f"{path.parent.name}/{path.name}"
    if not path.is_file():
        raise ModelError(f"The checkpoint '{name}' is not there.", "It was moved or deleted.")
    try:
        found = read_checkpoint(path, numpy_scalars(), mapped=True)
    except ModelError as error:
        foreign = _foreign(path) if isinstance(error.__cause__, pickle.UnpicklingError) else ""
        if not foreign:
            raise
        raise ModelError(
            f"The checkpoint '{name}' holds Python objects that could run code ({foreign}); it was not opened.",
            "Nothing was run. Use a checkpoint that nnU-Net saved itself, from a source you trust.",
        ) from error
    weights = found.get("network_weights") if isinstance(found, dict) else None
    if not isinstance(weights, dict) or not weights or not all(hasattr(v, "isfinite") for v in weights.values()):
        raise ModelError(f"'{name}' is no nnU-Net v2 checkpoint (no network_weights).", "Choose another file.")
    return {**found, "network_weights": unwrapped_and_finite(weights, name)}


def hash_of(paths: Iterable[Path]) -> str:
    """SHA-256 over the files' bytes one after the other, read in pieces."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            while piece := file.read(1 << 22):
                digest.update(piece)
    return digest.hexdigest()


def _foreign(path):
    """Names of the Python objects a checkpoint asks for, found without loading it ("" if that cannot be said)."""
    import torch

    try:
        with torch.serialization.safe_globals(numpy_scalars()):
            names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # a legacy or damaged file: the refusal stands without the names
        return ""
    return ", ".join(sorted(names)[:5])
