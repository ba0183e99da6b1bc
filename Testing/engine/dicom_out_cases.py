"""What the tests of DICOM objects share: series of every kind, facts of a map, and other people's readers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

from engine.dicom_cases import PATIENT, Series, save, turned
from seghirescam import Grid
from seghirescam.io.volumes import read_volume

LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
START = (-40.5, 12.25, 300.125)
#: along a row, down a column, from slice to slice; slices of the second run against the normal
UPRIGHT, DOWN = np.eye(3), np.diag([1.0, 1.0, -1.0])
SAGITTAL = np.array([[0, 0, 1.0], [1, 0, 0], [0, -1.0, 0]])
#: name -> series
KINDS = {
    "ascending": lambda: Series(start=START),
    "descending": lambda: Series(turn=DOWN, start=START),
    "oblique": lambda: Series(turn=turned(), spacing=(2.7, 0.9, 1.1), start=START),
    "sagittal": lambda: Series(turn=SAGITTAL, spacing=(3.0, 0.5, 0.75), start=START),
    "thick": lambda: Series(start=START, thickness=5.0),
    "thin": lambda: Series(turn=turned(), start=START, thickness=0.625),
    "one slice": lambda: Series(shape=(1, 16, 18), start=START, thickness=4.0),
}


def enhanced(series: Series, values=None, backwards=False) -> FileDataset:
    """The same series as one Enhanced CT file; backwards: its frames from the last slice to the first."""
    slices = series.slices(values)[:: -1 if backwards else 1]
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = "1.2.840.10008.1.2.1", "1.2.840.10008.5.1.4.1.1.2.1"
    meta.MediaStorageSOPInstanceUID = hd.UID()
    d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    for one in slices[0]:
        if one.keyword not in (
            "PixelData", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness",
            "RescaleSlope", "RescaleIntercept",
        ):  # fmt: skip
            d.add(one)
    d.SOPClassUID, d.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    d.NumberOfFrames = len(slices)
    shared, measures, turn, rescale = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = slices[0].PixelSpacing, slices[0].SliceThickness
    measures.SpacingBetweenSlices = series.spacing[0]
    turn.ImageOrientationPatient = slices[0].ImageOrientationPatient
    rescale.RescaleSlope, rescale.RescaleIntercept, rescale.RescaleType = 1, 0, "HU"
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [turn]
    shared.PixelValueTransformationSequence = [rescale]
    d.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for one in slices:
        place, frame = Dataset(), Dataset()
        place.ImagePositionPatient = one.ImagePositionPatient
        frame.PlanePositionSequence = [place]
        frames.append(frame)
    d.PerFrameFunctionalGroupsSequence = frames
    d.PixelData = b"".join(one.PixelData for one in slices)
    return d


def facts(**more) -> dict:
    """What a sidecar tells, with a request."""
    return {
        "method": "seg_hires_grad_cam", "method_title": "Seg-HiRes-Grad CAM", "class_index": 1, "class_name": "lesion",
        "score_title": "logit of lesion", "side": "reading", "unit": "logit", "score": 12.5, "total": 3.25,
        "completeness": 0.26, "status": "ok",
        "layer": {"name": "encoder.2", "part": "encoder"},
        "pixel_set": f"segment '{PATIENT}'",
        "provenance": {
            "model": "a net", "model_kind": "program", "weights_sha256": "ab" * 32, "engine": "seghirescam 0.1.0",
            "torch": "2.13.0", "precision": "fp32", "image_sha256": "cd" * 32, "head": "softmax",
        },
        "request": {
            "question": {"class_name": "lesion", "layers": ["encoder.2"], "grid": "layer"},
            "channels": [{"name": "CT", "sha256": "cd" * 32}],
            "segment_sha256": "ef" * 32, "weights_sha256": "ab" * 32,
        },
        **more,
    }  # fmt: skip


def layer_grid(grid: Grid) -> Grid:
    """Cells of 4 x 3 x 2 voxels, the first one's centre between voxels; of one slice: one cell."""
    k = grid.shape[0]
    jump, start, count = (4, 1.5, k // 4) if k > 4 else (1, 0, 1)
    return grid.strided((jump, 3, 2), (start, 1, 0.5), (count, grid.shape[1] // 3, grid.shape[2] // 2))


def random_map(shape, seed=0) -> np.ndarray:
    """Values of very different sizes, zeros of either sign and the smallest float among them."""
    found = np.random.default_rng(seed).normal(size=shape) * 10.0 ** np.random.default_rng(1).integers(-20, 6, shape)
    found = found.astype(np.float32)
    found.flat[:3] = 0.0, -0.0, np.float32(1e-45)
    return found


def as_dcmqi(path) -> tuple[np.ndarray, np.ndarray]:
    """([K, J, I], IJK-to-LPS) as ``ParaMapConverter::paramap2itkimage`` of dcmqi 1.5.7 has them: the directions of
    frame 0, the lowest place along their cross product as origin, the spacing that is stated (else the thickness, else
    the distance of the two lowest), and the frames in the order of the file, wherever they say they lie."""
    data = pydicom.dcmread(path)
    shared = data.SharedFunctionalGroupsSequence[0]
    assert (
        shared.FrameAnatomySequence[0].AnatomicRegionSequence[0].CodeValue
    )  # read without a look at whether it is there
    turn = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=float)
    normal = np.cross(turn[:3], turn[3:])
    normal /= np.linalg.norm(normal)
    places = np.array([f.PlanePositionSequence[0].ImagePositionPatient for f in data.PerFrameFunctionalGroupsSequence])
    along = (places.astype(float) - places[0].astype(float)) @ normal
    measures = shared.PixelMeasuresSequence[0]
    rows, columns = (float(v) for v in measures.PixelSpacing)
    step = float(measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or np.diff(np.sort(along))[0])
    lps = np.eye(4)
    lps[:3, :3] = np.stack([turn[:3] * columns, turn[3:] * rows, normal * step], axis=1)
    lps[:3, 3] = places[int(along.argmin())]
    return np.frombuffer(data.FloatPixelData, "<f4").reshape(len(places), data.Rows, data.Columns), lps


def by_dcmqi(path, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """([K, J, I], IJK-to-LPS) by dcmqi itself; skips the test where it is not installed."""
    program = next((p for p in (Path(sys.executable).parent / "paramap2itkimage", shutil.which("paramap2itkimage"))
                    if p and Path(p).exists()), None)  # fmt: skip
    if program is None:
        pytest.skip("dcmqi is not installed (pip install dcmqi)")
    done = subprocess.run(
        [str(program), "--inputDICOM", str(path), "--outputDirectory", str(folder), "-n", "dcmqi"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    image = read_volume(folder / "dcmqi-pmap.nrrd")
    return image.array[0], LPS_RAS @ image.grid.ijk_to_ras


def errors_of_dciodvfy(path) -> list[str]:
    """Skips the test where dciodvfy is not installed."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy is not installed (apt-get install dicom3tools)")
    done = subprocess.run([program, str(path)], capture_output=True, text=True, timeout=60)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]


def corner_places(array_shape, affine) -> np.ndarray:
    """Millimetres of the first voxel of every slice."""
    return (affine @ np.array([[0, 0, k, 1] for k in range(array_shape[0])], dtype=float).T)[:3].T


def saved(series: Series, folder: Path, values=None) -> Path:
    return save(folder, series.slices(values))
