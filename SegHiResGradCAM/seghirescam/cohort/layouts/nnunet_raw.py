"""nnU-Net's raw datasets: ``imagesTr``, ``labelsTr``, ``imagesTs``, (``labelsTs``), ``dataset.json``.

A case's channels are ``CASE_0000.ENDING``, ``CASE_0001.ENDING``, ..., its label map is ``CASE.ENDING``.  Source:
nnU-Net's documentation/dataset_format.md and region_based_training.md; dataset.json of version 1 (``modality``, labels
by number) is understood as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..plans.row import PlanError, Row
from .held_files import chosen, dataset, held, one_ending, refuse_missing

_ABOUT = "dataset.json"
_SPLITS = {"Tr": ("imagesTr", "labelsTr"), "Ts": ("imagesTs", "labelsTs")}
_CALLED = {"train": "Tr", "test": "Ts"}
#: a label that is no class
_IGNORE = "ignore"
#: kinds of files of which one may hold red, green and blue
_PICTURES = (".png", ".bmp", ".tif", ".tiff")
_CHANNEL = re.compile(r"(.+)_(\d{4})")


def rows(folder: Path | str, *, model: str, split: str = "", classes: Sequence[str] = ()) -> Iterator[Row]:
    """One row a case and class; the group is the split. Where a split has no labels, the prediction is asked about.

    split: "Tr" or "Ts" ("train", "test"); "" is what there is.  classes: names of dataset.json; () are all but the
    background.  Raises PlanError.
    """
    root = dataset(folder, "nnU-Net")
    channels, labels, stated = _about(root)
    names = chosen(classes, list(labels), "The dataset")
    wanted = _wanted(root, split)
    found = [_cases(root, one, len(channels), stated) for one in wanted]
    return _rows(wanted, found, model, {name: labels[name] for name in names})


def _rows(wanted, found, model, labels) -> Iterator[Row]:
    for split, cases in zip(wanted, found, strict=True):
        for case, images, segment in cases:
            for name, value in labels.items():
                words = {"case": case, "images": images, "model": model, "target": name, "group": split}
                if segment:
                    words |= {"segment": segment, "label": value, "reference": segment, "reference_label": value}
                else:
                    words |= {"pixels": "predicted"}
                yield Row(**words)


def _wanted(root: Path, split: str) -> list[str]:
    split = _CALLED.get(split, split)
    if split and split not in _SPLITS:
        raise PlanError(f"nnU-Net has no split '{split}'.", "It has: Tr (training) and Ts (test).")
    there = [one for one, (images, _) in _SPLITS.items() if held(root / images)]
    if (split and split not in there) or not there:
        absent = _SPLITS[split or "Tr"][0]
        raise PlanError(
            f"The dataset '{root.name}' has no images in '{absent}'.",
            "Name the folder that holds dataset.json, imagesTr and labelsTr.",
        )
    return [split] if split else there


def _about(root: Path) -> tuple[list[str], dict[str, str], str]:
    """(names of the channels, class -> its label's value or values joined by +, file ending or "")"""
    try:
        about = json.loads((root / _ABOUT).read_text(encoding="utf-8"))
        channels = about.get("channel_names", about.get("modality"))
        labels, ending = about["labels"], about.get("file_ending", "")
        if any(key.lstrip("-").isdigit() for key in labels):  # version 1: number -> name
            labels = {str(name): int(value) for value, name in labels.items()}
        told = {
            str(name): "+".join(str(int(v)) for v in (value if isinstance(value, list) else [value]))
            for name, value in labels.items()
            if value != 0 and str(name) != _IGNORE
        }
        ordered = [str(channels[key]) for key in sorted(channels, key=int)]
    except FileNotFoundError:
        raise PlanError(
            f"The dataset '{root.name}' has no {_ABOUT}.", "Name the folder that holds it, with imagesTr and labelsTr."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise PlanError(
            f"The {_ABOUT} of '{root.name}' is not as nnU-Net describes it.",
            "It needs channel_names (number -> name) and labels (name -> number).",
        ) from None
    return ordered, told, str(ending)


def _cases(root: Path, split: str, channels: int, stated: str) -> list[tuple[str, tuple[str, ...], str]]:
    """[(case, its images, its label map or "")]"""
    images, labels = _SPLITS[split]
    names = held(root / images)
    end = one_ending(names, images, stated)
    by_case: dict[str, set[int]] = {}
    for name in names:
        stem = name[: -len(end)] if end and name.lower().endswith(end.lower()) else None
        match = _CHANNEL.fullmatch(stem) if stem else None
        if stem is not None and match is None:
            raise PlanError(
                f"'{images}' holds '{name}', whose name ends in no channel.", "nnU-Net's images end in _0000, _0001."
            )
        if match:
            by_case.setdefault(match[1], set()).add(int(match[2]))
    if end.lower() in _PICTURES and all(have == {0} for have in by_case.values()):
        channels = 1  # red, green and blue in one file
    every = set(range(channels))
    for number in range(channels):
        lacking = [case for case, have in by_case.items() if number not in have]
        refuse_missing(lacking, f"lacks its channel _{number:04d}", f"{_ABOUT} names {channels} channels.")
    more = [case for case, have in by_case.items() if have - every]
    refuse_missing(more, f"has more than the {channels} channels of {_ABOUT}", "Move the others away, or name them.")
    there = held(root / labels)
    if not there and split == "Tr":
        raise PlanError(f"The dataset '{root.name}' has no '{labels}'.", "Name a split without labels: Ts.")
    if there:
        one_ending(there, labels, stated or end)
        lacking = [case for case in by_case if f"{case}{end}" not in set(there)]
        refuse_missing(lacking, f"has no label map in '{labels}'", "Add it, or move the case's images away.")
    if not by_case:
        raise PlanError(f"'{images}' holds no image.", "nnU-Net's images end in _0000, _0001, ... and their kind.")
    return [
        (
            case,
            tuple(str(root / images / f"{case}_{n:04d}{end}") for n in range(channels)),
            str(root / labels / f"{case}{end}") if there else "",
        )
        for case in sorted(by_case)
    ]
