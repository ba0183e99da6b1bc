"""The error rates of the full check's verdict: ``python Testing/benchmarks/verdict/run.py --networks FOLDER``.

FOLDER holds the forty networks of ``known/better/measure.py`` (seeds 10 to 29 of both rules).  Some 15 CPU minutes;
resumable by question.  Reporting networks and cases only; the thresholds were fixed before (choice.md), on
``--explore``: the networks of seeds 0 to 4 and cases 3000 and 3001.  Writes verdict.csv (a row a map), summary.json and
table.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "SegHiResGradCAM")]

RESULTS = ROOT / "Testing" / "benchmarks" / "results" / "verdict"
#: reporting: networks, cases of each; no training, exploring or earlier reporting used them
NETWORK_SEEDS, CASE_SEEDS = range(10, 30), range(5000, 5003)
HAND_SET_SEEDS, RANDOM_SEEDS = range(5000, 5030), range(5000, 5040)
DEMO_SEEDS, PUBLISHED_SEEDS = range(5000, 5006), range(5000, 5008)


def questions(folder: Path, data: Path | None, explore: bool):
    """(group, network, case, function that makes the subject), the many first."""
    from benchmarks.known import analytic, trained
    from benchmarks.verdict import subjects

    if explore:
        names = [name for name in trained.names(5) if (folder / f"{name}.json").exists()]
        cases, hand, rand, demo, published = range(3000, 3002), range(5), range(5), range(1000, 1001), range(2)
    else:
        names = [trained.Name(rule, seed) for seed in NETWORK_SEEDS for rule in trained.CAUSE]
        cases, hand, rand, demo, published = CASE_SEEDS, HAND_SET_SEEDS, RANDOM_SEEDS, DEMO_SEEDS, PUBLISHED_SEEDS
    for seed in hand:
        for setting in analytic.SETTINGS:
            yield subjects.HAND_SET, setting.name, seed, lambda a=seed, b=setting: subjects.hand_set(a, b)
    for case in cases:
        for name in names:
            if (folder / f"{name}.json").exists():
                yield (
                    subjects.TRAINED, str(name), case,
                    lambda a=name, b=case: subjects.of_trained(folder, a, b, names),
                )  # fmt: skip
        # the slow ones in parts, so that an interrupted run has some of all
        own = [list(seeds)[cases.index(case) :: len(cases)] for seeds in (demo, rand, published)]
        for seed in own[0]:
            for rule in ("honest", "shortcut"):
                yield subjects.DEMO, rule, seed, lambda a=rule, b=seed: subjects.of_demo(a, b, _demo_case)
        for seed in own[1]:
            yield subjects.RANDOM, f"random{seed}", seed, lambda a=seed: subjects.random_network(a, a)
        for seed in own[2] if data else ():
            for name in subjects.PUBLISHED_NAMES:
                yield subjects.PUBLISHED, name, seed, lambda a=name, b=seed: subjects.published(a, b, data)


@lru_cache(maxsize=4)
def _demo_case(seed):
    from demo_training.synthesis import make_case

    return make_case(seed, ring=True, marker=True)


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=Path, default=Path(), help="folder of the trained networks")
    parser.add_argument("--data", type=Path, default=None, help="folder with networks/ and brain_t1.nii.gz (published)")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--explore", action="store_true", help="exploring seeds, into explored.csv")
    parser.add_argument("--tables", action="store_true", help="only the tables, from the rows that are there")
    options = parser.parse_args(arguments)
    import torch
    from benchmarks.known.store import Store
    from benchmarks.verdict import judging, summary

    torch.set_num_threads(1)
    store = Store(options.out / ("explored.csv" if options.explore else "verdict.csv"), judging.COLUMNS)
    tried = {(row["group"], row["network"], row["case"]) for row in store.rows}
    began = time.process_time()
    for group, network, case, make in (
        () if options.tables else questions(options.networks, options.data, options.explore)
    ):
        if (group, network, case) in tried:
            continue
        subject = make()
        rows = [] if subject is None else list(judging.judged(subject))
        # a question without a map is kept, so that it is counted and not tried again
        store.add(rows or [{"group": group, "network": network, "case": case, "kind": summary.NO_MAP}])
        words = ", ".join(f"{row['kind']}: {row['verdict']}" for row in rows[:1])
        print(f"{group} {network} {case}: {words or 'no map'}, {time.process_time() - began:.0f} s", flush=True)
    summary.write(store.rows, options.out, options.explore)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
