"""The page about what Slicer and the worker say to each other, from the classes that travel."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields

from reference_text import table, told

from seghirescam.protocol import messages
from seghirescam.protocol.requests import REQUESTS, AboutPixelSets, OfACase


def page() -> str:
    lines = [
        "# Worker protocol",
        "",
        "The panel talks to a separate Python process, `python -P -m seghirescam.worker`: one JSON object a line on",
        f"stdin and stdout, arrays as `.npy` files in a private folder. This is protocol {messages.PROTOCOL}.",
        "A program of your own may do the same; in Python the [verbs](python.md) are simpler.",
        "",
        "## From the worker",
        "",
        "`hello` once, then for each request any number of `progress` and one `result` or `error`.",
        "",
    ]
    for one in (messages.Hello, messages.Progress, messages.Result, messages.Failure):
        names = ", ".join(f"`{f.name}`" for f in fields(one))
        lines += [f"**{one.__name__}** ({names})", "", told(one), ""]
    lines += [
        "## To the worker",
        "",
        'Every request is `{"id": number, "do": word, ...}`. A field that a request does not know is refused; one',
        "that is left out is the engine's choice.",
        "",
    ]
    for base in (OfACase, AboutPixelSets):
        lines += [f"**{base.__name__}**", "", told(base), ""]
    for word, kind in REQUESTS.items():
        base = next((b.__name__ for b in (AboutPixelSets, OfACase) if issubclass(kind, b)), "")
        inherited = {f.name for b in (AboutPixelSets, OfACase) if issubclass(kind, b) for f in fields(b)}
        lines += [f"### {word}", ""]
        if base:
            lines += [f"With the fields of {base}.", ""]
        own = [f for f in fields(kind) if f.name not in inherited or f.name in inspect.get_annotations(kind)]
        lines += [told(kind), ""]
        if own:
            rows = [[f"`{f.name}`", str(f.type), "yes" if f.default is MISSING else "no"] for f in own]
            lines += table(["field", "type", "required"], rows)
    return "\n".join(lines)
