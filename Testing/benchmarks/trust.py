"""The full check of the demo case on both networks: `python Testing/benchmarks/trust.py`.

Asks `seghirescam evaluate --full` for Seg-HiRes-Grad CAM and Seg-Grad-CAM at stride 4, score contrast, and keeps the
verdicts and their numbers in results/trust.json, from which tools/write_readme_tables.py writes the sentences of
docs/explanation/faithful.md.  Some minutes of one core.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(Path(__file__).parent)]

METRICS = (
    "made_again", "cells_removed", "completeness_gap", "context_deletion_gain", "evidence_at_m", "randomisation",
    "stability", "stability_flip",
)  # fmt: skip
KEPT = ("value", "unit", "status", "note", "threshold", "passed")


def main() -> int:
    from seghirescam.cli import main as command

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("honest", "shortcut"):
            out = Path(folder) / name
            words = ["evaluate", f"demo:{name}", "--image", "demo:case", "--segment", "demo:case:Lesion"]
            words += ["--class", "lesion", "--score", "contrast", "--rival", "look-alike", "--layer", "encoder.2"]
            words += ["--method", "seg_hires_grad_cam", "--method", "seg_grad_cam", "--full", "--out", str(out)]
            if command([*words, "--quiet"]):
                return 1
            found[name] = kept(json.loads((out / "evaluation.json").read_text(encoding="utf-8")))
    write(found)
    return 0


def kept(evaluation: dict) -> dict:
    """method -> verdict, and its numbers by name."""
    return {
        one["explanation"]["method"]: {
            "verdict": one["trust"]["verdict"],
            "numbers": {m["metric"]: {k: m[k] for k in KEPT} for m in one["metrics"] if m["metric"] in METRICS},
        }
        for one in evaluation["evaluations"]
    }


def write(found: dict) -> None:
    import machine

    path = Path(__file__).parent / "results" / "trust.json"
    path.write_text(json.dumps({"machine": machine.describe(), "models": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
