"""One measurement in one fresh process: load, warm up, call twice, compare, write JSON.

python measure.py '{"row": {...}, "case": PATH, "reference": PATH, "out": PATH, "threads": 1}'

Warm-up, the same for all: two plain no_grad forwards in the row's precision (the second one is the in-process floor),
and the contestant's own first call.  "first" is that call, with whatever is set up or imported once, and what it left
behind in memory after its result was dropped; "again" is the next call, the one that counts.  Memory is counted from
the loaded process before the first call, so that what a contestant keeps (a graph, gradients, imports) counts as well.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path


def main(job: dict) -> dict:
    import torch

    torch.set_num_threads(job["threads"])
    torch.set_num_interop_threads(1)
    import case as case_file
    import memory
    from agreement import compare, worst
    from peers.forward import forward
    from rows import Row, layers_of

    row = Row(**job["row"])
    layers = layers_of(row.target)
    case = case_file.load(Path(job["case"]), in_place=row.in_place)
    result = {"load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None, "pid": os.getpid()}
    prepared = importlib.import_module(f"peers.{row.peer}").prepare(case, row, layers)
    result["note"] = prepared.note
    result["forward"] = _warm_up(case_file.load(Path(job["case"])), forward, row.precision)
    memory.settle()
    before = memory.resident()
    for name in ("first", "again"):
        with memory.Peak() as peak:
            cost, found = _timed(prepared.call)
        cost["extra_mib"] = None if peak.mib is None else peak.mib - before
        if name == "again" and job.get("reference"):
            import numpy as np

            truth = np.load(job["reference"])
            maps = prepared.maps(found)
            each = {n: compare(m, truth[f"{row.method}/{n}"], prepared.kind) for n, m in maps.items()}
            if each:
                result["agreement"], result["layers"] = worst(each), each
        found = None
        memory.settle()
        cost["kept_mib"] = None if before is None else memory.resident() - before
        result[name], result["peak_by"] = cost, peak.how
    result["status"] = "ok"
    return result


def _warm_up(plain, forward, precision):
    """Two forwards of a network of its own (peers patch the one they are given); the cost of the second."""
    forward(plain, precision)
    return _timed(lambda: forward(plain, precision))[0]


def _timed(call):
    start, clock = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    found = call()
    end, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - clock
    user, system = end.ru_utime - start.ru_utime, end.ru_stime - start.ru_stime
    return {"cpu_s": user + system, "system_s": system, "wall_s": wall}, found


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    try:
        answer = main(task)
    except Exception as error:  # a peer that fails is a row of the table, not the end of the benchmark
        traceback.print_exc()
        answer = {"status": "did not run", "reason": f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"}
    Path(task["out"]).write_text(json.dumps(answer), encoding="utf-8")
