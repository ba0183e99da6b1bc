"""What the user points with, followed: the crosshair, a list of points, or a box ROI."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer

from ...setup.Translation import _
from ..nodes.SceneNodes import nodesOfClass
from .RoiBox import boxOf

CROSSHAIR = "crosshair"
_POINTS, _ROI = "vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsROINode"


@dataclass(frozen=True)
class Place:
    """ras: world mm; of a box its centre.  box: (4x4 to world mm as 16 numbers, edges in mm), None for a point."""

    ras: tuple[float, float, float]
    box: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    @property
    def text(self) -> str:
        r, a, s = self.ras
        return _("R {r:.1f}, A {a:.1f}, S {s:.1f} mm").format(r=r, a=a, s=s)


def pointers(scene: Any) -> dict[str, str]:
    """{key: what the user reads}: the crosshair, then the scene's lists of points and box ROIs."""
    found = {CROSSHAIR: _("the crosshair")}
    for node in nodesOfClass(scene, _POINTS):
        found[node.GetID()] = _("the points {name}").format(name=node.GetName())
    for node in nodesOfClass(scene, _ROI):
        found[node.GetID()] = _("the box {name}").format(name=node.GetName())
    return found


class Pointer:
    """Calls ``onMove()`` when what is followed may have moved; :meth:`follow` (None) ends that.

    Of a list of points the one that was moved last counts, at first the last one.
    """

    def __init__(self, scene: Any, onMove: Callable[[], object]):
        self._scene, self._onMove = scene, onMove
        self._node: Any = None
        self._tags: list[int] = []
        self._points: list[tuple] = []
        self._moved = -1

    @property
    def observed(self) -> int:
        """How many observers there are."""
        return len(self._tags)

    def follow(self, key: str | None) -> None:
        """Follows another one in place of the former; a key that is gone is followed by nobody."""
        if self._node is not None:
            for tag in self._tags:
                self._node.RemoveObserver(tag)
        self._tags, self._points, self._moved = [], [], -1
        self._node = self._find(key)
        if self._node is not None:
            events = [self._node.TransformModifiedEvent, self._node.PointModifiedEvent] if self._isMarkups() else []
            events.append("ModifiedEvent")
            self._tags = [self._node.AddObserver(event, self._changed) for event in events]
            self._notePoints()

    def isBox(self, key: str) -> bool:
        """Whether a key is that of a box, wherever and however large it is."""
        node = self._find(key)
        return node is not None and bool(node.IsA(_ROI))

    def place(self, key: str | None = None) -> Place | None:
        """Where it is now, None where it is nowhere. key: of another one, which need not be followed.

        Raises GeometryError for a ROI under a non-linear transform.
        """
        node = self._node if key is None else self._find(key)
        if node is None or node.GetScene() is None:
            return None
        if node.IsA(_ROI):
            box = boxOf(node)
            matrix = box.box_to_ras
            if not min(box.size_mm) > 0:
                return None
            return Place(_three(matrix[:3, 3]), (tuple(map(float, matrix.ravel())), tuple(map(float, box.size_mm))))
        if node.IsA(_POINTS):
            return _pointOf(node, self._moved if node is self._node else -1)
        return Place(_three(node.GetCrosshairRAS()))

    def _find(self, key: str | None) -> Any:
        if key == CROSSHAIR:
            return next(iter(nodesOfClass(self._scene, "vtkMRMLCrosshairNode")), None)
        return self._scene.GetNodeByID(key) if key else None

    def _isMarkups(self) -> bool:
        return bool(self._node.IsA("vtkMRMLMarkupsNode"))

    def _changed(self, caller: Any, event: str) -> None:
        self._notePoints()
        self._onMove()

    def _notePoints(self) -> None:
        """Which point of a list has moved."""
        if self._node is None or not self._node.IsA(_POINTS):
            return
        count = self._node.GetNumberOfControlPoints()
        points = [_three(self._node.GetNthControlPointPositionWorld(n)) for n in range(count)]
        if len(points) == len(self._points):
            moved = [n for n, (old, new) in enumerate(zip(self._points, points, strict=True)) if old != new]
            self._moved = moved[-1] if moved else self._moved
        else:
            self._moved = len(points) - 1
        self._points = points


def _pointOf(node: Any, number: int) -> Place | None:
    defined = slicer.vtkMRMLMarkupsNode.PositionDefined
    placed = [n for n in range(node.GetNumberOfControlPoints()) if node.GetNthControlPointPositionStatus(n) == defined]
    if not placed:
        return None
    chosen = number if number in placed else placed[-1]
    return Place(_three(node.GetNthControlPointPositionWorld(chosen)))


def _three(numbers: Any) -> tuple[float, float, float]:
    r, a, s = (float(one) for one in numbers)
    return r, a, s
