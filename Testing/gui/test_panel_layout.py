"""How the panel looks and what its code may touch."""

from dataclasses import replace

import pytest
import qt

import slicer
from SegHiResGradCAMLib.panel.PanelState import PanelState
from stage.api_check import check, widgetsOf
from stage.gui import choose, click, screenshot
from stage.panel import MODULE, Panel

UI = MODULE.parent / "Resources" / "UI" / "SegHiResGradCAM.ui"
LIBRARY = MODULE.parent / "SegHiResGradCAMLib"


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    yield opened
    opened.close()


def overlapping(top):
    """Visible sibling controls whose rectangles overlap, by name."""
    found = []
    for parent in (top, *top.findChildren(qt.QWidget)):
        if parent.layout() is None:
            continue
        shown = [w for w in parent.children() if w.isWidgetType() and w.isVisible() and w.name]
        for n, one in enumerate(shown):
            found += [(one.name, two.name) for two in shown[n + 1 :] if one.geometry.intersects(two.geometry)]
    return found


def test_the_panel_fits_the_module_column_in_every_state(panel, tmp_path):
    for name in ("empty", "demo", "how", "result", "checked", "error"):
        if name == "demo":
            panel.openDemo()
        if name == "how":
            panel.openAdvanced()
        if name == "result":
            panel.applyAndWait()
        if name == "checked":
            panel.waitChecked()
            assert panel.ui.trustLabel.isVisible()
        if name == "error":
            panel.presenter.notices.fail("The segment lies outside the volume.", "Choose another volume.", "log")
            panel.presenter.changed()
            click(panel.ui.detailsButton)
        image = screenshot(panel.widget, tmp_path / f"{name}.png", 400)
        most = 1250 if name == "error" else 1200  # with Advanced and the folded log open at once
        assert image.width() == 400 and image.height() < most, (name, image.height())
        assert overlapping(panel.widget.parent) == [], name


def test_the_style_is_slicers_own(panel, tmp_path):
    assert "styleSheet" not in UI.read_text(encoding="utf-8")
    image = screenshot(panel.widget, tmp_path / "panel.png", 400)
    corner = image.pixelColor(1, 1)
    assert max(corner.red(), corner.green(), corner.blue()) < 90  # dark: nothing paints its own background


def test_every_control_explains_itself(panel):
    for name, kind in widgetsOf(UI).items():
        if kind.__name__ not in ("QLabel", "QWidget", "QFrame", "QProgressBar", "qMRMLWidget", "ctkCollapsibleButton"):
            if issubclass(kind, qt.QWidget) and name != "detailsText":
                assert getattr(panel.ui, name).toolTip, name


def test_setup_needs_no_window_no_layout_and_starts_nothing(panel):
    assert slicer.app.layoutManager() is None
    assert panel.presenter.engine.hello is None and not panel.presenter.busy


def test_no_name_is_used_that_slicer_does_not_have():
    files = [MODULE, *sorted(LIBRARY.rglob("*.py"))]
    own = {"WorkerLink.py"}  # looks at pipes, not at Slicer
    footer = {"SetupCheckView.py": UI.with_name("SetupCheck.ui")}
    problems = [p for file in files if file.name not in own for p in check(file, footer.get(file.name, UI))]
    assert [problem for problem in problems if "threading" not in problem] == []


def test_the_module_file_and_its_helpers_stay_short():
    assert len(MODULE.read_text(encoding="utf-8").splitlines()) <= 200
    for file in LIBRARY.rglob("*.py"):
        assert len(file.read_text(encoding="utf-8").splitlines()) < 300, file.name


def test_the_panels_methods_are_the_engines_as_the_worker_tells_them(panel):
    from seghirescam.cam.methods import methods

    combo = panel.ui.methodComboBox
    panel.open(combo)
    assert [combo.itemText(n) for n in range(combo.count)] == ["Seg-HiRes-Grad CAM"]
    panel.openDemo()
    keys = [one.key for one in panel.presenter.question.state().methods]
    assert keys[0] == "seg_hires_grad_cam" and len(keys) == combo.count
    assert set(keys) == set(methods())
    slow = keys.index("seg_score_cam")
    assert combo.itemText(slow).endswith(" - slow") and "Slow: a pass for each channel" in combo.itemData(slow, 3)
    panel.openAdvanced()
    choose(combo, "Seg-Grad-CAM")
    panel.applyAndWait()
    assert panel.ui.errorLabel.text == "" and "Seg-Grad-CAM" in panel.ui.factsText.plainText
    choose(combo, "Saliency")  # its map lies on the image, not on a layer
    panel.applyAndWait()
    assert panel.ui.errorLabel.text == "" and panel.ui.shownLayerComboBox.currentText.startswith("input (")
    assert panel.ui.shownLayerComboBox.count == 1 and "the map has no unit" in panel.ui.factsText.plainText


def test_the_view_shows_nothing_the_state_does_not_say(panel):
    def show(**words):
        run = replace(panel.presenter.run.state(), **words)
        panel.widget.view.show(PanelState(fresh=("run",), run=run))

    show(error="One sentence.", details="")
    assert panel.ui.errorArea.isVisible() and not panel.ui.detailsButton.isVisible()
    show(busy=True, fraction=0.5, status="Asking")
    assert panel.ui.applyButton.text == "C&ancel" and panel.ui.progressBar.value == 500
