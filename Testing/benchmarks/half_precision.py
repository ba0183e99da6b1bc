"""How well maps in bf16 agree with those in fp32: `python Testing/benchmarks/half_precision.py [NAME ...]`.

Networks that were trained, not random weights: the four published MeshNets of SEGHIRESCAM_TEST_DATA, deepbet's two
programs, and the demo's two.  For each Seg-HiRes-Grad CAM of one class's predicted voxels (the demo: the lesion), at an
early layer, in the middle and at a late one, on the layer's own cells: Pearson's r, cosine, the share of the positive
evidence inside the pixel set in both precisions, the overlap (Dice) of the hottest tenth of the cells, and process CPU
seconds of the pass in both (one thread; whether bf16 is faster depends on the processor, which is named).
Writes results/half_precision.json after every network.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from time import process_time

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).parent / "results" / "half_precision.json"
MESHNETS = ("meshnet_gwm", "meshnet_gwm20", "meshnet_18", "meshnet_104")
DEEPBET = ("bbox_model", "model")
DEMO = ("honest", "shortcut")
#: of the MeshNets, voxels an axis: bf16 convolutions are slow on processors that do not compute in it
SIZE = 40


def meshnet(name, folder):
    """(model, image, class index, pixel set, layers)"""
    import numpy as np
    from engine.published_networks import Case
    from seghirescam.protocol.pixel_set import PixelSet
    from seghirescam.session.opening import open_session

    case = Case(name, SIZE, folder)
    model, image = case.opened()
    session = open_session(model, image)
    labels = session.logits().argmax(0)
    counts = np.bincount(labels.ravel(), minlength=len(model.classes))
    index = int(counts[1:].argmax()) + 1 if counts[1:].any() else 0
    pixels = PixelSet(labels == index, session.prepared().grid)
    convolutions = [str(n) for n in range(0, len(case.network), 2)]
    return model, image, index, pixels, [convolutions[0], convolutions[len(convolutions) // 2], convolutions[-2]]


def deepbet(name, folder):
    import numpy as np
    from engine.published_deepbet import opened, own_run
    from seghirescam.protocol.pixel_set import PixelSet

    file, tensor, answer = own_run((128, 128, 128))[name]
    # the middle, as the tests take it
    tensor, answer = (part[..., 32:96, 32:96, 32:96].contiguous() for part in (tensor, answer))
    model, image = opened(file, tensor, folder)
    inside = (answer[0, 1] > 0.5).numpy().transpose(2, 1, 0)
    return model, image, 1, PixelSet(np.ascontiguousarray(inside), image.grid), ["down1#3", "down3#3", "conv"]


def demo(name, folder):
    from seghirescam import open_model
    from seghirescam.demo.case import load_case

    image, segments = load_case()
    return open_model(f"demo:{name}"), image, "lesion", segments["Lesion"], ["encoder.0", "encoder.2", "decoder.0"]


def agreement(full, rough, pixels) -> dict:
    """Of two explanations of the same question; numbers without a unit."""
    import numpy as np
    from seghirescam.evaluation.metrics.shares import share

    a, b = (one.map.astype(np.float64).ravel() for one in (full, rough))
    hot = [set(np.argsort(-values, kind="stable")[: max(1, values.size // 10)].tolist()) for values in (a, b)]
    inside = pixels.on(full.grid).weights >= 0.5
    return {
        "cells": list(full.map.shape),
        "r": float(np.corrcoef(a, b)[0, 1]),
        "cosine": float(a @ b / np.sqrt((a @ a) * (b @ b))),
        "inside": [share(one.map, inside) for one in (full, rough)],
        "hottest_tenth_dice": len(hot[0] & hot[1]) / len(hot[0]),
        "score": [full.score, rough.score],
        "computed_in": rough.provenance["precision"],
    }


def measured(model, image, index, pixels, layers) -> dict:
    from seghirescam.session.opening import open_session

    found, seconds = {}, {}
    for precision in ("fp32", "bf16"):
        session = open_session(model, image, precision=precision, keep=False)
        session.layers()  # the probe of the layers counts for nobody
        start = process_time()
        found[precision] = session.ask(pixels, class_index=index, layers=layers)
        seconds[precision] = round(process_time() - start, 2)
    pairs = zip(found["fp32"], found["bf16"], strict=True)
    rows = {full.layer.name: {"part": full.layer.part, **agreement(full, rough, pixels)} for full, rough in pairs}
    return {"layers": rows, "cpu_s": seconds, "bf16_over_fp32": round(seconds["bf16"] / seconds["fp32"], 2)}


def main(names) -> None:
    sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "SegHiResGradCAM"), str(Path(__file__).parent)]
    import torch

    from machine import describe

    torch.set_num_threads(1)
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    found["machine"] = describe() | {"torch": torch.__version__}
    kinds = {name: make for make, group in ((meshnet, MESHNETS), (deepbet, DEEPBET), (demo, DEMO)) for name in group}
    for name in names or kinds:
        with tempfile.TemporaryDirectory() as folder:
            found.setdefault("networks", {})[name] = measured(*kinds[name](name, Path(folder)))
        RESULTS.write_text(json.dumps(found, indent=1) + "\n")
        rows = found["networks"][name]["layers"]
        print(name, {layer: round(row["r"], 4) for layer, row in rows.items()}, found["networks"][name]["cpu_s"])


if __name__ == "__main__":
    main(sys.argv[1:])
