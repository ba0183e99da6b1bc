"""The smallest flip: narrowing against brute force, a cue found to the block, no flip where there is none."""

from itertools import combinations

import numpy as np
import pytest
import torch

from engine.cause_cases import KINDS
from engine.windowed_models import gaussian, stepping
from seghirescam.cam.logits.score import ClassLogit
from seghirescam.evaluation.causes.changed_scores import ChangedScores
from seghirescam.evaluation.causes.narrowing import narrowed, shortest_prefix
from seghirescam.evaluation.causes.smallest_flip import ORDERS, SearchLimits, flips_in, smallest_flip
from seghirescam.evaluation.deletion.blocks import lattice
from seghirescam.evaluation.painting.painting_over import paint_over
from seghirescam.models.plain import PlainModel
from seghirescam.models.segmentation_model import Windows
from seghirescam.protocol.errors import EmptyPixelSetError, MethodError, PixelSetError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session

AWAY = 10
LIMITS = SearchLimits(finest_mm=4.0, most=1.0)


def looks_away(dims, head, windowed, folds):
    """The object is where x ten voxels further on is above -0.3; a second fold sees it half as strongly."""
    networks = []
    for n in range(folds):
        reach = (1,) * (dims - 1) + (2 * AWAY + 1,)
        padding = (0,) * (dims - 1) + (AWAY,)
        network = (torch.nn.Conv2d if dims == 2 else torch.nn.Conv3d)(1, 2, reach, padding=padding).double()
        with torch.no_grad():
            network.weight.zero_()
            network.weight[(1, 0, *(0,) * (dims - 1), 2 * AWAY)] = 1 / (1 + n)
            network.bias[:] = torch.tensor([0.2, 0.5] if head == "softmax" else [-0.1, 0.3], dtype=torch.float64)
        networks.append(network)
    windows = None
    if windowed:
        size = (1, 8, 24) if dims == 2 else (4, 8, 24)
        windows = Windows(size, stepping(size, (1, 8, 8)), gaussian(size), (1,))
    return PlainModel(
        networks[0], ["rest", "object"], spatial_dims=dims, head=head, activation="none", windows=windows,
        folds=networks[1:],
    )  # fmt: skip


def case(dims=3):
    """x is 5 in the cue and -1 elsewhere; M lies ten voxels before the cue. (image, M, cue)"""
    shape = (1, 8, 32) if dims == 2 else (4, 8, 32)
    grid = Grid.from_spacing(shape, (2.0, 2.0, 2.0))
    mask = np.zeros(shape, dtype=bool)
    mask[:, 2:6, 2:10] = True
    cue = np.roll(mask, AWAY, axis=2)
    return Image(np.where(cue, 5.0, -1.0), grid), PixelSet(mask, grid, "object"), cue


def to_air(image, region):
    return Image(np.where(region.weights > 0, -1.0, image.array), image.grid)


@pytest.mark.parametrize(("head", "dims", "windowed", "folds"), [k for k in KINDS if k[1] == 2 or k[3] == 2])
def test_the_cue_is_found_to_the_block_and_no_smaller_union_of_blocks_would_do(head, dims, windowed, folds):
    image, pixels, cue = case(dims)
    session = open_session(looks_away(dims, head, windowed, folds), image)
    told = []
    flip = smallest_flip(
        session, pixels, ClassLogit(1), np.where(cue, 1.0, 0.0), limits=LIMITS, paint=to_air, before=told.append
    )
    region = flip.region.weights > 0
    assert flip.found and not flip.stopped and not (region & ~cue).any()
    # a voxel of M is lost exactly where its cue is gone: the fewest blocks whose union holds more than half of the cue
    index, _ = lattice(image.grid, (min(2, image.grid.shape[0]), 2, 2))
    blocks = [index == n for n in np.unique(index[cue])]
    fewest = next(
        n for n in range(1, len(blocks) + 1)
        for chosen in [next(iter(combinations(blocks, n)))]
        if 1 - sum(np.count_nonzero(b & cue) for b in chosen) / cue.sum() < 0.5
    )  # fmt: skip
    assert region.sum() == fewest * blocks[0].sum()
    assert flip.left == pytest.approx(1 - region.sum() / cue.sum()) and flip.becomes == ("rest" * (head == "softmax"))
    mean = np.mean([1 / (1 + n) for n in range(folds)])
    bias = 0.5 if head == "softmax" else 0.3
    assert flip.before == pytest.approx(5 * mean + bias, rel=1e-6)
    assert flip.after == pytest.approx(mean * (5 * flip.left - (1 - flip.left)) + bias, rel=1e-6)
    assert flip.predictions <= 100 and flip.first <= 3
    each = session.runs_around(pixels)
    assert told == [f"at most 100 predictions, at most {100 * each} passes of the network"]
    assert flip.passes <= flip.predictions * each
    if windowed:  # the windows that a painted region does not reach are not run again
        assert flip.passes < flip.predictions * each


