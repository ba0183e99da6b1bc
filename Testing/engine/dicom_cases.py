"""DICOM series and segmentations written by pydicom and highdicom, and a model whose logit is the image."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import highdicom as hd
import numpy as np
import torch
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sr.codedict import codes
from safetensors.torch import save_file

from seghirescam import Grid

PATIENT = "Zebra^Quagga"
_EMPTY = "PatientBirthDate StudyID AccessionNumber ReferringPhysicianName StudyDate StudyTime".split()


def turned():
    """Columns: directions along a row, down a column, and from slice to slice, in LPS."""
    turn, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))
    return turn * np.sign(np.linalg.det(turn))


@dataclass
class Series:
    """What a series shares. spacing: between slices, rows, columns (K, J, I) in mm."""

    shape: tuple[int, int, int] = (20, 16, 18)
    spacing: tuple[float, float, float] = (2.0, 1.0, 1.0)
    turn: np.ndarray = field(default_factory=lambda: np.eye(3))
    start: tuple[float, float, float] = (0.0, 0.0, 0.0)
    frame: str = field(default_factory=hd.UID)
    thickness: float | None = None
    uid: str = field(default_factory=hd.UID)

    @property
    def grid(self) -> Grid:
        k, j, i = self.spacing
        lps = np.eye(4)
        lps[:3, :3], lps[:3, 3] = self.turn * (i, j, k), self.start
        return Grid(self.shape, np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps)

    def place(self, k):
        return [float(v) for v in np.round(np.array(self.start) + self.turn[:, 2] * self.spacing[0] * k, 9)]

    def slices(self, values=None):
        """The datasets, slice k holding ``values[k]`` (default: k everywhere)."""
        study, found = hd.UID(), []
        if values is None:
            values = np.arange(self.shape[0])[:, None, None] + np.zeros(self.shape)
        for k in range(self.shape[0]):
            meta = FileMetaDataset()
            meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = "1.2.840.10008.1.2.1", "1.2.840.10008.5.1.4.1.1.2"
            meta.MediaStorageSOPInstanceUID = hd.UID()
            d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
            d.SOPClassUID, d.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
            d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID, d.Modality = (
                study,
                self.uid,
                self.frame,
                "CT",
            )
            for tag in _EMPTY:
                setattr(d, tag, "")
            d.PatientName = d.PatientID = PATIENT
            d.PatientSex, d.Rows, d.Columns = "O", *self.shape[1:]
            d.PixelSpacing, d.SliceThickness = list(self.spacing[1:]), self.thickness or self.spacing[0]
            d.ImagePositionPatient = self.place(k)
            d.ImageOrientationPatient = [float(v) for v in np.round(self.turn[:, :2].T.ravel(), 12)]
            d.SamplesPerPixel, d.PhotometricInterpretation, d.BitsAllocated = 1, "MONOCHROME2", 16
            d.BitsStored, d.HighBit, d.PixelRepresentation, d.RescaleSlope, d.RescaleIntercept = 16, 15, 1, 1, 0
            d.InstanceNumber, d.SeriesNumber = k + 1, 1
            d.PixelData = values[k].astype("<i2").tobytes()
            found.append(d)
        return found


def save(folder: Path, slices) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for n, d in enumerate(slices):
        # out of order on disk
        d.save_as(folder / f"{(n * 7) % 23:02d}_{n}.dcm", enforce_file_format=True)
    return folder


def as_series(volume, folder: Path) -> Path:
    """A volume's file as a series of slices of whole numbers."""
    from seghirescam.io.volumes import read_volume

    image = read_volume(volume)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.grid.ijk_to_ras
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    series = Series(
        image.grid.shape, tuple(map(float, spacing[::-1])), lps[:3, :3] / spacing, tuple(map(float, lps[:3, 3]))
    )
    return save(folder, series.slices(np.rint(image.array[0])))


def segmentation(path: Path, slices, masks, names=("lesion",), kind="BINARY", change=None, **words) -> Path:
    """A SEG of the slices. masks: [K, J, I], or [K, J, I, S] for several segments.  change(dataset): before saving."""
    about = [
        hd.seg.SegmentDescription(n, name, codes.SCT.Organ, codes.SCT.Liver, hd.seg.SegmentAlgorithmTypeValues.MANUAL)
        for n, name in enumerate(names, start=1)
    ]
    found = hd.seg.Segmentation(
        slices, masks, kind, about, hd.UID(), 1, hd.UID(), 1, "maker", "model", "1", "1", **words
    )
    if change:
        change(found)
    found.save_as(path)
    return path


def identity_model(folder: Path) -> Path:
    """A description whose network's logit of class "fg" is the image itself: S is the sum of the image over M."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "net.py").write_text(
        "import torch\n\n\ndef build():\n"
        "    return torch.nn.Sequential(torch.nn.Conv3d(1, 1, 1), torch.nn.Conv3d(1, 2, 1))\n"
    )
    zero = torch.zeros
    state = {
        "0.weight": torch.ones(1, 1, 1, 1, 1),
        "0.bias": zero(1),
        "1.weight": zero(2, 1, 1, 1, 1),
        "1.bias": zero(2),
    }
    state["1.weight"][1] = 1
    save_file(state, folder / "net.safetensors")
    about = {"factory": "net.py", "weights": "net.safetensors", "classes": ["bg", "fg"]}
    (folder / "net.model.json").write_text(json.dumps(about))
    return folder / "net.model.json"
