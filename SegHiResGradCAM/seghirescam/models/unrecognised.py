"""What a path holds that no kind recognises, in one sentence, and what to do with it.

Read as data only, in bounded time and memory: first bytes, lists of members, the table of a checkpoint's tensors
(none of their values).  Nothing is unpickled freely, nothing runs.
"""

from __future__ import annotations

import json
import math
import pickletools
import shlex
import struct
import zipfile
from pathlib import Path

from ..protocol.errors import ModelError
from .weights.pickle_scan import ALLOWED

#: of a checkpoint's table (data.pkl, a safetensors header); 20 000 tensors take a few megabytes
_MOST_BYTES = 50_000_000
#: checkpoints of the format before torch 1.6 are read whole; larger ones are only named
_MOST_OLD = 300_000_000
_HEAD = 512
_IMAGES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".dcm", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
_UNPACK = "Unpack it and give the folder"
#: how a network in PyTorch becomes a file that holds all of itself
_EXPORT = "torch.export.save(torch.export.export(network, (sample,)), 'NAME.pt2')"


def what_it_is(source) -> tuple[str, str] | None:
    """(sentence, hint), or None where nothing can be said."""
    path = Path(str(source))
    try:
        return _folder(path) if path.is_dir() else _file(path)
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, struct.error):
        return None


def how_to_describe(weights: str) -> str:
    """What turns weights into a model that can be opened."""
    stem = weights.rpartition(".")[0] or weights
    example = json.dumps({"factory": "net.py", "weights": weights, "classes": ["background", "tumour"]})
    return (
        f"Weights alone do not say which network they are for. 'seghirescam init {_typed(weights)}' reads off their "
        "names and shapes what it can (networks of MONAI, segmentation_models_pytorch and torchvision; of your own "
        "with --factory FILE) and writes the description to open. By hand: write a Python file with a function build() "
        f"that returns the network, and '{stem}.model.json' beside it with one line: {example}. Then give that file. "
        '(A network of MONAI needs no Python file: "monai" and "arguments" in place of "factory".)'
    )


def lacks_description(source, hint: str) -> bool:
    """Whether a file that :func:`what_it_is` gave this hint for has a network's weights, and lacks no more than that
    somebody describes them."""
    from .weights.tensor_table import table_of

    path = Path(str(source))
    if hint != how_to_describe(path.name):
        return False
    try:
        return bool(table_of(path).shapes)
    except ModelError:
        return False


def _typed(name):
    """As it is typed in a shell."""
    return shlex.quote(name)


def _folder(path):
    names = {entry.name for entry in path.iterdir()}
    folds = [path / name for name in names if name.startswith("fold_") or name == "all"]
    inner = {entry.name for fold in folds if fold.is_dir() for entry in fold.iterdir()}
    if "plans.pkl" in names or any(name.endswith(".model.pkl") for name in names | inner):
        return _nnunet_v1("a folder of nnU-Net v1 (plans.pkl, fold_*/*.model)")
    if "saved_model.pb" in names:
        return _other("a TensorFlow SavedModel folder")
    if "config.json" in names and names & {"model.safetensors", "pytorch_model.bin"}:
        weights = sorted(names & {"model.safetensors", "pytorch_model.bin"})[0]
        return "This folder's config.json is not of Hugging Face transformers (no model_type).", how_to_describe(
            weights
        )
    found = sorted(n for n in names if n.lower().endswith((".pt", ".pth", ".ckpt", ".safetensors", ".pt2", ".ts")))
    if found:
        listed = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
        return f"This folder is no model by itself; it holds {listed}.", "Give one of these files."
    return None


