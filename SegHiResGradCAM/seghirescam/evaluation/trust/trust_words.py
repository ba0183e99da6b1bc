"""What a check says: the one place where its numbers become sentences. Standard library.

row: a :class:`rows.Row`; a number that is not there is told by its value's note.
"""

from __future__ import annotations

NUMBERS_ONLY = "Numbers only: the full check judges by thresholds."
_TITLES = {
    "context_paint_over": "Context masked out", "class_swap": "Class swap", "cancellation": "Cancellation",
    "phantom_mass": "Phantom mass", "completeness_gap": "Completeness gap",
    "context_deletion_gain": "Context deletion", "evidence_at_m": "Evidence at the pixel set",
    "randomisation": "Randomised weights", "stability": "Stability under noise", "made_again": "Made again",
    "cells_removed": "Cells removed",
}  # fmt: skip
#: the three lines, by their names
LINES = {
    "belongs": "Belongs to this question", "used": "Used by the network", "specific": "Model-specific and stable",
}  # fmt: skip
_MARKS = {
    "supported": ("\u2713", "supported"), "not judged": ("?", "unclear"),
    "not supported by the model": ("\u2717", "not supported"),
}  # fmt: skip
#: what no test of a map can see
_LIMIT = "This says that the map shows what the network used, not that the network or the segment is right."


def line(one) -> str:
    """one: a :class:`rows.Line`; its mark, its title and its word, as the panel writes them."""
    mark, word = _MARKS[one.word]
    return f"{mark} {LINES[one.name]}: {word}"


def undrawn(drawn: float | None) -> str:
    """A sentence where the network chooses the class nowhere in M."""
    if drawn != 0:
        return ""
    return " The network does not draw this class anywhere in the pixel set: the map is about a score that loses there."


def title(row) -> str:
    return _TITLES.get(row.name) or f"Stability, {row.details['change']}"


def sentence(row, brief: bool = False) -> str:
    """brief: without what is explained in brackets at its end."""
    value = row.value
    known = {
        "value": value.value,
        "unit": value.unit,
        "chance": value.chance,
        "over": value.over,
        "threshold": row.threshold,
    }
    if not value.ok and "hot" not in row.details:
        known["note"] = value.note
        return _WITHOUT.get(row.name, _note)(**known | row.details)
    text, aside = _WITH.get(row.name, _changed)(**known | row.details), _ASIDES.get(row.name)
    return text if aside is None else f"{text}." if brief else f"{text} ({aside})."


def verdict(word: str, rows) -> str:
    """rows: the tests that decide it, see :func:`rows.verdict_of`."""
    if word == "supported":
        return f"Supported by the model: {', '.join(row.title.lower() for row in rows)} all passed. {_LIMIT}"
    told = "; ".join(f"{row.title.lower()} ({row.sentence.rstrip('.')})" for row in rows) or "a test is missing"
    return f"{word[0].upper()}{word[1:]}: {told}."


def took(forwards: int, beside: bool) -> str:
    return f"{forwards} forward pass(es) beside the explanation" if beside else f"{forwards} forward passes"


def _painted(hot, random, share, unit, **_):
    return (
        f"Blurring the {100 * share:.3g} % of the context that the map shows strongest {_lowers(hot, unit)}, as much "
        f"of it at random {_lowers(random, unit)}"
    )


def _lowers(amount, unit):
    if amount == 0:
        return "leaves the mean score as it is"
    return f"{'lowers' if amount > 0 else 'raises'} the mean score by {abs(amount):.3g} {unit}"


def _swapped(value, other, **_):
    return f"The map of '{other}' for the same voxels has a rank correlation of {1 - value:.2f} with this one"


def _averaged(value, averages, **_):
    rests = "what is lost cannot be seen in a map that averages" if averages else "this map does not average"
    return f"Averaging over the cells keeps {100 * value:.3g} % of the gradient; {rests}."


def _phantom(value, **_):
    return f"{100 * value:.3g} % of the evidence lies in cells without influence on the score."


