"""What the worker does for a request. It keeps the last model and the last session: the next question is cheap."""

from __future__ import annotations

import contextlib
import gc
import json
import time
from pathlib import Path

import torch

from ..io.channels import joined
from ..models import model_outputs, recognise
from ..models.description import description, stamp
from ..protocol.arrays import MessageError, read_array, write_array
from ..protocol.displayed import on_voxels
from ..protocol.evidence import Evidence
from ..protocol.grid import Grid
from ..protocol.image import Image
from ..protocol.messages import layer_to_json, recipe_from_json
from ..protocol.recipes import Segment
from ..session.devices import best_device, devices, move
from ..session.memory import MemoryLimitError, free_cached
from ..session.opening import open_session
from ..session.prediction import label_maps, notes_on, predicted_labels
from . import paint, trust
from .compare import compared, written

__all__ = ["Jobs", "best_device", "devices"]

#: a map is shown on the input's voxels, or on the layer's own cells
INPUT = "input"
_QUESTION = ("methods", "layers", "score", "rival", "side", "draws")


class Jobs:
    """One method a request: ``do(request, progress) -> result``. folder: private, for arrays."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.model, self.model_key = None, None
        self.session, self.session_key = None, None
        self._forget_image()

    def do(self, request: dict, progress) -> dict:
        """Raises the errors of :mod:`errors`; nothing half-made is left in the folder."""
        jobs = {
            "describe": self.describe, "layers": self.layers, "estimate": self.estimate, "explain": self.explain,
            "compare": self.compare, "paint": self.paint, "trust": self.trust, "trust_cost": self.trust_cost,
            "by_segment": self.by_segment, "predict": self.predict, "resample": self.resample, "probe": self.probe,
            "release": self.release,
        }  # fmt: skip
        if request["do"] not in jobs:
            raise MessageError(f"The worker cannot do {request['do']!r}.", f"It can: {', '.join(jobs)}.")
        progress(0.0, "starting")
        try:
            return jobs[request["do"]](request, progress)
        except KeyError as error:
            raise MessageError(f"The request lacks {error}.", "This is a fault of ours.") from error

    def describe(self, request, progress) -> dict:
        """What is known about a model before anything of it runs; of one that has been opened its classes, too."""
        told, kind = description(request["model"]), recognise(request["model"])
        opened = self.model is not None and self.model_key[:3] == _model_key(kind, request["model"])
        if opened and not told["classes"]:  # a program without a description
            told["classes"] = [{"index": c.index, "name": c.name} for c in self.model.classes]
            told["channels"] = list(self.model.channels)
        return told

    def layers(self, request, progress) -> dict:
        """Layers of the model for this image; the session is kept for the questions that follow."""
        session = self._session(request, progress)
        return {"layers": [layer_to_json(layer) for layer in session.layers(progress)]}

    def estimate(self, request, progress) -> dict:
        """What a question would take: windows, forward passes, bytes of one window; {} where nothing is cut."""
        recipes = [recipe_from_json(r, self._load) for r in request["pixel_sets"]]
        return _estimate(self._session(request, progress), recipes, request.get("layers"))

    def explain(self, request, progress) -> dict:
        """Maps as .npy on their own grids, facts as JSON, and what the session kept."""
        recipes = [recipe_from_json(r, self._load) for r in request["pixel_sets"]]
        question = {key: request[key] for key in _QUESTION if request.get(key) is not None}
        # one pixel set: the other levels of the same backward pass cost nothing, and the layer is a choice of display
        question["downstream"] = len(recipes) == 1
        expected = {}

        def ask(session, tell):
            expected.update(_estimate(session, recipes, request.get("layers")))
            tell = _with_estimate(tell, expected)
            started, before = time.perf_counter(), session.forward_calls
            answers = session.ask(recipes, class_index=request["class_index"], progress=tell, **question)
            trust.note_pace(session, answers, time.perf_counter() - started, session.forward_calls - before)
            return answers

        found, session, notes, cost = self._measured(request, progress, ask)
        notes = [*self._image_notes, *notes]
        with self._writing(request["id"]) as save:
            answers, shown = written(found, notes, save), None
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
            "session": cost | {"estimate": expected},
        }

    def compare(self, request, progress) -> dict:
        """Methods x layers for one pixel set: table rows, and the maps as explain gives them; see :mod:`compare`."""
        recipes = [recipe_from_json(r, self._load) for r in request["pixel_sets"]]
        if len(recipes) != 1:
            raise MessageError("A comparison is about one pixel set.", "This is a fault of ours.")

        def work(session, tell):
            return compared(session, recipes, request, tell)

        (rows, maps), session, notes, cost = self._measured(request, progress, work)
        with self._writing(request["id"]) as save:
            answers = written(maps, [*self._image_notes, *notes], save)
        layers = [layer_to_json(layer) for layer in session.layers()]
        return {"explanations": answers, "rows": rows, "layers": layers, "session": cost}

    def predict(self, request, progress) -> dict:
        """The model's own prediction: label maps as .npy on the image's grid, with what there is of each class."""
        (labels, notes), session, moved, cost = self._measured(request, progress, predicted_labels)
        image, model = session.image, session.model
        found = label_maps(labels, model.classes, image.grid)
        notes = [*notes, *notes_on(found, image.grid, labels.ndim == 3)]
        with self._writing(request["id"]) as save:
            maps = [{"array": save(array), "classes": told} for array, told in found]
        facts = {"model": model.name, "model_kind": model.kind, "weights_sha256": model.weights_hash}
        facts |= session.output_facts | model_outputs.facts(model)
        facts |= {"axes": model.axes.to_json()} if model.axes else {}
        notes = [*self._image_notes, *notes, *moved]
        return {"maps": maps, "facts": facts | {"image_sha256": image.content_hash}, "notes": notes, "session": cost}

    def paint(self, request, progress) -> dict:
        """A region painted over and the model run again: numbers, a sentence and masks; see :mod:`paint`."""

        def work(session, tell):
            return paint.painting(session, request, self._load, tell)

        found, _, notes, cost = self._measured(request, progress, work)
        calls = {key: cost[key] + found.forward_calls for key in ("forward_calls", "forward_calls_now")}
        with self._writing(request["id"]) as save:
            return paint.written(found, [*self._image_notes, *notes], save) | {"session": cost | calls}

    def trust(self, request, progress) -> dict:
        """How far to trust a map: numbers with a sentence each, and the full tier's verdict; see :mod:`trust`."""
        return self._judged(trust.trusted, request, progress)

    def trust_cost(self, request, progress) -> dict:
        """What that would take."""
        return self._judged(trust.trust_cost, request, progress)

    def by_segment(self, request, progress) -> dict:
        """How much of a map's evidence lies in every segment, and how far from it."""
        image = self._sent_image(request["image"], progress) if request.get("image") else None
        return trust.by_segment(request, self._load, progress, image)

    def _judged(self, work, request, progress):
        def ask(session, tell):
            return work(session, request, self._load, tell)

        told, _, notes, cost = self._measured(request, progress, ask)
        return told | {"notes": [*self._image_notes, *told.get("notes", ()), *notes], "session": cost}

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
        """Forget session, image and model."""
        self._forget_session()
        self._forget_image()
        self.model, self.model_key = None, None
        free_cached()
        return {}

    def idle(self) -> None:
        """Nobody has asked for a while: keep the model in RAM, give everything else back."""
        self._forget_session()
        self._forget_image()
        if self.model is not None and torch.cuda.is_available():
            for network in self.model.networks:
                network.to("cpu")
        free_cached()

    def _measured(self, request, progress, work):
        """(what ``work(session, progress)`` gives, session, notes, cost); on the CPU where the GPU is too small and
        nobody asked for it."""
        started, notes = time.perf_counter(), ()
        session = self._session(request, progress)
        before = session.forward_calls
        try:
            found = work(session, progress)
        except MemoryLimitError as error:
            if request.get("device") is not None or session.device == "cpu":
                raise
            notes = (f"Computed on the CPU: {error.sentence}",)
        if notes:  # outside the handler, whose traceback would keep the GPU's tensors alive
            session, before = self._session(request | {"device": "cpu"}, progress), 0
            found = work(session, progress)
        return found, session, notes, {
            "device": session.device,
            "forward_calls": session.forward_calls,
            "forward_calls_now": session.forward_calls - before,
            "recorded": sorted(session.recorded),
            "kept_bytes": session.kept_bytes,
            "seconds": round(time.perf_counter() - started, 3),
        }  # fmt: skip

    def _session(self, request, progress):
        """The kept session if the case is the same, else a new one."""
        device = request.get("device") or best_device()
        precision, limit = request.get("precision") or "fp32", request.get("memory_budget_bytes")
        tolerance, seed = request.get("tolerance") or 0.0, request.get("random_seed") or 0
        model = self._model(request["model"], request.get("consent_sha256") or False, progress)
        image = self._sent_image(request["image"], progress)
        key = (self.model_key, image.content_hash, device, precision, limit, tolerance, seed)
        for network in model.networks:
            move(network, device)
        if self.session is None or self.session_key != key:
            self._forget_session()
            words = {"device": device, "precision": precision, "memory_budget_bytes": limit}
            words |= {"tolerance": tolerance, "seed": seed}
            self.session, self.session_key = open_session(model, image, **words), key
        return self.session

    def _sent_image(self, sent, progress) -> Image:
        """The image of a request; its further channels are brought onto the grid of the first, once."""
        parts = [sent, *sent.get("more", ())]
        stamps = [(p.stat().st_mtime_ns, p.stat().st_size) for p in map(self._path, parts) if p.is_file()]
        key = json.dumps([sent, stamps], sort_keys=True)
        if self._image is None or self._image_key != key:
            if len(parts) > 1:
                progress(0.0, "bringing the channels together")
            images = [Image(self._load(part["array"]), Grid.from_json(part["grid"])) for part in parts]
            self._image, self._image_notes = joined(images, sent.get("names") or ())
            self._image_key = key
        return self._image

    def _path(self, part):
        return self.folder / Path(str(part["array"])).name

    def _model(self, source, consent, progress):
        """The kept model if its files are the same, else opened anew."""
        kind = recognise(source)
        key = (*_model_key(kind, source), consent)
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

    def _forget_image(self):
        self._image, self._image_key, self._image_notes = None, None, ()

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


def _model_key(kind, source) -> tuple:
    """Changes when the model is another one, or one of its files changes."""
    return kind.name, repr(source), stamp(kind, source)


def _estimate(session, recipes, layers) -> dict:
    """WindowedSession.estimate where M is one given set (what the model predicts is not known yet), else {}."""
    if not hasattr(session, "estimate") or len(recipes) != 1 or not isinstance(recipes[0], Segment):
        return {}
    return session.estimate(recipes[0].pixels, **({"layers": layers} if layers else {}))


def _with_estimate(tell, expected):
    """Progress whose phases name what the whole question takes."""
    if expected.get("of_windows", 1) == 1 and expected.get("forward_passes", 1) == 1:
        return tell
    text = (
        f"{expected['windows']} of {expected['of_windows']} windows, {expected['forward_passes']} passes, "
        f"{expected['window_bytes'] / 2**30:.2g} GiB each"
    )
    return lambda fraction, phase: tell(fraction, f"{phase} ({text})")


def _shown(cells, source, unit, target, save):
    """What the client needs to show a map: voxels, unit, evidence."""
    values, unit = on_voxels(cells, source, unit, target)
    return {"array": save(values), "unit": unit, "evidence": Evidence.of(values).to_json(save)}
