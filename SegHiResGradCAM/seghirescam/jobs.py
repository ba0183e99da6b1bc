"""What the worker does for a request. It keeps the last model and the last session: the next question is cheap."""

from __future__ import annotations

import contextlib
import gc
import os
import platform
import re
import time
from importlib import metadata
from pathlib import Path

import torch

from .arrays import MessageError, read_array, write_array
from .budget import MemoryLimitError, free_cached, memory_of, memory_of_machine
from .errors import ModelError
from .evidence import Evidence
from .geometry import Grid
from .messages import explanation_to_json, layer_to_json, recipe_from_json
from .models import recognise
from .protocol import Image
from .session import Session
from .shown import on_voxels

#: a map is shown on the input's voxels, or on the layer's own cells
INPUT = "input"
_QUESTION = ("methods", "layers", "score", "rival", "side")


class Jobs:
    """One method a request: ``do(request, progress) -> result``. folder: private, for arrays."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.model, self.model_key = None, None
        self.session, self.session_key = None, None

    def do(self, request: dict, progress) -> dict:
        """Raises the errors of :mod:`errors`; nothing half-made is left in the folder."""
        jobs = {
            "describe": self.describe, "layers": self.layers, "explain": self.explain, "resample": self.resample,
            "probe": self.probe, "release": self.release,
        }  # fmt: skip
        if request["do"] not in jobs:
            raise MessageError(f"The worker cannot do {request['do']!r}.", f"It can: {', '.join(jobs)}.")
        progress(0.0, "starting")
        try:
            return jobs[request["do"]](request, progress)
        except KeyError as error:
            raise MessageError(f"The request lacks {error}.", "This is a fault of ours.") from error

    def describe(self, request, progress) -> dict:
        """What is known about a model before anything of it runs."""
        source = request["model"]
        kind = recognise(source)
        requirements = list(kind.requirements(source))
        return {
            "kind": kind.name,
            "classes": [{"index": c.index, "name": c.name} for c in kind.classes(source)],
            "channels": list(kind.channels(source)) if hasattr(kind, "channels") else None,
            "requirements": requirements,
            "missing": [r for r in requirements if not _installed(r)],
            "runs_author_code": kind.runs_author_code(source),
            "consent_sha256": kind.consent_hash(source) if kind.runs_author_code(source) else "",
        }

    def layers(self, request, progress) -> dict:
        """Layers of the model for this image; the session is kept for the questions that follow."""
        session = self._session(request, progress)
        return {"layers": [layer_to_json(layer) for layer in session.layers(progress)]}

    def explain(self, request, progress) -> dict:
        """Maps as .npy on their own grids, facts as JSON, and what the session kept."""
        recipes = [recipe_from_json(r, self._load) for r in request["pixel_sets"]]
        question = {key: request[key] for key in _QUESTION if request.get(key) is not None}
        # one pixel set: the other levels of the same backward pass cost nothing, and the layer is a choice of display
        question["downstream"] = len(recipes) == 1
        started = time.perf_counter()
        moved = ()
        session = self._session(request, progress)
        before = session.forward_calls
        try:
            found = session.ask(recipes, class_index=request["class_index"], progress=progress, **question)
        except MemoryLimitError as error:
            if request.get("device") is not None or session.device == "cpu":
                raise
            moved = (f"Computed on the CPU: {error.sentence}",)
        if moved:  # outside the handler, whose traceback would keep the GPU's tensors alive
            session, before = self._session(request | {"device": "cpu"}, progress), 0
            found = session.ask(recipes, class_index=request["class_index"], progress=progress, **question)
        answers = []
        with self._writing(request["id"]) as save:
            for explanation in found:
                answers.append(explanation_to_json(explanation, save(explanation.map)))
                answers[-1]["facts"]["notes"] += moved
            shown = None
            if request.get("show"):
                progress(1.0, "placing the map")
                on, layer = request["show"]["on"], request["show"].get("layer")
                one = next((x for x in found if x.layer.name == layer), found[0])
                target = Grid.from_json(request["image"]["grid"]) if on == INPUT else None
                shown = {"layer": one.layer.name} | _shown(one.map, one.grid, one.unit, target, save)
        return {
            "explanations": answers,
            "shown": shown,
            "layers": [layer_to_json(layer) for layer in session.layers()],
            "session": {
                "device": session.device,
                "forward_calls": session.forward_calls,
                "forward_calls_now": session.forward_calls - before,
                "recorded": sorted(session.recorded),
                "kept_bytes": session.kept_bytes,
                "seconds": round(time.perf_counter() - started, 3),
            },
        }

    def resample(self, request, progress) -> dict:
        """A layer's map on other voxels (``target``; without it on its own cells), with its sorted evidence."""
        sent = request["map"]
        cells, source = self._load(sent["array"]), Grid.from_json(sent["grid"])
        if cells.shape != source.shape:
            raise MessageError("The map does not fit its grid.", "This is a fault of ours.")
        target = Grid.from_json(request["target"]) if request.get("target") else None
        progress(0.1, "placing the map")
        with self._writing(request["id"]) as save:
            return {"shown": _shown(cells, source, request["unit"], target, save)}

    def probe(self, request, progress) -> dict:
        """Devices with their free memory, and what is kept."""
        return {
            "devices": devices(),
            "model": self.model.kind if self.model else None,
            "recorded": sorted(self.session.recorded) if self.session else [],
            "kept_bytes": self.session.kept_bytes if self.session else 0,
        }

    def release(self, request, progress) -> dict:
        """Forget session and model."""
        self._forget_session()
        self.model, self.model_key = None, None
        free_cached()
        return {}

    def idle(self) -> None:
        """Nobody has asked for a while: keep the model in RAM, give everything else back."""
        self._forget_session()
        if self.model is not None and torch.cuda.is_available():
            for network in self.model.networks:
                network.to("cpu")
        free_cached()

    def _session(self, request, progress) -> Session:
        """The kept session if the case is the same, else a new one."""
        device = request.get("device") or best_device()
        precision, limit = request.get("precision") or "fp32", request.get("memory_budget_bytes")
        model = self._model(request["model"], request.get("consent_sha256") or False, progress)
        image = Image(self._load(request["image"]["array"]), Grid.from_json(request["image"]["grid"]))
        key = (self.model_key, image.content_hash, device, precision, limit)
        for network in model.networks:
            _move(network, device)
        if self.session is None or self.session_key != key:
            self._forget_session()
            self.session = Session(model, image, device=device, precision=precision, memory_budget_bytes=limit)
            self.session_key = key
        return self.session

    def _model(self, source, consent, progress):
        """The kept model if its files are the same, else opened anew."""
        kind = recognise(source)
        key = (kind.name, repr(source), _stamp(kind, source), consent)
        if self.model is None or self.model_key != key:
            progress(0.0, "opening the model")
            self._forget_session()
            self.model, self.model_key = None, None
            gc.collect()
            self.model, self.model_key = kind.open(source, consent=consent), key
        return self.model

    def _forget_session(self):
        if self.session is not None:
            self.session.release()
        self.session, self.session_key = None, None

    def _load(self, name):
        return read_array(self.folder, name)

    @contextlib.contextmanager
    def _writing(self, number):
        """``save(array) -> name``; after an error nothing of it is left."""
        written = []

        def save(array):
            name = f"map_{number}_{len(written)}.npy"
            write_array(self.folder, name, array)
            written.append(name)
            return name

        try:
            yield save
        except BaseException:
            for name in written:
                (self.folder / name).unlink(missing_ok=True)
            raise


