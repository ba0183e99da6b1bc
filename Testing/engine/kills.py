"""Killing a piece of work after each of its changes to the file system: a deterministic sweep over all moments."""

from __future__ import annotations

import os
import signal

#: every function of ``os`` by which pathlib, shutil and we change something on disk
CHANGES = ("rename", "replace", "unlink", "mkdir", "rmdir", "ftruncate", "chmod", "chown", "write", "fsync", "link")


def killed_at(number: int, work) -> bool:
    """Runs ``work()`` in a forked process that kills itself (SIGKILL) after its n-th change; True if it had fewer."""
    child = os.fork()
    if child == 0:
        count = 0

        def dying(function):
            def change(*words, **more):
                nonlocal count
                found = function(*words, **more)
                count += 1
                if count == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return found

            return change

        for name in CHANGES:
            setattr(os, name, dying(getattr(os, name)))
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    assert status == 0 or os.WIFSIGNALED(status), "the work failed by itself"
    return status == 0


def every_step(tmp_path, work, check, prepare) -> int:
    """Kills ``work(place)`` at every step, each time in a new place, and lets ``check(place, killed)`` look at what is
    left; returns how many steps there were."""
    for number in range(1, 500):
        place = tmp_path / f"step {number}"
        place.mkdir()
        prepare(place)
        ended = killed_at(number, lambda place=place: work(place))
        check(place, not ended)
        if ended:
            return number - 1
    raise AssertionError("it never came to its end")
