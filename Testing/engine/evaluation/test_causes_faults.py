"""Known faults met by a question about causes or a flip: an answer that says so, or one sentence."""

import numpy as np
import pytest
import torch

from engine.cause_cases import SCORES, all_orders, case, formula_model
from seghirescam.cam.logits.score import ClassLogit
from seghirescam.evaluation.causes.anatomy_causes import REST, anatomy_causes
from seghirescam.evaluation.causes.channel_causes import channel_causes
from seghirescam.evaluation.causes.flip_words import sentence
from seghirescam.evaluation.causes.smallest_flip import SearchLimits, flips_in, smallest_flip
from seghirescam.evaluation.trust.explained_case import frozen
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.errors import EmptyPixelSetError, ImageError, MethodError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.recipes import PredictedClass
from seghirescam.session.opening import open_session

LIMITS = SearchLimits(finest_mm=4.0, most=1.0)


def to_air(image, region):
    return Image(np.where(region.weights > 0, -1.0, image.array), image.grid)


def one_channel(weight, bias, head, outputs=1, dims=3):
    """logits = weight x + bias of the last output, zero of the others; in float64."""
    network = (torch.nn.Conv2d if dims == 2 else torch.nn.Conv3d)(1, outputs, 1).double()
    with torch.no_grad():
        network.weight.zero_(), network.bias.zero_()
        network.weight[-1], network.bias[-1] = weight, bias
    return PlainModel(network, ["rest", "object"], spatial_dims=dims, head=head, activation="none")


def bright(shape=(4, 8, 16)):
    """x is 1 in M and the two columns beside it, -1 elsewhere. (image, M)"""
    grid = Grid.from_spacing(shape, (2.0, 2.0, 2.0))
    mask = np.zeros(shape)
    mask[:, 2:6, 4:8] = 1
    array = np.full((1, *shape), -1.0)
    array[0][:, 2:6, 4:10] = 1
    return Image(array, grid), PixelSet(mask, grid, "M")


@pytest.mark.parametrize("index", [0, 1])
def test_a_binary_head_is_shared_out_and_flipped_with_the_sign_of_the_class_that_is_asked_about(index):
    image, pixels = bright()
    own = Image(image.array if index else -image.array, image.grid)
    session = open_session(one_channel(2.0, 0.5, "binary"), own)
    own_set = {"own": pixels.weights > 0, "beside": np.roll(pixels.weights, 5, axis=2) > 0}
    (found,) = anatomy_causes(session, own_set, [pixels], [ClassLogit(index)], baseline="zero")
    sign = 1 if index else -1

    def value(present):
        return sign * (2.0 * sign * (0 in present) + 0.5)

    assert [one.value for one in found.causes] == pytest.approx(all_orders(3, value), abs=1e-6)
    limits = SearchLimits(finest_mm=4.0, most=1.0, clearance_mm=None)

    def paint(image, region):
        return Image(np.where(region.weights > 0, -sign * 1.0, image.array), image.grid)

    flip = smallest_flip(session, pixels, ClassLogit(index), pixels.weights, limits=limits, paint=paint)
    # more than half of the 64 voxels of M, in blocks of 8
    assert flip.found and flip.region.weights.sum() == 40 and flip.left == pytest.approx(24 / 64)
    assert flip.becomes == ("rest", "object")[1 - index]


def test_a_class_that_the_network_predicts_nowhere_is_one_sentence():
    image, pixels = bright()
    session = open_session(one_channel(0.1, -2.0, "softmax", outputs=2), image)
    with pytest.raises(EmptyPixelSetError, match="predicted object has no voxel") as told:
        frozen(session, PredictedClass(), 1)
    assert "A class that is predicted nowhere" in told.value.hint
    with pytest.raises(EmptyPixelSetError, match="does not choose object anywhere in M: there is nothing to flip"):
        smallest_flip(session, pixels, ClassLogit(1), np.ones(pixels.weights.shape), limits=LIMITS)
    # what it says there has causes all the same
    (found,) = anatomy_causes(session, {"own": pixels.weights > 0}, [pixels], [ClassLogit(1)], baseline="zero")
    assert found.value("own") == pytest.approx(0.1) and found.value(REST) == 0


def test_in_a_constant_image_there_is_nothing_to_share_and_nothing_to_flip():
    image, pixels = bright()
    constant = Image(np.full(image.array.shape, 3.0), image.grid)
    session = open_session(one_channel(2.0, 0.5, "sigmoid", outputs=2), constant)
    (found,) = anatomy_causes(session, {"own": pixels.weights > 0}, [pixels], [ClassLogit(1)])
    assert [one.value for one in found.causes] == pytest.approx([0, 0], abs=1e-6)
    assert [one.share.status for one in found.causes] == ["too_small"] * 2
    assert "hardly changes" in found.to_json()["sentence"]
    flip = smallest_flip(session, pixels, ClassLogit(1), np.ones(image.grid.shape), limits=LIMITS)
    assert not flip.found and flip.left == 1 and "No flip was found" in sentence(flip, "M", "object")


