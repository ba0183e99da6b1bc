"""Checkpoints with Python objects beside their weights (Lightning's hyper_parameters): the weights alone.

PyTorch's restricted reader is told an inert stand-in for every foreign name, so that nothing of a foreign name is
imported, made or called.  A file that names what acts (open, eval, os.system) is left to be refused.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

_ACTING = frozenset("os posix nt sys subprocess shutil socket importlib runpy pickle code ctypes webbrowser io".split())
#: of Python itself: types that hold values
_PLAIN = frozenset(
    "set frozenset slice complex range bytearray list dict tuple int float str bool bytes object".split()
)


class LeftOut:
    """Stands where an object was: takes whatever the file says of it, and does nothing."""

    def __new__(cls, *words, **more):
        return object.__new__(cls)

    def __init__(self, *words, **more):
        pass

    def __setstate__(self, state):
        pass


class LeftOutDict:
    """The same where the file puts keys and values into the object: torch does that to an OrderedDict alone."""

    def __new__(cls, *words, **more):
        return OrderedDict()


def without_objects(path: Path, where: str = "cpu") -> tuple[object, tuple[str, ...]] | None:
    """(what the file holds, with stand-ins in the place of foreign objects, their names); None where it cannot
    be had so. where: the tensors' device, "meta" leaves their values on disk."""
    import torch

    from .numpy_scalars import numpy_scalars

    try:
        with torch.serialization.safe_globals(numpy_scalars()):
            names = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # an older format, or a damaged file: it is refused as it was
        return None
    if not names or any(_acts(name) for name in names):
        return None
    for stand_in in (LeftOut, LeftOutDict):  # the second for dicts of a class of their own
        try:
            with torch.serialization.safe_globals([*numpy_scalars(), *((stand_in, name) for name in names)]):
                return torch.load(path, map_location=where, weights_only=True), tuple(names)
        except Exception:  # objects of a form this one does not take
            continue
    return None


def _acts(name: str) -> bool:
    module, _, last = name.rpartition(".")
    if module in ("builtins", "__builtin__"):
        return last not in _PLAIN
    return module in _ACTING or module.partition(".")[0] in _ACTING
