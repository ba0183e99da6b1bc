"""The user's yes to running a model author's code: asked once for each content of the file, never assumed."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

from .Translation import _

#: of the answers among the settings
CONSENT_PREFIX = "SegHiResGradCAM/Consent/"
#: a longer reason is cut: what we say about it must stay in sight
_LONGEST = 1200


class Consent:
    """Remembers consent by SHA-256 of the code, so that a changed file asks again and a moved one does not.

    settings: mapping that outlives the session; the worker's client reads the answers from the same one.  ask:
    ``ask(question) -> bool``; the default says no, so that tests and unattended runs never run an author's code.
    """

    def __init__(self, settings: Any, ask: Callable = lambda question: False):
        self._settings = settings
        self._ask = ask

    def given(self, sha256: str) -> bool:
        """Whether a yes for exactly this content is on record."""
        return bool(sha256) and self._settings.get(CONSENT_PREFIX + sha256) == "yes"

    def request(self, reason: str, sha256: str) -> bool:
        """True if consent is on record or given now.

        reason: the sentence that names the code that would run.  Without a digest there is nothing that a yes could be
        bound to: then the answer is no, unasked.
        """
        if self.given(sha256):
            return True
        question = _(
            "{reason}\n\nSuch code can do everything that you can do on this computer. Run it only if "
            "you trust its author.\n\nThe answer is remembered until the file changes. Run it?"
        ).format(reason=oneParagraph(reason))
        if not sha256 or not self._ask(question):
            return False
        self.give(sha256)
        return True

    def give(self, sha256: str) -> None:
        """Records the user's yes to exactly this content."""
        self._settings[CONSENT_PREFIX + sha256] = "yes"


def oneParagraph(text: str) -> str:
    """A text that may hold strings of a model's author, without lines, pages or directions of its own."""
    plain = "".join(one if one.isspace() or unicodedata.category(one)[0] != "C" else "\ufffd" for one in text)
    plain = " ".join(plain.split())
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]} ..."
