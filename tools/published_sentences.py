"""What is said of the published networks, each number from the committed summary. Standard library."""

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
    middle = _shown(found, "bead", "middle", HIRES)
    other, edge = _shown(found, "bead", "early", GRAD), _shown(found, "bead", "-", "edges")
    largest = max(_of(found, "hemisphere"), key=lambda row: abs(row["effect_median"]))
    network, moved = largest["network"], abs(largest["effect_median"])
    balls = [_shown(found, cause, "early", HIRES) for cause in ("bead", "shift")]
    right, count = (sum(row[name] for row in balls) for name in ("right", "n"))
    return (
        "**What a user of a real network may believe.** We put known causes into three heads and into bent copies of "
        "them. We measured, by re-running, what each cause does to five networks that others trained (four MeshNets, "
        "deepbet). *Believe the place of a small cause, at an early layer.* A bright bead that moves the score holds "
        f"{_lift(bead)} times the share of the evidence expected by chance. (At the middle layer it holds "
        f"{_lift(middle)} times, with Seg-Grad-CAM {_lift(other)} times. Plain edges, which know no network, give "
        f"{_lift(edge)} times.) *Do not believe the sign.* It was right in {right} of {count} copies with a small "
        "cause. *Do not believe that the rest is unused.* Without the right half of the head, "
        f"{NAMES[network]}'s logit for the {ASKED[network]} changes by {moved:.1f}. Yet over all networks the maps "
        f"hold only {_lift(half)} times the share expected by chance there. So mask out and re-run what matters "
        "([published networks](docs/benchmarks/published.md))."
    )


def failed(results: Path) -> str:
    """A list of what did not work."""
    found = _summary(results)
    lines = []
    for head in dict.fromkeys(row["head"] for row in found["failed"]):
        missed = [
            f"{NAMES[r['network']]} ({r['copies']} of {r['planned']} copies)"
            for r in found["failed"]
            if r["head"] == head
        ]
        lines.append(
            f"- **Nothing to explain** on {HEADS[head]} for {_and(missed)}: the class is not drawn at the place that "
            "is "
            "asked about."
        )
    planted, moving = (sum(row[name] for row in _of(found, "bead", "shift")) for name in ("copies", "causes"))
    unmoved = _and(_unmoved(found))
    lines.append(
        f"- **No cause.** Of {planted} planted beads and balls {planted - moving} move the score by less than 0.05 "
        "logit "
        f"and are left out{f' (all of {unmoved})' if unmoved else ''}."
    )
    bead = {layer: _shown(found, "bead", layer, HIRES) for layer in ("early", "middle")}
    lines.append(
        f"- **The default layer shows less of the bead**: {_lift(bead['middle'])} times chance at the middle "
        "layer, which "
        f"the default takes, {_lift(bead['early'])} at the early one."
    )
    for cause, words in (("bead", "bead"), ("shift", "darker ball"), ("hemisphere", "right half")):
        early, middle = (_shown(found, cause, layer, HIRES) for layer in ("early", "middle"))
        lines.append(
            f"- **The sign of the {words}**: right in {early['right']} of {early['n']} copies at the early layer, in "
            f"{middle['right']} of {middle['n']} at the middle one."
        )
    half = _shown(found, "hemisphere", "early", HIRES)
    lines.append(
        f"- **A cause that is spread out**: the right half holds {_lift(half)} times chance at the early layer, less "
        "than "
        "evidence spread evenly would, also where taking it away moves the score most."
    )
    gaps = [row["median"] for row in _checks(found, "gap", "middle")]
    lines.append(
        f"- **Completeness** of a layer's map: at the middle layer the gap is {min(gaps):.2f} to {max(gaps):.2f} of "
        "what "
        "the layer does to the score. It is 0 in front of the head, where what follows is linear and the map shows M "
        "alone."
    )
    worst = min(_checks(found, "deletion", "middle"), key=lambda row: row["low"])
    lines.append(
        f"- **Deletion, in the worst case** ({NAMES[worst['network']]}): the fifth of the context that the map calls "
        "most "
        f"important is worth {abs(worst['low']):.2f} logit {'less' if worst['low'] < 0 else 'more'} than a random "
        "fifth."
    )
    return "\n".join(lines)


def _checks(found, check, layer):
    wanted = {"check": check, "layer": layer, "method": HIRES}
    return [row for row in found["checks"] if wanted.items() <= row.items()]


def _unmoved(found):
    """Networks that no bead and no ball moved."""
    counts: dict[str, int] = {}
    for row in _of(found, "bead", "shift"):
        counts[row["network"]] = counts.get(row["network"], 0) + row["causes"]
    return [NAMES[name] for name, count in counts.items() if not count]


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
