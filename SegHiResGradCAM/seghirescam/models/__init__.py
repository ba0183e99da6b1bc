"""From what users have to a :class:`SegmentationModel`. A new kind is one new file and one line in ``_KINDS``."""

from __future__ import annotations

import importlib

from ..errors import ModelError

#: module names, asked in this order; each holds ``KIND``, an object with ModelKind's methods
_KINDS = (
    "demo",
    "totalsegmentator",
    "nnunet",
    "monai_bundle",
    "monai_network",
    "auto3dseg",
    "exported",
    "torchscript",
    "factory",
)


def kinds():
    return [importlib.import_module(f".{name}", __name__).KIND for name in _KINDS]


def recognise(source):
    """The first kind that recognises ``source``, without loading it. Raises ModelError with the kinds tried."""
    for kind in kinds():
        if kind.recognises(source):
            return kind
    tried = ", ".join(kind.name for kind in kinds())
    raise ModelError(f"No model was recognised in {str(source)!r}.", f"Kinds tried: {tried}.")


def open_model(source, *, consent: bool = False):
    """Open a model by its source, for example ``open_model("demo:honest")``.

    A plain ``nn.Module`` needs no opening: wrap it in :class:`seghirescam.PlainModel` with its class names.
    consent: the caller's explicit yes to running the model author's code, where the kind would run any.
    """
    kind = recognise(source)
    why = kind.runs_author_code(source)
    if why and not consent:
        raise ModelError(why, "Nothing was run. Pass consent=True if you trust the author.")
    return kind.open(source, consent=consent)
