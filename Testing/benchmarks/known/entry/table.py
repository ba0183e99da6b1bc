"""The table of an entry. Standard library only."""

from __future__ import annotations

import math

_HEAD = (
    "| method | networks | maps | AUROC: cheats? [95 % CI] | marker over chance: shortcut | honest | "
    "own cue over chance: honest | deletion gain |"
)


def markdown(lines: list[dict], networks: int, maps: int, others: list[str]) -> str:
    """lines: of scoring.summary.  others: weights files that are not the frozen ones."""
    layer = lines[0]["layer"] if lines else "-"
    text = [
        f"Layer: {layer}, for methods that look at one.",
        "",
        _HEAD,
        f"|{'---|' * 8}",
        *(_line(line, networks, maps) for line in lines),
        "",
    ]
    if others:
        text += [
            f"Not the frozen networks: {', '.join(others)} were trained on this machine and differ. Say so beside the "
            "numbers.",
            "",
        ]
    return "\n".join(text)


def _line(line, networks, maps):
    interval = f" [{_number(line['auroc_low'])}-{_number(line['auroc_high'])}]"
    cells = (
        line["method"],
        f"{line['models']} of {networks}",
        f"{line['maps']} of {maps}",
        _number(line["auroc"]) + interval,
        *(_times(line[name]) for name in ("shortcut_lift_cue", "honest_lift_cue", "honest_lift_own")),
        _number(line["shortcut_gain_logit"]),
    )
    return f"| {' | '.join(cells)} |"


def _number(value):
    return "-" if value is None or math.isnan(value) else f"{value:.2f}"


def _times(value):
    return "-" if value is None or math.isnan(value) else f"{value:.1f}x"
