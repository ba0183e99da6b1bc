"""All segments: one click, one forward, a result for each segment that a class is known for; and its ends."""

import os
import signal
import time

import numpy as np
import pytest

import slicer
from SegHiResGradCAMLib import explanationFacts, settingsOf
from SegHiResGradCAMLib.scene.nodes import AttributeNames
from SegHiResGradCAMLib.scene.nodes.Attachments import SEGMENTS, aboutLayer
from SegHiResGradCAMLib.schedule import Steps
from stage.builders import addSegmentation, addVolume, obliqueMatrix
from stage.gui import choose, click, events
from stage.panel import PATIENCE_MS, Panel, tipOf, writeModel

SHAPE = (24, 24, 24)
CLASSES = ("background", "lesion", "organ", "vessel")


def box(low, high):
    mask = np.zeros(SHAPE, bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


MASKS = {
    "Lesion": box((8, 8, 8), (16, 16, 14)),
    "ORGAN": box((2, 10, 4), (22, 20, 20)),  # around a part of the lesion
    "vessel": box((4, 4, 6), (20, 8, 12)),
    "thing": box((0, 0, 0), (4, 4, 4)),  # no class of the model is called so
    "Background": None,  # never drawn
}
ASKED = {"Lesion": "lesion", "ORGAN": "organ", "vessel": "vessel"}


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    opened.presenter.checks.setEveryMap(False)
    yield opened
    opened.close()


@pytest.fixture
def case(stageScene):
    values = np.random.default_rng(1).normal(100, 20, SHAPE).astype(np.float32)
    volume = addVolume(values, obliqueMatrix(), "volume")
    return volume, addSegmentation(volume, **MASKS)


def ready(panel, case, folder, waits=0):
    """The case and a small network with four classes in the panel, all segments ticked."""
    panel.widget.ask = lambda question: True
    panel.ui.volumeSelector.setCurrentNode(case[0])
    panel.presenter.pick(segmentation=case[1], segmentId="Lesion")
    panel.chooseModelFile(writeModel(folder, CLASSES, waits))
    click(panel.ui.allSegmentsCheckBox)
    panel.waitIdle()
    assert panel.ui.applyButton.enabled, panel.ui.statusLabel.text


def nodes():
    return {node.GetID() for node in slicer.mrmlScene.GetNodes()}


def rows(panel):
    return panel.results


def results(panel):
    """{segment's id: its overlay}, of those that came last."""
    found = panel.presenter.desk.results.nodes()
    return {node.GetAttribute(AttributeNames.PREFIX + "SegmentId"): node for node in found}


def told(node):
    """Facts of a map by which two can be compared, and its voxels."""
    facts = explanationFacts(node)
    names = ("class_name", "layer", "pixel_set", "unit", "status", "score_title", "grid")
    return {name: facts[name] for name in names}, (facts["score"], facts["total"]), slicer.util.arrayFromVolume(node)


def isSame(one, two):
    (factsOne, numbersOne, mapOne), (factsTwo, numbersTwo, mapTwo) = told(one), told(two)
    assert factsOne == factsTwo
    assert numbersOne == pytest.approx(numbersTwo, rel=1e-6)
    assert mapOne.any() and np.abs(mapOne - mapTwo).max() <= 1e-6 * np.abs(mapTwo).max()


def shares(panel, node):
    """{segment: share of the evidence} of the table that the button makes."""
    panel.presenter.desk.choose(node.GetID())
    panel.open(panel.ui.segmentsButton)
    click(panel.ui.segmentsButton)
    panel.waitIdle()
    assert panel.ui.errorLabel.text == "", panel.ui.errorLabel.text
    (table,) = aboutLayer(node, explanationFacts(node)["layer"]["name"], SEGMENTS)
    columns = [table.GetTable().GetColumnByName(name) for name in ("segment", "share")]
    return {columns[0].GetValue(n): columns[1].GetValue(n) for n in range(table.GetNumberOfRows())}


def askOne(panel, segmentId):
    """The only new result."""
    before = set(panel.presenter.desk.results.nodes())
    panel.presenter.pick(segmentId=segmentId)
    panel.applyAndWait()
    assert panel.ui.errorLabel.text == "", panel.ui.errorLabel.text
    (new,) = set(panel.presenter.desk.results.nodes()) - before
    return new


def test_each_segment_has_the_map_it_has_by_itself_in_one_forward(panel, case, tmp_path):
    ui = panel.ui
    ready(panel, case, tmp_path / "m")
    assert ui.classComboBox.currentText == "Each segment's own, by its name"
    asked = "Lesion as lesion, ORGAN as organ, vessel as vessel"
    out = "Left out: thing (No class of the model is called so)"
    assert ui.classTextLabel.text == tipOf(ui.classTextLabel) == f"{asked}, Background as background. {out}."
    seen = []
    ui.progressBar.connect("valueChanged(int)", seen.append)
    with events.LoopGap() as gap:
        panel.applyAndWait()
    assert ui.errorLabel.text == "" and gap.longest < 1.0
    assert any(0 < value < 1000 for value in seen)
    assert panel.presenter.engine.cost["forward_calls_now"] == 1
    empty = "Background (The segment 'Background' has no voxel in the volume)"
    assert ui.statusLabel.text.endswith(f", 1 forward pass for all. {asked}. {out}; {empty}.")
    together = results(panel)
    assert list(together) == list(ASKED) and len(rows(panel)) == 3
    for row, (segmentId, className) in zip(rows(panel), ASKED.items(), strict=True):
        assert row.startswith(f"{className} · ") and f" · segment '{segmentId}' · " in row
    assert panel.node is together["Lesion"]
    assert [settingsOf(node).foreground for node in together.values()] == [True, False, False]

    click(ui.allSegmentsCheckBox)
    for segmentId, className in ASKED.items():
        alone = askOne(panel, segmentId)
        assert panel.presenter.parameters.className == className
        isSame(together[segmentId], alone)
        one, two = shares(panel, together[segmentId]), shares(panel, alone)
        assert one == pytest.approx(two, rel=1e-6, nan_ok=True) and one[segmentId] > 0

    # of another image: as many passes for one segment as for three
    click(ui.allSegmentsCheckBox)
    passes = []
    for wanted in (("Lesion",), tuple(ASKED)):
        volume = addVolume(np.random.default_rng(len(wanted)).normal(100, 20, SHAPE).astype(np.float32))
        masks = {name: mask for name, mask in MASKS.items() if name in wanted}
        panel.presenter.pick(volume=volume, segmentation=addSegmentation(volume, **masks))
        before = len(rows(panel))
        panel.applyAndWait()
        assert ui.errorLabel.text == "" and len(rows(panel)) == before + len(wanted)
        passes.append(panel.presenter.engine.cost["forward_calls_now"])
    assert passes == [1, 1]


def test_with_one_class_for_all_against_a_rival_and_with_one_name(panel, case, tmp_path):
    ui = panel.ui
    ready(panel, case, tmp_path / "m")
    case[1].GetSegmentation().GetSegment("vessel").SetName("Lesion")
    panel.openAdvanced()
    choose(ui.scoreComboBox, "Contrast with a rival")
    choose(ui.rivalComboBox, "organ")
    assert ui.classTextLabel.text == (
        "Lesion as lesion, Lesion (2) as lesion, Background as background. Left out: ORGAN (Its class is the rival "
        "itself); thing (No class of the model is called so)."
    )
    panel.applyAndWait()
    contrasts = results(panel)
    labels = {key: explanationFacts(node)["pixel_set"] for key, node in contrasts.items()}
    assert labels == {"Lesion": "segment 'Lesion'", "vessel": "segment 'Lesion (2)'"}
    click(ui.allSegmentsCheckBox)
    alone = askOne(panel, "vessel")
    assert panel.presenter.parameters.className == "lesion"
    assert np.array_equal(slicer.util.arrayFromVolume(alone), slicer.util.arrayFromVolume(contrasts["vessel"]))

    choose(ui.scoreComboBox, "Logit of the class")
    click(ui.allSegmentsCheckBox)
    choose(ui.classComboBox, "vessel")
    asked = "Lesion as vessel, ORGAN as vessel, Lesion (2) as vessel, thing as vessel"
    assert ui.classTextLabel.text == f"{asked} and 1 more."
    assert tipOf(ui.classTextLabel) == f"{asked}, Background as vessel."
    panel.applyAndWait()
    found = results(panel)
    assert {explanationFacts(found[key])["class_name"] for key in ("Lesion", "ORGAN", "vessel", "thing")} == {"vessel"}
    click(ui.allSegmentsCheckBox)
    panel.presenter.pick(segmentId="thing")
    choose(ui.classComboBox, "vessel")
    isSame(found["thing"], askOne(panel, "thing"))


def test_further_questions_about_a_row_are_those_about_its_segment(panel, case, tmp_path):
    ui = panel.ui
    ready(panel, case, tmp_path / "m")
    panel.applyAndWait()
    other = {}
    for segmentId, node in results(panel).items():
        panel.presenter.desk.choose(node.GetID())
        names = [ui.shownLayerComboBox.itemText(n) for n in range(ui.shownLayerComboBox.count)]
        choose(ui.shownLayerComboBox, next(name for name in names if name != ui.shownLayerComboBox.currentText))
        panel.waitIdle()
        assert ui.errorLabel.text == "" and panel.node is not node, ui.errorLabel.text
        other[segmentId] = panel.node
        panel.open(ui.paintButton)
        click(ui.paintButton)
        panel.waitIdle()
        assert ui.errorLabel.text == "", ui.errorLabel.text
        assert f"'{segmentId}'" in rows(panel)[panel.resultRow]
    panel.presenter.checks.setEveryMap(True)
    checked = []
    for node in results(panel).values():  # a row is checked when it comes into the views
        panel.presenter.desk.choose(node.GetID())
        panel.waitChecked()
        checked.append(panel.presenter.checks.state().numbers)
    assert all(checked) and len({str(one) for one in checked}) == 3
    panel.presenter.checks.setEveryMap(False)

    # the same question again: new rows, the same maps, and the network rests
    panel.applyAndWait()
    assert "without running the network again" in ui.statusLabel.text and len(rows(panel)) == 6
    click(ui.allSegmentsCheckBox)
    for segmentId in ASKED:
        askOne(panel, segmentId)
        layer = explanationFacts(other[segmentId])["layer"]["name"]
        keys = [one.key for one in panel.presenter.desk.state().shownLayers]
        choose(ui.shownLayerComboBox, ui.shownLayerComboBox.itemText(keys.index(layer)))
        panel.waitIdle()
        isSame(other[segmentId], panel.node)


def test_each_is_removed_by_itself_and_what_cannot_be_asked_is_said_before(panel, case, tmp_path):
    ui = panel.ui
    ready(panel, case, tmp_path / "m")
    before = nodes()
    panel.applyAndWait()
    for left in (2, 1, 0):
        click(ui.removeButton)
        assert len(rows(panel)) == left
    events.wait(50)
    assert nodes() == before and panel.presenter.desk.results._passes == {}

    panel.openAdvanced()
    assert not ui.compareButton.enabled and "untick All segments" in tipOf(ui.compareButton)
    assert not ui.feedingButton.enabled and "untick All segments" in tipOf(ui.feedingButton)
    panel.presenter.pick(segmentation=addSegmentation(case[0], thing=MASKS["thing"]))
    why = "No segment is called like a class of the model: choose the class of all."
    assert not ui.applyButton.enabled and ui.statusLabel.text == why
    choose(ui.classComboBox, "lesion")
    assert ui.applyButton.enabled
    panel.presenter.pick(segmentation=addSegmentation(case[0]))
    assert ui.statusLabel.text == "The segmentation has no segments: choose another one."
    panel.presenter.pick(segmentation=addSegmentation(case[0], lesion=None, organ=None))
    panel.applyAndWait()
    assert ui.errorLabel.text == "None of the segments has a voxel in the volume. Paint one, or check transforms."
    assert rows(panel) == []
    choose(ui.pixelSetComboBox, "Predicted class")
    assert not ui.allSegmentsCheckBox.enabled and "about no segment" in tipOf(ui.allSegmentsCheckBox)


def untilAMapCame(presenter):
    """One step of the panel's work at a time: in a turn of the loop all maps may come."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not presenter.desk.results.nodes():
        assert time.monotonic() < end
        events.process(0)


def test_cancelled_while_computing_and_while_the_maps_come_the_scene_is_as_before(panel, case, tmp_path, monkeypatch):
    monkeypatch.setattr(Steps, "SECONDS", 0.0)
    ui, presenter = panel.ui, panel.presenter
    ready(panel, case, tmp_path / "m", waits=10)
    before = nodes()
    panel.apply()
    assert ui.applyButton.text == "C&ancel" and not ui.inputsSection.enabled
    panel.waitComputing()
    click(ui.applyButton)
    panel.waitIdle()
    assert ui.statusLabel.text == "Cancelled. The scene is unchanged." and nodes() == before
    panel.apply()
    untilAMapCame(presenter)
    assert presenter.busy and nodes() > before
    presenter.apply()
    panel.waitIdle()
    assert ui.statusLabel.text == "Cancelled. The scene is unchanged." and nodes() == before
    assert rows(panel) == [] and ui.applyButton.text == "&Apply"


def test_the_worker_dies_the_segmentation_goes_and_the_scene_closes(panel, case, tmp_path, stageScene, monkeypatch):
    monkeypatch.setattr(Steps, "SECONDS", 0.0)
    ui, presenter = panel.ui, panel.presenter
    ready(panel, case, tmp_path / "m", waits=10)
    before = nodes()
    panel.apply()
    panel.waitComputing()
    os.kill(panel.workerPid(), signal.SIGKILL)
    panel.waitIdle()
    assert ui.errorLabel.text and nodes() == before and ui.applyButton.enabled
    panel.apply()
    untilAMapCame(presenter)
    assert presenter.busy
    slicer.mrmlScene.RemoveNode(case[1])
    panel.waitIdle()
    assert "a node that was being explained was removed" in ui.errorLabel.text and rows(panel) == []
    presenter.pick(segmentation=addSegmentation(case[0], **MASKS))
    panel.apply()
    untilAMapCame(presenter)
    stageScene.clear()
    panel.waitIdle()
    assert presenter.desk.results.nodes() == [] and not presenter.busy and not presenter.allSegments.stop()
