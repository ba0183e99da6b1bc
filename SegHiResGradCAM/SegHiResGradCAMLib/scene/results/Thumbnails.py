"""Small pictures of the maps of a comparison: one slice of the volume, the same for all, with each map over it."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from vtk.util import numpy_support

import slicer
from seghirescam.protocol.display.colours import FIGURE_SIGNED
from seghirescam.protocol.grid import Grid

from ...schedule.Steps import StepsOf
from ..nodes.Geometry import gridOfVolume
from ..overlay.ColorTables import colorsOf
from ..overlay.OverlayDisplay import settingsOf
from ..overlay.StrongestPlace import strongestPlace

#: pixels of an edge
SIZE = 64
#: how much of a pixel with the strongest evidence is the map's colour
OPACITY = 0.85
_GREY = (1.0, 99.0)  # percentiles of the slice that are black and white


def sharedPlace(overlays: list) -> Any:
    """World mm of a place in the slice that all pictures show: where the first map with evidence is strongest."""
    return next((ras for one in overlays if (ras := strongestPlace(one)) is not None), None)


def thumbnailSteps(overlays: list, volumeNode: Any, place: Any = None) -> StepsOf[dict[str, bytes]]:
    """Generator for Steps, one map a step; returns {overlay's id: PNG}, SIZE x SIZE pixels each.

    The slice is the volume's own k through ``place`` (None: :func:`sharedPlace`), seen as in Slicer's axial view (right
    on the left, anterior above) where the volume is axial.  Positive evidence is coloured, or both signs where the map
    shows them: red for, blue against.  Each map on its own scale; nearest cells, not smoothed.  Maps that are gone
    meanwhile are left out.  Raises GeometryError where a node is under a non-linear transform.
    """
    grid = gridOfVolume(volumeNode)
    points = _plane(grid, sharedPlace(overlays) if place is None else place)
    grey = _scaled(_sampled(slicer.util.arrayFromVolume(volumeNode), grid, points))
    table = np.array(colorsOf("Inferno"))[:, :3]
    found = {}
    for node in overlays:
        yield
        if node.GetScene() is not None:
            values = _sampled(_voxels(node), gridOfVolume(node), points)
            found[str(node.GetID())] = _png(_overSigned(grey, values) if isSigned(node) else _over(grey, values, table))
    return found


def isSigned(node: Any) -> bool:
    """Whether a map's picture has both signs."""
    return settingsOf(node).signed


def _voxels(node: Any) -> np.ndarray:
    found: np.ndarray = slicer.util.arrayFromVolume(node)
    return found


def _plane(grid: Grid, ras: Any) -> np.ndarray:
    """[SIZE, SIZE, 3] world mm of the pixels' centres, a square over the longer edge of the slice."""
    k = (grid.shape[0] - 1) / 2 if ras is None else grid.kji(ras)[0]
    k = float(np.clip(np.rint(k), 0, grid.shape[0] - 1))
    _, rows, columns = grid.shape
    _, rowMm, columnMm = grid.spacing_kji
    edge = max(rows * rowMm, columns * columnMm)
    across = ((np.arange(SIZE) + 0.5) / SIZE - 0.5) * edge
    j = across / rowMm + (rows - 1) / 2
    i = across / columnMm + (columns - 1) / 2
    axes = grid.kji_to_ras[:3, :3]
    if axes[1, 1] > 0:  # j goes to anterior, which is above
        j = j[::-1]
    if axes[0, 2] > 0:  # i goes to the right, which is on the left
        i = i[::-1]
    jj, ii = np.meshgrid(j, i, indexing="ij")
    return grid.ras(np.stack([np.full_like(jj, k), jj, ii], axis=-1))


def _sampled(voxels: np.ndarray, grid: Grid, points: np.ndarray) -> np.ndarray:
    """Nearest voxels; 0 outside."""
    index = np.rint(grid.kji(points)).astype(int)
    inside = ((index >= 0) & (index < np.array(grid.shape))).all(axis=-1)
    k, j, i = np.moveaxis(np.where(inside[..., None], index, 0), -1, 0)
    return np.where(inside, np.nan_to_num(voxels[k, j, i].astype(float)), 0.0)


def _scaled(values: np.ndarray) -> np.ndarray:
    low, high = np.percentile(values, _GREY)
    return np.clip((values - low) / (high - low), 0, 1) if high > low else np.zeros_like(values)


def _over(grey: np.ndarray, evidence: np.ndarray, table: np.ndarray) -> np.ndarray:
    """[rows, columns, 3] uint8: the map's colours over the grey, the stronger the less is seen through."""
    most = float(evidence.max(initial=0.0))
    share = np.clip(evidence / most, 0, 1) if most > 0 else np.zeros_like(evidence)
    alpha = OPACITY * np.sqrt(share)[..., None]
    color = table[np.rint(share * (len(table) - 1)).astype(int)]
    return np.rint(255 * ((1 - alpha) * grey[..., None] + alpha * color)).astype(np.uint8)


def _overSigned(grey: np.ndarray, evidence: np.ndarray) -> np.ndarray:
    """The same of both signs, in the colours of figures."""
    most = float(np.abs(evidence).max(initial=0.0))
    share = np.clip(evidence / most, -1, 1) if most > 0 else np.zeros_like(evidence)
    places, *channels = np.transpose(FIGURE_SIGNED)
    color = np.stack([np.interp((share + 1) / 2, places, channel) for channel in channels], axis=-1)
    alpha = OPACITY * np.sqrt(np.abs(share))[..., None]
    return np.rint(255 * ((1 - alpha) * grey[..., None] + alpha * color)).astype(np.uint8)


def _png(rgb: np.ndarray) -> bytes:
    image = vtk.vtkImageData()
    image.SetDimensions(rgb.shape[1], rgb.shape[0], 1)
    flat = np.ascontiguousarray(rgb[::-1]).reshape(-1, 3)  # VTK's rows go upwards
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(flat, deep=1, array_type=vtk.VTK_UNSIGNED_CHAR))
    writer = vtk.vtkPNGWriter()
    writer.WriteToMemoryOn()
    writer.SetInputData(image)
    writer.Write()
    return numpy_support.vtk_to_numpy(writer.GetResult()).tobytes()
