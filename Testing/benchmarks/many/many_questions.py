"""What many pixel sets cost together: `python Testing/benchmarks/many/many_questions.py`.

Part 1: sixteen sets of sixteen classes in one question about a PlainConvUNet of nnU-Net at 64^3 (31 million weights),
at its bottleneck and at its last layer before the head; process CPU seconds, one thread, in plain forwards of the same
process; median of three, warm.  Part 2: all labels of the CT of ``SEGHIRESCAM_TEST_DATA`` with a small nnU-Net of
random weights in windows of 64^3, by the command line in a fresh process: forward passes counted, the process's peak
(VmHWM) beside what it held before and the session's own estimate; once as users run it, where glibc keeps freed blocks
for the next window, and once as all memory is measured here (run.MALLOC), which says what is in use.  Says whether each
goal was reached; writes results/many_questions.json.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing"), str(ROOT / "Testing" / "benchmarks")]
from run import MALLOC  # noqa: E402 - beside this folder

#: sets, and what they may cost in forwards
SETS, GOALS = 16, {"late": 1.7, "bottleneck": 12.5}
ROUNDS, EDGE, PATCH = 3, 64, 64
FEATURES = (32, 64, 128, 256, 320, 320)


def sixteen() -> dict:
    """layer -> {name, forwards (CPU seconds of the question in those of a forward), counted}."""
    import numpy as np
    import torch
    from dynamic_network_architectures.architectures.unet import PlainConvUNet
    from seghirescam import Grid, Image, PixelSet, PlainModel
    from seghirescam.session.opening import open_session

    torch.set_num_threads(1)
    torch.manual_seed(0)
    strides = [1, *[2] * (len(FEATURES) - 1)]
    norm = {"norm_op": torch.nn.InstanceNorm3d, "norm_op_kwargs": {"affine": True}}
    network = PlainConvUNet(
        1, len(FEATURES), FEATURES, torch.nn.Conv3d, 3, strides, 2, SETS + 1, 2, conv_bias=True, **norm,
        nonlin=torch.nn.LeakyReLU, nonlin_kwargs={"inplace": True}, deep_supervision=False,
    ).eval()  # fmt: skip
    grid = Grid.from_spacing((EDGE,) * 3)
    image = Image(np.random.default_rng(0).normal(size=grid.shape).astype(np.float32), grid)
    model = PlainModel(network, [f"class {n}" for n in range(SETS + 1)])
    sets = []
    for n in range(SETS):
        weights = np.zeros(grid.shape)
        low = [8 + 12 * (n % 4), 8 + 12 * (n // 4), 20]
        weights[tuple(slice(a, a + 10) for a in low)] = 1
        sets.append(PixelSet(weights, grid, f"set {n}"))
    found, tensor = {}, torch.as_tensor(image.array)[None]
    mains = [layer for layer in open_session(model, image).layers() if layer.main]
    deepest = max(mains, key=lambda layer: layer.stride)
    for word, layer in (("late", mains[-1].name), ("bottleneck", deepest.name)):
        ratios = []
        for _ in range(ROUNDS + 1):
            with torch.no_grad():
                forward = _cpu(lambda: network(tensor))
            session = open_session(model, image, keep=False)
            asked = _cpu(lambda s=session, x=layer: s.ask(sets, class_index=list(range(1, SETS + 1)), layers=[x]))
            ratios.append(asked / forward)
        counted = session.forward_calls
        found[word] = {
            "layer": layer,
            "forwards": round(median(ratios[1:]), 3),
            "counted": counted,
            "goal": GOALS[word],
        }
        print(word, found[word], flush=True)
    return found


def _cpu(work) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def small_nnunet(folder: Path, labels: dict[str, int]) -> Path:
    """A trained-model folder of nnU-Net with these classes; its weights are random."""
    from engine import nnunet_maker

    plans, dataset = nnunet_maker.planned(folder, labels=labels, reader="SimpleITKIO")
    settings = plans["configurations"]["3d_fullres"]
    settings["patch_size"], settings["spacing"] = [PATCH] * 3, [3.0, 3.0, 3.0]
    return nnunet_maker.trained(folder, plans, dataset, mirror=None, steps=0)


def all_labels() -> dict:
    data = Path(os.environ["SEGHIRESCAM_TEST_DATA"])
    names = json.loads((data / "ct_abdomen_labels.json").read_text(encoding="utf-8"))
    names = names.get("labels", names)
    words = [str(data / "ct_abdomen.nii.gz"), str(data / "ct_abdomen_labels.nii.gz")]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        labels = {"background": 0, **{name: n for n, name in enumerate(names.values(), start=1)}}
        model = small_nnunet(folder, labels)
        found = {}
        for part, malloc in (("estimate", MALLOC), ("command", MALLOC), ("command", {})):
            out = subprocess.run(
                [sys.executable, __file__, "--part", part, str(model), *words, str(folder / f"out-{len(malloc)}")],
                capture_output=True, text=True, env={**os.environ, **malloc, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
            if out.returncode:
                raise SystemExit(out.stderr)
            told = json.loads(out.stdout.splitlines()[-1])
            found |= told if part == "estimate" or malloc else {"peak_with_kept_blocks_mib": told["peak_mib"]}
    found["below_its_estimate"] = found["peak_mib"] <= found["held_mib"] + found["estimate_mib"]
    return found


def estimate(model: str, image: str, labels: str, out: str) -> dict:
    """What the session says beforehand, and what a process holds that has opened model, image, and labels."""
    from seghirescam import open_model
    from seghirescam.io.label_maps import read_labels
    from seghirescam.io.volumes import read_volume
    from seghirescam.session.opening import open_session

    import memory

    session = open_session(open_model(model), read_volume(image), keep=False)
    maps = read_labels(labels)
    session.layers()
    memory.settle()
    held = memory.resident()
    told = session.estimate([maps.of(label) for label in maps.labels], "each")
    return {"held_mib": round(held, 1), "estimate_mib": round(told["memory_bytes"] / 2**20, 1), "estimate": told}


def command(model: str, image: str, labels: str, out: str) -> dict:
    from seghirescam.cli import main

    said = io.StringIO()
    started = time.process_time()
    with redirect_stdout(said):
        code = main(["explain", model, "--image", image, "--segment", f"{labels}:all", "--json", "--out", out])
    assert code == 0, said.getvalue()
    answer = json.loads(said.getvalue())
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    return {
        "maps": len(answer["results"]), "left_out": answer["left_out"], "forward_passes": answer["forward_passes"],
        "cpu_seconds": round(time.process_time() - started, 1), "peak_mib": round(peak, 1),
    }  # fmt: skip


def run() -> None:
    """Both parts; what is measured is written after each."""
    found: dict = {"sixteen_sets": sixteen(), "reached": {}}
    for word, one in found["sixteen_sets"].items():
        found["reached"][word] = one["forwards"] <= one["goal"] and one["counted"] == 1
    _write(found)
    labels = found["all_labels"] = all_labels()
    found["reached"]["all labels, forwards"] = labels["forward_passes"] == labels["estimate"]["forward_passes"]
    found["reached"]["all labels, memory"] = labels["below_its_estimate"]
    _write(found)


def _write(found: dict) -> None:
    found["load_average"] = os.getloadavg()[0]
    target = Path(__file__).resolve().parents[1] / "results" / "many_questions.json"
    target.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--part"]:
        print(json.dumps({"estimate": estimate, "command": command}[sys.argv[2]](*sys.argv[3:])))
    else:
        run()
