"""Export to DICOM: the shown map and its regions in the study of the volume's series, or one sentence why not."""

import json
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest

import slicer
from engine import dicom_out_cases as cases
from engine.dicom_cases import PATIENT, as_series
from seghirescam.cli import main
from seghirescam.demo.case import VOLUME_FILE
from seghirescam.io.dicom_maps import parameters_of, read_map
from seghirescam.io.dicom_out.parameters import asked_by
from seghirescam.io.label_maps import read_labels
from seghirescam.io.segments_on_images import read_segment
from seghirescam.io.volumes import read_volume
from seghirescam.protocol.resampling import copied, spread
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume
from SegHiResGradCAMLib.scene.segments.PixelSetReader import readPixelSet
from stage.builders import addTransform
from stage.gui import click
from stage.panel import Panel, tipOf

MAP, REGIONS = "map_lesion_encoder.1.dcm", "map_lesion_encoder.1_regions.dcm"


class Database:
    """Slicer's, as far as the module asks it."""

    isOpen = True

    def __init__(self, folder):
        self.files = {pydicom.dcmread(one).SOPInstanceUID: str(one) for one in folder.iterdir()}
        self.inserted = []

    def fileForInstance(self, uid):
        return self.files.get(uid, "")

    def insert(self, file, store, thumbnail):
        self.inserted.append(file)


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    return as_series(VOLUME_FILE, tmp_path_factory.mktemp("series") / "series")


@pytest.fixture
def panel(stageScene, series, monkeypatch):
    """With the demo's answer, whose volume comes from a DICOM series."""
    database = Database(series)
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    opened = Panel()
    opened.openDemo()
    volume = opened.presenter.parameters.volume
    volume.SetAttribute("DICOM.instanceUIDs", " ".join(database.files))
    opened.applyAndWait()
    opened.open(opened.ui.dicomButton)
    opened.database, opened.asked, opened.series = database, [], series
    opened.presenter.ask = lambda question: opened.asked.append(question) or True
    yield opened
    opened.close()


def test_the_shown_map_is_written_into_its_study_and_offered_to_the_database(panel, tmp_path):
    panel.widget.chooseFolder = lambda former: str(tmp_path)
    assert panel.ui.dicomButton.visible and panel.ui.dicomButton.enabled
    assert "carries the patient's name" in tipOf(panel.ui.dicomButton)
    click(panel.ui.dicomButton)
    panel.waitIdle()
    assert sorted(one.name for one in tmp_path.iterdir()) == [MAP, REGIONS]
    assert panel.ui.errorLabel.text == "" and "They are in Slicer's DICOM database." in panel.ui.statusLabel.text
    assert len(panel.asked) == 2 and "carries the patient's name" in panel.asked[0]
    assert panel.database.inserted == [str(tmp_path / name) for name in (MAP, REGIONS)]
    one = panel.presenter.desk.results.origin(panel.node).maps["encoder.1"]
    array, grid = read_map(tmp_path / MAP)
    assert np.array_equal(array, one.map) and grid.same_as(one.grid, 1e-4)
    assert str(pydicom.dcmread(tmp_path / MAP).PatientName) == PATIENT
    for name in (MAP, REGIONS):
        assert cases.errors_of_dciodvfy(tmp_path / name) == []
    _tells_the_question(panel, tmp_path, one)
    # the 50 % region, where it lies
    image = gridOfVolume(panel.presenter.parameters.volume)
    density = spread(one.map, one.grid, image)
    region = read_labels(tmp_path / REGIONS, image).pixel_set("2").on(image).weights > 0
    held = density[region & (density > 0)].sum(dtype=float) / density[density > 0].sum(dtype=float)
    assert 0.5 <= held < 0.51
    click(panel.ui.dicomButton)
    panel.waitIdle()
    assert len(list(tmp_path.iterdir())) == 4  # nothing is overwritten
    _comes_back(panel, tmp_path)


def _tells_the_question(panel, folder, one):
    """The segment is the first of the regions; the hashes are those of the files that a command will be given."""
    parameters = panel.presenter.parameters
    drawn = readPixelSet(parameters.segmentation, parameters.segmentId, parameters.volume)
    labels = read_labels(folder / REGIONS, drawn.grid)
    assert [label.name for label in labels.labels] == [
        "Asked about: lesion", "50 % of the evidence", "80 % of the evidence", "95 % of the evidence",
    ]  # fmt: skip
    assert np.array_equal(labels.pixel_set("1").on(drawn.grid).weights, drawn.weights) and drawn.weights.any()
    asked = asked_by(parameters_of(folder / MAP))["request"]
    assert asked["segment_sha256"] == read_segment(f"{folder / REGIONS}:1").content_hash
    assert [channel["sha256"] for channel in asked["channels"]] == [read_volume(panel.series).content_hash]
    assert asked["weights_sha256"] == one.provenance["weights_sha256"]
    question = asked["question"]
    assert (question["class_name"], question["layers"], question["methods"], question["pixel_sets"]) == (
        "lesion", ["encoder.1"], [one.method], ["segment"],
    )  # fmt: skip
    score = parameters.score.value, parameters.rivalName if parameters.score.value == "contrast" else None
    assert (question["score"], question["rival"]) == score


