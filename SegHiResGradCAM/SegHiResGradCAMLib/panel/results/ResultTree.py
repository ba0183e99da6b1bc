"""The results as a tree in the panel: question, method, layer; a line is made anew only where it differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...setup.Translation import _
from ..Controls import Controls, asText
from ..Marks import MARKS, verdictMark
from .ResultLine import RESULT, SHARE, VERDICT, ResultLine, grouped, inOrder

_KEY_ROLE = 32  # Qt::UserRole
#: pixels of the tree: from a few lines to where it scrolls
LEAST, MOST = 110, 160
_FRAME = 4
_HEADS = {
    SHARE: _("Share of the score that the map adds up to."),
    VERDICT: _("Of the full check: supported, unclear, or not supported by the model."),
}
_WIDTHS = {SHARE: 62, VERDICT: 112}


class ResultTree:
    """order: (column, descending) by which the lines are sorted."""

    def __init__(self, controls: Controls):
        self._controls = controls
        self._lines: list[ResultLine] = []
        self._items: dict[str, Any] = {}
        self.order = (RESULT, False)

    def connect(self, choose: Callable[[str], object], again: Callable[[], object]) -> None:
        """choose(key): the user's choice.  again(): shows the state once more, after a click on a head."""
        controls, tree, qt = self._controls, self._controls.ui.resultsTree, self._controls.qt
        header = tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(RESULT, qt.QHeaderView.Stretch)
        for column, width in _WIDTHS.items():
            header.setSectionResizeMode(column, qt.QHeaderView.Fixed)
            tree.setColumnWidth(column, width)
            tree.headerItem().setToolTip(column, asText(_HEADS[column]))
        header.setSectionsClickable(True)
        header.connect("sectionClicked(int)", lambda column: self._sort(column, again))
        tree.connect("itemSelectionChanged()", lambda: None if controls.filling else self._chosen(choose))

    def show(self, lines: tuple[ResultLine, ...], key: str) -> None:
        ordered = inOrder(lines, *self.order, MARKS.ranks)
        if ordered != self._lines:
            if self._places(ordered) == self._places(self._lines):
                for former, one in zip(self._lines, ordered, strict=True):
                    if former != one:
                        self._write(self._items[one.key], one)
            else:
                self._rebuild(ordered)
            self._lines = ordered
        self._mark(key)

    def following(self, key: str) -> str:
        """The line below that of the key, after the last the first; "" without lines."""
        keys = list(self._items)
        return keys[(keys.index(key) + 1) % len(keys)] if key in keys else ""

    def _rebuild(self, lines: list[ResultLine]) -> None:
        tree, item = self._controls.ui.resultsTree, self._controls.qt.QTreeWidgetItem
        tree.clear()
        self._items, rows = {}, 0
        heads = []
        for question, methods in grouped(lines).items():
            top = item()
            tree.addTopLevelItem(top)
            heads.append((top, question))
            for method, ones in methods.items():
                middle = item()
                top.addChild(middle)
                heads.append((middle, method))
                for one in ones:
                    leaf = item()
                    middle.addChild(leaf)
                    self._write(leaf, one)
                    self._items[one.key] = leaf
                rows += len(ones) + 1
            rows += 1
        for head, text in heads:
            head.setText(RESULT, text)
            head.setToolTip(RESULT, asText(text))
            head.setFlags(self._controls.qt.Qt.ItemIsEnabled)
            head.setFirstColumnSpanned(True)
        tree.expandAll()
        height = max(tree.sizeHintForRow(0), 16) * rows + tree.header().height + _FRAME
        for what in ("minimumHeight", "maximumHeight"):
            self._controls.set("resultsTree", what, int(min(MOST, max(LEAST, height))))

    def _write(self, leaf: Any, one: ResultLine) -> None:
        leaf.setData(RESULT, _KEY_ROLE, one.key)
        texts = {RESULT: one.layer, SHARE: one.shareText, VERDICT: verdictMark(one.verdict)}
        for column, text in texts.items():
            leaf.setText(column, text)
            leaf.setToolTip(column, asText(one.tip))

    def _mark(self, key: str) -> None:
        tree, leaf = self._controls.ui.resultsTree, self._items.get(key)
        if leaf is not None and not leaf.isSelected():
            tree.setCurrentItem(leaf)
            tree.scrollToItem(leaf)

    def _chosen(self, choose: Callable[[str], object]) -> None:
        found = self._controls.ui.resultsTree.selectedItems()
        if found:
            choose(str(found[0].data(RESULT, _KEY_ROLE) or ""))

    def _sort(self, column: int, again: Callable[[], object]) -> None:
        """A second click on a head turns the order round; numbers begin with the largest."""
        self.order = (column, not self.order[1] if column == self.order[0] else column != RESULT)
        qt = self._controls.qt
        header = self._controls.ui.resultsTree.header()
        header.setSortIndicatorShown(column != RESULT)
        header.setSortIndicator(column, qt.Qt.DescendingOrder if self.order[1] else qt.Qt.AscendingOrder)
        again()

    @staticmethod
    def _places(lines: list[ResultLine]) -> list[tuple[str, str, str]]:
        return [(one.key, one.question, one.method) for one in lines]
