"""What a description or a caller may state about a network's outputs and axes; one check for all model kinds.

``head``: "softmax", "sigmoid" or "binary" (:mod:`heads`).  ``activation``: what the network itself applies last:
"none" (it returns logits), "sigmoid" or "softmax" (it returns probabilities).  ``axes``: the order in which the
network is fed the volume: "zyx" (slices first, as SimpleITK's arrays are) or "xyz" (as MONAI, TorchIO and nibabel read
a file).  ``output``: which of several outputs holds the logits, by its place (0 is the first) or its key.
Standard library only.
"""

from __future__ import annotations

from ..cam.logits.heads import BINARY, NO_ACTIVATION, SIGMOID, SOFTMAX
from ..protocol.errors import ModelError
from ..protocol.explanation import ClassInfo

ZYX, XYZ = "zyx", "xyz"
_ALLOWED = {
    "head": (SOFTMAX, SIGMOID, BINARY),
    "activation": (NO_ACTIVATION, SIGMOID, SOFTMAX),
    "axes": (ZYX, XYZ),
}
WORDS = (*_ALLOWED, "output")


def refuse_unknown(**values) -> None:
    """Raises ModelError for a word with a value it cannot have; None means that nothing was stated."""
    for word, allowed in _ALLOWED.items():
        value = values.get(word)
        if value is not None and value not in allowed:
            known = ", ".join(repr(a) for a in allowed)
            raise ModelError(f"The {word} {value!r} is unknown.", f"Known: {known}.", word=word)
    output = values.get("output")
    whole = isinstance(output, int) and not isinstance(output, bool) and output >= 0
    if not (output is None or whole or (isinstance(output, str) and output.strip())):
        raise ModelError(
            f"The output {output!r} is neither a place nor a key.",
            "Give 0 for the first output, or a key of its dict.",
            word="output",
        )


def class_names(names, head: str | None) -> tuple[str, ...]:
    """The classes' names: a binary head that names its object only has a background as well."""
    return ("background", *names) if head == BINARY and len(names) == 1 else tuple(names)


def class_infos(names, head: str | None = None) -> tuple[ClassInfo, ...]:
    """:func:`class_names`, each with its index."""
    return tuple(ClassInfo(i, name) for i, name in enumerate(class_names(names, head)))
