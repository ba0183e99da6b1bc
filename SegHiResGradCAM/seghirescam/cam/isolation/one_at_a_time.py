"""One question at a time in a process.

A question borrows the network (training flags, buffers, hooks, for some checks its weights) and what torch keeps once a
process: the random number generators, the default type.  Two threads at once would see each other's half-changed
state, and maps would be wrong without a word.  So there is one lock for all networks - they may also share modules -
and the same thread may take it again.  For several GPUs at once use a process each.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager

#: how long a waiting question sleeps before its caller is told again, and may cancel
TELL_SECONDS = 0.2

_LOCK = threading.RLock()


@contextmanager
def alone(tell=None):
    """Inside, no other thread of this process asks a network. tell: ``(fraction, words)``, may raise to stop."""
    lock = _LOCK
    if tell is None:
        lock.acquire()
    else:
        while not lock.acquire(timeout=TELL_SECONDS):
            tell(0.0, "waiting for another question")
    try:
        yield
    finally:
        lock.release()


def _in_a_new_process():
    """A forked child has no other threads: whoever held the lock is not there to give it back."""
    global _LOCK
    _LOCK = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_a_new_process)
