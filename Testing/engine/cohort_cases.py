"""Small cohorts: a network of one convolution pair, images of a thousand voxels, plans and runs of them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from engine.volume_files import PATIENT
from seghirescam.cohort.plans.expanded import expanded
from seghirescam.cohort.plans.row import COLUMNS
from seghirescam.cohort.run_folder import RunFolder
from seghirescam.cohort.running.here import Here
from seghirescam.cohort.running.job import Plan
from seghirescam.cohort.running.model_store import Consent
from seghirescam.cohort.running.run import Cohort
from seghirescam.cohort.running.work import Work
from seghirescam.cohort.settings import NONE, Settings
from seghirescam.io.label_maps import write_labels
from seghirescam.io.volumes import write_volume
from seghirescam.protocol.grid import Grid

GRID = Grid.from_spacing((8, 10, 12), (2.0, 1.5, 1.0))
CLASSES = ("background", "organ", "lesion")
QUICK = Settings(evaluate=NONE)

#: what its author may write into the forward pass is filled in
_CODE = """
import os, signal, torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv3d(1, 4, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose3d(4, 3, 2, stride=2)
    def forward(self, x):
        {forward}
        return self.up(torch.relu(self.down(x)))
def build():
    return Net()
"""


def network(folder: Path, name: str, seed: int = 0, forward: str = "pass") -> str:
    """A model description in ``folder``; returns its name."""
    torch.manual_seed(seed)
    parts = {"down": nn.Conv3d(1, 4, 3, stride=2, padding=1), "up": nn.ConvTranspose3d(4, 3, 2, stride=2)}
    save_file(
        {f"{part}.{key}": value for part, module in parts.items() for key, value in module.state_dict().items()},
        folder / f"{name}.safetensors",
    )
    (folder / f"{name}.py").write_text(_CODE.format(forward=forward), encoding="utf-8")
    words = f'{{"factory": "{name}.py", "weights": "{name}.safetensors", "classes": ["background", "organ", "lesion"], '
    (folder / f"{name}.model.json").write_text(f'{words}"channels": ["image"], "divisor": 2}}', encoding="utf-8")
    return f"{name}.model.json"


def patient(folder: Path, number: int) -> str:
    """An image and a label map with an organ and a lesion; returns the case's name, which must stay in the plan."""
    name = f"{PATIENT}{number}"
    rng = np.random.default_rng(number)
    write_volume(folder / f"{name}.nii.gz", rng.normal(size=GRID.shape).astype(np.float32), GRID)
    labels = np.zeros(GRID.shape, np.uint8)
    labels[2:6, 2:7, 2 : 8 + number % 3] = 1
    labels[3:5, 4:6, 4:6] = 2
    write_labels(folder / f"{name}.seg.nrrd", labels, GRID, {1: "organ", 2: "lesion"})
    return name


def plan(folder: Path, rows: list[dict], name: str = "plan.csv") -> Path:
    with open(folder / name, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return folder / name


def small(folder: Path, cases: int = 2, models: int = 2) -> Path:
    """cases x models x (lesion's segment, its prediction): a plan in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    nets = [network(folder, f"net{n}", seed=n) for n in range(models)]
    rows = []
    for n in range(cases):
        name = patient(folder, n)
        for net in nets:
            base = {"case": name, "images": f"{name}.nii.gz", "model": net, "target": "lesion"}
            rows.append(base | {"segment": f"{name}.seg.nrrd", "label": "lesion", "reference": f"{name}.seg.nrrd"})
            rows.append(base | {"group": "predicted"})
    return plan(folder, rows)


def cohort(where: Path, out: Path, settings: Settings = QUICK, part=(1, 1)) -> Cohort:
    work = Work(str(out.absolute()), str(where.absolute().parent), settings, Consent(everything=True))
    return Cohort(
        Plan.of(expanded(where), settings.refuse, part), lambda: enumerate(expanded(where), 1), RunFolder(out), work
    )


def run(where: Path, out: Path, settings: Settings = QUICK, part=(1, 1), engine=None, **more):
    """The report of a run here."""
    return cohort(where, out, settings, part).answer(engine or Here(), **more)


def table(out: Path, name: str = "table") -> list[dict]:
    with open(out / f"{name}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def tables(out: Path) -> tuple[bytes, bytes]:
    return (out / "table.csv").read_bytes(), (out / "by_label.csv").read_bytes()


def left(out: Path) -> list[str]:
    """What lies in ``working``: nothing, once nobody works."""
    return sorted(path.name for path in (out / "working").iterdir())
