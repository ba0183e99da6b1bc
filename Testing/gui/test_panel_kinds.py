"""Models as people have them, picked by one path: folders, several volumes, and paths that are no model."""

import numpy as np
import pytest

import slicer
from seghirescam import Image, PixelSet
from seghirescam.io.channels import joined
from SegHiResGradCAMLib import explanationFacts
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume
from stage.builders import addSegmentation, addVolume, obliqueMatrix
from stage.gui import choose, click, events, screenshot
from stage.panel import Panel, writeThresholdModel

SHAPE = (10, 14, 16)


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    opened.widget.ask = lambda question: True
    yield opened
    opened.close()


def image(node):
    return Image(slicer.util.arrayFromVolume(node), gridOfVolume(node))


def test_two_volumes_on_two_grids_end_to_end_and_back_from_a_saved_scene(panel, tmp_path, stageScene):
    random = np.random.default_rng(2)
    t1 = addVolume(random.uniform(0, 1, SHAPE).astype(np.float32), obliqueMatrix(), "head T1")
    t2 = addVolume(random.uniform(0, 9, (9, 13, 30)).astype(np.int16), obliqueMatrix((0.5, 1.3, 2.6)), "head T2")
    ui = panel.ui
    ui.volumeSelector.setCurrentNode(t2)  # chosen before anybody knew of channels
    path = writeThresholdModel(tmp_path / "model", [1.0, 10.0], 45.0, ("T1", "T2"), ("background", "lesion", "never"))
    panel.chooseModelFile(path)
    assert "3 classes, 2 channels (T1, T2)" in ui.modelTextLabel.text
    assert (ui.volumeLabel.text, ui.channel2Label.text) == ("T1:", "T2:")
    assert ui.volumeSelector.currentNode() is t1 and ui.channel2Selector.currentNode() is t2
    assert ui.channel2Selector.isVisible() and not ui.channel3Selector.isVisible()
    ui.channel2Selector.setCurrentNode(None)
    events.wait(20)
    assert ui.statusLabel.text == "Choose the volume for T2." and not ui.predictButton.enabled
    ui.channel2Selector.setCurrentNode(t2)

    # the truth: the engine, here, on both volumes
    from seghirescam import open_model
    from seghirescam.session.explain import explain

    both, notes = joined([image(t1), image(t2)], ["T1", "T2"])
    expected = both.array[0] + 10 * both.array[1] > 45
    assert 0.05 < expected.mean() < 0.95 and len(notes) == 1
    click(ui.predictButton)
    panel.waitIdle()
    assert ui.errorLabel.text == "" and notes[0] in ui.statusLabel.text
    node = panel.presenter.parameters.segmentation
    labels = slicer.util.arrayFromSegmentBinaryLabelmap(node, panel.presenter.parameters.segmentId, t1).astype(bool)
    assert (labels == expected).mean() > 0.9999
    panel.applyAndWait()
    assert ui.errorLabel.text == ""
    (truth,) = explain(
        open_model(str(path), consent=True), both, PixelSet(labels, both.grid), class_index="lesion", layers=["first"]
    )
    facts = explanationFacts(panel.node)
    assert facts["score"] == pytest.approx(truth.score, rel=1e-5) and notes[0] in facts["notes"]
    assert facts["provenance"]["image_sha256"] == truth.provenance["image_sha256"]

    stageScene.readMrb(stageScene.writeMrb(tmp_path / "case.mrb"))
    panel.widget.initializeParameterNode()
    events.wait(50)
    assert panel.presenter.parameters.channel2.GetName() == "head T2"
    panel.applyAndWait()
    assert ui.errorLabel.text == "" and len(panel.results) == 2
    assert explanationFacts(panel.node)["score"] == pytest.approx(truth.score, rel=1e-5)


