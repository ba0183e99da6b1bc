"""From what users have to a :class:`SegmentationModel`. A new kind is one new file with an object ``KIND``."""

from __future__ import annotations

import os

from ..protocol.errors import BareWeightsError, ModelError
from ..protocol.untrusted import refuse_odd
from .known_kinds import foreign_kinds, own_kinds, recognising


def kinds():
    """All kinds, in the order in which they are asked."""
    return [*own_kinds(), *foreign_kinds()]


def recognise(source):
    """The first kind that recognises ``source``, without loading it. Raises ModelError with all that were tried."""
    refuse_odd(source)
    kind = recognising(source)
    if kind is not None:
        return kind
    tried = f"Tried: {', '.join(kind.title for kind in kinds())}."
    if isinstance(source, dict):
        raise ModelError("No model was recognised in this description.", tried)
    if not os.path.exists(str(source)):
        sentence = f"No model was recognised in {str(source)!r}: there is no such file or folder."
        raise ModelError(sentence, "It was moved or deleted, or the name is misspelt: pick the model again.")
    from .unrecognised import lacks_description, what_it_is

    sentence, hint = what_it_is(source) or (f"No model was recognised in {str(source)!r}.", tried)
    raise (BareWeightsError if lacks_description(source, hint) else ModelError)(sentence, hint)


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
