"""A job: the questions of one case to one model, answered together. The plan's rows sorted into jobs and parts."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..plans.row import PlanError, Row


@dataclass(frozen=True, slots=True)
class Job:
    """rows: (number in the plan, from 1; row). Sent to the process that answers it."""

    rows: tuple[tuple[int, Row], ...]

    @property
    def model(self) -> str:
        return self.rows[0][1].model

    @property
    def images(self) -> tuple[str, ...]:
        return self.rows[0][1].images

    @property
    def name(self) -> str:
        """16 hex digits of the case and the model; who holds them, holds the job."""
        return hashlib.sha256(repr((self.model, self.images)).encode()).hexdigest()[:16]

    @property
    def alone(self) -> list[Job]:
        """A job for every row, where one of them ends the process."""
        return [Job((one,)) for one in self.rows]


@dataclass
class Plan:
    """A plan sorted into jobs: those of one model follow each other, so that it is loaded once. sha256: of all rows."""

    jobs: list[Job]
    rows: int
    sha256: str
    part: tuple[int, int] = (1, 1)
    all_jobs: int = 0
    #: first 16 hex digits of every row's identity, in the plan's order, as numbers
    identities: array = field(default_factory=lambda: array("Q"))

    @staticmethod
    def of(rows: Iterable[Row], check=lambda row: None, part: tuple[int, int] = (1, 1)) -> Plan:
        """check: raises for a row that cannot be asked.  part: (k, n), the k-th of n, each job in one part.

        Raises PlanError with the row's number.
        """
        together: dict[tuple, list[tuple[int, Row]]] = {}
        content, number, identities = hashlib.sha256(), 0, array("Q")
        for number, row in enumerate(rows, start=1):
            try:
                check(row)
            except PlanError as error:
                raise PlanError(f"Question {number} of the plan: {error.sentence}", error.hint, row=number) from None
            identity = row.identity
            content.update(identity.encode())
            identities.append(int(identity[:16], 16))
            together.setdefault(row.together, []).append((number, row))
        by_model: dict[str, list[Job]] = {}
        for own in together.values():
            by_model.setdefault(own[0][1].model, []).append(Job(tuple(own)))
        jobs = [job for several in by_model.values() for job in several]
        k, n = part
        return Plan(jobs[k - 1 :: n], number, content.hexdigest(), part, len(jobs), identities)

    @property
    def questions(self) -> Iterator[tuple[int, Row]]:
        """Of this part."""
        for job in self.jobs:
            yield from job.rows

    @property
    def models(self) -> list[str]:
        return list(dict.fromkeys(job.model for job in self.jobs))

    @property
    def cases(self) -> int:
        return len({job.images for job in self.jobs})