def _file(path):
    name, size = path.name, path.stat().st_size
    if not size:
        return f"'{name}' is empty (0 bytes).", "Copy or download it again."
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    lower = name.lower()
    if head.startswith(b"version https://git-lfs"):
        return f"'{name}' is only a pointer of Git LFS, not the file itself.", "Run 'git lfs pull', or download it."
    if head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return f"'{name}' is a web page: the download has failed.", "Download the file itself."
    if lower.endswith(_IMAGES):
        return f"'{name}' is an image, not a model.", "Give the model first, and the image with --image."
    if lower.endswith((".model", ".model.pkl")) or lower == "plans.pkl":
        return _nnunet_v1("a file of nnU-Net v1")
    if zipfile.is_zipfile(path):
        return _zip(path)
    if head.startswith(b"PK\x03\x04") and lower.endswith((".pt", ".pth", ".ckpt", ".bin")):
        return _damaged(name)
    if lower.endswith((".zip", ".keras")):
        return f"'{name}' is no zip file, or was cut short.", "Copy or download it again."
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        keras = lower.endswith((".h5", ".hdf5", ".keras", ".weights.h5"))
        return _keras("an HDF5 file, as Keras and TensorFlow write them") if keras else _other("an HDF5 file")
    if lower.endswith(".onnx") or (head[:1] == b"\x08" and (b"pytorch" in head[:64] or b"onnx" in head[:64])):
        return (
            "This is an ONNX program: it has no gradients, so it cannot be explained.",
            f"Export the PyTorch network it came from: {_EXPORT}. Where only this file is left, the package onnx2torch "
            "builds a PyTorch network of it (onnx2torch.convert), which is exported alike.",
        )
    if head[4:8] == b"TFL3":
        return _other("a TensorFlow Lite program")
    if lower.endswith(".pb"):
        return _other("a TensorFlow graph")
    if lower.endswith(".safetensors"):
        return _safetensors(path, size)
    if head[:2] == b"\x1f\x8b" or lower.endswith((".tar", ".tgz", ".tar.gz", ".7z", ".rar")):
        return f"'{name}' is a packed archive.", f"{_UNPACK} or file in it that is the model."
    if lower.endswith(".py"):
        example = json.dumps({"factory": name, "weights": "weights.pth", "classes": ["background", "tumour"]})
        return (
            f"'{name}' is Python code; it runs only by a description that says what it is.",
            f"'seghirescam init WEIGHTS --factory {_typed(name)}' writes one. By hand: '{path.stem}.model.json' beside "
            f"it with one line: {example}. Then give that file.",
        )
    if name in ("plans.json", "dataset.json", "dataset_fingerprint.json"):
        return f"'{name}' is one file of an nnU-Net model.", "Give the folder that holds plans.json and fold_*."
    if head[:1] == b"\x80":
        return _checkpoint(path, size) if size <= _MOST_OLD else _pickle(name)
    return None


def _zip(path):
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        last = {name.rpartition("/")[2] for name in names}
        pickled = [name for name in names if name == "data.pkl" or name.endswith("/data.pkl")]
        content = None
        if len(pickled) == 1 and archive.getinfo(pickled[0]).file_size <= _MOST_BYTES:
            content = archive.read(pickled[0])
    if {"config.json", "metadata.json"} <= last and "model.weights.h5" in last:
        return _keras("a Keras 3 model")
    if "plans.pkl" in last or any(name.endswith(".model.pkl") for name in last):
        return _nnunet_v1("a zipped nnU-Net v1")
    if "plans.json" in last or ("dataset.json" in last and any(name.startswith("checkpoint_") for name in last)):
        return (
            "This is a zipped nnU-Net, and not a whole one.",
            f"{_UNPACK} that holds plans.json, dataset.json and fold_*/checkpoint_*.pth.",
        )
    if any(name.endswith("configs/metadata.json") for name in names):
        return "This is a zipped MONAI bundle that holds no usable configuration.", f"{_UNPACK} that holds configs/."
    if pickled:
        if any(name.endswith("/constants.pkl") for name in names):
            return f"'{path.name}' is a TorchScript program.", "Let its name end in .ts, and give it again."
        return _checkpoint(path, path.stat().st_size, content)
    return f"'{path.name}' is a zip file with {len(names)} files, and no model this engine knows.", f"{_UNPACK} in it."


def _checkpoint(path, size, content=None):
    """A file of torch.save: its tensors as a table, without their values."""
    import torch

    from .weights.numpy_scalars import numpy_scalars
    from .weights.state import SAFE_TORCH

    found = None
    if tuple(int(n) for n in torch.__version__.split("+")[0].split(".")[:2]) >= SAFE_TORCH:
        try:
            with torch.serialization.safe_globals(numpy_scalars()):
                # on "meta" the values of a zip file's tensors are never read
                found = torch.load(path, map_location="meta", weights_only=True)
        except Exception:  # objects that were refused, or whatever damaged bytes lead to
            return _beside_objects(path) or _refused(path)
    if found is None:
        return _pickle(path.name)
    return _described(path.name, found)


def _beside_objects(path):
    """A checkpoint whose weights can be read without the Python objects beside them; None for any other."""
    import torch

    from .weights.left_out import without_objects
    from .weights.state import state_in

    found, names = without_objects(path, "meta") or (None, ())
    state = state_in(found)
    if not isinstance(state, dict) or not state or not all(isinstance(v, torch.Tensor) for v in state.values()):
        return None
    sentence, hint = _described(path.name, found)
    return f"{sentence.removesuffix('.')}; it also holds Python objects ({', '.join(names[:3])}), never loaded.", hint


