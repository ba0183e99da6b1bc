"""What painting over showed, in one sentence for people. Standard library."""

from __future__ import annotations


def sentence(painting) -> str:
    """One sentence: what was painted over, what became of the score and of the predicted segment, and of a control.

    painting: an :class:`intervention.Painting`.  A part of M that was itself painted over is named.
    """
    found, name = painting.found, painting.class_name
    margin = f", {ml(painting.painted.ml)} with a margin of {painting.margin_mm:g} mm" if painting.margin_mm else ""
    before, after = found.before, found.after
    over = _the(found.pixel_set_label)
    text = (
        f"Painting over {_the(found.region_label)} ({ml(painting.region.ml)}{margin}): the mean {found.score_title} "
        f"over {over} {_changes(before.score, after.score)}, and {_becomes(name, before.ml, after.ml)}"
    )
    if painting.covered > 0:
        text += f"; {_percent(painting.covered)} of {over} was itself painted over"
    if painting.control:
        other = painting.control
        text += (
            f"; control, the same shape at a random place: the score {_changes(before.score, other.score)}, and "
            f"{_becomes(name, before.ml, other.ml)}"
        )
    return text + "."


def ml(volume: float) -> str:
    return f"{short(volume)} ml"


def _changes(before, after):
    old, new = short(before), short(after)
    if old == new:
        return f"stays at {old}"
    sign = " and changes its sign" if (before > 0) != (after > 0) else ""
    return f"{'rises' if after > before else 'falls'} from {old} to {new}{sign}"


def _becomes(name, before, after):
    what = f"the predicted {name}"
    if not before and not after:
        return f"no {name} is predicted before or after"
    if not after:
        return f"{what} shrinks from {ml(before)} to 0 ml (it disappears)"
    if not before:
        return f"{what} grows from 0 ml to {ml(after)} (it appears)"
    if ml(before) == ml(after):
        return f"{what} stays at {ml(before)}"
    return f"{what} {'grows' if after > before else 'shrinks'} from {ml(before)} to {ml(after)}"


def short(value: float) -> str:
    """Three significant digits, never in powers of ten above one."""
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return "0" if text == "-0" else text


def _percent(share):
    return "less than 1 %" if share < 0.01 else f"{100 * share:.0f} %"


def _the(label):
    return label if label.startswith("one ") else f"the {label}"
