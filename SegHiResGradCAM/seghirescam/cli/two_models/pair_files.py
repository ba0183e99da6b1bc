"""What two models say about their differences, as files: predictions, sets, maps with sidecars, table and sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...comparison.two_models.disagreement import KEYS, SIDES, Disagreement
from ...io.label_maps import read_labels
from ...io.volumes import write_volume
from ...protocol.csv_text import write_rows
from ..sidecars import map_name, write_result

if TYPE_CHECKING:
    from ...figures.disagreement_sheet import DisagreementSheet
    from .model_pair import ModelPair

TABLE, SHEET, CAPTION = "table.csv", "sheet", "caption.txt"
COLUMNS = (
    "set", "side", "model", "class", "status", "voxels", "pixels", "ml", "mm2", "share_of_image", "dice", "layer",
    "part", "method", "unit", "score", "score_per_voxel", "model_voxels", "total", "completeness", "inside", "chance",
    "lift", "chance_over", "map", "pixel_set_file", "reason",
)  # fmt: skip


def write_pair(
    folder: Path, suffix: str, pair: ModelPair, found: Disagreement, sheet: DisagreementSheet, notes: tuple[str, ...]
) -> list[dict]:
    """All but the sheet's pictures; returns the table's rows. notes: for every answer."""
    grid, rows = found.grid, []
    for side, mask in zip(SIDES, found.predicted, strict=True):
        write_volume(folder / f"predicted_{side}{suffix}", mask.astype(np.uint8), grid)
    number = 0
    for one in found.sets:
        if one.is_empty:
            rows.append(found.facts(one) | {"map": None, "pixel_set_file": None})
            continue
        file = f"pixel_set_{KEYS.index(one.key) + 1}{suffix}"
        write_volume(folder / file, one.mask.astype(np.uint8), grid)
        segment = read_labels(folder / file).pixel_set().content_hash  # as 'explain --repeat' reads it
        for side, asked in enumerate(one.asked):
            explanation, name = asked.explanation, None
            if explanation is None:
                facts = found.facts(one, side)
            else:
                number += 1
                placed = explanation.resampled_to(grid)
                facts = found.facts(one, side, placed.array)
                sheet.add(one, side, asked, placed.array, facts)
                name = _map_name(number, side, explanation, suffix)
                more = {
                    "request": _request(pair, side, explanation, segment),
                    "pixel_set_file": file,
                    "evidence": {key: facts[key] for key in ("inside", "chance", "lift", "chance_over")},
                    "pixel_set_size": one.size.to_json(),
                    "disagreement": _about(found, one, side, asked),
                    "notes": [*explanation.notes, *found.notes[side], *notes],
                }
                write_result(folder, name, suffix, explanation, placed, more)
            rows.append(facts | {"map": name, "pixel_set_file": file})
    write_rows(folder / TABLE, COLUMNS, ({key: row.get(key) for key in COLUMNS} for row in rows))
    return rows


def _map_name(number, side, explanation, suffix):
    first, rest = map_name(number, explanation, suffix).split("_", 1)
    return f"{first}_{SIDES[side]}_{rest}"


def _request(pair, side, explanation, segment_sha256):
    """What 'explain --repeat' asks again, of this model about this set."""
    opened, asked = pair.opened[side], pair.asked[side]
    question = asked.to_json() | {"layers": [explanation.layer.name]}
    return {
        "question": question,
        "channels": opened.channels,
        "segment_sha256": segment_sha256,
        "weights_sha256": opened.model.weights_hash,
    }


def _about(found, one, side, asked):
    """Beside a map: of which comparison it is a part."""
    return {
        "set": one.key,
        "side": SIDES[side],
        "models": dict(zip(SIDES, found.models, strict=True)),
        "classes": dict(zip(SIDES, found.classes, strict=True)),
        "dice": found.dice,
        "score_per_voxel": asked.score_per_voxel,
        "model_voxels": asked.weight,
    }
