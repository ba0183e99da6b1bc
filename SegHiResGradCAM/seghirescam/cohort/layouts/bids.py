"""BIDS: ``sub-01[/ses-01]/anat/sub-01[_ses-01]_T1w.nii.gz``, and segmentations among the derivatives.

A segmentation is ``derivatives/PIPELINE/sub-01[/ses-01]/anat/..._dseg.nii.gz``, whose labels ``..._dseg.tsv`` (or one
``dseg.tsv`` of the pipeline) names, or ``..._label-NAME_mask.nii.gz`` (``desc-NAME`` where there is no label).  Source:
the BIDS specification, anatomy imaging data and imaging derivatives.  What lies in a template's space is left out.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..plans.row import PlanError, Row
from .held_files import dataset, ending, held, refuse_missing

_ENDINGS = (".nii.gz", ".nii")
_DSEG, _MASK = "dseg", "mask"
#: entities that say what was made of an image, and not of which
_MADE = {"space", "res", "den", "label", "desc", "atlas", "seg", "hemi"}
#: words of ``space-`` for the image's own
_OWN_SPACES = {"orig", "individual", "t1w", "t2w", "flair", "native"}


@dataclass(frozen=True)
class _Named:
    """One file's name. entities: in their order; suffix: the word before the ending."""

    path: Path
    entities: dict[str, str]
    suffix: str

    @property
    def case(self) -> str:
        """The entities of the image, also of what was made of it."""
        return "_".join(f"{key}-{value}" for key, value in self.entities.items() if key not in _MADE)


def rows(
    folder: Path | str, *, model: str, channels: Sequence[str] = ("T1w",), classes: Sequence[str] = (),
    pipeline: str = "",
) -> Iterator[Row]:  # fmt: skip
    """One row an image and class; the case is subject, session and what else tells images apart, the group the subject.

    channels: suffixes, one a channel of the model, in its order.  classes: of the segmentations' names, () are all.
    pipeline: the folder in ``derivatives``, needed where several hold segmentations.  Where none does, the prediction
    is asked about.  Raises PlanError.
    """
    root = dataset(folder, "BIDS")
    images = _images(root, channels)
    labels, asked = _segmentations(root, images, pipeline), list(classes)
    if not labels:
        return _predicted(images, model, asked or ["*"])
    known = sorted({name for found in labels.values() for name, _, _ in found})
    for name in asked:
        if name not in known:
            raise PlanError(f"The segmentations have no class '{name}'.", f"They have: {', '.join(known)}.")
    refuse_missing(
        [case for case in images if case not in labels],
        "has no segmentation among the derivatives",
        "Add it (_dseg or _mask in the image's own space), or name another pipeline.",
    )
    return _drawn(images, labels, model, asked)


def _predicted(images, model, classes) -> Iterator[Row]:
    for case, (subject, paths) in images.items():
        for name in classes:
            yield Row(case=case, images=paths, model=model, target=name, pixels="predicted", group=subject)


def _drawn(images, labels, model, classes) -> Iterator[Row]:
    for case, (subject, paths) in images.items():
        for name, segment, label in labels[case]:
            if not classes or name in classes:
                yield Row(
                    case=case, images=paths, model=model, target=name, segment=segment, label=label,
                    reference=segment, reference_label=label, group=subject,
                )  # fmt: skip


