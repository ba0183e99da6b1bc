"""The pixel set M in all its forms: given by the user, by the prediction, or by a place.

A recipe is resolved on the model grid once the prediction is known: ``recipe.resolve(view) -> PixelSet``.  Those that
do not look at the prediction are resolved (and refused) before the network runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np

from .components import label_components
from .errors import EmptyPixelSetError, PixelSetError
from .grid import Grid
from .pixel_set import PixelSet

#: R, A, S in mm
Point = tuple[float, float, float]
#: label of the set of all voxels
WHOLE = "whole image"


@dataclass(frozen=True, eq=False)
class View:
    """What a recipe may look at: the model grid, its unpadded part, and the prediction (None before the forward)."""

    grid: Grid
    valid: tuple[int, int, int]
    class_index: int
    class_name: str
    decided: Callable[[int], np.ndarray] | None = None

    def predicted(self) -> np.ndarray:
        """bool [K, J, I]: where the network chooses the explained class."""
        return self.decided(self.class_index) & self.inside()  # type: ignore[misc]

    def inside(self) -> np.ndarray:
        mask = np.zeros(self.grid.shape, dtype=bool)
        mask[tuple(slice(0, n) for n in self.valid)] = True
        return mask


class Recipe:
    """Base; a form that names its ``kind`` is a choice of the command line, and of the panel if it has a title.

    kind: its word in requests.  word: on the command line.  title: in the panel.  given: the field that holds a given
    set, "" if there is none; given_optional: the command line may leave it away.  place: what it asks of the user, "at"
    or "box".  needs_prediction: False lets :func:`explain` refuse bad sets before any computing.
    """

    kind: ClassVar[str] = ""
    word: ClassVar[str] = ""
    title: ClassVar[str] = ""
    given: ClassVar[str] = ""
    given_optional: ClassVar[bool] = False
    place: ClassVar[str] = ""
    needs_prediction = False

    def __init_subclass__(cls, **words: Any) -> None:
        super().__init_subclass__(**words)
        if "kind" in cls.__dict__:
            FORMS[cls.kind] = cls

    @classmethod
    def asked(
        cls, given: PixelSet | None = None, at: Point | None = None, box: Sequence[float] | None = None
    ) -> Recipe:
        """As a user asks for it. given: the segment.  at: R, A, S in mm.  box: two corners in one."""
        return cls(**{cls.given: given}) if cls.given else cls()

    def resolve(self, view: View) -> PixelSet:
        raise NotImplementedError


#: every form by its kind, in the order in which they are offered
FORMS: dict[str, type[Recipe]] = {}


@dataclass(frozen=True, eq=False)
class Segment(Recipe):
    """The user's segment, whatever the network says there (soft weights allowed)."""

    kind, word, title, given = "segment", "segment", "Segment", "pixels"

    pixels: PixelSet

    def resolve(self, view: View) -> PixelSet:
        own = self.pixels.on(view.grid)
        if view.valid == view.grid.shape:
            return own
        return replace(own, weights=own.weights * view.inside())


@dataclass(frozen=True, eq=False)
class PredictedClass(Recipe):
    """All voxels where the network chooses the explained class."""

    kind, word, title = "predicted", "predicted", "Predicted class"
    needs_prediction = True

    def resolve(self, view: View) -> PixelSet:
        return PixelSet(view.predicted(), view.grid, f"predicted {view.class_name}")


@dataclass(frozen=True, eq=False)
class SegmentAndPredicted(Recipe):
    """The part of the user's segment where the network chooses the explained class."""

    kind, word, title = "segment_and_predicted", "segment-and-predicted", "Segment and predicted"
    given = "pixels"

    pixels: PixelSet

    needs_prediction = True

    def resolve(self, view: View) -> PixelSet:
        own = self.pixels.on(view.grid)
        label = f"{own.label} and predicted {view.class_name}"
        return replace(own, weights=own.weights * view.predicted(), label=label)


@dataclass(frozen=True, eq=False)
class Component(Recipe):
    """One connected component (voxels touching by face, edge or corner) of another set.

    at_ras: a point in mm inside or nearest to the wanted component (None: the largest).  A point further than
    ``reach_mm`` from every component is an error.
    """

    kind, word, title = "component", "component", "Largest part of the segment"
    given, given_optional = "of", True

    of: Recipe | PixelSet
    at_ras: tuple[float, float, float] | None = None
    reach_mm: float = 5.0

    @classmethod
    def asked(
        cls, given: PixelSet | None = None, at: Point | None = None, box: Sequence[float] | None = None
    ) -> Recipe:
        return cls(PredictedClass() if given is None else Segment(given), at)

    def __post_init__(self) -> None:
        object.__setattr__(self, "of", as_recipe(self.of))

    @property
    def needs_prediction(self) -> bool:  # type: ignore[override]
        return cast(Recipe, self.of).needs_prediction

    def resolve(self, view: View) -> PixelSet:
        whole = refuse_empty(cast(Recipe, self.of).resolve(view))
        parts, count = label_components(whole.weights > 0)
        if self.at_ras is None:
            chosen = 1 + int(np.argmax(np.bincount(parts.ravel(), minlength=count + 1)[1:]))
            name = f"largest component of {whole.label}"
        else:
            found = np.argwhere(parts)
            distance = np.linalg.norm(view.grid.ras(found) - np.asarray(self.at_ras, dtype=float), axis=1)
            nearest = int(np.argmin(distance))
            if distance[nearest] > self.reach_mm:
                raise PixelSetError(
                    f"No component of {whole.label} lies within {self.reach_mm:g} {view.grid.length_unit} of the point "
                    f"(the nearest is {distance[nearest]:.1f} {view.grid.length_unit} away).",
                    "Place the point inside the component.",
                )
            chosen = int(parts[tuple(found[nearest])])
            name = f"component of {whole.label} at a point"
        return replace(whole, weights=whole.weights * (parts == chosen), label=name)