def _gap(value, **_):
    return f"What the map adds up to is {100 * value:.3g} % away from what the layer does to the score"


def _gained(value, unit, threshold, orders, sds, **_):
    return (
        f"removing the context in the map's order lowers the mean score by {value:.3g} {unit} more than {orders} "
        f"random orders do, in the mean of the curve; {sds:g} standard deviations of these are {threshold:.3g}"
    )


def unused(full: float, empty: float, unit: str, **_) -> str:
    """Why no order of the context can be judged. full, empty: mean scores in that unit."""
    return (
        f"{_ends(full, empty, unit)}: it is drawn from the pixel set itself, and no order of the context can be judged"
    )


def _ends(full, empty, unit):
    return f"without any of the context the mean score goes from {full:.3g} to {empty:.3g} {unit}"


def _no_gain(note, unit, full=None, empty=None, cell="", context=True, **_):
    if cell:
        return (
            f"{_ends(full, empty, unit)}, and the map shows no evidence there (what lies at the pixel set does not "
            f"count, though its cells of {cell} may look further than they lie)"
        )
    if full is not None:
        return unused(full, empty, unit)
    return note if context else f"there is no context to remove: {note}"


def _at_pixel_set(value, chance, over, threshold, **_):
    return (
        f"{100 * value:.3g} % of the evidence lies in the blocks that meet the pixel set, where the network looks "
        f"(chance over the {over} {100 * chance:.3g} %); at least {100 * threshold:.3g} % should"
    )


def _randomised(signed, modules, threshold, likeness=None, **_):
    beside = "" if likeness is None else f", SSIM {likeness:.2f}"
    return (
        f"with all {modules} modules randomised the map keeps a rank correlation of {signed:.2f}{beside}; of "
        f"{threshold:g} on, of either sign, it would not be about the trained weights"
    )


def _stable(value, change, runs, most, **_):
    return f"{change} changes the map's ranks by {value:.3g} in the mean of {runs}, {most:.3g} at most (0: not at all)"


def _made_again(value, threshold, related, **_):
    found = f"asked again, the question gives a map with a cosine of {_rounded(value)} to this one"
    if value >= threshold:
        return f"{found}: it is the same map"
    if value < related:
        return f"{found}: this map belongs to another question, model, image or method"
    return f"{found}; of {threshold:g} on it would be the same map"


def _rounded(cosine):
    """Not 1 where it is less."""
    text = f"{cosine:.3f}"
    return text if text != "1.000" or cosine >= 0.99995 else f"{cosine:.4f}"


def _cells(value, unit, threshold, cells, of, draws, better, **_):
    found = (
        f"zeroing {cells} of the layer's {of} cells, which hold half of the evidence, changes the mean score by "
        f"{0 - value:+.3g} {unit}, {draws} random draws of as many by {0 - threshold:+.3g} {unit} at the most"
    )
    if value <= threshold:
        return f"{found}: what the map marks counts no more than other places"
    return f"{found}; {' and '.join(better)} would do as well" if better else found


def _changed(value, change, **_):
    return f"1 - Spearman is {value:.3g} when {change}"


def _note(note, **_):
    return note


_WITH = {
    "context_paint_over": _painted, "class_swap": _swapped, "cancellation": _averaged, "phantom_mass": _phantom,
    "completeness_gap": _gap, "context_deletion_gain": _gained, "evidence_at_m": _at_pixel_set,
    "randomisation": _randomised, "stability": _stable, "made_again": _made_again, "cells_removed": _cells,
}  # fmt: skip
_WITHOUT = {
    "context_paint_over": lambda note, context=True, **_: note if context else f"There is no context to remove: {note}",
    "context_deletion_gain": _no_gain,
    "randomisation": lambda note, modules=0, **_: f"with random weights {note}" if modules else note,
    "stability": lambda note, change="", **_: f"under noise {note}" if change else note,
}
#: what stands in brackets at the end
_ASIDES = {
    "context_paint_over": "one random order: a small difference says little",
    "class_swap": "1: the map does not care about the class",
    "completeness_gap": "0: the map accounts for all of it",
}
