"""The worker's half of the checks: a map's trust numbers, what they would cost, and its evidence by segment."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field

import numpy as np

from ..evaluation.metrics.ground import Ground
from ..evaluation.metrics.labels import evidence_by_label_maps
from ..protocol.arrays import MessageError
from ..protocol.grid import Grid
from ..protocol.image import Image
from ..protocol.messages import recipe_from_json
from ..protocol.resampling import labels_on, resampled, spread


@dataclass
class _Pace:
    """seconds: of a prediction's forward pass; timed: on predictions, not guessed from an explanation.

    forwards: passes an explanation took, by method and layer.
    """

    seconds: float | None = None
    timed: bool = False
    forwards: dict[tuple[str, str], int] = field(default_factory=dict)

    def of(self, method: str, layer: str | None) -> int | None:
        """Passes of an explanation; of another layer, the most, where this one was not explained yet."""
        known = {name: count for (one, name), count in self.forwards.items() if one == method}
        return known.get(layer, max(known.values(), default=None))


#: of each session
_PACE: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def note_pace(session, explanations, seconds: float, forwards: int) -> None:
    """Remember what one question's explanations took, so that a cost can be told before a prediction has been timed."""
    from ..cam.methods import method
    from ..evaluation.trust.trust_cost import EXPLANATION

    if forwards <= 0:
        return
    pace = _PACE.setdefault(session, _Pace())
    for one in explanations:
        pace.forwards[one.method, one.layer.name] = forwards
    if not pace.timed:
        # passes of a method's own mostly have no backward pass
        own = any(method(one.method).needs_context for one in explanations)
        pace.seconds = seconds / forwards / (1 if own else EXPLANATION)


def trusted(session, request: dict, load, tell) -> dict:
    """``{"trust": ...}`` of one map in an open session; ``load(name) -> array``. tell may raise to cancel.

    request: ``pixel_sets`` (one), ``class_index``, ``score``, ``rival``, ``side``, ``method``, ``layer``, ``tier``, and
    ``map`` (``{"array", "grid"}``, a layer's cells) where there is one already.
    """
    from ..evaluation.trust.full_tier import TIERS

    if request["tier"] not in TIERS:
        raise MessageError(f"There is no tier {request['tier']!r}.", "It is 'fast' or 'full'.")
    recipe, words = _question(request, load)
    sent = None if request.get("map") is None else _map(request["map"], load)
    found = TIERS[request["tier"]](session, recipe, words, sent=sent, progress=tell)
    if found.seconds_per_pass is not None:
        pace = _PACE.setdefault(session, _Pace())
        pace.seconds, pace.timed = found.seconds_per_pass, True
    return {"trust": found.to_json(), "notes": list(found.explanation.notes)}


def trust_cost(session, request: dict, load, tell) -> dict:
    """``{"cost": {"forwards", "text"}}`` of the tier; nothing runs but what finding M takes."""
    from ..evaluation.trust.rows import FAST
    from ..evaluation.trust.trust_case import FORWARDS
    from ..evaluation.trust.trust_cost import full_cost

    recipe, words = _question(request, load)
    if request["tier"] == FAST:
        from ..evaluation.trust.explained_case import frozen

        pixels = frozen(session, recipe, session.model.class_index(words["class_index"]), tell)
        most = FORWARDS * session.runs_around(pixels)
        return {"cost": {"forwards": most, "text": f"at most {most} forward pass(es)"}}
    pace = _PACE.get(session, _Pace())
    known = {"seconds_per_pass": pace.seconds}
    known["forwards_per_explanation"] = pace.of(request["method"], request.get("layer"))
    return {"cost": full_cost(session, recipe, words, progress=tell, **known).to_json()}


def by_segment(request: dict, load, tell, image: Image | None = None) -> dict:
    """``{"rows": [...], "notes": [...]}``: how much of a map's evidence lies in every label, and how far from it.

    request: ``map`` and ``labels``, several maps for segments that overlap, each ``{"array", "grid", "names"}``.  The
    rows stand on the grid of the first label map.  image: the one explained; chance is counted in its body, and
    without one (or where it shows none) over the whole volume; a note says which.
    """
    if not request["labels"]:
        raise MessageError("No label map was sent.", "This is a fault of ours.")
    tell(0.0, "placing the map")
    cells, source = _map(request["map"], load)
    grid = Grid.from_json(request["labels"][0]["grid"])
    # already a density where it was placed on these voxels
    density = cells if source.same_as(grid) else spread(cells, source, grid)
    layers = []
    for part in request["labels"]:
        array, own = load(part["array"]), Grid.from_json(part["grid"])
        if array.shape != own.shape:
            raise MessageError("A label map does not fit its grid.", "This is a fault of ours.")
        layers.append((labels_on(array, own, grid), {int(value): name for value, name in part["names"].items()}))
    part_of = lambda fraction, phase: tell(0.1 + 0.9 * fraction, phase)  # noqa: E731
    body = None if image is None else _body_on(image, grid)
    rows = evidence_by_label_maps(density, layers, grid, body, distances=True, progress=part_of)
    ground = Ground(body, grid)
    notes = [f"Chance is counted over {ground.words}."]
    return {"rows": [row.to_json() for row in rows], "chance_over": ground.over, "notes": notes}


def _body_on(image, grid):
    """The image's body on another grid; None where it has none there."""
    from ..evaluation.metrics.body import body_of

    body = body_of(image)
    if body is None or image.grid.same_as(grid):
        return body
    body = resampled(body.astype(np.float32), image.grid, grid) >= 0.5
    return body if body.any() else None


def _question(request, load):
    recipes = [recipe_from_json(r, load) for r in request["pixel_sets"]]
    if len(recipes) != 1:
        raise MessageError("Trust is about one pixel set.", "This is a fault of ours.")
    words = {
        "class_index": request["class_index"],
        "methods": [request["method"]],
        "layers": [request["layer"]] if request.get("layer") else "default",
    }
    words |= {key: request[key] for key in ("score", "rival", "side") if request.get(key) is not None}
    return recipes[0], words


def _map(sent, load):
    cells, grid = load(sent["array"]), Grid.from_json(sent["grid"])
    if cells.shape != grid.shape:
        raise MessageError("The map does not fit its grid.", "This is a fault of ours.")
    return cells, grid
