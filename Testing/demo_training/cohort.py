"""The report's cases as a cohort: ``python Testing/demo_training cohort --out DIR``, then
``seghirescam cohort DIR/plan.yaml --out RUN``. Needs nilearn and SimpleITK.

Volumes, label maps of the lesion and the marker, both dilated as the report counts evidence in them, and a plan: both
networks asked about their predicted lesion against a look-alike, by three methods at the level of the targets.
``by_label.csv`` then holds, case by case, the shares of the README's table; counted on the image's grid of 2 mm, as
every command counts, and not on the networks' of 4 mm, as the report does, which moves them by some hundredths.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from seghirescam.evaluation.metrics.shares import dilated
from seghirescam.io.label_maps import write_labels
from seghirescam.io.volumes import write_volume

from .measure import DILATION_MM, LAYER_OF_THE_TARGETS
from .synthesis import EXPLORE_SEEDS, REPORT_SEEDS, make_case

SEEDS = {"report": REPORT_SEEDS, "explore": EXPLORE_SEEDS}
NAMES = {1: "lesion", 2: "marker"}
_PLAN = f"""# the README's honest and shortcut networks, beside each other
settings:
  method: [seg_hires_grad_cam, seg_grad_cam, seg_layer_cam]
  layer: {LAYER_OF_THE_TARGETS}
  score: contrast
  evaluate: none
rows:
  - images: "case_*.nrrd"
    segment: "labels_*.nrrd"
    pixels: predicted
    model: ["demo:honest", "demo:shortcut"]
    target: lesion
    rival: look-alike
"""


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python Testing/demo_training cohort", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", choices=SEEDS, default="report")
    options = parser.parse_args(arguments)
    for seed in SEEDS[options.seeds]:
        write(seed, options.out)
    plan = write_plan(options.out)
    print(f"{len(SEEDS[options.seeds])} cases. Now: seghirescam cohort {plan} --out RUN")


def write(seed: int, folder: Path) -> None:
    """The case of a seed with ring and marker, and where evidence is counted."""
    folder.mkdir(parents=True, exist_ok=True)
    case = make_case(seed, ring=True, marker=True)
    grid = case.image.grid
    write_volume(folder / f"case_{seed}.nrrd", case.image.array[0], grid)
    labels = np.zeros(grid.shape, np.uint8)
    for value, name in NAMES.items():
        labels[dilated(case.region(name).weights >= 0.5, grid, DILATION_MM)] = value
    write_labels(folder / f"labels_{seed}.nrrd", labels, grid, NAMES)


def write_plan(folder: Path) -> Path:
    (folder / "plan.yaml").write_text(_PLAN, encoding="utf-8")
    return folder / "plan.yaml"
