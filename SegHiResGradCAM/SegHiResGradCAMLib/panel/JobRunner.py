"""The presenter's door to the worker: one request at a time, the image read only when it changed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from seghirescam.protocol.errors import SegHiResCamError
from seghirescam.protocol.image import Image
from seghirescam.protocol.messages import Failure
from seghirescam.protocol.requests import REQUESTS

from ..scene.nodes.Geometry import gridOfVolume
from ..scene.volumes.ImageReader import imageSteps, voxelStamp
from ..schedule.Steps import Steps, StepsOf
from ..setup.Translation import _
from ..worker.ChannelImages import ChannelImages, Images
from ..worker.Job import Job
from ..worker.WorkerClient import deviceText

_LOG_LINES = 40


class JobRunner:
    """makeClient: makes a WorkerClient; called with the first request, which also starts the process.
    schedule(ms, fn): calls fn once, later, from the event loop.

    presenter (set by the presenter itself), or the listener that came with the job, hears ``onProgress``, ``onAnswer``
    and ``onError``, only about the last job.
    """

    def __init__(self, makeClient: Callable, schedule: Callable):
        self._makeClient = makeClient
        self._reading = Steps(schedule)
        self._client: Any = None
        self._job: Job | None = None
        self._listener: Any = None
        self._images: dict[str, tuple] = {}
        self.presenter: Any = None
        self._methods: list[dict] = []
        self.cost: dict = {}  # of the last maps: seconds, forward calls, what the worker keeps

    @property
    def hello(self) -> Any:
        """What the running worker said when it started; None while there is none."""
        return self._client.hello if self._client is not None else None

    @property
    def methods(self) -> list[dict]:
        """What the engine can be asked for, see Hello.methods; as a worker said last."""
        if self.hello is not None:
            self._methods = self.hello.methods
        return self._methods

    @property
    def device(self) -> str:
        """What computes, as the worker said; "" before it has."""
        return deviceText(self.hello) if self.hello is not None else ""

    def send(
        self,
        job: Job,
        source: str = "",
        volumes: dict | None = None,
        question: dict | None = None,
        listener: Any = None,
    ) -> None:
        """Reads the volumes and hands the job over, both from the event loop; the answer comes later.

        volumes: channel name -> node, {} where the job looks at none.  question: the fields of the
        request that the job names (:mod:`requests`).  A word in it, or a pixel set, may be a function
        that returns a generator, see QuestionWords.recipe; it is replaced by what that read, a list by its items.  A
        former job that has not ended yet gives way.  Nothing is raised: what goes wrong comes as ``onError``, of small
        volumes before this returns.
        """
        self.drop()
        self._job, self._listener = job, listener or self.presenter
        self._reading.start(self._sending(job, source, volumes, question), lambda number: None, self._failed)

    def cancel(self) -> None:
        """Politely, then by ending the process; the answer is an error with the code "cancelled"."""
        if self._reading.running:
            self._reading.stop()
            self._job = None
            self._listener.onError("cancelled", _("Cancelled."), "")
        elif self._client is not None:
            self._client.cancel()

    def drop(self) -> None:
        """The job is not waited for any more: the worker ends it at its next word of progress, and stays."""
        job, self._job = self._job, None
        self._reading.stop()
        if job is not None and self._client is not None:
            self._client.cancel(job.number, patient=True)

    def close(self) -> None:
        """Ends the worker now and silently, and forgets the image."""
        self._job = None
        self._images.clear()
        self._reading.stop()
        if self._client is not None:
            self._client.close()

    def _sending(self, job: Job, source: str, volumes: dict | None, question: Any) -> StepsOf[None]:
        if question is not None and "pixel_sets" in question:  # first: it is small, and more often at fault
            read = []
            for one in question["pixel_sets"]:
                found = (yield from one()) if callable(one) else one
                read += found if isinstance(found, list) else [found]
            question["pixel_sets"] = read
        for word in [word for word in question or () if callable(question[word])]:
            question[word] = yield from question[word]()
        image = (yield from self._imageSteps(volumes)) if volumes else None
        if self._client is None:
            self._client = self._makeClient()
            self._client.onHello = lambda hello: self.presenter.changed()
            self._client.onProgress, self._client.onResult = self._onProgress, self._onResult
            self._client.onError = self._onError
        place: dict[str, Any] = {"model": source} if source else {}
        if image is not None:
            place["image"] = image
        job.number = self._client.ask(REQUESTS[job.request or job.purpose], **place, **question)

    def _imageSteps(self, volumes: dict) -> StepsOf[Images]:
        """Generator; returns the volume's Image, of several volumes ChannelImages: the same objects as long as voxels
        and place are the same, so that they travel once."""
        wanted = {node.GetID(): node for node in volumes.values()}
        # what is not needed any more goes first: the images of two cases would be one too many
        self._images = {i: kept for i, kept in self._images.items() if i in wanted and _isSame(wanted[i], *kept)}
        for name, node in volumes.items():
            if node.GetID() not in self._images:
                image = yield from imageSteps(
                    node, _("The volume for {name}").format(name=name) if len(volumes) > 1 else ""
                )
                self._images[node.GetID()] = (voxelStamp(node), image)
        images = tuple(self._images[node.GetID()][1] for node in volumes.values())
        return images[0] if len(images) == 1 else ChannelImages(images, tuple(volumes))

    def _failed(self, error: Exception) -> None:
        self._job = None
        if isinstance(error, SegHiResCamError):
            self._listener.onError(error.code, error.sentence, error.hint)
        else:
            logging.error("SegHiResGradCAM failed", exc_info=error)
            self._listener.onError(
                "unexpected", _("Internal error in the module."), _("Please report the details."), repr(error)
            )

    def _onProgress(self, number: int | None, fraction: float, phase: str) -> None:
        if self._job is not None and number in (None, self._job.number):
            self._listener.onProgress(fraction, phase)

    def _onResult(self, number: int, result: dict) -> None:
        if self._job is not None and number == self._job.number:
            job, self._job = self._job, None
            if not job.aside:
                self.cost = result.get("session", self.cost)
            self._listener.onAnswer(result)

    def _onError(self, number: int, failure: Failure) -> None:
        if self._job is not None and number == self._job.number:
            self._job = None
            log = list(self._client.log)[-_LOG_LINES:]
            self._listener.onError(failure.code, failure.sentence, failure.hint, "\n".join(log))


def _isSame(volumeNode: Any, stamp: int, image: Image) -> bool:
    return voxelStamp(volumeNode) == stamp and gridOfVolume(volumeNode).same_as(image.grid, 1e-9)
