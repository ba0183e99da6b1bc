"""What the worker keeps from one request to the next, model, image and session: the next question is cheap."""

from __future__ import annotations

import contextlib
import gc
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..io.channels import joined
from ..models import recognise
from ..models.description import stamp
from ..protocol.arrays import read_array, write_array
from ..protocol.grid import Grid
from ..protocol.image import Image
from ..protocol.requests import OfACase, request_from_json
from ..session.devices import best_device, move
from ..session.hardware.device_failures import DeviceError, LostDeviceError
from ..session.memory import MemoryLimitError, free_cached
from ..session.opening import open_session
from .handlers import handlers
from .pace import Pace

if TYPE_CHECKING:
    import numpy as np

    from ..models.segmentation_model import ModelKind, SegmentationModel
    from ..protocol.progress import Tell
    from ..session.interface import Session


class _OwnImage(Image):
    """Nobody else has its voxels: their hash is counted once, not for every question."""

    @cached_property
    def content_hash(self) -> str:
        return super().content_hash


class Jobs:
    """``do(message, progress) -> result``; what answers it finds here what is kept. folder: private, for arrays.

    model, kept, pace: the last model and session, None where there is none, and what the session's passes took.
    image_notes: on how the channels of the last image were brought together.
    """

    def __init__(self, folder: Path):
        self.folder, self._handlers = folder, handlers()
        self.model: SegmentationModel | None = None
        self._model_key: tuple | None = None
        self.kept: Session | None = None
        self._session_key: tuple | None = None
        self.pace = Pace()
        #: why the GPU is not tried any more, as a note; () as long as it may be
        self._no_gpu: tuple[str, ...] = ()
        self._number: int | None = 0
        self._image: Image | None = None
        self._image_key: str | None = None
        self.image_notes: tuple[str, ...] = ()

    def do(self, message: dict, progress: Tell) -> dict:
        """Raises the errors of :mod:`errors`; nothing half-made is left in the folder."""
        progress(0.0, "starting")
        request = request_from_json(message, self._load)
        self._number = message.get("id")
        return self._handlers[type(request)](request, self, progress)

    def measured(
        self, request: OfACase, progress: Tell, work: Callable[[Session, Tell], Any]
    ) -> tuple[Any, Session, list[str], dict]:
        """(what ``work(session, progress)`` gives, session, notes, cost); on the CPU where the GPU is too small or does
        not compute, and nobody asked for it."""
        started = time.perf_counter()
        moved: tuple[str, ...] = () if request.device else self._no_gpu
        session, before = None, 0
        try:
            session = self.session(request, progress)
            before = session.forward_calls
            found = work(session, progress)
        except (MemoryLimitError, DeviceError) as error:
            where = session.device if session else error.numbers.get("device", "cuda")
            if request.device is not None or where == "cpu" or isinstance(error, LostDeviceError):
                raise
            moved = (f"Computed on the CPU: {error.sentence}",)
            if isinstance(error, DeviceError):  # a GPU that does not compute is not tried with every question
                self._no_gpu = moved
            session = None
        if session is None:  # outside the handler, whose traceback would keep the GPU's tensors alive
            self._forget_session()
            session, before = self.session(replace(request, device="cpu"), progress), 0
            found = work(session, progress)
        return found, session, [*self.image_notes, *moved], {
            "device": session.device,
            "forward_calls": session.forward_calls,
            "forward_calls_now": session.forward_calls - before,
            "recorded": sorted(session.recorded),
            "kept_bytes": session.kept_bytes,
            "seconds": round(time.perf_counter() - started, 3),
        }  # fmt: skip

    def session(self, request: OfACase, progress: Tell) -> Session:
        """The kept session if the case is the same, else a new one."""
        chosen = request.device or ("cpu" if self._no_gpu else best_device())
        settings = replace(request.settings, device=chosen)
        model = self._model(request.model, request.consent_sha256 or False, progress)
        image = self.image(request.image, progress)
        key = (self._model_key, image.content_hash, settings)
        for network in model.networks:
            move(network, settings.device)
        if self.kept is None or self._session_key != key:
            self._forget_session()
            self.kept, self._session_key, self.pace = open_session(model, image, **asdict(settings)), key, Pace()
        return self.kept

    def image(self, sent: dict, progress: Tell) -> Image:
        """The image of a request; its further channels are brought onto the grid of the first, once."""
        parts = [sent, *sent.get("more", ())]
        stamps = [(p.stat().st_mtime_ns, p.stat().st_size) for p in map(self._path, parts) if p.is_file()]
        key = json.dumps([sent, stamps], sort_keys=True)
        if self._image is None or self._image_key != key:
            if len(parts) > 1:
                progress(0.0, "bringing the channels together")
            images = [Image(self._load(part["array"]), Grid.from_json(part["grid"])) for part in parts]
            image, self.image_notes = joined(images, sent.get("names") or ())
            self._image = _OwnImage(image.array, image.grid, image.notes, image.headers)
            self._image_key = key
        return self._image

    def opened(self, source: Any) -> SegmentationModel | None:
        """The kept model if it is this one and its files are the same, else None."""
        if self.model is None or self._model_key is None:
            return None
        return self.model if self._model_key[:3] == _key(recognise(source), source) else None

    @contextlib.contextmanager
    def writing(self) -> Iterator[Callable[[np.ndarray], str]]:
        """``save(array) -> name``; after an error nothing of it is left."""
        written: list[str] = []

        def save(array: np.ndarray) -> str:
            name = f"map_{self._number}_{len(written)}.npy"
            write_array(self.folder, name, array)
            written.append(name)
            return name

        try:
            yield save
        except BaseException:
            for name in written:
                (self.folder / name).unlink(missing_ok=True)
            raise

    def release(self) -> None:
        """Forget session, image and model."""
        self._forget_session()
        self._forget_image()
        self.model, self._model_key = None, None
        free_cached()

    def idle(self) -> None:
        """Nobody has asked for a while: keep the model in RAM, give everything else back."""
        self._forget_session()
        self._forget_image()
        if self.model is not None and torch.cuda.is_available():
            try:
                for network in self.model.networks:
                    move(network, "cpu")
            except DeviceError:  # a GPU that was lost meanwhile gives nothing back
                self.model, self._model_key = None, None
        free_cached()

    def _path(self, part: dict) -> Path:
        return self.folder / Path(str(part["array"])).name

    def _model(self, source: Any, consent: bool | str, progress: Tell) -> SegmentationModel:
        """The kept model if its files are the same, else opened anew."""
        kind = recognise(source)
        key = (*_key(kind, source), consent)
        if self.model is None or self._model_key != key:
            progress(0.0, "opening the model")
            self._forget_session()
            self.model, self._model_key = None, None
            gc.collect()
            # the bar is the question's: opening moves it by its words
            self.model, self._model_key = kind.open_told(source, consent, lambda _, phase: progress(0.0, phase)), key
        return self.model

    def _forget_session(self) -> None:
        if self.kept is not None:
            self.kept.release()
        self.kept, self._session_key = None, None

    def _forget_image(self) -> None:
        self._image, self._image_key, self.image_notes = None, None, ()

    def _load(self, name: str) -> np.ndarray:
        return read_array(self.folder, name)


def _key(kind: ModelKind, source: Any) -> tuple:
    """Changes when the model is another one, or one of its files changes."""
    return kind.name, repr(source), stamp(kind, source)
