import hashlib
import json
import os
import sys

import numpy as np
import pytest

import slicer
from engine.kills import every_step
from mrml.saved_files import fits
from seghirescam.protocol.writing.claims import claim, sweep
from SegHiResGradCAMLib import addOverlay, exportOverlay
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume, localMatrix
from SegHiResGradCAMLib.scene.results.Export import exportToFolder
from stage.builders import addTransform, addVolume, makeExplanation, obliqueMatrix

SHAPE = (12, 16, 20)


@pytest.fixture
def overlay(mrml):
    volume = addVolume(np.zeros(SHAPE, dtype=np.int16), obliqueMatrix(), "DOE^JANE")
    volume.SetAttribute("DICOM.PatientName", "DOE^JANE")
    grid = gridOfVolume(volume).strided((4, 4, 4), (0, 0, 0), (3, 4, 5))
    cells = np.random.default_rng(0).normal(size=grid.shape)
    return addOverlay(mrml, makeExplanation(cells, grid), volume)


def readBack(path):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "read")
    storage = slicer.vtkMRMLNRRDStorageNode()
    storage.SetFileName(str(path))
    assert storage.ReadData(node) == 1
    return node


def test_voxels_and_geometry_come_back_exactly(overlay, tmp_path):
    path, _ = exportOverlay(overlay, tmp_path / "map.nrrd")
    node = readBack(path)
    assert (slicer.util.arrayFromVolume(node) == slicer.util.arrayFromVolume(overlay)).all()
    assert np.abs(localMatrix(node) - localMatrix(overlay)).max() < 1e-9


