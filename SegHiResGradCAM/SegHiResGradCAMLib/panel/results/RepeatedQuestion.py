"""The question behind a map asked again, for another purpose: about the same voxels, or not at all."""

from __future__ import annotations

from typing import Any

from seghirescam.protocol.errors import GeometryError
from seghirescam.protocol.explanation import Explanation
from seghirescam.protocol.grid import Grid

from ...scene.nodes.Geometry import gridOfVolume
from ...scene.nodes.Provenance import explanationFacts, inputVolumesOf
from ...scene.results.ComparisonNodes import comparisonOf
from ...scene.volumes.ImageReader import voxelStamp
from ...setup.Translation import _

#: words of a question that say which maps are wanted, and how they are shown
_OF_MAPS = ("methods", "layers", "show")


def whyNotAgain(results: Any, node: Any) -> str:
    """Why the question behind a map cannot be asked again, "" if it can."""
    if node is None:
        return _("There is no map: press Apply first.")
    origin = results.origin(node)
    if origin is None and comparisonOf(node) is not None:
        return _("Maps of a comparison are not tested one by one: press Apply for this method and layer.")
    if origin is None:
        return _("This map came with the scene: press Apply to ask its question again, then test the new map.")
    volumes = inputVolumesOf(node)
    if len(volumes) != len(origin.channels):
        return _("The volume of this map is gone: it cannot be looked at again.")
    if not _unchanged(origin, volumes, origin.maps[results.shownLayer(node)]):
        return _("The volume has changed or moved since this map was made: press Apply again.")
    return ""


def again(results: Any, node: Any) -> tuple[dict, dict]:
    """(channel name -> volume's id, the words of the question without those about maps)."""
    origin = results.origin(node)
    volumes = {c: v.GetID() for c, v in zip(origin.channels, inputVolumesOf(node), strict=True)}
    return volumes, {word: value for word, value in origin.question.items() if word not in _OF_MAPS}


def shownMap(results: Any, node: Any) -> tuple:
    """(cells, Grid) of the shown map."""
    one = results.origin(node).maps[results.shownLayer(node)]
    return one.map, one.grid


def layerOf(node: Any) -> str:
    """Name of the layer that is shown."""
    return explanationFacts(node)["layer"]["name"]


def methodOf(node: Any) -> str:
    return explanationFacts(node)["method"]


def _unchanged(origin: Any, volumes: list, explanation: Explanation) -> bool:
    if origin.stamps and origin.stamps != tuple(voxelStamp(node) for node in volumes):
        return False
    asked = explanation.provenance.get("image_grid")
    try:
        return asked is None or Grid.from_json(asked).same_as(gridOfVolume(volumes[0]))
    except GeometryError:  # bent meanwhile
        return False
