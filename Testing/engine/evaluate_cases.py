"""A small network on noise and a label map: what the tests of ``evaluate`` ask about."""

import csv

import numpy as np

from engine.cli_cases import factory
from engine.volume_files import PATIENT
from seghirescam.io.label_maps import write_labels
from seghirescam.io.volumes import write_volume
from seghirescam.protocol.grid import Grid

SHAPE = (16, 16, 20)
GRID = Grid.from_spacing(SHAPE, (2.0, 2.0, 2.0), (5.0, -3.0, 2.0))


def toy(folder):
    """(model, volume, label map): a small network on noise; organ, a label of one voxel, and one without any."""
    folder.mkdir(parents=True, exist_ok=True)
    source, path = factory(folder / "m"), folder / f"{PATIENT}.nii.gz"
    array = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    write_volume(path, array, GRID)
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:4, 1:4, 1:4], labels[10, 10, 10] = 1, 2
    write_labels(folder / "labels.seg.nrrd", labels, GRID, {1: "organ", 2: "dot", 3: "nothing"})
    return source, path, folder / "labels.seg.nrrd"


def asking(source, path, segment, label="organ"):
    return (
        "evaluate", source, "--image", path, "--segment", f"{segment}:{label}", "--class", "lesion", "--consent",
        "--layer", "down", "--device", "cpu",
    )  # fmt: skip


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
