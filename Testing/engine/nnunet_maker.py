"""Tiny real nnU-Net models: planned by nnU-Net's planner, saved by nnU-Net's trainer, briefly trained by us.

The networks have a few channels and learn for a second, so that their decisions are clear (an untrained network's
classes are all but tied everywhere, and half-precision buffers then flip labels).
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
from copy import deepcopy
from pathlib import Path

import nibabel
import numpy as np
import torch

from engine import grids
from seghirescam import Grid, Image

CHANNELS = {"0": "CT", "1": "T2"}
LABELS = {"background": 0, "body": 1, "core": 2}
REGIONS = {"background": 0, "whole": [1, 2], "core": [2], "ignore": 3}
PATCH = {2: [16, 16], 3: [16, 16, 16]}


def oblique(shape, spacing_kji, degrees=20.0, order=(2, 1, 0), flips=(1, -1, -1)):
    """A grid of which no axis runs as the array's do."""
    return grids.oblique(shape, spacing_kji, (degrees, degrees / 2, degrees / 4), order, flips, (7.0, -31.0, 12.0))


def scene(grid: Grid, seed=0, channels=1, margin=(2, 3, 4)):
    """(image, labels): a body with a core in patient space, zero around it (nnU-Net crops that), noise inside."""
    rng = np.random.default_rng(seed)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    ras = grid.ras(index)
    centre = grid.ras((np.array(grid.shape) - 1) / 2)
    size = np.array(grid.shape) * grid.spacing_kji
    radius = np.linalg.norm(ras - centre, axis=-1) / size.min()
    core = np.linalg.norm(ras - centre - 0.12 * size.min(), axis=-1) / size.min()
    labels = np.where(core < 0.16, 2, np.where(radius < 0.34, 1, 0)).astype(np.uint8)
    array = 100 + 150 * (labels == 1) + 400 * (labels == 2) + rng.normal(0, 12, grid.shape)
    array = np.stack([array, 300 - array / 3 + rng.normal(0, 12, grid.shape)][:channels]).round()
    inside = np.zeros(grid.shape, dtype=bool)
    inside[tuple(slice(m, n - m) for m, n in zip(margin, grid.shape, strict=True))] = True
    return Image((array * inside).astype(np.float32), grid), labels * inside


def write_nifti(folder: Path, image: Image, name="case") -> list[str]:
    """One .nii.gz a channel, as nnU-Net wants them (float32, so that nothing is rounded)."""
    paths = []
    for index, channel in enumerate(image.array):
        path = folder / f"{name}_{index:04d}.nii.gz"
        nibabel.save(nibabel.Nifti1Image(channel.T.astype(np.float32), image.grid.ijk_to_ras), path)
        paths.append(str(path))
    return paths


