"""Which layers a word or names stand for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..cam.layers.default_layer import default_layer
from ..protocol.components import extent
from ..protocol.errors import LayerError
from ..protocol.question import DEEPEST, DEFAULT, MAIN, several

if TYPE_CHECKING:
    from ..cam.layers.layer import Layer
    from ..protocol.pixel_set import PixelSet


def main_layers(listed: list[Layer]) -> list:
    """The last layer of every run of equal resolution."""
    return [layer for layer in listed if layer.main]


def choose_layers(
    listed: list[Layer], wanted: str | Iterable[str], pixels: PixelSet | None, dims: int
) -> tuple[list[Layer], tuple[str, ...]]:
    """(layers, notes) for a word or names; ``pixels`` is the first pixel set, looked at for "default" only."""
    mains = main_layers(listed)
    if not mains and wanted in (DEFAULT, DEEPEST):
        names = ", ".join(layer.name for layer in listed if not layer.idle)
        raise LayerError("This network has no layer before its head, so none is the default.", f"Name one: {names}.")
    if wanted == DEFAULT:
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
