"""A small cohort's run with maps, a failed question, and names that a page must escape or not hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.cohort_cases import GRID, network, patient, plan, run
from engine.volume_files import PATIENT
from seghirescam.cohort.settings import NONE, Settings
from seghirescam.io.label_maps import write_labels

#: a structure's and a group's name as somebody might write them
MARKUP, GROUP = "<b>vessel</b> & co", "arm <script>alert(1)</script>"


def reported(folder: Path, cases: int = 3, evaluate: str = NONE) -> tuple[Path, Path]:
    """(folder of the plan, the run): cases x two models x (lesion's segment, its prediction), and a missing image."""
    folder.mkdir(parents=True, exist_ok=True)
    nets, rows = [network(folder, f"{PATIENT} net{n}", seed=n) for n in range(2)], []
    for n in range(cases):
        name = patient(folder, n)
        labels = np.zeros(GRID.shape, np.uint8)
        labels[2:6, 2:7, 2:8], labels[3:5, 4:6, 4:6], labels[1:3, 7:9, 8:11] = 1, 2, 3
        write_labels(folder / f"{name}.seg.nrrd", labels, GRID, {1: "organ", 2: "lesion", 3: MARKUP})
        for net in nets:
            base = {"case": name, "images": f"{name}.nii.gz", "model": net, "target": "lesion", "group": GROUP}
            rows.append(base | {"segment": f"{name}.seg.nrrd", "label": "lesion", "reference": f"{name}.seg.nrrd"})
            rows.append(base)
    rows.append({"case": f"{PATIENT} gone", "images": f"{PATIENT} gone.nii.gz", "model": nets[0], "target": "lesion"})
    where = plan(folder, rows)
    report = run(where, folder.parent / "run", Settings(evaluate=evaluate, maps=True))
    assert report.failed == 1 and report.finished == 4 * cases
    return folder, folder.parent / "run"
