"""A toy nnU-Net in a few minutes: ``python examples/train_small_nnunet.py --out toy_nnunet --minutes 4``.

Trains on one abdominal CT and is shown on that same CT, so its Dice says nothing about any other patient: it exists to
have a trained-model folder of nnU-Net v2 at hand (explained in Slicer or with ``seghirescam explain``), nothing more.
The folder is nnU-Net's own work: its planner makes the plans, its trainer the network and the checkpoint; only the
training loop is a short one of ours.  Needs nnunetv2, and the folder described in CONTRIBUTING.md in
$SEGHIRESCAM_TEST_DATA or with --data.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "SegHiResGradCAM"))

ORGANS = ("liver", "spleen", "kidney_right", "kidney_left")
DATASET = "Dataset901_OneAbdomen"
PATCH = 48


@dataclass(frozen=True)
class Length:
    """How long to train: by the clock, or by a number of steps, which gives the same network every time."""

    minutes: float = 4
    steps: int | None = None

    def gone(self, step: int, started: float) -> float:
        """0 at the first step, 1 where training ends."""
        return step / self.steps if self.steps else (time.monotonic() - started) / (60 * self.minutes)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("toy_nnunet"), help="folder for the trained-model folder")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--minutes", type=float, default=4, help="time for training")
    either.add_argument("--steps", type=int, help="train this many steps instead: the same network every time")
    parser.add_argument("--seed", type=int, default=0, help="of the first weights and of the patches")
    parser.add_argument("--data", type=Path, default=os.environ.get("SEGHIRESCAM_TEST_DATA"), help="CT and labels")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--no-dice", action="store_true", help="leave out the prediction at the end")
    options = parser.parse_args()
    if options.data is None or not (Path(options.data) / "ct_abdomen.nii.gz").is_file():
        parser.error("Set SEGHIRESCAM_TEST_DATA (or --data) to a folder with ct_abdomen.nii.gz, its labels and names.")
    with tempfile.TemporaryDirectory() as work:
        length = Length(options.minutes, options.steps)
        model = make(Path(work), Path(options.data), length, options.seed, options.device)
        target = options.out / DATASET / model.name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(model, target, ignore=shutil.ignore_patterns("*.txt", "*.png"))
    print(f"Trained-model folder: {target}")
    if not options.no_dice:
        show(target, Path(options.data))
    print(f"Why did it draw that? python examples/explain_ct.py {target}")
    return 0


def make(work: Path, data: Path, length: Length, seed: int = 0, device: str = "cpu") -> Path:
    """The trained-model folder, inside ``work``."""
    for name in ("raw", "preprocessed", "results"):
        os.environ[f"nnUNet_{name}"] = str(work / name)
    os.environ.update(nnUNet_compile="f", nnUNet_n_proc_DA="1")
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
    from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprint_dataset
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    dataset = write_dataset(work / "raw" / DATASET, data)
    extract_fingerprint_dataset(901, num_processes=1, show_progress_bar=False)
    planner = ExperimentPlanner(901)
    planner.UNet_base_num_features, planner.UNet_max_features_3d = 8, 64
    planner.plan_experiment()
    plans = json.loads((work / "preprocessed" / DATASET / "nnUNetPlans.json").read_text(encoding="utf-8"))
    plans["configurations"]["3d_fullres"].update(patch_size=[PATCH] * 3, batch_size=2)

    trainer = nnUNetTrainer({**plans, "continue_training": False}, "3d_fullres", 0, dataset, torch.device(device))
    Path(trainer.preprocessed_dataset_folder).mkdir(parents=True, exist_ok=True)
    (Path(trainer.preprocessed_dataset_folder) / "case.b2nd").touch()  # the trainer infers the data's format from it
    torch.manual_seed(seed)
    trainer.initialize()
    trainer.inference_allowed_mirroring_axes = None  # left and right kidney are not to be mistaken
    learn(trainer, *preprocessed(trainer, work / "raw" / DATASET), length, seed)
    folder = Path(trainer.output_folder)
    trainer.save_checkpoint(str(folder / "checkpoint_final.pth"))
    (folder.parent / "plans.json").write_text(json.dumps(plans, indent=1), encoding="utf-8")
    (folder.parent / "dataset.json").write_text(json.dumps(dataset, indent=1), encoding="utf-8")
    return folder.parent


def write_dataset(raw: Path, data: Path) -> dict:
    """The CT and four of its organs as an nnU-Net dataset of one case; returns dataset.json."""
    import nibabel
    from nnunetv2.dataset_conversion.generate_dataset_json import generate_dataset_json

    (raw / "imagesTr").mkdir(parents=True)
    (raw / "labelsTr").mkdir()
    shutil.copy(data / "ct_abdomen.nii.gz", raw / "imagesTr" / "case_0000.nii.gz")
    labels, affine = organs(data)
    nibabel.save(nibabel.Nifti1Image(labels, affine), raw / "labelsTr" / "case.nii.gz")
    names = {"background": 0, **{name: value for value, name in enumerate(ORGANS, start=1)}}
    generate_dataset_json(str(raw), {0: "CT"}, names, 1, ".nii.gz")
    return json.loads((raw / "dataset.json").read_text(encoding="utf-8"))


def organs(data: Path):
    """(labels 0..4 in nibabel's axis order, affine)"""
    import nibabel

    given = nibabel.load(data / "ct_abdomen_labels.nii.gz")
    values = {
        name: int(value)
        for value, name in json.loads((data / "ct_abdomen_labels.json").read_text(encoding="utf-8")).items()
    }
    array = np.asarray(given.dataobj)
    labels = np.zeros(array.shape, dtype=np.uint8)
    for value, name in enumerate(ORGANS, start=1):
        labels[array == values[name]] = value
    return labels, given.affine


def preprocessed(trainer, raw: Path):
    """(image [1, K, J, I], labels [K, J, I]) as nnU-Net's preprocessing leaves them."""
    data, labels, *_ = trainer.configuration_manager.preprocessor_class(verbose=False).run_case(
        [str(raw / "imagesTr" / "case_0000.nii.gz")],
        str(raw / "labelsTr" / "case.nii.gz"),
        trainer.plans_manager,
        trainer.configuration_manager,
        trainer.dataset_json,
    )
    return torch.from_numpy(data), torch.from_numpy(labels[0]).long().clamp_min(0)


def learn(trainer, image, labels, length: Length, seed: int) -> None:
    """Random patches, two of three around an organ; nnU-Net's own loss with deep supervision; AdamW."""
    network = trainer.network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-4)
    rng, started, step = np.random.default_rng(seed), time.monotonic(), 0
    places = [torch.nonzero(labels == value) for value in range(1, len(ORGANS) + 1)]
    while (gone := length.gone(step, started)) < 1:
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - gone) ** 0.9
        x, y = (torch.stack(part) for part in zip(*(patch(image, labels, places, rng) for _ in range(2)), strict=True))
        x = (x * (1 + 0.1 * torch.randn(()))) + 0.1 * torch.randn(())  # a little contrast and brightness
        outputs = network(x.to(trainer.device))
        targets = [
            torch.nn.functional.interpolate(y[:, None].float(), size=output.shape[2:], mode="nearest-exact")
            for output in outputs
        ]
        loss = trainer.loss(outputs, [target.to(trainer.device) for target in targets])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 12)
        optimizer.step()
        step += 1
        if step % 25 == 0:
            print(f"{100 * gone:3.0f} %  step {step}  loss {loss.item():.3f}", flush=True)
    print(f"{step} steps in {time.monotonic() - started:.0f} s")


