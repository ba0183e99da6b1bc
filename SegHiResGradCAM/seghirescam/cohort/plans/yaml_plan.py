"""A plan as a small YAML: settings, defaults, and rows whose lists expand to their product.

    settings: {method: [seg_hires_grad_cam, seg_grad_cam], score: contrast, evaluate: fast}
    defaults: {model: [demo:honest, demo:shortcut], target: lesion, rival: look-alike}
    rows:
      - {images: "ct/*.nii.gz", segment: "seg/*.seg.nrrd", label: Lesion}

A list in any field stands for one row each (all combinations); of ``images`` a list is the channels of one case, and a
list of lists several cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

from ...protocol.errors import DependencyError
from .csv_plan import at_line
from .patterns import rows_of
from .row import BETWEEN, COLUMNS, PlanError, Row

_PARTS = ("settings", "defaults", "rows")
#: bytes; a longer plan is a CSV
_LARGEST = 1_000_000


def rows(path: Path) -> Iterator[tuple[int, Row]]:
    """(line number of the entry, row). Raises PlanError, DependencyError without PyYAML."""
    plan, lines = _read(path)
    defaults = _mapping(plan.get("defaults") or {}, "defaults")
    for number, entry in zip(lines, plan["rows"], strict=True):
        try:
            fields = defaults | _mapping(entry, "a row")
            names = list(fields)
            for values in product(*(_choices(name, fields[name]) for name in names)):
                for row in rows_of({"model": "", "case": ""} | dict(zip(names, values, strict=True)), path.parent):
                    yield number, row
        except PlanError as error:
            raise at_line(number, error) from None


def settings(path: Path) -> dict:
    """The head's options, by the command's words without dashes; {} where there are none."""
    return _mapping(_read(path)[0].get("settings") or {}, "settings", None)


def _choices(name: str, value) -> list[str]:
    if name == "images":
        several = isinstance(value, list) and any(isinstance(one, list) for one in value)
        cases = value if several else [value]
        return [BETWEEN.join(_texts(name, case)) for case in cases]
    return _texts(name, value)


def _texts(name: str, value) -> list[str]:
    values = value if isinstance(value, list) else [value]
    for one in values:
        if isinstance(one, bool) or not isinstance(one, (str, int)):
            raise PlanError(f"'{name}' holds what is no text or whole number.", "Quote it.")
    return [str(one).strip() for one in values] or [""]


def _mapping(value, what: str, known=COLUMNS) -> dict:
    if not isinstance(value, dict):
        raise PlanError(f"{what[:1].upper()}{what[1:]} of a plan is a list of 'word: value'.", "")
    for word in value:
        if known is not None and word not in known:
            raise PlanError(f"There is no field '{str(word)[:40]}'.", f"Fields: {', '.join(known)}.")
    return value


def _read(path: Path) -> tuple[dict, list[int]]:
    """(the plan, the line at which each of its rows begins)"""
    try:
        import yaml
    except ImportError as error:
        raise DependencyError.of("A plan in YAML", "pyyaml") from error
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PlanError(f"The plan cannot be read: {error.strerror}.", "Check the path.") from None
    if len(data) > _LARGEST:
        raise PlanError("The plan is longer than any YAML plan.", "Write long plans as CSV, one line a question.")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(data, Loader=yaml.SafeLoader)):
            raise PlanError("The plan holds YAML aliases (*word).", 'Quote patterns: "*".')
        node = yaml.compose(data, Loader=yaml.SafeLoader)
        plan = yaml.safe_load(data)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, PlanError):
            raise
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" (line {mark.line + 1})"
        raise PlanError(f"The plan is no YAML{where}.", 'Quote values that hold *, : or #: "*".') from None
    if not isinstance(plan, dict) or not set(plan) <= set(_PARTS) or not isinstance(plan.get("rows"), list):
        raise PlanError("The plan has no list 'rows'.", "A plan holds rows and, where wanted, settings and defaults.")
    entries = next(value for key, value in node.value if key.value == "rows")
    return plan, [entry.start_mark.line + 1 for entry in entries.value]
