"""Explain this segment, in the menu of a segment in the Data module's tree.

Slicer loads this file by its path, as a module of its own: see SegHiResGradCAMLib/scene/menu/Startup.py.  Only the menu
is here; the panel decides.
"""

import qt
from AbstractScriptedSubjectHierarchyPlugin import AbstractScriptedSubjectHierarchyPlugin

import slicer
from slicer.i18n import tr as _

MODULE = "SegHiResGradCAM"


class SegHiResGradCAMSubjectHierarchyPlugin(AbstractScriptedSubjectHierarchyPlugin):
    """Adds an action to segments; owns no items."""

    filePath = __file__

    def __init__(self, scriptedPlugin):
        scriptedPlugin.name = MODULE
        AbstractScriptedSubjectHierarchyPlugin.__init__(self, scriptedPlugin)
        self.explainAction = qt.QAction(_("Explain this segment"), scriptedPlugin)
        self.explainAction.objectName = "ExplainSegmentAction"
        self.explainAction.connect("triggered()", self.onExplain)

    def canAddNodeToSubjectHierarchy(self, node, parentItemID):
        return 0.0

    def canOwnSubjectHierarchyItem(self, itemID):
        return 0.0

    def roleForPlugin(self):
        return "N/A"

    def itemContextMenuActions(self):
        return [self.explainAction]

    def showContextMenuActionsForItem(self, itemID):
        self.explainAction.visible = segmentOf(itemID) is not None

    def onExplain(self):
        """Opens the module with the segment; the panel asks at once where a model is known."""
        found = segmentOf(slicer.qSlicerSubjectHierarchyPluginHandler.instance().currentItem())
        if found is not None:
            if slicer.util.mainWindow() is not None:
                slicer.util.selectModule(MODULE)
            slicer.util.getModuleWidget(MODULE).presenter.recall.explain(*found)


def segmentOf(itemID):
    """(segmentation node, id of the segment) of an item of the tree; None for anything else."""
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    if tree is None or not itemID:
        return None
    segmentId = tree.GetItemAttribute(itemID, slicer.vtkMRMLSegmentationNode.GetSegmentIDAttributeName())
    node = tree.GetItemDataNode(tree.GetItemParent(itemID))
    if not segmentId or node is None or not node.IsA("vtkMRMLSegmentationNode"):
        return None
    return (node, segmentId) if segmentId in node.GetSegmentation().GetSegmentIDs() else None