@dataclass(frozen=True, eq=False)
class FalsePositives(Recipe):
    """Where the network chooses the explained class and the reference segment does not have it."""

    kind, word, title = "false_positives", "false-positives", "False positives against the segment"
    given = "reference"

    reference: PixelSet

    needs_prediction = True

    def resolve(self, view: View) -> PixelSet:
        own = self.reference.on(view.grid)
        weights = (1 - own.weights) * view.predicted()
        return replace(own, weights=weights, label=f"false positives of {view.class_name} against {own.label}")


@dataclass(frozen=True, eq=False)
class FalseNegatives(Recipe):
    """The part of the reference segment where the network does not choose the explained class."""

    kind, word, title = "false_negatives", "false-negatives", "False negatives against the segment"
    given = "reference"

    reference: PixelSet

    needs_prediction = True

    def resolve(self, view: View) -> PixelSet:
        own = self.reference.on(view.grid)
        weights = own.weights * (view.inside() & ~view.predicted())
        return replace(own, weights=weights, label=f"false negatives of {view.class_name} against {own.label}")


@dataclass(frozen=True, eq=False)
class WholeImage(Recipe):
    """Every voxel of the image (not of the padding)."""

    kind, word, title = "whole_image", "whole", "Whole image"

    def resolve(self, view: View) -> PixelSet:
        return PixelSet(view.inside(), view.grid, WHOLE)


@dataclass(frozen=True, eq=False)
class Voxel(Recipe):
    """The one model voxel nearest to a point in mm (RAS)."""

    kind, word, place = "voxel", "voxel", "at"

    ras: tuple[float, float, float]

    @classmethod
    def asked(
        cls, given: PixelSet | None = None, at: Point | None = None, box: Sequence[float] | None = None
    ) -> Recipe:
        return cls(cast(Point, at))

    def resolve(self, view: View) -> PixelSet:
        index = np.round(view.grid.kji(self.ras)).astype(int)
        if (index < 0).any() or (index >= view.valid).any():
            unit = view.grid.length_unit
            raise PixelSetError(
                f"The point ({', '.join(f'{v:.1f}' for v in self.ras)}) {unit} lies outside the image.",
                "Place it inside the volume.",
            )
        mask = np.zeros(view.grid.shape, dtype=bool)
        mask[tuple(index)] = True
        return PixelSet(mask, view.grid, "one voxel")


@dataclass(frozen=True, eq=False)
class Box(Recipe):
    """All voxels whose centre lies in a box, turned or not. box_to_ras: 4x4, origin at the centre; size_mm: edges."""

    kind, word, place = "box", "box", "box"

    box_to_ras: np.ndarray
    size_mm: tuple[float, float, float]

    @staticmethod
    def between(low_ras: Sequence[float], high_ras: Sequence[float]) -> Box:
        """The box aligned with R, A, S between two corners in mm."""
        low, high = np.minimum(low_ras, high_ras).astype(float), np.maximum(low_ras, high_ras).astype(float)
        matrix = np.eye(4)
        matrix[:3, 3] = (low + high) / 2
        return Box(matrix, tuple(high - low))

    @classmethod
    def asked(
        cls, given: PixelSet | None = None, at: Point | None = None, box: Sequence[float] | None = None
    ) -> Recipe:
        assert box is not None
        return cls.between(box[:3], box[3:])

    def resolve(self, view: View) -> PixelSet:
        to_box = np.linalg.inv(np.asarray(self.box_to_ras, dtype=float)) @ view.grid.kji_to_ras
        axes = np.meshgrid(*[np.arange(n) for n in view.grid.shape], indexing="ij", sparse=True)
        mask = view.inside()
        for row, size in zip(to_box[:3], self.size_mm, strict=True):
            position = sum(row[a] * axes[a] for a in range(3)) + row[3]
            mask &= np.abs(position) <= size / 2 + 1e-9
        if not mask.any():
            raise PixelSetError("No voxel centre lies inside the box.", "Move it into the volume or make it larger.")
        return PixelSet(mask, view.grid, "box")


def as_recipe(wanted: Recipe | PixelSet) -> Recipe:
    """A PixelSet stands for itself; anything that is neither raises PixelSetError."""
    if isinstance(wanted, PixelSet):
        return Segment(wanted)
    if isinstance(wanted, Recipe):
        return wanted
    raise PixelSetError(
        f"A {type(wanted).__name__} is no pixel set.",
        "Pass a PixelSet or one of the recipes of seghirescam.protocol.recipes.",
    )


def refuse_empty(pixels: PixelSet) -> PixelSet:
    """The set itself, or EmptyPixelSetError."""
    if pixels.is_empty:
        raise EmptyPixelSetError(
            f"The pixel set is empty: {pixels.label} has no voxel on the model's grid.",
            "Choose another segment or class. A class that is predicted nowhere can be asked about in a segment where "
            "it was expected: the map then shows what speaks for and against it there.",
        )
    return pixels


def mask_on(grid: Grid, recipe: Recipe, pixels: PixelSet) -> np.ndarray:
    """Bool [K, J, I]: M on the image's grid; a segment as it was drawn, other sets as the network's grid shows them."""
    if isinstance(recipe, WholeImage):
        return np.ones(grid.shape, dtype=bool)
    return hardened((recipe.pixels if isinstance(recipe, Segment) else pixels).on(grid).weights)


def hardened(weights: np.ndarray) -> np.ndarray:
    """Bool: soft weights from half on, or, where none reaches that, all that is in the set."""
    mask = weights >= 0.5
    return mask if mask.any() else weights > 0