def test_the_sidecar_holds_what_the_run_needs_and_names_its_voxels(overlay, tmp_path):
    path, sidecar = exportOverlay(overlay, tmp_path / "map.nrrd")
    facts = json.loads(sidecar.read_text(encoding="utf-8"))
    assert facts["method"] == "hirescam" and facts["layer"]["name"] == "encoder.2" and facts["score"] == 12.5
    assert facts["provenance"]["image_sha256"] == "0" * 64
    assert facts["file"]["unit"] == "logit/ml" and facts["file"]["shape_kji"] == list(SHAPE)
    assert facts["file"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    values = slicer.util.arrayFromVolume(overlay)
    assert facts["file"]["sum"] * gridOfVolume(overlay).voxel_ml == pytest.approx(facts["total"], abs=1e-3)
    assert facts["file"]["sum"] == pytest.approx(values.sum(dtype=float))
    assert facts["display"]["share"] == 0.8


def test_the_sidecar_holds_the_parent_transform_that_the_voxel_file_cannot(overlay, tmp_path):
    matrix = obliqueMatrix((1, 1, 1), (0, 0, 40), (5, 6, 7))
    addTransform(matrix, overlay)
    path, sidecar = exportOverlay(overlay, tmp_path / "map.nrrd")
    file = json.loads(sidecar.read_text(encoding="utf-8"))["file"]
    assert np.abs(np.array(file["parent_to_world"]) - matrix).max() < 1e-9
    assert np.abs(np.array(file["ijk_to_ras"]) - localMatrix(readBack(path))).max() < 1e-9


def test_neither_file_holds_a_path_or_the_patients_name(overlay, tmp_path):
    overlay.SetAttribute("DICOM.PatientName", "DOE^JANE")
    overlay.SetName("DOE^JANE")
    path, sidecar = exportOverlay(overlay, tmp_path / "map.nrrd")
    header = path.read_bytes().split(b"\n\n")[0].decode()
    for text in (header, sidecar.read_text(encoding="utf-8")):
        assert "DOE" not in text and str(tmp_path) not in text and os.path.expanduser("~") not in text


def test_the_node_keeps_no_file_name(overlay, tmp_path, nodeIds):
    before = nodeIds()
    exportOverlay(overlay, tmp_path / "map.nrrd")
    assert overlay.GetStorageNode() is None and nodeIds() == before


def test_a_failure_while_writing_leaves_the_former_files_and_no_rest(overlay, tmp_path, monkeypatch):
    (tmp_path / "map.nrrd").write_text("former voxels")
    (tmp_path / "map.json").write_text("former facts")
    monkeypatch.setattr("SegHiResGradCAMLib.scene.results.Export._sidecar", lambda *arguments: {"number": float("nan")})
    with pytest.raises(ValueError):
        exportOverlay(overlay, tmp_path / "map.nrrd")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["map.json", "map.nrrd"]
    assert (tmp_path / "map.nrrd").read_text() == "former voxels"
    assert (tmp_path / "map.json").read_text() == "former facts"


def test_existing_files_are_replaced_as_a_pair(overlay, tmp_path):
    exportOverlay(overlay, tmp_path / "map.nrrd")
    slicer.util.arrayFromVolume(overlay)[...] = 1
    path, sidecar = exportOverlay(overlay, tmp_path / "map.nrrd")
    assert json.loads(sidecar.read_text())["file"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["map.nii.gz", "map", "map.json"])
def test_another_suffix_is_refused(overlay, tmp_path, name):
    with pytest.raises(ValueError, match=".nrrd"):
        exportOverlay(overlay, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_an_error(overlay, tmp_path):
    with pytest.raises(OSError):
        exportOverlay(overlay, tmp_path / "nowhere" / "map.nrrd")


def test_spaces_and_unicode_in_the_path_are_fine(overlay, tmp_path):
    folder = tmp_path / "Größe 3 – Ω"
    folder.mkdir()
    path, sidecar = exportOverlay(overlay, folder / "meine Karte.nrrd")
    assert path.is_file() and sidecar.name == "meine Karte.json"


def test_zeros_compress_well(mrml, tmp_path):
    volume = addVolume(np.zeros((60, 60, 60), dtype=np.int16))
    grid = gridOfVolume(volume).strided((4, 4, 4), (0, 0, 0), (15, 15, 15))
    cells = np.zeros(grid.shape)
    cells[7, 7, 7] = 1
    path, _ = exportOverlay(addOverlay(mrml, makeExplanation(cells, grid), volume), tmp_path / "map.nrrd")
    assert path.stat().st_size < 10_000 < 60**3 * 4


@pytest.mark.skipif(sys.platform == "win32", reason="fork and SIGKILL")
def test_voxels_and_sidecar_never_mismatch_wherever_slicer_is_killed_and_the_next_export_puts_it_right(
    mrml, tmp_path, monkeypatch
):
    volume = addVolume(np.zeros(SHAPE, dtype=np.int16), obliqueMatrix())
    grid = gridOfVolume(volume).strided((4, 4, 4), (0, 0, 0), (3, 4, 5))
    overlay = addOverlay(mrml, makeExplanation(np.ones(grid.shape), grid), volume)
    sums = []

    def prepare(place):
        slicer.util.arrayFromVolume(overlay)[...] = 1
        exportOverlay(overlay, place / "map.nrrd")
        (place / "map_numbers.csv").write_text("of the former map", encoding="utf-8")
        facts = json.loads((place / "map.json").read_text(encoding="utf-8"))
        digest = hashlib.sha256(b"of the former map").hexdigest()
        text = json.dumps(facts | {"tables": {"map_numbers.csv": digest}})
        (place / "map.json").write_text(text, encoding="utf-8")
        sums[:] = [fits(place)]
        slicer.util.arrayFromVolume(overlay)[...] = 2
        assert sums[0] == SHAPE[0] * SHAPE[1] * SHAPE[2]

    def check(place, killed):
        assert fits(place) in (None, sums[0], 2 * sums[0])
        sweep(place)
        assert fits(place) in ((sums[0], 2 * sums[0]) if killed else (2 * sums[0],))
        tables = ["map_numbers.csv"] if fits(place) == sums[0] else []  # never beside another map
        assert sorted(path.name for path in place.iterdir()) == ["map.json", "map.nrrd", *tables]

    assert every_step(tmp_path, lambda place: exportOverlay(overlay, place / "map.nrrd"), check, prepare) > 12


def test_two_slicers_that_export_at_once_write_two_pairs(overlay, tmp_path, monkeypatch):
    """The other one comes between the choice of the name and the writing."""
    claimed = []

    def late(folder, path):
        if not claimed:
            claimed.append(path)
            exportOverlay(overlay, path)
        return claim(folder, path)

    monkeypatch.setattr("SegHiResGradCAMLib.scene.results.Export.claim", late)
    path, _ = exportToFolder(overlay, tmp_path)
    assert path.stem.endswith("_2") and len(list(tmp_path.iterdir())) == 4


def test_tables_that_somebody_changed_are_not_the_former_map_s(overlay, tmp_path):
    _, sidecar = exportOverlay(overlay, tmp_path / "map.nrrd")
    facts = json.loads(sidecar.read_text(encoding="utf-8"))
    sidecar.write_text(json.dumps(facts | {"tables": {"map_numbers.csv": "0" * 64}}), encoding="utf-8")
    (tmp_path / "map_numbers.csv").write_text("mine", encoding="utf-8")
    exportOverlay(overlay, tmp_path / "map.nrrd")
    assert (tmp_path / "map_numbers.csv").read_text(encoding="utf-8") == "mine"
