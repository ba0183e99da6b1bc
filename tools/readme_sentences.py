"""README.md's sentences about what was measured, each with its number, from the committed results. Standard library."""

from __future__ import annotations

import csv
import json
import re
import statistics
from pathlib import Path

OURS = "**seghirescam** Seg-HiRes-Grad-CAM"


def made(report: Path, results: Path) -> dict[str, str]:
    """marker -> text."""
    own = _own_network(report.parents[2] / "docs" / "how-to" / "own_network.md")
    return {"first-picture": _first_picture(report), "wins-and-loses": _wins_and_loses(report, results), "own": own}


def _own_network(page: Path) -> str:
    """The how-to page's lines of Python for a 2D and a 3D network, which a test runs."""
    section = page.read_text(encoding="utf-8").split("<!-- first:start -->")[1].split("<!-- first:end -->")[0]
    return "\n\n".join(re.findall(r"```python\n.*?```", section, re.S))


def _first_picture(report: Path) -> str:
    found = [row for row in _rows(report / "interventions.csv") if row["norm"] == "batch"]
    cases = len({row["seed"] for row in found})
    turned = {
        (model, painted): sum(float(r["after"]) < 0 for r in found if (r["model"], r["painted"]) == (model, painted))
        for model in ("honest", "shortcut")
        for painted in ("marker", "ring")
    }
    at = {
        model: _mean_share(report, model, "seg_hires_grad_cam", "marker", "encoder.1")
        for model in ("shortcut", "honest")
    }
    return (
        f"Over {cases} held-out cases the marker holds {at['shortcut']:.0f} % of the shortcut network's evidence at "
        f"that layer, and {at['honest']:.0f} % of the honest network's. When the marker was masked out, the shortcut "
        f"network called the lesion a look-alike in {turned['shortcut', 'marker']} of {cases} cases, the honest "
        f"network in {turned['honest', 'marker']} of {cases}. When the ring was masked out, the shortcut network "
        f"called it a look-alike in {turned['shortcut', 'ring']} of {cases} cases, the honest network in "
        f"{turned['honest', 'ring']} of {cases} "
        "([all numbers](docs/benchmarks/demo.md))."
    )


