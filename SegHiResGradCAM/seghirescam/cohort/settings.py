"""What is asked of every question of a cohort, and how it is computed: the same for all rows of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..cam.methods import names as method_names
from ..protocol.errors import LayerError, MethodError, ModelError
from ..protocol.question import (
    ALL_MIRRORINGS,
    AUTO,
    CONTRAST,
    DEFAULT,
    DEFAULT_METHOD,
    EACH,
    FP32,
    LAYER_WORDS,
    LOGIT,
    MIRRORINGS,
    PRECISIONS,
    SCORES,
    SIDES,
    several,
)
from .plans.row import PlanError, Row

#: beside the map: nothing, the fast tier of ``evaluate``, or the full one
NONE, FAST, FULL = TIERS = ("none", "fast", "full")
#: kept for further questions about a case, GiB; stated, because what is free would make two runs measure differently
KEPT_GB = 4.0
#: settings that change no number
_BESIDE = ("maps",)


@dataclass(frozen=True)
class Settings:
    """layers: words or names; "default" is each pixel set's own, so that an answer is the same in any company.

    evaluate: one of TIERS.  seed: of everything random.  device: auto is the GPU with the most free memory of the
    process that computes, else the CPU.  threads: of each process.  maps: whether the maps are written.
    Raises what no question could be asked with: MethodError, LayerError, ModelError, PlanError.
    """

    methods: tuple[str, ...] = (DEFAULT_METHOD,)
    layers: tuple[str, ...] = (EACH,)
    score: str = LOGIT
    side: str = AUTO
    evaluate: str = FAST
    precision: str = FP32
    deterministic: bool = False
    tolerance: float = 0.0
    mirroring: str = ALL_MIRRORINGS
    folds: tuple[str, ...] = ()
    seed: int = 0
    device: str = "auto"
    threads: int = 1
    kept_gb: float = KEPT_GB
    maps: bool = False

    def __post_init__(self) -> None:
        for name in ("methods", "layers", "folds"):
            object.__setattr__(self, name, tuple(str(one) for one in several(getattr(self, name))))
        object.__setattr__(self, "layers", tuple(EACH if one == DEFAULT else one for one in self.layers))
        known = method_names()
        for one in self.methods:
            if one not in known:
                raise MethodError(f"There is no method '{one}'.", f"Known: {', '.join(known)}.")
        if len(set(self.methods)) < len(self.methods):
            raise MethodError("A method is named twice.", "Name each method once.")
        if not self.layers or (len(self.layers) > 1 and set(self.layers) & set(LAYER_WORDS)):
            raise LayerError(f"The words {', '.join(LAYER_WORDS)} stand alone.", "Name one, or layers by their names.")
        choices = {
            "score": SCORES, "side": SIDES, "evaluate": TIERS, "precision": PRECISIONS, "mirroring": MIRRORINGS,
        }  # fmt: skip
        for name, words in choices.items():
            if getattr(self, name) not in words:
                raise PlanError(f"'{name}' cannot be {getattr(self, name)!r}.", f"Use one of: {', '.join(words)}.")
        _number("seed", self.seed, int, 0, 2**32 - 1)
        _number("threads", self.threads, int, 1, 1024)
        _number("tolerance", self.tolerance, float, 0, 0.999)
        _number("kept_gb", self.kept_gb, float, 0, 1e6)
        if self.tolerance and self.evaluate == FULL:
            raise ModelError("The full tier needs the whole score.", "Leave --tolerance out, or use --evaluate fast.")

    @classmethod
    def from_json(cls, words: Mapping[str, Any]) -> Settings:
        """From a YAML plan's head or ``plan.json``: ``method`` and ``layer`` stand for one or several."""
        known = {one.name for one in fields(cls)}
        called = {"method": "methods", "layer": "layers"}
        given = {called.get(str(word), str(word)): value for word, value in words.items()}
        for word in given:
            if word not in known:
                raise PlanError(
                    f"The plan's settings hold an unknown word '{word[:40]}'.", f"Known: {', '.join(known)}."
                )
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})

    def to_json(self) -> dict:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @property
    def key_words(self) -> dict:
        """What a question's key is made of; the device stands there as it was found."""
        return {name: value for name, value in self.to_json().items() if name not in (*_BESIDE, "device")}

    @property
    def engine_layers(self) -> str | list[str]:
        return self.layers[0] if self.layers[0] in LAYER_WORDS else list(self.layers)

    @property
    def session_words(self) -> dict:
        """Of a session, but its device."""
        return {
            "precision": self.precision, "deterministic": self.deterministic, "tolerance": self.tolerance,
            "seed": self.seed, "mirroring": self.mirroring, "folds": self.folds,
            "memory_budget_bytes": int(self.kept_gb * 2**30),
        }  # fmt: skip

    def refuse(self, row: Row) -> None:
        """Raises PlanError for a row that does not go with these settings."""
        from ..protocol.recipes import FORMS

        if self.score == CONTRAST and not row.rival:
            raise PlanError("The contrast score needs a rival class.", "Fill the column 'rival'.")
        if row.rival and self.score != CONTRAST:
            raise PlanError("A rival class goes with the contrast score only.", "Add --score contrast.")
        words = {form.word: form for form in FORMS.values() if not form.place}
        if row.pixels and row.pixels not in words:
            raise PlanError(f"There is no pixel set '{row.pixels[:40]}'.", f"In plans: {', '.join(words)}.")
        form = words[row.pixels or ("segment" if row.segment else "predicted")]
        if form.given and not form.given_optional and not row.segment:
            raise PlanError(f"The pixel set '{form.word}' needs a segment.", "Fill the column 'segment'.")
        if not form.given and row.label:
            raise PlanError(f"The pixel set '{form.word}' takes no label.", "Empty the column 'label'.")


def _number(name: str, value: Any, kind: type, low: float, high: float) -> None:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
    if not good or (kind is int and not isinstance(value, int)):
        raise PlanError(f"'{name}' cannot be {value!r}.", f"It is a number from {low:g} to {high:g}.")
