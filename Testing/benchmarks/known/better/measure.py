"""The choice (choice.md), measured once on 40 new networks.

``python Testing/benchmarks/known/better/measure.py --work DIR``.  Trains what DIR does not hold yet (seeds 10 to 29 of
both rules; 26 CPU minutes in all), then makes the maps of new cases (seeds 4000 to 4003; some 5 CPU minutes).
Resumable by network: run it again after an interruption.  Writes better_measured.csv (a row a map) and
better_measured.md (a row a method, and what came out).
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[3]
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "SegHiResGradCAM")]

NETWORK_SEEDS, CASE_SEEDS = range(10, 30), tuple(range(4000, 4004))
PAPER, CHOICE, CONTROL = "Seg-HiRes-Grad CAM", "levels", "Seg-HiRes-Grad CAM at encoder.1 (control)"
BESIDE = ("Seg-Layer-CAM", "Seg-Eigen-Grad-CAM")
#: what counts as better, see choice.md
LEAST_AUROC = 0.99
BETTER, APART_ONLY, NOT_SHOWN = "better", "better at telling networks apart only", "not shown to be better"


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="where the 40 networks lie or are trained")
    parser.add_argument("--out", type=Path, default=None, help="default: Testing/benchmarks/results/known")
    parser.add_argument("--train-only", action="store_true", help="train what is missing, and measure nothing")
    parser.add_argument("--quick", action="store_true", help="two hardly trained networks, one case: does it run?")
    options = parser.parse_args(arguments)
    import torch
    from benchmarks.known import trained
    from benchmarks.known.better import measured

    torch.set_num_threads(1)
    folder = options.work / "quick" if options.quick else options.work
    # what is quick is no result and does not lie among them
    out = options.out or (folder if options.quick else ROOT / "Testing" / "benchmarks" / "results" / "known")
    seeds, cases = (NETWORK_SEEDS[:1], CASE_SEEDS[:1]) if options.quick else (NETWORK_SEEDS, CASE_SEEDS)
    wanted = [trained.Name(rule, seed) for seed in seeds for rule in trained.CAUSE]
    short = {"steps": 2, "train_seeds": range(8)} if options.quick else {}
    trained.train_all(folder, wanted, **short)
    if options.train_only:
        return 0
    found = measured.rows(methods(), folder, wanted, cases, out / "better_measured.csv")
    learned = {log["name"] for log in trained.logs(folder, wanted) if log["check"]["learned"]}
    text = told(found, learned, len(wanted), len(cases))
    (out / "better_measured.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


def methods() -> dict:
    """Title -> entry: the paper's, the choice, what stands beside, and the control."""
    from benchmarks.known.better.candidates import CANDIDATES
    from benchmarks.known.entry.entered_baselines import BASELINES

    def finer(model, image, pixel_set, layer):
        return BASELINES[PAPER](model, image, pixel_set, "encoder.1")

    beside = {title: BASELINES[title] for title in BESIDE}
    return {PAPER: BASELINES[PAPER], CHOICE: CANDIDATES[CHOICE], **beside, CONTROL: finer}


def verdict(auroc: float, low: float, choice: dict, paper: dict) -> str:
    """By choice.md. auroc: of the choice; low: lower end of the interval of the difference; choice, paper: lines of
    scoring.summary."""
    if not (auroc >= LEAST_AUROC and low > 0):
        return NOT_SHOWN
    elsewhere = all(choice[what] >= paper[what] for what in ("honest_lift_own", "shortcut_gain_logit"))
    return BETTER if elsewhere else APART_ONLY


def told(found: list[dict], learned: set[str], networks: int, cases: int) -> str:
    """The table, without and with the networks that did not learn their rule, and the verdict."""
    from benchmarks.known.better import measured
    from benchmarks.known.entry import scoring

    of = {title: [row for row in found if row["method"] == title] for title in (PAPER, CHOICE)}
    lines = {line["method"]: line for line in scoring.summary(found)}
    middle, low, high = measured.difference(of[CHOICE], of[PAPER])
    said = verdict(lines[CHOICE]["auroc"], low, lines[CHOICE], lines[PAPER])
    parts = [
        measured.markdown(found, networks, cases),
        f"AUROC of {CHOICE} minus AUROC of {PAPER}: {_signed(middle)} [{_signed(low)} to {_signed(high)}].",
        f"By choice.md, {CHOICE} is: **{said}**.",
        f"{len(learned)} of {networks} networks learned their rule.",
    ]
    good = [row for row in found if row["model"] in learned]
    if 0 < len(learned) < networks:
        parts += ["Without the others:", measured.markdown(good, len(learned), cases)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _signed(value):
    return "-" if math.isnan(value) else f"{value:+.3f}"


if __name__ == "__main__":
    raise SystemExit(main())
