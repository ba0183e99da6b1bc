"""Does the score fall without what the map marks? The layer's cells are zeroed, and only the tail is run again.

It tests what a map at a layer claims, also where the network needs nothing but the pixel set itself, with no image off
the manifold.  Random sets of as many cells are what it is compared with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ...protocol.errors import LayerError, MethodError
from ...protocol.progress import Progress
from ...protocol.resampling import spread
from ...protocol.value import NONFINITE, TOO_SMALL, ZERO_MAP, Value
from ..deletion.activation_deletion import LayerProbe, layer_probe
from ..deletion.blocks import falling, shuffled
from ..metrics.baselines import edges, paint_the_prediction
from .rows import CELLS_REMOVED, Row
from .trust_case import Found
from .verdict_limits import DRAWS, EVIDENCE_REMOVED, LEAST_SETS

#: calls of the network at most: recording (twice where activations are overwritten), the check, nothing removed, what
#: the map and two others mark, the draws
PASSES = 2 + 3 + 1 + 3 + DRAWS
EDGES, PAINTED = "edges of the image", "the painted pixel set"


@dataclass(frozen=True)
class Looked:
    """row: the test.  drawn: share of M where the network chooses the class, None where it was not looked at.  runs:
    calls of the network."""

    row: Row
    drawn: float | None = None
    runs: int = 0


def removed_at_the_layer(found: Found, *, beside: bool, seed: int, progress=None) -> Looked | None:
    """None where there is no one layer and tail: maps on the image, windows, mirrorings, folds.

    beside: whether as many cells of the image's edges and of the painted pixel set are compared with, too.
    """
    if found.layer_grid is None:
        return None
    session, tell = found.session, Progress(progress)
    layer = found.words["layers"][0]
    try:
        with layer_probe(
            session.model, session.image, found.pixels, found.score, layer, device=session.device,
            progress=tell.part(0.0, 0.2),
        ) as probe:  # fmt: skip
            others = _know_nothing(found) if beside else {}
            row = cells_removed(probe, on_cells(found), others, seed=seed, progress=tell.part(0.2, 1.0))
            return Looked(row, probe.drawn, probe.runs)
    except (MethodError, LayerError):
        return None


def cells_removed(
    probe: LayerProbe,
    cells: np.ndarray,
    beside: Mapping[str, np.ndarray] | None = None,
    *,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Row:
    """cells, and those of beside by their names: maps ``[K, J, I]`` on the layer's cells.

    value: by how much the mean score over M falls when the cells that hold EVIDENCE_REMOVED of the positive evidence
    are zeroed.  threshold: the largest fall among DRAWS random sets of as many cells; not above it fails.  A fall that
    is not above that of a map in ``beside`` (its strongest cells, as many) is not judged.
    """
    tell, unit = Progress(progress), probe.unit
    values = np.maximum(np.asarray(cells, dtype=np.float64).reshape(-1), 0)
    if not np.isfinite(values).all():
        return Row(CELLS_REMOVED, Value.without(NONFINITE, "The map holds NaN or infinite values.", unit))
    if not values.any():
        return Row(CELLS_REMOVED, Value.without(ZERO_MAP, "The map has no positive evidence on the layer.", unit))
    order, total = falling(values, seed), len(values)
    count = int(np.searchsorted(np.cumsum(values[order]), EVIDENCE_REMOVED * values.sum())) + 1
    if count >= total or math.comb(total, count) < LEAST_SETS:
        why = f"The map marks {count} of {total} cells: there are too few other sets of as many to compare with."
        return Row(CELLS_REMOVED, Value.without(TOO_SMALL, why, unit))
    orders = {"": order} | {name: falling(np.maximum(one.reshape(-1), 0), seed) for name, one in (beside or {}).items()}
    orders |= {n: _another(order, total, count, seed + n) for n in range(1, DRAWS + 1)}
    before = probe.see(np.zeros(total, dtype=bool)).score
    falls = {}
    for done, (name, one) in enumerate(orders.items()):
        tell(done / len(orders), "removing cells of the layer")
        removed = np.zeros(total, dtype=bool)
        removed[one[:count]] = True
        falls[name] = before - probe.see(removed).score
    if not np.isfinite([before, *falls.values()]).all():
        return Row(CELLS_REMOVED, Value.without(NONFINITE, f"The network answered with NaN or infinite {unit}s.", unit))
    line = max(falls[n] for n in range(1, DRAWS + 1))
    rivals = {name: falls[name] for name in beside or {}}
    better = [name for name, fall in rivals.items() if falls[""] <= fall]
    told = {"cells": count, "of": total, "draws": DRAWS, "better": better}
    passed = False if falls[""] <= line else None if better else True
    return Row(CELLS_REMOVED, Value.of(falls[""], unit, 0.0), line, passed, told)


def _another(order, total, count, seed):
    """A random order whose first cells are not the map's own set."""
    drawn = shuffled(total, seed)
    return np.roll(drawn, -1) if set(drawn[:count]) == set(order[:count]) else drawn


def on_cells(found: Found) -> np.ndarray:
    """The map on the layer's cells; one from another grid is carried there."""
    one, grid = found.explanation, found.layer_grid
    same = one.map.shape == grid.shape and one.grid.same_as(grid)
    return np.asarray(one.map) if same else spread(one.map, one.grid, grid)


def _know_nothing(found):
    image, grid = found.session.image, found.layer_grid
    painted = paint_the_prediction(found.pixels.on(image.grid))
    return {
        EDGES: spread(edges(image.array, image.grid), image.grid, grid),
        PAINTED: spread(painted, image.grid, grid),
    }
