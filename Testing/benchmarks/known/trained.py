"""Tier 1's models: ten honest, ten shortcut, trained on the same images, and what each of them really uses.

The network, the loss and the loop are the demo's (demo/network.py, demo/train.py), which fixed them; only the number of
steps was chosen here, on other training seeds, by Dice.  What a model is called is what it was trained for; whether it
became that is checked by masking out, on CHECK_SEEDS, never by a map.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from demo_training import train as demo_train
from seghirescam.cam.logits.score import Contrast
from seghirescam.evaluation.painting.intervention import intervene, outcome
from seghirescam.models.demo_networks import demo_weights
from seghirescam.models.demo_networks.preprocessing import CLASSES, DIVISOR, LESION, LOOK_ALIKE, normalised
from seghirescam.models.plain import PlainModel

from .phantom import CAUSE, CHECK_SEEDS, TRAIN_SEEDS, make_case

STEPS, MODELS_A_RULE = 300, 10
SCORE = Contrast(LESION, LOOK_ALIKE)
#: a model is what it is called if masking out its cause, and nothing else, turns this share of the cases round
FLIPS = 0.75
#: and if its Dice of the lesion and its share of right classes, on cases with random cues, are at least
DICE, RIGHT_CLASS = 0.7, 0.9
PAINT_MARGIN_MM = 2.0
#: of CHECK_SEEDS, how many cases are masked out
CHECKED = 16


class Cases:
    """Phantoms as :func:`demo_train.train` wants them: inputs ``[N, 1, K, J, I]``, labels under either rule."""

    def __init__(self, seeds):
        cases = [make_case(seed) for seed in seeds]
        self.seeds = seeds
        self.inputs = torch.from_numpy(np.stack([normalised(case.image.array) for case in cases]))
        self.labels = {rule: torch.from_numpy(np.stack([case.labels(rule) for case in cases])) for rule in CAUSE}


@dataclass(frozen=True)
class Name:
    """Which model: the rule it was trained on, the seed of its weights and batches."""

    rule: str
    seed: int

    def __str__(self):
        return f"{self.rule}{self.seed}"


def names(number: int = MODELS_A_RULE) -> list[Name]:
    """Honest and shortcut in turns, so that an interrupted run has as many of both."""
    return [Name(rule, seed) for seed in range(number) for rule in CAUSE]


def train_all(folder: Path, wanted: list[Name], steps: int = STEPS, train_seeds=TRAIN_SEEDS) -> None:
    """Train what is not in the folder yet: ``<name>.safetensors`` and ``<name>.json`` (log and check)."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in wanted if not (folder / f"{name}.json").exists()]
    if not missing:
        return
    training, held_out = Cases(train_seeds), Cases(CHECK_SEEDS)
    for number, name in enumerate(missing, start=1):
        if (folder / f"{name}.json").exists():  # another process was faster
            continue
        cpu = time.process_time()
        network, log = demo_train.train(training, name.rule, "batch", steps, name.seed)
        demo_weights.save(network, folder / f"{name}.safetensors", str(name), "batch")
        log |= {"cpu_seconds": round(time.process_time() - cpu, 1), "name": str(name)}
        log["held_out"] = demo_train.dice(demo_weights.load(folder / f"{name}.safetensors"), held_out, name.rule)
        log["check"] = check(load(folder, name), name.rule, log["held_out"])
        (folder / f"{name}.json").write_text(json.dumps(log, indent=1) + "\n")
        print(f"trained {number}/{len(missing)}: {name}, {log['held_out']}, {log['check']}", flush=True)


def load(folder: Path, name: Name) -> PlainModel:
    """The model of a weights file, ready to be asked; tensors ``[1, 1, 16, 32, 32]``."""
    network = demo_weights.load(folder / f"{name}.safetensors")
    return PlainModel(network, CLASSES, normalise=normalised, divisor=DIVISOR, name=str(name))


def painted(model, case, pixels) -> dict[str, float]:
    """Mean contrast over M before, and after the marker or the ring was masked out; logit."""
    before = outcome(model, case.image, pixels, SCORE)
    found = {"before": before.score}
    for cue in ("marker", "ring"):
        region = case.region(cue)
        found[cue] = intervene(
            model, case.image, region, pixels, SCORE, margin_mm=PAINT_MARGIN_MM, before=before
        ).after.score
    return found


def check(model, rule: str, held_out: dict) -> dict:
    """What the model uses, on cases with both cues; ``learned`` says whether it is what it is called."""
    seeds = CHECK_SEEDS[:CHECKED]
    flips, asked = dict.fromkeys(("marker", "ring"), 0), 0
    for seed in seeds:
        case = make_case(seed, ring=True, marker=True)
        found = painted(model, case, case.region("body"))
        if found["before"] > 0:
            asked += 1
            for cue in flips:
                flips[cue] += found[cue] < 0
    own, other = (flips[c] / max(asked, 1) for c in (CAUSE[rule], "ring" if CAUSE[rule] == "marker" else "marker"))
    good = held_out["lesion"] >= DICE and held_out["right_class"] >= RIGHT_CLASS
    learned = bool(good and asked >= len(seeds) * FLIPS and own >= FLIPS and other <= 1 - FLIPS)
    return {
        "cases": len(seeds),
        "called_lesion": asked,
        **{f"flips_{k}": v for k, v in flips.items()},
        "learned": learned,
    }


COLUMNS = (
    "tier", "seed", "model", "rule", "layer", "method", "status", "steps", "cpu_s", "dice_lesion", "dice_look_alike",
    "right_class", "cases", "called_lesion", "flips_marker", "flips_ring",
)  # fmt: skip


def logs(folder: Path, wanted: list[Name]) -> list[dict]:
    """The training logs, with what was found by :func:`check`."""
    return [json.loads((folder / f"{name}.json").read_text()) for name in wanted]


def table(found: list[dict]) -> list[dict]:
    """trained.csv: one row a model, COLUMNS; status "learned" or "not learned"."""
    return [
        {
            "tier": 1, "seed": log["seed"], "model": log["name"], "rule": log["model"], "layer": "-",
            "method": "paint_over", "status": "learned" if log["check"]["learned"] else "not learned",
            "steps": log["steps"], "cpu_s": log["cpu_seconds"], "dice_lesion": log["held_out"]["lesion"],
            "dice_look_alike": log["held_out"]["look-alike"], "right_class": log["held_out"]["right_class"],
            **{k: log["check"][k] for k in ("cases", "called_lesion", "flips_marker", "flips_ring")},
        }
        for log in found
    ]  # fmt: skip
