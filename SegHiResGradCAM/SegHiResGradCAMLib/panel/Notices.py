"""What the panel tells the user in words: a status, or an error with folded details."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from seghirescam.protocol.errors import SegHiResCamError

from ..setup.Translation import _

#: how many of several things a line names; a tooltip has all
NAMED = 4


def listed(words: Sequence[str], most: int | None = NAMED) -> str:
    """Words in one line; None: all of them."""
    more = 0 if most is None else len(words) - most
    return ", ".join(words[:most]) + (_(" and {more} more").format(more=more) if more > 0 else "")


class Notices:
    """status: one line.  error: one sentence with what to do; details: for the folded text."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.status = self.error = self.details = ""

    def say(self, status: str) -> None:
        self.clear()
        self.status = status

    def fail(self, sentence: str, hint: str = "", details: str = "") -> None:
        self.status, self.error, self.details = "", f"{sentence} {hint}".strip(), details

    def failed(self, error: Exception) -> None:
        """Tells an error. Nothing is swallowed: the log has what is a fault of ours."""
        if isinstance(error, SegHiResCamError):
            self.fail(error.sentence, error.hint)
        else:
            logging.error("SegHiResGradCAM failed", exc_info=error)
            self.fail(_("Internal error in the module."), _("Please report the details."), repr(error))

    def guarded(self, action: Callable, *arguments: Any) -> Any:
        """What the action returns; None after an error, which is then told."""
        try:
            return action(*arguments)
        except Exception as error:
            self.failed(error)
        return None
