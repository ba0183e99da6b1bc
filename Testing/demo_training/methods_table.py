"""Which methods see through the shortcut: ``python Testing/demo_training methods_table --out DIR [--seeds explore]``.

Every registered method on the honest and on the shortcut network, cases with a ring and a marker, as in
:mod:`report`: both networks call the body a lesion, for different reasons, and masking out shows which.  A map sees
through the shortcut where the marker holds clearly more of the shortcut network's evidence than of the volume, and than
of the honest network's evidence, by the factors that report.TARGETS fixed before any method was measured.
Writes methods.csv after every case, and goes on from it when it is called again with the same networks and score
(methods.json tells which); at the end methods.md.  Needs nilearn; input-level rows need captum.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from seghirescam.demo.case import FOLDER
from seghirescam.models.demo_networks.demo_model import DemoModel
from seghirescam.models.demo_networks.preprocessing import LESION
from seghirescam.protocol.errors import DependencyError, EmptyPixelSetError, MethodError
from seghirescam.session.explain import predict

from .measure import LAYER_OF_THE_TARGETS, evidence, mean_and_spread
from .report import SEEDS, TARGETS
from .synthesis import make_case

#: the marker must hold this many times its share of the volume, and of the honest network's evidence
OVER_CHANCE, OVER_HONEST = TARGETS["shortcut: marker over chance"], TARGETS["shortcut's marker over honest's"]
#: CAM exists in front of the head only
LAST = "decoder.3"
_REFUSED = "refused: "


@dataclass(frozen=True)
class MethodRow:
    """Shares (0..1) of the positive evidence of one map; NaN without evidence.

    status: of the map, or "refused: " and why.
    """

    seed: int
    model: str
    norm: str
    variant: str
    title: str
    layer: str
    status: str
    lesion: float
    marker: float
    elsewhere: float
    lesion_chance: float
    marker_chance: float
    seconds: float


def variants() -> dict[str, tuple[object, str]]:
    """Name -> (method with its settings, layer): every registered method, and a second form where it has one."""
    from seghirescam.cam.methods import method, methods
    from seghirescam.cam.methods.ablation import SegAblationCam
    from seghirescam.cam.methods.full_grad import SegFullGrad
    from seghirescam.cam.methods.lift import SegLiftCam
    from seghirescam.cam.methods.score_cam import SegScoreCam

    found = {name: (method(name), LAST if name == "cam" else LAYER_OF_THE_TARGETS) for name in sorted(methods())}
    more = {
        "seg_ablation_cam, channel mean": SegAblationCam("mean"),
        "seg_full_grad, signed": SegFullGrad("signed"),
        "seg_lift_cam, cells": SegLiftCam(form="cells"),
        "seg_score_cam, from the minimum": SegScoreCam(baseline="min"),
    }
    return dict(sorted((found | {name: (m, LAYER_OF_THE_TARGETS) for name, m in more.items()}).items()))


def measure_case(models, seed: int, *, score: str = "contrast", chosen: dict | None = None) -> list[MethodRow]:
    """One row a model and method. chosen: some of :func:`variants`, default all."""
    rows, chosen = [], variants() if chosen is None else chosen
    case = make_case(seed, ring=True, marker=True)
    regions = {name: case.region(name) for name in ("lesion", "marker")}
    for model in models:
        try:
            pixels = predict(model, case.image, LESION)
        except EmptyPixelSetError:
            continue
        for name, (method, layer) in chosen.items():
            started = time.perf_counter()
            asked = {"layers": [layer], "methods": [method], "scores": [score if name != "cam" else "logit"]}
            facts = (seed, model.title, model.norm, name)
            try:
                ((row, found),) = evidence(model, case.image, regions, pixels, **asked)
            except EmptyPixelSetError:
                break
            except (MethodError, DependencyError) as problem:
                refused = f"{_REFUSED}{problem.sentence}"
                rows.append(MethodRow(*facts, name, layer, refused, *[math.nan] * 5, time.perf_counter() - started))
                continue
            shares = (row.lesion, row.marker, row.elsewhere, row.lesion_chance, row.marker_chance)
            seconds = time.perf_counter() - started
            rows.append(MethodRow(*facts, found.method_title, found.layer.name, row.status, *shares, seconds))
    return rows


def table(rows: list[MethodRow]) -> str:
    """Markdown, one table a norm: shares in percent, the marker's also as a multiple of chance."""
    refused = {row.variant: row.status.removeprefix(_REFUSED) for row in rows if row.status.startswith(_REFUSED)}
    rows = [row for row in rows if not row.status.startswith(_REFUSED)]
    lines = []
    for norm in sorted({row.norm for row in rows}):
        lines += [
            f"**{norm} norm, {len({row.seed for row in rows})} cases**",
            "",
            "| method (layer) | honest: lesion | honest: marker | shortcut: lesion | shortcut: marker "
            "| sees through the shortcut (chance over the volume) | s a map |",
            "|---|---|---|---|---|---|---|",
        ]
        for name in dict.fromkeys(row.variant for row in rows):
            of = {
                m: [r for r in rows if (r.norm, r.variant, r.model) == (norm, name, m)] for m in ("honest", "shortcut")
            }
            if of["honest"] and of["shortcut"]:
                lines.append(_line(name, of))
        lines.append("")
    lines += [f"- {name} was refused: {why}" for name, why in sorted(refused.items())]
    return "\n".join(lines).rstrip() + "\n"


