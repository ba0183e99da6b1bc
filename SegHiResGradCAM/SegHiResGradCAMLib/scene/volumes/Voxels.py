"""Voxels that are filled as an array and given to a volume node without being copied."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from vtk.util.numpy_support import get_vtk_array_type, vtk_to_numpy


class Voxels:
    """Voxels [K, J, I].  image: the vtkImageData that owns them.  array: a view of them; not initialised."""

    def __init__(self, shape: tuple[int, ...], dtype: Any = np.float32):
        self.image = vtk.vtkImageData()
        self.image.SetDimensions(*(int(n) for n in reversed(shape)))
        self.image.AllocateScalars(get_vtk_array_type(dtype), 1)
        self.array = vtk_to_numpy(self.image.GetPointData().GetScalars()).reshape(tuple(shape))

    @staticmethod
    def of(values: np.ndarray) -> Voxels:
        made = Voxels(values.shape)
        made.array[...] = values
        return made
