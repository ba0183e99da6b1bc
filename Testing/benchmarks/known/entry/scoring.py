"""An entered method measured: where its maps put the evidence on every network and case, and what that tells a user.

The numbers are those of the benchmark's own table (:mod:`cheat`, :mod:`maps`): same networks, cases, regions, layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
from seghirescam.cam.methods import method as known_method
from seghirescam.evaluation.metrics.location import share_in
from seghirescam.evaluation.metrics.shares import dilated
from seghirescam.models.demo_networks.preprocessing import LESION, LOOK_ALIKE
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import predict
from seghirescam.session.opening import open_session

from .. import cheat, maps, stats, trained
from ..phantom import GRID, REPORT_SEEDS, make_case
from .entered_model import EnteredModel

#: ``method(model, image, pixel_set, layer) -> map``, the map on the image's voxels or on the layer's cells
Method = Callable[[EnteredModel, Image, PixelSet, str], np.ndarray]
ROWS = (
    "method", "layer", "model", "rule", "seed", "status", "share_cue", "lift_cue", "share_own", "lift_own",
    "gain_logit", "note",
)  # fmt: skip
COLUMNS = (
    "method", "layer", "models", "maps", "auroc", "auroc_low", "auroc_high", "shortcut_lift_cue", "honest_lift_cue",
    "honest_lift_own", "shortcut_gain_logit",
)  # fmt: skip
OK, FAILED = "ok", "failed"


def rows(
    methods: dict[str, Method], folder: Path, wanted: list[trained.Name], layer: str = cheat.PRIMARY,
    seeds: Sequence[int] = REPORT_SEEDS[: cheat.CASES],
) -> Iterator[dict]:  # fmt: skip
    """One row (ROWS) a method, network and case.  A method that raises, or answers no map, has failed there."""
    for number, name in enumerate(wanted, start=1):
        model = trained.load(folder, name)
        for place, seed in enumerate(seeds):
            case = make_case(seed, ring=True, marker=True)
            pixels = predict(model, case.image, LESION)
            if pixels.is_empty:  # of networks that were hardly trained
                pixels = case.region("body")
            for title, found in _of_case(methods, model, case, pixels, layer, place < cheat.GAIN_CASES):
                yield {"method": title, "layer": layer, "model": str(name), "rule": name.rule, "seed": seed, **found}
        print(f"network {number}/{len(wanted)}: {name}", flush=True)


def summary(found: Iterable[dict]) -> list[dict]:
    """One row (COLUMNS) a method: means over a network's cases, then AUROC and medians over networks.

    models: networks of which a number is known; an entry is complete where that is all of them.
    """
    groups: dict[tuple, list[dict]] = {}
    for row in found:
        groups.setdefault((row["method"], row["layer"]), []).append(row)
    return [_line(title, layer, group) for (title, layer), group in groups.items()]


def _of_case(methods, model, case, pixels, layer, gains):
    marker, lesion = (dilated(case.region(one).weights > 0, GRID, cheat.TAU_MM) for one in ("marker", "lesion"))
    asked = maps.Asked(
        model, case.image, pixels, LESION, rival=LOOK_ALIKE, own=lesion, cue=marker, primary=layer, head=None,
        layers=(layer,), seed=case.seed,
    )  # fmt: skip
    session = open_session(model, case.image)
    try:
        (cells,) = session.ask(pixels, methods=[known_method(maps.HIRES)], layers=[layer], **asked.words)
    finally:
        session.release()
    gain = maps.gains_of(asked) if gains else None
    for title, method in methods.items():
        try:
            # copies: what a stranger's code leaves changed (hooks, weights, voxels) is nobody else's
            own_model, image, pixel_set = deepcopy((model, case.image, pixels))
            entered = EnteredModel.of(own_model, LESION, LOOK_ALIKE)
            density = _placed(method(entered, image, pixel_set, layer), cells, case)
        except Exception as error:  # whatever a stranger's code raises
            yield title, {"status": FAILED, "note": f"{type(error).__name__}: {error}".splitlines()[0][:120]}
            continue
        cue, own = share_in(density, marker), share_in(density, lesion)
        yield title, {
            "status": OK if cue.ok else cue.status, "share_cue": cue.value, "lift_cue": cue.lift,
            "share_own": own.value, "lift_own": own.lift,
            "gain_logit": gain(density).value if gain else None, "note": "",
        }  # fmt: skip


def _placed(found, cells, case):
    """A density on the image's voxels. Raises ValueError for what is no map."""
    array = np.asarray(found.detach().cpu() if hasattr(found, "detach") else found, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError("The map holds values that are not finite.")
    if array.shape == case.image.grid.shape:
        return array
    if array.shape == cells.map.shape:
        return replace(cells, map=array).resampled_to(case.image.grid).array
    shapes = f"of the image {case.image.grid.shape} or of the layer {cells.map.shape}"
    raise ValueError(f"A map has the shape {shapes}, got {array.shape}.")


def _line(title, layer, group):
    models: dict[tuple, list[dict]] = {}
    for row in group:
        models.setdefault((row["rule"], row["model"]), []).append(row)

    def of(rule, what):
        return [_mean(row.get(what) for row in rows) for (own, _), rows in models.items() if own == rule]

    honest, shortcut = of("honest", "share_cue"), of("shortcut", "share_cue")
    low, high = stats.auroc_interval(honest, shortcut)
    middle = {
        f"{rule}_{what}": stats.quartiles(of(rule, what))[0]
        for rule, what in (
            ("shortcut", "lift_cue"), ("honest", "lift_cue"), ("honest", "lift_own"), ("shortcut", "gain_logit")
        )
    }  # fmt: skip
    return {
        "method": title, "layer": layer, "models": len(stats.finite([*honest, *shortcut])),
        "maps": sum(row["status"] == OK for row in group), "auroc": stats.auroc(honest, shortcut), "auroc_low": low,
        "auroc_high": high, **middle,
    }  # fmt: skip


def _mean(values):
    numbers = stats.finite(values)
    return float(numbers.mean()) if numbers.size else math.nan
