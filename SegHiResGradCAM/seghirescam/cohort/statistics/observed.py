"""A run's table read for one number: every line as an observation with its case, or the reason why it has no number."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...protocol.csv_text import cell
from ...protocol.errors import SegHiResCamError
from ...protocol.value import OK
from ..run_folder import BY_LABEL, CASES, TABLE, RunFolder
from ..table.columns import numbers_in

#: what is independent of what: a case, or the plan's ``group`` (of BIDS the subject)
CASE, GROUP = "case", "group"
UNITS = (CASE, GROUP)
#: read where none is named: of the table, and of a label's evidence
SHARE_INSIDE, SHARE = "share inside", "share"
LIFT = " lift"


class StatisticsError(SegHiResCamError, ValueError):
    """A run, a number or a choice of levels that cannot be compared."""

    code = "statistics"


@dataclass(frozen=True, slots=True)
class Observation:
    """unit: what is independent (a case or a group).  image: hash.  pixels: tells pixel sets of a unit apart, by what
    was given (case, segment, reference, label), the same for every model.  value: None where why tells the status."""

    unit: str
    image: str
    pixels: tuple[str, ...]
    model: str
    method: str
    layer: str
    class_name: str
    rival: str
    form: str
    score_of: str
    value: float | None
    measured_in: str
    why: str = ""


@dataclass
class Observed:
    """of: the number.  label: whose evidence, "" for the table's numbers.  failed: questions without any line.
    models: hash -> the plan's word, in the plan's order; {} without ``cases.csv``.  layers: name -> (part, stride)."""

    of: str
    label: str
    unit: str
    rows: list[Observation] = field(default_factory=list)
    failed: int = 0
    models: dict[str, str] = field(default_factory=dict)
    layers: dict[str, tuple[str, str]] = field(default_factory=dict)


def observed(run: RunFolder, of: str = "", label: str = "", unit: str = CASE) -> Observed:
    """of: a number of ``table.csv``, or with a label of ``by_label.csv``; with " lift" behind a share, its lift.

    A case is what the plan calls one (``cases.csv``), without that file an image.  Raises StatisticsError.
    """
    if run.facts() is None:
        raise StatisticsError(f"The folder '{run.path.name}' holds no cohort's run.", "Name the folder given as --out.")
    cases, models = _cases(run.path / CASES)
    found = Observed(of or (SHARE if label else SHARE_INSIDE), label, unit, models=models)
    classes: dict[tuple[str, str], tuple[str, str, str]] = {}
    table = _lines(run, TABLE)
    if not label:
        table = _having(table, found.of)
    for line in table:
        if line["status"] == "failed":
            found.failed += 1
            continue
        told = line["class name"] or line["class"], line["rival"], line["score of"]
        found.layers[line["layer"]] = line["layer part"], line["stride"]
        if label:
            classes[line["question"], line["class"]] = told
        else:
            found.rows.append(_observation(line, found, line["label"], told, cases, line["status"]))
    if label:
        labels: dict[str, None] = {}
        for line in _having(_lines(run, BY_LABEL), found.of):
            labels[line["label"]] = None
            if line["label"] == cell(label):
                told = classes[line["question"], line["class"]]
                found.rows.append(_observation(line, found, line["map"], told, cases, OK))
        if not found.rows:
            known = ", ".join(labels) or "none"
            raise StatisticsError(f"No evidence was counted in a label '{label}'.", f"Labels: {known}.")
    if unit == GROUP and any(not one.unit for one in found.rows):
        raise StatisticsError("Not every case has a group.", "Fill the plan's column 'group', or use --unit case.")
    return found


def _observation(line, found: Observed, own_label: str, told, cases, status: str) -> Observation:
    base = found.of.removesuffix(LIFT)
    value = line[found.of]
    why = ""
    if status != OK:
        why = status
    elif line[f"{base} status"] != OK:
        why = line[f"{base} status"] or "not_measured"
    elif not value:
        why = "no_chance_level"
    case = cases.get(line["image"], line["image"])
    measured_in = "" if base != found.of else line[f"{base} unit"]
    words = (line["model"], line["method"], line["layer"], *told, line["pixel set"], measured_in, why)
    # the same few words in every line of a long table are kept once
    model, method, layer, class_name, rival, score_of, form, measured_in, why = map(sys.intern, words)
    return Observation(
        unit=case if found.unit == CASE else line["group"], image=line["image"],
        pixels=(case, line["segment"], line["reference"], own_label), model=model, method=method, layer=layer,
        class_name=class_name, rival=rival, form=form, score_of=score_of, value=None if why else float(value),
        measured_in=measured_in, why=why,
    )  # fmt: skip


def _cases(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """(image -> the first case it is called by, model -> its word); both in the plan's order."""
    cases: dict[str, str] = {}
    models: dict[str, str] = {}
    try:
        with open(path, newline="", encoding="utf-8") as file:
            for line in csv.DictReader(file):
                if line["image"]:
                    cases.setdefault(line["image"], line["case"])
                if line["model hash"]:
                    models.setdefault(line["model hash"], line["model"])
    except FileNotFoundError:
        return {}, {}
    except (OSError, ValueError, KeyError, csv.Error):
        raise StatisticsError(f"'{path.name}' is not as a run wrote it.", "Run the cohort's command again.") from None
    return cases, models


def _lines(run: RunFolder, name: str) -> Iterator[dict[str, str]]:
    try:
        with open(run.path / f"{name}.csv", newline="", encoding="utf-8") as file:
            yield from csv.DictReader(file)
    except FileNotFoundError:
        raise StatisticsError(
            f"The run has no {name}.csv yet.", "It is written once every question has an answer: run the cohort again."
        ) from None
    except (OSError, ValueError, csv.Error):
        raise StatisticsError(f"'{name}.csv' cannot be read.", "Run the cohort's command again.") from None


def _having(lines: Iterator[dict[str, str]], of: str) -> Iterator[dict[str, str]]:
    """The lines, of a table that has the number."""
    for number, line in enumerate(lines):
        if not number and (of not in line or f"{of.removesuffix(LIFT)} status" not in line):
            known = ", ".join(numbers_in(line))
            raise StatisticsError(f"The table has no number '{of}'.", f"Numbers: {known}.")
        yield line
