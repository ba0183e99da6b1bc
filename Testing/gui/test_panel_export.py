"""The Export button: two files in a folder of the user's choice, or one sentence why not."""

import errno
import json
import os

import numpy as np
import pytest
import vtk

import slicer
from stage.builders import addTransform
from stage.gui import click
from stage.panel import Panel, tipOf


@pytest.fixture
def panel(stageScene):
    """With the demo's answer."""
    opened = Panel()
    opened.openDemo()
    opened.applyAndWait()
    yield opened
    opened.close()


def test_the_shown_map_is_written_with_its_facts_and_nothing_is_overwritten(panel, tmp_path):
    asked = []
    panel.widget.chooseFolder = lambda former: asked.append(former) or str(tmp_path)
    click(panel.ui.exportButton)
    panel.waitIdle()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["map_lesion_encoder.1.html", "map_lesion_encoder.1.json", "map_lesion_encoder.1.nrrd"]
    written = "Written: map_lesion_encoder.1.nrrd and map_lesion_encoder.1.json."
    assert panel.ui.statusLabel.text == f"{written} A page to be read: map_lesion_encoder.1.html."
    facts = json.loads((tmp_path / names[1]).read_text(encoding="utf-8"))
    assert facts["class_name"] == "lesion" and facts["file"]["unit"] == "logit/ml"
    assert facts["file"]["sum"] == pytest.approx(slicer.util.arrayFromVolume(panel.node).sum(dtype=float))
    before = {name: (tmp_path / name).read_bytes() for name in names}
    click(panel.ui.exportButton)
    panel.waitIdle()
    assert len(list(tmp_path.iterdir())) == 6 and (tmp_path / "map_lesion_encoder.1_2.nrrd").is_file()
    assert {name: (tmp_path / name).read_bytes() for name in names} == before
    assert asked == ["", str(tmp_path)]  # the folder of the last time is offered


def test_no_folder_is_no_and_unattended_the_answer_is_no(panel, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status = panel.ui.statusLabel.text
    click(panel.ui.exportButton)  # nobody is there
    panel.widget.chooseFolder = lambda former: ""
    click(panel.ui.exportButton)
    assert list(tmp_path.iterdir()) == [] and panel.ui.statusLabel.text == status and panel.ui.errorLabel.text == ""


@pytest.mark.parametrize("gone", [False, True])
def test_a_full_disk_or_a_folder_that_is_gone_is_one_sentence_and_no_half_file(panel, tmp_path, monkeypatch, gone):
    folder = tmp_path / "out"
    panel.widget.chooseFolder = lambda former: str(folder)
    if not gone:
        folder.mkdir()

        def full(*words):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("SegHiResGradCAMLib.scene.results.Export._sidecar", full)
    click(panel.ui.exportButton)
    reason = "No such file or directory" if gone else "No space left on device"
    assert panel.ui.errorLabel.text.startswith(f"The files could not be written: {reason}.")
    assert str(tmp_path) not in panel.ui.errorLabel.text
    assert gone or list(folder.iterdir()) == []
    assert panel.ui.exportButton.enabled and len(panel.results) == 1


def test_a_disabled_button_says_why(panel):
    node = panel.node
    assert panel.ui.exportButton.enabled and "(.nrrd)" in tipOf(panel.ui.exportButton)
    warp, spline, coefficients = (
        slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode"),
        slicer.vtkOrientedBSplineTransform(),
        vtk.vtkImageData(),
    )
    coefficients.SetDimensions(8, 8, 8)
    coefficients.AllocateScalars(vtk.VTK_DOUBLE, 3)
    coefficients.GetPointData().GetScalars().Fill(1.0)
    spline.SetCoefficientData(coefficients)
    warp.SetAndObserveTransformToParent(spline)
    node.SetAndObserveTransformNodeID(warp.GetID())
    panel.presenter.changed()
    assert not panel.ui.exportButton.enabled
    assert tipOf(panel.ui.exportButton).startswith("The result is under a non-linear transform. Harden")
    node.SetAndObserveTransformNodeID(None)
    node.SetAndObserveImageData(None)
    panel.presenter.changed()
    assert not panel.ui.exportButton.enabled
    assert tipOf(panel.ui.exportButton) == "This result has lost its voxels: press Apply again."


def test_a_moved_result_is_written_in_the_frame_of_its_file(panel, tmp_path):
    matrix = np.eye(4)
    matrix[:3, 3] = 5, 6, 7
    addTransform(matrix, panel.node)
    panel.widget.chooseFolder = lambda former: str(tmp_path)
    click(panel.ui.exportButton)
    (sidecar,) = tmp_path.glob("*.json")
    assert np.allclose(json.loads(sidecar.read_text())["file"]["parent_to_world"], matrix)
