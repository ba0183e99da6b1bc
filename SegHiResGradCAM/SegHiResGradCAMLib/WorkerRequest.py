"""One request on its way to the worker, and its answer on its way back: arrays go in small steps, both ways."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from seghirescam.evidence import Evidence
from seghirescam.messages import Result, explanation_from_json, layer_from_json


@dataclass(eq=False)
class WorkerRequest:
    """message: what will be sent.  image, pixelSets, cells: what goes with it as arrays.

    steps: generator that writes these arrays, or, once ``answer`` has come, reads those of the answer; None before,
    between and after.  result: the answer with its arrays, ready to be told.  cancelBy: None, or the time at which a
    request that does not end politely is ended with the process.
    """

    number: int
    message: dict
    image: object = None
    pixelSets: list | None = None
    cells: np.ndarray | None = None
    steps: object = None
    sent: bool = False
    answer: Result | None = None
    result: Result | None = None
    cancelBy: float | None = None

    @property
    def isWorkersTurn(self) -> bool:
        return self.sent and self.answer is None

    def writing(self, folder):
        """Generator. Raises DiskError, PixelSetError."""
        if self.image is not None:
            yield from folder.writeImage(self.image, self.message)
        if self.pixelSets is not None:
            yield from folder.writePixelSets(self.pixelSets, self.message)
        if self.cells is not None:
            yield from folder.writeCells(self.cells, self.message)

    def reading(self, folder, hold):
        """Generator; returns the answer's data with arrays and objects in place of file names and JSON.

        hold(shape): an object whose ``array``, float32 of that shape, is filled with the shown voxels.  Raises
        MessageError, KeyError, TypeError, ValueError where the answer is incomplete.
        """
        data = dict(self.answer.data)
        if "explanations" in data:
            found = []
            for item in data["explanations"]:
                cells = yield from folder.readSteps(item["array"])
                found.append(explanation_from_json(item, lambda name, cells=cells: cells))
            data["explanations"] = found
        if "layers" in data:
            data["layers"] = [layer_from_json(item) for item in data["layers"]]
        if data.get("shown"):
            data["shown"] = yield from self._shown(folder, data["shown"], hold)
        return data

    def _shown(self, folder, said, hold):
        held = []

        def allocate(shape, dtype):
            if dtype != np.float32:
                raise ValueError("shown voxels are float32")
            held.append(hold(shape))
            return held[0].array

        yield from folder.readSteps(said["array"], allocate)
        evidence = Evidence.from_json(said["evidence"], folder.read)
        return SimpleNamespace(layer=said.get("layer"), voxels=held[0], unit=said["unit"], evidence=evidence)


def plainVoxels(shape):
    """What holds shown voxels where nobody asked for something else."""
    return SimpleNamespace(array=np.empty(shape, np.float32))
