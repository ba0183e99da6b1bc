"""One MRML scene per process with the logics that our code meets in Slicer, and nothing of the application."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import types
from pathlib import Path

import vtk

import slicer


class VtkMessages:
    """Collects VTK errors and warnings instead of printing them: ``errors``, ``warnings`` (lists of str)."""

    def __init__(self):
        self.errors: list[str] = []
        self.warnings: list[str] = []
        window = vtk.vtkOutputWindow.GetInstance()
        window.SetDisplayModeToNever()
        vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_ERROR)  # warnings are collected, not printed
        for event, texts in (("ErrorEvent", self.errors), ("WarningEvent", self.warnings)):
            window.AddObserver(event, self._collector(texts))

    def clear(self):
        self.errors.clear()
        self.warnings.clear()

    @staticmethod
    def _collector(texts):
        def collect(caller, event, text=""):
            texts.append(text)

        collect.CallDataType = vtk.VTK_STRING
        return collect


class HeadlessScene:
    """``slicer.mrmlScene`` with application logic, module logics and reading and writing of MRB files."""

    _instance = None

    @classmethod
    def instance(cls) -> HeadlessScene:
        """The scene of this process: a second one crashes in garbage collection, so there is only one."""
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance

    def __init__(self):
        self.messages = VtkMessages()
        self.mrml = slicer.vtkMRMLScene()
        self.applicationLogic = slicer.vtkSlicerApplicationLogic()
        self.applicationLogic.SetMRMLScene(self.mrml)
        self._cache = tempfile.mkdtemp(prefix="seghirescam-stage-")
        atexit.register(shutil.rmtree, self._cache, ignore_errors=True)
        self.sliceLogics = vtk.vtkCollection()
        self._logics = {}
        # without these the colour logic complains that the application has no home
        (Path(self._cache) / "share" / "ColorFiles").mkdir(parents=True)
        self.applicationLogic.SetHomeDirectory(self._cache)
        self.applicationLogic.SetShareDirectory("share")
        slicer.mrmlScene = self.mrml
        slicer.app = types.SimpleNamespace(testingEnabled=lambda: True, applicationLogic=lambda: self.applicationLogic)
        slicer.modules = types.SimpleNamespace()
        # Colors comes before Volumes: default display nodes ask it for their colour table
        for name, logicClass in (
            ("Colors", slicer.vtkSlicerColorLogic),
            ("Volumes", slicer.vtkSlicerVolumesLogic),
            ("Segmentations", slicer.vtkSlicerSegmentationsModuleLogic),
            ("Data", slicer.vtkSlicerDataModuleLogic),
            ("SubjectHierarchy", slicer.vtkSlicerSubjectHierarchyModuleLogic),
            ("VolumeRendering", slicer.vtkSlicerVolumeRenderingLogic),
            ("Plots", slicer.vtkSlicerPlotsLogic),
        ):
            self._addLogic(name, logicClass)
        self._prepareInputOutput()
        slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.mrml)

    def _addLogic(self, name, logicClass):
        logic = logicClass()
        logic.SetMRMLApplicationLogic(self.applicationLogic)
        logic.SetMRMLScene(self.mrml)
        self.applicationLogic.SetModuleLogic(name, logic)
        self._logics[name] = logic
        setattr(slicer.modules, name.lower(), types.SimpleNamespace(logic=lambda: logic))

    def _prepareInputOutput(self):
        self._remote, self._dataIO = slicer.vtkMRMLRemoteIOLogic(), slicer.vtkDataIOManagerLogic()
        self.applicationLogic.SetMRMLSceneDataIO(self.mrml, self._remote, self._dataIO)
        (Path(self._cache) / ".slicer-cache").touch()  # its own folder: the cache manager asks for this mark
        self.mrml.GetCacheManager().SetRemoteCacheDirectory(self._cache)
        self.applicationLogic.SetTemporaryPath(self._cache)

    def clear(self):
        """Empties the scene; default colour nodes, views and other singletons stay."""
        self.mrml.Clear(0)
        slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.mrml)

    def addSliceViews(self) -> dict[str, slicer.vtkMRMLSliceLogic]:
        """Red (axial), Green (coronal) and Yellow (sagittal) slice and composite nodes; needs no graphics.

        A scene saved with them shows its layers when Slicer opens it.
        """
        logics = {}
        for name, orientation in (("Red", "Axial"), ("Green", "Coronal"), ("Yellow", "Sagittal")):
            logic = slicer.vtkMRMLSliceLogic()
            logic.SetMRMLApplicationLogic(self.applicationLogic)
            logic.SetMRMLScene(self.mrml)
            node = logic.AddSliceNode(name)
            node.SetOrientation(orientation)
            node.SetMappedInLayout(1)
            self.sliceLogics.AddItem(logic)
            logics[name] = logic
        self.applicationLogic.SetSliceLogics(self.sliceLogics)
        return logics

    def removeSliceViews(self):
        """Removes what :meth:`addSliceViews` added (views drawn from it must be gone)."""
        for kind in ("vtkMRMLSliceCompositeNode", "vtkMRMLSliceNode"):
            for node in [node for node in self.mrml.GetNodes() if node.IsA(kind)]:
                self.mrml.RemoveNode(node)
        self.sliceLogics.RemoveAllItems()

    def writeMrb(self, path) -> Path:
        """Writes the scene as a Slicer data bundle; raises OSError if VTK says it failed."""
        path = Path(path)
        if not self.mrml.WriteToMRB(str(path)) or not path.is_file():
            raise OSError(f"The scene could not be written to {path.name}.")
        return path

    def readMrb(self, path):
        """Adds a Slicer data bundle to the emptied scene; raises OSError if VTK says it failed."""
        self.clear()
        if not self.mrml.ReadFromMRB(os.fspath(path), True):
            raise OSError(f"The scene {Path(path).name} could not be read.")
