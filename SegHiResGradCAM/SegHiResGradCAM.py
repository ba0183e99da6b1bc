"""Why did a network draw that segment? Only wiring: panel/Presenter.py decides, another process computes."""

import shutil
import sys
from typing import Annotated

import ctk
import qt
import vtk

import slicer
from seghirescam.protocol.question import DEFAULT_METHOD
from SegHiResGradCAMLib.panel.JobRunner import JobRunner
from SegHiResGradCAMLib.panel.PanelView import PanelView
from SegHiResGradCAMLib.panel.Presenter import Presenter
from SegHiResGradCAMLib.panel.question import Choices
from SegHiResGradCAMLib.panel.setup_check.SetupCheckView import placeSetupCheck
from SegHiResGradCAMLib.scene.volumes.SampleDataSources import registerSampleData
from SegHiResGradCAMLib.scene.volumes.Voxels import Voxels
from SegHiResGradCAMLib.schedule.Later import Later
from SegHiResGradCAMLib.setup.About import describe
from SegHiResGradCAMLib.setup.Installer import Installer, examine
from SegHiResGradCAMLib.setup.Settings import Settings
from SegHiResGradCAMLib.worker.WorkerClient import WorkerClient
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Default, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class SegHiResGradCAM(ScriptedLoadableModule):
    """What Slicer's module list shows."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Seg-HiRes-Grad CAM")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        describe(self.parent)
        slicer.app.connect("startupCompleted()", registerSampleData)


@parameterNodeWrapper
class SegHiResGradCAMParameterNode:
    """What is saved with the scene: the question, and which result is shown (how it is shown stands in its node)."""

    volume: slicer.vtkMRMLScalarVolumeNode
    channel2: slicer.vtkMRMLScalarVolumeNode  # further volumes, of models that look at several (Channels.FIELDS)
    channel3: slicer.vtkMRMLScalarVolumeNode
    channel4: slicer.vtkMRMLScalarVolumeNode
    channel5: slicer.vtkMRMLScalarVolumeNode
    channel6: slicer.vtkMRMLScalarVolumeNode
    segmentation: slicer.vtkMRMLSegmentationNode
    segmentId: str
    allSegments: bool
    model: str
    className: str
    rivalName: str
    secondModel: str
    layer: Annotated[str, Default("default")]
    method: Annotated[str, Default(DEFAULT_METHOD)]
    pixelSet: Choices.PixelSetChoice
    score: Choices.ScoreChoice
    device: Choices.DeviceChoice
    grid: Choices.GridChoice
    precision: Choices.PrecisionChoice
    passes: Choices.PassesChoice
    result: slicer.vtkMRMLScalarVolumeNode


class SegHiResGradCAMWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel. ``ask`` and ``chooseFolder`` may be replaced; unattended (testing) the answer is always no."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = self.presenter = self.later = self._parameterNode = self._parameterNodeGuiTag = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/SegHiResGradCAM.ui"))
        placeSetupCheck(uiWidget, slicer.util.loadUI(self.resourcePath("UI/SetupCheck.ui")))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic, self.later = SegHiResGradCAMLogic(), Later(qt.QTimer())
        self.view = PanelView(self.ui, lambda *words: self.chooseFolder(*words), qt, ctk)
        self.presenter = self.logic.makePresenter(lambda question: self.ask(question), self.view.show, self.later)
        self.view.connect(self.presenter.features)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndImportEvent):
            self.addObserver(scene, event, self.onNodesChanged)
        self.initializeParameterNode()

    def cleanup(self):
        if self.presenter is not None:  # setup went through
            self.setParameterNode(None)
            self.presenter.cleanup()
            self.later.close()
        self.removeObservers()

    def onReload(self):
        for name in [name for name in sys.modules if name.split(".")[0] in ("SegHiResGradCAMLib", "seghirescam")]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def enter(self):
        self.initializeParameterNode()
        self.later.once(self._readScene)  # a scene may have been read meanwhile

    def exit(self):
        self._disconnectParameterNode()
        self.presenter.exit()

    def onSceneStartClose(self, caller, event):
        self._disconnectParameterNode()
        self._parameterNode = None
        self.presenter.sceneClosing()

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onNodesChanged(self, caller, event):
        self.later.once(self._readScene)  # for many nodes, and not in the middle of a removal

    def _readScene(self):
        if self._parameterNode is not None:
            self.presenter.sceneChanged()

    def initializeParameterNode(self):
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameterNode):
        self._disconnectParameterNode()
        self._parameterNode = parameterNode
        if parameterNode is not None:
            self._parameterNodeGuiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self.presenter.parametersChanged)
        self.presenter.enter(parameterNode)

    def ask(self, question):
        return not slicer.app.testingEnabled() and slicer.util.confirmYesNoDisplay(question, textFormat=qt.Qt.PlainText)

    def chooseFolder(self, former, title=""):
        words = slicer.util.mainWindow(), title or _("Folder for the map and its facts"), former
        return "" if slicer.app.testingEnabled() else qt.QFileDialog.getExistingDirectory(*words)

    def _disconnectParameterNode(self):
        if self._parameterNode is not None and self._parameterNodeGuiTag is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObservers(self.presenter.parametersChanged)
        self._parameterNodeGuiTag = None


class SegHiResGradCAMLogic(ScriptedLoadableModuleLogic):
    """Makes what the panel and scripts work with; nothing runs and nothing is loaded until it is asked for."""

    def getParameterNode(self):
        return SegHiResGradCAMParameterNode(super().getParameterNode())

    def makePresenter(self, ask, onChange, later):
        settings, python = Settings(slicer.app.userSettings()), shutil.which("PythonSlicer")
        words = {"settings": settings, "temporaryFolder": slicer.app.temporaryPath, "hold": Voxels}
        engine = JobRunner(lambda: WorkerClient(later, python, **words), later)
        return Presenter(slicer.mrmlScene, engine, settings, ask, Installer(ask), onChange, examine, later)


class SegHiResGradCAMTest(ScriptedLoadableModuleTest):
    """Reload and Test: what needs neither network nor torch. The rest is Testing/Python/SegHiResGradCAMSelfTest.py."""

    def setUp(self):
        slicer.mrmlScene.Clear()
        self.widget = slicer.util.getModuleWidget("SegHiResGradCAM")
        self.widget.initializeParameterNode()  # the module may never have been entered

    def test_anEmptyPanelSaysWhatIsMissing(self):
        self.assertFalse(self.widget.ui.applyButton.enabled)
        self.assertEqual(self.widget.ui.statusLabel.text, "Choose a volume.")

    def test_theDemoCaseLoadsAndTheClassIsNotGuessed(self):
        ui, presenter = self.widget.ui, self.widget.presenter
        presenter.run.openCase()
        self.assertEqual(ui.volumeSelector.currentNode().GetName(), "Demo brain")
        self.assertEqual(ui.segmentSelector.currentSegmentID(), "Lesion")
        presenter.pick(segmentId="Marker")
        self.assertEqual(presenter.parameters.className, "")
