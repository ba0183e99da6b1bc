"""What is added to a scene only while a picture is taken."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager

import numpy as np
import vtk

import slicer

SHELLS = ((0.25, 0.25), (0.5, 0.45), (0.75, 0.9))  # (part of the colour scale's end, opacity)
VOXELS = 2_500_000  # surfaces are found in a thinned volume of at most about so many voxels


@contextmanager
def segmentLook(segmentationNode, outlineWidth: int = 2, opacity3D: float = 0.09):
    """Segments as outlines in slices and as glass in 3D; the display is as before afterwards.

    A closed surface is created for the time of the picture where there is none.
    """
    segmentation, display = segmentationNode.GetSegmentation(), segmentationNode.GetDisplayNode()
    name = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    hadSurface = segmentation.ContainsRepresentation(name)
    former = (
        display.GetVisibility2DFill(),
        display.GetVisibility2DOutline(),
        display.GetSliceIntersectionThickness(),
        display.GetOpacity3D(),
        display.GetVisibility3D(),
    )
    if not hadSurface:
        segmentationNode.CreateClosedSurfaceRepresentation()
    _setLook(display, (False, True, outlineWidth, opacity3D, True))
    try:
        yield
    finally:
        _setLook(display, former)
        if not hadSurface:
            segmentation.RemoveRepresentation(name)


@contextmanager
def paleSegments(segmentationNode, paleness: float = 0.6):
    """Segments almost white, so that in 3D only the map has strong colours; the colours come back afterwards."""
    segmentation, display = segmentationNode.GetSegmentation(), segmentationNode.GetDisplayNode()
    ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    former = {name: display.GetSegmentOverrideColor(name) for name in ids}
    for name in ids:
        pale = paleness + (1 - paleness) * np.array(segmentation.GetSegment(name).GetColor())
        display.SetSegmentOverrideColor(name, *pale)
    try:
        yield
    finally:
        for name, color in former.items():
            display.SetSegmentOverrideColor(name, color)


def _setLook(display, look):
    display.SetVisibility2DFill(look[0])
    display.SetVisibility2DOutline(look[1])
    display.SetSliceIntersectionThickness(look[2])
    display.SetOpacity3D(look[3])
    display.SetVisibility3D(look[4])


@contextmanager
def temporaryShells(scene, overlay):
    """The map in 3D as nested surfaces in its own colours, at SHELLS parts of the colour scale's end.

    Never below the display's threshold.  Volume rendering would show the same without steps, but takes 10 to 25 s a
    picture without a graphics card.
    """
    display, array = overlay.GetDisplayNode(), slicer.util.arrayFromVolume(overlay)
    low, end = display.GetWindowLevelMin(), display.GetWindowLevelMax()
    colors = display.GetColorNode()
    with ExitStack() as stack:
        for part, opacity in SHELLS:
            for level in (part * end, -part * end) if low < 0 else (part * end,):
                if not array.min() < level < array.max():
                    continue
                if display.GetApplyThreshold() and level < display.GetLowerThreshold():
                    continue
                rgba = [0.0, 0.0, 0.0, 0.0]
                colors.GetColor(int((level - low) / (end - low) * (colors.GetNumberOfColors() - 1)), rgba)
                shell = temporarySurface(scene, overlay, level, opacity, rgba[:3], inside=level < 0)
                stack.enter_context(shell)
        yield


def bodyLevel(volumeNode) -> float:
    """A value that parts the body from the air around it."""
    array = slicer.util.arrayFromVolume(volumeNode)
    if array.max() <= array.min():
        return float(array.max())
    lowest = float(array.min())
    return lowest + 0.3 * (float(np.percentile(array[array > lowest], 90)) - lowest)


def bodyBounds(volumeNode) -> np.ndarray:
    """[3, 2] mm: lowest and highest R, A and S of the volume's bright part (the whole volume if there is none)."""
    mask = slicer.util.arrayFromVolume(volumeNode) > bodyLevel(volumeNode)
    if not mask.any():
        mask = np.ones_like(mask)
    ends = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))[[0, -1]] for axis in (2, 1, 0)]
    matrix, toWorld = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(volumeNode.GetParentTransformNode(), None, toWorld)
    vtk.vtkMatrix4x4.Multiply4x4(toWorld, matrix, matrix)
    corners = [matrix.MultiplyPoint((i, j, k, 1))[:3] for i in ends[0] for j in ends[1] for k in ends[2]]
    return np.stack([np.min(corners, axis=0), np.max(corners, axis=0)], axis=1)


@contextmanager
def temporarySurface(scene, volumeNode, level, opacity, color, smoothing=0.0, largestOnly=False, inside=False):
    """The surface of a volume at a value.

    opacity 0..1; smoothing in (thinned) voxels; inside: the body is where the values are lower.
    """
    image = volumeNode.GetImageData()
    thin = vtk.vtkExtractVOI()
    thin.SetInputData(image)
    thin.SetVOI(image.GetExtent())
    thin.SetSampleRate([int(np.ceil((image.GetNumberOfPoints() / VOXELS) ** (1 / 3)))] * 3)
    source = thin.GetOutputPort()
    if smoothing:
        smooth = vtk.vtkImageGaussianSmooth()
        smooth.SetInputConnection(source)
        smooth.SetStandardDeviations(smoothing, smoothing, smoothing)
        source = smooth.GetOutputPort()
    surface = vtk.vtkFlyingEdges3D()
    surface.SetInputConnection(source)
    surface.ComputeScalarsOff()
    surface.ComputeNormalsOff()
    surface.SetValue(0, level)
    source = surface.GetOutputPort()
    if largestOnly:
        largest = vtk.vtkPolyDataConnectivityFilter()
        largest.SetInputConnection(source)
        largest.SetExtractionModeToLargestRegion()
        source = largest.GetOutputPort()
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    transform = vtk.vtkTransform()
    transform.SetMatrix(matrix)
    placed = vtk.vtkTransformPolyDataFilter()
    placed.SetInputConnection(source)
    placed.SetTransform(transform)
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(placed.GetOutputPort())
    normals.SplittingOff()
    normals.SetFlipNormals(inside)
    normals.Update()
    model = scene.mrml.AddNewNodeByClass("vtkMRMLModelNode", "surface")
    model.SetAndObservePolyData(normals.GetOutput())
    model.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    model.CreateDefaultDisplayNodes()
    display = model.GetDisplayNode()
    display.SetOpacity(opacity)
    display.SetColor(*color)
    display.SetScalarVisibility(False)
    display.SetVisibility2D(False)
    try:
        yield model
    finally:
        scene.mrml.RemoveNode(display)
        scene.mrml.RemoveNode(model)
