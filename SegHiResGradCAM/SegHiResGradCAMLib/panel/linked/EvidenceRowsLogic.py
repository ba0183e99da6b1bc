"""The rows of Evidence by segment in the panel: choosing one shows its segment where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import vtk

from ...scene.nodes import AttributeNames
from ...scene.nodes.Attachments import SEGMENTS, aboutLayer
from ...scene.segments.SegmentLabels import uniqueNames
from ...scene.segments.ShownSegment import showSegment
from ...setup.Translation import _
from ..Controls import FeatureView
from ..Needs import ShownResult, TellsUser
from ..Option import Option
from ..results.RepeatedQuestion import layerOf

#: the engine's name for what lies in no segment
ELSEWHERE = "elsewhere"
_PROMPT = _("Evidence by segment: go to...")


class EvidenceRowsView(FeatureView):
    def connect(self, rows: Any) -> None:
        """rows: EvidenceRowsLogic."""
        self._controls.onChoice("evidenceRowsComboBox", rows.choose)

    def show(self, state: EvidenceRowsState) -> None:
        self._controls.fill("evidenceRowsComboBox", state.rows, state.row, _PROMPT)
        self._controls.show("evidenceRowsComboBox", bool(state.rows))


@dataclass(frozen=True)
class EvidenceRowsState:
    """rows: of the shown map's table, the largest share first.  row: key of the chosen one."""

    rows: tuple[Option, ...] = ()
    row: str = ""


class EvidenceRowsNeeds(TellsUser, Protocol):
    """What this feature needs of the panel."""

    @property
    def desk(self) -> ShownResult: ...


class EvidenceRowsLogic:
    View = EvidenceRowsView

    def __init__(self, panel: EvidenceRowsNeeds, scene: Any):
        self._panel, self._scene = panel, scene
        self._chosen: tuple[str, str] = ("", "")  # the table's id, the row

    def state(self) -> EvidenceRowsState:
        table = self._table()
        if table is None:
            return EvidenceRowsState()
        rows = _rows(table)
        chosen = self._chosen[1] if self._chosen[0] == table.GetID() else ""
        return EvidenceRowsState(rows, chosen if any(row.key == chosen for row in rows) else "")

    def choose(self, name: str) -> None:
        """The segment of that name in the table comes before the user."""
        table = self._table()
        if table is not None and name:
            self._chosen = (table.GetID(), name)
            self._panel.do(self._show, table, name)

    def _show(self, table: Any, name: str) -> None:
        node = table.GetNodeReference(AttributeNames.SEGMENTATION_ROLE)
        ids = {shown: one for one, shown in uniqueNames(node).items()} if node is not None else {}
        if name not in ids:
            self._panel.notices.fail(
                _("There is no segment '{name}' any more.").format(name=name),
                _("Press Evidence by segment again for a new table."),
            )
            return
        centre = showSegment(node, ids[name])
        said = f"{name}."
        if centre is not None:
            r, a, s = centre
            said = _("{name} at R {r:.0f}, A {a:.0f}, S {s:.0f} mm.").format(name=name, r=r, a=a, s=s)
        self._panel.notices.say(said)

    def _table(self) -> Any:
        node = self._panel.desk.node
        found = aboutLayer(node, layerOf(node), SEGMENTS) if node is not None else []
        return found[-1] if found else None


def _rows(table: Any) -> tuple[Option, ...]:
    columns = table.GetTable()
    names, shares = columns.GetColumnByName("segment"), columns.GetColumnByName("share")
    if not isinstance(names, vtk.vtkStringArray) or not isinstance(shares, vtk.vtkDataArray):
        return ()  # somebody has edited it
    count = min(names.GetNumberOfTuples(), shares.GetNumberOfTuples())
    found = [(shares.GetComponent(n, 0), names.GetValue(n)) for n in range(count)]
    found = [one for one in found if one[0] == one[0] and one[1] != ELSEWHERE]
    return tuple(Option(name, f"{100 * share:.1f} % {name}") for share, name in sorted(found, key=lambda one: -one[0]))
