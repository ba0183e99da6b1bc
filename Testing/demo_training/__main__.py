"""python Testing/demo_training train|make_case|report|cohort|methods_table ...: make the demo again, and measure it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing")]

COMMANDS = ("train", "make_case", "report", "cohort", "methods_table")

if __name__ == "__main__":
    if sys.argv[1:2] not in [[name] for name in COMMANDS]:
        raise SystemExit(f"Name one of: {', '.join(COMMANDS)}.")
    importlib.import_module(f"demo_training.{sys.argv[1]}").main(sys.argv[2:])
