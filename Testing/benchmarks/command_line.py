"""What `seghirescam explain` costs beside its passes: `python Testing/benchmarks/command_line.py [--rounds 3]`.

A CT of 512 x 512 x 400 int16 voxels with a label map, both .nii.gz; a small 3d_fullres nnU-Net of nnU-Net's own classes
(windows_nnunet.py), whose grid has 128 x 160 x 160 voxels; one segment, then all three in one command, each also with
the maps at a quarter of their cells.  Every row is a
fresh process with one thread that runs the command as the console does; its CPU seconds are split by where they were
spent, each second once, and its peak memory is the kernel's.  What importing nnunetv2 takes is the model's, importing
torch ours.  Writes results/command_line.json.  Needs the environment of `dev.py test`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import process_time

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".bench" / "command-line"
RESULTS = Path(__file__).parent / "results" / "command_line.json"
SHAPE = (400, 512, 512)
NODE = 3
#: row -> (what --segment takes behind the label map, the grid of the maps); in all: the body, its core, and a node
ROWS = {
    "one segment": ("2", "image"),
    "all segments": ("all", "image"),
    "one segment, quarter cells": ("2", "quarter"),
    "all segments, quarter cells": ("all", "quarter"),
}
#: where CPU seconds go: beside the model's own work they are the command's
OWN = ("start and imports", "reading", "hashing", "placing", "writing", "rest")
OF_THE_MODEL = ("library", "preprocessing", "layers", "passes")
LIBRARY = ("nnunetv2", "dynamic_network_architectures", "batchgenerators", "batchgeneratorsv2")


def made() -> tuple[Path, Path, Path]:
    """(model folder, image, label map); made by the first run."""
    import windows_nnunet as small

    folder, files = small.made(), (WORK / "ct.nii.gz", WORK / "labels.nii.gz")
    if not all(path.exists() for path in files):
        WORK.mkdir(parents=True, exist_ok=True)
        _write(folder, *files)
    return folder, *files


def _write(folder, image_file, labels_file):
    """The scene of windows_nnunet.py on finer voxels: a body and a core in air of -1000, noise everywhere."""
    import numpy as np
    import SimpleITK as sitk
    from engine.nnunet_maker import scene

    import windows_nnunet as small

    plans = json.loads((folder / "plans.json").read_text())
    grid = small.grid_of(plans, plans["configurations"]["3d_fullres"])
    _, labels = scene(grid, margin=(0, 0, 0))
    labels[tuple(slice(n // 2 - 6, n // 2 + 6) for n in labels.shape)] = NODE
    places = [np.arange(n) * m // n for n, m in zip(SHAPE, grid.shape, strict=True)]
    fine = labels[np.ix_(*places)]
    rng = np.random.default_rng(0)
    values = np.select([fine == 0, fine == 1, fine == 2], [-1000, 250, 500], 400).astype(np.int16)
    for plane in values:
        np.maximum(plane + rng.normal(0, 12, plane.shape).round().astype(np.int16), -1024, out=plane)
    spacing = [float(s * m / n) for s, m, n in zip(grid.spacing_kji, grid.shape, SHAPE, strict=True)]
    for array, path in ((values, image_file), (fine, labels_file)):
        itk = sitk.GetImageFromArray(array)
        itk.SetSpacing(spacing[::-1])
        sitk.WriteImage(itk, str(path), True)


class Clock:
    """CPU seconds by stage, each counted for the innermost stage that is running."""

    def __init__(self):
        self.seconds, self._stack, self._since = {}, ["rest"], process_time()

    def _turn(self):
        now = process_time()
        stage = self._stack[-1]
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now

    def wrap(self, owner, name, stage):
        plain = getattr(owner, name)

        def timed(*args, **words):
            self._turn()
            self._stack.append(stage if isinstance(stage, str) else stage(*args))
            try:
                return plain(*args, **words)
            finally:
                self._turn()
                self._stack.pop()

        setattr(owner, name, staticmethod(timed) if isinstance(owner.__dict__.get(name), staticmethod) else timed)

    def of_import(self, name, *rest):
        """What the model's library imports is the library's."""
        return "library" if self._stack[-1] == "library" or name.partition(".")[0] in LIBRARY else "start and imports"

    def told(self):
        self._turn()
        return {name: round(value, 3) for name, value in self.seconds.items()}


def _one(words: list[str]) -> dict:
    """The command in this process."""
    started = process_time()
    clock = Clock()
    clock.seconds["start and imports"] = started
    clock.wrap(__import__("importlib._bootstrap", fromlist=["x"]), "_find_and_load", clock.of_import)
    sys.path.insert(0, str(ROOT / "SegHiResGradCAM"))
    from seghirescam.cli import main

    _watch(clock)
    code = main(words)
    return {
        "code": code,
        "seconds": clock.told(),
        "cpu_s": process_time(),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _watch(clock):
    from seghirescam.cli import asked_case, explain, inputs, sidecars
    from seghirescam.evaluation.metrics.ground import Ground
    from seghirescam.io import volumes
    from seghirescam.models.segmentation_model import SegmentationModel
    from seghirescam.protocol import recipes
    from seghirescam.protocol.explanation import Explanation
    from seghirescam.protocol.image import Image
    from seghirescam.protocol.pixel_set import PixelSet
    from seghirescam.session.window_passes import WindowPasses
    from seghirescam.session.windows.window_sums import WindowSums

    for owner, name, stage in (
        *((asked_case, name, "reading") for name in ("read_segment", "on_image")),
        (inputs, "read_image", "reading"),
        (SegmentationModel, "prepared", "preprocessing"),
        (WindowPasses, "listed", "layers"),
        (WindowPasses, "_passed", "passes"),
        (WindowPasses, "fuse", "passes"),
        (WindowSums, "_differentiate", "passes"),
        (WindowSums, "_blend", "passes"),
        *((recipes, name, "placing") for name in ("mask_on",)),
        (PixelSet, "on", "placing"),
        (Explanation, "resampled_to", "placing"),
        *((Ground, name, "placing") for name in ("of", "evidence")),
        *((owner, "write_volume", "writing") for owner in (volumes, sidecars)),
        (explain, "write_result", "writing"),
    ):
        clock.wrap(owner, name, stage)
    for owner in (Image, PixelSet):
        _watch_property(clock, owner, "content_hash")


def _watch_property(clock, owner, name):
    found = owner.__dict__[name]
    holder = type("Holder", (), {"get": staticmethod(getattr(found, "fget", None) or found.func)})
    clock.wrap(holder, "get", "hashing")
    if isinstance(found, property):
        setattr(owner, name, property(holder.get))
    else:
        found.func = holder.get


def _as_users_have_it() -> dict[str, str]:
    """One thread; modules are compiled once and not in every process."""
    threads = {"OMP_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | threads


def _row(folder, image, labels, segment, grid) -> dict:
    out = WORK / "out"
    words = ["explain", str(folder), "--image", str(image), "--class", "core", "--device", "cpu"]
    words += ["--segment", f"{labels}:{segment}", "--grid", grid, "--out", str(out), "--overwrite", "--quiet", "--json"]
    told = subprocess.run(
        [sys.executable, __file__, "--one", json.dumps(words)],
        env=_as_users_have_it(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if told.returncode:
        raise SystemExit(told.stderr[-2000:])
    answer, found = told.stdout.splitlines()[-2:]
    return json.loads(found) | {"maps": len(json.loads(answer)["results"])}


def main(rounds: int) -> dict:
    """{row: {stage: median CPU seconds}} with sums and peaks."""
    sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "SegHiResGradCAM"), str(Path(__file__).parent)]
    from machine import describe

    files, found = made(), {"machine": describe(), "rounds": rounds}
    for row, question in ROWS.items():
        runs = [_row(*files, *question) for _ in range(rounds)]
        stages = {name: median(run["seconds"].get(name, 0.0) for run in runs) for name in (*OWN, *OF_THE_MODEL)}
        found[row] = {
            "seconds": stages,
            "beside the model's own work": round(sum(stages[name] for name in OWN), 2),
            "maps": runs[0]["maps"],
            "cpu_s": median(run["cpu_s"] for run in runs),
            "peak_mib": round(median(run["peak_mib"] for run in runs)),
        }
        print(row, json.dumps(found[row], indent=1), flush=True)
    for what in ("", ", quarter cells"):
        one, every = found[f"one segment{what}"], found[f"all segments{what}"]
        more = every["maps"] - one["maps"]
        found[f"a further segment{what}"] = further = {
            "cpu_s": round((every["cpu_s"] - one["cpu_s"]) / more, 2),
            "passes": round((every["seconds"]["passes"] - one["seconds"]["passes"]) / more, 2),
        }
        print(f"a further segment{what}", further)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", type=json.loads)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(_one(options.one)))
    else:
        main(options.rounds)
