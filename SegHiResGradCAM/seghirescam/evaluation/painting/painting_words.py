"""What masking out showed, in one sentence for people. Standard library."""

from __future__ import annotations


def sentence(painting) -> str:
    """One sentence: what was masked out, what became of the score and of the predicted segment, and of a control.

    painting: an :class:`intervention.Painting`.  A part of M that was itself masked out is named.
    """
    found, name = painting.found, painting.class_name
    grid = painting.region.grid
    margin = (
        f", {_size(painting.painted)} with a margin of {painting.margin_mm:g} {grid.length_unit}"
        if painting.margin_mm
        else ""
    )
    before, after = found.before, found.after
    over = _the(found.pixel_set_label)
    text = (
        f"Masking out {_the(found.region_label)} ({_size(painting.region)}{margin}): the mean {found.score_title} "
        f"over {over} {_changes(before.score, after.score)}, and {_becomes(name, before, after)}"
    )
    if painting.covered > 0:
        text += f"; {_percent(painting.covered)} of {over} was itself masked out"
    if painting.control:
        other = painting.control
        text += (
            f"; control, the same shape at a random place: the score {_changes(before.score, other.score)}, and "
            f"{_becomes(name, before, other)}"
        )
    return text + "."


def amount(outcome) -> str:
    """How much of a class there is: millilitres, in a photo pixels. outcome: an :class:`intervention.Outcome`."""
    return f"{outcome.voxels} pixels" if outcome.ml is None else f"{short(outcome.ml)} ml"


def _size(pixels):
    return f"{pixels.voxels} pixels" if pixels.grid.is_photo else f"{short(pixels.ml)} ml"


def _changes(before, after):
    old, new = short(before), short(after)
    if old == new:
        return f"stays at {old}"
    sign = " and changes its sign" if (before > 0) != (after > 0) else ""
    return f"{'rises' if after > before else 'falls'} from {old} to {new}{sign}"


def _becomes(name, before, after):
    what, old, new = f"the predicted {name}", amount(before), amount(after)
    if not before.voxels and not after.voxels:
        return f"no {name} is predicted before or after"
    if not after.voxels:
        return f"{what} shrinks from {old} to {new} (it disappears)"
    if not before.voxels:
        return f"{what} grows from {old} to {new} (it appears)"
    if old == new:
        return f"{what} stays at {old}"
    return f"{what} {'grows' if after.voxels > before.voxels else 'shrinks'} from {old} to {new}"


def short(value: float) -> str:
    """Three significant digits, never in powers of ten above one."""
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return "0" if text == "-0" else text


def _percent(share):
    return "less than 1 %" if share < 0.01 else f"{100 * share:.0f} %"


def _the(label):
    return label if label.startswith("one ") else f"the {label}"
