"""A picture of four views, 2 x 2: axial and 3D above, coronal and sagittal below, as Slicer lays them out."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

import slicer
from stage.context import SHELLS, bodyBounds, bodyLevel, paleSegments, segmentLook, temporaryShells, temporarySurface
from stage.scene import HeadlessScene
from stage.views import SliceView, ThreeDView

GAP = 4
BACKGROUND = 26  # grey level between the panels
BAR = 5  # rows of Slicer's view colour over each panel
BAR_COLORS = {"Red": (243, 74, 51), "Green": (110, 176, 75), "Yellow": (237, 213, 76), "3D": (116, 120, 240)}
NOTICE = "Research use, not for diagnosis"
TITLE_ROWS = 44
MARGIN = 1.14  # of the body in a slice picture
LEGEND_ROOM = 0.13  # of the axial picture's width
GLASS = (0.75, 0.82, 0.95)


class FourUp:
    """Four views of one scene. Create it before overlays are added: legends need views that already exist."""

    # view, caption, axis it cuts, letters at its left and upper edge
    PANELS = (
        ("Red", "Axial", "S", "R", "A"),
        ("Green", "Coronal", "A", "R", "S"),
        ("Yellow", "Sagittal", "R", "A", "S"),
    )

    def __init__(self, scene: HeadlessScene, sliceLogics: dict | None = None):
        self.scene = scene
        logics = sliceLogics or scene.addSliceViews()
        self.slices = {panel[0]: SliceView(scene, logics[panel[0]]) for panel in self.PANELS}
        self.threeD = ThreeDView(scene)

    def picture(self, cutRas, volume, overlay=None, segmentation=None, size=(1400, 1000), title="") -> np.ndarray:
        """uint8 [rows, columns, 3]. cutRas: where the slices cut, mm.  The scene is as before afterwards.

        volume: the background, framed by its bright part, which is also drawn as glass in 3D.  overlay: the map;
        nested surfaces in 3D.  segmentation: outlined in the slices, glass in 3D.  title: one line above the views.
        """
        strip = _titleStrip(title, size[0]) if title else np.zeros((0, size[0], 3), np.uint8)
        columns, rows = (size[0] - GAP) // 2, (size[1] - len(strip) - GAP) // 2 - BAR
        body, panels = bodyBounds(volume), {}
        with ExitStack() as stack:
            if segmentation is not None:
                stack.enter_context(segmentLook(segmentation))
            if overlay is not None:
                stack.enter_context(_LegendIn(overlay, self.slices["Red"].node))
            for name, caption, axis, left, top in self.PANELS:
                text = f"{caption}   {axis} = {cutRas['RAS'.index(axis)]:.0f} mm"
                letters = [(left, 0.015, 0.5), (top, 0.5, 0.985)]
                width, middle = _framed(body, "RAS".index(axis), columns / rows)
                if name == "Red" and overlay is not None:
                    middle = middle - [LEGEND_ROOM * width, 0, 0]  # R is on the left: more room on the right
                with _Annotation(self.slices[name].renderer, text, letters):
                    panels[name] = self.slices[name].picture((columns, rows), cutRas, width, middle)
            if segmentation is not None:
                stack.enter_context(paleSegments(segmentation))
            if overlay is not None:
                stack.enter_context(temporaryShells(self.scene, overlay))
            stack.enter_context(
                temporarySurface(self.scene, volume, bodyLevel(volume), 0.12, GLASS, 1.5, largestOnly=True)
            )
            levels = ", ".join(f"{100 * part:.0f}" for part, _ in SHELLS)
            text = "3D" if overlay is None else f"3D   map at {levels} % of the scale"
            with _Annotation(self.threeD.renderer, text, [(NOTICE, 0.02, 0.05)]):
                panels["3D"] = self.threeD.picture((columns, rows), body.ravel(), zoom=1.35)
        return np.vstack([strip, self._joined(panels, columns, rows)])

    def save(self, path, *args, **options) -> Path:
        """Draws :meth:`picture` and writes it as PNG."""
        return writePng(self.picture(*args, **options), path)

    def _joined(self, panels, columns, rows):
        out = np.full((2 * (rows + BAR) + GAP, 2 * columns + GAP, 3), BACKGROUND, dtype=np.uint8)
        for name, row, column in (("Red", 0, 0), ("3D", 0, 1), ("Green", 1, 0), ("Yellow", 1, 1)):
            top, left = row * (rows + BAR + GAP), column * (columns + GAP)
            out[top : top + BAR, left : left + columns] = BAR_COLORS[name]
            out[top + BAR : top + BAR + rows, left : left + columns] = panels[name]
        return out


class _LegendIn:
    """The overlay's legend in one view only, for as long as the picture takes."""

    def __init__(self, overlay, viewNode):
        self.legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(overlay)
        self.viewNode = viewNode

    def __enter__(self):
        if self.legend is not None:
            self.legend.SetViewNodeIDs([self.viewNode.GetID()])
            self.legend.Modified()  # or a legend that was made before the layers changed is not drawn

    def __exit__(self, *problem):
        if self.legend is not None:
            self.legend.RemoveAllViewNodeIDs()