def _comes_back(panel, folder):
    """As an overlay of the volume, with voxels, colours, threshold and legend of the one that was written."""
    before = panel.node
    voxels = slicer.util.arrayFromVolume(before).copy()
    look = (before.GetDisplayNode().GetLowerThreshold(), before.GetDisplayNode().GetColorNode().GetName())
    for extra in folder.glob("*_2*.dcm"):
        extra.unlink()
    click(panel.ui.removeButton)
    assert len(panel.results) == 0
    panel.widget.chooseFolder = lambda *words: str(folder)
    assert panel.ui.dicomOpenButton.visible
    click(panel.ui.dicomOpenButton)
    panel.waitIdle()
    assert panel.ui.errorLabel.text == "" and panel.ui.statusLabel.text == "Opened: 1 map."
    node, display = panel.node, panel.node.GetDisplayNode()
    assert np.abs(slicer.util.arrayFromVolume(node) - voxels).max() <= 1e-4 * np.abs(voxels).max()
    assert (pytest.approx(look[0], rel=1e-3), look[1]) == (
        display.GetLowerThreshold(),
        display.GetColorNode().GetName(),
    )
    assert len(panel.results) == 1
    assert "Seg-HiRes-Grad CAM" in panel.ui.factsText.plainText and "lesion" in node.GetName()
    # a map that came from a file has no question that could be asked again: it is written without
    click(panel.ui.dicomButton)
    panel.waitIdle()
    assert "Without its question: this map came with the scene" in panel.ui.statusLabel.text
    labels = read_labels(folder / REGIONS.replace("_regions", "_2_regions"))
    assert next(label.name for label in labels.labels) == "50 % of the evidence"
    # of another series: none
    panel.presenter.parameters.volume.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    click(panel.ui.dicomOpenButton)
    panel.waitIdle()
    assert panel.ui.errorLabel.text.startswith("The folder holds no parametric map of ours that explains this volume")
    panel.presenter.parameters.volume.RemoveAttribute("DICOM.instanceUIDs")
    panel.presenter.changed()
    assert not panel.ui.dicomOpenButton.visible


@pytest.mark.slow
def test_the_command_line_repeats_the_panel_s_map(panel, tmp_path):
    folder, source = tmp_path / "dicom", panel.presenter.models.facts.source
    folder.mkdir()
    panel.widget.chooseFolder = lambda former: str(folder)
    click(panel.ui.dicomButton)
    panel.waitIdle()
    one = panel.presenter.desk.results.origin(panel.node).maps["encoder.1"]
    words = ("--image", panel.series, "--segment", f"{folder / REGIONS}:1", "--repeat", folder / MAP)
    out = tmp_path / "again"
    assert main(["explain", source, *map(str, words), "--device", "cpu", "--out", str(out), "--quiet"]) == 0
    (file,) = out.glob("01_*.nii.gz")
    repeated = read_volume(file)
    cells = copied(repeated.array[0], repeated.grid, one.grid)
    assert np.abs(cells - one.map).max() <= 1e-5 * np.abs(one.map).max()
    told = json.loads(next(out.glob("01_*.json")).read_text())
    assert told["score"] == pytest.approx(one.score, rel=1e-6) and told["method"] == one.method


def test_what_writes_nothing_and_what_is_said_of_it(panel, tmp_path, monkeypatch):
    _a_no(panel, tmp_path)
    _without_highdicom(panel, monkeypatch)
    _faults(panel, tmp_path)
    _on_the_button(panel, monkeypatch)


def _a_no(panel, tmp_path):
    panel.presenter.ask = lambda question: False
    panel.widget.chooseFolder = lambda former: pytest.fail("asked for a folder")
    click(panel.ui.dicomButton)
    panel.presenter.ask = lambda question: True
    panel.widget.chooseFolder = lambda former: ""
    click(panel.ui.dicomButton)
    assert not panel.presenter.busy and list(tmp_path.iterdir()) == []


def _on_the_button(panel, monkeypatch):
    volume = panel.presenter.parameters.volume
    transform = addTransform(np.diag([1.0, 1, 1, 1]) + np.eye(4, k=3) * 5, volume)
    panel.presenter.changed()
    assert not panel.ui.dicomButton.enabled and "under a transform" in tipOf(panel.ui.dicomButton)
    volume.SetAndObserveTransformNodeID(None)
    slicer.mrmlScene.RemoveNode(transform)
    monkeypatch.setattr(slicer, "dicomDatabase", None)
    panel.presenter.changed()
    assert "database is not open" in tipOf(panel.ui.dicomButton)
    volume.RemoveAttribute("DICOM.instanceUIDs")
    panel.presenter.changed()
    assert "was not loaded from DICOM" in tipOf(panel.ui.dicomButton) and not panel.ui.dicomButton.visible


def _faults(panel, tmp_path):
    panel.widget.chooseFolder = lambda former: str(tmp_path / "gone")
    click(panel.ui.dicomButton)
    panel.waitIdle()
    assert panel.ui.errorLabel.text.startswith("The folder for the DICOM objects is not there.")
    lost = next(iter(panel.database.files))
    file = panel.database.files.pop(lost)
    click(panel.ui.dicomButton)
    assert "has lost a slice of the series" in panel.ui.errorLabel.text
    panel.database.files[lost] = file
    panel.widget.chooseFolder = lambda former: str(tmp_path)
    volume = panel.presenter.parameters.volume
    volume.SetAttribute("DICOM.instanceUIDs", " ".join(list(panel.database.files)[:50]))
    click(panel.ui.dicomButton)
    panel.waitIdle()
    assert panel.ui.errorLabel.text and list(tmp_path.iterdir()) == []


def _without_highdicom(panel, monkeypatch):
    missing = SimpleNamespace(sentence="This needs highdicom.", installable=True)
    taken = []

    def install(what, done, yes):
        taken.append(what)
        done(False, "Nothing was installed.", "")

    with monkeypatch.context() as patch:
        patch.setattr(panel.presenter, "examine", lambda requirements: missing)
        patch.setattr(panel.presenter.installer, "install", install)
        click(panel.ui.dicomButton)
    assert taken == [missing] and "Nothing was installed." in panel.ui.errorLabel.text
