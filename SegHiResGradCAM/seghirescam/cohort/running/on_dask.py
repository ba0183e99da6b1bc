"""The jobs of a plan on dask.distributed: an embedded cluster of this machine, or a scheduler that is there.

The embedded one listens on the loopback only, without a dashboard, with certificates that live as long as it does: a
scheduler unpickles what it is sent.  One thread a worker.  Nothing here decides which job runs where.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...protocol.errors import DependencyError, SegHiResCamError
from ...protocol.writing.private_folders import PrivateFolder
from .failures import ProcessEndedError
from .here import Next
from .job import Job
from .work import Outcome, Work, work_on

#: how often a job may end its process before it is given up
TRIES = 3
_CONNECT_SECONDS, _CLOSE_SECONDS, _LOOK_SECONDS = 20, 60, 5
#: messages and transitions that dask keeps of each connection
_LOG = 100


class SchedulerError(SegHiResCamError, RuntimeError):
    """A scheduler that cannot be reached, or must not be."""

    code = "scheduler"


@dataclass(frozen=True)
class Elsewhere:
    """A scheduler that is there. insecure: the explicit yes to one without TLS."""

    address: str
    ca: str = ""
    certificate: str = ""
    key: str = ""
    insecure: bool = False

    def __post_init__(self) -> None:
        tls = self.address.startswith("tls://")
        if not tls and not self.insecure:
            raise SchedulerError(
                "A scheduler without TLS runs what anybody sends it.",
                "Give a tls:// address with --tls-ca, --tls-cert and --tls-key, or add --scheduler-insecure.",
            )
        if tls and not (self.ca and self.certificate and self.key):
            raise SchedulerError("A tls:// scheduler needs certificates.", "Add --tls-ca, --tls-cert and --tls-key.")


class OnDask:
    """workers: processes of the embedded cluster, where no scheduler is named.  function: as of :class:`here.Here`."""

    def __init__(
        self, workers: int = 2, elsewhere: Elsewhere | None = None,
        function: Callable[[Job, Work], Outcome] = work_on,
    ):  # fmt: skip
        self._function = function
        self.elsewhere, self._wanted = elsewhere, workers
        self._client: Any = None
        self._threads, self._ask_again = 1, 0.0

    @property
    def workers(self) -> int:
        """Jobs at once: one a thread, as it was told some seconds ago: the scheduler is asked across its port."""
        if self._client and time.monotonic() >= self._ask_again:
            self._threads = max(1, sum(self._client.nthreads().values()))
            self._ask_again = time.monotonic() + _LOOK_SECONDS
        return self._threads if self._client else self._wanted

    @contextmanager
    def open(self) -> Iterator[OnDask]:
        """Raises DependencyError, SchedulerError."""
        try:
            import dask
            from distributed import Client, LocalCluster
            from distributed.security import Security
        except ImportError as error:
            raise DependencyError.of("More than one worker", "distributed", "'seghirescam[cohort]'") from error
        words = {
            "distributed.scheduler.allowed-failures": TRIES - 1,
            "distributed.comm.timeouts.connect": f"{_CONNECT_SECONDS}s",
            "distributed.worker.memory.terminate": False, "distributed.worker.memory.pause": False,
            "distributed.worker.memory.spill": False, "distributed.worker.memory.target": False,
            "distributed.admin.tick.limit": "60s",
            # what went over each connection, whole, which nobody looks at here
            "distributed.admin.low-level-log-length": _LOG,
            # each process opens a port for pages of its own on the loopback: with nothing behind it
            "distributed.scheduler.http.routes": [], "distributed.worker.http.routes": [],
        }  # fmt: skip
        with dask.config.set(words):
            if self.elsewhere is not None:
                with self._far(Client, Security):
                    yield self
                return
            try:
                security = Security.temporary()
            except ImportError as error:
                raise DependencyError.of("More than one worker", "cryptography", "'seghirescam[cohort]'") from error
            with PrivateFolder() as place:
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", "Port .* is already in use", UserWarning)
                    cluster = LocalCluster(
                        n_workers=self._wanted, threads_per_worker=1, processes=True, host="127.0.0.1", protocol="tls",
                        dashboard_address=None, security=security, local_directory=str(place), memory_limit=0,
                        silence_logs=logging.CRITICAL,
                    )  # fmt: skip
                try:
                    self._client = Client(cluster)
                    yield self
                finally:
                    self._close(cluster)

    def outcomes(self, more: Next, work: Work) -> Iterator[tuple[Job, Outcome | Exception]]:
        """(job, what became of it), as they are done; a job of several rows that ends its process is asked row by row.

        Raises SchedulerError where the cluster is lost.
        """
        from distributed import as_completed

        running: dict[Any, Job] = {}
        again: list[Job] = []
        done = as_completed()
        while True:
            while len(running) < self.workers:
                job = again.pop(0) if again else more()
                if job is None:
                    break
                future = self._client.submit(_on_its_gpu, self._function, job, work, pure=False)
                running[future] = job
                done.add(future)
            if not running:
                return
            future = next(done)
            job = running.pop(future)
            found = self._result(future)
            if isinstance(found, ProcessEndedError) and len(job.rows) > 1:
                again += job.alone
            else:
                yield job, found

    def _result(self, future) -> Outcome | Exception:
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError

        try:
            return future.result()
        except KilledWorker:
            # by which signal is told too late to stand in every run's table alike
            return ProcessEndedError(
                f"The process ended each of the {TRIES} times it was given this question.",
                "It may take more memory than there is, or a library may crash: try it alone with --workers 1.",
            )
        except (FutureCancelledError, OSError) as error:
            if isinstance(error, SegHiResCamError):
                raise
            raise SchedulerError(
                "The scheduler is gone.", "What is finished stays, and the same command goes on with the rest."
            ) from error

    @contextmanager
    def _far(self, client, security) -> Iterator[None]:
        place = self.elsewhere
        assert place is not None
        words: dict[str, Any] = {}
        if place.address.startswith("tls://"):
            files = {"tls_ca_file": place.ca, "tls_client_cert": place.certificate, "tls_client_key": place.key}
            words["security"] = security(**files, require_encryption=True)
        try:
            self._client = client(place.address, timeout=_CONNECT_SECONDS, **words)
        except (OSError, ValueError, TimeoutError) as error:
            raise SchedulerError(
                f"No scheduler answers at {place.address.partition('://')[0]}://... within {_CONNECT_SECONDS} s.",
                "Check the address and the certificates, or leave --scheduler out to compute here.",
            ) from error
        try:
            if not self._client.nthreads():
                raise SchedulerError("The scheduler has no worker.", "Start some: dask worker ADDRESS --nthreads 1.")
            yield
        finally:
            self._close(None)

    def _close(self, cluster) -> None:
        """Everything that is to be kept has been written: whoever does not end by itself is ended."""
        client, self._client, self._ask_again = self._client, None, 0.0
        if client is not None:
            with contextlib.suppress(TimeoutError, OSError):
                client.close(timeout=_CLOSE_SECONDS)
        if cluster is None:
            return
        workers = [nanny.pid for nanny in cluster.workers.values() if nanny.pid]
        try:
            cluster.close(timeout=_CLOSE_SECONDS)
        except TimeoutError:
            for pid in workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)


def _on_its_gpu(function: Callable[[Job, Work], Outcome], job: Job, work: Work) -> Outcome:
    """In a worker: the first job settles which of the GPUs is its own, before torch looks for them."""
    if work.gpus and "torch" not in sys.modules:
        from distributed import get_worker

        os.environ["CUDA_VISIBLE_DEVICES"] = work.gpus[int(get_worker().name) % len(work.gpus)]
    return function(job, work)
