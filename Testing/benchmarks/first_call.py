"""What the first call costs: `python Testing/benchmarks/first_call.py [--rounds 5] [--only WORDS]`.

Four networks, a layer at the bottleneck and a late one each; ours beside Captum's LayerGradCam and torchcam.  Every
measurement is a fresh process with one thread whose network has run once (so that torch itself is warm): process CPU
seconds of the first call, everything included, and the highest resident memory above that before the call; for ours
also the second and third call, and the first call of a second network of the architecture, with other weights.  The
medians go into results/first_call.json.  Needs the environment of `dev.py test`; a peer that is not installed is left
out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
PEERS = ("ours", "captum", "torchcam")
#: at most so many times Captum's first call, and so many seconds more; a second network: times the warm call
TIMES, SECONDS, SECOND_NETWORK = 1.15, 0.5, 1.05


def plain_conv_unet():
    """nnU-Net, 31 million parameters."""
    import torch
    from dynamic_network_architectures.architectures.unet import PlainConvUNet

    return PlainConvUNet(
        1, 6, [32, 64, 128, 256, 320, 320], conv_op=torch.nn.Conv3d, kernel_sizes=[3] * 6, strides=[1] + [2] * 5,
        n_conv_per_stage=[2] * 6, num_classes=3, n_conv_per_stage_decoder=[2] * 5, conv_bias=True,
        norm_op=torch.nn.InstanceNorm3d, norm_op_kwargs={"affine": True}, nonlin=torch.nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
    )  # fmt: skip


def dyn_unet():
    from monai.networks.nets import DynUNet

    return DynUNet(3, 1, 3, [3] * 5, [1, 2, 2, 2, 2], [2] * 4, filters=[16, 32, 64, 128, 256])


def swin_unetr():
    from monai.networks.nets import SwinUNETR

    return SwinUNETR(in_channels=1, out_channels=3, feature_size=12)


def unet_2d():
    from monai.networks.nets import UNet

    return UNet(2, 1, 3, (32, 64, 128, 256, 512), (2, 2, 2, 2), num_res_units=2)


#: name -> (network, size of the image, bottleneck, late layer)
NETWORKS = {
    "PlainConvUNet 31M": (plain_conv_unet, (64, 64, 64), "encoder.stages.5", "decoder.stages.4"),
    "DynUNet": (dyn_unet, (96, 96, 96), "bottleneck", "upsamples.3"),
    "SwinUNETR": (swin_unetr, (64, 64, 64), "encoder10", "decoder1"),
    "UNet 2D": (unet_2d, (256, 256), "model.1.submodule.1.submodule.1.submodule.1.submodule", "model.2.0"),
}


def contestant(peer, network, image, mask, layer):
    """The function that makes one explanation of class 1 with this peer."""
    if peer == "ours":
        import numpy as np
        from seghirescam import Grid, Image, PixelSet, PlainModel
        from seghirescam.session.explain import explain

        dims = mask.ndim
        shape = (1,) * (3 - dims) + tuple(mask.shape)
        grid = Grid.from_spacing(shape)
        model = PlainModel(network, ["a", "b", "c"], divisor=32, spatial_dims=dims)
        pixels = PixelSet(mask.numpy().reshape(shape).astype(np.float32), grid, "box")
        ours = Image(image[0, 0].numpy().reshape(shape), grid)
        return lambda: explain(model, ours, pixels, class_index=1, layers=[layer])
    if peer == "captum":
        from captum.attr import LayerGradCam

        def score(x):
            return (network(x)[:, 1] * mask).sum().reshape(1)

        return lambda: LayerGradCam(score, network.get_submodule(layer)).attribute(image)
    from torchcam.methods import GradCAM

    def call():
        with GradCAM(network, layer) as extractor:
            return extractor(scores=network(image), targets=lambda sample: (sample[1] * mask).sum())

    return call


def measure(peer: str, name: str, late: bool) -> dict:
    """In this process: {forward_s, first_s, first_mib, warm_s, second_network_s}."""
    import torch

    import memory

    torch.set_num_threads(1)
    build, shape, *layers = NETWORKS[name]
    torch.manual_seed(0)
    network, other = build().eval(), build().eval()
    image, mask = torch.randn(1, 1, *shape), torch.zeros(shape)
    mask[(slice(20, 40),) * len(shape)] = 1
    with torch.no_grad():
        network(image)
        forward, _ = cpu(lambda: network(image))
    call = contestant(peer, network, image, mask, layers[late])
    memory.settle()
    before = memory.resident()
    with memory.Peak() as peak:
        first, _ = cpu(call)
    found = {"forward_s": forward, "first_s": first, "first_mib": peak.mib - before}
    if peer == "ours":
        memory.settle()
        found["warm_s"] = min(cpu(call)[0] for _ in range(3))
        found["second_network_s"], _ = cpu(contestant(peer, other, image, mask, layers[late]))
    return found


def cpu(call):
    start = time.process_time()
    found = call()
    return time.process_time() - start, found


def child(peer: str, name: str, late: bool) -> dict | None:
    """:func:`measure` in a fresh process; None where the peer does not run."""
    paths = os.pathsep.join([str(ROOT / "SegHiResGradCAM"), str(Path(__file__).parent)])
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    words = [sys.executable, __file__, "--measure", peer, name, str(int(late))]
    done = subprocess.run(
        words, capture_output=True, text=True, env=os.environ | threads | {"PYTHONPATH": paths}, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    print(name, "late" if late else "bottleneck", peer, *lines, flush=True)
    if not lines:
        print(f"  {peer}: {(done.stderr.strip().splitlines() or ['did not run'])[-1]}")
    return json.loads(lines[-1].removeprefix("RESULT ")) if lines else None


def goals(rows: dict) -> list[tuple[str, float, float, bool]]:
    """(what, measured, at most, reached)"""
    found = []
    for name, by in rows.items():
        ours, captum = by.get("ours"), by.get("captum")
        if ours and captum:
            found.append((f"{name}: first call, s", ours["first_s"], TIMES * captum["first_s"] + SECONDS))
            found.append((f"{name}: first call, MiB", ours["first_mib"], captum["first_mib"]))
        if ours:
            # the medians of ratios within one process
            found.append((f"{name}: second network / warm call", ours["second_network_ratio"], SECOND_NETWORK))
    return [(what, value, most, value <= most) for what, value, most in found]


def main() -> int:
    if sys.argv[1:2] == ["--measure"]:
        print("RESULT " + json.dumps(measure(sys.argv[2], sys.argv[3], sys.argv[4] == "1")), flush=True)
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", help="parts of the networks' names; results/ is left as it is")
    options = parser.parse_args()
    rows, names = {}, [n for n in NETWORKS if not options.only or any(part in n for part in options.only)]
    runs: dict[tuple, list] = {}
    for number in range(options.rounds):
        for name in names:
            for late in (False, True):
                for peer in PEERS[number % 3 :] + PEERS[: number % 3]:
                    runs.setdefault((name, late, peer), []).append(child(peer, name, late))
    for (name, late, peer), each in runs.items():
        each = [one for one in each if one]
        if not each:
            continue
        for one in each:
            one["first_ratio"] = one["first_s"] / one["forward_s"]
            if "warm_s" in one:
                one["warm_ratio"] = one["warm_s"] / one["forward_s"]
                one["second_network_ratio"] = one["second_network_s"] / one["warm_s"]
        row = rows.setdefault(f"{name}, {'late' if late else 'bottleneck'}", {})
        row[peer] = {key: median(one[key] for one in each) for key in each[0]} | {"runs": len(each)}
        print(
            f"{name:18} {'late' if late else 'bottleneck':10} {peer:9}", {k: round(v, 2) for k, v in row[peer].items()}
        )
    reached = goals(rows)
    for what, value, most, kept in reached:
        print(f"{'reached' if kept else 'MISSED ':8} {what}: {value:.3g} (at most {most:.3g})")
    if not options.only:
        facts = {"rounds": options.rounds, "rows": rows, "goals": [list(goal) for goal in reached]}
        (Path(__file__).parent / "results" / "first_call.json").write_text(json.dumps(facts, indent=1) + "\n")
    return 0 if all(kept for *_, kept in reached) else 1


if __name__ == "__main__":
    sys.exit(main())
