"""What a question about causes answers: players, what each adds to the mean score, and beside it where the map lies."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...protocol.sizes import Size
from ...protocol.value import NOT_MEASURED, TOO_SMALL, Value
from .shapley import Shares

#: a change of the score below this share of it is not shared out
LEAST_CHANGE = 1e-3
CHANNELS, ANATOMY = "channels", "anatomy"
_NO_MAP = Value.without(NOT_MEASURED, "No map was made.")


@dataclass(frozen=True)
class Cause:
    """One player of one pixel set.

    value: its Shapley value (logit): what it adds to the mean score over M, on average over all orders in which the
    players may be taken away.  error: standard error of a sampled one, None where exact.  share: value over all that
    taking everything away changes (negative: it spoke against).  size: of a segment, None of a channel.  inside: the
    share of M that lies in a segment, None of a channel.  evidence: the share of the map's positive evidence there.
    """

    name: str
    value: float
    error: float | None
    share: Value
    size: Size | None = None
    inside: float | None = None
    evidence: Value = _NO_MAP

    def to_json(self) -> dict:
        return {
            "name": self.name, "value": self.value, "standard_error": self.error, "share": self.share.to_json(),
            "size": None if self.size is None else self.size.to_json(), "pixel_set_inside": self.inside,
            "evidence": self.evidence.to_json(),
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Causes:
    """The causes of one pixel set's score.

    of: "channels" or "anatomy".  score_title, unit: of the mean score.  full, none: the score with everything, and with
    everything replaced by the baseline; the values add up to full - none.  baseline: what stood in, in words.
    coalitions: images that the model was asked about; permutations: drawn, 0 where exact; passes: of the network, for
    all pixel sets together.
    """

    of: str
    pixel_set_label: str
    class_name: str
    score_title: str
    unit: str
    full: float
    none: float
    causes: tuple[Cause, ...]
    baseline: str
    coalitions: int
    permutations: int
    passes: int
    notes: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        return self.permutations == 0

    @property
    def change(self) -> float:
        """What is shared out."""
        return self.full - self.none

    @property
    def ranked(self) -> tuple[Cause, ...]:
        """The largest first."""
        return tuple(sorted(self.causes, key=lambda one: -one.value))

    def value(self, name: str) -> float:
        return next(one.value for one in self.causes if one.name == name)

    def with_evidence(self, shares: dict[str, Value]) -> Causes:
        """The same with each player's share of a map's evidence beside it."""
        missing = Value.without(NOT_MEASURED, "The map was not measured there.")
        return replace(self, causes=tuple(replace(one, evidence=shares.get(one.name, missing)) for one in self.causes))

    def to_json(self) -> dict:
        from .cause_words import sentence

        return {
            "of": self.of, "pixel_set": self.pixel_set_label, "class_name": self.class_name,
            "score_title": self.score_title, "unit": self.unit, "full": self.full, "none": self.none,
            "change": self.change, "baseline": self.baseline, "causes": [one.to_json() for one in self.causes],
            "coalitions": self.coalitions, "permutations": self.permutations, "passes": self.passes,
            "sentence": sentence(self), "notes": list(self.notes),
        }  # fmt: skip


def causes_of(shares: Shares, number: int, names, sizes=None, inside=None) -> tuple[Cause, ...]:
    """The causes of one of the game's numbers. sizes, inside: of each player."""
    change = float(shares.full[number] - shares.none[number])
    large = abs(change) > LEAST_CHANGE * max(abs(float(shares.full[number])), abs(float(shares.none[number])))
    found = []
    for i, name in enumerate(names):
        value = float(shares.values[i, number])
        share = Value.of(value / change) if large else Value.without(TOO_SMALL, "Nothing to share: the score stays.")
        error = None if shares.errors is None else float(shares.errors[i, number])
        found.append(
            Cause(name, value, error, share, sizes[i] if sizes else None, inside[i][number] if inside else None)
        )
    return tuple(found)
