"""Which part of a cohort this process is: ``3/8``, or as Slurm's job arrays tell it. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .plans.row import PlanError


def part_of(text: str | None, environment: Mapping[str, str]) -> tuple[int, int]:
    """(k, n), from 1; (1, 1) is all of it. Raises PlanError.

    Without a word SLURM_ARRAY_TASK_ID, _MIN, _STEP and _COUNT tell it; the array may begin anywhere.
    """
    if text is not None:
        found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        k, n = (int(found[1]), int(found[2])) if found else (0, 0)
        if not 1 <= k <= n:
            raise PlanError(f"'{text}' is no part.", "Write --part 3/8 for the third of eight; the first is 1.")
        return k, n
    try:
        count = int(environment["SLURM_ARRAY_TASK_COUNT"])
        own, first = int(environment["SLURM_ARRAY_TASK_ID"]), int(environment["SLURM_ARRAY_TASK_MIN"])
        step = int(environment.get("SLURM_ARRAY_TASK_STEP") or 1)
    except (KeyError, ValueError):
        return 1, 1
    k, rest = divmod(own - first, max(1, step))
    if rest or not 0 <= k < count:
        raise PlanError(
            f"Slurm's array of {count} tasks has gaps: task {own} is none of {first}, {first + step}, ...",
            "Use --array=1-8, or say --part k/n.",
        )
    return k + 1, count


def others(part: tuple[int, int]) -> str:
    """Which parts are to be started besides this one; "" where it is all."""
    k, n = part
    rest = [one for one in range(1, n + 1) if one != k]
    if not rest:
        return ""
    listed = ", ".join(f"{one}/{n}" for one in rest[:7]) + (", ..." if len(rest) > 7 else "")
    return f"This is part {k} of {n}. Start the other {len(rest)}, too: --part {listed}. The last one writes the table."
