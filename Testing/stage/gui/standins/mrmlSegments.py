"""qMRMLSegmentSelectorWidget: a segmentation and one of its segments."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

import slicer

from .base import Observer, send, standIn, stored
from .mrmlNodes import qMRMLNodeComboBox
from .mrmlWidgets import qMRMLWidget

_NONE = "None"


@standIn(
    "setCurrentNode(vtkMRMLNode*)",
    "setCurrentNodeID(QString)",
    "setCurrentSegmentID(QString)",
    vtkSignals=("currentNodeChanged(vtkMRMLNode*)",),
)
class qMRMLSegmentSelectorWidget(qMRMLWidget):
    """With ``noneEnabled`` off the first segment is chosen as soon as there is one, as Slicer's widget does. A label
    "Segment:" of its own stands before the segments.

    ``multiSelection`` has no stand-in and raises.
    """

    currentNodeChanged = QtCore.Signal((object,), (bool,))
    currentSegmentChanged = QtCore.Signal(str)
    segmentSelectionChanged = QtCore.Signal("QStringList")

    noneEnabled = stored(bool, "noneEnabled", False)
    editEnabled = stored(bool, "editEnabled", False)
    segmentationNodeSelectorVisible = stored(bool, "segmentationNodeSelectorVisible", True)
    multiSelection = stored(bool, "multiSelection", False)
    horizontalLayout = stored(bool, "horizontalLayout", False)
    selectNodeUponCreation = stored(bool, "selectNodeUponCreation", True)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._segmentation, self._segment = None, ""
        self._nodes, self._combo = qMRMLNodeComboBox(self), QtWidgets.QComboBox(self)
        self._nodes.nodeTypes = ["vtkMRMLSegmentationNode"]
        self._nodes.addEnabled = self._nodes.removeEnabled = False
        self._label, self._message = QtWidgets.QLabel("Segment: ", self), QtWidgets.QLabel(self)
        row = QtWidgets.QHBoxLayout()
        row.setContentsMargins(4, 0, 0, 0)
        row.addWidget(self._label)
        row.addWidget(self._combo, 1)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.spacing = 4
        column.addWidget(self._nodes)
        column.addLayout(row)
        column.addWidget(self._message)
        self._observer = Observer(self, "_populate")
        self._nodes.connect("currentNodeChanged(vtkMRMLNode*)", self._onNode)
        self._combo.connect("currentIndexChanged(int)", self._onSegment)
        self._populate()

    def setMRMLScene(self, scene):
        super().setMRMLScene(scene)
        self._nodes.setMRMLScene(scene)

    def currentNode(self):
        return self._nodes.currentNode()

    def currentNodeID(self):
        return self._nodes.currentNodeID

    def currentSegmentID(self):
        return self._segment

    def selectedSegmentIDs(self):
        return ()

    def segmentIDs(self):
        known = [self._combo.itemData(n) for n in range(self._combo.count)]
        return tuple(data for data in known if data != _NONE)

    def setCurrentNode(self, node):
        self._nodes.setCurrentNode(node)

    def setCurrentNodeID(self, text):
        self._nodes.setCurrentNodeID(text)

    def setCurrentSegmentID(self, text):
        index = self._combo.findData(text if text or not self.noneEnabled else _NONE)
        if index >= 0:
            self._combo.currentIndex = index

    def _changed(self, name):
        if name == "multiSelection":
            raise NotImplementedError("the stand-in of qMRMLSegmentSelectorWidget chooses one segment")
        self._nodes.noneEnabled = self.noneEnabled
        self._nodes.editEnabled = self.editEnabled
        self._nodes.visible = self.segmentationNodeSelectorVisible
        self._populate()

    def _onNode(self, node):
        self._segmentation = node
        events = slicer.vtkSegmentation
        self._observer.watch(node, events.SegmentAdded, events.SegmentRemoved, events.SegmentModified)
        self._populate()
        send(self, "currentNodeChanged(vtkMRMLNode*)", node)
        send(self, "currentNodeChanged(bool)", node is not None)

    def _populate(self):
        segmentation = None if self._segmentation is None else self._segmentation.GetSegmentation()
        ids = [] if segmentation is None else list(segmentation.GetSegmentIDs())
        blocked = self._combo.blockSignals(True)
        self._combo.clear()
        if ids and self.noneEnabled:
            self._combo.addItem(_NONE, _NONE)
        for segmentId in ids:
            self._combo.addItem(segmentation.GetSegment(segmentId).GetName(), segmentId)
        self._label.visible = self._combo.visible = bool(ids)
        self._message.visible = not ids
        self._message.text = "No node is selected" if segmentation is None else "No segments in segmentation"
        self._combo.currentIndex = -1
        if not ids:
            # like Slicer's widget: the former segment's id stays and no signal is sent
            self._combo.blockSignals(blocked)
            return
        if (self.noneEnabled and not self._segment) or self._segment in ids:
            self.setCurrentSegmentID(self._segment)
            self._combo.blockSignals(blocked)
        else:
            self._combo.blockSignals(blocked)
            self._combo.currentIndex = 1 if self.noneEnabled else 0

    def _onSegment(self, index):
        if self._segmentation is not None and index >= 0:
            data = self._combo.itemData(index)
            self._segment = "" if data == _NONE else data
            self.currentSegmentChanged.emit(self._segment)
