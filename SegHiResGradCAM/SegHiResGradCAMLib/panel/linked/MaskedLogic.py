"""A point of the deletion curve: the volume as the network saw it there, in the slice views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import vtk

from ...scene.nodes.Attachments import CURVES, SERIES, aboutLayer
from ...scene.results.MaskedVolume import hideMasked, maskedOf, showMasked
from ...setup.Translation import _
from ...worker.Job import Job
from ..Controls import FeatureView
from ..Needs import ChecksMaps
from ..Option import Option
from ..results.RepeatedQuestion import again, layerOf, methodOf, shownMap, whyNotAgain
from .CurvePoints import CurvePoints

#: the curve of the map's own order, and its fractions, as TrustTables names the columns
CURVE, _FRACTION = "by the map, score", "fraction of the volume"  # no tr
_NOTHING = Option("0", _("Nothing masked out"), _("The volume itself."))
_TIP = _("A point of the deletion curve: the volume as the network saw it there. Nothing is asked of the network.")


@dataclass(frozen=True)
class MaskedState:
    """points, point: of the curve, and which of them is shown.  reason: why none can be shown now."""

    points: tuple[Option, ...] = ()
    point: str = ""
    reason: str = ""


class MaskedView(FeatureView):
    def connect(self, masked: Any) -> None:
        """masked: MaskedLogic."""
        self._controls.onChoice("maskedComboBox", masked.choose)

    def show(self, state: MaskedState) -> None:
        self._controls.fill("maskedComboBox", state.points, state.point)
        self._controls.show("maskedComboBox", len(state.points) > 1)
        self._controls.button("maskedComboBox", state.reason, _TIP)


class MaskedNeeds(ChecksMaps, Protocol):
    """What this feature needs of the panel."""


class MaskedLogic:
    View = MaskedView

    def __init__(self, panel: MaskedNeeds, scene: Any):
        self._panel, self._scene = panel, scene
        self._points = CurvePoints(self._clicked)

    def state(self) -> MaskedState:
        node = self._panel.desk.node
        fractions = self._fractions(node)
        if not fractions:
            return MaskedState()
        self._points.follow()
        shares = ((q, _("{percent:.3g} % masked out").format(percent=100 * q)) for q in fractions if q > 0)
        points = (_NOTHING, *(Option(f"{q:.6g}", text) for q, text in shares))
        shown = maskedOf(node)
        point = shown.GetDescription() if shown is not None and self._isShown(shown) else _NOTHING.key
        return MaskedState(points, point, self.whyNot())

    def whyNot(self) -> str:
        """Why nothing can be masked out now, "" if it can."""
        panel = self._panel
        return panel.cannotTest() or whyNotAgain(panel.desk.results, panel.desk.node)

    def choose(self, key: str) -> None:
        """The fraction of a point of the curve; of nothing the volume itself."""
        node = self._panel.desk.node
        if node is None or not key:
            return
        if float(key) == 0:
            self._panel.do(hideMasked, node)
        elif not self.whyNot():
            self._panel.do(self._send, key)

    def close(self) -> None:
        """No curve is listened to any more."""
        self._points.close()

    def _clicked(self, seriesIds: list[str], point: int) -> None:
        """A point of a plotted curve was clicked; the chart may be that of another map than the shown one."""
        node = self._panel.desk.node
        fractions = self._fractions(node)
        mine = aboutLayer(node, layerOf(node), SERIES) if node is not None else []
        if any(one.GetID() in seriesIds and one.GetYColumnName() == CURVE for one in mine) and 0 <= point < len(
            fractions
        ):
            self.choose(f"{fractions[point]:.6g}")

    def _send(self, key: str) -> None:
        panel, results = self._panel, self._panel.desk.results
        node = panel.desk.node
        volumes, question = again(results, node)
        question |= {"method": methodOf(node), "layer": layerOf(node), "map": shownMap(results, node)}
        question["fraction"] = float(key)
        what = {"origin": results.origin(node), "layer": layerOf(node), "key": key}
        how: dict[str, Any] = {"answered": self._answered, "title": _("Masking out"), "aside": True}
        panel.send(Job("masked", tuple(volumes.values()), what, volumes, **how), what["origin"].model, question)

    def _answered(self, job: Job, answer: dict) -> None:
        panel, layer = self._panel, job.what["layer"]
        node = panel.desk.results.nodeOf(job.what["origin"])
        if node is None or layerOf(node) != layer:  # removed, or another layer, meanwhile
            return
        volume = self._scene.GetNodeByID(next(iter(job.volumes.values())))
        showMasked(node, volume, answer["masked"], layer, job.what["key"])
        told = _("{percent:.3g} % of what may be removed is masked out.").format(percent=100 * answer["fraction"])
        panel.notices.say(" ".join([told, *answer.get("notes", [])]))

    def _fractions(self, node: Any) -> list[float]:
        """Of the shown map's deletion curve, in its order; [] without one."""
        tables = aboutLayer(node, layerOf(node), CURVES) if node is not None else []
        columns = tables[-1].GetTable() if tables else None
        if columns is None or columns.GetColumnByName(CURVE) is None:
            return []
        found = columns.GetColumnByName(_FRACTION) or columns.GetColumnByName(f"{_FRACTION}, by the map")  # no tr
        if not isinstance(found, vtk.vtkDataArray):
            return []  # somebody has edited it
        return [found.GetComponent(n, 0) for n in range(found.GetNumberOfTuples())]

    def _isShown(self, node: Any) -> bool:
        composites = [one for one in self._scene.GetNodes() if one.IsA("vtkMRMLSliceCompositeNode")]
        return not composites or any(one.GetBackgroundVolumeID() == node.GetID() for one in composites)
