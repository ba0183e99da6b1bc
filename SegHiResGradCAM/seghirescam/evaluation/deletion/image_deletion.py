"""Did the network use what the map shows? Blocks of the image removed by the map's order, the prediction made again.

The context-only variant is the default: blocks that meet M (grown by 3 mm) are never removed.  Deleting the organ
deletes its segmentation, whatever the network looked at, and a map that paints the prediction would win.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...cam.logits.score import Score
from ...models.slice_by_slice import by_slices
from ...protocol.display.thresholds import positive
from ...protocol.errors import MethodError
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress
from ...protocol.resampling import resampled
from ...protocol.value import NONFINITE, OK, TOO_SMALL, ZERO_MAP, Value
from ..metrics.shares import dilated
from ..painting.painting_over import region_on
from ..painting.rerun import Rerun
from .blocks import EDGE_MM, Blocks, falling, shuffled
from .deletion_curves import FRACTIONS, LEAST_CHANGE, Curve, Point, Probe, deletion_curve, insertion_curve, random_curve
from .gains import Gain, area_between, cost, gain_over_random
from .removal import BLUR, IMPUTE, blurred, imputed, replaced

__all__ = [
    "FRACTIONS", "Curve", "Gain", "ImageProbe", "OneStep", "area_between", "cost", "deletion_curve",
    "gain_over_random", "insertion_curve", "one_step", "random_curve",
]  # fmt: skip

#: mm around M that the context-only variant never removes
MARGIN_MM = 3.0


class ImageProbe(Probe):
    """One image, one frozen M and score; blocks of the image are what is removed.

    removal: "blur" (R1), "impute" (R2), or a function (image, bool mask ``[K, J, I]``) -> image.  context_only: blocks
    that meet M grown by ``margin_mm`` stay.  body: bool ``[K, J, I]`` on the image's grid; blocks outside it are not
    counted.  dice: also compare the prediction of the score's class with that of the unchanged image, inside ``roi``
    (default: the part that stays in the context-only variant, the whole image in the other).  seed: of the imputation.
    Where nothing outside M (and roi) is asked about, only the windows that meet it are run.
    blocks: the :class:`blocks.Blocks`; around: the set whose windows are run (None: all).
    Raises EmptyPixelSetError, PixelSetError, GeometryError, MethodError before any prediction.
    """

    def __init__(
        self,
        rerun: Rerun,
        image: Image,
        pixel_set: PixelSet,
        score: Score,
        *,
        edge_mm: float = EDGE_MM,
        removal: str | Callable[[Image, np.ndarray], Image] = BLUR,
        context_only: bool = True,
        margin_mm: float = MARGIN_MM,
        body: np.ndarray | None = None,
        dice: bool = False,
        roi: PixelSet | None = None,
        seed: int = 0,
    ):
        target = region_on(pixel_set, image.grid)
        kept = dilated(target.weights, image.grid, margin_mm) if context_only else None
        self.blocks = Blocks.of(image.grid, edge_mm, kept, body)
        super().__init__(self.blocks.voxels)
        self.rerun, self.image, self.pixel_set, self.score = rerun, image, pixel_set, score
        if score is not None:  # the price of a check is asked before there is one
            self.unit = score.unit
        self._remove = _remover(image, removal, edge_mm, seed)
        self._roi = roi
        if dice and roi is None and context_only:
            self._roi = PixelSet(kept, image.grid, f"{pixel_set.label} grown by {margin_mm:g} {image.grid.length_unit}")
        self._dice, self._before, self._grid = dice, None, None
        self.around = pixel_set
        if dice:
            self.around = None if self._roi is None else _union(pixel_set, self._roi, rerun.model, image)

    def values(self, evidence):
        return self.blocks.mean(evidence)

    def share_removable(self, density: np.ndarray) -> Value:
        """Share of the map's positive evidence that lies in removable blocks: what a deletion says about."""
        whole = float(positive(np.asarray(density, dtype=np.float64)).sum())
        if not np.isfinite(whole):
            return Value.without(NONFINITE, "The map holds NaN or infinite values.")
        if not whole > 0:
            return Value.without(ZERO_MAP, "The map has no positive evidence.")
        held = float((self.values(density) * self.sizes).sum()) / whole
        return Value.of(held, "", float(self.sizes.sum()) / self.blocks.index.size)

    def removed(self, removed: np.ndarray) -> Image:
        """The image with these blocks (bool ``[n]``) removed; itself where there are none."""
        return self._remove(self.blocks.mask(removed)) if removed.any() else self.image

    def _look(self, removed, progress):
        if self._dice and self._before is None and removed.any():
            self.see(np.zeros_like(removed), lambda f, words: progress(0.5 * f, words))
        seen = self.rerun.see(self.removed(removed), around=self.around, progress=progress)
        mean = seen.mean_score(self.pixel_set, self.score)
        if not self._dice:
            return Point(mean)
        found = seen.predicted(self.score.class_index)
        if self._roi is not None:
            found = found & (seen.weights(self._roi) >= 0.5)
        if self._before is None:
            self._before, self._grid = found, seen.grid.strided((1, 1, 1), (0, 0, 0), found.shape)
            self.empty_dice = not found.any()
        found = self._on_first(found, seen.grid)
        if self.empty_dice:
            return Point(mean)
        both = np.count_nonzero(found & self._before)
        return Point(mean, 2 * both / (np.count_nonzero(found) + np.count_nonzero(self._before)))

    def _on_first(self, found, grid):
        """On the first prediction's grid: a model that crops by content may have cropped another box."""
        grid = grid.strided((1, 1, 1), (0, 0, 0), found.shape)
        return found if grid.same_as(self._grid) else resampled(found.astype(np.float32), grid, self._grid) >= 0.5


