"""A small scripted module with one widget of each kind: the stage is tested with it, it explains nothing."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import qt

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class StageDemo(ScriptedLoadableModule):
    def __init__(self, parent):
        super().__init__(parent)
        parent.title = _("Stage demo")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(category="StageDemo", sampleName="StageDemo1")


class Method(Enum):
    FIRST = "first"
    SECOND = "second"

    def label(self):
        return f"The {self.value} one"


@parameterNodeWrapper
class StageDemoParameterNode:
    volume: slicer.vtkMRMLScalarVolumeNode
    threshold: Annotated[float, WithinRange(0, 100)] = 42.5
    invert: bool = True
    rounds: Annotated[int, WithinRange(1, 9)] = 3
    title: str = "a title"
    color: Annotated[str, Choice(["Viridis", "Inferno"])] = "Inferno"
    method: Method = Method.SECOND
    model: Path


class StageDemoWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None
        self.applied = 0

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/StageDemo.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = StageDemoLogic()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.ui.applyButton.connect("clicked(bool)", self.onApplyButton)
        self.ui.failButton.clicked.connect(self.onFailButton)
        self.ui.segmentSelector.connect("currentSegmentChanged(QString)", self.onSegment)
        self.initializeParameterNode()

    def cleanup(self):
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self):
        self.initializeParameterNode()

    def exit(self):
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event):
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, node):
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, "ModifiedEvent", self._checkCanApply)
        self._parameterNode = node
        if node is not None:
            self._parameterNodeGuiTag = node.connectGui(self.ui)
            self.addObserver(node, "ModifiedEvent", self._checkCanApply)
            self._checkCanApply()

    def _checkCanApply(self, caller=None, event=None):
        ready = self._parameterNode is not None and self._parameterNode.volume is not None
        self.ui.applyButton.enabled = ready
        self.ui.applyButton.toolTip = _("Count") if ready else _("Choose a volume.")

    def onApplyButton(self):
        self.applied += 1
        self.ui.statusLabel.text = _("Applied {n} times").format(n=self.applied)
        qt.QTimer.singleShot(20, self.onLater)

    def onLater(self):
        self.ui.progressBar.value = 100

    def onFailButton(self):
        raise ValueError("this button fails")

    def onSegment(self, segmentId):
        self.ui.statusLabel.text = segmentId


class StageDemoLogic(ScriptedLoadableModuleLogic):
    def getParameterNode(self):
        return StageDemoParameterNode(super().getParameterNode())


class StageDemoTest(ScriptedLoadableModuleTest):
    def test_slicer_s_self_test_can_be_run(self):
        self.assertEqual(StageDemoLogic().getParameterNode().rounds, 3)
