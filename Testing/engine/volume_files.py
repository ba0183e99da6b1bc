"""Volumes on disk: voxels, and DICOM series whose every name tells of a patient."""

import numpy as np
import SimpleITK as sitk

from seghirescam import Grid

PATIENT = "Zebra Quagga"


def voxels(shape=(4, 5, 6), dtype=np.float32, seed=0):
    return (100 * np.random.default_rng(seed).normal(size=shape)).astype(dtype)


def write_series(folder, shape=(6, 8, 10), places=None, tilt_mm=0.0, series="1.2.3.4.1", seed=0):
    """Oblique CT slices, each with its own position, stored 1024 higher (rescale); returns voxels and grid."""
    folder.mkdir(parents=True, exist_ok=True)
    turn, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))
    turn = turn * np.sign(np.linalg.det(turn))
    spacing, start = np.array([0.8, 1.2, 2.5]), np.array([-50.25, 31.5, 200.75])
    values = np.random.default_rng(seed).integers(-1000, 1000, size=shape).astype(np.int16)
    places = range(shape[0]) if places is None else places
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for n, place in enumerate(places):
        slice_ = sitk.GetImageFromArray(values[n][None])
        slice_.SetSpacing(spacing.tolist())
        slice_.SetDirection(turn.ravel().tolist())
        at = start + turn[:, 2] * spacing[2] * place + turn[:, 1] * tilt_mm * n
        tags = {
            "0008|0060": "CT", "0010|0010": PATIENT.replace(" ", "^"), "0010|0020": PATIENT, "0008|103e": PATIENT,
            "0020|000e": series, "0020|000d": "1.2.3.4", "0008|0018": f"{series}.{n + 1}", "0020|0013": str(n + 1),
            "0020|0032": "\\".join(f"{v:.6f}" for v in at),
            "0020|0037": "\\".join(f"{v:.8f}" for v in (*turn[:, 0], *turn[:, 1])),
            "0028|1052": "-1024", "0028|1053": "1",
        }  # fmt: skip
        for key, value in tags.items():
            slice_.SetMetaData(key, value)
        # out of order on disk: positions decide, not names
        writer.SetFileName(str(folder / f"{PATIENT} {(n * 7) % 11:02d}.dcm"))
        writer.Execute(slice_)
    lps = np.eye(4)
    lps[:3, :3], lps[:3, 3] = turn * spacing, start
    return values, Grid(shape, np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps)
