"""A model description drafted from weights alone, or with the Python file that builds the network; nothing runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...models.architectures.checked_draft import check_draft, drafted, place_beside
from ...models.architectures.stated import Stated
from ...models.known_kinds import recognising
from ...protocol.errors import ModelError
from ...protocol.requests import Draft
from ...protocol.untrusted import named, refuse_odd
from . import answers

if TYPE_CHECKING:
    from ...protocol.progress import Tell
    from ..jobs import Jobs


@answers(Draft)
def draft(request: Draft, jobs: Jobs, tell: Tell) -> dict:
    tell(0.1, "reading names and shapes")
    refuse_odd(request.model)
    if not isinstance(request.model, str):
        raise ModelError("A description is drafted from a file of weights.", "Give its path.")
    if (kind := recognising(request.model)) is not None:
        raise ModelError(f"'{named(request.model)}' is a model already ({kind.title}).", "Choose it as it is.")
    weights = Path(request.model)
    factory = Path(request.factory) if request.factory else None
    said = request.words or {}, request.arguments or (), request.function
    stated = Stated.typed(request.classes, request.channels, *said)
    out = place_beside(weights)
    found = drafted(weights, out, stated, factory)
    tell(0.9, "reading the description")
    check_draft(found, weights, factory)
    return found.to_json() | {"files": found.files(out.name)}
