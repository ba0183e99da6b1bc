"""Causes and flips of a network that looks elsewhere, in all sixteen kinds, against every order and every union."""

from functools import cache
from itertools import product

import numpy as np
import pytest

from engine.cause_cases import KINDS, SCORES, all_orders, score_by_hand
from engine.far_sight import CHANNELS, SHAPES, Sight, chosen
from seghirescam.cam.logits.score import ClassLogit
from seghirescam.evaluation.causes.anatomy_causes import REST, anatomy_causes
from seghirescam.evaluation.causes.channel_causes import channel_causes
from seghirescam.evaluation.causes.smallest_flip import SearchLimits, smallest_flip
from seghirescam.evaluation.causes.stand_ins import stand_in
from seghirescam.evaluation.deletion.blocks import lattice
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session

AIR = -1.0
LIMITS = SearchLimits(finest_mm=4.0, most=1.0)
ALL_KINDS = pytest.mark.parametrize(("head", "dims", "windowed", "folds"), KINDS)


def case(dims, seed=0):
    """(Image, M with a soft rim)"""
    shape = SHAPES[dims]
    grid = Grid.from_spacing(shape, (2.0, 2.0, 2.0))
    mask = np.zeros(shape)
    mask[:, 2:6, 4:9] = 1
    mask[:, 2, 4:9] = 0.5
    return Image(np.random.default_rng(seed).normal(0.5, 1.0, (3, *shape)), grid), PixelSet(mask, grid, "M")


@ALL_KINDS
def test_channels(head, dims, windowed, folds):
    image, pixels = case(dims)
    sight = Sight(head, dims, windowed, folds)
    session, told, filling = open_session(sight.model, image), [], stand_in(image, "mean").image.array
    words = list(SCORES)
    answers = channel_causes(
        session, [pixels] * len(words), list(SCORES.values()), baseline="mean", before=told.append
    )  # fmt: skip

    @cache
    def logits(present):
        kept = np.array([i in present for i in range(3)])[:, None, None, None]
        return sight.logits(np.where(kept, image.array, filling))

    for word, found in zip(words, answers, strict=True):

        def value(present, word=word):
            return score_by_hand(logits(frozenset(present)), pixels.weights, word, head)

        assert [one.name for one in found.causes] == list(CHANNELS)
        assert [one.value for one in found.causes] == pytest.approx(all_orders(3, value), rel=2e-5, abs=2e-6)
        assert (found.full, found.none) == pytest.approx((value({0, 1, 2}), value(set())), rel=2e-6, abs=1e-6)
    each = session.runs_around(pixels)
    most = "at most " if each > 1 else ""
    assert told == [f"{most}8 predictions, {most}{8 * each} passes of the network"]
    assert answers[0].passes <= 8 * each and (each > 1) == (windowed or folds > 1)


@ALL_KINDS
def test_anatomy(head, dims, windowed, folds):
    image, pixels = case(dims)
    sight = Sight(head, dims, windowed, folds)
    masks = {name: np.zeros(image.grid.shape, dtype=bool) for name in ("own", "far", "unseen")}
    masks["own"][:, 2:6, 4:8], masks["far"][:, 3:6, 8:12], masks["unseen"][:, 8:, :3] = True, True, True
    full = {**masks, REST: ~np.logical_or.reduce(list(masks.values()))}
    (found,) = anatomy_causes(
        open_session(sight.model, image), masks, [pixels], [SCORES["contrast"]], baseline="zero"
    )  # fmt: skip

    @cache
    def value(present):
        kept = np.logical_or.reduce([np.zeros(image.grid.shape, bool), *(list(full.values())[i] for i in present)])
        return score_by_hand(sight.logits(np.where(kept, image.array, 0)), pixels.weights, "contrast", head)

    slow = all_orders(4, value)
    assert [one.name for one in found.causes] == list(full)
    assert [one.value for one in found.causes] == pytest.approx(slow, rel=2e-5, abs=2e-6)
    assert slow[1] != pytest.approx(0, abs=1e-3) and found.value("unseen") == 0
    assert (found.full, found.none) == pytest.approx(
        (value(frozenset(range(4))), value(frozenset())), rel=2e-6, abs=1e-6
    )


