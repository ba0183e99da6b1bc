"""The contact sheet of a comparison in the panel: a picture a map, and a click that shows it."""

import numpy as np
import pytest

import slicer
from seghirescam.protocol.explanation import LayerInfo
from SegHiResGradCAMLib.scene.results.ComparisonNodes import comparisonSteps
from SegHiResGradCAMLib.schedule.Steps import finished
from stage.builders import addSegmentation, addVolume, layerGridOf, makeExplanation
from stage.gui import click, events
from stage.panel import Panel

SHAPE = (12, 16, 20)
METHODS, LAYERS = ("Method A", "Method B", "Method C"), ("encoder.1", "bottleneck")


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    yield opened
    opened.close()


def compared(panel):
    """The overlays of a comparison that has come, method by method; the first is shown."""
    volume = addVolume(np.random.default_rng(0).normal(100, 20, SHAPE).astype(np.float32), np.diag([2.0, 2, 2, 1]))
    segmentation = addSegmentation(volume, lesion=np.ones(SHAPE, bool))
    grid, maps, rows = layerGridOf(volume, 2), [], []
    numbers = dict.fromkeys(("score", "total", "completeness", "inside", "chance", "lift")) | {"chance_over": "body"}
    for method in METHODS:
        for layer in LAYERS:
            cells = np.random.default_rng(len(maps)).normal(size=grid.shape)
            info = LayerInfo(layer, 8, grid.shape, (2,) * 3, "encoder", True)
            maps.append(makeExplanation(cells, grid, layer=info, method="m", method_title=method))
            rows.append({
                "method": "m", "title": method, "layer": layer, "mm_per_cell_kji": [4.0, 4.0, 4.0], "status": "ok",
                "unit": "logit", "seconds": 1.0, "reason": "", "left_out": "", "map": len(maps) - 1, **numbers,
            })  # fmt: skip
    steps = comparisonSteps(slicer.mrmlScene, rows, maps, [volume], segmentation, "lesion", "Comparison: lesion")
    _table, made = finished(steps)
    panel.presenter.write(result=made[0])
    panel.presenter.desk.results.showOnly(made[0])
    panel.presenter.changed()
    events.waitUntil(lambda: panel.presenter.sheet.state().pictures, 60_000, "the pictures are drawn")
    return made


def test_a_click_on_a_picture_shows_its_map(panel):
    made = compared(panel)
    sheet = panel.ui.contactSheet
    panel.open(panel.ui.compareButton)
    assert sheet.isVisible() and (sheet.rowCount, sheet.columnCount) == (3, 2)
    assert [sheet.verticalHeaderItem(n).text() for n in range(3)] == list(METHODS)
    assert [sheet.horizontalHeaderItem(n).text() for n in range(2)] == ["enc.1", "bot"]
    assert (sheet.currentRow(), sheet.currentColumn()) == (0, 0) and panel.node is made[0]
    assert not sheet.item(2, 1).icon().isNull()
    sheet.setCurrentCell(2, 1)
    events.wait(20)
    assert panel.node is made[5] and panel.resultRow == 5
    panel.chooseResult(3)  # and the other way round
    assert (sheet.currentRow(), sheet.currentColumn()) == (1, 1)


def test_a_picture_follows_its_map_s_both_signs(panel):
    made = compared(panel)
    panel.open(panel.ui.compareButton)
    sheet, first = panel.presenter.sheet, str(made[0].GetID())
    before = dict(sheet.state().pictures)
    click(panel.ui.signedCheckBox)
    events.waitUntil(lambda: sheet.state().pictures[first] != before[first], 60_000, "its picture is drawn again")
    after = dict(sheet.state().pictures)
    assert {key for key in before if after[key] != before[key]} == {first}
    click(panel.ui.signedCheckBox)
    events.waitUntil(lambda: dict(sheet.state().pictures) == before, 60_000, "the former one")


def test_the_sheet_goes_with_its_comparison(panel):
    compared(panel)
    panel.open(panel.ui.compareButton)
    click(panel.ui.removeButton)
    events.waitUntil(lambda: not panel.presenter.desk.results.ownVolumes(), 60_000, "the comparison is removed")
    assert not panel.ui.contactSheet.isVisible() and panel.presenter.sheet.state().cells == ()
    assert panel.results == []


def test_a_click_on_a_head_sorts_by_share(panel):
    made = compared(panel)
    header = panel.ui.resultsTree.header()
    shares = {line.key: line.share for line in panel.presenter.desk.results.lines()}
    assert len(set(shares.values())) > 2
    header.sectionClicked.emit(1)
    tree = panel.widget.view._views["desk"]._tree
    ordered = [line.share for line in tree._lines]
    assert ordered == sorted(ordered, reverse=True)
    header.sectionClicked.emit(1)
    assert [line.share for line in tree._lines] == sorted(ordered)
    header.sectionClicked.emit(0)
    assert [line.key for line in tree._lines] == [node.GetID() for node in made]
