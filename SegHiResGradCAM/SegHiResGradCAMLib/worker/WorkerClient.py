"""Slicer's side of the corridor: asks the worker, never waits for it. No Qt: ``schedule(ms, fn)`` is given.

    client = WorkerClient(schedule=Later(qt.QTimer()), pythonExecutable=shutil.which("PythonSlicer"))
    client.onResult = lambda number, result: ...
    number = client.ask(Explain, model=source, image=image, pixel_sets=[pixelSet], class_index=1)

Every request ends in exactly one ``onResult(number, result)`` or ``onError(number, failure)``, unless the client is
closed.  The process starts with the first request, and anew with the next request after it was lost.
"""

from __future__ import annotations

import itertools
import math
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from seghirescam.protocol.errors import SegHiResCamError
from seghirescam.protocol.messages import Event, Failure, Hello, Progress, Result
from seghirescam.protocol.requests import Cancel, Release, Request

from ..schedule.Steps import SECONDS, advanced
from ..setup.Consent import Consent
from .WorkerLink import WorkerLink, cancelled, deviceText, newLog, notStarted
from .WorkerRequest import Hold, WorkerRequest, plainVoxels

__all__ = ["WorkerClient", "deviceText"]

BUSY_MS, IDLE_MS = 20, 500
#: the worker's last word after its GPU has failed for good: it has answered, and another process is needed
DEVICE_LOST = "device_lost"


