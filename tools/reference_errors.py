"""The page about errors: their codes, and which test holds each known fault."""

from __future__ import annotations

from reference_text import table, told

from engine.fault_table import FAULTS
from engine.promise_table import PROMISES
from seghirescam.protocol import errors


def page() -> str:
    lines = [
        "# Errors and known faults",
        "",
        "An error has a stable code, one sentence, and what to do about it. The codes are the same in Python",
        "(`error.code`), in `--json` output and on the worker's line.",
        "Exit codes of the commands: [inputs](inputs.md#output-and-exit-codes).",
        "",
        "## Codes",
        "",
    ]
    base = errors.SegHiResCamError
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, base) and k is not base]
    rows = [[f"`{k.code}`", f"`{k.__name__}`", told(k).split("\n\n")[0]] for k in kinds]
    lines += table(["code", "class", "meaning"], rows)
    lines += [
        "## Promises",
        "",
        "Each is held by the tests named; the suite fails if one of them is missing.",
        "",
    ]
    lines += table(["promise", "tests"], [[row.fault, _tests(row)] for row in PROMISES.values()])
    lines += ["## Known faults", "", "What is fed in, and the tests that hold the answer to it.", ""]
    lines += table(["", "fault", "tests"], [[str(n), row.fault, _tests(row)] for n, row in FAULTS.items()])
    return "\n".join(lines)


def _tests(row) -> str:
    names = [f"`{test}`" for test in row.tests]
    return "; ".join([*names, *([f"open: {row.open}"] if row.open else [])])
