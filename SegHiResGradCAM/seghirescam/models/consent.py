"""A model author's code runs only after a yes to exactly this content."""

from __future__ import annotations

from ..protocol.errors import ConsentError


def refuse_without(consent: bool | str, digest: str, question: str) -> None:
    """Raises ConsentError, with the question, unless the answer is True or the SHA-256 that was asked about."""
    if consent is not True and consent != digest:
        raise ConsentError(question, "Nothing was run. Agree only if you trust its author.", sha256=digest)