class WorkerClient:
    """See the module's words.

    schedule(ms, fn): calls fn once, later, from the event loop.  pythonExecutable: the interpreter or its launcher, a
    word or a list of words.  settings: mapping in which consent is remembered.  environment: additions to the
    process's.  temporaryFolder: where the private folder is made.  cancelSeconds: then the process group is ended.
    startSeconds: how long importing PyTorch may take.  hold(shape, dtype): makes what voxels are read into, see
    WorkerRequest.reading.

    Callbacks: onHello(Hello), onProgress(number, fraction, phase) with number None while the worker starts,
    onResult(number, dict), onError(number, Failure), onLost(Failure); after a lost GPU what waits goes to the next one.
    """

    onHello: Callable[[Hello], object]
    onProgress: Callable[[int | None, float, str], object]
    onResult: Callable[[int, dict], object]
    onError: Callable[[int, Failure], object]
    onLost: Callable[[Failure], object]

    def __init__(
        self,
        schedule: Callable[[float, Callable], object],
        pythonExecutable: str | Sequence[str] | None = None,
        *,
        settings: Any = None,
        environment: dict[str, str] | None = None,
        temporaryFolder: str | None = None,
        cancelSeconds: float = 1.5,
        startSeconds: float = 180.0,
        hold: Hold = plainVoxels,
    ):
        self._schedule = schedule
        python = pythonExecutable or sys.executable
        self._python = [python] if isinstance(python, str) else list(python)
        self._settings = {} if settings is None else settings
        self._environment = dict(environment or {})
        self._temporaryFolder = temporaryFolder
        self._cancelSeconds, self._startSeconds, self._hold = cancelSeconds, startSeconds, hold
        self.onHello = self.onProgress = self.onResult = self.onError = self.onLost = _nothing
        self.log = newLog()
        self._link: WorkerLink | None = None
        self._requests: dict[int, WorkerRequest] = {}
        self._numbers = itertools.count(1)
        self._latestTick = 0

    def release(self) -> int | None:
        """Let a running worker forget its model and give memory back; None, and nothing happens, where none runs."""
        return self.ask(Release) if self._link is not None else None

    def cancel(self, number: int | None = None, patient: bool = False) -> None:
        """End one request, or all: politely, after ``cancelSeconds`` with the whole process group.

        They end in onError with the code "cancelled", also if their result arrives meanwhile.  patient: only politely,
        at the worker's next word of progress: what it keeps for the next question is worth more than that wait.
        """
        seconds = math.inf if patient else self._cancelSeconds
        for request in self._requests.values():
            if number in (None, request.number) and request.cancelBy is None:
                request.cancelBy = time.monotonic() + (seconds if request.isWorkersTurn else 0.0)
                if request.isWorkersTurn and self._link is not None:
                    self._link.send({"id": next(self._numbers)} | Cancel(target=request.number).to_json())
        self._wake()

    def close(self) -> None:
        """End the worker and remove its folder, now and silently; a later request starts a new one."""
        self._requests.clear()
        self._end()

    @property
    def state(self) -> str:
        """ "off", "starting", "ready", "working" or "cancelling"."""
        if any(request.cancelBy is not None for request in self._requests.values()):
            return "cancelling"
        if self._link is None:
            return "starting" if self._requests else "off"
        if self._link.hello is None:
            return "starting"
        return "working" if self._requests else "ready"

    @property
    def hello(self) -> Hello | None:
        """The running worker's greeting."""
        return self._link.hello if self._link is not None else None

    def ask(self, kind: type[Request], codeHash: str = "", **fields: Any) -> int:
        """One request of :mod:`requests`; its number at once.

        image: Image, or ChannelImages; pass the same objects as long as the case is the same, and they are not written
        again.  codeHash: consent_sha256 of the model's description, sent if consent is on record.  Fields that are left
        out or None are the engine's choice.  Raises TypeError for one that the request does not have.
        """
        _refuseUnknown(kind, fields)
        if self.hasConsent(codeHash):
            fields["consent_sha256"] = codeHash
        request = WorkerRequest(next(self._numbers), kind(**fields))
        self._requests[request.number] = request
        self._wake()
        return request.number

    # consent, bound to the content of the file whose code would run

    def hasConsent(self, sha256: str) -> bool:
        return Consent(self._settings).given(sha256)

    def giveConsent(self, sha256: str) -> None:
        """Remember the user's yes to exactly this content."""
        Consent(self._settings).give(sha256)

    # the machinery

    def _wake(self) -> None:
        """A tick as soon as possible; ticks that were scheduled earlier find that they are out of date."""
        self._latestTick += 1
        self._schedule(0, lambda tick=self._latestTick: self._tick(tick))

    def _tick(self, tick: int) -> None:
        if tick != self._latestTick:
            return
        try:
            self._advance()
        finally:  # also when a callback raised
            if tick == self._latestTick and (self._link is not None or self._requests):
                busy = self.state in ("starting", "working", "cancelling")
                carrying = any(request.steps is not None for request in self._requests.values())
                self._schedule(0 if carrying else BUSY_MS if busy else IDLE_MS, lambda: self._tick(tick))

    def _advance(self) -> None:
        self._endCancelled()
        if self._link is None and self._requests:
            try:
                self._link = WorkerLink(self._python, self._environment, self._temporaryFolder, self.log)
            except OSError as error:
                self._lost(notStarted(error))
        link = self._link
        if link is None:
            return
        for said in link.listen(self._startSeconds):
            self._hear(said)
            if self._link is not link:  # it was lost, or a callback closed the client
                return
        if link.hello is not None:
            self._carry(link)

    def _carry(self, link: WorkerLink) -> None:
        """Write arrays of waiting requests and read those of answers, for a moment; pass on what is complete."""
        until = time.monotonic() + SECONDS
        for request in list(self._requests.values()):
            if request.isWorkersTurn or request.cancelBy is not None:
                continue
            if request.result is not None:
                self._finish(request, request.result)
                return  # the callback may have closed the client
            if request.steps is None:
                folder = link.folder
                request.steps = (
                    request.reading(request.answer, folder, self._hold) if request.answer else request.writing(folder)
                )
            try:
                if advanced(request.steps, until):
                    return
            except StopIteration as end:
                if request.answer:  # told with the next tick: what the callback does takes its own time
                    request.result = Result(request.number, end.value)
                    return
                request.sent, request.steps = True, None
                link.send(request.message)
            except (SegHiResCamError, KeyError, TypeError, ValueError) as error:
                if request.answer:
                    self._finish(request, request.incomplete())
                elif isinstance(error, SegHiResCamError):
                    self._finish(request, Failure.of(request.number, error))
                else:
                    raise
                return

    def _hear(self, said: Event) -> None:
        if isinstance(said, Hello):
            self.onHello(said)
        elif said.id is None:
            if isinstance(said, Progress):
                self.onProgress(None, said.fraction, said.phase)
            elif isinstance(said, Failure) and said.code == DEVICE_LOST:
                self._end()
                self._sendAnew()
                self.onLost(said)
            else:
                self._lost(said)
        elif said.id in self._requests:  # else it is stale: of a request that has ended
            request = self._requests[said.id]
            if isinstance(said, Result):
                request.answer = said
            elif not isinstance(said, Progress):
                self._finish(request, said)
            elif request.cancelBy is None:
                self.onProgress(said.id, said.fraction, said.phase)

    def _finish(self, request: WorkerRequest, said: Result | Failure) -> None:
        """A request has ended: tell it once."""
        del self._requests[request.number]
        if request.cancelBy is not None:
            said = cancelled(request.number)
        if self._link is not None:
            for message in (request.message, request.answer.data if request.answer else {}):
                self._link.folder.forget(message)
        if isinstance(said, Result):
            self.onResult(request.number, said.data)
        else:
            self.onError(request.number, said)

    def _endCancelled(self) -> None:
        """Where the time for a polite end is over, the process goes; what nobody had been told of simply goes."""
        now = time.monotonic()
        due = [r for r in self._requests.values() if r.cancelBy is not None and (r.cancelBy <= now or r.answer)]
        if any(request.isWorkersTurn for request in due):
            self._end()
            # nothing that was cancelled survives its worker, however patiently; the others go to the next one
            due = [request for request in self._requests.values() if request.cancelBy is not None]
            self._sendAnew()
        for request in due:
            if request.number in self._requests:
                self._finish(request, cancelled(request.number))

    def _sendAnew(self) -> None:
        """What nobody cancelled goes to the next worker, with its arrays written anew."""
        for request in self._requests.values():
            if request.cancelBy is None:
                request.sent, request.answer, request.result = False, None, None

    def _lost(self, failure: Failure) -> None:
        """The process is gone or of no use: everything asked ends with the reason."""
        self._end()
        requests, self._requests = list(self._requests.values()), {}
        for request in requests:
            said = Failure(request.number, failure.code, failure.sentence, failure.hint, failure.numbers)
            self.onError(request.number, cancelled(request.number) if request.cancelBy is not None else said)
        self.onLost(failure)

    def _end(self) -> None:
        link, self._link = self._link, None
        for request in self._requests.values():
            request.steps = None  # closes its file: Windows removes no folder with an open one
        if link is not None:
            link.end()


def _nothing(*words: object) -> None:
    """The callback of somebody who does not listen."""


def _refuseUnknown(kind: Any, words: dict) -> None:
    """Raises TypeError: a misspelt word would be the engine's choice, silently."""
    unknown = words.keys() - kind.__dataclass_fields__.keys()
    if unknown:
        raise TypeError(f"unknown options: {', '.join(sorted(unknown))}")
