"""What README.md and its page say of the published networks, each number from the committed summary. Standard library."""

from __future__ import annotations

import json
from pathlib import Path

HIRES, GRAD = "seg_hires_grad_cam", "seg_grad_cam"
HEADS = {"t1": "the real T1", "tumour": "the MR with a tumour", "mni": "the MNI template"}
NAMES = {
    "meshnet_gwm": "the 3-class MeshNet", "meshnet_gwm20": "the wider 3-class MeshNet",
    "meshnet_18": "the 18-class MeshNet", "meshnet_104": "the 104-class MeshNet", "deepbet": "deepbet",
}  # fmt: skip
ASKED = {
    "meshnet_gwm": "white matter", "meshnet_gwm20": "white matter", "meshnet_18": "left thalamus",
    "meshnet_104": "left thalamus", "deepbet": "left surface of the brain",
}  # fmt: skip


def readme(results: Path) -> str:
    """*What a user of a real network may believe*, one paragraph."""
    found = _summary(results)
    bead, half = (_shown(found, cause, "early", HIRES) for cause in ("bead", "hemisphere"))
    other, edge = _shown(found, "bead", "early", GRAD), _shown(found, "bead", "-", "edges")
    moved = [row for row in found["causes"] if row["cause"] == "hemisphere"]
    largest = max(moved, key=lambda row: abs(row["effect_median"]))
    balls = [_shown(found, cause, "early", HIRES) for cause in ("bead", "shift")]
    right, count = (sum(row[name] for row in balls) for name in ("right", "n"))
    return (
        f"**What a user of a real network may believe.** In three heads and bent copies of them we planted causes, and "
        f"measured by re-running what they do to five networks that others trained (four MeshNets, deepbet). *The place of a small cause*: a bright bead that moves "
        f"the score holds {_lift(bead)} times chance of the evidence at an early layer (Seg-Grad-CAM {_lift(other)}, edges "
        f"of the image, which know no network, {_lift(edge)}). *Not its sign without a check*: it was right in {right} of "
        f"{count} copies with a small cause. *Not that the rest is unused*: without the right half of the head, {NAMES[largest['network']]}'s "
        f"logit for the {ASKED[largest['network']]} changes by {abs(largest['effect_median']):.1f}; over all networks the "
        f"maps hold {_lift(half)} times chance there. Mask out and re-run what matters ([published networks](docs/benchmarks/published.md))."
    )


def failed(results: Path) -> str:
    """A list of what did not work."""
    found = _summary(results)
    lines = []
    by_head: dict[str, list[str]] = {}
    for row in found["failed"]:
        by_head.setdefault(row["head"], []).append(NAMES[row["network"]])
    for head, names in by_head.items():
        lines.append(
            f"- **Nothing to explain** on {HEADS[head]} for {_and(names)}: the class is not drawn at the place that is "
            "asked about, in no copy."
        )
    unmoved = _and(_unmoved(found))
    lines.append(
        f"- **No cause.** Of {_planted(found)} planted beads and balls {_planted(found) - _causes(found)} move the score "
        f"by less than 0.05 logit and are left out{f' (all of {unmoved})' if unmoved else ''}."
    )
    for cause, words in (("shift", "darker ball"), ("hemisphere", "right half")):
        early, middle = (_shown(found, cause, layer, HIRES) for layer in ("early", "middle"))
        lines.append(
            f"- **The sign of the {words}.** The region's signed evidence has the effect's sign in {early['right']} of "
            f"{early['n']} copies at the early layer, in {middle['right']} of {middle['n']} at the middle one."
        )
    gaps = [row for row in found["checks"] if (row["check"], row["layer"], row["method"]) == ("gap", "middle", HIRES)]
    lines.append(
        f"- **Completeness** of a layer's map: at the middle layer the gap is {min(r['median'] for r in gaps):.2f} to "
        f"{max(r['median'] for r in gaps):.2f} of what the layer does to the score. It is 0 only where what follows is "
        "linear, in front of the head; there the map shows M alone."
    )
    lost = [row for row in found["checks"] if row["check"] == "deletion" and row["method"] == HIRES]
    worst = min(lost, key=lambda row: row["low"])
    lines.append(
        f"- **Deletion**: for {NAMES[worst['network']]} the fifth of the context that the map calls most important is worth "
        f"{abs(worst['low']):.2f} logit {'less' if worst['low'] < 0 else 'more'} than a random fifth, in the worst case."
    )
    return "\n".join(lines)


def _unmoved(found):
    """Networks that no bead and no ball moved."""
    counts: dict[str, int] = {}
    for row in _of(found, "bead", "shift"):
        counts[row["network"]] = counts.get(row["network"], 0) + row["causes"]
    return [NAMES[name] for name, count in counts.items() if not count]


def _planted(found):
    return sum(row["copies"] for row in _of(found, "bead", "shift"))


def _causes(found):
    return sum(row["causes"] for row in _of(found, "bead", "shift"))


def _of(found, *causes):
    return [row for row in found["causes"] if row["cause"] in causes]


def _shown(found, cause, layer, method):
    wanted = {"network": "all", "cause": cause, "layer": layer, "method": method}
    return next(row for row in found["shown"] if wanted.items() <= row.items())


def _lift(row):
    return f"{row['lift']:.0f}" if row["lift"] >= 10 else f"{row['lift']:.1f}"


def _and(names):
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1] if names else ""


def _summary(results):
    return json.loads((results / "published" / "summary.json").read_text(encoding="utf-8"))