class Game:
    """Every union of the finest blocks of a strip, set to air, answered by numpy alone."""

    def __init__(self, sight, head, image, pixels, within):
        index, _ = lattice(image.grid, (min(2, image.grid.shape[0]), 2, 2))
        self.blocks = [within & (index == n) for n in np.unique(index[within])]
        self.sight, self.head, self.image, self.pixels = sight, head, image, pixels
        self.units = np.array(list(product((False, True), repeat=len(self.blocks))))
        masks = np.einsum("ub,bkji->ukji", self.units.astype(int), np.array(self.blocks).astype(int)) > 0
        self.left = self.answers(masks)[0]

    def answers(self, masks):
        """(share of the prediction in M that is left, mean logit over M) of each mask ``[n, K, J, I]``."""
        weights = self.pixels.weights.astype(np.float64)
        logits = self.sight.logits(np.where(masks[:, None], AIR, self.image.array))
        drawn = (chosen(logits, self.head) * weights).sum(axis=(1, 2, 3))
        before = (chosen(self.sight.logits(self.image.array), self.head) * weights).sum()
        return drawn / before, (logits[:, 1] * weights).sum(axis=(1, 2, 3)) / weights.sum()


def far_case(dims, where):
    """Bright where M looks to and dark elsewhere; only a strip of blocks may be painted. (image, M, strip)"""
    image, pixels = case(dims, seed=3)
    array = np.full(image.array.shape, AIR)
    array[1] = np.random.default_rng(5).uniform(0.5, 1.5, array[1].shape)
    array[0][:, 2:6, 10:16] = 4.0
    strip = np.zeros(image.grid.shape, dtype=bool)
    strip[where] = True
    return Image(array, image.grid), pixels, strip


def to_air(image, region):
    return Image(np.where(region.weights > 0, AIR, image.array), image.grid)


@ALL_KINDS
def test_the_smallest_flip(head, dims, windowed, folds):
    image, pixels, strip = far_case(dims, np.s_[:2, 2:6, 10:16])
    if dims == 3:
        pixels = PixelSet(pixels.weights * (np.arange(3) < 2)[:, None, None], image.grid, "M")
    sight = Sight(head, dims, windowed, folds, far=6)
    game = Game(sight, head, image, pixels, strip)
    alone = game.left[[np.flatnonzero((game.units.sum(1) == 1) & game.units[:, n])[0] for n in range(len(game.blocks))]]
    density = sum((1.01 - share) * block for share, block in zip(alone, game.blocks, strict=True))
    session = open_session(sight.model, image)
    flip = smallest_flip(session, pixels, ClassLogit(1), density, within=strip, limits=LIMITS, paint=to_air)
    region = flip.region.weights > 0
    (left,), (mean,) = game.answers(region[None])
    assert flip.left == pytest.approx(left) and left < 0.5 and flip.after == pytest.approx(mean, rel=2e-6, abs=1e-6)
    assert flip.before == pytest.approx(game.answers(0 * region[None] > 0)[1][0], rel=2e-6)
    # as few blocks as the best of all unions has, and none of them can be given back
    fewest = game.units[game.left < 0.5].sum(axis=1).min()
    assert sum((region & block).any() for block in game.blocks) == fewest
    rest = np.array([region & ~block for block in game.blocks if (region & block).any()])
    assert (game.answers(rest)[0] >= 0.5).all() and not (region & ~strip).any()


@ALL_KINDS
def test_no_flip_where_no_union_has_one(head, dims, windowed, folds):
    image, pixels, strip = far_case(dims, np.s_[:2, 6:10, 14:20])
    sight = Sight(head, dims, windowed, folds, far=6)
    game = Game(sight, head, image, pixels, strip)
    assert len(game.units) == 64 and (game.left >= 0.5).all()
    session = open_session(sight.model, image)
    flip = smallest_flip(session, pixels, ClassLogit(1), strip + 0.0, within=strip, limits=LIMITS, paint=to_air)
    assert not flip.found and flip.tried == 1 and flip.left >= game.left.min() - 1e-6
