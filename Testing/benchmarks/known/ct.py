"""Tier 2: one real CT (the test data), a small network trained on it.

One patient; measures the explanation, not the model.  The CT is averaged to 6 mm; liver and aorta of the supplied
labels (a tool's prediction, not a radiologist's).  The network is the demo's with instance norm, trained on random 48^3
crops.  What is right here is not known, so there is no test and no winner: own-organ share against
chance, distances, volumes, context deletion.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import torch
from demo_training import train as demo_train
from seghirescam.io.volumes import read_volume
from seghirescam.models.demo_networks import demo_weights
from seghirescam.models.demo_networks.network import SmallUNet
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.grid import canonical
from seghirescam.protocol.image import Image
from seghirescam.protocol.resampling import resampled
from seghirescam.session.explain import predict

from . import maps
from .store import Store

SPACING_MM, CROP, BATCH, STEPS, SEEDS = 6.0, 48, 2, 300, (0,)
ORGANS = {"liver": 1, "aorta": 2}
LAYERS, PRIMARY, HEAD = ("encoder.2", "encoder.4", "decoder.1", "decoder.3"), "encoder.2", "decoder.3"
#: seeds with the slow methods and with context deletion
SLOW_SEEDS = GAIN_SEEDS = (0,)


def load_ct(data: Path) -> tuple[Image, dict[str, np.ndarray]]:
    """The CT at 6 mm (float32 HU) and a bool mask an organ; labels count from one half of a voxel."""
    ct = read_volume(Path(data) / "ct_abdomen.nii.gz")
    given = read_volume(Path(data) / "ct_abdomen_labels.nii.gz")
    named = {v: int(k) for k, v in json.loads((Path(data) / "ct_abdomen_labels.json").read_text()).items()}
    grid = canonical(ct.grid, SPACING_MM)
    array = resampled(ct.array.astype(np.float32), ct.grid, grid)
    masks = {
        organ: resampled((given.array[0] == named[organ]).astype(np.float32), given.grid, grid) >= 0.5
        for organ in ORGANS
    }
    return Image(array, grid), masks


def normalised(array: np.ndarray) -> np.ndarray:
    """HU from -200 to 300 onto -1..1."""
    return np.clip((array - 50) / 250, -1, 1)


def train_all(folder: Path, data: Path, seeds=SEEDS, steps: int = STEPS) -> None:
    """Train what is not in the folder yet: ``ct<seed>.safetensors`` and ``ct<seed>.json`` with the Dice on that CT."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        if (folder / f"ct{seed}.json").exists():
            continue
        image, masks = load_ct(data)
        began = time.process_time()
        network = _trained(image, masks, seed, steps)
        demo_weights.save(network, folder / f"ct{seed}.safetensors", f"ct{seed}", "instance")
        log = {"name": f"ct{seed}", "seed": seed, "steps": steps, "cpu_seconds": round(time.process_time() - began, 1)}
        log["dice"] = {organ: _dice(load(folder, seed), image, organ, masks[organ]) for organ in ORGANS}
        (folder / f"ct{seed}.json").write_text(json.dumps(log, indent=1) + "\n")
        print(f"trained {log}", flush=True)


def _trained(image, masks, seed, steps):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    labels = sum(masks[organ].astype(np.int64) * index for organ, index in ORGANS.items())
    array = normalised(image.array[0])
    network = SmallUNet("instance", 1 + len(ORGANS), deep_supervision=True).train()
    network = network.to(memory_format=torch.channels_last_3d)
    optimizer = torch.optim.AdamW(network.parameters(), lr=demo_train.LEARNING_RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, demo_train.LEARNING_RATE, total_steps=steps)
    for step in range(steps):
        inputs, truth = [], []
        while len(inputs) < BATCH:
            at = tuple(slice(a, a + CROP) for a in (rng.integers(0, n - CROP + 1) for n in array.shape))
            if labels[at].any():
                inputs.append(array[at] * rng.uniform(0.9, 1.1) + rng.normal(0, 0.05, (CROP,) * 3))
                truth.append(labels[at])
        outputs = network(torch.tensor(np.stack(inputs)[:, None], dtype=torch.float32))
        loss = demo_train.deep_loss(outputs, torch.tensor(np.stack(truth)))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % 50 == 0:
            print(f"ct{seed} {step + 1}/{steps}: loss {float(loss.detach()):.3f}", flush=True)
    return network.eval()


def load(folder: Path, seed: int) -> PlainModel:
    network = demo_weights.load(folder / f"ct{seed}.safetensors")
    return PlainModel(network, ("background", *ORGANS), normalise=normalised, divisor=16, name=f"ct{seed}")


def _dice(model, image, organ, mask) -> float:
    found = predict(model, image, ORGANS[organ]).on(image.grid).weights >= 0.5
    return round(2 * float((found & mask).sum()) / max(float(found.sum() + mask.sum()), 1), 4)


def measure(store: Store, folder: Path, data: Path, seeds=SEEDS, slow_seeds=SLOW_SEEDS, gain_seeds=GAIN_SEEDS) -> None:
    """Rows of every model and organ; ``rule`` is the organ.  What the store holds already is not measured again."""
    image, masks = load_ct(data)
    for seed in seeds:
        for organ, index in ORGANS.items():
            facts = {"tier": 2, "seed": seed, "model": f"ct{seed}", "rule": organ}
            if store.has(model=facts["model"], rule=organ):
                continue
            model = load(folder, seed)
            pixels, found = predict(model, image, index), [maps.NO_PREDICTION]
            if not pixels.is_empty:
                asked = maps.Asked(
                    model, image, pixels, index, own=masks[organ], cue=None, primary=PRIMARY, head=HEAD, layers=LAYERS,
                    body=image.array[0] > -500, seed=seed,
                )  # fmt: skip
                found = list(maps.rows(asked, slow=seed in slow_seeds, gains=seed in gain_seeds))
            store.add([facts | row for row in found])
            print(f"{facts['model']}, {organ}: {len(found)} maps", flush=True)
