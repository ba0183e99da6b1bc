"""The jobs of a plan one after the other, in this process: the reference for every other way of running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ...protocol.progress import Tell
from .job import Job
from .work import STORE, Outcome, Work, work_on

#: gives a job to answer, or None where there is none now
Next = Callable[[], Job | None]


class Here:
    """workers: 1."""

    workers = 1

    def __init__(self, progress: Tell | None = None):
        self._progress = progress

    def outcomes(self, more: Next, work: Work) -> Iterator[tuple[Job, Outcome | Exception]]:
        """(job, what became of it), until ``more`` gives none."""
        while (job := more()) is not None:
            yield job, work_on(job, work, self._progress)

    @contextmanager
    def open(self) -> Iterator[Here]:
        import torch

        threads = torch.get_num_threads()
        try:
            yield self
        finally:
            STORE.forget()
            if torch.get_num_threads() != threads:
                torch.set_num_threads(threads)
