"""What sliding windows cost: `python Testing/benchmarks/windows.py [--size 512] [--rounds 3]`.

Part 1, time: a MONAI DynUNet, windows of 64^3, half overlap, gaussian weights, on a volume of 128 x 160 x 160 voxels;
balls of three sizes as M; process CPU seconds of one Seg-HiRes-Grad CAM at the bottleneck, beside the prediction of the
whole volume by MONAI's own inferer and a plain backward pass through that inferer (what one would write by hand).
An nnU-Net of its own (windows_nnunet.py) is asked by us and by nnunetv2-cam.
Part 2, memory: 512 x 512 x 400 voxels, windows of 96^3, M given; the peak above the prepared image, in float32 volumes.
Every row is a fresh process with one thread.  Writes results/windows.json; tools/write_readme_tables.py makes
the tables of docs/benchmarks/windows.md from it.  Needs the environment of `dev.py test`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RADII = (8, 20, 40)
LAYER = "bottleneck"


def offsets_of(size):
    return lambda shape: list(
        product(*[sorted({*range(0, n - s, s // 2), n - s}) for n, s in zip(shape, size, strict=True)])
    )


def _network(filters):
    import torch
    from monai.networks.nets import DynUNet

    torch.set_num_threads(1)
    torch.manual_seed(0)
    return DynUNet(3, 1, 3, [3] * 5, [1, 2, 2, 2, 2], [2] * 4, filters=filters).eval()


def _importance(size):
    from monai.data.utils import compute_importance_map

    return compute_importance_map(size, mode="gaussian", sigma_scale=0.125).clamp(min=1e-3).numpy()


def _case(shape, size, radius, filters):
    import numpy as np
    from seghirescam import Grid, Image, PixelSet, PlainModel
    from seghirescam.models.segmentation_model import Windows

    rng = np.random.default_rng(0)
    array = np.empty((1, *shape), dtype=np.float32)
    array[:] = rng.normal(size=shape[1:]).astype(np.float32)
    grid = Grid.from_spacing(shape, (1.0, 0.8, 0.8))
    mask = np.zeros(shape, dtype=np.float32)
    low = [n // 2 - radius for n in shape]
    ball = np.indices((2 * radius + 1,) * 3) - radius
    mask[tuple(slice(a, a + 2 * radius + 1) for a in low)] = (ball**2).sum(axis=0) <= radius**2
    windows = Windows(size, offsets_of(size), _importance(size))
    model = PlainModel(_network(filters), ("background", "lesion", "other"), windows=windows)
    return model, Image(array, grid), PixelSet(mask, grid, "ball")


def _cpu(call):
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = call()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, found


def ours(radius, tolerance=0.0):
    from seghirescam.session.opening import open_session

    model, image, pixels = _case((128, 160, 160), (64, 64, 64), radius, [16, 32, 64, 128, 256])
    session = open_session(model, image, tolerance=tolerance, memory_budget_bytes=0)
    session.layers()
    seconds, found = _cpu(lambda: session.ask(pixels, class_index=1, layers=LAYER))
    windows = found[0].provenance["windows"]
    return {"cpu_s": seconds, "run": windows["run"], "of": windows["of"], "left_out": windows["weight_left_out"]}


def predict():
    import torch

    model, image, _ = _case((128, 160, 160), (64, 64, 64), RADII[0], [16, 32, 64, 128, 256])
    inferer = _inferer()
    with torch.no_grad():
        seconds, _ = _cpu(lambda: inferer(torch.as_tensor(image.array)[None], model.network))
    return {"cpu_s": seconds, "run": len(offsets_of((64,) * 3)(image.grid.shape))}


def naive(radius):
    """Hooks keep every window's activation, one backward pass through MONAI's inferer differentiates them all."""
    import torch

    model, image, pixels = _case((128, 160, 160), (64, 64, 64), radius, [16, 32, 64, 128, 256])
    mask, kept = torch.as_tensor(pixels.weights), []

    def leaf(module, inputs, output):
        kept.append(output)
        return None

    def call():
        handle = dict(model.network.named_modules())[LAYER].register_forward_hook(leaf)
        logits = _inferer()(torch.as_tensor(image.array)[None], model.network)
        gradients = torch.autograd.grad((logits[0, 1] * mask).sum(), kept)
        handle.remove()
        return [(a * g).sum(dim=1) for a, g in zip(kept, gradients, strict=True)]

    seconds, found = _cpu(call)
    return {"cpu_s": seconds, "run": len(found), "of": len(found)}


def _inferer():
    from monai.inferers import SlidingWindowInferer

    return SlidingWindowInferer((64,) * 3, 1, 0.5, mode="gaussian", sigma_scale=0.125)


def memory_of(layer, size):
    from seghirescam.protocol.progress import Progress
    from seghirescam.session.opening import open_session

    import memory

    shape = (size * 400 // 512, size, size)
    model, image, pixels = _case(shape, (96, 96, 96), 12, [16, 32, 64, 128, 256])
    session = open_session(model, image, memory_budget_bytes=0)
    estimate = session.estimate(pixels, layer)
    session._prepare(Progress(None))
    memory.settle()
    before = memory.resident()
    with memory.Peak() as peak:
        session.ask(pixels, class_index=1, layers=layer)
    volume = image.array.nbytes / 2**20
    return {
        "extra_mib": peak.mib - before,
        "volume_mib": volume,
        "window_mib": estimate["window_bytes"] / 2**20,
        "run": estimate["windows"],
        "of": estimate["of_windows"],
        "shape": list(shape),
        "how": peak.how,
    }


def prediction_memory(size):
    from seghirescam.session.opening import open_session

    import memory

    shape = (size * 400 // 512 // 2, size // 2, size // 2)
    model, image, _ = _case(shape, (96, 96, 96), 12, [4, 8, 8, 8, 8])
    session = open_session(model, image, memory_budget_bytes=0)
    session.layers()
    memory.settle()
    before = memory.resident()
    with memory.Peak() as peak:
        session.logits()
    return {
        "extra_mib": peak.mib - before,
        "volume_mib": image.array.nbytes / 2**20,
        "shape": list(shape),
        "classes": 3,
    }


def fresh(expression: str, module: str = "windows", also=()) -> dict:
    """One row in a process of its own; also: further folders of packages."""
    words = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import json, {module}; "
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "MKL_", "MALLOC_"))}
    keep |= {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "1048576"}
    keep["PYTHONPATH"] = os.pathsep.join([str(ROOT / "SegHiResGradCAM"), *also])
    done = subprocess.run(
        [sys.executable, "-c", words + f"print('@' + json.dumps({module}.{expression}))"],
        capture_output=True, text=True, env=keep,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("@")]
    if not lines:
        last = (done.stderr.strip() or f"ended with {done.returncode}").splitlines()[-1]
        return {"failed": last[:200] if done.returncode != -9 else "ended by the system (memory)"}
    return json.loads(lines[0][1:])


def nnunet_rows() -> dict:
    """Ours and nnunetv2-cam on the same nnU-Net, once each."""
    import windows_nnunet

    testing = str(ROOT / "Testing")
    mine = fresh("ours()", "windows_nnunet", [testing])
    print("nnU-Net, ours:", mine, flush=True)
    try:
        peer = windows_nnunet.installed()
    except subprocess.CalledProcessError:
        theirs = {"failed": "pip could not install it"}
    else:
        theirs = {"failed": "our row did not run"}
        if "failed" not in mine:
            theirs = fresh(f"nnunetv2_cam({mine['layer']!r})", "windows_nnunet", [testing, peer])
    print("nnU-Net, nnunetv2-cam:", theirs, flush=True)
    return {"nnU-Net, ours": [mine], "nnU-Net, nnunetv2-cam": [theirs]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=512, help="in-plane voxels of the memory rows")
    options = parser.parse_args()
    jobs = {"predict": "predict()"}
    for radius in RADII:
        jobs[f"ours {radius}"] = f"ours({radius})"
        jobs[f"ours {radius}, 1 %"] = f"ours({radius}, 0.01)"
    jobs["naive 20"] = "naive(20)"
    found = {name: [] for name in jobs}
    for number in range(options.rounds):
        for name, job in jobs.items():
            found[name].append(fresh(job))
            print(f"round {number + 1}: {name}: {found[name][-1]}", flush=True)
    for layer in (LAYER, "downsamples.1", "upsamples.3"):
        found[f"memory {layer}"] = [fresh(f"memory_of({layer!r}, {options.size})")]
        print(layer, found[f"memory {layer}"], flush=True)
    found["memory of predicting"] = [fresh(f"prediction_memory({options.size})")]
    found |= nnunet_rows()
    import machine

    facts = {"machine": machine.describe(), "rows": found, "load": os.getloadavg()[0]}
    (Path(__file__).parent / "results" / "windows.json").write_text(json.dumps(facts, indent=1) + "\n")
    print("Into docs/benchmarks/windows.md: python3 tools/write_readme_tables.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
