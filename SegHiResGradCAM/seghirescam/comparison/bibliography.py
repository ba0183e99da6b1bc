"""BibTeX of the methods in a figure."""

from __future__ import annotations

from ..protocol.question import DEFAULT_METHOD


def bibliography(methods) -> str:
    """The paper behind this work, then the methods' own, each entry once; a comment where a method has none."""
    from ..cam.methods import method

    entries = dict.fromkeys((m.bibtex.strip() or f"% {m.title}: {m.paper}") for m in (method(DEFAULT_METHOD), *methods))
    return "\n\n".join(entries) + "\n"