def test_a_monai_bundle_is_a_folder_that_is_typed_dropped_or_browsed_and_explained(panel, tmp_path):
    pytest.importorskip("monai")
    from engine import monai_bundles as made

    folder = made.write_bundle(tmp_path / "a bundle")
    grid = made.oblique((20, 34, 90))
    case = made.ct_like(grid)
    volume = addVolume(case.array[0], grid.ijk_to_ras, "abdomen")
    ui = panel.ui
    ui.volumeSelector.setCurrentNode(volume)
    panel.widget.chooseFolder = lambda former, words="": str(folder)
    click(ui.modelFolderButton)
    panel.waitIdle()
    assert ui.modelTextLabel.text == "MONAI bundle, 3 classes" and ui.modelPathLineEdit.currentPath == str(folder)
    choose(ui.modelComboBox, "Demo network: honest")
    panel.waitIdle()
    panel.chooseModelFile(folder)  # typed: a folder waits a moment
    assert ui.modelTextLabel.text == "MONAI bundle, 3 classes"
    choose(ui.modelComboBox, "Demo network: honest")
    panel.waitIdle()
    ui.modelPathLineEdit.currentPath = folder.as_uri()  # what Qt leaves in a line of text when a folder is dropped
    panel.waitIdle()
    assert ui.modelTextLabel.text == "MONAI bundle, 3 classes" and ui.modelPathLineEdit.currentPath == str(folder)

    mask = np.zeros(grid.shape, dtype=bool)
    mask[6:12, 10:18, 8:14] = True
    panel.presenter.pick(segmentation=addSegmentation(volume, liver=mask), segmentId="liver")
    assert ui.classComboBox.currentText == "liver"
    said, hear = [], panel.presenter.onProgress  # all that is told: of a short pass the panel shows the last only
    panel.presenter.onProgress = lambda fraction, phase: (said.append(phase), hear(fraction, phase))
    with events.LoopGap() as gap:
        panel.applyAndWait()
    panel.presenter.onProgress = hear
    assert ui.errorLabel.text == "" and gap.longest < 1.0
    cost = panel.presenter.engine.cost["estimate"]
    assert 0 < cost["windows"] < cost["of_windows"] and cost["forward_passes"] == cost["windows"]
    told = f"({cost['windows']} of {cost['of_windows']} windows, {cost['forward_passes']} passes, "
    assert any(told in phase for phase in said), said
    facts = explanationFacts(panel.node)
    assert facts["provenance"]["windows"]["run"] == cost["windows"]
    panel.openAdvanced()
    texts = [ui.layerComboBox.itemText(n) for n in range(ui.layerComboBox.count)]
    assert any("mm)" in text for text in texts), texts

    # its own prediction, in the names of its classes, and what MONAI predicts
    click(ui.predictButton)
    panel.waitIdle()
    assert ui.errorLabel.text == ""
    from seghirescam import open_model
    from seghirescam.session.opening import open_session

    model = open_model(str(folder))
    session = open_session(model, case)
    labels = model.labels_on_input(session.logits(), model.prepare(case), case)
    segmentation = panel.presenter.parameters.segmentation
    names = segmentation.GetSegmentation()
    found = {names.GetSegment(i).GetName(): i for i in names.GetSegmentIDs()}
    present = [name for index, name in ((1, "liver"), (2, "tumour")) if (labels == index).any()]
    assert list(found) == present != []
    for index, name in ((1, "liver"), (2, "tumour")):
        if name in found:
            drawn = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, found[name], volume).astype(bool)
            assert (drawn == (labels == index)).mean() > 0.9999


def test_a_path_that_is_no_model_is_said_in_one_sentence_and_forgotten(panel, tmp_path):
    (tmp_path / "holiday" / "photos").mkdir(parents=True)
    panel.chooseModelFile(tmp_path / "holiday")
    text = panel.ui.errorLabel.text
    assert panel.ui.modelTextLabel.text == "This cannot be used as a model." and not panel.ui.predictButton.enabled
    screenshot(panel.widget, tmp_path / "panel.png", 400)  # a long sentence does not widen the panel
    assert "No model was recognised in 'holiday'." in text and str(tmp_path) not in text
    assert "nnU-Net v2 model, Hugging Face" in text and "TorchScript" in text
    panel.chooseModel("Demo network: honest")
    assert panel.ui.modelTextLabel.text == "Demo network, 3 classes"
    panel.chooseModelFile(tmp_path / "holiday" / "photos")
    panel.chooseModelFile(writeThresholdModel(tmp_path / "model", [1.0], 1.0))
    listed = [panel.ui.modelComboBox.itemText(n) for n in range(panel.ui.modelComboBox.count)]
    assert "threshold.model.json" in listed and "photos" not in listed
