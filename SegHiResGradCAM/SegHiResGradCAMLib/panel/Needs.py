"""What features need of the panel, by name: a feature's own Protocol puts together what it uses.

No feature knows the Presenter: a stand-in with these names will do, and a test hands in no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ..setup.Dependencies import Dependencies
from ..worker.Job import Job
from .Notices import Notices


class TellsUser(Protocol):
    """notices: what is told in words; changed: shows what is new; do: what a click does at once."""

    notices: Notices

    def changed(self, *names: str) -> None: ...
    def do(self, action: Callable, *arguments: Any) -> Any: ...


class HasParameters(Protocol):
    """parameters: the parameter node, None without a scene; write: sets some of them."""

    parameters: Any

    def write(self, **fields: Any) -> None: ...


class AsksWorker(TellsUser, Protocol):
    """job: the one that runs; None where the panel is idle.  settle: a job has ended, or goes on by itself."""

    engine: Any
    job: Job | None

    @property
    def busy(self) -> bool: ...
    def cannotCompute(self) -> str: ...
    def send(self, job: Job, source: str, question: dict, listener: Any = None) -> None: ...
    def settle(self) -> None: ...


class ShownResult(Protocol):
    """node: the shown overlay, None without one.  results: the Results of the scene.  isGone: the map that a job is
    about was removed meanwhile.  answered: maps have come."""

    @property
    def node(self) -> Any: ...
    @property
    def results(self) -> Any: ...
    def isGone(self, job: Job) -> bool: ...
    def answered(self, job: Job, answer: dict) -> None: ...


class ChecksMaps(AsksWorker, Protocol):
    """desk: which result is shown.  cannotTest: what stands in the way of every test of a map."""

    @property
    def desk(self) -> ShownResult: ...
    def cannotTest(self) -> str: ...


class ChecksPackages(Protocol):
    """missing: packages that the chosen model still needs."""

    missing: Dependencies

    def examine(self, requirements: tuple[str, ...]) -> Dependencies: ...