@dataclass(frozen=True)
class OneStep:
    """The hottest share of the volume removed, against a random one; mean scores over M in its unit (None: not finite).

    gain: score left by the random removal minus score left by the hot one; positive: what the map shows mattered more.
    fractions: of the removable volume that was removed, hot and random (whole blocks).  predictions: made for this.
    removable: share of the map's positive evidence that lies where blocks may be removed at all.
    """

    gain: Value
    before: float | None = None
    hot: float | None = None
    random: float | None = None
    fractions: tuple[float, float] = (0.0, 0.0)
    blocks: str = ""
    predictions: int = 0
    removable: Value | None = None

    def to_json(self) -> dict:
        return {
            "gain": self.gain.to_json(), "before": self.before, "hot": self.hot, "random": self.random,
            "fractions": list(self.fractions), "blocks": self.blocks, "predictions": self.predictions,
            "judged": None if self.removable is None else self.removable.to_json(),
        }  # fmt: skip


def one_step(
    rerun: Rerun,
    image: Image,
    density: np.ndarray,
    pixel_set: PixelSet,
    score: Score,
    fraction: float = 0.20,
    seed: int = 0,
    *,
    before: float | None = None,
    progress: Callable[[float, str], None] | None = None,
    **settings,
) -> OneStep:
    """Two predictions: the hottest ``fraction`` of the removable volume removed, and a random one.

    density: signed ``[K, J, I]`` on the image's grid.  before: mean score over M of the unchanged image, if it is
    known; a third prediction finds it otherwise.  settings: those of :class:`ImageProbe`.
    One random order has no spread: a small gain says little.  A map without an order costs no prediction.
    """
    if not 0 < fraction < 1:
        raise MethodError(f"The fraction must lie between 0 and 1, got {fraction}.", "0.2 is usual.")
    tell = Progress(progress)
    probe = ImageProbe(rerun, image, pixel_set, score, **settings)
    status, note = probe.refusal(density)
    removable = probe.share_removable(density)
    if status != OK:
        return OneStep(Value.without(status, note, score.unit), before, blocks=probe.blocks.title, removable=removable)
    nothing = np.zeros(probe.blocks.count, dtype=bool)
    orders = [falling(probe.values(density), seed), shuffled(len(nothing), seed + 1)]
    chosen = [_first(order, probe.sizes, fraction) for order in orders]
    steps = [("as it is", nothing)] if before is None else []
    steps += [("the most important region removed", chosen[0]), ("a random part removed", chosen[1])]
    found = []
    for n, (words, removed) in enumerate(steps):
        found.append(probe.see(removed, tell.part(n / len(steps), (n + 1) / len(steps), f"{words}: ")).score)
    tell(1.0, "done")
    before = found[0] if before is None else before
    hot, random = found[-2:]
    reached = tuple(float(probe.sizes[c].sum() / probe.sizes.sum()) for c in chosen)
    shown = (s if np.isfinite(s) else None for s in (before, hot, random))
    return OneStep(
        _one_gain(before, hot, random, score.unit), *shown, reached, probe.blocks.title, probe.predictions, removable
    )


def _one_gain(before, hot, random, unit):
    if not np.isfinite([before, hot, random]).all():
        return Value.without(NONFINITE, f"The network answered with NaN or infinite {unit}s.", unit)
    words = f"Mean score {before:.4g}, {hot:.4g} without the most important region, {random:.4g} without a random one."
    if max(abs(before - hot), abs(before - random)) <= LEAST_CHANGE * abs(before):
        return Value.without(TOO_SMALL, f"{words} Neither removal changes it.", unit, 0.0)
    return Value.of(random - hot, unit, 0.0, words)


def _first(order, sizes, fraction):
    """Bool ``[n]``: the first units of an order that come nearest to the share of the volume, at least one."""
    held = np.cumsum(sizes[order])
    chosen = np.zeros(len(order), dtype=bool)
    chosen[order[: 1 + int(np.abs(held - fraction * held[-1]).argmin())]] = True
    return chosen


def _remover(image, removal, edge_mm, seed):
    if callable(removal):
        return lambda mask: removal(image, mask)
    if removal == IMPUTE:
        return lambda mask: imputed(image, mask, seed, edge_mm=edge_mm)
    if removal != BLUR:
        raise MethodError(f"Unknown removal {removal!r}.", "Use 'blur' or 'impute'.")
    smooth = []

    def blur(mask):
        if not smooth:
            smooth.append(blurred(image))
        return replaced(image, mask, smooth[0])

    return blur


def _union(one, other, model, image):
    """Both sets on the model grid, where windows are chosen by them."""
    grid = by_slices(model, image).prepare(image).grid
    return PixelSet(np.maximum(region_on(one, grid).weights, region_on(other, grid).weights), grid, one.label)
