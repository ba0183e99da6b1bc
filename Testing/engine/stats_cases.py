"""Runs whose numbers are known, written by the engine's own writers, and slow replicas of the statistics."""

from __future__ import annotations

import hashlib
import itertools

from seghirescam.cohort.journal import Entry
from seghirescam.cohort.plans.row import Row
from seghirescam.cohort.run_folder import RunFolder
from seghirescam.cohort.table.cases import write_cases
from seghirescam.cohort.table.columns import number
from seghirescam.cohort.table.write_table import Answered, Unanswered, write_tables
from seghirescam.protocol.value import OK, Value


def digest(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def line(case, model, value, *, label="", method="hires", layer="deep", image="", group="", of="share inside",
         unit="", status=OK, form="segment", class_name="lesion", rival=None, chance=None, by_label=()):  # fmt: skip
    """What :func:`run_of` takes of one line. value: None with the status that says why.  by_label: {label: share}."""
    return {**locals(), "by_label": dict(by_label)}


def run_of(folder, lines, failed=0, cases=True) -> RunFolder:
    """A run with these lines; a question each pixel set and model, as a cohort asks."""
    run = RunFolder(folder)
    run.begin({}, "plan", len(lines))
    questions: dict[tuple, list] = {}
    for one in lines:
        questions.setdefault((one["case"], one["image"], one["model"], one["label"], one["group"]), []).append(one)
    answered, rows = [], []
    for n, ((case, image, model, label, group), several) in enumerate(questions.items(), start=1):
        hashes = digest(image or case), digest(model), digest(f"segment of {case}"), ""
        key = "".join(one[:12] for one in hashes[:2]) + digest(f"{case}{image}{model}{label}")[:40]
        found, by_label = [], []
        for one in several:
            value = one["value"]
            told = Value.without(one["status"], "Why.", one["unit"]) if value is None else Value.of(
                value, one["unit"], one["chance"])  # fmt: skip
            words = {"label": label, "pixel set": one["form"], "class": 1, "class name": one["class_name"]}
            words |= {"rival": one["rival"], "layer": one["layer"], "method": one["method"], "score of": "logit"}
            found.append(words | {"status": OK} | number(one["of"], told))
            base = {"pixel set": one["form"], "class": 1, "layer": one["layer"], "method": one["method"], "map": label}
            by_label += [
                base | {"label": name} | number("share", Value.of(share)) for name, share in one["by_label"].items()
            ]
        with run.scratch() as scratch:
            run.write_question(key, {"lines": found, "by_label": by_label}, scratch)
        answered.append(Answered(key, hashes, group))
        rows.append((n, Row(case, (f"{case}.nii",), model, "lesion", group=group), Entry(key, hashes=hashes)))
    gone = [Unanswered(n + 1000, ("", "", "", ""), "", "image", "It is not there.") for n in range(failed)]
    write_tables(run, answered, gone)
    if cases:
        write_cases(run, rows)
    return run


def ranks(values) -> list[float]:
    """Mean ranks from 1, by counting."""
    return [sum(other < one for other in values) + (sum(other == one for other in values) + 1) / 2 for one in values]


def signed_rank(d) -> tuple[float, float, float]:
    """(rank sum above 0, below 0, two-sided p) by going through all changes of signs; differences of 0 are dropped."""
    d = [one for one in d if one]
    weights = ranks([abs(one) for one in d])
    up = sum(w for w, one in zip(weights, d, strict=True) if one > 0)
    sums = [sum(itertools.compress(weights, signs)) for signs in itertools.product((0, 1), repeat=len(d))]
    above = sum(one >= up - 1e-9 for one in sums) / len(sums)
    below = sum(one <= up + 1e-9 for one in sums) / len(sums)
    return up, sum(weights) - up, min(1.0, 2 * min(above, below))


def holm_by_hand(p) -> list[float]:
    order = sorted(range(len(p)), key=lambda n: p[n])
    found, most = [0.0] * len(p), 0.0
    for step, n in enumerate(order):
        most = max(most, min(1.0, (len(p) - step) * p[n]))
        found[n] = most
    return found
