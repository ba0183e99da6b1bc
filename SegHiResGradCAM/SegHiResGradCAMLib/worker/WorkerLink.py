"""One worker from its start to its end: the process, its private folder, its greeting, its log."""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path
from typing import Any

import seghirescam
from seghirescam.protocol.messages import PROTOCOL, Event, Failure, Hello, event, line

from ..setup.Translation import _
from .WorkerFolder import WorkerFolder
from .WorkerProcess import WorkerProcess

_LOG_LINES = 400
#: how processes end that the system killed: SIGKILL, the same told by a launcher, Windows' access violation
_KILLED = (-9, 137, 0xC0000005, -1073741819)


class WorkerLink:
    """Raises OSError if the process cannot be started; then nothing is left.

    python: words that start the interpreter.  hello: None until the worker has greeted and is the right one.
    log: the last lines of stderr, and of stdout what was no event.
    """

    def __init__(self, python: list[str], environment: dict[str, str], temporaryFolder: str | None, log: deque):
        self.log, self._started = log, time.monotonic()
        self.hello: Hello | None = None
        self.folder = WorkerFolder(temporaryFolder)
        # -P: the folder of the arrays, which is the current one, is not searched for modules
        command = [*python, "-u", "-P", "-m", "seghirescam.worker", "--folder", str(self.folder.path)]
        try:
            self._process = WorkerProcess(command, str(self.folder.path), engineEnvironment() | environment)
        except OSError:
            self.folder.remove()
            raise

    def send(self, message: dict) -> None:
        """Values that are None are left out."""
        self._process.send(line({key: value for key, value in message.items() if value is not None}))

    def listen(self, startSeconds: float) -> list[Event]:
        """What the worker has said; the last one is a Failure without a request if this worker is of no use any more.

        startSeconds: how long it may take to greet.
        """
        ended = self._process.hasEnded()  # asked before reading: then everything it said is read
        heard: list[Event] = []
        for text in self._process.lines():
            said = event(text)
            if said is None:
                self.log.append(text.decode("utf-8", "replace"))
                continue
            if isinstance(said, Hello):
                if not _isOurs(said):
                    return [*heard, _refused(said)]
                self.hello = said
            heard.append(said)
            if isinstance(said, Failure) and said.id is None:
                return heard
        self._drainLog()
        if ended:
            heard.append(_whyEnded(self._process.exitCode))
        elif self.hello is None and time.monotonic() - self._started > startSeconds:
            heard.append(
                Failure(
                    None,
                    "worker_start",
                    _("The computing process does not answer."),
                    _("The log may say why; try again."),
                )
            )
        return heard

    def end(self) -> None:
        """End the whole process tree and remove the folder, now."""
        self._drainLog()
        try:
            self._process.kill(self.hello.pid if self.hello else None)
        finally:
            self.folder.remove()

    def _drainLog(self) -> None:
        self.log.extend(text.decode("utf-8", "replace") for text in self._process.log())


def newLog() -> deque:
    """Keeps the last lines only."""
    return deque(maxlen=_LOG_LINES)


def deviceText(hello: Hello) -> str:
    """One line for the panel: what the user has."""
    version = ".".join(hello.torch.split("+")[0].split(".")[:2])
    best: dict[str, Any] = hello.devices[0] if hello.devices else {"type": "cpu"}
    if best["type"] != "cuda":
        why = _(" (the GPU's driver does not work with it)") if best.get("problem") else ""
        return _("PyTorch {version} - CPU only: slow{why}").format(version=version, why=why)
    return _("PyTorch {version} - CUDA ({name}, {memory:.0f} GiB)").format(
        version=version, name=best["name"], memory=best["total_bytes"] / 2**30
    )


def cancelled(number: int) -> Failure:
    return Failure(number, "cancelled", _("Cancelled."))


def notStarted(error: OSError) -> Failure:
    return Failure(
        None,
        "worker_start",
        _("The computing process could not be started: {reason}.").format(
            reason=error.strerror or type(error).__name__
        ),
        _("Check the Python executable and the folder for temporary files."),
    )


def engineEnvironment() -> dict[str, str]:
    """Ours first: the engine beside this file is the one to run."""
    kept = os.environ.get("PYTHONPATH")
    engine = str(Path(seghirescam.__file__).resolve().parents[1])
    path = os.pathsep.join([engine, *([kept] if kept else [])])
    return os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def _isOurs(hello: Hello) -> bool:
    ours, theirs = (os.path.normcase(os.path.realpath(path)) for path in (seghirescam.__file__, hello.file))
    return (hello.version, theirs, hello.protocol) == (seghirescam.__version__, ours, PROTOCOL)


def _refused(hello: Hello) -> Failure:
    return Failure(
        None,
        "worker_refused",
        _("The computing process runs another copy of seghirescam (version {version}, ours is {ours}).").format(
            version=hello.version, ours=seghirescam.__version__
        ),
        _("Uninstall the stray copy: PythonSlicer -m pip uninstall seghirescam."),
    )


def _whyEnded(code: int | None) -> Failure:
    if code in _KILLED:
        return Failure(
            None,
            "worker_lost",
            _("The computing process was ended by the system, probably for want of memory."),
            _("Choose a deeper layer or a smaller image, or close other programs; the next Apply starts it again."),
            {"exit_code": code},
        )
    return Failure(
        None,
        "worker_lost",
        _("The computing process ended unexpectedly."),
        _("The next Apply starts it again; the log holds the details."),
        {"exit_code": code},
    )
