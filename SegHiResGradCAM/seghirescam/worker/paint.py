"""The worker's half of painting over: a region from a request, and what travels back."""

from __future__ import annotations

import numpy as np

from ..evaluation.painting.intervention import Painting, paint_in
from ..evaluation.painting.regions import Hottest
from ..protocol.arrays import MessageError
from ..protocol.grid import Grid
from ..protocol.messages import recipe_from_json
from ..protocol.resampling import spread
from ..session.understood import score_of

#: kind of a region that is the hottest part of a map; all others are pixel sets of :mod:`messages`
HOTTEST = "hottest"


def painting(session, request: dict, load, tell) -> Painting:
    """What one request asks; ``load(name) -> array``. tell may raise to cancel.

    request: ``class_index``, ``score``, ``rival``, ``pixel_sets`` (one), ``region``, ``margin_mm`` (default 2),
    ``control`` (default false).  region: a pixel set's recipe, or ``{"kind": "hottest", "map": {"array", "grid"},
    "share": 0.5 | "ml": 5.0, "outside": false}`` with the map on its layer's cells or on the image's grid.
    """
    recipes = [recipe_from_json(r, load) for r in request["pixel_sets"]]
    if len(recipes) != 1:
        raise MessageError("Painting over is about one pixel set.", "This is a fault of ours.")
    score = score_of(session.model, request["class_index"], request.get("score") or "logit", request.get("rival"))
    region, margin = _region(request["region"], session.image.grid, load), request.get("margin_mm")
    return paint_in(
        session, region, recipes[0], score,
        margin_mm=2.0 if margin is None else float(margin), control=bool(request.get("control")),
        progress=tell,
    )  # fmt: skip


def written(found: Painting, notes, save) -> dict:
    """The answer as it travels; ``save(array) -> name``. Masks uint8 on the image's grid; notes: added to its own."""
    grid = found.painted.grid.to_json()
    masks = {"region": region_mask(found), "before": found.predicted[0], "after": found.predicted[1]}
    arrays = {name: {"array": save(mask.astype(np.uint8)), "grid": grid} for name, mask in masks.items()}
    return {"painting": found.to_json(), **arrays, "notes": [*notes, *found.notes]}


def region_mask(found: Painting) -> np.ndarray:
    """Bool ``[K, J, I]``: what was painted over, the margin included; soft regions from half on, if any voxel is."""
    weights = found.painted.weights
    mask = weights >= 0.5
    return mask if mask.any() else weights > 0


def _region(data, grid, load):
    if data.get("kind") != HOTTEST:
        return recipe_from_json(data, load)
    cells, source = load(data["map"]["array"]), Grid.from_json(data["map"]["grid"])
    if cells.shape != source.shape:
        raise MessageError("The map does not fit its grid.", "This is a fault of ours.")
    density = cells if source.same_as(grid) else spread(cells, source, grid)
    volume, share = data.get("ml"), data.get("share")
    return Hottest(density, 0.5 if share is None else float(share), volume, bool(data.get("outside")))
