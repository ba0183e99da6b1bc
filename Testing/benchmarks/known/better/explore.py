"""All candidates on the twenty explored networks, before one is chosen.

``python Testing/benchmarks/known/better/explore.py --models FOLDER``, some five CPU minutes.  Exploring seeds (3000 to
3003) only; the reported ones stay unseen.  Resumable by network.  Writes better_explored.csv (a row a map) and
better_explored.md (a row a method).  Beside the AUROC stands the margin: the smallest marker share of a shortcut
network over the largest of an honest one; above 1 they are told apart.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[3]
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "SegHiResGradCAM")]

SEEDS = tuple(range(3000, 3004))
RESULTS = ROOT / "Testing" / "benchmarks" / "results" / "known"
#: of the entries' own baselines, what is measured beside
BESIDE = ("Seg-HiRes-Grad CAM", "Seg-Layer-CAM", "Seg-Eigen-Grad-CAM")


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=ROOT / ".bench" / "known" / "models", help="the twenty networks")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    import torch
    from benchmarks.known.better import candidates, measured
    from benchmarks.known.entry import entered_baselines, frozen

    torch.set_num_threads(1)
    wanted = frozen.networks(options.models)
    methods = {name: entered_baselines.BASELINES[name] for name in BESIDE} | candidates.CANDIDATES
    found = measured.rows(methods, options.models, wanted, SEEDS, options.out / "better_explored.csv")
    text = measured.markdown(found, len(wanted), len(SEEDS))
    (options.out / "better_explored.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
