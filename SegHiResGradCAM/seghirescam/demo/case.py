"""The shipped demo case: a T1 brain at 2 mm with one body that has a ring, and a marker 44 mm in front of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..protocol.grid import Grid
from ..protocol.image import Image
from ..protocol.pixel_set import PixelSet

FOLDER = Path(__file__).parent
VOLUME_FILE = FOLDER / "case.nrrd"
SEGMENTATION_FILE = FOLDER / "case.seg.nrrd"

#: names in the order of the label values 1, 2, 3, and their colours
SEGMENTS = ("Lesion", "Ring", "Marker")
COLOURS = {"Lesion": (0.85, 0.25, 0.20), "Ring": (0.95, 0.75, 0.25), "Marker": (0.25, 0.65, 0.90)}


def load_case(folder: Path = FOLDER) -> tuple[Image, dict[str, PixelSet]]:
    """The volume and its segments by name (Lesion, Ring, Marker), in RAS. Needs SimpleITK."""
    volume, grid = _read(Path(folder) / "case.nrrd")
    labels, _ = _read(Path(folder) / "case.seg.nrrd")
    segments = {
        name: PixelSet(labels == value, grid, f"segment '{name}'") for value, name in enumerate(SEGMENTS, start=1)
    }
    return Image(volume, grid), segments


def _read(path):
    import SimpleITK as sitk

    image = sitk.ReadImage(str(path))
    to_lps = np.eye(4)
    to_lps[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    to_lps[:3, 3] = image.GetOrigin()
    array = sitk.GetArrayFromImage(image)
    # ITK files lie in LPS
    return array, Grid(array.shape, np.diag([-1.0, -1.0, 1.0, 1.0]) @ to_lps)
