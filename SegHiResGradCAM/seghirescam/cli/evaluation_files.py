"""What ``seghirescam evaluate`` writes: one JSON file with everything, tables for people, and the curves' figure."""

from __future__ import annotations

import platform

from ..evaluation.deletion.deletion_curves import unit_key
from ..protocol.csv_text import write_rows
from .manifest import write_json

FORMAT = "seghirescam-evaluation-1"
RESULT, METRICS, BY_LABEL, CURVES = "evaluation.json", "metrics.csv", "by_label.csv", "curves"
_CURVE = ("method", "layer", "curve", "order")


def write_evaluations(folder, options, found, costs, request, notes, sizes) -> dict:
    """All files into ``folder``; returns what evaluation.json holds. found: Evaluations; costs: of each, as stated and
    as it was; sizes: of each region."""
    from ..evaluation.trust import verdict_limits

    answers = []
    for one, cost in zip(found, costs, strict=True):
        answers.append({
            "explanation": one.explanation.to_json(),
            "trust": one.trust.to_json() | {"details": one.trust.details},
            "metrics": [row.to_json() for row in one.rows],
            "by_label": [row.to_json() for row in one.labels],
            "gains": {name: gain.to_json() for name, gain in one.gains.items()},
            "cost": cost,
            "chance_over": one.ground.over,
            "chance_over_size": one.ground.size.to_json(),
        })  # fmt: skip
    facts = {
        "format": FORMAT,
        "request": request,
        "evaluations": answers,
        "regions": {name: size.to_json() for name, size in sizes.items()},
        "thresholds": verdict_limits.to_json(),
        "versions": _versions(),
        "device": options.device,
        "notes": list(notes),
    }
    facts = write_json(folder / RESULT, facts)
    _write_tables(folder, found)
    curves = [one for one in found if one.gains]
    for n, one in enumerate(curves, start=1):
        _draw(folder, one, f"{CURVES}_{n}" if len(curves) > 1 else CURVES, options)
    return facts


def _write_tables(folder, found):
    from ..evaluation.evaluate import COLUMNS

    write_rows(folder / METRICS, COLUMNS, [row.to_json() for one in found for row in one.rows])
    if any(one.labels for one in found):
        rows = []
        for one in found:
            for row in one.labels:
                line = {"method": one.explanation.method, "layer": one.explanation.layer.name, "label": row.name}
                line |= row.size.to_json()
                line |= {"share": row.share.value, "chance": row.share.chance, "lift": row.share.lift}
                line |= {"chance_over": one.ground.over, "density": row.density.value}
                line |= {f"distance_{row.distance.unit}": row.distance.value, "status": row.share.status}
                rows.append(line)
        write_rows(folder / BY_LABEL, list(rows[0]), rows)
    rows: list[dict] = []
    own = next((unit_key(gain.curve.unit) for one in found for gain in one.gains.values()), "")
    values = ("fraction", own, "score", "dice")
    for one in found:
        for name, gain in one.gains.items():
            for n, curve in enumerate((gain.curve, *gain.random)):
                order = "by the map" if n == 0 else f"random {n}"
                base = {"method": one.explanation.method, "layer": one.explanation.layer.name}
                base |= {"curve": name, "order": order}
                scores, dices = curve.score or [None] * len(curve.logits), curve.dice or [None] * len(curve.logits)
                for point in zip(curve.fractions, curve.logits, scores, dices, strict=False):
                    rows.append(base | dict(zip(values, point, strict=True)))
    if any(one.gains for one in found):
        write_rows(folder / f"{CURVES}.csv", (*_CURVE, *values), rows)


def _draw(folder, one, name, options):
    from ..figures.curve_figure import draw_curves
    from ..figures.style import DARK, LIGHT, save

    figure = draw_curves(one.gains, one.explanation.title(), DARK if options.dark else LIGHT)
    for kind in ("png", "pdf"):
        save(figure, folder / f"{name}.{kind}", options.dpi)


def _versions() -> dict:
    import numpy
    import scipy
    import torch

    from .. import __version__

    return {
        "seghirescam": __version__, "python": platform.python_version(), "torch": torch.__version__,
        "numpy": numpy.__version__, "scipy": scipy.__version__,
    }  # fmt: skip
