"""Train the demo networks on the CPU: ``python Testing/demo_training train --out DIR``. About five minutes a network.

Writes ``<model>.safetensors`` (batch norm) or ``<model>_instance.safetensors``, and ``training_log.json``.  Both
models see the same images; only the rule for their labels differs.  Needs the template: pip install nilearn.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from seghirescam.demo.case import FOLDER
from seghirescam.models.demo_networks import demo_weights
from seghirescam.models.demo_networks.network import SmallUNet
from seghirescam.models.demo_networks.preprocessing import CLASSES, LESION, LOOK_ALIKE, on_model_grid

from .synthesis import EXPLORE_SEEDS, RULES, TRAIN_SEEDS, make_case

STEPS, BATCH, LEARNING_RATE, WEIGHT_DECAY, SEED = 450, 4, 2e-3, 1e-2, 0
#: weights of the loss at strides 1, 2, 4, 8: for where the body is, and for which of the two it is
LEVEL_WEIGHTS = (1.0, 0.5, 0.25, 0.25)
WHICH_WEIGHTS = (0.0, 0.0, 0.5, 0.5)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python Testing/demo_training train", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a new or empty-of-weights folder")
    parser.add_argument("--models", default="honest,shortcut")
    parser.add_argument("--norm", default="batch", help="batch, instance or both, comma-separated")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args(arguments)
    wanted = [(model, norm) for norm in options.norm.split(",") for model in options.models.split(",")]
    targets = {pair: options.out / f"{file_stem(*pair)}.safetensors" for pair in wanted}
    taken = [str(path) for path in targets.values() if path.exists()]
    if taken or options.out.resolve() == FOLDER.resolve():
        sys.exit(f"Nothing is overwritten: {', '.join(taken) or 'the committed weights'}. Choose another --out.")
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)

    started = time.time()
    train_set, held_out = Cases(TRAIN_SEEDS), Cases(EXPLORE_SEEDS)
    print(f"{len(TRAIN_SEEDS) + len(EXPLORE_SEEDS)} cases made in {time.time() - started:.0f} s", flush=True)
    for (model, norm), path in targets.items():
        network, log = train(train_set, model, norm, options.steps)
        demo_weights.save(network, path, model, norm)
        log["dice_held_out"] = dice(demo_weights.load(path), held_out, model)
        print(f"{path.stem}: {log['seconds']:.0f} s, Dice {log['dice_held_out']}", flush=True)
        _append_log(options.out / "training_log.json", path.stem, log)


class Cases:
    """Rendered cases of some seeds: inputs ``[N, 1, K, J, I]`` on the model grid and the labels under either rule."""

    def __init__(self, seeds):
        arrays, labels = [], {model: [] for model in RULES}
        for seed in seeds:
            case = make_case(seed)
            array, grid = on_model_grid(case.image)
            arrays.append(array)
            for model in RULES:
                labels[model].append(case.labels(model, grid))
        self.seeds = seeds
        self.inputs = torch.from_numpy(np.stack(arrays))
        self.labels = {model: torch.from_numpy(np.stack(maps)) for model, maps in labels.items()}


def train(cases: Cases, model: str, norm: str, steps: int = STEPS, seed: int = SEED):
    """One network from fixed seeds; the same thread count on the same machine gives the same bits."""
    torch.manual_seed(seed)
    network = SmallUNet(norm, len(CLASSES), deep_supervision=True).train()
    # half the CPU time of the default layout in the backward pass
    network = network.to(memory_format=torch.channels_last_3d)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.1)
    order = np.random.default_rng(seed)
    losses, right, started = [], [], time.time()
    for step in range(steps):
        picked = torch.from_numpy(order.choice(len(cases.inputs), BATCH, replace=False))
        inputs, labels = cases.inputs[picked], cases.labels[model][picked]
        if order.random() < 0.5:  # the brain is nearly symmetric, left to right
            inputs, labels = inputs.flip(-1), labels.flip(-1)
        # float32: bfloat16 saves a tenth here, and torch 2.13's bfloat16 weight gradients of convolutions on grids of
        # 2x3x2 cells and fewer are garbage on the CPU (they differ from call to call, or are NaN)
        outputs = network(inputs.contiguous(memory_format=torch.channels_last_3d))
        loss = deep_loss(outputs, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
        right += right_class(outputs[0].detach(), labels).tolist()
        if (step + 1) % 25 == 0 or step == 0:
            mean, share = float(np.mean(losses[-25:])), float(np.mean(right[-25 * BATCH :]))
            said = f"loss {mean:.4f}, right class {share:.2f}, {time.time() - started:.0f} s"
            print(f"{model} {norm} {step + 1}/{steps}: {said}", flush=True)
    log = {
        "model": model,
        "norm": norm,
        "rule": f"a body with a {RULES[model]} is a lesion, any other a look-alike",
        "steps": steps,
        "batch": BATCH,
        "seed": seed,
        "train_seeds": [cases.seeds[0], cases.seeds[-1]],
        "seconds": round(time.time() - started, 1),
        "loss_every_25": [round(float(np.mean(losses[at : at + 25])), 4) for at in range(0, steps, 25)],
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
    }
    return network, log


def deep_loss(outputs, labels):
    """Cross-entropy + soft Dice at every level, and at the deep ones "which of the two, where there is a body".

    The truth of a level is the share of each class in its cell.  A body fills one cell in 600 at stride 8: without a
    term of its own for the choice, the deep levels learn where the body is and not which of the two it is.
    """
    truth = functional.one_hot(labels.long(), len(CLASSES)).movedim(-1, 1).float()
    total = 0.0
    for level, (logits, weight, which_weight) in enumerate(zip(outputs, LEVEL_WEIGHTS, WHICH_WEIGHTS, strict=True)):
        target = functional.avg_pool3d(truth, 2**level) if level else truth
        chance = logits.softmax(dim=1)
        overlap = (chance * target)[:, 1:].sum(dim=(0, 2, 3, 4))
        size = (chance + target)[:, 1:].sum(dim=(0, 2, 3, 4))
        soft_dice = (2 * overlap + 1) / (size + 1)
        bodies = target[:, 1:]
        which = -(bodies * logits[:, 1:].log_softmax(dim=1)).sum() / bodies.sum()
        total = total + weight * (functional.cross_entropy(logits, target) + 1 - soft_dice.mean())
        total = total + which_weight * which
    return total


def right_class(logits, labels):
    """Bool ``[B]``: whether the body's mean logits prefer its true class, wherever its voxels were put."""
    body = (labels > 0).float()
    contrast = ((logits[:, LESION] - logits[:, LOOK_ALIKE]) * body).flatten(1).sum(dim=1)
    return (contrast > 0) == (labels == LESION).flatten(1).any(dim=1)


@torch.no_grad()
def dice(network, cases: Cases, model: str) -> dict[str, float]:
    """Dice of each body class, pooled over the cases, and the share of cases whose body got the right class."""
    network.eval()
    counts = {name: [0, 0] for name in CLASSES[1:]}
    right = 0
    for array, truth in zip(cases.inputs, cases.labels[model], strict=True):
        logits = network(array[None])
        found = logits[0].argmax(dim=0)
        right += int(right_class(logits, truth[None]))
        for index, name in enumerate(CLASSES[1:], start=1):
            counts[name][0] += 2 * int(((found == index) & (truth == index)).sum())
            counts[name][1] += int((found == index).sum() + (truth == index).sum())
    scores = {name: round(twice / max(total, 1), 4) for name, (twice, total) in counts.items()}
    return {**scores, "right_class": round(right / len(cases.inputs), 4), "cases": len(cases.inputs)}


def file_stem(model: str, norm: str) -> str:
    return model if norm == "batch" else f"{model}_{norm}"


def _append_log(path, key, log):
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known[key] = log
    path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
