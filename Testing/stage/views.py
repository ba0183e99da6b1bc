"""Slice and 3D views drawn offscreen by Slicer's own displayable managers; :mod:`stage.fourup` puts four together.

Rendering without EGL or OSMesa is a segmentation fault, not an exception: ask :func:`glWorks` first.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import vtk
from vtk.util.numpy_support import vtk_to_numpy

import slicer
from stage.scene import HeadlessScene

MISSING_GL = "no offscreen OpenGL (install libegl1 and libgl1-mesa-dri, or libosmesa6)"

_PROBE = """
import os, sys
sys.path.insert(0, {folder!r})
import stage, vtk
import vtkmodules.vtkRenderingOpenGL2
window = vtk.vtkRenderWindow()
window.SetOffScreenRendering(1)
window.SetSize(8, 8)
window.AddRenderer(vtk.vtkRenderer())
window.Render()
sys.stdout.flush()
os._exit(0 if window.SupportsOpenGL() else 3)
"""


@cache
def glWorks() -> bool:
    """True if a picture can be drawn here; tried once in a child process, because without GL it crashes."""
    script = _PROBE.format(folder=str(Path(__file__).resolve().parents[1]))
    try:
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=120)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


class OffscreenView:
    """A render window of one view node with the displayable managers of its kind."""

    def __init__(self, scene: HeadlessScene, factory, managers):
        # no multisampling: together with llvmpipe it silently drops translucent surfaces
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.renderer = vtk.vtkRenderer()
        self.window.AddRenderer(self.renderer)
        self.interactor = vtk.vtkGenericRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.interactor.Initialize()
        factory.SetMRMLApplicationLogic(scene.applicationLogic)
        for name in managers:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self.group = slicer.vtkMRMLDisplayableManagerGroup()
        self.group.SetRenderer(self.renderer)
        self.group.Initialize(factory, self.renderer)

    def texts(self) -> list[str]:
        """Every text that VTK is asked to draw in this view now."""
        found = []
        for prop in (prop for renderer in self.window.GetRenderers() for prop in renderer.GetViewProps()):
            for ask in ("GetInput", "GetTitle"):
                text = getattr(prop, ask, str)()
                found += [text] if isinstance(text, str) else []
        return [text for text in found if text]

    def rgb(self) -> np.ndarray:
        """What the window shows, uint8 [rows, columns, 3], first row on top."""
        self.window.Render()
        self.window.Render()  # the first one lets displayable managers catch up with the scene
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        grab.Update()
        image = grab.GetOutput()
        columns, rows, _ = image.GetDimensions()
        return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, -1)[::-1, :, :3].copy()


class SliceView(OffscreenView):
    """A slice view: the blended layers, and segments, legend and other annotations over them."""

    MANAGERS = (
        "vtkMRMLVolumeGlyphSliceDisplayableManager",
        "vtkMRMLModelSliceDisplayableManager",
        "vtkMRMLOrientationMarkerDisplayableManager",
        "vtkMRMLRulerDisplayableManager",
        "vtkMRMLSegmentationsDisplayableManager2D",
        "vtkMRMLColorLegendDisplayableManager",
    )

    def __init__(self, scene: HeadlessScene, logic: slicer.vtkMRMLSliceLogic):
        super().__init__(scene, slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance(), self.MANAGERS)
        self.logic = logic
        self.node = logic.GetSliceNode()
        self.group.SetMRMLDisplayableNode(self.node)
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        self._image = vtk.vtkActor2D()
        self._image.SetMapper(self._mapper)
        self._image.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(self._image)
        self.renderer.GetActiveCamera().ParallelProjectionOn()

    def picture(self, size, cutRas, widthMm: float | None = None, lookAtRas=None) -> np.ndarray:
        """uint8 [rows, columns, 3] of the slice through ``cutRas``; size: (columns, rows).

        widthMm: width of the picture in mm; None fits the background volume.  lookAtRas: its middle, else ``cutRas``.
        """
        columns, rows = size
        self.window.SetSize(columns, rows)
        self.logic.ResizeSliceNode(columns, rows)
        self.logic.FitSliceToBackground()  # after the layers are set and the size is known, or the zoom is wrong
        if widthMm is not None:
            depth = self.node.GetFieldOfView()[2]
            self.node.SetFieldOfView(widthMm, widthMm * rows / columns, depth)
            self.node.JumpSliceByCentering(*(cutRas if lookAtRas is None else lookAtRas))
        self.node.JumpSliceByOffsetting(*cutRas)
        # the logic makes a new pipeline whenever its layers change
        self._mapper.SetInputConnection(self.logic.GetImageDataConnection())
        self._image.SetVisibility(self.logic.GetImageDataConnection() is not None)
        return self.rgb()


class ThreeDView(OffscreenView):
    """A 3D view: surfaces of segments and models, volume rendering."""

    MANAGERS = (
        "vtkMRMLCameraDisplayableManager",
        "vtkMRMLViewDisplayableManager",
        "vtkMRMLModelDisplayableManager",
        "vtkMRMLOrientationMarkerDisplayableManager",
        "vtkMRMLSegmentationsDisplayableManager3D",
        "vtkMRMLVolumeRenderingDisplayableManager",
    )

    def __init__(self, scene: HeadlessScene):
        super().__init__(scene, slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance(), self.MANAGERS)
        self.logic = slicer.vtkMRMLViewLogic()
        self.logic.SetMRMLApplicationLogic(scene.applicationLogic)
        self.logic.SetMRMLScene(scene.mrml)
        self.node = self.logic.AddViewNode("1")
        self.node.SetMappedInLayout(1)
        self.node.SetBoxVisible(False)
        self.node.SetAxisLabelsVisible(False)
        self.node.SetBackgroundColor(0, 0, 0)
        self.node.SetBackgroundColor2(0, 0, 0)
        self.group.SetMRMLDisplayableNode(self.node)
        vtk.vtkLightKit().AddLightsToRenderer(self.renderer)

    def picture(self, size, bounds, azimuth: float = -35.0, elevation: float = 20.0, zoom: float = 1.0) -> np.ndarray:
        """uint8 [rows, columns, 3]. bounds: (r0, r1, a0, a1, s0, s1) in mm that the camera takes in, seen from the
        front (anterior), turned by ``azimuth`` and raised by ``elevation`` degrees."""
        self.window.SetSize(*size)
        camera = self.renderer.GetActiveCamera()
        r0, r1, a0, a1, s0, s1 = bounds
        focus = np.array([(r0 + r1) / 2, (a0 + a1) / 2, (s0 + s1) / 2])
        radius = np.linalg.norm([r1 - r0, a1 - a0, s1 - s0]) / 2
        camera.SetFocalPoint(*focus)
        camera.SetPosition(focus[0], focus[1] + radius / np.sin(np.radians(camera.GetViewAngle() / 2)), focus[2])
        camera.SetViewUp(0, 0, 1)
        camera.Azimuth(azimuth)
        camera.Elevation(elevation)
        camera.OrthogonalizeViewUp()
        camera.Dolly(zoom)
        self.renderer.ResetCameraClippingRange()
        return self.rgb()
