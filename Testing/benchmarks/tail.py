"""What a perturbed channel costs: `python Testing/benchmarks/tail.py [--size 96] [--rounds 3] [--no-peers]`.

Ablation re-runs the network once a channel.  Timed, on the benchmark's network (case.py): one plain forward; one
channel by :class:`cam.tail.Tail`; one channel by a full forward with the layer's output replaced; one channel by
pytorch-grad-cam's AblationCAM where it runs.  At a late layer all channels, at the bottleneck a stated sample.  Process
CPU seconds, one thread, every row a fresh process, the median of the rounds; what comes once (recording, the check
against a full forward) is a column of its own.  The scores of both ways are compared, bit for bit.
Writes results/tail.json.  Needs the environment of `dev.py test`; peers get their own (environments.py).
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

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LATE, BOTTLENECK = "upsamples.3", "bottleneck"
#: how many times cheaper than a full forward a channel must be
GOALS = {LATE: 20.0, BOTTLENECK: 1.3}


def _cpu(call):
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = call()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, found


def _case(path):
    import torch

    import case

    torch.set_num_threads(1)
    return case.load(Path(path))


def forward(path) -> dict:
    """One forward, after a warm-up."""
    import torch

    found = _case(path)
    with torch.no_grad():
        found.network(found.image)
        seconds, _ = _cpu(lambda: found.network(found.image))
    return {"cpu_s": seconds}


def tail(path, layer, channels) -> dict:
    """Seconds a channel by the tail and by full forwards, and whether the scores are the same."""
    import torch
    from seghirescam.cam.isolation.undisturbed import undisturbed
    from seghirescam.cam.layers.tail import Tail
    from seghirescam.cam.methods.sampling import sampled

    found = _case(path)
    with undisturbed(found.network), torch.no_grad():
        once, behind = _cpu(lambda: Tail(found.network, found.image, layer, channels=3))
        looked_at = sampled(behind.activation.shape[1], channels)

        def removed(k):
            changed = behind.activation.clone()
            changed[:, k] = 0
            return changed

        behind(removed(looked_at[0]))
        seconds, logits = _cpu(lambda: [behind(removed(k)) for k in looked_at])
        few = looked_at[:: max(1, len(looked_at) // 4)]
        slow, truth = _cpu(lambda: [_replaced(found, layer, removed(k)) for k in few])
    ours = [logits[looked_at.index(k)] for k in few]
    worst = max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(ours, truth, strict=True))
    return {
        "once_s": once,
        "channel_s": seconds / len(looked_at),
        "full_s": slow / len(few),
        "channels": len(looked_at),
        "of": int(behind.activation.shape[1]),
        "bit_equal": all(torch.equal(a, b) for a, b in zip(ours, truth, strict=True)),
        "worst": worst,
        "compared": len(few),
        "replayed": not behind.full,
    }


def _replaced(found, layer, activation):
    handle = found.network.get_submodule(layer).register_forward_hook(lambda m, i, o: activation.clone())
    try:
        return found.network(found.image)
    finally:
        handle.remove()


def peer(path, layer, channels) -> dict:
    """pytorch-grad-cam's AblationCAM: seconds a channel, or why it does not run."""
    from peers.pytorch_grad_cam import _stub_torchvision

    _stub_torchvision()
    from pytorch_grad_cam import AblationCAM
    from pytorch_grad_cam.utils.model_targets import SemanticSegmentationTarget

    found = _case(path)
    module = found.network.get_submodule(layer)
    total = {LATE: 16, BOTTLENECK: 256}[layer]
    ratio = 1.0 if channels is None else channels / total
    targets = [SemanticSegmentationTarget(found.class_index, found.mask.numpy())]

    def call():
        with AblationCAM(
            model=found.network, target_layers=[module], batch_size=1, ratio_channels_to_ablate=ratio
        ) as cam:
            return cam(input_tensor=found.image, targets=targets)

    seconds, _ = _cpu(call)
    return {"channel_s": seconds / (channels or total)}


