"""What Slicer's application core does to the panel: tooltips rewritten, timers that nobody deletes, reloads."""

import sys
from dataclasses import replace

import pytest

import slicer
from gui.answering import Answering
from mrml.asking import answer, makeCase
from SegHiResGradCAMLib.panel.PanelState import PanelState
from SegHiResGradCAMLib.scene.nodes import AttributeNames
from SegHiResGradCAMLib.scene.results.ComparisonNodes import comparisonSteps
from SegHiResGradCAMLib.schedule.Steps import finished
from stage.gui import choose, click, core, events
from stage.panel import Panel


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    yield opened
    opened.close()


class Counted:
    """The controls by name, as the view has them: everything that is set, added or cleared is counted."""

    def __init__(self, ui):
        self.__dict__.update(ui=ui, writes=[])

    def __getattr__(self, name):
        return CountedControl(getattr(self.ui, name), name, self.writes)


class CountedControl:
    def __init__(self, control, name, writes):
        self.__dict__.update(control=control, name=name, writes=writes)

    def __getattr__(self, name):
        found = getattr(self.control, name)
        if name in ("item", "sortFilterProxyModel"):
            return lambda *words: CountedControl(found(*words), f"{self.name}.{name}", self.writes)
        if name.startswith(("set", "add", "clear")):
            self.writes.append(f"{self.name}.{name}")
        return found

    def __setattr__(self, name, value):
        self.writes.append(f"{self.name}.{name}")
        setattr(self.control, name, value)


def test_one_apply_writes_few_controls_and_no_tooltip_twice(panel):
    panel.openDemo()
    counted = panel.widget.view.controls.ui = Counted(panel.ui)
    panel.presenter.changed()
    assert counted.writes == []  # nothing has changed, so nothing is written: 11 tooltips were
    panel.applyAndWait()
    assert panel.ui.errorLabel.text == "" and panel.node is not None
    steps = ("progressBar.value", "statusLabel.text")  # one a step of progress, however long it takes
    written = [name for name in counted.writes if name not in steps]
    assert len(written) < 80, written  # 104 while lists in closed sections were filled, too
    tips = [name for name in counted.writes if name.endswith(".toolTip")]
    assert all(tips.count(name) <= 4 for name in tips), tips  # busy and not busy, not each redraw
    panel.waitChecked()
    counted.writes.clear()
    panel.applyAndWait()  # the first has filled the list of layers
    assert panel.ui.errorLabel.text == "" and len([name for name in counted.writes if name not in steps]) < 50


def test_lists_in_closed_sections_are_filled_when_these_are_opened(panel):
    ui, presenter = panel.ui, panel.presenter
    panel.openDemo()
    panel.applyAndWait()
    assert ui.maskSection.collapsed and ui.paintComboBox.count == 0
    panel.open(ui.paintComboBox)
    regions = presenter.paint.state().regions
    assert [ui.paintComboBox.itemText(n) for n in range(ui.paintComboBox.count)] == [one.text for one in regions]
    assert regions[ui.paintComboBox.currentIndex].key == presenter.paint.state().region
    chosen = next(one for one in regions if one.key != presenter.paint.state().region)
    choose(ui.paintComboBox, chosen.text)
    assert presenter.paint.state().region == chosen.key
    click(ui.maskSection)
    presenter.pick(layer="deepest")
    assert ui.layerComboBox.count == 0
    panel.openAdvanced()
    layers = presenter.question.state().layers
    assert [ui.layerComboBox.itemText(n) for n in range(ui.layerComboBox.count)] == [one.text for one in layers]
    assert layers[ui.layerComboBox.currentIndex].key == "deepest"
    assert layers[1].tip in ui.layerComboBox.itemData(1, 3)
    click(ui.advancedSection)
    presenter.pick(layer="default")
    assert layers[ui.layerComboBox.currentIndex].key == "deepest"  # nobody sees it
    panel.openAdvanced()
    assert layers[ui.layerComboBox.currentIndex].key == "default"


def counted(of):
    """Everything that may be left behind: nodes, observers of scene, volume and parameter node, timers."""
    scene = slicer.mrmlScene
    watched = [scene, *of, scene.GetSingletonNode("SegHiResGradCAM", "vtkMRMLScriptedModuleNode")]
    return {
        "nodes": sorted(node.GetID() for node in scene.GetNodes()),
        "observers": [str(one).count("vtkObserver (") for one in watched],
        "timers of the module manager": core.deadTimers(),
    }


