"""Why a question has no answer: a code and one sentence, in which no file and no case is named."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...protocol.errors import SegHiResCamError
from ...protocol.privacy import Names
from ..plans.row import Row

#: of an exception that is none of ours; of a process that ended
UNEXPECTED, DIED = "unexpected", "process_ended"


class ProcessEndedError(SegHiResCamError, RuntimeError):
    """A process that ended whenever it was given this question."""

    code = DIED


def failure(error: Exception, rows: Iterable[Row]) -> dict[str, str]:
    """{"code", "sentence"}: ours in its own words, another by its type only: its text may quote anything."""
    if isinstance(error, SegHiResCamError):
        return {"code": error.code, "sentence": without_names(f"{error.sentence} {error.hint}".strip(), rows)}
    return {"code": UNEXPECTED, "sentence": f"It failed unexpectedly ({type(error).__name__})."}


def without_names(text: str, rows: Iterable[Row]) -> str:
    """The text with what the rows name called by what it is."""
    told: dict[str, str] = {}
    for row in rows:
        files = {"segment": (row.segment,), "reference": (row.reference,), "model": (row.model,), "image": row.images}
        for word, paths in files.items():
            for path in paths:
                own = path.partition("=")[2] or path
                told |= {name: f"<{word}>" for name in (path, own, Path(own).name) if name}
    for name in sorted(told, key=len, reverse=True):
        text = text.replace(name, told[name])
    return Names().hide(text)
