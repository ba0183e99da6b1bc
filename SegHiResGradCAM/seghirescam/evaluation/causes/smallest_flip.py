"""What is the smallest change that flips it? Regions masked out, coarse to fine, in the order of a map.

Blocks are masked out in the map's order until the network no longer draws the segment there, and clearly so: a flip
by a hair leads nowhere.  Then blocks that are not needed are given back, what is left is cut into smaller blocks, and
again.  M itself is never masked out unless that is asked for: painting the organ over takes its segmentation away,
whatever the network looked at.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...cam.logits.heads import SIGMOID
from ...cam.logits.score import Score
from ...protocol.display.thresholds import positive
from ...protocol.errors import EmptyPixelSetError, MethodError, PixelSetError
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress
from ...protocol.recipes import hardened
from ...protocol.sizes import Size
from ...session.interface import Session
from ..deletion.blocks import EDGE_MM, falling, lattice, on_grid, shuffled, voxels_per_edge
from ..metrics.shares import dilated
from ..painting.painting_over import paint_over
from .changed_scores import ChangedScores
from .narrowing import narrowed, shortest_prefix

BY_MAP, RANDOM, REVERSE = ORDERS = ("map", "random", "reverse")
#: the coarsest blocks are so many finest ones long; between them lie all halves
COARSEST = 4
#: the part of the prediction within M below which the segment counts as gone
GONE = 0.5
#: of the image without M: more masked out is no small change, and far from any image the network was made for
MOST = 0.25
#: (image, region) -> the image with the region masked out
Paint = Callable[[Image, PixelSet], Image]
#: predictions of one search
MOST_PREDICTIONS = 100


@dataclass(frozen=True)
class SearchLimits:
    """finest_mm: edge of the finest blocks.  gone: the segment counts as gone where less than this share of what was
    predicted in M is left.  most: share of what may be masked out that is masked out at once, at most.
    predictions: of one order's search, at most.  clearance_mm: distance that painted regions keep from M; None: M may
    be masked out, too.  seed: of ties and of the random order.
    """

    finest_mm: float = EDGE_MM
    gone: float = GONE
    most: float = MOST
    predictions: int = MOST_PREDICTIONS
    clearance_mm: float | None = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.finest_mm) and self.finest_mm > 0):
            raise MethodError(f"The finest blocks have an edge above 0 mm, got {self.finest_mm:g}.", "8 mm is usual.")
        for name in ("gone", "most"):
            if not 0 < getattr(self, name) <= 1:
                raise MethodError(
                    f"A share ({name}) lies above 0 and not above 1, got {getattr(self, name):g}.", "0.5 is usual."
                )
        if self.predictions < 1:
            raise MethodError("A search makes at least one prediction.", f"{MOST_PREDICTIONS} are usual.")
        if self.clearance_mm is not None and not self.clearance_mm >= 0:
            raise PixelSetError("The clearance is 0 mm or more.", "0 keeps the pixel set itself untouched.")


@dataclass(frozen=True, eq=False)
class Flip:
    """What one order's search found.

    order: "map", "random" or "reverse".  region: what was masked out, on the image's grid; None: no flip was found.
    left: share of the prediction within M that is left (of the found region, else the smallest share seen).  before,
    after: mean score over M (logit); after is None without a region.  predictions: made; first: with which the first
    flip was seen, None without one.  passes: of the network.  tried: the largest share of what may be masked out
    that was masked out at once.  stopped: the predictions were used up before no block could be given back.
    ordered: False where the order is random, also as the map has no evidence among what may be masked out.
    """

    order: str
    region: PixelSet | None
    left: float
    before: float
    after: float | None
    predictions: int
    first: int | None
    passes: int
    tried: float
    stopped: bool
    edge_mm: float
    becomes: str = ""
    ordered: bool = True

    @property
    def found(self) -> bool:
        return self.region is not None

    @property
    def size(self) -> Size | None:
        return None if self.region is None else Size.of_set(self.region)

    def to_json(self) -> dict:
        names = ("order", "found", "left", "before", "after", "predictions", "first", "passes", "tried", "stopped")
        told = {name: getattr(self, name) for name in (*names, "edge_mm", "becomes", "ordered")}
        return told | {"size": None if self.size is None else self.size.to_json()}


def smallest_flip(
    session: Session,
    pixels: PixelSet,
    score: Score,
    density: np.ndarray,
    *,
    order: str = BY_MAP,
    within: np.ndarray | None = None,
    limits: SearchLimits | None = None,
    paint: Paint = paint_over,
    before: Callable[[str], object] | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Flip:
    """Search one order; see the head of this file.

    pixels: M, frozen, on the model grid.  score: of the class whose segment is to go; its mean is told beside.
    density: the map ``[K, J, I]`` on the image's grid, signed; the random order ignores it.  paint: called with (image,
    region), fills the region from its surroundings by default.  within: bool ``[K, J, I]``, only there may be painted.
    before: told in a sentence what it takes; may raise.

    No block of the finest edge of the region found can be given back without losing the flip, unless ``stopped``: small
    in this sense, not proven to be the smallest of all.  Where no flip is found, none of the unions that were painted
    over (the first 1, 2, 4, ... blocks of the order, coarse, then finer, up to ``most``) had one.
    Raises EmptyPixelSetError where the model does not choose the class within M, PixelSetError where nothing may be
    masked out, MethodError for a map without evidence, and what the model raises.
    """
    (found,) = flips_in(
        session, pixels, score, density, orders=(order,), within=within, limits=limits, paint=paint, before=before,
        progress=progress,
    )  # fmt: skip
    return found


def flips_in(
    session: Session,
    pixels: PixelSet,
    score: Score,
    density: np.ndarray,
    *,
    orders: Sequence[str] = ORDERS,
    within: np.ndarray | None = None,
    limits: SearchLimits | None = None,
    paint: Paint = paint_over,
    before: Callable[[str], object] | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> list[Flip]:
    """:func:`smallest_flip` in several orders, one unchanged prediction for all of them."""
    limits = limits or SearchLimits()
    for order in orders:
        if order not in ORDERS:
            raise MethodError(f"Unknown order {order!r}.", f"Use one of: {', '.join(ORDERS)}.")
    tell = Progress(progress)
    tell(0.0, "predicting the unchanged image")
    case = _Case(session, pixels, score, density, within, limits, paint)
    if set(orders) != {RANDOM} and not case.evidence.any():
        raise MethodError(
            "The map shows no evidence for the class: it gives no order.",
            "Search in a random order, or take another map.",
        )
    if before is not None:
        each = case.changed.passes_each
        number = limits.predictions * len(orders)
        before(f"at most {number} predictions, at most {number * each} passes of the network")
    case.look(tell.part(0.0, 0.05))
    found = []
    for n, order in enumerate(orders):
        ends = [0.05 + 0.95 * (n + k) / len(orders) for k in (0, 1)]
        title = f"{order} order: " if len(orders) > 1 else ""
        found.append(_Search(case, order, tell.part(*ends, title)).done())
    tell(1.0, "done")
    return found


class _Case:
    """What all orders share: the unchanged prediction within M, and where may be painted."""

    def __init__(self, session, pixels, score, density, within, limits, paint):
        self.paint = paint
        self.session, self.pixels, self.score, self.limits = session, pixels, score, limits
        self.image = session.image
        grid = self.image.grid
        density = np.asarray(density, dtype=np.float64)
        if density.shape != grid.shape or not np.isfinite(density).all():
            raise PixelSetError(
                "The map does not lie on the image's grid, or holds values that are not finite.",
                "Give the map of this image, resampled to it.",
            )
        self.evidence = positive(density)
        free = np.ones(grid.shape, dtype=bool) if within is None else on_grid(within, grid).copy()
        if limits.clearance_mm is not None:
            # where most of a voxel is M: the half-filled voxels at its rim are where a cue beside it begins
            free &= ~dilated(hardened(pixels.on(grid).weights), grid, limits.clearance_mm)
        if not free.any():
            raise PixelSetError(
                f"Nothing beside {pixels.label} may be masked out.", "Choose a smaller pixel set, or allow more."
            )
        self.free = free
        # something must be left around a region to fill it from
        self.most = max(1, min(int(limits.most * np.count_nonzero(free)), free.size - 1))
        self.changed = ChangedScores(session, [pixels], [score])

    def look(self, tell):
        """The unchanged image. Raises EmptyPixelSetError."""
        seen = self.changed.seen(self.image, tell)
        self.before = float(self.changed.read(seen)[0])
        self.chosen = seen.chosen_within(self.pixels, self.score.class_index)
        if not self.chosen > 0:
            name = self.session.model.class_name(self.score.class_index)
            raise EmptyPixelSetError(
                f"The model does not choose {name} anywhere in {self.pixels.label}: there is nothing to flip.",
                "Choose the class that it draws there.",
            )

    def painted(self, mask, tell):
        """(share of the prediction within M that is left, mean score, what was seen)"""
        tell(0.0, "masking out")
        told = {"progress": tell.part(0.0, 0.3)} if self.paint is paint_over else {}
        image = self.paint(self.image, PixelSet(mask, self.image.grid, "region"), **told)
        seen = self.changed.seen(image, tell.part(0.3, 1.0))
        (score,) = self.changed.read(seen)
        left = seen.chosen_within(self.pixels, self.score.class_index) / self.chosen
        return left, float(score), seen

    def becomes(self, seen):
        """The class that takes most of M instead; "" where the classes do not exclude each other or it is nothing."""
        if self.session.model.head == SIGMOID:
            return ""
        shares = {
            info.name: seen.chosen_within(self.pixels, info.index)
            for info in self.session.model.classes
            if info.index != self.score.class_index
        }
        best = max(shares, key=lambda name: shares[name], default="")
        return best if best and shares[best] > 0 else ""


class _UsedUpError(Exception):
    """All predictions of a search are made."""


class _Search:
    """One order on its way. best: (mask, left, score, becomes) of the smallest region so far; marginal: the same of a
    flip that is none to narrow down from, as long as there is no clear one."""

    def __init__(self, case: _Case, order: str, tell: Progress):
        self.case, self.order, self.tell, self.limits = case, order, tell, case.limits
        self.made, self.tried, self.first = 0, 0, None
        self.least, self.best, self.marginal, self.stopped = 1.0, None, None, False
        #: what must be left at most for a region to be kept; coarse regions have to flip clearly
        self._enough = case.limits.gone / 2
        self._known: dict[bytes, tuple | None] = {}
        self._calls = case.changed.passes
        self.finest = voxels_per_edge(case.image.grid, case.limits.finest_mm)

    def done(self) -> Flip:
        case, grid = self.case, self.case.image.grid
        try:
            times = COARSEST
            while times >= 1 and self.best is None:
                self._search(times)
                times //= 2
            if self.best is None:  # with a rim a few blocks may be more than may be masked out
                self._search(1, rim=False)
            if self.best is None:  # none is clear: what there is is narrowed down as it is
                self.best, self._enough, times = self.marginal, self.limits.gone, COARSEST
            while times > 1 and self.best is not None:
                self._narrow(times)
                times //= 2
            if self.best is not None:
                self._enough = self.limits.gone
                self._narrow(1)
        except _UsedUpError:
            self.stopped = True
            self.best = self.best or self.marginal
        flip = Flip(
            self.order, None, self.least, case.before, None, self.made, self.first, case.changed.passes - self._calls,
            self.tried / int(np.count_nonzero(case.free)), self.stopped, self.finest[1] * grid.spacing_kji[1],
            ordered=self.order != RANDOM and bool(case.evidence[case.free].any()),
        )  # fmt: skip
        if self.best is None:
            return flip
        mask, left, score, becomes = self.best
        region = PixelSet(mask, grid, "smallest region found")
        return replace(flip, region=region, left=left, after=score, becomes=becomes)

    def _search(self, times, rim=True):
        """Look for a clear flip with blocks of so many finest ones along an edge, and give coarse ones back.

        Blocks are masked out with a rim of the finest edge: a cue lies across blocks more often than in one, and what
        is left of it beside a painted block is what the block would be filled from.
        """
        order, union = self._blocks(self.case.free, times)

        def flips(units):
            mask = self._rimmed(union(units)) if rim else union(units)
            return np.count_nonzero(mask) <= self.case.most and self._flips(mask)

        found = shortest_prefix(order, flips)
        if found is not None:
            narrowed(found, flips, to_the_end=False)

    def _narrow(self, times):
        """Give back what of the region so far is not needed."""
        order, union = self._blocks(self.best[0], times)

        def flips(units):
            return self._flips(union(units))

        # the region flips as a whole, so that a prefix is found at the latest with all blocks
        narrowed(shortest_prefix(order, flips) or order, flips, to_the_end=times == 1)

    def _rimmed(self, mask):
        """With the voxels within one finest block of it, as far as they may be masked out."""
        from scipy.ndimage import maximum_filter

        return maximum_filter(mask, [2 * n + 1 for n in self.finest]) & self.case.free

    def _blocks(self, region, times):
        """(blocks of the region in the search's order, a function from some of them to their mask)"""
        grid = self.case.image.grid
        number, counts = lattice(grid, tuple(min(n, e * times) for n, e in zip(grid.shape, self.finest, strict=True)))
        voxels = np.bincount(number[region], minlength=int(np.prod(counts)))
        there = voxels > 0
        new = np.full(len(voxels), -1)
        new[there] = np.arange(np.count_nonzero(there))
        index, sizes = np.where(region, new[number], -1), voxels[there]
        held = np.bincount(index[region], weights=self.case.evidence[region], minlength=len(sizes))
        order = falling(held / sizes, self.limits.seed)
        if self.order == REVERSE:
            order = order[::-1]
        elif self.order == RANDOM:
            order = shuffled(len(sizes), self.limits.seed + 1)

        def union(units):
            chosen = np.zeros(len(sizes) + 1, dtype=bool)  # the last entry is what -1 finds
            chosen[list(units)] = True
            return chosen[index]

        return order.tolist(), union

    def _flips(self, mask) -> bool:
        """Whether enough is gone; the smallest region of which that is so is remembered."""
        key = hashlib.sha256(np.packbits(mask)).digest()
        if key not in self._known:
            self._known[key] = self._looked_at(mask)
        known = self._known[key]
        if known is None:
            return False
        flips = known[0] < self._enough
        if flips and _smaller(mask, self.best):
            self.best = mask, *known
        elif not flips and _smaller(mask, self.marginal):
            self.marginal = mask, *known
        return flips

    def _looked_at(self, mask):
        """(left, score, becomes) of a region that flips, else None."""
        if self.made == self.limits.predictions:
            raise _UsedUpError
        part = [(self.made + k) / self.limits.predictions for k in (0, 1)]
        words = f"prediction {self.made + 1} of at most {self.limits.predictions}: "
        left, score, seen = self.case.painted(mask, self.tell.part(*part, words))
        self.made += 1
        self.tried, self.least = max(self.tried, int(np.count_nonzero(mask))), min(self.least, left)
        if left >= self.limits.gone:
            return None
        self.first = self.first or self.made
        return left, score, self.case.becomes(seen)


def _smaller(mask, other) -> bool:
    return other is None or np.count_nonzero(mask) < np.count_nonzero(other[0])