def fresh(python, expression: str, engine: bool) -> dict:
    """One row in a process of its own."""
    words = f"import sys; sys.path.insert(0, {str(HERE)!r}); import json, tail; "
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "MKL_", "MALLOC_", "PYTHON"))}
    keep |= {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    if engine:
        keep["PYTHONPATH"] = str(ROOT / "SegHiResGradCAM")
    done = subprocess.run(
        [str(python), "-c", words + f"print('@' + json.dumps(tail.{expression}))"],
        capture_output=True, text=True, env=keep,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("@")]
    if lines:
        return json.loads(lines[-1][1:])
    last = (done.stderr.strip() or f"ended with {done.returncode}").splitlines()[-1]
    return {"failed": last[:200] if done.returncode != -9 else "ended by the system (memory)"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=32, help="channels of 256 at the bottleneck")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "tail.json")
    options = parser.parse_args()
    import case
    import machine
    from environments import Environments

    path = ROOT / ".bench" / f"tail-{options.size}.pt"
    case.write(path, options.size)
    jobs = {"forward": (sys.executable, f"forward({str(path)!r})", True)}
    peers = None if options.no_peers else Environments(ROOT / ".bench").python("pytorch-grad-cam")
    for layer, channels in ((LATE, None), (BOTTLENECK, options.sample)):
        jobs[f"tail {layer}"] = sys.executable, f"tail({str(path)!r}, {layer!r}, {channels})", True
        if peers:
            jobs[f"pytorch-grad-cam {layer}"] = peers, f"peer({str(path)!r}, {layer!r}, {channels})", False
    found = {name: [] for name in jobs}
    for number in range(options.rounds):
        for name, job in jobs.items():
            found[name].append(fresh(*job))
            print(f"round {number + 1}: {name}: {found[name][-1]}", flush=True)
    facts = {"machine": machine.describe(), "size": options.size, "rows": found, "load": os.getloadavg()[0]}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(facts, indent=1) + "\n")
    print(table(found))
    return 0 if reached(found) else 1


def reached(found) -> bool:
    """Whether the goals and the exactness hold."""
    whole = _middle(found["forward"], "cpu_s")
    good = True
    for layer, times in GOALS.items():
        rows = found[f"tail {layer}"]
        one = _middle(rows, "channel_s")
        exact = all(row.get("bit_equal") or row.get("worst", 1) <= 1e-5 for row in rows)
        good = good and one is not None and whole / one >= times and exact
    return good


def table(found) -> str:
    """Markdown."""
    whole = _middle(found["forward"], "cpu_s")
    lines = [
        f"One forward: {whole:.2f} s.",
        "",
        "| layer | channels | way | a channel | times cheaper than a forward | once | same scores |",
        "|---|---|---|---|---|---|---|",
    ]
    for layer, times in GOALS.items():
        rows = found[f"tail {layer}"]
        one, once, slow = (_middle(rows, key) for key in ("channel_s", "once_s", "full_s"))
        if one is None:
            lines.append(f"| {layer} | | the tail | did not run: {rows[0]['failed']} | | | |")
            continue
        exact = "bit-equal" if all(r["bit_equal"] for r in rows) else f"{max(r['worst'] for r in rows):.1e}"
        count = f"{rows[0]['channels']} of {rows[0]['of']}"
        cheaper = f"{whole / one:.1f} (goal {times:g})"
        lines.append(f"| {layer} | {count} | the tail | {one:.3f} s | {cheaper} | {once:.2f} s | {exact} |")
        lines.append(f"| | | a full forward | {slow:.3f} s | {whole / slow:.2f} | | |")
        if f"pytorch-grad-cam {layer}" in found:
            rows = found[f"pytorch-grad-cam {layer}"]
            other = _middle(rows, "channel_s")
            if other is None:
                lines.append(f"| | | pytorch-grad-cam | did not run: {rows[0]['failed']} | | | |")
            else:
                lines.append(f"| | | pytorch-grad-cam | {other:.3f} s | {whole / other:.2f} | | |")
    return "\n".join(lines)


def _middle(rows, key):
    values = [row[key] for row in rows if key in row]
    return median(values) if values else None


if __name__ == "__main__":
    sys.exit(main())