def _described(name, found):
    import torch

    from .weights.state import state_in

    if isinstance(found, torch.Tensor):
        return f"'{name}' holds one tensor {tuple(found.shape)}, no network.", how_to_describe(name)
    state = state_in(found)
    tensors = [v for v in state.values() if isinstance(v, torch.Tensor)] if isinstance(state, dict) else []
    if not tensors:
        keys = ", ".join(sorted(map(str, found))[:8]) if isinstance(found, dict) else type(found).__name__
        return f"'{name}' is a file of torch.save without weights (it holds: {keys}).", how_to_describe(name)
    what = f"{len(tensors)} tensors, {_millions(sum(t.numel() for t in tensors))} numbers"
    if isinstance(found, dict) and "pytorch-lightning_version" in found:
        return f"'{name}' is a checkpoint of PyTorch Lightning with a state_dict of {what}.", how_to_describe(name)
    if isinstance(found, dict) and {"network_weights", "trainer_name"} <= found.keys():
        return (
            f"'{name}' is a checkpoint of nnU-Net v2 ({what}) outside its folder.",
            "Give the folder that holds plans.json, dataset.json and fold_*.",
        )
    where = "is a state_dict of" if state is found else "is a checkpoint with a state_dict of"
    return f"'{name}' {where} {what}: weights without their network.", how_to_describe(name)


def _refused(path):
    """A file that holds Python objects: named, not loaded."""
    import torch

    name = path.name
    try:
        if zipfile.is_zipfile(path):
            names = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
        else:
            names = _named_in_old(path)
    except Exception:  # damaged: whatever its bytes lead to
        names = []
    # what the network is made of first
    names.sort(key=lambda word: (word.startswith(("__builtin__.", "builtins.", "collections.")), word))
    if any(".nn." in word or "nets" in word or word.startswith("__main__") for word in names):
        return (
            f"'{name}' is a whole network saved as Python objects ({', '.join(names[:3])}); it was not loaded, loading "
            "could run code.",
            "Where it was made, save the weights alone: torch.save(network.state_dict(), 'weights.pth'). "
            f"{how_to_describe('weights.pth')}",
        )
    if names:
        return (
            f"'{name}' is a checkpoint that holds Python objects ({', '.join(names[:3])}); it was not loaded.",
            "Where it was made, save the weights alone: torch.save(network.state_dict(), 'weights.pth'). "
            f"{how_to_describe('weights.pth')}",
        )
    return _damaged(name)


def _damaged(name):
    return f"'{name}' looks like a file of torch.save, but is damaged or cut short.", "Copy or download it again."


def _named_in_old(path):
    """What the pickles of a checkpoint older than torch 1.6 would import, read off their opcodes; no tensor's name."""
    found = set()
    with open(path, "rb") as file:
        for _ in range(4):  # magic number, protocol, system, and what was saved
            for opcode, argument, _ in pickletools.genops(file):
                if opcode.name in ("GLOBAL", "INST"):
                    found.add(str(argument).replace(" ", ".", 1))
                elif "STACK_GLOBAL" in opcode.name:
                    found.add("a name computed while loading")
    return sorted(found - ALLOWED)


def _pickle(name):
    return (
        f"'{name}' is a pickle of Python objects, which could run code; it was not loaded.",
        f"Where it was made, save the weights alone: torch.save(network.state_dict(), 'weights.pth'). "
        f"{how_to_describe('weights.pth')}",
    )


def _safetensors(path, size):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if not 2 <= length <= min(_MOST_BYTES, size - 8):
            return f"'{path.name}' is no safetensors file, or damaged.", "Copy or download it again."
        table = json.loads(file.read(length))
    tensors = [entry for key, entry in table.items() if key != "__metadata__"]
    many = sum(math.prod(entry["shape"]) for entry in tensors)
    return (
        f"'{path.name}' holds {len(tensors)} tensors, {_millions(many)} numbers (safetensors): weights without their "
        "network.",
        how_to_describe(path.name),
    )


def _nnunet_v1(what):
    return (
        f"This is {what}; only nnU-Net v2 can be opened.",
        "nnU-Net v2 reads no models of v1: train it again with v2; or, where v1 runs, load it there and export its "
        f"trainer's network (trainer.network): {_EXPORT}.",
    )


def _other(what):
    return (
        f"This is {what}, not a PyTorch network.",
        f"Only PyTorch networks can be explained: rebuild it in PyTorch with these weights, and export it: {_EXPORT}.",
    )


def _keras(what):
    return (
        f"This is {what}, not a PyTorch network.",
        "Only PyTorch networks can be explained. Keras 3 can run on PyTorch (KERAS_BACKEND=torch; its models are "
        "torch.nn.Module then): let a small module around it take and return [B, C, ...], copy the weights, and export "
        f"it: {_EXPORT}.",
    )


def _millions(count):
    return f"{count / 1e6:.3g} million" if count >= 1e5 else str(count)
