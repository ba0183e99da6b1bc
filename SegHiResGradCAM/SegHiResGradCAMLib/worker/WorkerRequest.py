"""One request on its way to the worker, and its answer on its way back: arrays go in small steps, both ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from seghirescam.protocol.display.evidence import Evidence
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.messages import Failure, Result, explanation_from_json, layer_from_json
from seghirescam.protocol.requests import Request

from ..schedule.Steps import StepsOf
from ..setup.Translation import _
from .WorkerFolder import WorkerFolder

#: of an answer to paint: where it was painted, what the model drew before and after
_MASKS = ("region", "before", "after")
#: ``hold(shape, dtype)`` makes an object with an ``array`` of that shape
Hold = Callable[..., Any]


@dataclass(eq=False)
class WorkerRequest:
    """request: what is asked, with images and arrays as objects.  message: what is sent, once they are written.

    steps: generator that writes these arrays, or, once ``answer`` has come, reads those of the answer; None before,
    between and after.  result: the answer with its arrays, ready to be told.  cancelBy: None, or the time at which a
    request that does not end politely is ended with the process.
    """

    number: int
    request: Request
    message: dict = field(default_factory=dict)
    steps: StepsOf[Any] | None = None
    sent: bool = False
    answer: Result | None = None
    result: Result | None = None
    cancelBy: float | None = None

    @property
    def isWorkersTurn(self) -> bool:
        return self.sent and self.answer is None

    def incomplete(self) -> Failure:
        return Failure(self.number, "request", _("The worker's answer is incomplete."), _("Ask again."))

    def writing(self, folder: WorkerFolder) -> StepsOf[None]:
        """Generator. Raises DiskError, PixelSetError."""
        request: Any = self.request
        self.message = {"id": self.number}
        if getattr(request, "image", None) is not None:
            request = replace(request, image=(yield from folder.writeImage(request.image, self.number)))
        arrays: dict[str, np.ndarray] = {}
        self.message |= request.to_json(folder.naming(arrays))
        yield
        yield from folder.writeArrays(arrays)

    def reading(self, answer: Result, folder: WorkerFolder, hold: Hold) -> StepsOf[dict]:
        """Generator; returns the answer's data with arrays and objects in place of file names and JSON.

        hold(shape, dtype): an object whose ``array`` of that shape is filled with shown voxels (float32) or labels
        (uint8, uint16).  Raises MessageError, KeyError, TypeError, ValueError where the answer is incomplete.
        """
        data = dict(answer.data)
        if "explanations" in data:
            found = []
            for item in data["explanations"]:
                cells = yield from folder.readSteps(item["array"])
                found.append(explanation_from_json(item, lambda name, cells=cells: cells))
            data["explanations"] = found
        if "layers" in data:
            data["layers"] = [layer_from_json(item) for item in data["layers"]]
        if isinstance(data.get("shown"), list):  # of several pixel sets, one a map
            each = []
            for said in data["shown"]:
                each.append((yield from _shown(folder, said, hold)))
            data["shown"] = each
        elif data.get("shown"):
            data["shown"] = yield from _shown(folder, data["shown"], hold)
        if "maps" in data:
            maps = []
            for item in data["maps"]:
                labels = yield from _voxels(folder, item["array"], hold, (np.uint8, np.uint16))
                maps.append(SimpleNamespace(labels=labels, classes=item["classes"]))
            data["maps"] = maps
        for name in _MASKS:
            if isinstance(data.get(name), dict):
                voxels = yield from _voxels(folder, data[name]["array"], hold, (np.uint8,))
                data[name] = SimpleNamespace(voxels=voxels, grid=Grid.from_json(data[name]["grid"]))
        return data


def _shown(folder: WorkerFolder, said: dict, hold: Hold) -> StepsOf[SimpleNamespace]:
    voxels = yield from _voxels(folder, said["array"], hold, (np.float32,))
    evidence = Evidence.from_json(said["evidence"], folder.read)
    return SimpleNamespace(layer=said.get("layer"), voxels=voxels, unit=said["unit"], evidence=evidence)


def _voxels(folder: WorkerFolder, name: str, hold: Hold, dtypes: tuple) -> StepsOf[Any]:
    """Generator; returns what ``hold`` made, filled with the array."""
    held: list[Any] = []

    def allocate(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        if dtype not in dtypes:
            raise ValueError(f"voxels of another type: {dtype}")
        held.append(hold(shape, dtype))
        return held[0].array

    yield from folder.readSteps(name, allocate)
    return held[0]


def plainVoxels(shape: tuple[int, ...], dtype: Any = np.float32) -> SimpleNamespace:
    """What holds voxels where nobody asked for something else."""
    return SimpleNamespace(array=np.empty(shape, dtype))
