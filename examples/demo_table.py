"""The demo's numbers as text and CSV."""

from __future__ import annotations

import csv
from dataclasses import astuple, fields

TITLES = {"seg_hires_grad_cam": "Seg-HiRes", "seg_grad_cam": "Seg-Grad"}


def evidence_table(rows, painted) -> str:
    """Share of the positive evidence by model, score, layer and method, with the chance level."""
    chance = next(r for r in rows)
    lines = [
        "",
        "Where is the evidence? Share of the map's positive part in per cent; M is the predicted lesion; regions are",
        f"dilated by 8 mm; by chance the lesion would hold {100 * chance.lesion_chance:.2f} %,"
        f" the marker {100 * chance.marker_chance:.2f} % (chance over the volume).",
    ]
    for score in dict.fromkeys(r.score for r in rows):
        words = {"contrast": "lesion minus look-alike logit", "logit": "lesion logit"}[score]
        lines += ["", f"Score: {words}".ljust(34) + "honest".center(34) + "shortcut".center(34)]
        lines += [
            f"{'layer':<13}{'stride':>7}  {'method':<10}" + f"{'lesion':>10}{'marker':>10}{'elsewhere':>12}  " * 2
        ]
        for layer in dict.fromkeys(r.layer for r in rows):
            for method in dict.fromkeys(r.method for r in rows):
                cells = []
                for model in ("honest", "shortcut"):
                    key = (score, layer, method, model)
                    (row,) = [r for r in rows if (r.score, r.layer, r.method, r.model) == key]
                    cells.append(
                        "".join(_percent(v, w) for v, w in ((row.lesion, 10), (row.marker, 10), (row.elsewhere, 12)))
                    )
                lines.append(f"{layer:<13}{row.stride:>7}  {TITLES[method]:<10}" + "  ".join(cells))
    return "\n".join(lines)


def intervention_table(rows) -> str:
    """What masking out showed: the mean lesion-minus-look-alike logit over M, before and after."""
    lines = ["", "What did the network use? Mean lesion-minus-look-alike logit over the predicted lesion:"]
    lines.append(f"{'model':<12}{'unchanged':>12}{'marker masked out':>22}{'ring masked out':>20}")
    for model in dict.fromkeys(r.model for r in rows):
        own = {r.painted: r for r in rows if r.model == model}
        before = own["marker"].before
        lines.append(f"{model:<12}{before:>12.1f}{own['marker'].after:>22.1f}{own['ring'].after:>20.1f}")
    return "\n".join(lines)


def write_csv(path, rows) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([field.name for field in fields(rows[0])])
        writer.writerows(astuple(row) for row in rows)


def _percent(value, width):
    return f"{'no map':>{width}}" if value != value else f"{100 * value:>{width}.1f}"
