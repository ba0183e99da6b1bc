"""A trained-model folder of nnU-Net v2, read as data: which folds, which classes and channels, whose code it names.

Standard library only.  Nothing the folder names is imported here; :func:`foreign_names` says what must never be.
"""

from __future__ import annotations

import glob
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from ...cam.logits.heads import SIGMOID, SOFTMAX
from ...protocol.errors import ModelError
from ...protocol.explanation import ClassInfo
from ...protocol.untrusted import is_file, json_object, named, short

_FOLD = re.compile(r"fold_([0-9]{1,6}|all)")
_FINAL = "checkpoint_final.pth"
_MODEL_FOLDER = "*__*__*"  # <trainer>__<plans>__<configuration>

#: what plans.json may name to be imported: the architectures and blocks nnU-Net is built from, and layers of torch
_ARCHITECTURE = re.compile(r"dynamic_network_architectures\.architectures\.[a-z]\w*\.[A-Z]\w*")
_LAYER = re.compile(r"torch\.nn\.(modules\.[a-z]\w*\.)?[A-Z]\w*")
_BLOCK = re.compile(r"dynamic_network_architectures\.building_blocks\.[a-z]\w*\.[A-Z]\w*")
#: parts that nnU-Net looks up by name inside its own package, as of 2.8
_OWN_PARTS = {
    "preprocessor_name": {"DefaultPreprocessor"},
    "resampling_fn_data": {"resample_data_or_seg_to_shape", "resample_torch_fornnunet", "no_resampling_hack"},
    "normalization_schemes": {
        *("CTNormalization", "ZScoreNormalization", "NoNormalization"),
        *("RescaleTo01Normalization", "RGBTo01Normalization"),
    },
    "label_manager": {"LabelManager"},
    "image_reader_writer": {
        *("SimpleITKIO", "SimpleITKIOWithReorient", "NibabelIO", "NibabelIOWithReorient"),
        *("NaturalImage2DIO", "Tiff3DIO"),
    },
    "UNet_class_name": {"PlainConvUNet", "ResidualEncoderUNet"},
}
_OWN_PARTS["resampling_fn_seg"] = _OWN_PARTS["resampling_fn_probabilities"] = _OWN_PARTS["resampling_fn_data"]
_ORDERS = [list(order) for order in itertools.permutations(range(3))]
_NEEDED = ("dataset_name", "configurations", "transpose_forward", "transpose_backward", "image_reader_writer")


