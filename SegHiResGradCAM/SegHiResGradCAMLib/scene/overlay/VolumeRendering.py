"""The map in 3D: a volume rendering that shows the visible part of the evidence, the stronger the denser."""

from __future__ import annotations

from typing import Any

import vtk

import slicer

from ...setup.Translation import _
from ..nodes.Provenance import explanationFacts
from ..nodes.SceneNodes import displaysOf
from .OverlayDisplay import settingsOf

#: opacity of the weakest, a middling and the strongest visible evidence, across a quarter of a layer's cell
_FAINTEST, _MIDDLE, _DENSEST = 0.1, 0.4, 0.95


def isIn3D(volumeNode: Any) -> bool:
    display = _display(volumeNode)
    return display is not None and bool(display.GetVisibility())


def showIn3D(volumeNode: Any) -> None:
    """Volume-renders an overlay in the colours and from the threshold of its slices; call it again when they change."""
    display = _display(volumeNode) or _makeDisplay(volumeNode)
    _setTransferFunctions(volumeNode, display.GetVolumePropertyNode())
    display.SetVisibility(True)


def hideFrom3D(volumeNode: Any) -> None:
    """Takes an overlay out of the 3D views, with the nodes the rendering had brought into the scene."""
    display = _display(volumeNode)
    if display is None:
        return
    scene, own = volumeNode.GetScene(), (display.GetVolumePropertyNode(), display.GetROINode())
    scene.RemoveNode(display)
    for node in own:
        if node is not None:
            scene.RemoveNode(node)


def _display(volumeNode: Any) -> Any:
    found = (one for one in displaysOf(volumeNode) if one.IsA("vtkMRMLVolumeRenderingDisplayNode"))
    return next(found, None)


def _makeDisplay(volumeNode: Any) -> Any:
    """Without Slicer's presets, which look at CT and MR values, and without a region of interest."""
    scene = volumeNode.GetScene()
    display = slicer.modules.volumerendering.logic().CreateVolumeRenderingDisplayNode()
    if display.GetScene() is None:
        scene.AddNode(display)
    properties = scene.AddNewNodeByClass(
        "vtkMRMLVolumePropertyNode", _("{name} in 3D").format(name=volumeNode.GetName())
    )
    display.SetAndObserveVolumePropertyNodeID(properties.GetID())
    volumeNode.AddAndObserveDisplayNodeID(display.GetID())
    return display


def _setTransferFunctions(volumeNode: Any, propertyNode: Any) -> None:
    """Colours of the slices; opacity zero below the threshold, then rising to the end of the scale.

    Slicer's own "follow the slice display" makes a step at the threshold and everything opaque in signed maps.
    """
    scalar = volumeNode.GetScalarVolumeDisplayNode()
    low, end = scalar.GetWindowLevelMin(), scalar.GetWindowLevelMax()
    table = scalar.GetColorNode()
    colors, opacity = vtk.vtkColorTransferFunction(), vtk.vtkPiecewiseFunction()
    rgba, last, hidden = [0.0] * 4, table.GetNumberOfColors() - 1, []
    for index in range(last + 1):
        table.GetColor(index, rgba)
        value = low + (end - low) * index / last
        colors.AddRGBPoint(value, *rgba[:3])
        if rgba[3] == 0:
            hidden.append(value)
    level = scalar.GetLowerThreshold() if scalar.GetApplyThreshold() else max((abs(v) for v in hidden), default=0.0)
    if level < end:
        _addRamp(opacity, level, end)
        if settingsOf(volumeNode).signed:
            _addRamp(opacity, -level, low)
    else:
        opacity.AddPoint(end, 0.0)
    volumeProperty = propertyNode.GetVolumeProperty()
    propertyNode.SetColor(colors)
    propertyNode.SetScalarOpacity(opacity)
    # by the cell, not by the millimetre: else 16 mm cells hide their strongest part behind their weakest
    volumeProperty.SetScalarOpacityUnitDistance(_cellMm(volumeNode) / 4)
    volumeProperty.SetInterpolationTypeToLinear()
    volumeProperty.ShadeOff()


def _addRamp(opacity: vtk.vtkPiecewiseFunction, level: float, end: float) -> None:
    step = 1e-3 * (end - level)
    opacity.AddPoint(level - step, 0.0)
    opacity.AddPoint(level + step, _FAINTEST)
    opacity.AddPoint((level + end) / 2, _MIDDLE)
    opacity.AddPoint(end, _DENSEST)


def _cellMm(volumeNode: Any) -> float:
    """The middle edge of a layer's cell, or of a voxel where the cell's size is not known."""
    cell = explanationFacts(volumeNode)["layer"]["mm_per_cell_kji"]
    return sorted(cell or volumeNode.GetSpacing())[1]
