"""The names and shapes of a weights file's tensors: read as data, without their values; nothing in it can run."""

from __future__ import annotations

import json
import math
import pickle
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...protocol.errors import ModelError
from ...protocol.untrusted import named, opened_file
from .prefixes import KNOWN

SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")
_LARGEST_TABLE, _MOST_TENSORS = 50_000_000, 100_000


@dataclass(frozen=True)
class TensorTable:
    """shapes: name -> shape, in the file's order.  ordered: whether that is the order in which the network was built
    (safetensors sorts its names).  lightning: the file is a checkpoint of PyTorch Lightning.  objects: names of the
    Python objects beside the weights, which were left out."""

    shapes: dict[str, tuple[int, ...]]
    ordered: bool = True
    lightning: bool = False
    objects: tuple[str, ...] = ()

    @property
    def numbers(self) -> int:
        return sum(map(math.prod, self.shapes.values()))

    def below(self, prefix: str) -> TensorTable:
        """What lies under a prefix, without it."""
        kept = {k.removeprefix(prefix): v for k, v in self.shapes.items() if k.startswith(prefix)}
        return TensorTable(kept, self.ordered, self.lightning, self.objects)

    def unwrapped(self) -> Iterable[tuple[str, TensorTable]]:
        """(prefix, what lies under it) for all that wrappers and training code put in front, the file itself first."""
        yield "", self
        for first in dict.fromkeys(name.partition(".")[0] for name in self.shapes):
            if first in KNOWN:
                for prefix, table in self.below(f"{first}.").unwrapped():
                    yield f"{first}.{prefix}", table


def table_of(path: str | Path) -> TensorTable:
    """Raises ModelError for what is no weights file, is damaged, or holds Python objects that act when loaded.

    Objects that only hold values (Lightning's hyper_parameters) are left out, as where the weights are loaded.
    """
    path = Path(path)
    table = _safetensors(path) if path.suffix.lower() == ".safetensors" else _torch_file(path)
    if not 0 < len(table.shapes) <= _MOST_TENSORS:
        raise ModelError(f"'{named(path)}' holds {len(table.shapes)} tensors, no network's weights.", "Give another.")
    return table


def _safetensors(path):
    damaged = ModelError(f"'{named(path)}' is no safetensors file, or damaged.", "Copy or download it again.")
    with opened_file(path) as (file, size):
        head = file.read(8)
        if len(head) < 8:
            raise damaged
        (length,) = struct.unpack("<Q", head)
        if not 2 <= length <= min(_LARGEST_TABLE, size - 8):
            raise damaged
        data = file.read(length)
    try:
        entries = {name: entry for name, entry in json.loads(data).items() if name != "__metadata__"}
        shapes = {name: tuple(int(n) for n in entry["shape"]) for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged from error
    return TensorTable(shapes, ordered=False)


def _torch_file(path):
    import torch

    from .numpy_scalars import numpy_scalars
    from .state import read_checkpoint, state_in

    with opened_file(path):
        pass
    objects: tuple[str, ...] = ()
    try:
        found = read_checkpoint(path, numpy_scalars(), mapped=True)  # the values stay on the disk
    except ModelError as error:
        found, objects = _beside_objects(path, error)
    state = state_in(found)
    tensors = state if isinstance(state, dict) else {}
    shapes = {str(key): tuple(value.shape) for key, value in tensors.items() if isinstance(value, torch.Tensor)}
    lightning = isinstance(found, dict) and "pytorch-lightning_version" in found
    return TensorTable(shapes, lightning=lightning, objects=objects)


def _beside_objects(path, error):
    """(what the file holds without its objects, their names); raises ``error`` where its weights are objects, too."""
    import torch

    from .left_out import without_objects
    from .state import state_in

    held = without_objects(path, "meta") if isinstance(error.__cause__, pickle.UnpicklingError) else None
    state = state_in(held[0]) if held else None
    if not isinstance(state, dict) or not state or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise error
    return held
