"""What may be asked: checked, with names turned into objects, before anything expensive runs."""

from __future__ import annotations

from dataclasses import dataclass

from ..models.base import SegmentationModel
from ..protocol.errors import ClassError, LayerError
from ..protocol.recipes import PredictedClass, Recipe, as_recipe, extent
from .answer import AUTO, READING, WRITING

#: words that stand for layers instead of a name
DEFAULT, DEEPEST, MAIN = "default", "deepest", "main"


@dataclass(frozen=True, eq=False)
class Question:
    """Recipes, class, methods, layers (a word or names), score object and side."""

    recipes: tuple[Recipe, ...]
    class_index: int
    methods: tuple
    layers: str | tuple[str, ...]
    score: object
    side: str

    @staticmethod
    def understood(model: SegmentationModel, pixel_sets, class_index, methods, layers, score, rival, side) -> Question:
        """Raises ClassError, MethodError, PixelSetError or LayerError for what this model cannot be asked."""
        from ..cam.methods import method

        index = model.class_index(class_index)
        wanted = _score(model, score, index, rival)
        chosen = tuple(method(m) for m in several(methods))
        recipes = tuple(as_recipe(p) for p in several(PredictedClass() if pixel_sets is None else pixel_sets))
        if side not in (AUTO, READING, WRITING):
            raise LayerError(f"Unknown side {side!r}.", "Use 'auto', 'reading' or 'writing'.")
        return Question(recipes, index, chosen, layers if isinstance(layers, str) else tuple(layers), wanted, side)


def several(value) -> list:
    """One or several, as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _score(model, name, index, rival):
    from ..cam.logits.score import ClassLogit, Contrast, LogOdds

    if name == "contrast":
        if rival is None:
            raise ClassError("The contrast score needs a rival class.", "Name the class to compare with.")
        return Contrast(index, model.class_index(rival))
    simple = {"logit": ClassLogit, "log_odds": LogOdds}
    if name not in simple:
        raise ClassError(f"Unknown score {name!r}.", "Use 'logit', 'log_odds' or 'contrast'.")
    return simple[name](index)


def main_layers(listed) -> list:
    """The last layer of every run of equal resolution."""
    return [layer for layer in listed if layer.main]


def choose_layers(listed, wanted, pixels, dims: int):
    """(layers, notes) for a word or names; ``pixels`` is the first pixel set, looked at for "default" only."""
    from ..cam.layers.listing import default_layer

    mains = main_layers(listed)
    if not mains and wanted in (DEFAULT, DEEPEST):
        names = ", ".join(layer.name for layer in listed if not layer.idle)
        raise LayerError("This network has no layer before its head, so none is the default.", f"Name one: {names}.")
    if wanted == DEFAULT:
        layer, warning = default_layer(listed, extent(pixels)[3 - dims :])
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
