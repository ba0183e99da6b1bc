"""The answers of a command about many pixel sets: written one by one as they come, and a table of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ...evaluation.metrics.ground import Ground, lift_text
from ...io.volumes import write_volume
from ...protocol.csv_text import write_rows
from ...protocol.explanation import Explanation
from ...protocol.sizes import Size, heads
from ...session.sets.asked_sets import AskedSet
from ..console import table
from ..dicom.dicom_files import DicomFiles, regions_name
from ..sidecars import map_name, write_result
from .which_class import LeftOut

#: the table of all answers, one row each, and one for each segment or class without
TABLE = "table.csv"
_COLUMNS = (
    "segment", "class", "pixel_set", "map", "layer", "method", "status", "reason", "voxels", "pixels", "ml",
    "share_of_image", "unit", "score", "total", "completeness", "inside", "chance", "lift",
)  # fmt: skip


class ManyResults:
    """Called with every explanation. sets: those asked about.  request: for every sidecar.  notes: for every answer,
    asked for when one is written.  dicom: writes DICOM objects.  facts: of what was written."""

    def __init__(
        self, folder: Path, suffix: str, ground: Ground, sets: Sequence[AskedSet], request: dict,
        notes: Callable[[], Sequence[str]], dicom: DicomFiles | None = None,
    ):  # fmt: skip
        self.folder, self.suffix, self.ground, self.sets = folder, suffix, ground, sets
        self.request, self.notes, self.dicom = request, notes, dicom
        self.facts: list[dict] = []
        self._mask: tuple[int, np.ndarray] | None = None

    def __call__(self, explanation: Explanation) -> None:
        place = self._place(explanation)
        grid, mask = self.ground.grid, self._mask_of(place)
        placed = explanation.resampled_to(grid)
        name = map_name(len(self.facts) + 1, explanation, self.suffix)
        size = Size.of(mask, grid)
        more = {
            "request": self.request,
            "predicted": self.predicted,
            "pixel_set_file": f"pixel_set_{place + 1}{self.suffix}" if self.dicom is None else regions_name(name),
            "segment": self.sets[place].name,
            "evidence": self.ground.evidence(placed.array, mask),
            "pixel_set_size": size.to_json(),
            "notes": [*explanation.notes, *self.notes()],
        }
        facts = write_result(self.folder, name, self.suffix, explanation, placed, more, self.dicom)
        if self.dicom is not None:
            self.dicom.write_regions(self.folder / facts["pixel_set_file"], mask, placed.array, grid, facts)
        self.facts.append(facts | {"cells": size.cells})

    @property
    def sizes(self) -> dict[str, Size]:
        """Of the predicted classes that sets are told by."""
        return dict(one.predicted for one in self.sets if one.predicted)

    @property
    def predicted(self) -> dict[str, dict]:
        return {name: size.to_json() for name, size in self.sizes.items()}

    def _place(self, explanation: Explanation) -> int:
        """Of the pixel set an answer is about; one that is asked twice is the same."""
        sha256, label, index = (
            explanation.provenance["pixel_set_sha256"], explanation.pixel_set_label, explanation.class_index,
        )  # fmt: skip
        return next(
            n for n, one in enumerate(self.sets)
            if (one.sha256, one.label, one.class_index) == (sha256, label, index)
        )  # fmt: skip

    def _mask_of(self, place: int) -> np.ndarray:
        if self._mask is None or self._mask[0] != place:
            mask = self.sets[place].mask(self.ground.grid)
            if self.dicom is None:
                file = self.folder / f"pixel_set_{place + 1}{self.suffix}"
                write_volume(file, mask.astype(np.uint8), self.ground.grid)
            self._mask = place, mask
        return self._mask[1]

    def write_table(self, left_out: Sequence[LeftOut]) -> None:
        rows = [
            {
                "segment": facts["segment"], "class": facts["class_name"], "pixel_set": facts["pixel_set"],
                "map": facts["file"]["name"], "layer": facts["layer"]["name"],
                **{key: facts[key] for key in ("method", "status", "reason", "unit", "score", "total", "completeness")},
                **facts["pixel_set_size"], **{key: facts["evidence"][key] for key in ("inside", "chance", "lift")},
            }
            for facts in self.facts
        ]  # fmt: skip
        rows += [{"segment": one.name, "status": "left_out", "reason": one.reason} for one in left_out]
        write_rows(self.folder / TABLE, _COLUMNS, rows)

    def text(self, left_out: Sequence[LeftOut], passes: int) -> str:
        """For the user: one row an answer, then who has none, and why."""
        over = (f"chance over {self.ground.over}", f"lift over {self.ground.over}")
        rows: list[tuple[str, ...]] = [
            ("segment", "class", "map", *heads(self.ground.grid), "status", "total", "score", "inside", *over)
        ]
        for facts in self.facts:
            evidence = facts["evidence"]
            rows.append((
                facts["segment"] or facts["pixel_set"], facts["class_name"], facts["file"]["name"], *facts["cells"],
                facts["status"], _number(facts["total"]), _number(facts["score"]), _percent(evidence["inside"]),
                _percent(evidence["chance"]), lift_text(evidence["lift"]),
            ))  # fmt: skip
        out = "".join(f"\nNot explained: {one.name}. {one.reason}" for one in left_out)
        return (
            f"{table(rows)}\n\nTotal and score in {self.facts[0]['unit']}; inside: share of the positive evidence "
            f"in the pixel set; chance: if it were spread evenly over {self.ground.words}; lift: inside / chance. "
            f"Forward passes: {passes}.{out}"
        )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.5g}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.3g} %"
