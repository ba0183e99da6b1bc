"""The pictures of a run's maps: alone, or over the images that the user's own ``cases.csv`` names."""

from __future__ import annotations

import csv
import json
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...cohort.content_key import SHORT
from ...cohort.plans.places import labels_placed, placed
from ...cohort.plans.row import BETWEEN
from ...cohort.run_folder import CASES, RunFolder
from ...figures.report.page import Picture
from ...figures.report.small_slices import small_slices
from ...io.colour_images import is_rgb, read_rgb
from ...io.file_content import hash_of
from ...io.label_maps import read_labels
from ...io.nifti_header import ITK, NIBABEL
from ...io.segments_on_images import placed_on
from ...io.volumes import read_channels, read_volume
from ...protocol.csv_text import plain_text
from ...protocol.errors import SegHiResCamError
from ...protocol.grid import Grid
from ...protocol.image import Image
from ...protocol.recipes import hardened
from ...protocol.resampling import spread
from .run_answers import Answer

#: images held at once; cases come one after another
_HELD = 2
NOT_THAT = "The image that cases.csv names is not there, or not the one that was asked about: the maps stand alone."


@dataclass(frozen=True)
class StoredMap:
    """path: of the map.  facts: its sidecar."""

    path: Path
    facts: dict

    @property
    def sidecar(self) -> Path:
        return self.path.with_suffix(".json")


@dataclass
class RunMaps:
    """images: the folder of the plan, where the paths in cases.csv begin; None: no image is read.
    signed: both signs of every map."""

    run: RunFolder
    images: Path | None = None
    signed: bool = False
    _folders: dict[tuple[str, ...], Path] | None = None
    _places: dict[str, list[dict]] = field(default_factory=dict)
    _open: OrderedDict = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        if self.images is not None:
            for row in case_rows(self.run):
                self._places.setdefault(row["image"], []).append(row)

    def of(self, answer: Answer) -> StoredMap | None:
        """None where none was kept, and for one that is not of this line or not as it was written."""
        folder = self._folder(answer)
        if folder is None:
            return None
        for sidecar in sorted(folder.glob(f"{answer.place:02d}_*.json")):
            try:
                facts = json.loads(sidecar.read_text(encoding="utf-8"))
                told = facts["layer"]["name"], facts["method"], str(facts["class_index"])
                path = sidecar.with_suffix(".nrrd")
                same = told == tuple(answer.words[word] for word in ("layer", "method", "class"))
                if same and hash_of(path) == facts["sha256"]:
                    return StoredMap(path, facts)
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return None

    def picture(self, answer: Answer, stored: StoredMap, what: str) -> tuple[Picture | None, str]:
        """(picture or None where the map cannot be read, a sentence about the image or "")."""
        try:
            grid = Grid.from_json(stored.facts["grid"])
            array = read_volume(stored.path).array[0]
            if array.shape != grid.shape:
                return None, ""
        except (SegHiResCamError, KeyError, TypeError, ValueError):
            return None, ""
        unit = str(stored.facts.get("unit", ""))
        found, told = self._image(answer, stored), ""
        if found is None:
            told = NOT_THAT if self.images is not None else ""
            return small_slices(array, grid, f"{unit} per cell", what, signed=self.signed), told
        image, colour = found
        density = spread(array, grid, image.grid)
        unit = f"{unit}/{image.grid.volume_unit}"
        mask = self._mask(answer, image)
        drawn = small_slices(density, image.grid, unit, what, image=image, mask=mask, colour=colour, signed=self.signed)
        return drawn, ""

    def _folder(self, answer: Answer) -> Path | None:
        if self._folders is None:
            names = [one for one in self.run.maps.iterdir() if one.is_dir()] if self.run.maps.is_dir() else []
            self._folders = {_question_of(one.name): one for one in names}
        return self._folders.get(answer.question)

    def _image(self, answer: Answer, stored: StoredMap) -> tuple[Image, bool] | None:
        """The image whose hash the map's sidecar tells; never another."""
        wanted = (answer.question[0], stored.facts.get("provenance", {}).get("image_sha256"))
        if wanted not in self._open:
            self._open[wanted] = self._read(*wanted)
            while len(self._open) > _HELD:
                self._open.popitem(last=False)
        return self._open[wanted]

    def _read(self, case: str, sha256: str | None) -> tuple[Image, bool] | None:
        for words in dict.fromkeys(row["images"] for row in self._places.get(case, ())):
            paths = [placed(one, self.images) for one in words.split(BETWEEN)]
            paths = [one if Path(one).exists() else one.partition("=")[2] or one for one in paths]
            for rule in (NIBABEL, ITK):
                try:
                    colour = len(paths) == 1 and is_rgb(paths[0])
                    image = read_rgb(paths[0], rule) if colour else read_channels(paths, None, rule)[0]
                except (SegHiResCamError, OSError):
                    continue
                if image.content_hash == sha256:
                    return image, colour
        return None

    def _mask(self, answer: Answer, image: Image) -> np.ndarray | None:
        """The segment that was asked about, by its name; None for other pixel sets, and where it is not there."""
        if answer.words["pixel set"] != "segment" or not answer.words["label"]:
            return None
        for row in self._places.get(answer.question[0], ()):
            if not row["segment"] or row["question"] != answer.question[2]:
                continue
            try:
                word = labels_placed(row["segment"], self.images)
                labels = read_labels(word, image.grid)
                if labels.content_hash[:SHORT] != row["segment hash"]:
                    continue
                pixels = placed_on(word, labels.of(labels.label(answer.words["label"])), image)
                return hardened(pixels.on(image.grid).weights)
            except (SegHiResCamError, OSError):
                continue
        return None


def case_rows(run: RunFolder) -> list[dict]:
    """cases.csv, [] where it is not there or not as it was written."""
    try:
        with open(run.path / CASES, newline="", encoding="utf-8") as file:
            rows = [{key: plain_text(value) for key, value in row.items()} for row in csv.DictReader(file)]
        needed = {"image", "model hash", "segment hash", "question", "plan row", "case", "images", "segment", "model"}
        return rows if all(needed <= row.keys() for row in rows) else []
    except (OSError, UnicodeDecodeError, csv.Error, TypeError, AttributeError):
        return []


def _question_of(key: str) -> tuple[str, str, str]:
    """As :attr:`Answer.question`, of the name of a folder with maps."""
    return key[:SHORT], key[SHORT : 2 * SHORT], key[2 * SHORT :][:16]
