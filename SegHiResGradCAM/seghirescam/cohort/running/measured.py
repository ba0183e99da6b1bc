"""One explanation as a line of the table, and as lines of evidence by label."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...evaluation.evaluate import evaluate_in
from ...evaluation.metrics.ground import Ground
from ...evaluation.metrics.labels import LabelRow, evidence_by_label_maps
from ...protocol.explanation import Explanation
from ...protocol.grid import Grid
from ...protocol.resampling import labels_on
from ...protocol.value import EMPTY_REFERENCE, NOT_MEASURED, OK, Value
from ...session.interface import Session
from ..plans.row import Row
from ..settings import NONE, Settings
from ..table.columns import number, plain
from .row_questions import Asked, OpenCase

OWN, REFERENCE = "pixel set", "reference"


@dataclass(eq=False)
class Measuring:
    """Everything that is measured about the explanations of one case. Caches what its rows share."""

    case: OpenCase
    session: Session
    settings: Settings
    ground: Ground
    _layers: dict[str, list] = field(default_factory=dict)

    def line(self, one: Explanation, asked: Asked, row: Row, truth: np.ndarray | None) -> tuple[dict, list[dict]]:
        """(line of the table, lines of evidence by label). truth: the reference on the image's grid."""
        assert asked.asked is not None
        grid, mask = self.ground.grid, asked.asked.mask(self.ground.grid)
        layer, provenance = one.layer, one.provenance
        words: dict[str, Any] = {
            "label": asked.label, "pixel set": asked.form, "class": one.class_index, "class name": one.class_name,
            "rival": provenance.get("rival_index"), "score of": self.settings.score, "layer": layer.name,
            "layer part": layer.part, "stride": "x".join(map(str, layer.stride)), "method": one.method,
            "status": one.status, "reason": one.reason, "verdict": "",
        }  # fmt: skip
        density = one.resampled_to(grid).array
        why = one.status if one.status != OK else NOT_MEASURED
        found = plain("score", _finite(one.score), self.session.model.score_unit, why)
        found |= plain("total", _finite(one.total), one.unit, why)
        found |= plain("completeness", _finite(one.completeness), "", NOT_MEASURED)
        found |= number("share inside", self.ground.share(density, mask))
        found |= size_of("size", mask, grid)
        for name, value in one.numbers.items():
            found |= number(name, value)
        maps = self._label_maps(row)
        if self.settings.evaluate == NONE:
            body = self.ground.body
            labels = evidence_by_label_maps(density, maps, grid, body, distances=False) if maps else []
        else:
            measured = self._evaluated(one, asked, mask, truth, maps)
            for entry in measured.rows:
                about = f" ({entry.reference})" if entry.reference not in ("", OWN) else ""
                found |= number(f"{entry.metric}{about}", entry.value)
            words["verdict"] = measured.trust.verdict
            labels = list(measured.labels)
        base = {name: words[name] for name in ("pixel set", "class", "layer", "method")} | {"map": asked.label}
        return words | found, [base | _of_label(entry, grid) for entry in labels]

    def _evaluated(self, one: Explanation, asked: Asked, mask: np.ndarray, truth: np.ndarray | None, maps: list):
        assert asked.asked is not None
        pixels, session = asked.asked.pixels, self.session
        words = {
            "class_index": asked.class_index, "rival": asked.rival, "score": self.settings.score,
            "side": self.settings.side, "methods": [one.method], "layers": [one.layer.name],
        }  # fmt: skip
        made: Explanation | None = one
        if session.runs > 1 or session.averaged > 1 or not session.holds(one.layer.name, pixels):
            # what was kept depends on what else was asked; a number must not
            session.release()
            made = None
        regions = {OWN: mask} | ({} if truth is None else {REFERENCE: truth})
        return evaluate_in(
            session, pixels, words, references=regions, labels=maps, tier=self.settings.evaluate,
            seed=self.settings.seed, made=made,
        )  # fmt: skip

    def _label_maps(self, row: Row) -> list:
        """[(label map on the image's grid, {value: name})] of the row's segmentation and reference."""
        found = []
        for word in dict.fromkeys(filter(None, (row.segment, row.reference))):
            if word not in self._layers:
                labels = self.case.labels(word)
                self._layers[word] = [] if labels.soft else [
                    (
                        labels_on(array, labels.grid, self.ground.grid),
                        {one.value: one.name for one in labels.labels if one.layer == n and one.name},
                    )
                    for n, array in enumerate(labels.layers)
                ]  # fmt: skip
            found += self._layers[word]
        return found


def overlap(predicted: np.ndarray, truth: np.ndarray, grid: Grid) -> dict[str, Any]:
    """Dice and both sizes. predicted, truth: bool [K, J, I] on the image's grid."""
    both = int(np.count_nonzero(predicted)) + int(np.count_nonzero(truth))
    value = Value.without(EMPTY_REFERENCE, "Neither the prediction nor the reference has a voxel.")
    if both:
        value = Value.of(2 * int(np.count_nonzero(predicted & truth)) / both)
    return number("dice", value) | size_of("predicted size", predicted, grid) | size_of("reference size", truth, grid)


def size_of(name: str, mask: np.ndarray, grid: Grid) -> dict[str, Any]:
    """In ml; of a single slice in mm2 (its thickness is none of the structure's), of a photo in pixels."""
    return sized(name, int(np.count_nonzero(mask)), grid)


def sized(name: str, voxels: int, grid: Grid) -> dict[str, Any]:
    if grid.is_photo:
        return plain(name, float(voxels), "pixels", "")
    if grid.shape[0] == 1:
        _, rows, columns = grid.spacing_kji
        return plain(name, voxels * float(rows) * float(columns), "mm2", "")
    return plain(name, voxels * grid.voxel_ml, "ml", "")


def _of_label(entry: LabelRow, grid: Grid) -> dict[str, Any]:
    found: dict[str, Any] = {"label": entry.name}
    for name in ("share", "density", "distance"):
        found |= number(name, getattr(entry, name))
    return found | sized("size", entry.size.voxels, grid)


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
