"""``slicer.app``: the short list of members our code may use; anything else raises."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from stage.scene import HeadlessScene

from . import events
from .application import folder
from .failures import StageError
from .standins.base import standIn


@standIn()
class ModuleManager(QtCore.QObject):
    """``slicer.app.moduleManager()``."""

    moduleAboutToBeUnloaded = QtCore.Signal(str)

    def __init__(self):
        super().__init__()
        self._modules = {}

    def module(self, name):
        return self._modules.get(name)


@standIn()
class ExtensionsManagerModel(QtCore.QObject):
    """``slicer.app.extensionsManagerModel()``; installed: names of what is on disk, set by tests."""

    installed = set()

    def isExtensionInstalled(self, name):
        return name in self.installed


@standIn()
class SlicerApplication(QtCore.QObject):
    """There is no main window and no layout manager, as with ``--no-main-window``.

    ``testingEnabled()`` is True: Slicer's own dialogs then do not wait for an answer.
    """

    startupCompleted = QtCore.Signal()
    aboutToQuit = QtCore.Signal()
    lastWindowClosed = QtCore.Signal()

    applicationName = QtCore.Property(str, lambda self: "Slicer")
    applicationVersion = QtCore.Property(str, lambda self: "stage")
    majorVersion = QtCore.Property(int, lambda self: 5)
    minorVersion = QtCore.Property(int, lambda self: 12)
    temporaryPath = QtCore.Property(str, lambda self: str(folder))
    slicerHome = QtCore.Property(str, lambda self: str(folder / "home"))

    def __init__(self):
        super().__init__()
        self._manager, self._extensions = ModuleManager(), ExtensionsManagerModel()

    def testingEnabled(self):
        return True

    def applicationLogic(self):
        return HeadlessScene.instance().applicationLogic

    def mrmlScene(self):
        return HeadlessScene.instance().mrml

    def moduleManager(self):
        return self._manager

    def extensionsManagerModel(self):
        return self._extensions

    def layoutManager(self):
        return None

    def settings(self):
        return QtCore.QSettings()

    userSettings = revisionUserSettings = settings

    def processEvents(self):
        events.process()

    def topLevelWidgets(self):
        return tuple(QtWidgets.QApplication.topLevelWidgets())

    def palette(self):
        return QtWidgets.QApplication.palette()

    def clipboard(self):
        return QtWidgets.QApplication.clipboard()

    def setOverrideCursor(self, cursor):
        QtWidgets.QApplication.setOverrideCursor(cursor)

    def restoreOverrideCursor(self):
        QtWidgets.QApplication.restoreOverrideCursor()

    def pauseRender(self):
        pass

    def resumeRender(self):
        pass

    def startupEnvironment(self):
        raise StageError("slicer.app.startupEnvironment() is the launcher's: pass os.environ in tests")


class Modules:
    """``slicer.modules``: the logics that HeadlessScene made, and what :func:`stage.gui.loadModule` loads."""

    def __init__(self, logics):
        self.__dict__.update(logics)

    def __getattr__(self, name):
        raise AttributeError(f"slicer.modules.{name} is not on the stage")


class ModuleParent:
    """``parent`` of a ScriptedLoadableModule: what a module may say about itself."""

    _NAMES = ("title", "categories", "contributors", "helpText", "acknowledgementText", "hidden", "dependencies",
              "path", "icon", "associatedNodeTypes", "widgetRepresentationCreationEnabled")  # fmt: skip
    __slots__ = _NAMES

    def __init__(self, path):
        self.path = str(path)
        self.hidden = False
        self.widgetRepresentationCreationEnabled = True
