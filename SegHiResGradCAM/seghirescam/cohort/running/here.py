"""The jobs of a plan one after the other, in this process: the reference for every other way of running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .interrupted import work_counted
from .job import Job
from .work import STORE, Outcome, Work

#: gives a job to answer, or None where there is none now
Next = Callable[[], Job | None]


class Here:
    """workers: 1.  function: answers a job; another one where only what is around it is measured."""

    workers = 1

    def __init__(self, function: Callable[[Job, Work], Outcome] = work_counted):
        self._function = function

    def outcomes(self, more: Next, work: Work) -> Iterator[tuple[Job, Outcome | Exception]]:
        """(job, what became of it), until ``more`` gives none."""
        while (job := more()) is not None:
            yield job, self._function(job, work)

    @contextmanager
    def open(self) -> Iterator[Here]:
        import torch

        threads = torch.get_num_threads()
        STORE.loads.clear()  # a run tells its own openings
        try:
            yield self
        finally:
            STORE.forget()
            if torch.get_num_threads() != threads:
                torch.set_num_threads(threads)