def test_ten_rounds_leave_no_timer_no_observer_and_no_node(stageScene, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] in ("SegHiResGradCAMLib", "seghirescam")]:
        monkeypatch.setitem(sys.modules, name, sys.modules[name])  # other tests go on with the modules they know
    case, found = makeCase(), []
    crosshair = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCrosshairNode")
    for _round in range(10):
        panel = Panel()
        panel.presenter.engine = Answering(panel, case)
        panel.presenter.checks.setEveryMap(False)
        panel.ui.volumeSelector.setCurrentNode(case[0])
        panel.presenter.pick(segmentation=case[1], segmentId="lesion")
        panel.presenter.models.pick("demo:honest")
        panel.waitIdle()
        panel.applyAndWait()
        assert panel.ui.errorLabel.text == "" and len(panel.results) == 1
        panel.presenter.live.setOn(True)
        for place in ((5, 6, 7), (8, 9, 10)):
            crosshair.SetCrosshairRAS(*place)
            events.waitUntil(lambda one=panel: not one.presenter.live.holdsAQuestion, 5000, "answered")
        assert len(panel.results) == 2 and panel.presenter.live.on
        while panel.node is not None:
            click(panel.ui.removeButton)
        panel.loaded.exit()
        panel.loaded.enter()
        former = panel.widget
        former.onReload()
        panel.widget = slicer.util.getModuleWidget("SegHiResGradCAM")
        assert panel.widget is not former
        panel.waitIdle()
        panel.close()
        events.deleteLater()
        found.append(counted((*case, crosshair)))
    assert all(one == found[0] for one in found[1:]), (found[0], found[-1])
    assert found[0]["timers of the module manager"] == 0 and found[0]["observers"][0] > 0  # they can be counted


def test_what_an_earlier_version_left_in_a_scene_goes_when_the_panel_is_entered(stageScene, tmp_path):
    case = makeCase()
    maps = answer(case, "encoder.1", "encoder.2")["explanations"]
    steps = comparisonSteps(slicer.mrmlScene, [], maps, [case[0]], case[1], "lesion", "Comparison")
    for node in finished(steps)[1]:
        node.SetAttribute(AttributeNames.UNFINISHED, "1")  # saved in the middle of its removal
    path = stageScene.writeMrb(tmp_path / "case.mrb")
    panel = Panel()
    panel.loaded.exit()
    stageScene.readMrb(path)
    events.wait(50)
    panel.loaded.enter()
    events.wait(50)
    volumes = [node for node in slicer.mrmlScene.GetNodes() if node.IsA("vtkMRMLScalarVolumeNode")]
    assert [node.GetName() for node in volumes] == ["volume"]
    assert not [node for node in slicer.mrmlScene.GetNodes() if node.IsA("vtkMRMLTableNode")]
    selector = panel.ui.volumeSelector
    assert [selector.nodeFromIndex(n).GetName() for n in range(selector.nodeCount())] == ["volume"]
    panel.close()


def test_no_list_of_volumes_offers_a_map(stageScene):
    case, panel = makeCase(), Panel()
    panel.presenter.engine = Answering(panel, case)
    panel.presenter.checks.setEveryMap(False)
    panel.ui.volumeSelector.setCurrentNode(case[0])
    panel.presenter.pick(segmentation=case[1], segmentId="lesion")
    panel.presenter.models.pick("demo:honest")
    panel.waitIdle()
    panel.applyAndWait()
    node = panel.node
    assert node is not None and panel.ui.volumeSelector.currentNode() is case[0]
    offered = [panel.ui.volumeSelector.nodeFromIndex(n) for n in range(panel.ui.volumeSelector.nodeCount())]
    assert offered == [case[0]]
    models = replace(panel.presenter.models.state(), channels=("one", "two"))
    panel.widget.view.show(PanelState(fresh=("models",), models=models))
    second = panel.ui.channel2Selector
    assert second.isVisible() and [second.nodeFromIndex(n) for n in range(second.nodeCount())] == [case[0]]
    assert not node.GetHideFromEditors()  # other modules go on offering it
    panel.close()
