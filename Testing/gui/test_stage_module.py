"""A module file as it lies on disk: loaded, clicked, reloaded, closed."""

import sys
from pathlib import Path

import numpy as np
import pytest
import qt

import slicer
from stage.builders import addSegmentation, addVolume
from stage.gui import StageError, choose, click, core, events, failures, screenshot, typeText


def nodeText(name):
    return slicer.mrmlScene.GetSingletonNode("StageDemo", "vtkMRMLScriptedModuleNode").GetParameter(name)


def test_the_panel_opens_without_main_window_or_layout_manager(demo):
    widget = demo.widget()
    assert slicer.util.mainWindow() is None and slicer.app.layoutManager() is None
    assert widget.parent.isEntered and widget.ui.applyButton.text == "Apply"
    assert not widget.ui.applyButton.enabled and core.shownText(widget.ui.applyButton.toolTip) == "Choose a volume."


def test_clicks_reach_the_scene_and_the_scene_reaches_the_widgets(demo):
    widget = demo.widget()
    volume = addVolume(np.zeros((4, 4, 4)), name="CT")
    choose(widget.ui.volumeSelector, "CT")
    assert widget.ui.applyButton.enabled
    click(widget.ui.advancedButton)
    click(widget.ui.invertCheckBox)
    typeText(widget.ui.titleEdit, "mine")
    choose(widget.ui.methodBox, "The first one")
    assert (nodeText("invert"), nodeText("title"), nodeText("method")) == ("False", "mine", "FIRST")
    widget._parameterNode.threshold = 12.5
    assert widget.ui.thresholdSlider.value == 12.5
    slicer.mrmlScene.RemoveNode(volume)
    assert not widget.ui.applyButton.enabled


def test_work_that_goes_on_later_is_waited_for(demo):
    widget = demo.widget()
    addVolume(np.zeros((4, 4, 4)), name="CT")
    choose(widget.ui.volumeSelector, "CT")
    click(widget.ui.applyButton)
    assert widget.ui.statusLabel.text == "Applied 1 times" and widget.ui.progressBar.value == 0
    events.waitUntil(lambda: widget.ui.progressBar.value == 100)


def test_a_segment_chosen_in_the_panel_arrives(demo):
    widget = demo.widget()
    volume = addVolume(np.zeros((4, 4, 4)))
    widget.ui.segmentSelector.setCurrentNode(addSegmentation(volume, lesion=np.ones((4, 4, 4), bool)))
    assert widget.ui.statusLabel.text == "lesion"


def test_what_a_button_s_slot_raises_is_collected(demo):
    click(demo.widget().ui.failButton)
    assert "this button fails" in failures.texts[0]
    failures.clear()


@pytest.mark.parametrize("singletons", [0, 1])
def test_after_the_scene_is_cleared_the_parameter_node_says_again_whose_it_is(demo, singletons):
    widget = demo.widget()
    widget._parameterNode.threshold = 7
    slicer.mrmlScene.Clear(singletons)
    node = widget._parameterNode.parameterNode
    assert node.GetAttribute("ModuleName") == "StageDemo"
    assert widget.ui.thresholdSlider.value == 42.5


def test_two_logics_share_the_one_parameter_node(demo):
    first, second = demo.module.StageDemoLogic(), demo.logic()
    assert first.getParameterNode().parameterNode is second.getParameterNode().parameterNode


def test_leaving_and_coming_back_keeps_the_parameters(demo):
    widget = demo.widget()
    widget.ui.thresholdSlider.value = 66
    demo.exit()
    assert widget._parameterNode is None
    demo.enter()
    assert widget._parameterNode.threshold == 66 == widget.ui.thresholdSlider.value


def test_reloading_replaces_the_panel(demo):
    former = demo.widget()
    former.ui.thresholdSlider.value = 66
    former.onReload()
    widget = demo.widget()
    assert widget is not former and widget.ui.thresholdSlider.value == 66
    assert type(widget) is demo.module.StageDemoWidget


def test_a_closed_module_leaves_nothing_behind(demo):
    widget = demo.widget()
    demo.close()
    assert slicer.app.topLevelWidgets() == () and "StageDemo" not in sys.modules
    assert not hasattr(slicer.modules, "stagedemo") and widget.Observations == []
    slicer.mrmlScene.Clear(0)


def test_quitting_slicer_tells_the_module_and_unloads_it(demo):
    told = []
    slicer.app.connect("aboutToQuit()", lambda: told.append(True))
    widget = demo.widget()
    demo.quit()
    slicer.app.disconnect("aboutToQuit()")
    assert told == [True] and widget.Observations == [] and slicer.app.topLevelWidgets() == ()


def test_slicer_util_finds_the_module_s_parts(demo):
    assert slicer.util.getModuleWidget("StageDemo") is demo.widget()
    assert slicer.util.getModuleLogic("StageDemo") is demo.widget().logic


def test_slicer_util_s_helpers_work_without_a_user(tmp_path):
    slicer.util.infoDisplay("info")
    slicer.util.errorDisplay("error")
    slicer.util.confirmYesNoDisplay("really?")
    slicer.util.delayDisplay("wait", 10)
    with slicer.util.WaitCursor():
        pass
    with pytest.raises(ValueError), slicer.util.tryWithErrorDisplay("failed"):
        raise ValueError("inside")
    assert Path(slicer.util.tempDirectory()).is_dir()
    dialog = slicer.util.createProgressDialog(maximum=10)
    dialog.value = 10
    dialog.close()


def test_the_module_s_own_self_test_runs(demo):
    demo.runTest()


def test_sample_data_is_registered_after_start_up(demo):
    from stage.gui import sampledata

    assert sampledata.sources[-1] == {"category": "StageDemo", "sampleName": "StageDemo1"}


def test_settings_are_empty_in_each_test_and_kept_within_it():
    assert qt.QSettings().value("StageDemo/x") is None
    slicer.app.settings().setValue("StageDemo/x", ["a", "b"])
    assert qt.QSettings().value("StageDemo/x") == ("a", "b")
    assert slicer.util.settingsValue("StageDemo/y", False, converter=slicer.util.toBool) is False


def test_what_the_application_has_and_the_stage_has_not_raises():
    with pytest.raises(AttributeError):
        slicer.app.coreIOManager()
    with pytest.raises(AttributeError, match="not on the stage"):
        _ = slicer.modules.segmenteditor


def test_a_screenshot_shows_the_panel_in_a_laptop_s_column(demo, tmp_path):
    widget = demo.widget()
    image = screenshot(widget, tmp_path / "panel.png")
    assert image.width() == 400 and image.height() > 250 and (tmp_path / "panel.png").stat().st_size > 3000
    corner = image.pixelColor(2, 2)
    assert max(corner.red(), corner.green(), corner.blue()) < 90  # dark
    bright = sum(image.pixelColor(x, y).lightness() > 180 for x in range(0, 400) for y in range(0, image.height(), 2))
    assert bright > 300  # letters


def test_a_panel_that_is_too_wide_for_the_column_cannot_be_pictured(demo, tmp_path):
    demo.widget().ui.applyButton.setMinimumWidth(600)
    with pytest.raises(StageError, match="needs"):
        screenshot(demo.widget(), tmp_path / "panel.png")


def test_the_stage_says_what_it_is():
    import stage.gui

    assert "not in 3D Slicer" in stage.gui.__doc__
    for file in (Path(stage.gui.__file__).parent).rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 300, file
        assert "tested in 3D" not in text, file
