"""Weights from a file into a network: data only, complete, finite, and fitting. Nothing in a weights file can run."""

from __future__ import annotations

import hashlib
import pickle
import re
import tarfile
import zipfile
from pathlib import Path

from ...protocol.errors import ModelError
from ...protocol.untrusted import opened_zip, zip_names
from .left_out import without_objects
from .prefixes import fitted

#: earlier versions can run code from a weights-only checkpoint (CVE-2025-32434, CVE-2026-24747)
SAFE_TORCH = (2, 10)
#: where training scripts put the state_dict inside a checkpoint, the likeliest first
_NESTED = (
    "state_dict", "model_state_dict", "network_weights", "network_state_dict", "model", "net", "network", "module",
    "weights", "ema", "state_dict_ema", "model_ema",
)  # fmt: skip
#: checkpoints nest this deep at most
_DEEP = 3
#: what wrappers (DataParallel, torch.compile) put in front of every name
_PREFIXES = ("module.", "_orig_mod.")


def load_state(path: Path) -> dict:
    """name -> tensor, on the CPU. Raises ModelError for damaged, pickled, foreign and non-finite content."""
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"The weights file '{path.name}' is not there.", "It was moved or deleted.")
    state = _safetensors(path) if path.suffix == ".safetensors" else _state_in_checkpoint(path)
    return finite(state, path.name)


class State(dict):
    """name -> tensor.  told: sentences about what of the file was left out."""

    told: tuple[str, ...] = ()


def _state_in_checkpoint(path):
    try:
        return _state_of(read_checkpoint(path), path.name)
    except ModelError as error:
        if not isinstance(error.__cause__, pickle.UnpicklingError):
            raise
        found = without_objects(path)
        try:
            state = State(_state_of(found[0], path.name)) if found else None
        except ModelError:
            state = None
        if state is None:
            raise
        names = ", ".join(found[1][:3]) + (", ..." if len(found[1]) > 3 else "")
        state.told = (f"The checkpoint also holds Python objects ({names}); only its weights were read.",)
        return state


def unwrapped_and_finite(state: dict, name: str) -> dict:
    """The state_dict without what wrappers put in front of its names; raises ModelError for NaN and infinity."""
    for prefix in _PREFIXES:
        if state and all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return finite(state, name)


def finite(state: dict, name: str, what: str = "checkpoint") -> dict:
    """The state_dict itself; raises ModelError for NaN and infinity. what: another of which might do."""
    for key, value in state.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise ModelError(
                f"The weights '{key}' in '{name}' hold NaN or infinite values.",
                f"The training has probably diverged; use another {what}.",
            )
    return state


def put_into(network, state: dict, name: str) -> tuple[str, ...]:
    """Load strictly, after :func:`prefixes.fitted`; returns what that did, as sentences for the user.

    Raises ModelError with the first five names of each kind that do not fit.
    """
    wanted, told = network.state_dict(), getattr(state, "told", ())
    state, notes = fitted(state, wanted)
    # counters that old checkpoints lack do nothing in evaluation
    missing = [key for key in wanted if key not in state and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in state if key not in wanted]
    shapes = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(wanted[key].shape)}"
        for key in wanted
        if key in state and state[key].shape != wanted[key].shape
    ]
    problems = [
        f"{len(keys)} {what} ({', '.join(keys[:5])}{', ...' if len(keys) > 5 else ''})"
        for what, keys in (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
        if keys
    ]
    if problems:
        raise ModelError(
            f"The weights in '{name}' do not fit this network: {'; '.join(problems)}.",
            "Give the weights and the function that belong together.",
            missing=len(missing),
            unexpected=len(unexpected),
            other_shape=len(shapes),
        )
    network.load_state_dict(state, strict=False)
    return (*told, *notes)


def _safetensors(path):
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        from ...protocol.errors import DependencyError

        raise DependencyError.of("Reading these weights", "safetensors") from error
    try:
        return load_file(str(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path) from error


def read_checkpoint(path: Path, allowed=(), mapped: bool = False):
    """What a torch.save file holds, tensors on the CPU; nothing in it can run.

    allowed: harmless types beyond PyTorch's own list (torch.serialization.safe_globals).  mapped: leave the tensors on
    disk until they are used, where the file's format allows it.  Raises ModelError for damaged and foreign content.
    """
    import torch

    version = tuple(int(n) for n in re.findall(r"\d+", torch.__version__)[:2])
    if version < SAFE_TORCH:
        raise ModelError(
            f"PyTorch {torch.__version__} can run code from a checkpoint; '{path.name}' was not opened.",
            "Install PyTorch 2.10 or newer, or save the weights as .safetensors.",
        )
    if _is_program(path):
        raise ModelError(
            f"'{path.name}' is a TorchScript program, not weights; it was not opened.",
            "Save the state_dict: torch.save(network.state_dict(), path).",
        )
    if not _looks_like_a_checkpoint(path):
        raise _damaged(path)
    try:
        with torch.serialization.safe_globals(list(allowed)):
            # the format before torch 1.6 cannot be mapped
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped and zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"'{path.name}' holds Python objects, not only weights; it was not opened.",
            "Save the state_dict: torch.save(network.state_dict(), path).",
        ) from error
    except Exception as error:  # torch raises whatever the damaged bytes lead to
        raise _damaged(path) from error


def _state_of(found, name):
    import torch

    found = state_in(found)
    if not isinstance(found, dict) or not found or not all(isinstance(v, torch.Tensor) for v in found.values()):
        raise ModelError(f"'{name}' holds no state_dict.", "Save it: torch.save(network.state_dict(), path).")
    return {str(key): value for key, value in found.items()}


def state_in(found):
    """The state_dict inside a checkpoint, where it is one that is known; else what was given."""
    for _ in range(_DEEP):
        held = found if isinstance(found, dict) else {}
        key = next((key for key in _NESTED if isinstance(held.get(key), dict) and held[key]), None)
        if key is None:
            return found
        found = held[key]
    return found


def _is_program(path):
    """TorchScript: torch.load would hand it on to torch.jit.load."""
    return any(name.lower().endswith("/constants.pkl") for name in zip_names(path))


def _looks_like_a_checkpoint(path):
    """A whole zip file (since torch 1.6), or a pickle of protocol 2 and later; never the old tar format."""
    with open(path, "rb") as file:
        start = file.read(4)
    if zipfile.is_zipfile(path):
        try:  # torch packs nothing: what unpacks to far more than it is was not written by it
            opened_zip(path, growth=10).close()
        except zipfile.BadZipFile:
            return False
        return True
    return start[:1] == b"\x80" and not tarfile.is_tarfile(path)


def _damaged(path):
    content = path.read_bytes()
    return ModelError(
        f"The weights file '{path.name}' is damaged ({len(content)} bytes, "
        f"SHA-256 {hashlib.sha256(content).hexdigest()[:12]}).",
        "Copy or download it again.",
        bytes=len(content),
    )
