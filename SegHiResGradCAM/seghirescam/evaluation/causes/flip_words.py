"""What the search for a flip found, in one sentence for people. Standard library."""

from __future__ import annotations

from ..painting.painting_words import short

_ORDERS = {"map": "the map's order", "random": "a random order", "reverse": "the map's reverse order"}


def sentence(flip, pixel_set_label: str, class_name: str) -> str:
    """flip: :class:`smallest_flip.Flip`."""
    order = _ORDERS[flip.order]
    if not flip.ordered and flip.order != "random":
        order = "a random order, as the map shows no evidence there"
    how = f"in {order}, {flip.predictions} predictions"
    where = pixel_set_label if pixel_set_label.startswith("one ") else f"the {pixel_set_label}"
    if not flip.found:
        ran_out = "; the predictions were used up" if flip.stopped else ""
        return (
            f"No flip was found ({how}{ran_out}): up to {_percent(flip.tried)} of what may be changed was masked out "
            f"at once, and {_percent(flip.left)} or more of the {class_name} predicted within {where} was left."
        )
    size = flip.size
    amount = f"{size.voxels} pixels" if size.ml is None else f"{short(size.ml)} ml"
    becomes = f" and becomes {flip.becomes}" if flip.becomes else ""
    small = (
        "the predictions were used up before every block had been tried, so it may be smaller still"
        if flip.stopped
        else f"no block of {flip.edge_mm:.3g} mm of it can be given back"
    )
    return (
        f"Masking out {amount} is enough: of the {class_name} predicted within {where}, {_percent(flip.left)} is left"
        f"{becomes}, and the mean score goes from {short(flip.before)} to {short(flip.after)} ({how}, the first flip "
        f"with the {_nth(flip.first)}; {small})."
    )


def _percent(share):
    return f"{100 * share:.3g} %"


def _nth(number):
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
