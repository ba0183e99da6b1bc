"""What mattered, in one sentence for people. Standard library."""

from __future__ import annotations

from ..painting.painting_words import short


def sentence(found) -> str:
    """found: :class:`causes.Causes`."""
    over = f"the mean {found.score_title} over {_the(found.pixel_set_label)}"
    ends = f"{short(found.full)} as it is, {short(found.none)} with everything replaced ({found.baseline})"
    first = found.ranked[0]
    if not first.share.ok:
        return f"Replacing everything hardly changes {over} ({ends}): nothing here made the network say so."
    names = [f"{one.name} {_value(one)}" for one in found.ranked]
    kind = "channels" if found.of == "channels" else "segments"
    how = "exact" if found.exact else f"from {found.permutations} orders, with standard errors"
    return (
        f"{over[:1].upper()}{over[1:]} is {ends}. Of this change the {kind} add ({found.unit}, Shapley, {how}): "
        f"{', '.join(names)}."
    )


def cost_sentence(coalitions: int, passes_each: int, at_most: bool) -> str:
    """What it will take, before it starts."""
    word = "at most " if at_most or passes_each > 1 else ""
    return f"{word}{coalitions} predictions, {word}{coalitions * passes_each} passes of the network"


def _value(one):
    error = "" if one.error is None else f" ± {short(one.error)}"
    return f"{short(one.value)}{error}"


def _the(label):
    return label if label.startswith("one ") else f"the {label}"
