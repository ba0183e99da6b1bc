"""What each tier runs, what it writes, and what is told about the run."""

from __future__ import annotations

import json
import platform
import time
from pathlib import Path

import torch
from benchmarks.machine import describe

from . import analytic, cheat, ct, maps, summary, trained
from .store import Store, write

FACTS = ("tier", "seed", "model", "rule", "layer", "method", "title", "status")
COLUMNS = (*FACTS, *maps.NUMBERS, "gain_status", "score", "loss_cue", "loss_own", "note")
#: of the quick run: smaller everything, for the tests
QUICK_MODELS, QUICK_CASES, QUICK_STEPS, QUICK_SEEDS = 1, 1, 2, range(0, 8)
CSV = {0: "analytic.csv", 1: "methods.csv", 2: "ct.csv"}
MODELS, TRAINED = "models.csv", "trained.csv"


def analytic_tier(options) -> dict:
    """analytic.csv: every method on every hand-set network."""
    rows = []
    for setting in analytic.SETTINGS:
        known = analytic.known(setting)
        asked = maps.Asked(
            known.model, known.image, known.pixels, 1, own=known.organ, cue=known.cause, primary=analytic.LAYER,
            head="act", layers=(analytic.LAYER,),
        )  # fmt: skip
        facts = {"tier": 0, "seed": 0, "model": setting.name, "rule": "displaced"}
        rows += [facts | row for row in maps.rows(asked, slow=True, gains=False)]
        print(f"tier 0: {setting.name}, {len(rows)} maps", flush=True)
    write(options.out / CSV[0], rows, (*FACTS, *(n for n in maps.NUMBERS if n != "gain_logit"), "note"))
    return {"networks": len(analytic.SETTINGS)}


def cheating_tier(options) -> dict:
    """trained.csv (what the models use), models.csv (means a model), methods.csv (AUROC, tests)."""
    folder = options.work / ("quick" if options.quick else "models")
    wanted = trained.names(QUICK_MODELS if options.quick else trained.MODELS_A_RULE)
    if options.quick:
        trained.train_all(folder, wanted, QUICK_STEPS, QUICK_SEEDS)
    else:
        trained.train_all(folder, wanted)
    store = Store(options.work / ("quick.csv" if options.quick else "cheat.csv"), COLUMNS)
    cheat.measure(store, folder, wanted, QUICK_CASES if options.quick else cheat.CASES)
    logs = trained.logs(folder, wanted)
    write(options.out / TRAINED, trained.table(logs), trained.COLUMNS)
    models = summary.by_model(store.rows, {log["name"]: log["check"]["learned"] for log in logs})
    write(options.out / MODELS, models, summary.MODEL_COLUMNS)
    write(options.out / CSV[1], summary.by_method(models, store.rows, cheat.PRIMARY), summary.METHOD_COLUMNS)
    return {
        "models": len(wanted), "learned": sum(log["check"]["learned"] for log in logs), "cases": cheat.CASES,
        "primary": cheat.PRIMARY, "cases_slow_methods": cheat.SLOW_CASES, "cases_deletion": cheat.GAIN_CASES,
        "training_cpu_s": round(sum(log["cpu_seconds"] for log in logs), 1),
    }  # fmt: skip


def ct_tier(options) -> dict:
    """ct.csv: one row a model, organ, layer and method."""
    folder = options.work / ("quick" if options.quick else "models")
    seeds, steps = (ct.SEEDS[:1], 2) if options.quick else (ct.SEEDS, ct.STEPS)
    ct.train_all(folder, options.data, seeds, steps)
    store = Store(options.work / ("quick_ct.csv" if options.quick else "ct.csv"), COLUMNS)
    ct.measure(store, folder, options.data, seeds)
    write(options.out / CSV[2], store.rows, (*FACTS, *(n for n in maps.NUMBERS if "cue" not in n), "gain_status"))
    logs = [json.loads((folder / f"ct{seed}.json").read_text()) for seed in seeds]
    return {"models": len(seeds), "dice": {log["name"]: log["dice"] for log in logs},
            "training_cpu_s": round(sum(log["cpu_seconds"] for log in logs), 1)}  # fmt: skip


RUN = {0: analytic_tier, 1: cheating_tier, 2: ct_tier}


def note(path: Path, tier: int, facts: dict, spent: dict, quick: bool) -> None:
    """about.json: one entry a tier.  A resumed tier tells the time of its last run only; trainings have their own."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    command = f"python Testing/benchmarks/known/run.py --tier {tier}{' --quick' if quick else ''}"
    known[f"tier {tier}"] = {
        "command": command, "date": time.strftime("%Y-%m-%d"), "torch": torch.__version__,
        "threads": torch.get_num_threads(), "machine": describe(), "python": platform.python_version(),
        "settings": {
            "score_cam_channels": maps.SCORE_CAM_CHANNELS, "integration_steps": maps.INTEGRATION_STEPS,
            "lift_steps": maps.LIFT_STEPS, "deletion_fractions": list(maps.FRACTIONS), "random_orders": maps.ORDERS,
        },
        **facts, "last_run": spent,
    }  # fmt: skip
    path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
