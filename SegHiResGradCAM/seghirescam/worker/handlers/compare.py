"""Methods x layers for one pixel set: table rows, and the maps as explain gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...cam.methods.method_list import method_list
from ...comparison.compare import compare_in
from ...protocol.messages import layer_to_json
from ...protocol.requests import Compare
from ..results import written
from . import answers

if TYPE_CHECKING:
    from ...protocol.explanation import Explanation
    from ...protocol.progress import Tell
    from ...protocol.recipes import Recipe
    from ...session.interface import Session
    from ..jobs import Jobs

#: word for the methods that take few passes and work on a layer's cells
CHEAP = "cheap"
#: of the progress, what computing takes; the rest is measuring the maps
_COMPUTED = 0.9


@answers(Compare)
def compare(request: Compare, jobs: Jobs, tell: Tell) -> dict:
    recipe = request.pixel_set("A comparison")
    work = lambda session, tell: _compared(session, recipe, request, tell)  # noqa: E731
    (rows, maps), session, notes, cost = jobs.measured(request, tell, work)
    with jobs.writing() as save:
        told = written(maps, notes, save)
    layers = [layer_to_json(layer) for layer in session.layers()]
    return {"explanations": told, "rows": rows, "layers": layers, "session": cost}


def cheap_methods() -> list[str]:
    """Names of the methods that are not slow (see method_list), the paper's first.

    Without those that make their maps on the image's own voxels: they know no layer, and are as large as the image.
    """
    from ...cam.methods import methods

    on_the_image = {cls.name for cls in methods().values() if cls.at_input}
    return [told["name"] for told in method_list() if not told["slow"] and told["name"] not in on_the_image]


def _compared(session: Session, recipe: Recipe, request: Compare, tell: Tell) -> tuple[list[dict], list[Explanation]]:
    """(rows of the table, explanations) of one question in an open session.

    A row is Comparison.facts of one cell with ``map``, its place among the explanations or None, and ``left_out``, why
    a map that was made does not travel.
    """
    words = request.words | ({"methods": cheap_methods()} if request.methods == CHEAP else {})
    found = compare_in(session, recipe, **words, progress=lambda done, phase: tell(_COMPUTED * done, phase))
    cells, rows = list(found), []
    maps: list[Explanation] = []
    for n, cell in enumerate(cells):
        tell(_COMPUTED + (1 - _COMPUTED) * n / len(cells), "measuring the maps")
        row, one = found.facts(cell) | {"map": None, "left_out": ""}, cell.explanation
        if one is not None and request.most_cells is not None and one.map.size > request.most_cells:
            size = f"{one.map.size / 1e6:.3g} million cells"
            row["left_out"] = f"The map has {size} and was left out: ask for this layer alone to see it."
        elif one is not None:
            row["map"] = len(maps)
            maps.append(one)
        rows.append(row)
    return rows, maps