def _images(root: Path, channels: Sequence[str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """case -> (subject, its images in the channels' order)"""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for named in _anatomy(root):
        if named.suffix in channels:
            case = named.case
            held_by = found.setdefault(case, (f"sub-{named.entities['sub']}", {}))[1]
            if named.suffix in held_by:
                raise PlanError(
                    f"The case '{case}' has two files of {named.suffix}, with different endings.",
                    "Keep one of .nii.gz and .nii.",
                )
            held_by[named.suffix] = str(named.path)
    if not found:
        raise PlanError(
            f"The folder '{root.name}' holds no sub-*/anat/*_{channels[0]}.nii.gz.",
            "Name the folder that holds the sub- folders, and the images' suffixes in the model's order.",
        )
    for suffix in channels:
        lacking = [case for case, (_, paths) in found.items() if suffix not in paths]
        refuse_missing(lacking, f"lacks its {suffix}", f"Asked for are: {', '.join(channels)}.")
    return {case: (subject, tuple(paths[s] for s in channels)) for case, (subject, paths) in sorted(found.items())}


def _segmentations(root: Path, images: dict, pipeline: str) -> dict[str, list[tuple[str, str, str]]]:
    """case -> [(class, path, label)]"""
    base = root / "derivatives"
    if pipeline and not (base / pipeline).is_dir():
        there = ", ".join(held(base)) or "none"
        raise PlanError(f"There is no pipeline '{pipeline}' in derivatives.", f"There is: {there}.")
    found: dict[str, dict[str, list[_Named]]] = {}
    for name in [pipeline] if pipeline else held(base):
        by_case: dict[str, list[_Named]] = {}
        for one in _anatomy(base / name):
            if one.suffix in (_DSEG, _MASK) and _in_own_space(one) and one.case in images:
                by_case.setdefault(one.case, []).append(one)
        if by_case:
            found[name] = by_case
    if len(found) > 1:
        raise PlanError(
            f"Several pipelines hold segmentations: {', '.join(found)}.", "Name the one whose segmentations are meant."
        )
    told: dict[str, list[tuple[str, str, str]]] = {}
    for name, by_case in found.items():
        for case, drawn in by_case.items():
            told[case] = [item for one in drawn for item in _labels(one, base / name)]
            _refuse_twice(case, [item[0] for item in told[case]])
    return told


def _labels(one: _Named, pipeline: Path) -> list[tuple[str, str, str]]:
    """[(class, path, label)] of one segmentation."""
    if one.suffix == _MASK:
        name = one.entities.get("label") or one.entities.get("desc")
        if not name:
            raise PlanError(
                f"The mask '{one.path.name}' does not say of what.", "BIDS masks have label-NAME or desc-NAME."
            )
        return [(name, str(one.path), "")]
    for table in (one.path.with_name(one.path.name[: -len(ending(one.path.name))] + ".tsv"), pipeline / "dseg.tsv"):
        if table.is_file():
            return [(name, str(one.path), value) for value, name in _names(table) if value != "0"]
    raise PlanError(
        f"The segmentation '{one.path.name}' has no table of its labels.",
        "BIDS names them in a _dseg.tsv beside it, or in the pipeline's dseg.tsv: columns index and name.",
    )


def _names(table: Path) -> list[tuple[str, str]]:
    try:
        with open(table, newline="", encoding="utf-8-sig") as file:
            return [(str(int(row["index"])), row["name"].strip()) for row in csv.DictReader(file, delimiter="\t")]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise PlanError(
            f"The table '{table.name}' is not as BIDS describes it.", "It needs the columns index and name, with tabs."
        ) from None


def _anatomy(root: Path) -> Iterator[_Named]:
    """The NIfTI files in ``sub-*/anat`` and ``sub-*/ses-*/anat``."""
    for subject in held(root):
        if not subject.startswith("sub-"):
            continue
        inside = root / subject
        for place in [inside, *(inside / name for name in held(inside) if name.startswith("ses-"))]:
            for name in held(place / "anat"):
                if name.lower().endswith(_ENDINGS):
                    *entities, suffix = name[: -len(ending(name))].split("_")
                    pairs = dict(part.split("-", 1) for part in entities if "-" in part)
                    if "sub" in pairs:
                        yield _Named(place / "anat" / name, pairs, suffix)


def _in_own_space(one: _Named) -> bool:
    return one.entities.get("space", "orig").lower() in _OWN_SPACES


def _refuse_twice(case: str, names: list[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise PlanError(f"The case '{case}' has two segmentations of '{twice}'.", "Name one pipeline, or keep one.")