def _wins_and_loses(report: Path, results: Path) -> str:
    share = _shares(report)
    known = {row["method"]: row for row in _rows(results / "known" / "methods.csv") if row["layer"] == "encoder.2"}
    image = {row["method"]: row for row in _rows(results / "known" / "methods.csv") if row["layer"] == "input"}
    hires, grad, layer = (known[f"seg_{name}_cam"] for name in ("hires_grad", "grad", "layer"))
    roar = _roar(results)
    speed = {(row["contestant"], row["target"]): row for row in _rows(results / "results.csv")}
    ours, captum = (speed[name, "bottleneck"] for name in (OURS, "Captum LayerGradientXActivation"))
    first = json.loads((results / "first_call.json").read_text(encoding="utf-8"))["rows"]["UNet 2D, bottleneck"]
    found = json.loads((results / "causes" / "smallest_flips.json").read_text(encoding="utf-8"))
    flips = {row["model"]: row for row in found["report"] if row["search"] == "map"}
    pixels = image["input_x_gradient"]
    return (
        "*Chance* is the share of the evidence that a region would hold if the evidence were spread evenly. *Stride* "
        "is how many voxels lie between two neighbouring cells of a layer. More words: "
        "[glossary](docs/glossary.md).\n\n"
        f"**Better.** On the demo's 24 held-out cases, at stride 4, Seg-HiRes-Grad CAM puts "
        f"{share['honest', 'hires']:.0f} % of the honest network's evidence at the lesion (within 8 mm). Seg-Grad-CAM "
        f"puts {share['honest', 'grad']:.0f} % there ([demo](docs/benchmarks/demo.md)). Other networks were trained so "
        "that the reason for their segments is known. On the region that the honest ones use, "
        f"Seg-HiRes-Grad CAM puts {_f(hires, 'honest_lift_own'):.1f} times the share expected by chance, Seg-Grad-CAM "
        f"{_f(grad, 'honest_lift_own'):.1f} times ([known answers](docs/benchmarks/known_answers.md)). "
        f"One map at the bottleneck takes {_f(ours, 'time_ratio'):.2f} times the time and "
        f"{_f(ours, 'memory_ratio'):.2f} times the memory of a forward pass. With Captum it takes "
        f"{_f(captum, 'time_ratio'):.2f} times the time and {_f(captum, 'memory_ratio'):.2f} times the memory "
        f"([speed](docs/benchmarks/speed.md)). The *smallest flip* is the smallest region whose masking out removes "
        f"the lesion. For the shortcut network the search for it finds the marker in {flips['shortcut']['right']} of "
        f"{flips['shortcut']['cases']} cases "
        f"([flips](docs/benchmarks/flips.md)).\n\n"
        "**Not better.** Does the share of the map on the marker tell a shortcut network from an honest one? At stride "
        f"4 Seg-Layer-CAM does so with an AUROC of {_f(layer, 'auroc'):.2f}, Seg-HiRes-Grad CAM with "
        f"{_f(hires, 'auroc'):.2f}. (At stride 2, on 40 new networks, Seg-HiRes-Grad CAM reaches "
        f"{_finer(results):.2f}.) Input x gradient (a map of the image, not of a layer) puts "
        f"{_f(pixels, 'shortcut_lift_cue'):.0f} times the share expected by chance on the shortcut networks' marker, "
        f"Seg-HiRes-Grad CAM {_f(hires, 'shortcut_lift_cue'):.1f} times "
        "([known answers](docs/benchmarks/known_answers.md)). ROAR removes what a map shows and trains a new network: "
        f"the larger the loss of Dice, the better the map. Seg-Layer-CAM's mean loss is {roar['seg_layer_cam']:.2f}, "
        f"that of Seg-HiRes-Grad CAM {roar['seg_hires_grad_cam']:.2f}. We do not rank methods by ROAR: the new network "
        "can tell the class from the shape of what was removed ([ROAR](docs/benchmarks/roar.md)). The first map of a "
        f"small 2D U-Net takes {first['ours']['first_s']:.2f} s. With Captum it takes "
        f"{first['captum']['first_s']:.2f} s ([speed](docs/benchmarks/speed.md))."
    )


def _finer(results: Path) -> float:
    """AUROC of Seg-HiRes-Grad CAM one level finer, of the networks that were measured once."""
    at = {"honest": {}, "shortcut": {}}
    for row in _rows(results / "known" / "better_measured.csv"):
        if row["method"] == "Seg-HiRes-Grad CAM at encoder.1 (control)":
            at[row["rule"]].setdefault(row["model"], []).append(float(row["share_cue"]))
    honest, shortcut = ([statistics.mean(shares) for shares in at[rule].values()] for rule in ("honest", "shortcut"))
    return statistics.mean((one > other) + (one == other) / 2 for one in shortcut for other in honest)


def _shares(report: Path) -> dict[tuple[str, str], float]:
    """At the lesion, at the level whose targets were fixed beforehand."""
    return {
        (model, short): _mean_share(report, model, method, "lesion", "encoder.2")
        for model in ("honest", "shortcut")
        for short, method in (("hires", "seg_hires_grad_cam"), ("grad", "seg_grad_cam"))
    }


def _mean_share(report: Path, model: str, method: str, region: str, layer: str) -> float:
    """Mean share of the positive evidence in %, batch norm, score lesion minus look-alike."""
    wanted = {"model": model, "norm": "batch", "method": method, "layer": layer, "score": "contrast"}
    picked = [row for row in _rows(report / "evidence.csv") if wanted.items() <= row.items()]
    return 100 * statistics.mean(float(row[region]) for row in picked)


def _roar(results: Path) -> dict[str, float]:
    """Mean loss of Dice over the shares removed, as in the first table of ROAR's results."""
    found = _rows(results / "roar" / "roar.csv")
    whole = {row["seed"]: float(row["dice"]) for row in found if row["row"] == "nothing"}
    lost: dict[str, list[float]] = {}
    for row in found:
        if (row["variant"], row["mode"]) == ("context", "remove"):
            lost.setdefault(row["row"], []).append(whole[row["seed"]] - float(row["dice"]))
    return {name: statistics.mean(values) for name, values in lost.items()}


def _f(row: dict, name: str) -> float:
    return float(row[name])


def _rows(path: Path) -> list[dict]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
