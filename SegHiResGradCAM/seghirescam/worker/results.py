"""How maps are told in results."""

from __future__ import annotations

from ..protocol.display.displayed import on_voxels
from ..protocol.display.evidence import Evidence
from ..protocol.messages import explanation_to_json


def written(maps, notes, save) -> list[dict]:
    """The explanations as they travel; ``save(array) -> name`` keeps the maps. notes: added to each one's own."""
    told = []
    for one in maps:
        told.append(explanation_to_json(one, save(one.map)))
        told[-1]["facts"]["notes"] += notes
    return told


def shown_to_json(cells, source, unit, target, save) -> dict:
    """What the client needs to show a map: voxels, unit, evidence."""
    values, unit = on_voxels(cells, source, unit, target)
    return {"array": save(values), "unit": unit, "evidence": Evidence.of(values).to_json(save)}
