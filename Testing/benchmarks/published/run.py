"""One copy of one head asked of one network: all causes and checks; what the files hold already is not made again."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.known.store import Store
from seghirescam.evaluation.metrics.baselines import edges
from seghirescam.evaluation.painting.painting_over import paint_over
from seghirescam.evaluation.trust.layer_numbers import LargestGradient
from seghirescam.protocol.errors import SegHiResCamError
from seghirescam.protocol.pixel_set import PixelSet

from . import checks, maps
from .heads import head
from .networks import ASKED, DEEPBET, Case, case
from .planted import CAUSES, LEAST_EFFECT, planted

FACTS = ("network", "head", "copy")
CAUSE_COLUMNS = (*FACTS, "cause", "layer", "method", *maps.NUMBERS)
CHECK_COLUMNS = (*FACTS, "check", "layer", "method", "status", "value")
#: the check whose row says that a copy is done: 1, or why there was nothing to explain
DONE = "explained"
#: copies on which the slow checks are made
CHECKED_COPIES = (0,)


def stores(out: Path) -> tuple[Store, Store]:
    """(causes.csv, checks.csv)"""
    return Store(out / "causes.csv", CAUSE_COLUMNS), Store(out / "checks.csv", CHECK_COLUMNS)


def measure(network: str, head_name: str, number: int, data: Path, work: Path, out: Path) -> float:
    """CPU seconds; 0 where the files hold this copy already."""
    causes, checked = stores(out)
    facts = dict(zip(FACTS, (network, head_name, number), strict=True))
    if checked.has(**facts, check=DONE):
        return 0.0
    began, own = time.process_time(), head(head_name, data)
    found_causes: list[dict] = []
    found_checks: list[dict] = []
    done = {"check": DONE, "layer": maps.NO_LAYER, "method": maps.NO_LAYER, "status": "ok", "value": 1}
    asked = case(network, own, number, data, work)
    if asked.pixels.is_empty:
        done |= {"status": "empty_prediction", "value": 0}
    else:
        _all(asked, own, data, work, found_causes, found_checks)
    spent = time.process_time() - began
    found_checks += [done, done | {"check": "cpu_s", "value": spent}]
    found_checks.append(done | {"check": "voxels", "value": int(asked.pixels.weights.sum())})
    # the row that says it is done is written last
    causes.rows = [row for row in causes.rows if not facts.items() <= row.items()]
    causes.add([facts | row for row in found_causes])
    checked.add([facts | row for row in found_checks])
    return spent


def _all(asked: Case, own, data, work, found_causes, found_checks):
    clean = maps.asked(asked, LargestGradient())
    largest = {layer: clean.pop((layer, LargestGradient.name)) for layer in asked.layers}
    before = maps.score_in(clean, asked)
    for cause in CAUSES:
        try:
            one = planted(asked, cause)
        except LookupError:
            found_checks.append(_row(cause, None, "no_place"))
            continue
        here = one.having is asked
        other = maps.mean_score(asked, (one.lacking if here else one.having).image)
        effect = before - other if here else other - before
        if abs(effect) < LEAST_EFFECT:  # no cause: no map is made of it
            found_causes.append({"cause": cause, "layer": maps.NO_LAYER, "method": maps.NO_LAYER, "effect": effect})
            continue
        having, lacking = (clean, None) if here else (maps.asked(one.having), clean)
        found_causes += [{"cause": cause} | row for row in maps.rows(one, effect, having, lacking)]
        if cause == "bead":
            masked = paint_over(one.having.image, PixelSet(one.region, asked.image.grid, cause))
            left = abs(maps.mean_score(asked, masked) - before) / abs(effect)
            found_checks.append(_row("painted", left))
    if asked.copy in CHECKED_COPIES:
        found_checks += checks.of_layers(asked, clean, largest)
        found_checks += checks.randomisation(asked, clean)
        found_checks += checks.deletion(asked, clean, edges(asked.image.array, asked.image.grid))
        if asked.network != DEEPBET:
            found_checks += checks.block(asked, own, data, work)
        try:
            found_checks += checks.full_grad(asked)
        except SegHiResCamError as refused:
            found_checks.append(_row("full_grad", None, refused.code))


def _row(check, value, status="ok"):
    return {"check": check, "layer": maps.NO_LAYER, "method": maps.NO_LAYER, "value": value, "status": status}


def plan(copies: int, heads, networks=tuple(ASKED)) -> list[tuple[str, str, int]]:
    """(network, head, copy): all heads as they are first, then a copy of each, and so on."""
    return [(network, name, number) for number in range(copies) for name in heads for network in networks]