def test_no_block_can_be_given_back_where_regions_are_filled_from_their_surroundings():
    image, pixels, cue = case(2)
    session = open_session(looks_away(2, "softmax", False, 1), image)
    flip = smallest_flip(session, pixels, ClassLogit(1), np.where(cue, 1.0, 0.1), limits=LIMITS)
    region = flip.region.weights > 0
    changed = ChangedScores(session, [pixels], [ClassLogit(1)])

    def left(mask):
        seen = changed.seen(paint_over(image, PixelSet(mask, image.grid)))
        return float((seen.weights(pixels) * seen.predicted(1)).sum() / pixels.weights.sum())

    assert left(region) == pytest.approx(flip.left) and flip.left < 0.5
    index, _ = lattice(image.grid, (1, 2, 2))
    for n in np.unique(index[region]):
        rest = region & (index != n)
        assert not rest.any() or left(rest) >= 0.5


def test_all_orders_find_it_and_the_maps_is_the_first():
    image, pixels, cue = case()
    session = open_session(looks_away(3, "softmax", False, 1), image)
    noise = np.random.default_rng(0).uniform(0, 0.5, image.grid.shape)
    found = flips_in(session, pixels, ClassLogit(1), np.where(cue, 1.0, noise), limits=LIMITS, paint=to_air)
    assert [one.order for one in found] == list(ORDERS) and all(one.found for one in found)
    assert found[0].first < found[2].first and found[0].predictions < found[2].predictions
    again = flips_in(session, pixels, ClassLogit(1), np.where(cue, 1.0, noise), limits=LIMITS, paint=to_air)
    assert [one.to_json() for one in again] == [one.to_json() for one in found]


def test_where_there_is_no_flip_none_is_found_and_what_was_tried_is_told():
    image, pixels, cue = case()
    session = open_session(looks_away(3, "softmax", False, 1), image)
    within = ~cue
    flip = smallest_flip(session, pixels, ClassLogit(1), within + 0.0, within=within, limits=LIMITS, paint=to_air)
    assert not flip.found and flip.region is None and flip.after is None and flip.first is None
    assert flip.left == 1 and flip.tried == pytest.approx(1.0) and not flip.stopped
    half = smallest_flip(
        session, pixels, ClassLogit(1), within + 0.0, within=within, paint=to_air,
        limits=SearchLimits(finest_mm=4.0, most=0.5),
    )  # fmt: skip
    assert not half.found and 0.25 < half.tried <= 0.5


def test_a_search_whose_predictions_are_used_up_hands_out_what_it_has():
    image, pixels, cue = case()
    session = open_session(looks_away(3, "softmax", False, 1), image)
    limits = SearchLimits(finest_mm=4.0, most=1.0, predictions=4)
    flip = smallest_flip(session, pixels, ClassLogit(1), cue + 0.0, limits=limits, paint=to_air)
    assert flip.stopped and flip.predictions == 4 and flip.found and flip.left < 0.5


