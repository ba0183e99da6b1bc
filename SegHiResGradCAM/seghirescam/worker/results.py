"""How maps are told in results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..protocol.display.displayed import on_voxels
from ..protocol.display.evidence import Evidence
from ..protocol.messages import explanation_to_json

if TYPE_CHECKING:
    import numpy as np

    from ..protocol.arrays import Save
    from ..protocol.explanation import Explanation
    from ..protocol.grid import Grid


def written(maps: Iterable[Explanation], notes: list[str], save: Save) -> list[dict]:
    """The explanations as they travel; ``save(array) -> name`` keeps the maps. notes: added to each one's own."""
    told = []
    for one in maps:
        told.append(explanation_to_json(one, save(one.map)))
        told[-1]["facts"]["notes"] += notes
    return told


def shown_to_json(cells: np.ndarray, source: Grid, unit: str, target: Grid | None, save: Save) -> dict:
    """What the client needs to show a map: voxels, unit, evidence."""
    values, unit = on_voxels(cells, source, unit, target)
    return {"array": save(values), "unit": unit, "evidence": Evidence.of(values).to_json(save)}
