"""Zip files of nnU-Net v2 as people release them: ``open_model("Dataset001_X.zip")``, ``"X.zip#3d_fullres"``.

They hold one or several trained-model folders (``Dataset*/trainer__plans__configuration`` with plans.json, dataset.json
and fold_*).  What a model says about itself is read in place; opening unpacks what its inference needs
(:mod:`unpacking`) and opens that folder as any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...protocol.errors import ModelError
from ...protocol.explanation import ClassInfo
from ...protocol.untrusted import DamagedZip, json_value, member, named, short, zip_names
from ..segmentation_model import ModelKind, SegmentationModel
from . import nnunet_files
from .nnunet_model import REQUIREMENT
from .unpacking import checked_zip, unpacked

if TYPE_CHECKING:
    from ...protocol.progress import Tell

MARK = "#"
_CHECKPOINT = re.compile(r"fold_([0-9]{1,6}|all)/checkpoint_[\w.-]{1,100}\.pth")
_DESCRIPTIONS = ("plans.json", "dataset.json")


@dataclass(frozen=True)
class ZippedModel:
    """path: of the zip file.  root: of the model's folder in it, "" or with a slash behind.  members: what it needs."""

    path: Path
    root: str
    members: tuple[str, ...]

    @staticmethod
    def of(source) -> ZippedModel:
        """Raises ModelError where several models are there and none is named, or none of that name."""
        path, wanted = _parts(source)
        names = zip_names(path)
        roots = _roots(names)
        if not roots:
            raise ModelError(f"'{named(path)}' holds no whole model of nnU-Net v2.", "Copy or download it again.")
        chosen = [root for root in roots if not wanted or wanted in _names(root)]
        if len(chosen) != 1:
            listed = ", ".join(f"'{named(path)}{MARK}{_shortest(root, roots)}'" for root in roots)
            what = (
                f"{len(chosen) or 'no'} model(s) called '{short(wanted, 80)}'"
                if wanted
                else f"{len(roots)} trained models"
            )
            raise ModelError(f"'{named(path)}' holds {what}.", f"Choose one of: {listed}.")
        (root,) = chosen
        needed = (f"{root}{name}" for name in _DESCRIPTIONS)
        folds = (name for name in names if name.startswith(root) and _CHECKPOINT.fullmatch(name.removeprefix(root)))
        return ZippedModel(path, root, (*needed, *sorted(folds)))

    def dataset(self) -> dict:
        """dataset.json, read in place and checked. Raises ModelError."""
        try:
            with checked_zip(self.path) as archive:
                found = json_value(member(archive, f"{self.root}dataset.json"))
        except (DamagedZip, ValueError) as error:
            raise ModelError(
                f"'dataset.json' in '{named(self.path)}' is no JSON, or damaged.", "Copy or download it again."
            ) from error
        return nnunet_files.checked_dataset(found)

    def folder(self, progress: Tell | None = None) -> tuple[Path, bool]:
        """(the model's folder in the cache, whether it was unpacked by this call)"""
        inside = self.root or "model/"
        members = {name: inside + name.removeprefix(self.root) for name in self.members}
        place, new = unpacked(self.path, members, progress)
        return place / inside, new


class _NnunetZipKind(ModelKind):
    """Recognises a zip file that holds trained-model folders, ``FILE.zip#name``, or ``{"nnunet": "FILE.zip", ...}``."""

    name = "nnunet_zip"
    title = "zipped nnU-Net v2 model"
    order = 28

    def recognises(self, source) -> bool:
        if isinstance(source, dict) and not isinstance(source.get("nnunet"), (str, Path)):
            return False
        path, _ = _parts(source)
        return path.suffix.lower() == ".zip" and bool(_roots(zip_names(path)))

    def requirements(self, source) -> tuple[str, ...]:
        return (REQUIREMENT,)

    def files(self, source) -> tuple[Path, ...]:
        return (_parts(source)[0],)

    def classes(self, source) -> tuple[ClassInfo, ...]:
        return nnunet_files.heads(ZippedModel.of(source).dataset())[1]

    def channels(self, source) -> tuple[str, ...]:
        return nnunet_files.channels(ZippedModel.of(source).dataset())

    def open(self, source, consent: bool | str = False) -> SegmentationModel:
        return self.open_told(source, consent)

    def open_told(self, source, consent: bool | str = False, progress: Tell | None = None) -> SegmentationModel:
        """Told while it is unpacked, by pieces of its members."""
        from ..known_kinds import recognising

        about = ZippedModel.of(source)
        about.dataset()  # refused before anything is unpacked
        folder, new = about.folder(progress)
        inner = {**source, "nnunet": str(folder)} if isinstance(source, dict) else str(folder)
        model = recognising(inner).open(inner, consent=consent)
        if new:
            more = "The zip file was unpacked into seghirescam's cache folder; what lies there may be deleted."
            model.loading = (*model.loading, more)
        return model


def _parts(source) -> tuple[Path, str]:
    """(zip file, name behind the mark)"""
    text = str(source["nnunet"] if isinstance(source, dict) else source)
    if MARK in text and not text.lower().endswith(".zip"):
        text, _, wanted = text.rpartition(MARK)
        return Path(text), wanted.strip().strip("/")
    return Path(text), ""


def _roots(names) -> list[str]:
    """The folders in a zip file that hold plans, a data set's description and folds."""
    there = set(names)
    folders = {name.removesuffix("plans.json") for name in names if f"/{name}".endswith("/plans.json")}
    found = {name[: -len(last[0])] for name in names if (last := _CHECKPOINT.search(name)) and name.endswith(last[0])}
    return sorted(root for root in folders & found if f"{root}dataset.json" in there)


def _names(root) -> list[str]:
    """What a model may be called: by its configuration, its folder, its data set, or where it lies."""
    parts = root.rstrip("/").split("/")
    last = parts[-1].split("__")
    return [last[-1], parts[-1], parts[-2] if len(parts) > 1 else parts[-1], root.rstrip("/")]


def _shortest(root, roots) -> str:
    others = [name for other in roots if other != root for name in _names(other)]
    return next((name for name in _names(root) if name not in others), root.rstrip("/"))


KIND = _NnunetZipKind()