def test_m_itself_is_left_alone_unless_asked_for():
    image, _, cue = case()
    network = torch.nn.Conv3d(1, 2, 1).double()
    with torch.no_grad():
        network.weight[:], network.bias[:] = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1, 1), 0.0
    session = open_session(PlainModel(network, ["rest", "object"], activation="none"), image)
    own = PixelSet(cue, image.grid, "object")
    flip = smallest_flip(session, own, ClassLogit(1), np.ones(cue.shape), limits=LIMITS, paint=to_air)
    assert not flip.found
    anywhere = SearchLimits(finest_mm=4.0, most=1.0, clearance_mm=None)
    flip = smallest_flip(session, own, ClassLogit(1), cue + 0.0, limits=anywhere, paint=to_air)
    assert flip.found and not (flip.region.weights[~cue] > 0).any()
    kept_away = SearchLimits(finest_mm=4.0, most=1.0, clearance_mm=4.0)
    near = smallest_flip(session, own, ClassLogit(1), np.ones(cue.shape), limits=kept_away, paint=to_air)
    assert near.tried < 1.0 + 1e-9 and not near.found


def test_bad_words_are_refused_in_one_sentence():
    image, pixels, cue = case()
    session = open_session(looks_away(3, "softmax", False, 1), image)
    words = {"limits": LIMITS, "paint": to_air}
    with pytest.raises(EmptyPixelSetError, match="does not choose object anywhere"):
        away = PixelSet(np.roll(pixels.weights, 9, axis=2), image.grid, "nothing there")
        smallest_flip(session, away, ClassLogit(1), cue + 0.0, **words)
    with pytest.raises(PixelSetError, match="may be masked out"):
        smallest_flip(session, pixels, ClassLogit(1), cue + 0.0, within=pixels.weights > 0, **words)
    with pytest.raises(PixelSetError, match="not finite"):
        smallest_flip(session, pixels, ClassLogit(1), np.full(cue.shape, np.nan), **words)
    with pytest.raises(MethodError, match="Unknown order"):
        smallest_flip(session, pixels, ClassLogit(1), cue + 0.0, order="best", **words)
    for wrong in ({"gone": 0.0}, {"most": 1.5}, {"predictions": 0}, {"finest_mm": 0.0}):
        with pytest.raises(MethodError):
            SearchLimits(**wrong)
    with pytest.raises(PixelSetError, match="clearance"):
        SearchLimits(clearance_mm=-1.0)


def test_it_tells_how_far_it_is_and_can_be_cancelled():
    image, pixels, cue = case()
    model = looks_away(3, "softmax", True, 1)
    told = []

    class Stopped(Exception):
        pass

    def tell(fraction, phase):
        told.append((fraction, phase))
        if len(told) > 40:
            raise Stopped

    with pytest.raises(Stopped):
        smallest_flip(open_session(model, image), pixels, ClassLogit(1), cue + 0.0, limits=LIMITS, progress=tell)
    assert any("prediction 1 of at most 100" in phase for _, phase in told)
    assert [f for f, _ in told] == sorted(f for f, _ in told)
    assert not any(m._forward_pre_hooks for m in model.networks[0].modules())


@pytest.mark.parametrize("seed", range(6))
def test_a_prefix_and_its_narrowing_are_the_fewest_of_a_monotone_game(seed):
    """Brute force over all subsets: units do it together where they hold a hidden set."""
    draw = np.random.default_rng(seed)
    order = draw.permutation(10).tolist()
    needed = set(draw.choice(10, size=int(draw.integers(1, 5)), replace=False).tolist())
    asked = []

    def does(units):
        asked.append(tuple(units))
        return needed <= set(units)

    prefix = shortest_prefix(order, does)
    assert prefix == order[: max(order.index(n) for n in needed) + 1]
    assert set(narrowed(prefix, does)) == needed == set(narrowed(prefix, does, to_the_end=False))
    assert len(asked) < 80
    assert shortest_prefix(order, lambda units: False) is None
    assert shortest_prefix(order, does, most=1) == ([order[0]] if needed == {order[0]} else None)


def test_narrowing_ends_where_no_single_unit_can_be_given_back_also_when_more_undo_what_fewer_did():
    table = {}
    draw = np.random.default_rng(4)

    def does(units):
        key = frozenset(units)
        if key not in table:
            table[key] = bool(draw.random() < 0.4)
        return table[key]

    for start in range(5):
        units = list(range(start, start + 7))
        table[frozenset(units)] = True
        kept = narrowed(units, does)
        assert does(kept)
        assert len(kept) == 1 or not any(does([u for u in kept if u != unit]) for unit in kept)
