"""Two models' disagreement in the scene: its sets as segments, an overlay for each set and model, and a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...schedule.Steps import StepsOf
from ..nodes import AttributeNames
from ..nodes.SceneNodes import removeWithOwn
from ..nodes.SubjectHierarchy import takeOut
from ..segments.PredictionNode import addPrediction
from .ComparisonNodes import comparisonSteps, setSaved
from .DisagreementTable import fillDisagreement


def disagreementSteps(
    scene: Any, answer: dict, inputNodes: list, name: str, tell: Callable | None = None
) -> StepsOf[tuple[Any, list]]:
    """Generator for Steps, as :func:`ComparisonNodes.comparisonSteps`, of which removing takes the segments too.

    answer: of the worker's disagree, its label map as an object with ``image``.  Sets without a voxel are no segments.
    """
    facts = answer["disagreement"] | {"classes": answer["maps"][0].classes, "notes": answer["notes"]}
    sets = addPrediction(scene, answer["maps"], inputNodes[0], f"{name}, sets", facts)
    sets.SetAttribute(AttributeNames.OF_COMPARISON, "1")
    setSaved([sets], False)
    segmentation = sets.GetSegmentation()
    ids = {segmentation.GetSegment(i).GetName(): i for i in segmentation.GetSegmentIDs()}
    of_map = [ids[row["title"]] for row in answer["rows"] if row["map"] is not None]
    try:
        made = yield from comparisonSteps(
            scene, answer["rows"], answer["explanations"], inputNodes, sets, of_map, name, tell, fillDisagreement
        )
    except BaseException:  # GeneratorExit too: somebody pressed Cancel
        if sets.GetScene() is not None:
            takeOut(sets)
            removeWithOwn(sets)
        raise
    setSaved([sets], True)
    return made