@dataclass(frozen=True)
class TrainedModel:
    """What a source says about a trained-model folder; the JSON files are read when they are asked for.

    folder: holds plans.json, dataset.json and fold_*.  folds: as asked for, () = all there are.  checkpoint: file name
    in each fold.  mirroring: False switches test-time mirroring off.
    """

    folder: Path
    folds: tuple[str, ...] = ()
    checkpoint: str = _FINAL
    mirroring: bool = True

    @staticmethod
    def of(source) -> TrainedModel:
        """From a path or ``{"nnunet": path, "folds": [0, 1], "checkpoint": name, "mirroring": True}``."""
        words = dict(source) if isinstance(source, dict) else {"nnunet": source}
        unknown = sorted(set(words) - {"nnunet", "folds", "checkpoint", "mirroring"})
        if unknown:
            raise ModelError(
                f"The model's description holds the unknown words {short(', '.join(unknown))}.",
                "Known words: nnunet, folds, checkpoint, mirroring.",
            )
        folder, folds, checkpoint = _located(Path(str(words["nnunet"])))
        wanted = words.get("folds")
        if wanted is not None:
            folds = tuple(str(fold) for fold in (wanted if isinstance(wanted, (list, tuple)) else [wanted]))
        checkpoint = words.get("checkpoint") or checkpoint
        plain = isinstance(checkpoint, str) and checkpoint.isprintable() and Path(checkpoint).name == checkpoint
        plain = plain and len(checkpoint.encode()) <= 255  # of a file's name
        if not plain or len(folds) > 1000 or not all(_FOLD.fullmatch(f"fold_{fold}") for fold in folds):
            raise ModelError(
                "The model's description must name folds by number or 'all', and the checkpoint by its file name.",
                'For example "folds": [0, 1], "checkpoint": "checkpoint_best.pth".',
            )
        return TrainedModel(folder, folds, checkpoint, bool(words.get("mirroring", True)))

    def plans(self) -> dict:
        plans = _read(self.folder / "plans.json")
        missing = [key for key in _NEEDED if key not in plans]
        if missing or not isinstance(plans["configurations"], dict):
            missing = missing or ["configurations by name"]
            raise ModelError(f"'plans.json' lacks {', '.join(missing)}.", "Use the file nnU-Net wrote at training.")
        there, back = plans["transpose_forward"], plans["transpose_backward"]
        if there not in _ORDERS or back not in _ORDERS or [there[axis] for axis in back] != [0, 1, 2]:
            raise ModelError("The axis order in 'plans.json' is no axis order.", "Use the file nnU-Net wrote.")
        return plans

    def dataset(self) -> dict:
        return checked_dataset(_read(self.folder / "dataset.json"))

    def checkpoints(self) -> tuple[Path, ...]:
        """The checkpoint of each fold; raises ModelError for a fold that is not there, naming those that are."""
        if not self.folder.is_dir():
            raise ModelError(f"The folder '{self.folder.name}' is not there.", "It was moved or deleted.")
        there = sorted(
            (p.parent.name.removeprefix("fold_") for p in self.folder.glob(f"fold_*/{glob.escape(self.checkpoint)}")),
            key=lambda fold: (not _is_number(fold), int(fold) if _is_number(fold) else 0),
        )
        # like nnU-Net: the network trained on everything belongs to no ensemble
        folds = self.folds or tuple(fold for fold in there if _is_number(fold)) or tuple(there)
        missing = [fold for fold in folds if fold not in there]
        if missing or not folds:
            what = f"fold_{missing[0]}/{self.checkpoint}" if missing else f"fold_*/{self.checkpoint}"
            others = sorted({p.name for p in self.folder.glob("fold_*/*.pth")} - {self.checkpoint})
            hint = f"There are folds {', '.join(there)}." if there else "There is no fold with this checkpoint."
            raise ModelError(
                f"The model lacks '{what}'.",
                hint + (f" Other checkpoints: {', '.join(others)}." if others else " Copy the whole folder."),
            )
        return tuple(self.folder / f"fold_{fold}" / self.checkpoint for fold in folds)


def checked_dataset(dataset: dict) -> dict:
    """dataset.json with labels and channels, as it was. Raises ModelError."""
    found = _channel_names(dataset) if isinstance(dataset, dict) else None
    numbered = isinstance(found, dict) and all(_is_number(str(key)) for key in found)
    if not numbered or not isinstance(dataset.get("labels"), dict):
        raise ModelError(
            "'dataset.json' lacks labels or channel_names.", "Use the file nnU-Net copied there at training."
        )
    return dataset


def _is_number(text):
    return re.fullmatch("[0-9]{1,6}", text) is not None


def looks_like_one(path: Path) -> bool:
    """A trained-model folder, complete or not, or one of the things inside it that a user may pick."""
    try:
        folder = _located(path)[0]
        described = any((folder / name).is_file() for name in ("plans.json", "dataset.json"))
        named = len(folder.name.split("__")) == 3 or any(folder.glob("fold_*"))
        return folder.is_dir() and ((described and named) or any(folder.glob("fold_*/checkpoint_*.pth")))
    except ModelError:
        return True  # several models in one folder: opening says which
    except OSError:
        return False


def heads(dataset: dict) -> tuple[str, tuple[ClassInfo, ...]]:
    """("softmax" or "sigmoid", classes in channel order); the label 'ignore' is no class.

    Softmax: labels by value.  Regions (any label that is a list of several values): one sigmoid channel a region, in
    the order of dataset.json, without background.
    """
    try:
        labels = {
            str(name): tuple(int(v) for v in value) if isinstance(value, list) else (int(value),)
            for name, value in dataset["labels"].items()
            if name != "ignore"
        }
    except (TypeError, ValueError) as error:
        raise ModelError("The labels in 'dataset.json' are no numbers.", "Use nnU-Net's own file.") from error
    if any(len(values) > 1 for values in labels.values()):
        regions = [name for name, values in labels.items() if set(values) != {0}]
        return SIGMOID, tuple(ClassInfo(i, name) for i, name in enumerate(regions))
    by_value: dict[int, list[str]] = {}
    for name, (value,) in labels.items():
        by_value.setdefault(value, []).append(name)
    return SOFTMAX, tuple(ClassInfo(i, " / ".join(by_value[value])) for i, value in enumerate(sorted(by_value)))


