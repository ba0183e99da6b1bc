"""The ladder of a memory that is too small: what is done at 8, 4, 2 and 1 GiB, and what the user is told."""

from __future__ import annotations

import time

import torch
from gpu_clock import CUDA, DEVICE, Clock, forget
from gpu_networks import CLASS_INDEX, Case, Scale
from seghirescam.protocol.errors import SegHiResCamError
from seghirescam.session.opening import open_session

GIB = (8, 4, 2, 1)


def measure(scale: Scale, clock: Clock) -> dict:
    """{"8 GiB": {device, precision, notes, seconds} or the sentence}, at the largest case's finest encoder level."""
    if not CUDA:
        return {"not measured": "needs CUDA"}
    _, widths, edge = scale.cases[-1]
    total, found = torch.cuda.get_device_properties(0).total_memory, {}
    try:
        for gib in GIB:
            if clock.is_over:
                break
            case = Case.of(widths, edge)
            forget()
            torch.cuda.set_per_process_memory_fraction(min(1.0, gib * 2**30 / total))
            case.network.to(DEVICE)
            found[f"{gib} GiB"] = _one(case)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    return found


def _one(case):
    started = time.perf_counter()
    session = open_session(case.model, case.picture, device=DEVICE, keep=False)
    try:
        (answer,) = session.ask([case.pixels], class_index=CLASS_INDEX, layers=["encoder.0"])
    except SegHiResCamError as error:
        return {"code": error.code, "sentence": error.sentence, "seconds": round(time.perf_counter() - started, 2)}
    facts = {key: answer.provenance[key] for key in ("device", "precision")}
    return facts | {"notes": list(answer.notes), "seconds": round(time.perf_counter() - started, 2)}