def test_voxels_that_are_no_numbers_are_refused_before_any_pass_also_in_what_stands_in():
    image, pixels = case()
    broken = image.array.copy()
    broken[2, 0, 0, :3] = np.nan
    session = open_session(formula_model(), Image(broken, image.grid))
    told = []
    with pytest.raises(ImageError, match=r"The image holds 3 voxel\(s\) that are NaN"):
        channel_causes(session, [pixels], [SCORES["logit"]], baseline="zero")
    session = open_session(formula_model(), image)
    with pytest.raises(ImageError, match=r"The other case holds 3 voxel\(s\) that are NaN"):
        channel_causes(
            session, [pixels], [SCORES["logit"]], baseline="other", other=Image(broken, image.grid), before=told.append
        )
    assert not told


def test_a_2d_network_that_goes_through_a_volume_has_causes_and_flips_of_the_slices():
    image, pixels = bright()
    session = open_session(one_channel(2.0, 0.5, "softmax", outputs=2, dims=2), image)
    parts = {"first": np.zeros(image.grid.shape, dtype=bool), "others": np.zeros(image.grid.shape, dtype=bool)}
    parts["first"][:1], parts["others"][1:, :, :9] = True, True
    (found,) = anatomy_causes(session, parts, [pixels], [ClassLogit(1)], baseline="zero")
    assert [one.value for one in found.causes] == pytest.approx([0.5, 1.5, 0], abs=1e-6)
    limits = SearchLimits(finest_mm=4.0, most=1.0, clearance_mm=None)
    flip = smallest_flip(session, pixels, ClassLogit(1), pixels.weights, limits=limits, paint=to_air)
    assert flip.found and flip.region.weights.sum() == 40 and flip.left == pytest.approx(24 / 64)


def test_a_map_without_evidence_where_may_be_painted_gives_no_order():
    image, pixels = bright()
    session = open_session(one_channel(2.0, 0.5, "softmax", outputs=2), image)
    against = np.full(image.grid.shape, -1.0)
    with pytest.raises(MethodError, match="no evidence") as told:
        flips_in(session, pixels, ClassLogit(1), against, limits=LIMITS)
    assert "random" in told.value.hint and session.forward_calls == 0
    assert not smallest_flip(session, pixels, ClassLogit(1), against, order="random", limits=LIMITS).found
    # only in M, which stays: chance decides, and the sentence says so
    flip = smallest_flip(session, pixels, ClassLogit(1), pixels.weights, limits=LIMITS)
    assert not flip.found and not flip.ordered and "in a random order, as the map shows no" in sentence(flip, "M", "x")
    flip = smallest_flip(session, pixels, ClassLogit(1), np.ones(image.grid.shape), limits=LIMITS)
    assert flip.ordered and "in the map's order" in sentence(flip, "M", "x")


def test_the_same_seed_draws_the_same_orders_and_another_one_others():
    shape = (1, 10, 20)
    image = Image(np.random.default_rng(0).normal(0.5, 1.0, (3, *shape)), Grid.from_spacing(shape, (2.0, 2.0, 2.0)))
    mask = np.zeros(shape)
    mask[:, 2:6, 4:14] = 1
    bands = {f"band {n}": np.zeros(shape, dtype=bool) for n in range(9)}
    for n, band in enumerate(bands.values()):
        band[:, :, 2 * n : 2 * n + 2] = True
    torch.manual_seed(0)
    # several bands meet under a rectifier: of what two do together an order and its reverse give the exact values
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, (1, 9), padding=(0, 4)), torch.nn.ReLU(), torch.nn.Conv2d(6, 2, 1)
    ).double()
    model = PlainModel(
        network, ["rest", "object"], channels=["a", "b", "c"], spatial_dims=2, head="softmax", activation="none"
    )  # fmt: skip
    words = {"baseline": "zero", "permutations": 4}
    found = [
        anatomy_causes(
            open_session(model, image), bands, [PixelSet(mask, image.grid)], [ClassLogit(1)], seed=seed, **words
        )[0]
        for seed in (1, 1, 2)
    ]
    first, again, other = ([one.value for one in causes.causes] for causes in found)
    assert first == again and first != other and max(one.error for one in found[0].causes) > 1e-3
    assert sum(first) == pytest.approx(sum(other), abs=1e-5)