def channels(dataset: dict) -> tuple[str, ...]:
    found = _channel_names(dataset)
    return tuple(str(found[key]) for key in sorted(found, key=int))


def resolved(plans: dict, configuration: str) -> dict:
    """The configuration with what it inherits filled in. Raises ModelError if it is missing or goes in circles."""
    chain, wanted = [], configuration
    while wanted is not None:
        found = plans["configurations"].get(wanted)
        if not isinstance(found, dict) or len(chain) > len(plans["configurations"]):
            raise ModelError(
                f"'plans.json' has no usable configuration '{wanted}'.",
                f"It has: {', '.join(sorted(plans['configurations']))}.",
            )
        chain.append(found)
        wanted = found.get("inherits_from")
    merged = {}
    for part in reversed(chain):
        merged.update(part)
    merged.pop("inherits_from", None)
    return merged


def refuse_cascade(configuration: str, settings: dict) -> None:
    """The second stage of a cascade cannot be explained from the image alone; raises ModelError saying why."""
    first = settings.get("previous_stage")
    if first is not None:
        raise ModelError(
            f"'{configuration}' is the second stage of a cascade: besides the image it needs the segmentation made by "
            f"the first stage ('{first}') as further input channels.",
            f"Explain the model of '{first}', or one trained as '3d_fullres'.",
        )


def foreign_names(plans: dict, settings: dict) -> list[str]:
    """Everything that would be imported or looked up by name and is not nnU-Net's own, as 'where: name'."""
    found = []
    architecture = settings.get("architecture")
    if architecture is not None:
        kwargs, imported = (
            architecture.get(key) if isinstance(architecture, dict) else None
            for key in ("arch_kwargs", "_kw_requires_import")
        )
        if not isinstance(kwargs, dict) or not isinstance(imported, list):
            raise ModelError("The architecture in 'plans.json' is incomplete.", "Use the file nnU-Net wrote.")
        if not _ARCHITECTURE.fullmatch(str(architecture.get("network_class_name"))):
            found.append(f"network_class_name: {architecture.get('network_class_name')}")
        for key in imported:
            value = kwargs.get(key)
            if value is not None and not (_LAYER.fullmatch(str(value)) or _BLOCK.fullmatch(str(value))):
                found.append(f"{key}: {value}")
    for key, known in _OWN_PARTS.items():
        for holder in (settings, plans):
            values = holder.get(key)
            for value in values if isinstance(values, list) else [values]:
                if value is not None and str(value) not in known:
                    found.append(f"{key}: {value}")
    return found


def _located(path: Path):
    """(trained-model folder, folds, checkpoint) for the folder itself, a file or fold in it, or its dataset folder."""
    if path.name in ("plans.json", "dataset.json"):
        return path.parent, (), _FINAL
    if _FOLD.fullmatch(path.name):
        return path.parent, (path.name.removeprefix("fold_"),), _FINAL
    if path.suffix == ".pth" and _FOLD.fullmatch(path.parent.name):
        return path.parent.parent, (path.parent.name.removeprefix("fold_"),), path.name
    if path.is_dir() and not (path / "plans.json").is_file():
        inside = sorted(p for p in path.glob(_MODEL_FOLDER) if (p / "plans.json").is_file())
        if len(inside) > 1:
            raise ModelError(
                f"The folder '{path.name}' holds {len(inside)} trained models.",
                f"Choose one of: {', '.join(p.name for p in inside)}.",
            )
        if inside:
            return inside[0], (), _FINAL
    return path, (), _FINAL


def _channel_names(dataset):
    return dataset.get("channel_names", dataset.get("modality"))


def _read(path):
    if not is_file(path):
        raise ModelError(
            f"The model folder '{named(path.parent)}' lacks '{path.name}'.",
            "Choose nnU-Net's <trainer>__<plans>__<configuration> folder, complete as training left it.",
        )
    return json_object(path)
