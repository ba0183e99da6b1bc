"""``seghirescam.doctor`` in a process of its own: started, listened to and ended without waiting. No Qt."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence

from ..setup.Translation import _
from .WorkerLink import engineEnvironment, notStarted
from .WorkerProcess import WorkerProcess

_MODULE = "seghirescam.doctor"
_CHECKING = "Checking: "  # no tr
_EVERY_MS, _LOG_LINES = 100, 40


class SetupProcess:
    """schedule(ms, fn): calls fn once, later, from the event loop.  python: the interpreter or its launcher, a word or
    a list of words, Slicer's own unless given.  environment: additions to the process's."""

    def __init__(
        self,
        schedule: Callable,
        python: str | Sequence[str] | None = None,
        environment: dict[str, str] | None = None,
    ):
        self._schedule, self._environment = schedule, environment or {}
        python = python or shutil.which("PythonSlicer") or sys.executable
        self._python = [python] if isinstance(python, str) else list(python)
        self._process: WorkerProcess | None = None

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self, onProgress: Callable[[str], object], onEnd: Callable[[dict, str], object]) -> None:
        """onProgress(what is being looked at).  onEnd(answer, sentence): once, with what the doctor says (``told.py``),
        or with {} and why there is no answer.  Not called after :meth:`stop`."""
        self.stop()
        # -P: the current folder is not searched for modules
        command = [*self._python, "-u", "-P", "-m", _MODULE, "--json", "--attended"]
        try:
            self._process = process = WorkerProcess(
                command, tempfile.gettempdir(), engineEnvironment() | self._environment
            )
        except OSError as error:
            failure = notStarted(error)
            onEnd({}, f"{failure.sentence} {failure.hint}")
            return
        self._listen(process, [], [], onProgress, onEnd)

    def stop(self) -> None:
        """Ends the process and what it has started, now and silently."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    def _listen(self, process: WorkerProcess, said: list, log: list, onProgress: Callable, onEnd: Callable) -> None:
        if process is not self._process:  # stopped, or started anew
            return
        ended = process.hasEnded()  # asked before reading: then everything it said is read
        said += process.lines()
        for line in process.log():
            text = line.decode("utf-8", "replace")
            if text.startswith(_CHECKING):
                onProgress(text.removeprefix(_CHECKING))
            else:
                log.append(text)
        if not ended:
            self._schedule(_EVERY_MS, lambda: self._listen(process, said, log, onProgress, onEnd))
            return
        code = process.exitCode
        self.stop()
        answer = _answer(said)
        onEnd(answer, "" if answer else _noAnswer(code, log[-_LOG_LINES:]))


def _answer(said: list[bytes]) -> dict:
    """The last line that is one; {} where there is none."""
    for line in reversed(said):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and isinstance(found.get("text"), str):
            return found
    return {}


def _noAnswer(code: int | None, log: list[str]) -> str:
    last = next((line for line in reversed(log) if line.strip()), _("it said nothing"))
    return _("The check ended without an answer (code {code}): {said} Install Slicer again if this stays.").format(
        code=code, said=last.strip()[:200]
    )
