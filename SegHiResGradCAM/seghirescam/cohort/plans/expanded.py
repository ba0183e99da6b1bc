"""All rows of a plan, streamed; two that ask the same are refused with both their lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from . import csv_plan, yaml_plan
from .row import PlanError, Row

_YAML = (".yaml", ".yml")


def expanded(plan: Path | str) -> Iterator[Row]:
    """The rows in the plan's order. Raises PlanError, DependencyError."""
    path = Path(plan)
    seen: dict[bytes, int] = {}
    for number, row in (yaml_plan if is_yaml(path) else csv_plan).rows(path):
        key = bytes.fromhex(row.identity)
        if key in seen:
            raise PlanError(
                f"Lines {seen[key]} and {number} of the plan ask the same question of the same files.",
                "Delete one of them.",
            )
        seen[key] = number
        yield row
    if not seen:
        raise PlanError("The plan holds no question.", "A CSV has one line for each, after its first line of columns.")


def is_yaml(path: Path) -> bool:
    return path.suffix.lower() in _YAML


def head(plan: Path | str) -> dict:
    """The settings at a YAML plan's head; {} of any other."""
    path = Path(plan)
    return yaml_plan.settings(path) if is_yaml(path) else {}
