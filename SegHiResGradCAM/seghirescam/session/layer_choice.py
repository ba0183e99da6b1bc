"""Which layers a word or names stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..cam.layers.default_layer import default_layer
from ..protocol.components import extent
from ..protocol.errors import LayerError
from ..protocol.question import DEEPEST, DEFAULT, EACH, MAIN, several

if TYPE_CHECKING:
    from ..cam.layers.layer import Layer
    from ..protocol.pixel_set import PixelSet
    from .sets.known_sets import KnownSets
    from .understood import Understood


@dataclass(frozen=True, eq=False)
class ChosenLayers:
    """layers: all that are asked for.  notes: of each known pixel set.  own: its layer, where every set has its own."""

    layers: list[Layer]
    notes: Mapping[int, tuple[str, ...]]
    own: Mapping[int, Layer] | None = None

    def of(self, place: int) -> list[Layer]:
        """At which the pixel set at this place is asked about."""
        return self.layers if self.own is None else [self.own[place]]


def chosen_layers(listed: list[Layer], question: Understood, known: KnownSets, dims: int) -> ChosenLayers | None:
    """The layers of a question; None as long as the pixel sets that decide are not known."""
    waiting = [i for i in range(len(question.recipes)) if not known.is_settled(i)]
    if question.layers != EACH:
        first = min(known, default=None)
        if question.layers == DEFAULT and (first is None or (waiting and waiting[0] < first)):
            return None
        looked_at = known[first] if question.layers == DEFAULT else None  # type: ignore[index]
        layers, notes = choose_layers(listed, question.layers, looked_at, dims)
        return ChosenLayers(layers, dict.fromkeys(range(len(question.recipes)), notes))
    if waiting:
        return None
    found = {i: choose_layers(listed, EACH, known[i], dims) for i in known}
    own = {i: layers[0] for i, (layers, _) in found.items()}
    notes_of = {i: notes for i, (_, notes) in found.items()}
    return ChosenLayers([x for x in listed if any(x is layer for layer in own.values())], notes_of, own)


def main_layers(listed: list[Layer]) -> list:
    """The last layer of every run of equal resolution."""
    return [layer for layer in listed if layer.main]


def choose_layers(
    listed: list[Layer], wanted: str | Iterable[str], pixels: PixelSet | None, dims: int
) -> tuple[list[Layer], tuple[str, ...]]:
    """(layers, notes) for a word or names; ``pixels`` is looked at for "default" and "each" only."""
    mains = main_layers(listed)
    if not mains and wanted in (DEFAULT, EACH, DEEPEST):
        names = ", ".join(layer.name for layer in listed if not layer.idle)
        raise LayerError("This network has no layer before its head, so none is the default.", f"Name one: {names}.")
    if wanted in (DEFAULT, EACH):
        layer, warning = default_layer(listed, extent(pixels)[3 - dims :])  # type: ignore[arg-type]
        return [layer], (warning,) if warning else ()
    if wanted == DEEPEST:
        before = [layer for layer in mains if layer.part != "decoder"] or mains
        deepest = max(layer.volume for layer in before)
        return [next(layer for layer in reversed(before) if layer.volume == deepest)], ()
    if wanted == MAIN:
        return mains, ()
    by_name = {}
    for layer in listed:
        by_name.update(dict.fromkeys(layer.aliases, layer))
    by_name.update({layer.name: layer for layer in listed})
    found = []
    for name in several(wanted):
        if name not in by_name:
            raise LayerError(
                f"The layer '{name}' cannot be explained in this network.",
                f"Main layers: {', '.join(layer.name for layer in mains)}.",
            )
        if by_name[name].idle:
            raise LayerError(
                f"The layer '{name}' has no influence on the output that was taken.",
                'Choose a layer that leads to it, or write the word "output" to take another output.',
            )
        if by_name[name] in found:
            raise LayerError(f"The layer '{name}' is named twice.", "Name each layer once (some names are aliases).")
        found.append(by_name[name])
    return found, ()
