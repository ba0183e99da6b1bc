"""From what users have to a :class:`SegmentationModel`. A new kind is one new file and one line in ``_KINDS``."""

from __future__ import annotations

import importlib
import os

from ..protocol.errors import ModelError
from ..protocol.untrusted import refuse_odd

#: module names, asked in this order; each holds ``KIND``, an object with ModelKind's methods
_KINDS = (
    "demo_networks.demo_model",
    "nnunet.totalsegmentator",
    "nnunet.nnunet_model",
    "monai.monai_bundle",
    "monai.monai_network",
    "monai.auto3dseg",
    "programs.exported",
    "programs.torchscript",
    "factory.factory_model",
)

#: what people call the kinds; one that is missing here is called by its own name
TITLES = {
    "demo": "Demo network",
    "totalsegmentator": "TotalSegmentator weights",
    "nnunet": "nnU-Net v2 model",
    "monai_bundle": "MONAI bundle",
    "monai_network": "MONAI network with weights",
    "auto3dseg": "MONAI Auto3DSeg checkpoint",
    "exported": "torch.export program (.pt2)",
    "torchscript": "TorchScript program",
    "factory": "Python file and weights",
}


def kinds():
    return [importlib.import_module(f".{name}", __name__).KIND for name in _KINDS]


def recognise(source):
    """The first kind that recognises ``source``, without loading it. Raises ModelError with all that were tried."""
    refuse_odd(source)
    known = kinds()
    for kind in known:
        if kind.recognises(source):
            return kind
    tried = ", ".join(title(kind.name) for kind in known)
    if isinstance(source, dict):
        raise ModelError("No model was recognised in this description.", f"Tried: {tried}.")
    if not os.path.exists(str(source)):
        sentence = f"No model was recognised in {str(source)!r}: there is no such file or folder."
        raise ModelError(sentence, "It was moved or deleted, or the name is misspelt: pick the model again.")
    from .unrecognised import what_it_is

    sentence, hint = what_it_is(source) or (f"No model was recognised in {str(source)!r}.", f"Tried: {tried}.")
    raise ModelError(sentence, hint)


def title(kind: str) -> str:
    """What people call a kind."""
    return TITLES.get(kind, kind)


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