def _line(name, of):
    first = of["honest"][0]
    cells = []
    for model in ("honest", "shortcut"):
        cells += [_share(of[model], "lesion"), _share(of[model], "marker")]
    seconds = mean_and_spread(r.seconds for r in of["honest"] + of["shortcut"])[0]
    label = first.title if name.count(",") == 0 else f"{first.title} ({name.split(', ', 1)[1]})"
    return f"| {label} ({first.layer}) | {' | '.join(cells)} | {sees_through(of)} | {seconds:.1f} |"


def sees_through(of) -> str:
    """ "yes (times chance, times the honest network's)", or "no (...)"; "no evidence" where a map had none."""
    shortcut = mean_and_spread(r.marker for r in of["shortcut"])
    honest = mean_and_spread(r.marker for r in of["honest"])
    chance = mean_and_spread(r.marker_chance for r in of["shortcut"])[0]
    if not shortcut[2] or not honest[2]:
        return "no evidence"
    over_chance = shortcut[0] / chance
    word = "yes" if over_chance >= OVER_CHANCE and shortcut[0] >= OVER_HONEST * honest[0] else "no"
    beside = f"{shortcut[0] / honest[0]:.1f}x the honest network's" if honest[0] > 0 else "none in the honest network"
    return f"{word} ({over_chance:.1f}x chance, {beside})"


def _share(rows, region):
    mean, spread, number = mean_and_spread(getattr(r, region) for r in rows)
    if not number:
        return "no evidence"
    few = "" if number == len(rows) else f", n = {number}"
    return f"{100 * mean:.1f} ± {100 * spread:.1f}{few}"


def write_rows(path: Path, rows: list[MethodRow]) -> None:
    """Whole or not at all: an interrupted run keeps its cases."""
    half = path.with_suffix(".part")
    with open(half, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(MethodRow.__dataclass_fields__)
        writer.writerows(list(vars(row).values()) for row in rows)
    half.replace(path)


def read_rows(path: Path) -> list[MethodRow]:
    words = {"model", "norm", "variant", "title", "layer", "status"}
    with open(path, newline="", encoding="utf-8") as file:
        return [
            MethodRow(**{k: v if k in words else int(v) if k == "seed" else float(v) for k, v in line.items()})
            for line in csv.DictReader(file)
        ]


def claim_table(path, asked: dict) -> None:
    """Notes beside the table whose rows it holds; ends the process where it holds those of another question."""
    beside = path.with_suffix(".json")
    try:
        known = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = None
    if path.exists() and known != asked:
        sys.exit(f"'{path.name}' holds rows of other networks or another score. Choose another --out.")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside.write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python Testing/demo_training methods_table", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", type=Path, nargs="+", default=[FOLDER], help="folders")
    parser.add_argument("--seeds", choices=SEEDS, default="report")
    parser.add_argument("--score", choices=("contrast", "logit"), default="contrast")
    options = parser.parse_args(arguments)
    models = [DemoModel(path) for folder in options.weights for path in sorted(folder.glob("*.safetensors"))]
    path = options.out / "methods.csv"
    claim_table(path, {"score": options.score, "weights_sha256": {m.name: m.weights_hash for m in models}})
    rows, seeds = read_rows(path) if path.exists() else [], SEEDS[options.seeds]
    for number, seed in enumerate(seeds, start=1):
        if not any(row.seed == seed for row in rows):
            rows += measure_case(models, seed, score=options.score)
            write_rows(path, rows)
        print(f"case {number}/{len(seeds)}", flush=True)
    text = table(rows)
    (options.out / "methods.md").write_text(text, encoding="utf-8")
    print(text)
