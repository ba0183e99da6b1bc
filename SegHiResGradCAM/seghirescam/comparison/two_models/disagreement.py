"""Where two models disagree about one case, in numbers: three pixel sets, and what each model says about each of them.

The sets are those of the two predictions A and B on one grid, the first model's image's: A without B, B without A, and
where both agree.  What a set's score is stands in two forms: the sum S over the set, which grows with it, and S per
voxel of the set on the model's own grid, which can be compared between sets of one model.  Logits of two networks have
no common unit: their sizes are compared between sets, never between models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...evaluation.metrics.ground import Ground
from ...protocol.explanation import Explanation
from ...protocol.grid import Grid
from ...protocol.sizes import Size

#: the models, and the sets by their keys in the order in which they are told
A, B = SIDES = ("A", "B")
A_WITHOUT_B, B_WITHOUT_A, BOTH = KEYS = ("a_without_b", "b_without_a", "both")
TITLES = {A_WITHOUT_B: "A without B", B_WITHOUT_A: "B without A", BOTH: "both A and B"}
#: status of an answer that a model could not give; of a set without a voxel, about which nobody was asked
REFUSED, EMPTY = "refused", "empty"


@dataclass(frozen=True, eq=False)
class Asked:
    """One model about one set. explanation: None where it could not answer, then ``reason`` says why.

    weight: of the set on the model's own grid, in voxels; soft ones count as fractions.
    """

    explanation: Explanation | None
    weight: float = 0.0
    reason: str = ""

    @property
    def score_per_voxel(self) -> float | None:
        """S / weight, in the unit of the score."""
        if self.explanation is None or not self.weight > 0 or not np.isfinite(self.explanation.score):
            return None
        return self.explanation.score / self.weight


@dataclass(frozen=True, eq=False)
class DifferenceSet:
    """key: one of KEYS.  mask: bool ``[K, J, I]`` on the grid of the sets.  asked: of A and of B, () for an empty set.

    An empty difference is told and not explained.
    """

    key: str
    mask: np.ndarray
    size: Size
    asked: tuple[Asked, ...] = ()

    @property
    def title(self) -> str:
        return TITLES[self.key]

    @property
    def is_empty(self) -> bool:
        return not self.size.voxels

    def words(self, grid: Grid) -> str:
        """How large it is; of a single slice in mm\u00b2, which does not depend on how thick it is said to be."""
        area = area_mm2(self.size, grid)
        if area is None:
            return self.size.words
        return f"{self.size.voxels} voxels, {area:.4g} mm\u00b2, {self.size.percent} of the image"


@dataclass(frozen=True, eq=False)
class Disagreement:
    """models, classes: names, of A and of B.  predicted: bool ``[K, J, I]`` each, on the grid of the sets.  sets: in
    the order of KEYS.  dice: 2 |A and B| / (|A| + |B|).  ground: over what chance is counted.  unit: of both models'
    scores.  passes: network passes of each model.  notes: of each model's prediction.
    """

    models: tuple[str, str]
    classes: tuple[str, str]
    predicted: tuple[np.ndarray, np.ndarray]
    sets: tuple[DifferenceSet, ...]
    dice: float
    ground: Ground
    score_titles: tuple[str, str]
    passes: tuple[int, int]
    notes: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def grid(self) -> Grid:
        """Of the sets: the first model's image's."""
        return self.ground.grid

    def __getitem__(self, key: str) -> DifferenceSet:
        return next(one for one in self.sets if one.key == key)

    def answers(self) -> Iterator[tuple[DifferenceSet, int, Asked]]:
        """(set, 0 for A or 1 for B, what that model said), set by set."""
        return ((one, side, asked) for one in self.sets for side, asked in enumerate(one.asked))

    def explanations(self) -> list[Explanation]:
        return [asked.explanation for _, _, asked in self.answers() if asked.explanation is not None]

    def facts(self, one: DifferenceSet, side: int | None = None, density: np.ndarray | None = None) -> dict:
        """A row of the table: one model about one set (side None: a set that nobody was asked about); JSON-able.

        density: the map on the grid of the sets, if it is at hand.
        """
        told: dict = {"set": one.key, "title": one.title, **one.size.to_json(), "mm2": area_mm2(one.size, self.grid)}
        told["dice"] = self.dice
        told |= dict.fromkeys((
            "side", "model", "class", "status", "layer", "part", "method", "unit", "score", "score_per_voxel",
            "model_voxels", "total", "completeness", "inside", "chance", "lift",
        ))  # fmt: skip
        told |= {"chance_over": self.ground.over, "reason": ""}
        if side is None:
            return told | {"status": EMPTY, "reason": empty_words(self, one)}
        asked = one.asked[side]
        found = asked.explanation
        told |= {"side": SIDES[side], "model": self.models[side], "class": self.classes[side]}
        if found is None:
            return told | {"status": REFUSED, "reason": asked.reason}
        density = found.resampled_to(self.grid).array if density is None else density
        held = self.ground.share(density, one.mask)
        return told | {
            "status": found.status, "layer": found.layer.name, "part": found.layer.part, "method": found.method,
            "unit": found.unit, "score": found.score, "score_per_voxel": asked.score_per_voxel,
            "model_voxels": asked.weight, "total": found.total, "completeness": found.completeness,
            "inside": held.value, "chance": held.chance, "lift": held.lift, "reason": found.reason,
        }  # fmt: skip

    def rows(self) -> list[dict]:
        """The whole table."""
        told = []
        for one in self.sets:
            told += [self.facts(one)] if not one.asked else [self.facts(one, side) for side in range(len(one.asked))]
        return told


def difference_sets(a: np.ndarray, b: np.ndarray, grid: Grid) -> tuple[DifferenceSet, ...]:
    """The three sets of two masks on one grid, nobody asked yet."""
    masks = {A_WITHOUT_B: a & ~b, B_WITHOUT_A: b & ~a, BOTH: a & b}
    return tuple(DifferenceSet(key, mask, Size.of(mask, grid)) for key, mask in masks.items())


def area_mm2(size: Size, grid: Grid) -> float | None:
    """Of a region of a single slice; None in a volume, and in a photo, which has pixels."""
    if grid.is_photo or list(grid.shape).count(1) != 1:
        return None
    return size.voxels * float(np.prod([mm for n, mm in zip(grid.shape, grid.spacing_kji, strict=True) if n > 1]))


def dice_of(sets: Sequence[DifferenceSet]) -> float:
    """2 |both| / (|A| + |B|) of sets as :func:`difference_sets` gives them, not all of them empty."""
    only_a, only_b, both = (one.size.voxels for one in sets)
    return 2 * both / (only_a + only_b + 2 * both)


def empty_words(found: Disagreement, one: DifferenceSet) -> str:
    """Why nobody was asked about an empty set, as a sentence."""
    a, b = (bool(mask.any()) for mask in found.predicted)
    if not (a and b):
        missing = 0 if not a else 1
        return f"{SIDES[missing]} predicts no voxel of {found.classes[missing]} in this image."
    if one.key == BOTH:
        return "A and B have no voxel in common."
    own, other = SIDES if one.key == A_WITHOUT_B else SIDES[::-1]
    return f"There is no such voxel: all that {own} predicts, {other} predicts as well."
