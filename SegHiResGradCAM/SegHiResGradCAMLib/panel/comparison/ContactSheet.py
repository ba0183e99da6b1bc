"""The contact sheet of a comparison: its maps as small pictures, of which a click shows one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...scene.nodes.Provenance import explanationFacts, inputVolumesOf
from ...scene.results.ComparisonNodes import comparisonOf, overlaysOf
from ...scene.results.Thumbnails import isSigned, sharedPlace, thumbnailSteps
from ...schedule.Steps import Steps
from ..Controls import FeatureView, asText
from ..Needs import HasParameters, TellsUser

_EDGE = 44  # pixels of a picture in the panel
_HEAD, _NAMES, _MOST = 26, 110, 330
_KEY_ROLE = 32  # Qt::UserRole


@dataclass(frozen=True)
class SheetState:
    """rows, columns: their heads.  cells: (row, column, key of the map).  pictures: key -> PNG.  shown:
    key of the map that is shown.  Without cells there is no sheet."""

    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    cells: tuple[tuple[int, int, str], ...] = ()
    pictures: dict[str, bytes] = field(default_factory=dict)
    shown: str = ""


class SheetView(FeatureView):
    _shown: tuple = ()

    def connect(self, sheet: Any) -> None:
        """sheet: ContactSheet."""
        table = self._controls.ui.contactSheet
        table.connect("currentCellChanged(int,int,int,int)", self._controls.byUser(lambda row: self._chosen(sheet)))

    def show(self, state: SheetState) -> None:
        controls = self._controls
        drawn = state.cells if state.pictures else ()
        controls.show("contactSheet", bool(drawn))
        shown = (drawn, state.pictures)
        if drawn and shown != self._shown:
            self._build(state)
        self._shown = shown
        place = next(((row, column) for row, column, key in drawn if key == state.shown), None)
        table = controls.ui.contactSheet
        if place is not None and place != (table.currentRow(), table.currentColumn()):
            table.setCurrentCell(*place)

    def _build(self, state: SheetState) -> None:
        table, qt = self._controls.ui.contactSheet, self._controls.qt
        table.clear()
        table.setRowCount(len(state.rows))
        table.setColumnCount(len(state.columns))
        table.setVerticalHeaderLabels(list(state.rows))
        table.setHorizontalHeaderLabels([_short(column) for column in state.columns])
        table.verticalHeader().setMaximumWidth(_NAMES)
        table.setIconSize(qt.QSize(_EDGE, _EDGE))
        for row, column, key in state.cells:
            picture = qt.QPixmap()
            picture.loadFromData(qt.QByteArray(state.pictures[key]))
            item = qt.QTableWidgetItem()
            item.setIcon(qt.QIcon(picture))
            item.setData(_KEY_ROLE, key)
            item.setToolTip(asText(f"{state.rows[row]}, {state.columns[column]}"))
            table.setItem(row, column, item)
        for row in range(len(state.rows)):
            table.setRowHeight(row, _EDGE + 4)
        for column in range(len(state.columns)):
            table.setColumnWidth(column, _EDGE + 4)
        height = _HEAD + (_EDGE + 4) * len(state.rows) + 18
        for what in ("minimumHeight", "maximumHeight"):
            self._controls.set("contactSheet", what, min(height, _MOST))

    def _chosen(self, sheet: Any) -> None:
        item = self._controls.ui.contactSheet.currentItem()
        if item is not None:
            sheet.choose(str(item.data(_KEY_ROLE) or ""))


class SheetNeeds(HasParameters, TellsUser, Protocol):
    """What this feature needs of the panel."""

    @property
    def desk(self) -> Any: ...


class ContactSheet:
    """The pictures are drawn by and by, when a map of another comparison than before is shown; one is drawn again when
    its map begins or ends to show both signs."""

    View = SheetView

    def __init__(self, panel: SheetNeeds, scene: Any, later: Callable):
        self._panel, self._scene = panel, scene
        self._steps = Steps(later)
        self._table: Any = None
        self._pictures: dict[str, bytes] = {}
        self._signed: dict[str, bool] = {}
        self._place: Any = None

    def choose(self, key: str) -> None:
        if key:
            self._panel.desk.choose(key)

    def state(self) -> SheetState:
        node = self._panel.desk.node
        table = comparisonOf(node) if node is not None else None
        if table is None:
            self.close()
            return SheetState()
        known = {str(one.GetID()): one for one in self._panel.desk.results.nodes() if comparisonOf(one) is table}
        if table is not self._table:
            self._draw(table, node)
        elif self._signed.get(str(node.GetID())) != isSigned(node) and not self._steps.running:
            self._start([node], node)
        rows, columns, cells = _sheet(known)
        drawn = tuple(cell for cell in cells if cell[2] in self._pictures)
        return SheetState(rows, columns, drawn, dict(self._pictures), str(node.GetID()))

    def close(self) -> None:
        """No picture is drawn, and none is kept."""
        self._steps.stop()
        self._table = None
        self._pictures, self._signed, self._place = {}, {}, None

    def _draw(self, table: Any, node: Any) -> None:
        self.close()
        self._table = table
        overlays = overlaysOf(table)
        self._place = sharedPlace(overlays)
        self._start(overlays, node)

    def _start(self, overlays: list, node: Any) -> None:
        self._signed |= {str(one.GetID()): isSigned(one) for one in overlays}
        volume = next(iter(inputVolumesOf(node)), None)
        if volume is not None:
            steps = thumbnailSteps(overlays, volume, self._place)
            self._steps.start(steps, self._drawn, self._panel.notices.failed)

    def _drawn(self, pictures: dict[str, bytes]) -> None:
        self._pictures = self._pictures | pictures
        self._panel.changed("sheet")


def _sheet(nodes: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[int, int, str], ...]]:
    """(rows, columns, cells) in the order in which they came: methods and layers; of two models what was asked about,
    and the models with their layers."""
    facts = {key: explanationFacts(node) for key, node in nodes.items()}
    models = {str(one["provenance"].get("model", "")) for one in facts.values()}
    places = {key: _place(one, several=len(models) > 1) for key, one in facts.items()}
    rows = tuple(dict.fromkeys(row for row, _column in places.values()))
    columns = tuple(dict.fromkeys(column for _row, column in places.values()))
    return rows, columns, tuple((rows.index(row), columns.index(column), key) for key, (row, column) in places.items())


def _short(layer: str) -> str:
    """ "enc.2" of encoder.2: the whole name stands in the pictures' tooltips."""
    return re.sub(r"[^\W\d]{4,}", lambda word: word.group()[:3], layer)


def _place(facts: dict, several: bool) -> tuple[str, str]:
    if several:
        return facts["pixel_set"], f"{facts['provenance'].get('model', '')}, {facts['layer']['name']}"
    return facts["method_title"], facts["layer"]["name"]
