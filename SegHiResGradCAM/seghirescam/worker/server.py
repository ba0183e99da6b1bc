"""The process that computes: ``python -P -m seghirescam.worker``, one JSON object a line in and out (:mod:`messages`).

stdout belongs to the protocol; whatever libraries print goes to stderr, as do tracebacks.  One thread reads stdin, so
that "cancel" is heard while the main thread computes, and the end of stdin ends the process at once: nobody is left
behind when Slicer dies.  A line that is no request gets an error and changes nothing else.  No network, no port, and no
file outside the private folder.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import queue
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .. import __version__
from ..protocol.arrays import MessageError, is_private, stay_private
from ..protocol.errors import CancelledError, SegHiResCamError
from ..protocol.messages import Failure, Hello, Progress, Result, line
from ..protocol.privacy import Names
from ..protocol.requests import Cancel, Shutdown
from ..protocol.untrusted import json_value
from ..session.hardware.device_failures import LostDeviceError, lost_device

if TYPE_CHECKING:
    from ..protocol.messages import Event
    from ..protocol.progress import Tell
    from .jobs import Jobs

#: after so many seconds without a request the kept pass and the GPU's memory are given back
IDLE_SECONDS = 300.0
#: progress is told at most this often, so that a network of many small modules does not flood the client
TELL_SECONDS = 0.05
#: bytes of a request (arrays travel as files), and letters of what is asked for
_LONGEST_LINE, _LONGEST_WORD = 16 * 2**20, 100


class Worker:
    """Reads requests, answers them one after the other. out: binary file for the protocol."""

    def __init__(self, out: BinaryIO, folder: Path, idle_seconds: float = IDLE_SECONDS):
        self.out, self.folder, self.idle_seconds = out, folder, idle_seconds
        self.requests: queue.Queue[dict] = queue.Queue()
        self.cancelled: set[int] = set()
        self.names = Names()
        self._speaking = threading.Lock()

    def say(self, message: Event) -> None:
        try:
            with self._speaking:
                self.out.write(line(message.to_json()))
                self.out.flush()
        except OSError:  # nobody reads any more
            self.end()

    def listen(self, source: BinaryIO) -> None:
        """Body of the reading thread; never returns: whatever happens to it, the process ends with its input."""
        try:
            for text in _lines(source):
                try:
                    self._hear(text)
                except Exception:  # no line may make the worker deaf
                    self._log()
                    self._refuse(None)
        finally:
            self.end()

    def _hear(self, text: bytes | None) -> None:
        """One line; None for one that was too long to be read."""
        number = None
        try:
            request = json_value(text or b"", numbers_only=True)
            number = _number(request["id"])
            do = request["do"]
            if not isinstance(do, str) or len(do) > _LONGEST_WORD:
                raise ValueError
            target = _number(request["target"]) if do == Cancel.do else None
        except (ValueError, KeyError, TypeError):  # also what is no UTF-8, and what lies too deep
            self._refuse(number)
            return
        if do == Cancel.do:
            self.cancelled.add(target)  # type: ignore[arg-type]
            self.say(Result(number, {"cancelled": target}))
        else:
            self.requests.put(request)

    def _refuse(self, number: int | None) -> None:
        error = MessageError("A request could not be read.", "This is an internal error.")
        self.say(Failure.of(number, error))

    def end(self) -> None:
        """Leave at once, with the private folder and the images in it."""
        try:
            remove_private(self.folder)
        finally:
            os._exit(0)

    def run(self) -> None:
        """Say hello, then serve until Shutdown."""
        self.say(Progress(None, 0.0, "starting PyTorch"))
        try:
            import torch

            from ..cam.methods.method_list import method_list
            from ..session.devices import devices
            from .jobs import Jobs
        except (ImportError, OSError) as error:  # missing, or its libraries do not fit (numpy's, the driver's)
            self._log()
            self.say(_no_torch(error))
            self.end()
        file = str(Path(__file__).parents[1] / "__init__.py")
        versions = platform.python_version(), torch.__version__
        self.say(Hello(os.getpid(), __version__, file, *versions, devices(), method_list()))
        jobs = Jobs(self.folder)
        while True:
            try:
                request = self.requests.get(timeout=self.idle_seconds)
            except queue.Empty:
                jobs.idle()
                continue
            if request["do"] == Shutdown.do:
                self.say(Result(request["id"], {}))
                self.end()
            self._serve(jobs, request)

    def _serve(self, jobs: Jobs, request: dict) -> None:
        number = request["id"]
        lost: LostDeviceError | None = None
        self._stay()
        try:
            self.names.know(request.get("model"))
            self.names.know(request.get("factory"))
            self.say(Result(number, jobs.do(request, self._progress(number))))
        except SegHiResCamError as error:
            self._log()
            self.say(Failure(number, error.code, self.names.hide(error.sentence), self.names.hide(error.hint),
                             self.names.hide_in(error.numbers)))  # fmt: skip
            lost = lost_device(error)
        except BaseException as error:  # whatever a model's code does, the worker lives and answers
            self._log()
            lost = lost_device(error)
            self.say(
                Failure(
                    number,
                    "unexpected",
                    f"The computation failed unexpectedly ({type(error).__name__}).",
                    "The log holds the details; please report them.",
                )
            )
        finally:
            self.cancelled.discard(number)
        if lost is not None:  # CUDA would answer every further call with this error
            self.say(Failure(None, lost.code, lost.sentence, lost.hint))
            self.end()

    def _stay(self) -> None:
        """In the private folder, which a cleaner of temporary files may have removed since the last request."""
        with contextlib.suppress(OSError):
            stay_private(self.folder)
            os.chdir(self.folder)

    def _progress(self, number: int) -> Tell:
        told: dict = {"time": 0.0, "phase": "", "fraction": 0.0}

        def tell(fraction: float, phase: str) -> None:
            if number in self.cancelled:
                raise CancelledError("Cancelled.")
            now = time.monotonic()
            if phase != told["phase"] or now - told["time"] >= TELL_SECONDS:
                told.update(time=now, phase=phase, fraction=max(told["fraction"], fraction))
                self.say(Progress(number, told["fraction"], phase))

        return tell

    def _log(self) -> None:
        sys.stderr.write(self.names.hide(traceback.format_exc()))
        sys.stderr.flush()


def _lines(source: BinaryIO) -> Iterator[bytes | None]:
    """Every line of a binary file, None in place of one that is too long: no line may fill the memory."""
    while text := source.readline(_LONGEST_LINE + 1):
        if len(text) <= _LONGEST_LINE:
            yield text
            continue
        while text and not text.endswith(b"\n"):
            text = source.readline(_LONGEST_LINE)
        yield None


def _number(value: object) -> int:
    """What tells requests apart: a whole number that every JSON reader keeps. Raises ValueError."""
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 2**53:
        raise ValueError
    return value


def _no_torch(error: Exception) -> Failure:
    if isinstance(error, ModuleNotFoundError) and error.name == "torch":
        return Failure(None, "dependency", "PyTorch is not installed.", "Install it, then press Apply again.")
    return Failure(
        None,
        "dependency",
        f"PyTorch is installed but cannot be loaded ({type(error).__name__}).",
        "Install PyTorch and NumPy again in versions that belong together; the log holds the details.",
    )


def remove_private(folder: Path) -> None:
    """Remove the client's folder for arrays, if it is one (the client makes them with this prefix)."""
    if is_private(folder):
        with contextlib.suppress(OSError):  # Windows does not remove the current folder of a process
            os.chdir(folder.parent)
        shutil.rmtree(folder, ignore_errors=True)


def _reserved_stdout() -> BinaryIO:
    """The real stdout for the protocol; fd 1 and sys.stdout lead to stderr from now on."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return out


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -P -m seghirescam.worker", description=__doc__)
    parser.add_argument("--folder", default=".", help="private folder for arrays (default: the current one)")
    parser.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS, help="then memory is given back")
    options = parser.parse_args(arguments)
    worker = Worker(_reserved_stdout(), Path(options.folder).absolute(), options.idle_seconds)
    threading.Thread(target=worker.listen, args=(sys.stdin.buffer,), daemon=True).start()
    worker.run()
