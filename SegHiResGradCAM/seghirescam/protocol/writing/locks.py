"""Who still lives: locks that the system lets go when their holder dies, however it dies. Standard library only."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from pathlib import Path

#: what another computer left on a network drive is nobody's after so long: whether it still runs cannot be asked
STALE_SECONDS = 86400.0
#: where Windows' byte locks lie: behind the text, which stays readable
_FAR = 2**30


def hold(path: Path) -> int | None:
    """A descriptor that holds the lock file ``path`` until it is closed; None while somebody else holds it.

    The file says who holds it (process and computer).  Raises OSError.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            if not _taken(descriptor):
                os.close(descriptor)
                return None
            if _is_at(descriptor, path):  # else its former holder removed it meanwhile
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
                os.write(descriptor, _own().encode())
                return descriptor
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(descriptor)
            raise
        os.close(descriptor)


def let_go(descriptor: int, path: Path) -> None:
    """Remove the lock file and let it go."""
    if os.name == "nt":  # which removes no open file
        os.close(descriptor)
        with contextlib.suppress(OSError):
            path.unlink()
        return
    with contextlib.suppress(OSError):
        path.unlink()
    os.close(descriptor)


def hold_folder(folder: Path) -> int | None:
    """A descriptor that holds a folder of one's own; None while somebody else holds it. Raises OSError.

    On POSIX the folder itself is locked, which also keeps systemd-tmpfiles out of it.
    """
    if os.name == "nt":
        return hold(folder / ".held")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if _lock(descriptor):
            if not _is_at(descriptor, folder):  # a sweep held it between the opening and the lock, and removed it
                raise FileNotFoundError(2, "the folder was removed", str(folder))
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _taken(descriptor: int) -> bool:
    """Whether the lock is ours now."""
    try:
        if not _lock(descriptor):
            return False
        supported = True
    except OSError:  # a file system without locks
        supported = False
    told = _told(descriptor)
    if told is None:
        return True
    pid, host = told
    if host != platform.node():
        return time.time() - os.fstat(descriptor).st_mtime > STALE_SECONDS
    return supported or not _runs(pid)


def _lock(descriptor: int) -> bool:
    """False where somebody else holds it; raises OSError where the file system knows no locks."""
    if os.name == "nt":
        import msvcrt

        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _own() -> str:
    return json.dumps({"pid": os.getpid(), "host": platform.node()})


def _told(descriptor: int) -> tuple[int, str] | None:
    """(pid, host) of who holds or held it; None where nothing is told."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        about = json.loads(os.read(descriptor, 4096).decode("utf-8"))
        return int(about["pid"]), str(about["host"])
    except (ValueError, KeyError, TypeError):
        return None


def _runs(pid: int) -> bool:
    if os.name == "nt":  # its locks work on every drive we know of
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError, ValueError):
        return False
    except PermissionError:
        pass
    return True
