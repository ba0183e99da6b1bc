"""The presenter's door to the worker: one request at a time, the image read only when it changed."""

from __future__ import annotations

from .Geometry import gridOfVolume
from .ImageReader import readImage
from .Job import DESCRIBE, LAYERS, Job
from .WorkerClient import deviceText

_LOG_LINES = 40


class EngineDoor:
    """makeClient: makes a WorkerClient; called with the first request, which also starts the process.

    presenter (set by the presenter itself) hears ``onProgress``, ``onAnswer`` and ``onError``, only about its last job.
    """

    def __init__(self, makeClient):
        self._makeClient = makeClient
        self._client = None
        self._job: Job | None = None
        self._image, self._imageKey = None, None
        self.presenter = None
        self.cost: dict = {}  # of the last maps: seconds, forward calls, what the worker keeps

    @property
    def hello(self):
        """What the running worker said when it started; None while there is none."""
        return self._client.hello if self._client is not None else None

    @property
    def device(self) -> str:
        """What computes, as the worker said; "" before it has."""
        return deviceText(self.hello) if self.hello is not None else ""

    def image(self, volumeNode):
        """The volume's Image: the same object as long as voxels and place are the same, so that it travels once.

        Raises what readImage raises.
        """
        data = volumeNode.GetImageData()
        key = (volumeNode.GetID(), data.GetMTime() if data is not None else 0)
        if self._image is None or key != self._imageKey or not gridOfVolume(volumeNode).same_as(self._image.grid, 1e-9):
            self._image, self._imageKey = readImage(volumeNode), key
        return self._image

    def send(self, job: Job, source: str, image=None, question: dict | None = None) -> None:
        """Hands a job over; its answer comes later, from the event loop."""
        if self._client is None:
            self._client = self._makeClient()
            self._client.onHello = lambda hello: self.presenter.changed()
            self._client.onProgress, self._client.onResult = self._onProgress, self._onResult
            self._client.onError = self._onError
        self._job = job
        if job.purpose == DESCRIBE:
            job.number = self._client.describe(source)
        elif job.purpose == LAYERS:
            job.number = self._client.layers(source, image, **question)
        else:
            job.number = self._client.explain(source, image, **question)

    def cancel(self) -> None:
        """Politely, then by ending the process; the answer is an error with the code "cancelled"."""
        if self._client is not None:
            self._client.cancel()

    def close(self) -> None:
        """Ends the worker now and silently, and forgets the image."""
        self._job = self._image = None
        if self._client is not None:
            self._client.close()

    def _onProgress(self, number, fraction, phase):
        if self._job is not None and number in (None, self._job.number):
            self.presenter.onProgress(fraction, phase)

    def _onResult(self, number, result):
        if self._job is not None and number == self._job.number:
            self._job = None
            self.cost = result.get("session", self.cost)
            self.presenter.onAnswer(result)

    def _onError(self, number, failure):
        if self._job is not None and number == self._job.number:
            self._job = None
            log = list(self._client.log)[-_LOG_LINES:]
            self.presenter.onError(failure.code, failure.sentence, failure.hint, "\n".join(log))
