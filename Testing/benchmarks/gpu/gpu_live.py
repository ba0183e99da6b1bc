"""A second question of a kept session: small pixel sets moved about, as somebody clicks."""

from __future__ import annotations

import itertools

import numpy as np
from gpu_clock import DEVICE, Clock, forget, timed
from gpu_networks import CLASS_INDEX, Case, Scale
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session

EDGE = 8


def measure(scale: Scale, clock: Clock) -> dict:
    """{case: {layer: times with p95, of 20 questions; forward_calls of all of them, kept_gib}}"""
    found: dict = {}
    for name, widths, edge in scale.cases:
        if clock.is_over:
            break
        case = Case.of(widths, edge)
        case.network.to(DEVICE)
        session = open_session(case.model, case.picture, device=DEVICE)
        rows = found[name] = {}
        for where, layer in (("bottleneck", case.network.bottleneck), ("late", case.network.late)):
            rows[where], _ = timed(_clicking(session, case, layer), 3 if scale.tiny else 20)
        rows |= {"forward_calls": session.forward_calls, "kept_gib": round(session.kept_bytes / 2**30, 3)}
        session.release()
        forget()
    return found


def _clicking(session, case, layer):
    places = itertools.count()
    return lambda: session.ask([_box(case, next(places))], class_index=CLASS_INDEX, layers=[layer])


def _box(case, place):
    weights = np.zeros(tuple(case.mask.shape), np.uint8)
    start = place % (weights.shape[0] - EDGE)
    weights[start : start + EDGE, :EDGE, :EDGE] = 1
    return PixelSet(weights, case.grid, "box")
