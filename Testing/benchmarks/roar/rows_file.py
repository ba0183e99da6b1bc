"""The CSV: one row a training, whole or not at all. Standard library only."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

CONTEXT, PLAIN = "context", "plain"
REMOVE, KEEP, HOLES = "remove", "keep", "holes"
#: the row of the networks that are trained on unchanged images and give the maps
NOTHING = "nothing"


@dataclass(frozen=True)
class Job:
    """One training. variant: "context" (bodies are never removed) or "plain".

    mode: "remove" (ROAR), "keep" (KAR), or "holes": which pixels ROAR would remove, as 1 on 0, with nothing of the
    image but the body.  fraction: of the pixels that may be removed; kept instead in the mode "keep".
    """

    variant: str
    mode: str
    row: str
    fraction: float
    seed: int


@dataclass(frozen=True)
class Result:
    """What one training came to, on test images changed like the training images.

    dice: mean of the cases' own class.  told_apart: AUROC of the class inside the body, chance 0.5.  cause_gone: share
    of the cause's pixels that were replaced.  body_gone: of the body's.  cpu_s: replacing and training.  cases: Dice of
    every test case in thousandths.
    """

    dice: float
    told_apart: float
    cause_gone: float
    body_gone: float
    cpu_s: float
    cases: tuple[int, ...]


_JOB, _RESULT = [f.name for f in fields(Job)], [f.name for f in fields(Result)]


def read(path: Path) -> dict[Job, Result]:
    """All whole rows; a last line without its end (an interrupted write) is cut off the file."""
    if not path.exists():
        return {}
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        os.truncate(path, len(whole))
    found = {}
    for line in csv.DictReader(io.StringIO(whole.decode())):
        job = Job(line["variant"], line["mode"], line["row"], float(line["fraction"]), int(line["seed"]))
        numbers = [float(line[name]) for name in _RESULT[:-1]]
        found[job] = Result(*numbers, tuple(map(int, line["cases"].split())))
    return found


def append(path: Path, job: Job, result: Result) -> None:
    """Write one row (and the header to a new file) in one go."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if not path.exists() or path.stat().st_size == 0:
        writer.writerow(_JOB + _RESULT)
    numbers = [f"{getattr(result, name):.6g}" for name in _RESULT[:-1]]
    writer.writerow([*asdict(job).values(), *numbers, " ".join(map(str, result.cases))])
    with path.open("ab") as file:
        file.write(out.getvalue().encode())
        file.flush()
        os.fsync(file.fileno())