class _Annotation:
    """Text in the upper left corner of a view, and smaller words (text, x, y) elsewhere; x, y: 0..1 of the view."""

    def __init__(self, renderer, text, words=()):
        self.renderer = renderer
        self.actors = [_textActor(text, 17, 0.92, 0.02, 0.965)]
        self.actors += [_textActor(word, 16 if len(word) == 1 else 14, 0.6, x, y) for word, x, y in words]

    def __enter__(self):
        for actor in self.actors:
            self.renderer.AddActor2D(actor)

    def __exit__(self, *problem):
        for actor in self.actors:
            self.renderer.RemoveActor2D(actor)


def _textActor(text, size, grey, x, y):
    actor = vtk.vtkTextActor()
    actor.SetInput(text)
    look = actor.GetTextProperty()
    look.SetFontFamilyToArial()
    look.SetFontSize(size)
    look.SetColor(grey, grey, grey)
    look.SetVerticalJustificationToTop()
    actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
    actor.SetPosition(x, y)
    return actor


def _titleStrip(title, columns):
    """uint8 [TITLE_ROWS, columns, 3]: the title in light grey on dark grey."""
    look, text, size = vtk.vtkTextProperty(), vtk.vtkImageData(), [0, 0]
    look.SetFontFamilyToArial()
    look.SetFontSize(20)
    look.SetColor(0.93, 0.93, 0.93)
    vtk.vtkTextRenderer.GetInstance().RenderString(look, title, text, size, 72)
    width, height, _ = text.GetDimensions()
    rgba = vtk_to_numpy(text.GetPointData().GetScalars()).reshape(height, width, 4)[::-1][:, : columns - 16]
    rgba = rgba[rgba[..., 3].any(axis=1)][: TITLE_ROWS - 4]
    strip = np.full((TITLE_ROWS, columns, 3), BACKGROUND, dtype=np.uint8)
    top = (TITLE_ROWS - len(rgba)) // 2
    area, alpha = strip[top : top + len(rgba), 14 : 14 + rgba.shape[1]], rgba[..., 3:] / 255
    area[...] = np.rint(rgba[..., :3] * alpha + area * (1 - alpha))[:, : area.shape[1]]
    return strip


def _framed(body, cutAxis, aspect):
    """(width in mm, middle) of a slice picture that holds the body; body: [3, 2] in mm; aspect: columns / rows."""
    across, up = [axis for axis in range(3) if axis != cutAxis]
    extent = body[:, 1] - body[:, 0]
    return MARGIN * max(extent[across], extent[up] * aspect), body.mean(axis=1)


def writePng(rgb: np.ndarray, path) -> Path:
    """Writes uint8 [rows, columns, 3] (first row on top)."""
    path = Path(path)
    rows, columns, _ = rgb.shape
    image = vtk.vtkImageData()
    image.SetDimensions(columns, rows, 1)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(rgb[::-1]).reshape(-1, 3), deep=True))
    writer = vtk.vtkPNGWriter()
    writer.SetInputData(image)
    writer.SetFileName(str(path))
    writer.Write()
    return path
