"""The worker's half of a comparison: methods x layers as maps and table rows that can travel."""

from __future__ import annotations

from ..cam.methods.method_list import method_list
from ..comparison.compare import compare_in
from ..protocol.messages import explanation_to_json

#: word for the methods that take few passes and work on a layer's cells
CHEAP = "cheap"
#: what of a request the comparison is told as it is
_QUESTION = ("layers", "score", "rival", "side")
#: of the progress, what computing takes; the rest is measuring the maps
_COMPUTED = 0.9


def cheap_methods() -> list[str]:
    """Names of the methods that are not slow (see method_list), the paper's first.

    Without those that make their maps on the image's own voxels: they know no layer, and are as large as the image.
    """
    from ..cam.methods import methods

    on_the_image = {cls.name for cls in methods().values() if cls.at_input}
    return [told["name"] for told in method_list() if not told["slow"] and told["name"] not in on_the_image]


def compared(session, recipes, request: dict, tell) -> tuple[list[dict], list]:
    """(rows of the table, explanations) of one question in an open session.

    request: ``methods`` (names, or CHEAP), ``class_index``, and what else explain takes; ``most_cells``: maps of more
    cells than this are measured but left out.  A row is Comparison.facts of one cell with ``map``, its place among the
    explanations or None, and ``left_out``, why a map that was made does not travel.  tell may raise to cancel.
    """
    (recipe,) = recipes
    wanted = cheap_methods() if request["methods"] == CHEAP else request["methods"]
    words = {key: request[key] for key in _QUESTION if request.get(key) is not None}
    found = compare_in(
        session, recipe, class_index=request["class_index"], methods=wanted, **words,
        progress=lambda fraction, phase: tell(_COMPUTED * fraction, phase),
    )  # fmt: skip
    cells, most = list(found), request.get("most_cells")
    rows, maps = [], []
    for n, cell in enumerate(cells):
        tell(_COMPUTED + (1 - _COMPUTED) * n / len(cells), "measuring the maps")
        row, one = found.facts(cell) | {"map": None, "left_out": ""}, cell.explanation
        if one is not None and most is not None and one.map.size > most:
            size = f"{one.map.size / 1e6:.3g} million cells"
            row["left_out"] = f"The map has {size} and was left out: ask for this layer alone to see it."
        elif one is not None:
            row["map"] = len(maps)
            maps.append(one)
        rows.append(row)
    return rows, maps


def written(maps, notes, save) -> list[dict]:
    """The explanations as they travel; ``save(array) -> name`` keeps the maps. notes: added to each one's own."""
    told = []
    for one in maps:
        told.append(explanation_to_json(one, save(one.map)))
        told[-1]["facts"]["notes"] += notes
    return told
