"""Weights files of the demo networks: safetensors, the normalisation in the metadata. torch is imported on loading."""

from __future__ import annotations

import struct
from pathlib import Path

from ...protocol.errors import DependencyError, ModelError
from ...protocol.untrusted import json_value, named, opened_file, short

FORMAT = "seghirescam-demo-1"


def save(network, path: Path, model: str, norm: str) -> None:
    """float16 for kernels, float32 for everything small: running variances do not survive float16.

    Heads that only training used (``aux.*``) are left out.
    """
    import torch
    from safetensors.torch import save as to_bytes

    tensors = {
        name: value.detach().to(torch.float16 if value.ndim > 1 else value.dtype).contiguous()
        for name, value in network.state_dict().items()
        if not name.startswith("aux.")
    }
    # not save_file: it makes files that only their owner can read
    Path(path).write_bytes(to_bytes(tensors, metadata={"format": FORMAT, "model": model, "norm": norm}))


def load(path: Path):
    """The network of a weights file, float32, in eval mode. Strict. Raises ModelError for any other file,
    DependencyError."""
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise DependencyError.of("A demo network", "safetensors") from error

    from .network import SmallUNet
    from .preprocessing import CLASSES

    network = SmallUNet(metadata(path)["norm"], len(CLASSES))
    try:
        network.load_state_dict(load_file(str(path)), strict=True)
    except (SafetensorError, RuntimeError) as error:
        raise ModelError(
            f"The weights in {Path(path).name} are damaged or belong to another network.",
            "Make them again: python3 dev.py train --out DIR.",
        ) from error
    return network.eval()


def metadata(path: Path) -> dict[str, str]:
    """What the file's header says (standard library only). Raises ModelError if it is no demo weights file."""
    try:
        with opened_file(path) as (file, _):
            (length,) = struct.unpack("<Q", file.read(8))
            if length > 1_000_000:
                raise ValueError("the header is too long")
            found = json_value(file.read(length)).get("__metadata__", {})
    except (ValueError, AttributeError, struct.error) as error:
        raise ModelError(f"{named(path)} cannot be read as demo weights: {short(error)}.", "Check the path.") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT or found.get("norm") not in ("batch", "instance"):
        raise ModelError(f"{named(path)} holds no demo network.", "Open weights written by python3 dev.py train.")
    return found
