"""One map, with everything that is needed to ask for it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ...models.segmentation_model import SegmentationModel
from ...protocol.explanation import Explanation
from ...protocol.grid import Grid
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...protocol.recipes import Recipe, View, refuse_empty
from ...protocol.resampling import spread
from ...session.opening import open_session


@dataclass(eq=False)
class Case:
    """map: signed ``[K, J, I]`` on ``grid``, the layer's cells (for maps on the image itself: its voxels).

    pixels: M, frozen, on the model grid.  words: what of the question ``Session.ask`` takes (class_index, methods with
    one method, layers with one layer, score, rival, side).  session: one that may have kept its pass, or None.
    forward_calls: network passes made by :meth:`ask` so far.
    """

    model: SegmentationModel
    image: Image
    pixels: PixelSet
    words: dict
    map: np.ndarray
    grid: Grid
    session: object = None
    device: str | None = None
    precision: str = "fp32"
    tolerance: float = 0.0
    forward_calls: int = field(default=0)

    def ask(
        self,
        model: SegmentationModel | None = None,
        image: Image | None = None,
        pixels: PixelSet | None = None,
        precision: str | None = None,
        progress: Callable[[float, str], None] | None = None,
    ) -> Explanation:
        """The same question anew, in a session of its own that keeps nothing; what is named is another one."""
        session = open_session(
            self.model if model is None else model, self.image if image is None else image, tolerance=self.tolerance,
            device=self.device, precision=precision or self.precision, keep=False, memory_budget_bytes=0,
        )  # fmt: skip
        try:
            (found,) = session.ask(self.pixels if pixels is None else pixels, **self.words, progress=progress)
        finally:
            self.forward_calls += session.forward_calls
            session.release()
        return found

    def beside(self, other: Explanation) -> tuple[np.ndarray, np.ndarray]:
        """(this map, the other's) cell by cell; another grid's cells are carried to this one, both as densities."""
        if other.map.shape == self.map.shape and other.grid.same_as(self.grid):
            return self.map, other.map
        return self.map / self.grid.voxel_volume, spread(other.map, other.grid, self.grid)


def frozen(session, recipe: Recipe, class_index: int, progress=None) -> PixelSet:
    """M on the model grid, as it is for this image; raises EmptyPixelSetError, PixelSetError.

    The prediction is made where the recipe needs it; a session that has kept a pass makes none.
    """
    prepared = session.prepared()
    view = View(
        prepared.grid, prepared.valid, class_index, session.model.class_name(class_index),
        lambda wanted: session.predict(wanted, progress).weights > 0,
    )  # fmt: skip
    return refuse_empty(recipe.resolve(view))


def told_apart(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values of both maps where at least one of them is not zero.

    Cells that neither map reaches (outside the receptive field of M) are equal by construction and would make any two
    maps look alike.  Two maps of zeros are returned whole.
    """
    told = (one != 0) | (other != 0)
    return (one[told], other[told]) if told.any() else (one, other)
