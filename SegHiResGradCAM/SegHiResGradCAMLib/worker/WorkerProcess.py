"""The worker's process: started, fed and read without blocking, ended with everything it spawned. No Qt, no threads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import IO, Any

_CHUNK = 65536
#: a process that prints without end neither holds up the event loop nor fills the memory
_CHUNKS_AT_ONCE = 32
_LONGEST_LINE = 16 * 2**20


class WorkerProcess:
    """One process and its pipes.  ``lines()`` and ``log()`` take what has arrived; neither ever waits.

    command: list of words.  The process gets a group of its own, because ``PythonSlicer`` is a launcher: ending only
    the launcher would leave the computation running.  Raises OSError if the command cannot be started.
    """

    _process: Any  # a Popen, which by its type could lack the pipes

    def __init__(self, command: list[str], folder: str, environment: dict[str, str]):
        options: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment,
            bufsize=0,
            **options,
        )
        self.pid = self._process.pid
        self._output, self._errors = _Pipe(self._process.stdout), _Pipe(self._process.stderr)
        self._unsent = b""
        self._launcherGone: float | None = None
        if sys.platform != "win32":
            os.set_blocking(self._process.stdin.fileno(), False)

    def send(self, line: bytes) -> None:
        """Queue a line; what the pipe does not take now goes with the next :meth:`lines`."""
        self._unsent += line
        self._push()

    def lines(self) -> list[bytes]:
        """Complete lines from stdout; after the end also a last incomplete one."""
        self._push()
        return self._output.lines()

    def log(self) -> list[bytes]:
        """Complete lines from stderr."""
        return self._errors.lines()

    def hasEnded(self) -> bool:
        """True when nobody holds the output pipe any more, or the started process has been gone for a second.

        The second condition is for a launcher that was killed alone: its child is then not heard any more.
        """
        if self._process.poll() is None:
            return False
        self._launcherGone = self._launcherGone or time.monotonic()
        return self._output.ended or time.monotonic() - self._launcherGone > 1.0

    @property
    def exitCode(self) -> int | None:
        """Of the started process (negative: the signal that ended it); None while it runs."""
        return self._process.poll()

    def kill(self, workerPid: int | None = None) -> None:
        """End the whole tree now. workerPid: the interpreter's own pid, in case it left the launcher's group."""
        if sys.platform == "win32":
            self._taskkill()
        else:
            _killGroup(self.pid)
            # still of the session that was started for it: a pid may meanwhile belong to somebody else
            if workerPid is not None and _askedOf(os.getsid, workerPid) == self.pid:
                _killGroup(_askedOf(os.getpgid, workerPid))
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            pass  # it sits in the kernel (a driver, a network drive); it cannot compute any more
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            try:
                pipe.close()
            except OSError:
                pass  # unsent bytes of a dead process

    def _taskkill(self) -> None:
        try:
            subprocess.run(
                ["taskkill", "/PID", str(self.pid), "/T", "/F"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                creationflags=subprocess.CREATE_NO_WINDOW,  # type: ignore[attr-defined]
                check=False,
                timeout=5,
            )
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()  # and its child ends when its stdin closes

    def _push(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._process.stdin.fileno(), self._unsent[:4096]) :]
        except BlockingIOError:
            pass  # full: later
        except (OSError, ValueError):
            self._unsent = b""  # the reader is gone; hasEnded() will tell


class _Pipe:
    """A pipe that is read without waiting, cut into lines."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        self._rest = b""
        self.ended = False
        if sys.platform != "win32":
            os.set_blocking(file.fileno(), False)

    def lines(self) -> list[bytes]:
        for _ in range(_CHUNKS_AT_ONCE):
            piece = None if self.ended else self._read()
            if piece is None:
                break
            if not piece:
                self.ended = True
                piece = b"\n" if self._rest else b""
            self._rest += piece
        *whole, self._rest = self._rest.split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            self._rest = b""
        return [line.rstrip(b"\r") for line in whole]

    def _read(self) -> bytes | None:
        """Some bytes, b"" at the end, None if there is nothing now."""
        try:
            if sys.platform == "win32":
                waiting = _waiting(self._file.fileno())
                return os.read(self._file.fileno(), min(waiting, _CHUNK)) if waiting else None
            return os.read(self._file.fileno(), _CHUNK)
        except BlockingIOError:
            return None
        except (OSError, ValueError):
            return b""  # closed or broken: the other side is gone


def _waiting(descriptor: int) -> int:
    """Windows: bytes that can be read from a pipe at once. Raises OSError when the other side is gone."""
    import ctypes
    import msvcrt

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    count = ctypes.c_ulong()
    handle = ctypes.c_void_p(msvcrt.get_osfhandle(descriptor))  # type: ignore[attr-defined]
    if not kernel.PeekNamedPipe(handle, None, 0, None, ctypes.byref(count), None):
        raise ctypes.WinError(ctypes.get_last_error())  # type: ignore[attr-defined]
    return count.value


def _killGroup(group: int | None) -> None:
    if group in (None, 0, 1, os.getpgid(0)):  # never our own (which 0 means), nor the system's
        return
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # nobody is left in it


def _askedOf(question: Callable[[int], int], pid: int) -> int | None:
    try:
        return question(pid)
    except (ProcessLookupError, PermissionError, OverflowError, ValueError):
        return None
