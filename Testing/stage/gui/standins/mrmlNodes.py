"""qMRMLNodeComboBox: the nodes of the scene to choose from; it never chooses by itself."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

import slicer

from .base import Observer, send, standIn, stored

_NONE, _ADD, _REMOVE = "<none>", "<add>", "<remove>"
_SCENE_EVENTS = ("NodeAddedEvent", "NodeRemovedEvent", "EndCloseEvent", "EndImportEvent", "EndBatchProcessEvent")


@standIn()
class qMRMLSortFilterProxyModel(QtCore.QObject):
    """Which nodes a combo box offers, beyond what its own properties say."""

    hiddenNodeIDs = stored("QStringList", "hiddenNodeIDs", ())

    def __init__(self, combo):
        super().__init__(combo)
        self._combo = combo

    def _changed(self, name):
        self._combo._populate()


@standIn(
    "setMRMLScene(vtkMRMLScene*)",
    "setCurrentNode(vtkMRMLNode*)",
    "setCurrentNodeID(QString)",
    vtkSignals=(
        "currentNodeChanged(vtkMRMLNode*)",
        "nodeActivated(vtkMRMLNode*)",
        "nodeAdded(vtkMRMLNode*)",
        "nodeAddedByUser(vtkMRMLNode*)",
        "nodeAddedByUserAction(vtkMRMLNode*)",
    ),
)
class qMRMLNodeComboBox(QtWidgets.QWidget):
    currentNodeChanged = QtCore.Signal((object,), (bool,))
    currentNodeIDChanged = QtCore.Signal(str)
    nodeActivated = QtCore.Signal(object)
    nodeAdded = QtCore.Signal(object)
    nodeAddedByUser = QtCore.Signal(object)
    nodeAddedByUserAction = QtCore.Signal(object)

    nodeTypes = stored("QStringList", "nodeTypes", ())
    hideChildNodeTypes = stored("QStringList", "hideChildNodeTypes", ())
    showHidden = stored(bool, "showHidden", False)
    showChildNodeTypes = stored(bool, "showChildNodeTypes", True)
    baseName = stored(str, "baseName", "")
    noneEnabled = stored(bool, "noneEnabled", False)
    addEnabled = stored(bool, "addEnabled", True)
    removeEnabled = stored(bool, "removeEnabled", True)
    editEnabled = stored(bool, "editEnabled", False)
    renameEnabled = stored(bool, "renameEnabled", False)
    selectNodeUponCreation = stored(bool, "selectNodeUponCreation", True)
    interactionNodeSingletonTag = stored(str, "interactionNodeSingletonTag", "Singleton")
    noneDisplay = stored(str, "noneDisplay", "None")
    sizeAdjustPolicy = stored(int, "sizeAdjustPolicy", 1)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene, self._id, self._attributes = None, "", {}
        self._combo = QtWidgets.QComboBox(self)
        self._combo.sizeAdjustPolicy = QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self._combo.setMinimumContentsLength(8)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._combo)
        self._combo.activated.connect(self._onActivated)
        self._filter = qMRMLSortFilterProxyModel(self)
        self._sceneObserver, self._nodeObserver = Observer(self, "_populate"), Observer(self, "_populate")
        self.enabled = False

    currentNodeID = QtCore.Property(str, lambda self: self._id, lambda self, text: self.setCurrentNodeID(text))

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene):
        self._scene = scene
        self.enabled = scene is not None
        self._sceneObserver.watch(scene, *[getattr(slicer.vtkMRMLScene, event) for event in _SCENE_EVENTS])
        self._populate()

    def currentNode(self):
        return self._scene.GetNodeByID(self._id) if self._scene is not None and self._id else None

    def setCurrentNode(self, node):
        self.setCurrentNodeID("" if node is None else node if isinstance(node, str) else node.GetID())

    def setCurrentNodeID(self, text):
        known = [node.GetID() for node in self._nodes()]
        self._choose(text if text in known else "")

    def setCurrentNodeIndex(self, index):
        self.setCurrentNode(self.nodeFromIndex(index))

    def nodeCount(self):
        return len(self._nodes())

    def nodeFromIndex(self, index):
        nodes = self._nodes()
        return nodes[index] if 0 <= index < len(nodes) else None

    def sortFilterProxyModel(self):
        return self._filter

    def addAttribute(self, nodeType, name, value=None):
        self._attributes[nodeType, name] = value
        self._populate()

    def removeAttribute(self, nodeType, name):
        self._attributes.pop((nodeType, name), None)
        self._populate()

    def addNode(self, nodeType=None):
        nodeType = nodeType or self.nodeTypes[0]
        node = self._scene.AddNewNodeByClass(nodeType, self.baseName or nodeType.removeprefix("vtkMRML"))
        for (kind, name), value in self._attributes.items():
            if kind == nodeType:
                node.SetAttribute(name, value)
        return node

    def removeCurrentNode(self):
        if self.currentNode() is not None:
            self._scene.RemoveNode(self.currentNode())

    def _nodes(self):
        return [] if self._scene is None else list(filter(self._shower(), self._scene.GetNodes()))

    def _shower(self):
        """Whether a node is shown, with what is asked of the widget asked once: scenes hold hundreds of nodes."""
        hidden, kinds, children = set(self._filter.hiddenNodeIDs), tuple(self.nodeTypes), self.showChildNodeTypes
        notKinds, showHidden, attributes = tuple(self.hideChildNodeTypes), self.showHidden, dict(self._attributes)

        def shows(node):
            fits = [k for k in kinds if (node.IsA(k) if children else node.GetClassName() == k)]
            if not fits or node.GetID() in hidden or (node.GetHideFromEditors() and not showHidden):
                return False
            if any(node.IsA(kind) for kind in notKinds):
                return False
            wanted = {name: value for (kind, name), value in attributes.items() if kind in fits}
            return all(
                node.GetAttribute(name) is not None and value in (None, node.GetAttribute(name))
                for name, value in wanted.items()
            )

        return shows

    def _changed(self, name):
        self._populate()

    def _populate(self):
        nodes = self._nodes()
        blocked = self._combo.blockSignals(True)
        self._combo.clear()
        kind = self.nodeTypes[0].removeprefix("vtkMRML").removesuffix("Node") if self.nodeTypes else "node"
        self._combo.placeholderText = self.noneDisplay if self.noneDisplay != "None" else f"Select a {kind}"
        if self.noneEnabled:
            self._combo.addItem(self.noneDisplay, _NONE)
        for node in nodes:
            self._combo.addItem(node.GetName(), node.GetID())
        if self.addEnabled:
            self._combo.addItem(f"Create new {kind}", _ADD)
        if self.removeEnabled and self._id:
            self._combo.addItem(f"Delete current {kind}", _REMOVE)
        known = [node.GetID() for node in nodes]
        self._showCurrent()
        self._combo.blockSignals(blocked)
        if self._id and self._id not in known:
            self._choose("")

    def _showCurrent(self):
        self._combo.currentIndex = self._combo.findData(self._id or _NONE)

    def _choose(self, text):
        if text == self._id:
            return
        self._id = text
        node = self.currentNode()
        self._nodeObserver.watch(node, "ModifiedEvent")
        self._showCurrent()
        send(self, "currentNodeChanged(vtkMRMLNode*)", node)
        send(self, "currentNodeChanged(bool)", node is not None)
        self.currentNodeIDChanged.emit(text)

    def _onActivated(self, index):
        data = self._combo.itemData(index)
        if data == _REMOVE:
            self.removeCurrentNode()
        elif data == _ADD:
            node = self.addNode()
            if self.selectNodeUponCreation:
                self._choose(node.GetID())
            send(self, "nodeAddedByUserAction(vtkMRMLNode*)", node)
        else:
            self._choose("" if data == _NONE else data)
            send(self, "nodeActivated(vtkMRMLNode*)", self.currentNode())
        self._populate()
