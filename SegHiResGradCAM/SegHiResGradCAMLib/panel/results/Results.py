"""The answers in the scene: which there are, what each was asked, and which layer of an answer is shown."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from seghirescam.protocol.display.map_grids import map_grid
from seghirescam.protocol.explanation import Explanation, LayerInfo
from seghirescam.protocol.grid import Grid

from ...scene.nodes import AttributeNames
from ...scene.nodes.Attachments import moveAttached, removeAttached
from ...scene.nodes.Geometry import gridOfVolume
from ...scene.nodes.Provenance import explanationFacts, inputVolumesOf, isOverlay
from ...scene.nodes.SceneNodes import nodesOfClass
from ...scene.overlay.DisplaySettings import DisplaySettings
from ...scene.overlay.Overlay import addOverlay, applyDisplay, removeOverlay, replaceOverlay
from ...scene.overlay.OverlayDisplay import settingsOf
from ...scene.overlay.ShownMap import ShownMap, isSmall
from ...scene.overlay.VolumeRendering import hideFrom3D, isIn3D, showIn3D
from ...scene.results.MaskedVolume import hideMasked, hideMaskedBut, maskedVolumes
from ...scene.results.PaintingNode import hidePaintings
from ...scene.views.SliceLayers import hideFromForeground
from ..Option import Option
from .RecentMaps import RecentMaps
from .ResultLine import ResultLine
from .ResultWords import layerOption, layerText, resultLine


@dataclass(eq=False)
class Pass:
    """What came of one question: maps by layer, all layers of the network, and the question to ask for more of them.

    channels: names of the input volumes, in the model's order.  stamps: of their voxels when the question was asked.
    checks: layer -> what TrustFacts.writeTrust takes, of those maps that were checked.
    """

    maps: dict[str, Explanation]
    layers: tuple[LayerInfo, ...]
    model: str
    question: dict
    channels: tuple[str, ...] = ("image",)
    stamps: tuple[int, ...] = ()
    checks: dict[str, dict] = field(default_factory=dict)


class Results:
    """Overlays of one scene, with the maps of all layers that came in the same pass.

    Only the shown map has a node.  The others stay here, on their coarse grids, until the result is removed or the
    scene is closed; a result of a reloaded scene has its one layer only.
    """

    def __init__(self, scene: Any):
        self._scene = scene
        self._passes: dict[str, Pass] = {}
        self._recent = RecentMaps()
        self._volumes: tuple[int, tuple[str, ...]] = (-1, ())  # (time of the scene's list, ids)

    def nodes(self) -> list:
        """The overlay volumes, the latest last; without those of a comparison on its way in or out."""
        return [node for node in self._overlays() if node.GetAttribute(AttributeNames.UNFINISHED) is None]

    def ownVolumes(self) -> tuple[str, ...]:
        """Ids of all our volumes in the scene, also of those on their way in or out."""
        return tuple(node.GetID() for node in (*self._overlays(), *maskedVolumes(self._scene)))

    def lines(self) -> tuple[ResultLine, ...]:
        """What the tree of results shows, in the order in which they came."""
        return tuple(resultLine(node) for node in self.nodes())

    def add(
        self,
        origin: Pass,
        layerName: str,
        volumeNodes: Any,
        segmentationNode: Any,
        segmentId: str | None,
        grid: str,
        foreground: bool = True,
    ) -> Any:
        """Shows one map of a pass as a new overlay and keeps the others at hand; returns the node.

        Large maps must have been kept before, see :meth:`keep`; others are placed here.

        The former result leaves the slice views; its display settings are taken over.  foreground: whether that is so;
        else the views stay as they are.  Raises what addOverlay raises; then the scene is as before.
        """
        former = self.nodes()[-1] if self.nodes() else None
        settings = replace(settingsOf(former) if former else DisplaySettings(), foreground=foreground)
        node = addOverlay(
            self._scene,
            origin.maps[layerName],
            volumeNodes,
            segmentationNode,
            grid=grid,
            settings=settings,
            segmentId=segmentId,
            shown=self._recent.get(origin, layerName),
        )
        self._passes[node.GetID()] = origin
        if foreground:
            hidePaintings(node)
            hideMaskedBut(node)
        return node

    def replace(self, node: Any, origin: Pass, layerName: str, volumeNodes: list, grid: str) -> None:
        """Shows a map of another pass about the same volumes in the node of a result; its former pass is dropped."""
        shown = self._recent.get(origin, layerName)
        replaceOverlay(node, origin.maps[layerName], volumeNodes, grid, shown)
        self._passes[node.GetID()] = origin
        self._recent.forget(self._passes.values())
        if isIn3D(node):
            showIn3D(node)

    def keep(self, origin: Pass, layerName: str, answer: dict) -> None:
        """Takes over the shown map of an answer, if there is one."""
        shown = answer.get("shown")
        if shown is not None:
            self._recent.keep(origin, layerName, ShownMap(shown.voxels, shown.unit, shown.evidence))

    def isAtHand(self, node: Any, layerName: str) -> bool:
        """The map of this layer can be shown without waiting."""
        origin = self._passes[node.GetID()]
        return self._recent.get(origin, layerName) is not None or isSmall(
            origin.maps[layerName], self.target(node, layerName)
        )

    def target(self, node: Any, layerName: str) -> Grid | None:
        """The voxels on which a result shows a layer, where the volume was when it was explained; None: the layer's."""
        one = self._passes[node.GetID()].maps[layerName]
        asked = one.provenance.get("image_grid")
        image = Grid.from_json(asked) if asked else gridOfVolume(next(iter(inputVolumesOf(node)), node))
        return map_grid(node.GetAttribute(AttributeNames.PREFIX + "Grid"), one.grid, image)

    def remove(self, node: Any) -> None:
        """Removes a result with everything that came with it."""
        self._passes.pop(node.GetID(), None)
        self._recent.forget(self._passes.values())
        hideFrom3D(node)
        hideMasked(node)
        removeAttached(node)
        removeOverlay(node)

    def forget(self) -> None:
        """Drops what is kept of nodes that are gone."""
        self._passes = {key: kept for key, kept in self._passes.items() if self._scene.GetNodeByID(key)}
        self._recent.forget(self._passes.values())

    def clear(self) -> None:
        """The scene goes: another one may use the same ids."""
        self._passes.clear()
        self._recent.forget(())

    def origin(self, node: Any) -> Pass | None:
        """The pass a result came from; None for a result of a reloaded scene."""
        return self._passes.get(node.GetID())

    def nodeOf(self, origin: Pass) -> Any:
        """The node that shows a map of this pass, None if it was removed."""
        return next((node for node in self.nodes() if self.origin(node) is origin), None)

    def layers(self, node: Any) -> tuple[Option, ...]:
        """The layers that can be shown: those at hand, and the main ones that could be asked for without a new pass."""
        origin = self.origin(node)
        if origin is None:
            layer = explanationFacts(node)["layer"]
            return (Option(layer["name"], layerText(layer["name"], layer["part"], layer["mm_per_cell_kji"])),)
        listed = {layer.name for layer in origin.layers}
        own = [one.layer for name, one in origin.maps.items() if name not in listed]
        if own:  # the method's map lies on the image itself, whatever layer is asked for
            return tuple(layerOption(layer) for layer in own)
        return tuple(layerOption(layer) for layer in origin.layers if layer.main or layer.name in origin.maps)

    def shownLayer(self, node: Any) -> str:
        return explanationFacts(node)["layer"]["name"]

    def showLayer(self, node: Any, layerName: str) -> Any:
        """Shows another map of the same pass in the same place; returns the new node (the former one is removed)."""
        origin = self._passes[node.GetID()]
        settings, in3D = settingsOf(node), isIn3D(node)
        # the new one first: should it fail, the former one is still there, and so is the former foreground
        new = addOverlay(
            self._scene,
            origin.maps[layerName],
            inputVolumesOf(node),
            node.GetNodeReference(AttributeNames.SEGMENTATION_ROLE),
            grid=node.GetAttribute(AttributeNames.PREFIX + "Grid"),
            settings=settings,
            segmentId=node.GetAttribute(AttributeNames.PREFIX + "SegmentId"),
            shown=self._recent.get(origin, layerName),
        )
        self._passes[new.GetID()] = origin
        hideMasked(node)  # what was masked out is of the former layer
        moveAttached(node, new)
        self.remove(node)
        hidePaintings(new)
        if in3D:
            showIn3D(new)
        return new

    def setDisplay(self, node: Any, **changes: Any) -> None:
        """Changes display settings of a result; the slice views' own opacity is kept unless it is among the changes."""
        settings = settingsOf(node)
        if settings.foreground and "opacity" not in changes:
            changes["opacity"] = _opacityInViews(node, settings.opacity)
        applyDisplay(node, replace(settings, **changes))
        if isIn3D(node):
            showIn3D(node)

    def showOnly(self, node: Any) -> None:
        """Brings a result back into the slice views; another one leaves them."""
        for other in self.nodes():
            if other is not node and settingsOf(other).foreground:
                hideFromForeground(other)
        applyDisplay(node, replace(settingsOf(node), foreground=True))
        hidePaintings(node)
        hideMaskedBut(node)

    def setIn3D(self, node: Any, shown: bool) -> None:
        (showIn3D if shown else hideFrom3D)(node)

    def _overlays(self) -> list:
        nodes = self._scene.GetNodes()
        if self._volumes[0] != nodes.GetMTime():  # the panel asks dozens of times with every change
            found = nodesOfClass(self._scene, "vtkMRMLScalarVolumeNode")
            self._volumes = (nodes.GetMTime(), tuple(node.GetID() for node in found))
        found = [self._scene.GetNodeByID(one) for one in self._volumes[1]]
        return [node for node in found if isOverlay(node)]


def _opacityInViews(node: Any, otherwise: float) -> float:
    for composite in nodesOfClass(node.GetScene(), "vtkMRMLSliceCompositeNode"):
        if composite.GetForegroundVolumeID() == node.GetID():
            return round(composite.GetForegroundOpacity(), 4)
    return otherwise
