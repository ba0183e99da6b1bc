"""Export picture: the views and a figure in one click; Export adds a page. Nothing holds a name or a path."""

import struct
from types import SimpleNamespace

import numpy as np
import pytest
import qt

import slicer
from SegHiResGradCAMLib import explanationFacts
from stage.gui import click
from stage.panel import Panel, tipOf

NAME = "DOE^JANE"


@pytest.fixture
def panel(stageScene):
    """With the demo's answer; the volume is called after a patient."""
    opened = Panel()
    opened.openDemo()
    opened.applyAndWait()
    opened.open(opened.ui.pictureButton)
    opened.presenter.parameters.volume.SetName(NAME)
    yield opened
    opened.close()


def size(path):
    png = path.read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and NAME.encode() not in png
    return struct.unpack(">II", png[16:24])


def test_one_click_writes_the_views_and_the_figure(panel, tmp_path, monkeypatch):
    told, views = [], qt.QWidget()
    views.resize(300, 200)
    annotations = SimpleNamespace(sliceViewAnnotationsEnabled=True)
    annotations.updateSliceViewFromGUI = lambda: told.append(annotations.sliceViewAnnotationsEnabled)
    probe = SimpleNamespace(infoWidget=SimpleNamespace(sliceAnnotations=annotations))
    monkeypatch.setattr(slicer.modules, "DataProbeInstance", probe, raising=False)
    layout = SimpleNamespace(viewport=lambda: views, plotViewCount=0)
    monkeypatch.setattr(type(slicer.app), "layoutManager", lambda self: layout)
    panel.widget.chooseFolder = lambda *words: str(tmp_path)
    for n in (1, 2):  # nothing is overwritten
        click(panel.ui.pictureButton)
        panel.waitIdle()
        assert panel.ui.errorLabel.text == "" and len(list(tmp_path.iterdir())) == 2 * n
    names = sorted(path.name for path in tmp_path.iterdir())
    first = "picture_lesion_encoder.1"
    assert names == [f"{first}{end}" for end in ("_2_figure.png", "_2_views.png", "_figure.png", "_views.png")]
    assert size(tmp_path / f"{first}_views.png") == (300, 200)
    wide, tall = size(tmp_path / f"{first}_figure.png")
    assert wide == 1500 and tall > 500  # ten inches of 150 dpi
    assert told == [False, True] * 2 and annotations.sliceViewAnnotationsEnabled  # hidden, and back
    figure = qt.QImage(str(tmp_path / f"{first}_figure.png"))
    grey = [figure.pixelColor(x, tall // 2) for x in range(0, wide, 7)]
    assert any(one.red() > one.blue() + 60 for one in grey)  # the map over the image, in its colours


def test_the_views_are_those_of_the_click_whatever_is_shown_while_the_figure_is_drawn(panel, tmp_path, monkeypatch):
    views = qt.QWidget()
    views.resize(30, 20)
    layout = SimpleNamespace(viewport=lambda: views, plotViewCount=0)
    monkeypatch.setattr(type(slicer.app), "layoutManager", lambda self: layout)
    panel.widget.chooseFolder = lambda *words: str(tmp_path)
    click(panel.ui.pictureButton)
    assert panel.presenter.busy
    views.resize(40, 20)  # another map, another slice, another layout
    panel.waitIdle()
    assert size(tmp_path / "picture_lesion_encoder.1_views.png") == (30, 20)


def test_without_views_the_figure_is_written_and_a_map_without_its_question_says_so(panel, tmp_path, stageScene):
    panel.widget.chooseFolder = lambda *words: str(tmp_path / "gone")
    click(panel.ui.pictureButton)
    panel.waitIdle()
    assert panel.ui.errorLabel.text.startswith("The files could not be written: ")
    panel.widget.chooseFolder = lambda *words: str(tmp_path)
    click(panel.ui.pictureButton)
    panel.waitIdle()
    assert [path.name for path in tmp_path.iterdir()] == ["picture_lesion_encoder.1_figure.png"]
    assert panel.ui.statusLabel.text.endswith("There are no views to be written.")
    path = stageScene.writeMrb(tmp_path / "case.mrb")
    stageScene.readMrb(path)
    panel.widget.initializeParameterNode()
    panel.waitIdle()
    assert not panel.ui.pictureButton.enabled and "came with the scene" in tipOf(panel.ui.pictureButton)


def test_export_adds_a_page_whose_numbers_are_those_of_the_map(panel, tmp_path):
    panel.waitChecked()
    panel.widget.chooseFolder = lambda former: str(tmp_path)
    click(panel.ui.exportButton)
    panel.waitIdle()
    assert panel.ui.errorLabel.text == "" and panel.ui.statusLabel.text.endswith(
        "A page to be read: map_lesion_encoder.1.html."
    )
    ends = {path.suffix for path in tmp_path.iterdir()}
    assert ends == {".nrrd", ".json", ".html"}
    page = (tmp_path / "map_lesion_encoder.1.html").read_text(encoding="utf-8")
    facts = explanationFacts(panel.node)
    assert f"{facts['score']:.4g} logit" in page and "segment &#39;Lesion&#39;" in page
    assert f"{100 * facts['completeness']:.3g}" in page.replace("&nbsp;", " ")
    assert "data:image/png;base64," in page and "<script" not in page and "http:" not in page and "https:" not in page
    for word in (NAME, str(tmp_path), "/work", "Demo brain"):
        assert word not in page
    inside = _inside(panel)
    assert f"{100 * inside:.0f}" in page and "Not for diagnosis" in page


def _inside(panel):
    """Share of the map's positive evidence in the lesion, counted here on the volume's voxels."""
    from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume

    p = panel.presenter.parameters
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(p.segmentation, p.segmentId, p.volume) > 0
    origin = panel.presenter.desk.results.origin(panel.node)
    density = np.maximum(next(iter(origin.maps.values())).resampled_to(gridOfVolume(p.volume)).array, 0)
    return float(density[mask].sum() / density.sum())