def patch(image, labels, places, rng):
    """A patch of both, its centre in a random organ, or (one time in three) anywhere."""
    if rng.random() < 2 / 3:
        organ = places[rng.integers(len(places))]
        centre = organ[rng.integers(len(organ))].numpy()
    else:
        centre = rng.integers(labels.shape)
    low = [int(np.clip(c - PATCH // 2, 0, n - PATCH)) for c, n in zip(centre, labels.shape, strict=True)]
    cut = tuple(slice(start, start + PATCH) for start in low)
    return image[(slice(None), *cut)], labels[cut]


def show(folder: Path, data: Path) -> None:
    """Opens the folder as any user would and prints the Dice on the case it was trained on."""
    import nibabel

    from seghirescam import Grid, Image, open_model
    from seghirescam.session.opening import open_session

    model = open_model(folder)
    ct = nibabel.load(data / "ct_abdomen.nii.gz")
    array = np.asarray(ct.dataobj).T
    image = Image(array, Grid(array.shape, ct.affine))
    logits = open_session(model, image).logits()
    found = model.labels_on_input(logits, model.prepare(image), image)
    truth = organs(data)[0].T
    print(f"{model.name}: Dice on the case it was trained on (a toy; this says nothing about another patient)")
    for value, name in enumerate(ORGANS, start=1):
        both = np.count_nonzero((found == value) & (truth == value))
        print(f"  {name:13} {2 * both / (np.count_nonzero(found == value) + np.count_nonzero(truth == value)):.3f}")


if __name__ == "__main__":
    raise SystemExit(main())
