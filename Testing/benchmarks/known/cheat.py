"""Tier 1 measured: for each of twenty models, where every method puts the evidence on cases that show both cues.

Regions are grown by TAU_MM before evidence is counted in them: marker and lesion then still lie apart.  The layer of
the comparison is the encoder level of stride 4, fixed (from the demo) before any map of these models was made.
"""

from __future__ import annotations

from pathlib import Path

from seghirescam.evaluation.metrics.shares import dilated
from seghirescam.models.demo_networks.preprocessing import LESION, LOOK_ALIKE
from seghirescam.session.explain import predict

from . import maps, trained
from .phantom import GRID, REPORT_SEEDS, make_case
from .store import Store

TAU_MM = 2.0
PRIMARY, HEAD = "encoder.2", "decoder.3"
LAYERS = ("encoder.1", "encoder.2", "encoder.3", "encoder.4", "decoder.0", "decoder.1", "decoder.2", "decoder.3")
#: cases a model; of these, those with the slow methods and with context deletion
CASES, SLOW_CASES, GAIN_CASES = 4, 2, 2


def measure(store: Store, folder: Path, wanted: list[trained.Name], cases: int = CASES) -> None:
    """Rows of all models that are trained; what the store holds already is not measured again."""
    for number, name in enumerate(wanted, start=1):
        for place, seed in enumerate(REPORT_SEEDS[:cases]):
            if store.has(model=str(name), seed=seed):
                continue
            facts = {"tier": 1, "seed": seed, "model": str(name), "rule": name.rule}
            found = [facts | row for row in _of_case(folder, name, seed, place)]
            store.add(found)
            print(f"model {number}/{len(wanted)} {name}, case {place + 1}/{cases}: {len(found)} maps", flush=True)


def _of_case(folder, name, seed, place):
    model, case = trained.load(folder, name), make_case(seed, ring=True, marker=True)
    pixels = predict(model, case.image, LESION)
    if pixels.is_empty:
        yield maps.NO_PREDICTION
        return
    marker, lesion = (case.region(n).weights > 0 for n in ("marker", "lesion"))
    asked = maps.Asked(
        model, case.image, pixels, LESION, rival=LOOK_ALIKE, primary=PRIMARY, head=HEAD, layers=LAYERS, seed=seed,
        own=dilated(lesion, GRID, TAU_MM), cue=dilated(marker, GRID, TAU_MM), near_own=lesion, near_cue=marker,
    )  # fmt: skip
    yield from maps.rows(asked, slow=place < SLOW_CASES, gains=place < GAIN_CASES)
    yield _painting(model, case, pixels)


def _painting(model, case, pixels):
    """The reference row: how much of the score masking out the marker, or the ring, takes away (logit)."""
    found = trained.painted(model, case, pixels)
    return {
        "layer": maps.NO_LAYER, "method": "paint_over", "title": "paint the marker over (reference)", "status": "ok",
        "score": found["before"], "loss_cue": found["before"] - found["marker"],
        "loss_own": found["before"] - found["ring"],
    }  # fmt: skip
