"""The private folder in which arrays travel to the worker and back; written in small steps, removed at the end."""

from __future__ import annotations

import contextlib
import itertools
import os
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from seghirescam.protocol.arrays import npy_pieces, read_array, read_pieces, unwritable
from seghirescam.protocol.writing.private_folders import PrivateFolder

from ..schedule.Steps import StepsOf
from .ChannelImages import ChannelImages, Images

#: the worker removes folders with this prefix when Slicer is gone
PREFIX = "seghirescam-worker-"
_REMOVED_AT_ONCE = 2**25


class WorkerFolder:
    """Arrays under neutral names: no name of a node, file or patient. Readable by this user only.

    What a cleaner of temporary files removes meanwhile is made anew; what killed processes left is removed.
    """

    def __init__(self, parent: str | None = None):
        self._private = PrivateFolder(PREFIX, parent)
        self.path = self._private.path
        self._numbers = itertools.count(1)
        self._images: dict[str, weakref.ref] = {}
        self._replaced: dict[int, list[str]] = {}

    def writeImage(self, image: Images, number: int) -> StepsOf[dict]:
        """Generator: one step writes a few MB.  Returns where the image lies, for request ``number``.

        Volumes that were written last are not written again as long as the same objects are asked about.
        Raises DiskError.
        """
        images, names = (image.images, image.names) if isinstance(image, ChannelImages) else ((image,), ())
        kept: dict[str, weakref.ref] = {}
        parts: list[dict] = []
        for one in images:
            name = next((name for name, known in self._images.items() if known() is one and self._holds(name)), None)
            if name is None:
                name = f"image_{next(self._numbers)}.npy"
                yield from self._writeSteps(name, one.array)
            kept[name] = weakref.ref(one)
            parts.append({"array": name, "grid": one.grid.to_json()})
        # requests are answered in their order: what earlier ones named may go when this one has ended
        self._replaced.setdefault(number, []).extend(name for name in self._images if name not in kept)
        self._images = kept
        return parts[0] | ({"more": parts[1:], "names": list(names)} if len(parts) > 1 else {})

    def naming(self, arrays: dict) -> Callable[..., str]:
        """``save(array, what) -> name`` for Request.to_json: they wait in ``arrays`` for :meth:`writeArrays`."""

        def save(array: np.ndarray, what: str = "pixels") -> str:
            name = f"{what}_{next(self._numbers)}.npy"
            arrays[name] = array
            return name

        return save

    def writeArrays(self, arrays: dict[str, np.ndarray]) -> StepsOf[None]:
        """Generator, as :meth:`writeImage`."""
        for name, array in arrays.items():
            yield from self._writeSteps(name, array)

    def read(self, name: str) -> np.ndarray:
        """A result's array, which is then removed. Raises MessageError."""
        array = read_array(self.path, name)
        self._remove(name)
        return array

    def readSteps(self, name: str, hold: Callable[..., np.ndarray] = np.empty) -> StepsOf[np.ndarray]:
        """Generator; returns what :meth:`read` does.  hold(shape, dtype): makes the array that is filled."""
        array = yield from read_pieces(self.path, name, hold)
        yield from self._removeSteps(name)
        return array

    def forget(self, message: dict) -> None:
        """Remove the arrays a message names, after its request has ended; the last images stay for the next one."""
        for name in [*_namesIn(message), *self._replaced.pop(message.get("id", 0), ())]:
            if name not in self._images:
                self._remove(name)

    def remove(self) -> None:
        """The folder and everything in it."""
        self._private.remove()

    def _writeSteps(self, name: str, array: np.ndarray) -> StepsOf[None]:
        part = self.path / f"{name}.part"
        try:
            self._private.stay()
            with open(part, "wb") as file:
                for piece in npy_pieces(array):
                    file.write(piece)
                    yield
            os.replace(part, self.path / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise unwritable(error) from error

    def _holds(self, name: str) -> bool:
        """Cleaners of temporary files take the oldest first: an image that is asked about for days."""
        return (self.path / name).is_file()

    def _removeSteps(self, name: str) -> StepsOf[None]:
        """Generator: from its end, because giving 400 MB back at once takes the system longer than a step may."""
        try:
            for size in range(os.path.getsize(self.path / name) - _REMOVED_AT_ONCE, 0, -_REMOVED_AT_ONCE):
                os.truncate(self.path / name, size)
                yield
        except OSError:
            pass  # removed meanwhile, or still open somewhere
        self._remove(name)

    def _remove(self, name: str) -> None:
        try:
            (self.path / name).unlink(missing_ok=True)
        except OSError:
            pass  # still open somewhere (Windows); it goes with the folder


def _namesIn(value: Any) -> Iterator[str]:
    """Every array's name in a message."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "array" and isinstance(item, str):
                yield item
            else:
                yield from _namesIn(item)
    elif isinstance(value, list):
        for item in value:
            yield from _namesIn(item)