def _shown(cells, source, unit, target, save):
    """What the client needs to show a map: voxels, unit, evidence."""
    values, unit = on_voxels(cells, source, unit, target)
    return {"array": save(values), "unit": unit, "evidence": Evidence.of(values).to_json(save)}


def devices() -> list[dict]:
    """What can compute here, the best first, the CPU last."""
    found = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            total, free = torch.cuda.mem_get_info(index)
            name = torch.cuda.get_device_name(index)
            found.append(
                {"device": f"cuda:{index}", "type": "cuda", "name": name, "total_bytes": total, "free_bytes": free}
            )
    total, free = memory_of_machine()
    name = platform.processor() or platform.machine()
    return [*found, {"device": "cpu", "type": "cpu", "name": name, "total_bytes": total, "free_bytes": free}]


def best_device() -> str:
    """The GPU with the most free memory, else the CPU."""
    if not torch.cuda.is_available():
        return "cpu"
    return max((f"cuda:{n}" for n in range(torch.cuda.device_count())), key=lambda name: memory_of(name)[1])


def _move(network, device):
    """Worker-owned networks live where they compute, so that their pass can be kept."""
    where = torch.device(device)
    if where.type == "cuda" and not torch.cuda.is_available():
        raise ModelError("No CUDA device is available.", "Use device='cpu'.")
    network.to(where)


def _stamp(kind, source):
    """Changes when a file of the model does: its size and time."""
    files = kind.files(source) if hasattr(kind, "files") else [source]
    with contextlib.suppress(OSError, ValueError, TypeError):
        return tuple((str(path), os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in files)
    return ()


def _installed(requirement: str) -> bool:
    with contextlib.suppress(metadata.PackageNotFoundError):
        return bool(metadata.version(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]))
    return False
