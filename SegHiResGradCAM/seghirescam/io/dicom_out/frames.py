"""A grid as DICOM frames: rising along the normal, which is how readers that ignore positions stack them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...protocol.errors import GeometryError
from ...protocol.grid import Grid
from .libraries import libraries

_LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Frames:
    """downwards: whether frame 0 is the array's last slice.  turn: ImageOrientationPatient.  places: [N, 3], LPS mm of
    every frame's first voxel.  spacing: mm from frame to frame, row to row, column to column."""

    downwards: bool
    turn: np.ndarray
    places: np.ndarray
    spacing: tuple[float, float, float]

    @staticmethod
    def of(grid: Grid) -> Frames:
        """Raises GeometryError for photos, and for axes that are not at right angles: frames are rectangles."""
        refuse_unholdable(grid)
        axes = (_LPS_RAS @ grid.ijk_to_ras)[:3]
        lengths = np.linalg.norm(axes[:, :3], axis=0)
        i, j, k = (axes[:, :3] / lengths).T
        places = axes[:, 3] + np.arange(grid.shape[0])[:, None] * axes[:, 2]
        downwards = bool(np.cross(i, j) @ k < 0)
        spacing = (float(lengths[2]), float(lengths[1]), float(lengths[0]))
        return Frames(downwards, np.concatenate([i, j]), places[::-1] if downwards else places, spacing)

    def ordered(self, array: np.ndarray) -> np.ndarray:
        """[K, ...] in the frames' order."""
        return np.ascontiguousarray(array[::-1] if self.downwards else array)

    def state_spacing(self, found) -> None:
        """Once more in the finished object: of a single slice highdicom writes 1 mm, whatever it was given."""
        _, pydicom = libraries()
        measures = found.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        measures.SpacingBetweenSlices = pydicom.valuerep.DSfloat(self.spacing[0], auto_format=True)

    def as_sequences(self, keep: slice = slice(None)) -> dict:
        """highdicom's words for them. keep: of the frames."""
        hd, _ = libraries()
        measures = hd.PixelMeasuresSequence(
            pixel_spacing=self.spacing[1:], slice_thickness=self.spacing[0], spacing_between_slices=self.spacing[0]
        )
        return {
            "pixel_measures": measures,
            "plane_orientation": hd.PlaneOrientationSequence("PATIENT", [float(v) for v in self.turn]),
            "plane_positions": [hd.PlanePositionSequence("PATIENT", [float(v) for v in p]) for p in self.places[keep]],
        }


def refuse_unholdable(grid: Grid) -> None:
    """Raises GeometryError for a grid that no DICOM object can hold."""
    if grid.is_photo:
        raise GeometryError(
            "The image is a photo: it lies in no patient, so that no DICOM object can be written for it.",
            "Write .nii.gz or .nrrd.",
        )
    axes = grid.ijk_to_ras[:3, :3] / np.linalg.norm(grid.ijk_to_ras[:3, :3], axis=0)
    if np.abs(axes.T @ axes - np.eye(3)).max() > 1e-4:
        raise GeometryError(
            "The axes of this grid are not at right angles (sheared geometry), and DICOM frames cannot hold that.",
            "Write .nrrd (--format nrrd).",
        )
