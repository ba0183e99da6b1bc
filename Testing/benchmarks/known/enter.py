"""Enter a method into the benchmark with known answers: ``python3 dev.py enter FILE.py[:function]``.

FILE.py holds ``method(model, image, pixel_set, layer) -> map`` (entry/entered_model.py says what it is given; the map
lies on the image's voxels or on the layer's cells).  Its code is executed, of course.  Twenty frozen networks, ten of
which look at a marker they should not know, are made where they are missing (13 minutes on one core) and checked by
their hashes; then four held-out cases each are explained (seeds 2000 to 2003 of known/phantom.py).  Writes entry.csv, a
row a map, and entry.md, the table; both are the same, byte for byte, when it is run again.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "SegHiResGradCAM")]


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method", nargs="*", help="FILE.py, or FILE.py:function where it is not called 'method'")
    parser.add_argument("--out", type=Path, default=Path("entry"), help="folder for entry.csv and entry.md")
    parser.add_argument("--work", type=Path, default=ROOT / ".bench" / "known" / "models", help="the networks")
    parser.add_argument("--layer", default=None, help="another layer than encoder.2, that of the published table")
    parser.add_argument("--no-baselines", action="store_true", help="measure only the entry")
    parser.add_argument("--quick", action="store_true", help="two untrained networks, one case: does it run?")
    options = parser.parse_args(arguments)
    import torch
    from benchmarks.known import cheat, phantom, store
    from benchmarks.known.entry import entered_baselines, frozen, scoring, table

    torch.set_num_threads(1)
    methods = {} if options.no_baselines else dict(entered_baselines.BASELINES)
    methods |= dict(_entered(word, parser) for word in options.method)
    if not methods:
        parser.error("Name a file with a method, or leave --no-baselines away.")
    folder = options.work / "quick" if options.quick else options.work
    wanted = frozen.networks(folder, options.quick)
    others = [] if options.quick else frozen.differing(frozen.hashes(folder, wanted))
    layer, cases = options.layer or cheat.PRIMARY, 1 if options.quick else cheat.CASES
    rows = list(scoring.rows(methods, folder, wanted, layer, phantom.REPORT_SEEDS[:cases]))
    store.write(options.out / "entry.csv", rows, scoring.ROWS)
    text = table.markdown(scoring.summary(rows), len(wanted), len(wanted) * cases, others)
    (options.out / "entry.md").write_text(text, encoding="utf-8")
    print(text)
    failed = [row for row in rows if row["status"] == scoring.FAILED]
    if failed:
        print(f"{len(failed)} maps failed; the first: {failed[0]['method']}, {failed[0]['note']}", file=sys.stderr)
    return 1 if failed else 0


def _entered(word: str, parser) -> tuple[str, object]:
    """(title, function) of FILE.py[:function]."""
    path, _, function = word.partition(":")
    file = Path(path)
    if not file.is_file():
        parser.error(f"There is no file {path}.")
    spec = importlib.util.spec_from_file_location(f"entry_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = getattr(module, function or "method", None)
    if not callable(found):
        parser.error(f"{file.name} has no function '{function or 'method'}'.")
    return f"{file.stem}{':' * bool(function)}{function}", found


if __name__ == "__main__":
    raise SystemExit(main())
