"""Child process of Testing/mrml/test_scene_file.py: reads an MRB, prints what it finds as JSON, saves the voxels."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "SegHiResGradCAM"))

import stage  # noqa: F401  before anything imports slicer

# isort: split
import numpy as np

import slicer
from stage.scene import HeadlessScene


def main(mrb, arrays):
    scene = HeadlessScene.instance()
    scene.readMrb(mrb)
    from SegHiResGradCAMLib import explanationFacts, isOverlay
    from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume, localMatrix
    from SegHiResGradCAMLib.scene.overlay.OverlayDisplay import settingsOf

    found, voxels = {}, {}
    for node in scene.mrml.GetNodesByClass("vtkMRMLScalarVolumeNode"):
        if not isOverlay(node):
            continue
        display, table = node.GetDisplayNode(), node.GetDisplayNode().GetColorNode()
        legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(node)
        colors = []
        for index in range(table.GetNumberOfColors()):
            rgba = [0.0] * 4
            table.GetColor(index, rgba)
            colors.append(list(rgba))
        inputNode = node.GetNodeReference("SegHiResGradCAM.InputVolume")
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene.mrml)
        found[node.GetName()] = {
            "matrix": localMatrix(node).tolist(),
            "world": gridOfVolume(node).ijk_to_ras.tolist(),
            "colors": colors,
            "table": table.GetName(),
            "window": [display.GetWindowLevelMin(), display.GetWindowLevelMax()],
            "auto": [display.GetAutoWindowLevel(), display.GetAutoThreshold()],
            "threshold": [display.GetApplyThreshold(), display.GetLowerThreshold(), display.GetUpperThreshold()],
            "legend": [legend.GetTitleText(), legend.GetVisibility(), legend.GetLabelFormat()],
            "attributes": {name: node.GetAttribute(name) for name in node.GetAttributeNames()},
            "facts": explanationFacts(node),
            "share": settingsOf(node).share,
            "input": inputNode.GetName(),
            "segmentation": node.GetNodeReference("SegHiResGradCAM.Segmentation").GetName(),
            "sibling": hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node))
            == hierarchy.GetItemParent(hierarchy.GetItemByDataNode(inputNode)),
        }
        voxels[node.GetName()] = slicer.util.arrayFromVolume(node)
    composites = scene.mrml.GetNodesByClass("vtkMRMLSliceCompositeNode")
    found["layers"] = [
        [node.GetNodeReference(role).GetName() for role in ("backgroundVolume", "foregroundVolume")]
        for node in composites
    ]
    np.savez(arrays, **voxels)
    print(json.dumps({"found": found, "errors": scene.messages.errors}))


if __name__ == "__main__":
    main(*sys.argv[1:])