@contextlib.contextmanager
def quiet_nnunet(root: Path):
    """nnU-Net's folders inside ``root``; its chatter is swallowed, the environment is put back."""
    names = {f"nnUNet_{name}": str(root / name) for name in ("raw", "preprocessed", "results")}
    wanted = {**names, "nnUNet_n_proc_DA": "1", "nnUNet_compile": "f"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def planned(root: Path, *, labels=LABELS, channels=1, residual=False, reader="NibabelIOWithReorient") -> tuple:
    """(plans, dataset.json) from nnU-Net's planner for two cases whose J axis is the coarse one, so it transposes."""
    with quiet_nnunet(root):
        from batchgenerators.utilities.file_and_folder_operations import save_json
        from nnunetv2.dataset_conversion.generate_dataset_json import generate_dataset_json
        from nnunetv2.experiment_planning.dataset_fingerprint.fingerprint_extractor import DatasetFingerprintExtractor
        from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
        from nnunetv2.experiment_planning.experiment_planners.residual_unets.residual_encoder_unet_planners import (
            ResEncUNetPlanner,
        )
        from nnunetv2.imageio.reader_writer_registry import recursive_find_reader_writer_by_name

        raw = root / "raw" / "Dataset777_Toy"
        (raw / "imagesTr").mkdir(parents=True)
        (raw / "labelsTr").mkdir()
        pairs = []
        for case in range(2):
            image, segmentation = scene(Grid.from_spacing((40, 24, 44), (1.2, 2.6, 1.0)), case, channels)
            files = write_nifti(raw / "imagesTr", image, f"case{case}")
            label = raw / "labelsTr" / f"case{case}.nii.gz"
            nibabel.save(nibabel.Nifti1Image(segmentation.T, image.grid.ijk_to_ras), label)
            pairs.append((files, str(label)))
        generate_dataset_json(
            str(raw),
            {int(k): v for k, v in list(CHANNELS.items())[:channels]},
            labels,
            2,
            ".nii.gz",
            regions_class_order=[1, 2] if labels is REGIONS else None,
            overwrite_image_reader_writer=reader,
        )
        # DatasetFingerprintExtractor.run without its pool of processes
        io_class = recursive_find_reader_writer_by_name(reader)
        cases = [DatasetFingerprintExtractor.analyze_case(f, s, io_class) for f, s in pairs]
        values = [np.concatenate([c[2][i] for c in cases]) for i in range(channels)]
        (root / "preprocessed" / "Dataset777_Toy").mkdir(parents=True)
        fingerprint = {
            "spacings": [c[1] for c in cases],
            "shapes_after_crop": [c[0] for c in cases],
            "foreground_intensity_properties_per_channel": {
                i: {
                    **{name: float(getattr(np, name)(v)) for name in ("mean", "median", "std", "min", "max")},
                    "percentile_99_5": float(np.percentile(v, 99.5)),
                    "percentile_00_5": float(np.percentile(v, 0.5)),
                }
                for i, v in enumerate(values)
            },
            "median_relative_size_after_cropping": float(np.median([c[4] for c in cases])),
        }
        save_json(fingerprint, str(root / "preprocessed" / "Dataset777_Toy" / "dataset_fingerprint.json"))
        planner = (ResEncUNetPlanner if residual else ExperimentPlanner)("Dataset777_Toy")
        planner.UNet_base_num_features, planner.UNet_max_features_2d, planner.UNet_max_features_3d = 4, 16, 16
        planner.UNet_blocks_per_stage_encoder = (1,) * 14
        planner.UNet_blocks_per_stage_decoder = (1,) * 13
        planner.plan_experiment()
        # as the planner saved them: numbers and lists as JSON knows them
        plans = json.loads(
            (root / "preprocessed" / "Dataset777_Toy" / f"{planner.plans_identifier}.json").read_text(encoding="utf-8")
        )
        dataset = json.loads((raw / "dataset.json").read_text(encoding="utf-8"))
    for settings in plans["configurations"].values():
        if "patch_size" in settings:  # several windows even in a tiny image
            settings["patch_size"] = PATCH[len(settings["patch_size"])]
    return plans, dataset


def trained(root: Path, plans, dataset, configuration="3d_fullres", folds=(0,), mirror=(0, 1, 2), steps=120, **words):
    """A trained-model folder as nnU-Net's trainer leaves it; returns its path.

    words: trainer (another class name), checkpoint (file name), grid (of the case to learn from).
    """
    with quiet_nnunet(root):
        from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

        base = type(words["trainer"], (nnUNetTrainer,), {}) if "trainer" in words else nnUNetTrainer
        for fold in folds:
            trainer = base(
                {**deepcopy(plans), "continue_training": False}, configuration, fold, dataset, torch.device("cpu")
            )
            prepared = Path(trainer.preprocessed_dataset_folder)
            prepared.mkdir(parents=True, exist_ok=True)
            (prepared / "case.b2nd").touch()  # the trainer looks at the file endings there
            torch.manual_seed(fold if fold != "all" else 99)
            trainer.initialize()
            trainer.inference_allowed_mirroring_axes = mirror
            if steps:
                _learn(trainer, steps, int(fold) if fold != "all" else 99, words.get("grid"))
            # what training leaves in the log: numpy numbers, which weights_only refuses by itself
            trainer.logger.log("ema_fg_dice", np.float64(0.5), 0)
            trainer.logger.log("mean_fg_dice", np.float32(0.5), 0)
            trainer._best_ema = np.float64(0.5)
            folder = Path(trainer.output_folder)
            trainer.save_checkpoint(str(folder / words.get("checkpoint", "checkpoint_final.pth")))
        model = folder.parent
        (model / "plans.json").write_text(json.dumps(plans), encoding="utf-8")
        (model / "dataset.json").write_text(json.dumps(dataset), encoding="utf-8")
    return model


def _learn(trainer, steps, seed, grid=None):
    """A few steps of Adam on random patches of one case, preprocessed by nnU-Net; logits stay near one."""
    plans, settings = trainer.plans_manager, trainer.configuration_manager
    grid = grid or Grid.from_spacing((40, 24, 44), (1.2, 2.6, 1.0))
    image, labels = scene(grid, 5, trainer.num_input_channels)
    spacing = [float(mm) for mm in grid.spacing_kji]
    data, segmentation, *_ = settings.preprocessor_class(verbose=False).run_case_npy(
        image.array, labels[None].astype(np.int16), {"spacing": spacing}, plans, settings, trainer.dataset_json
    )
    data, target = torch.from_numpy(data), torch.from_numpy(segmentation[0].clip(0)).long()
    patch = settings.patch_size
    rng = np.random.default_rng(seed)
    network = trainer.network.train()
    network.decoder.deep_supervision = False
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-2)
    for _ in range(steps):
        pairs = [_patch(data, target, patch, rng) for _ in range(2)]
        logits = 6 * network(torch.stack([p[0] for p in pairs]))
        wanted = torch.stack([p[1] for p in pairs])
        if trainer.label_manager.has_regions:
            wanted = torch.stack([wanted > 0, wanted > 1], dim=1).float()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted)
        else:
            loss = torch.nn.functional.cross_entropy(logits, wanted, torch.tensor([1.0, 2.0, 4.0]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.decoder.deep_supervision = True


def _patch(data, target, patch, rng):
    padding = [max(0, p - n) for p, n in zip(patch, data.shape[-len(patch) :], strict=True)]
    pads = [v for p in reversed(padding) for v in (0, p)]
    data, target = torch.nn.functional.pad(data, pads), torch.nn.functional.pad(target, pads)
    wanted = rng.integers(3)
    places = torch.nonzero(target == wanted)
    place = places[rng.integers(len(places))]
    cut = [int(place[0])] if len(patch) == 2 else []
    for axis, size in enumerate(patch, start=3 - len(patch)):
        low = int(np.clip(int(place[axis]) - rng.integers(size), 0, target.shape[axis] - size))
        cut.append(slice(low, low + size))
    return data[(slice(None), *cut)], target[tuple(cut)]


def fused(model, prepared) -> np.ndarray:
    """The slow reference: y = (1/RF) sum over folds, mirrorings and windows of w y / W, as Windows documents it."""
    windows = model.windows
    tensor = prepared.tensor
    before = [max(0, s - n) // 2 for s, n in zip(windows.size, tensor.shape[2:], strict=True)]
    after = [max(0, s - n) - b for s, n, b in zip(windows.size, tensor.shape[2:], before, strict=True)]
    pads = [v for b, a in reversed(list(zip(before, after, strict=True))) for v in (b, a)]
    tensor = torch.nn.functional.pad(tensor, pads, value=windows.pad_value)
    weight = torch.from_numpy(windows.importance)
    total = torch.zeros((len(model.classes), *tensor.shape[2:]))
    summed = torch.zeros(tensor.shape[2:])
    axes = windows.mirror_axes
    flips = [f for n in range(len(axes) + 1) for f in itertools.combinations(axes, n)]
    with torch.no_grad():
        for offset in windows.offsets(tuple(tensor.shape[2:])):
            cut = tuple(slice(o, o + s) for o, s in zip(offset, windows.size, strict=True))
            summed[cut] += weight
            for network, flip in itertools.product(model.networks, flips):
                part = torch.flip(tensor[(slice(None), slice(None), *cut)], [a + 2 for a in flip])
                logits = network(part[:, :, 0])[:, :, None] if model.spatial_dims == 2 else network(part)
                total[(slice(None), *cut)] += torch.flip(logits, [a + 2 for a in flip])[0] * weight
    total /= summed * len(flips) * len(model.networks)
    inner = tuple(slice(b, b + n) for b, n in zip(before, prepared.tensor.shape[2:], strict=True))
    return total[(slice(None), *inner)].numpy()
