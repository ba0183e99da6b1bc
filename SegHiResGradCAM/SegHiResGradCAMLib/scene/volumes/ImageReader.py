"""Volume nodes -> Image."""

from __future__ import annotations

from typing import Any

import numpy as np

import slicer
from seghirescam.protocol.errors import ImageError
from seghirescam.protocol.image import Image

from ...schedule.Steps import StepsOf, finished
from ...setup.Translation import _
from ..nodes.Geometry import gridOfVolume

_STEP_BYTES = 2**22


def readImage(volumeNodes: Any) -> Image:
    """The voxels of one volume node, or of several as channels in the given order, on the first one's world grid.

    The array [C, K, J, I] is a copy: nothing done to it reaches the scene.  Linear parent transforms are part of the
    grid.  Raises ImageError (no scalar volume, no voxels, channels on different grids), GeometryError (non-linear
    transform, singular matrix).
    """
    return finished(imageSteps(volumeNodes))


def imageSteps(volumeNodes: Any, called: str = "") -> StepsOf[Image]:
    """Generator for :class:`Steps`; returns what :func:`readImage` reads.

    called: what an error calls the volume, "The volume" or "Channel 1" unless given.  Raises ImageError also where a
    volume changes meanwhile.
    """
    nodes = list(volumeNodes) if isinstance(volumeNodes, (list, tuple)) else [volumeNodes]
    if not nodes:
        raise ImageError(_("No volume was given."), _("Choose the volume that the model looks at."))
    for number, node in enumerate(nodes, 1):
        _checkScalar(node, called or _called(number, len(nodes)))
    grid = gridOfVolume(nodes[0])
    for number, node in enumerate(nodes[1:], 2):
        other = gridOfVolume(node)
        if not other.same_as(grid):
            raise ImageError(
                _("Channel {number} lies on another grid than channel 1: {other} against {grid}.").format(
                    number=number, other=other, grid=grid
                ),
                _("Resample it first (module Resample Scalar/Vector/DWI Volume, reference: channel 1)."),
            )
    views = [slicer.util.arrayFromVolume(node) for node in nodes]
    stamps = [node.GetImageData().GetMTime() for node in nodes]
    array = np.empty((len(nodes), *grid.shape), np.result_type(*views))
    thick = max(1, _STEP_BYTES // array[0, 0].nbytes)
    for channel, view in enumerate(views):
        for start in range(0, len(view), thick):
            array[channel, start : start + thick] = view[start : start + thick]
            yield
    if [node.GetImageData().GetMTime() for node in nodes] != stamps:
        raise ImageError(_("The volume was changed while it was read."), _("Press Apply again."))
    return Image(array, grid)


def voxelStamp(volumeNode: Any) -> int:
    """Changes with the volume's voxels; 0 without any."""
    data = volumeNode.GetImageData()
    return data.GetMTime() if data is not None else 0


def _called(number: int, count: int) -> str:
    return _("The volume") if count == 1 else _("Channel {number}").format(number=number)


def _checkScalar(node: Any, called: str) -> None:
    if node is None:
        raise ImageError(_("{called} is missing.").format(called=called), _("Choose a volume."))
    if not node.IsA("vtkMRMLScalarVolumeNode"):
        raise ImageError(
            _("{called} is not a scalar volume but a {tag}.").format(called=called, tag=node.GetNodeTagName()),
            _("Choose a scalar volume; of a sequence, choose one frame."),
        )
    imageData = node.GetImageData()
    if imageData is None or imageData.GetNumberOfPoints() == 0 or imageData.GetPointData().GetScalars() is None:
        raise ImageError(_("{called} has no voxels.").format(called=called), _("Load or create its image first."))
    components = imageData.GetNumberOfScalarComponents()
    if components != 1:
        raise ImageError(
            _("{called} has {components} values per voxel (colour or vector image).").format(
                called=called, components=components
            ),
            _("Convert it first (module Vector to Scalar Volume) and choose one volume per channel."),
            components=components,
        )
