"""How near TF32, bf16 and fp16 come to float64, a GPU's maps to a CPU's, and the same question to itself."""

from __future__ import annotations

import copy

import numpy as np
from gpu_clock import CUDA, DEVICE, Clock, forget, timed
from gpu_networks import CLASS_INDEX, Case, Scale
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.image import Image
from seghirescam.session.explain import explain

PRECISIONS = ("fp32", "tf32", "bf16", "fp16")


def measure(scale: Scale, clock: Clock) -> dict:
    """{"case, layer": {precision: {r_float64, largest, median_s, computed_in}, cpu, twice, ...}}"""
    found: dict = {}
    for number, (name, widths, edge) in enumerate(scale.cases):
        case = Case.of(widths, edge)
        layers = {"bottleneck": case.network.bottleneck, "late": case.network.late}
        truth = _in_float64(case, layers)
        on_cpu = {where: _asked(case, layer, "cpu").map for where, layer in layers.items()} if number == 0 else {}
        for where, layer in layers.items():
            if clock.is_over:
                return found
            found[f"{name}, {where}"] = _layer(case, layer, scale, on_cpu.get(where), truth.get(where))
    return found


def _layer(case, layer, scale, on_cpu, truth):
    row = {}
    case.network.to(DEVICE)
    for precision in PRECISIONS:
        times, answer = timed(lambda p=precision: _asked(case, layer, DEVICE, precision=p), scale.times)
        row[precision] = {"computed_in": answer.provenance["precision"], "median_s": times["median_s"]}
        row[precision] |= {"peak_gib": times["peak_gib"], "status": answer.status} | _alike(answer.map, truth)
    ours, again = (_asked(case, layer, DEVICE).map for _ in range(2))
    row["twice"] = {"bit_equal": bool(np.array_equal(ours, again))} | _alike(again, ours)
    row["enforced twice"] = _enforced(case, layer)
    row["cpu"] = {"not measured": "too long on a CPU"} if on_cpu is None else _alike(ours, on_cpu)
    if not CUDA:
        row["cpu"] = {"not measured": "there is no GPU"}
    forget()
    return row


def _enforced(case, layer):
    """Bit-equality with deterministic algorithms asked for, or why there are none."""
    from seghirescam.protocol.errors import SegHiResCamError

    try:
        one, other = (_asked(case, layer, DEVICE, deterministic=True).map for _ in range(2))
    except SegHiResCamError as error:
        return {"not measured": error.sentence}
    return {"bit_equal": bool(np.array_equal(one, other))}


def _asked(case, layer, device, precision="fp32", deterministic=False):
    from seghirescam.session.opening import open_session

    words = {"device": device, "precision": precision, "deterministic": deterministic, "keep": False}
    session = open_session(case.model, case.picture, **words)
    (answer,) = session.ask([case.pixels], class_index=CLASS_INDEX, layers=[layer])
    return answer


def _in_float64(case, layers):
    """{where: map of a float64 copy of the network}; {} where the device has no memory for it."""
    network = copy.deepcopy(case.network).double().to(DEVICE)
    model = PlainModel(network, [c.name for c in case.model.classes])
    picture = Image(case.image[0].double().numpy(), case.grid)
    words = {"class_index": CLASS_INDEX, "layers": list(layers.values()), "device": DEVICE}
    try:
        answers = explain(model, picture, [case.pixels], **words)
    except RuntimeError:
        return {}
    finally:
        del network, model
        forget()
    return {where: one.map for (where, _), one in zip(layers.items(), answers, strict=True) if one.status == "ok"}


def _alike(one, truth):
    """r: correlation.  largest: the largest difference as a part of the truth's largest cell."""
    if truth is None:
        return {"r": None, "largest": None}
    a, b = np.asarray(one, np.float64).ravel(), np.asarray(truth, np.float64).ravel()
    r = float(np.corrcoef(a, b)[0, 1]) if a.std() and b.std() else None
    return {
        "r": None if r is None or not np.isfinite(r) else round(r, 8),
        "largest": float(f"{np.abs(a - b).max() / np.abs(b).max():.3g}"),
    }
