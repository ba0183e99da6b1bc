"""What the Dice values of a check say, by one rule that stands here.

A change is recommended where the model with it reaches a Dice of at least GOOD, and clearly more than as stated (by
CLEAR or more), and no change of another kind comes as near as ALIKE to it.  Changes of one kind that are so near to the
best are all named: the case does not tell them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GOOD, CLEAR, ALIKE = 0.5, 0.05, 0.01
FITS, BETTER, TIED, NOTHING = "fits as stated", "a change fits better", "several fit alike", "nothing fits"
RULE = (
    f"A change is recommended where its Dice is at least {GOOD:g}, by {CLEAR:g} or more above the one as stated, and "
    f"no change of another kind comes within {ALIKE:g} of it."
)


_UNSAYABLE = "No description can say that: the image's header seems to name its directions wrongly."


@dataclass(frozen=True)
class Row:
    """kind, name, write: of the Change.  dice: None where it could not be predicted, for that ``reason``.  voxels: that
    were predicted.  mask: a hash of them.  same_as: the row that feeds the network exactly the same, "" if none."""

    kind: str
    name: str
    dice: float | None
    write: str = ""
    voxels: int = 0
    mask: str = ""
    same_as: str = ""
    reason: str = ""

    @property
    def value(self) -> float:
        return self.dice or 0.0

    def to_json(self) -> dict:
        told = {"change": self.kind, "to": self.name, "dice": self.dice, "voxels": self.voxels, "write": self.write}
        return told | {k: v for k, v in (("same_as", self.same_as), ("reason", self.reason)) if v}


@dataclass(frozen=True)
class Verdict:
    """finding: one of the four above.  write: what to write into the description, "" for nothing."""

    finding: str
    sentence: str
    write: str = ""

    def to_json(self) -> dict:
        return {"finding": self.finding, "sentence": self.sentence, "write": self.write, "rule": RULE}


def verdict_of(rows: Sequence[Row], class_name: str, classes: dict[str, float | None]) -> Verdict:
    """rows: as stated first.  classes: Dice of every class as stated."""
    stated, changes = rows[0], sorted((r for r in rows[1:] if r.dice is not None), key=lambda r: -r.value)
    best = changes[0] if changes else None
    if best is not None and best.value >= GOOD and best.value >= stated.value + CLEAR:
        near = [row for row in changes if row.value > best.value - ALIKE]
        return _better(stated, near)
    if stated.value >= GOOD:
        return Verdict(FITS, _fits(stated, changes, best))
    return Verdict(NOTHING, f"{_nothing(stated, best)}{_other_class(class_name, classes)}")


def _better(stated, near):
    best, others = near[0], near[1:]
    # what feeds the network exactly the same is no rival
    kinds = {best.kind} | {row.kind for row in others if (row.same_as or row.name) != (best.same_as or best.name)}
    if len(kinds) > 1:
        listed = " and ".join(f"{_told(row)}" for row in near)
        return Verdict(
            TIED,
            f"Fed as stated, {_of(stated)}. Changes of different kinds fit alike: {listed}. This case does not tell "
            "which of them is meant; try another one, or look up how the model was trained.",
        )
    text = f"Fed as stated, {_of(stated)}; with {_told(best)}. "
    text += f"Write {best.write}." if best.write else _UNSAYABLE
    if others:
        text += (
            f" On this case the same is as good as {', '.join(_told(row) for row in others)}: take the one the model "
            "was trained with."
        )
    return Verdict(BETTER, text, best.write)


def _fits(stated, changes, best):
    text = f"The model fits as it is fed: {_of(stated)}"
    if best is None:
        return f"{text}."
    text += f"; no change is clearly better (the best: {_told(best)})."
    alike = [
        row for row in changes if row.mask != stated.mask and abs(row.value - stated.value) <= ALIKE and not row.same_as
    ]
    if alike:
        text += f" This case hardly tells it from {', '.join(_told(row) for row in alike)}."
    return text


def _nothing(stated, best):
    text = f"Nothing fits: fed as stated, {_of(stated)}"
    text += f", and the best change reaches {_told(best)}. " if best else ". "
    return text + (
        "Nothing is recommended: several things may be wrong at once, the segment may be of another class, or the "
        "image unlike those of the training."
    )


def _other_class(class_name, classes):
    found = [(value or 0.0, name) for name, value in classes.items() if name != class_name]
    if not found or max(found)[0] < GOOD:
        return ""
    value, name = max(found)
    return f" As stated, the segment is what the model calls '{name}' (Dice {value:.3f}), not '{class_name}'."


def _of(row):
    return f"the prediction has a Dice of {row.value:.3f}" if row.dice is not None else f"it fails ({row.reason})"


def _told(row):
    return f"{row.kind} {row.name} (Dice {row.value:.3f})"
