"""Which channel, which anatomy: against brute force over all orders on networks with closed forms."""

import numpy as np
import pytest
import torch

from engine import windowed_models
from engine.cause_cases import (
    CHANNELS,
    KINDS,
    SCORES,
    all_orders,
    case,
    formula_logits,
    formula_model,
    score_by_hand,
)
from seghirescam.cam.placement.windows import WindowPlan
from seghirescam.evaluation.causes.anatomy_causes import REST, anatomy_causes, parts
from seghirescam.evaluation.causes.channel_causes import channel_causes
from seghirescam.evaluation.causes.stand_ins import stand_in
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.errors import EmptyPixelSetError, ImageError, PixelSetError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session


def of_anatomy(dims):
    """Two segments that meet M, one that does not."""
    shape = case(dims)[0].grid.shape
    masks = {name: np.zeros(shape, dtype=bool) for name in ("upper", "lower", "far")}
    masks["upper"][:, 2:5, 3:10] = True
    masks["lower"][:, 5:8, 3:10] = True
    masks["far"][:, 9:, 10:] = True
    return masks


@pytest.mark.parametrize(("head", "dims", "windowed", "folds"), KINDS)
def test_channels_agree_with_all_orders_by_hand(head, dims, windowed, folds):
    image, pixels = case(dims)
    other, _ = case(dims, seed=9)
    session = open_session(formula_model(head, dims, windowed, folds), image)
    for word, score in SCORES.items():
        if word == "log_odds" and (windowed or folds > 1):
            continue  # of averages of logits the same, but tested once
        (found,) = channel_causes(session, [pixels], [score], baseline="other", other=other)

        def value(present, word=word):
            kept = np.array([i in present for i in range(4)])[:, None, None, None]
            filled = np.where(kept, image.array, other.array)
            return score_by_hand(formula_logits(filled, folds), pixels.weights, word, head)

        slow = all_orders(4, value)
        assert [one.value for one in found.causes] == pytest.approx(slow, rel=2e-5, abs=2e-6)
        assert found.full == pytest.approx(value({0, 1, 2, 3}), rel=1e-6)
        assert found.none == pytest.approx(value(set()), rel=1e-6)
        total = sum(one.value for one in found.causes)
        assert total == pytest.approx(found.change, abs=1e-5 * max(1, abs(found.change)))
        assert found.value("PET") == 0  # looked at by nobody
        assert [one.name for one in found.causes] == list(CHANNELS) and found.exact and found.coalitions == 16


def test_a_planted_channel_is_found_and_the_sentence_says_so():
    image, pixels = case()
    model = formula_model()
    with torch.no_grad():
        model.networks[0].a.zero_()  # nothing but 2 x2 is left
    (found,) = channel_causes(open_session(model, image), [pixels], [SCORES["logit"]], baseline="zero")
    mean = float((image.array[2] * pixels.weights).sum() / pixels.weights.sum())
    assert found.ranked[0].name == "FLAIR" and found.value("FLAIR") == pytest.approx(2 * mean, rel=1e-5)
    assert [one.value for one in found.causes if one.name != "FLAIR"] == [0, 0, 0]
    assert found.ranked[0].share.value == pytest.approx(1)
    words = found.to_json()["sentence"]
    assert "FLAIR" in words.split("T1")[0] and "everything replaced (zero)" in words


def test_one_question_about_several_sets_costs_no_more_passes_and_changes_nothing():
    image, pixels = case()
    other = PixelSet(np.roll(pixels.weights, 3, axis=2), image.grid, "other")
    model = formula_model(windowed=True)
    both = channel_causes(open_session(model, image), [pixels, other], [SCORES["logit"], SCORES["contrast"]])
    alone = channel_causes(open_session(model, image), [other], [SCORES["contrast"]])[0]
    assert [one.value for one in both[1].causes] == pytest.approx([one.value for one in alone.causes], abs=1e-6)
    assert both[0].pixel_set_label == "lesion" and both[1].pixel_set_label == "other"
    assert both[0].coalitions == alone.coalitions == 16


@pytest.mark.parametrize(("head", "dims", "windowed", "folds"), KINDS)
def test_anatomy_agrees_with_all_orders_by_hand(head, dims, windowed, folds):
    image, pixels = case(dims)
    masks = of_anatomy(dims)
    session = open_session(formula_model(head, dims, windowed, folds), image)
    (found,) = anatomy_causes(session, masks, [pixels], [SCORES["contrast"]], baseline="blur")
    smooth = stand_in(image, "blur").image.array
    names = [*masks, REST]
    full = {**masks, REST: ~np.logical_or.reduce(list(masks.values()))}

    def value(present):
        kept = np.zeros(image.grid.shape, dtype=bool)
        for i in present:
            kept |= full[names[i]]
        return score_by_hand(
            formula_logits(np.where(kept, image.array, smooth), folds), pixels.weights, "contrast", head
        )

    assert [one.name for one in found.causes] == names
    assert [one.value for one in found.causes] == pytest.approx(all_orders(4, value), rel=5e-5, abs=5e-6)
    assert sum(one.value for one in found.causes) == pytest.approx(found.change, abs=1e-5)
    assert found.value("far") == 0
    inside = {one.name: one.inside for one in found.causes}
    by_hand = {n: float(pixels.weights[full[n]].sum() / pixels.weights.sum()) for n in names}
    assert inside == pytest.approx(by_hand) and found.causes[0].size.voxels == int(masks["upper"].sum())


@pytest.mark.parametrize("folds", [1, 2])
def test_anatomy_of_a_network_with_a_field_in_mirrored_windows(folds):
    """Against the fusion by plain loops in float64, and no window that a change does not reach is run again."""
    wanted = windowed_models.windows(mirror=(2,))
    model = windowed_models.model(wanted, folds=folds)
    array, mask = windowed_models.case()
    grid = windowed_models.GRID
    image, pixels = Image(array, grid), PixelSet(mask, grid, "lesion")
    masks = {name: np.zeros(mask.shape, dtype=bool) for name in ("near", "away", "beyond")}
    masks["near"][3:7, 5:10, 6:12] = True
    masks["away"][8:12, 0:4, 0:5] = True
    masks["beyond"][:, :, 18:] = True
    score = SCORES["contrast"]
    session = open_session(model, image)
    (found,) = anatomy_causes(session, masks, [pixels], [score], baseline="zero")
    names = [*masks, REST]
    full = {**masks, REST: ~np.logical_or.reduce(list(masks.values()))}
    plan = WindowPlan.of(model.windows, mask.shape)
    known = {}

    def value(present):
        if present not in known:
            kept = np.zeros(mask.shape, dtype=bool)
            for i in present:
                kept |= full[names[i]]
            logits = windowed_models.slow_logits(model, np.where(kept, array, 0), plan).detach().numpy()
            known[present] = score_by_hand(logits, mask, "contrast", "softmax")
        return known[present]

    assert [one.value for one in found.causes] == pytest.approx(all_orders(4, value), rel=2e-5, abs=2e-6)
    each = session.runs_around(pixels)
    assert each < session.runs and found.passes < 16 * each
    assert any("spared" in note for note in found.notes)
    spared = 16 * each - found.passes
    assert any(note.startswith(f"{spared} window passes") for note in found.notes)


def test_many_segments_are_sampled_with_errors_and_add_up():
    image, pixels = case()
    masks = {}
    for n in range(10):
        masks[f"strip {n}"] = np.zeros(image.grid.shape, dtype=bool)
        masks[f"strip {n}"][:, n, :] = True
    session = open_session(formula_model(), image)
    masks.pop("strip 9")
    told = []
    (found,) = anatomy_causes(
        session, masks, [pixels], [SCORES["logit"]], baseline="zero", permutations=8, before=told.append
    )
    assert told == ["at most 74 predictions, at most 74 passes of the network"]
    assert not found.exact and found.permutations == 8 and found.coalitions <= 74
    assert sum(one.value for one in found.causes) == pytest.approx(found.change, abs=1e-5)
    # voxel by voxel the strips do not meet: every order gives the same, up to the rounding of float32 logits
    assert max(one.error for one in found.causes) < 1e-6
    assert found.value("strip 0") == 0 and "±" in found.to_json()["sentence"]


def test_the_evidence_of_the_map_stands_beside_the_cause():
    array, mask = windowed_models.case()
    grid = windowed_models.GRID
    image, pixels = Image(array, grid), PixelSet(mask, grid, "lesion")
    model = windowed_models.model(None)
    session = open_session(model, image)
    (heat,) = session.ask(pixels, class_index=1, layers=["encoder.0"])
    own = {"lesion": mask > 0}
    (found,) = anatomy_causes(session, own, [pixels], [SCORES["logit"]], maps=[heat])
    density = np.maximum(heat.resampled_to(grid).array.astype(float), 0)
    share = density[mask > 0].sum() / density.sum()
    assert [one.evidence.value for one in found.causes] == pytest.approx([share, 1 - share], rel=1e-5)
    assert "set against the rest" in found.notes[0]


def test_what_cannot_be_shared_out_is_refused_in_one_sentence():
    image, pixels = case(channels=1)
    grid = image.grid
    plain = PlainModel(torch.nn.Conv3d(1, 2, 1), ["rest", "lesion"])
    session = open_session(plain, image)
    with pytest.raises(ImageError, match="reads one channel"):
        channel_causes(session, [pixels], [SCORES["logit"]])
    whole = {"everything": np.ones(grid.shape, dtype=bool)}
    with pytest.raises(PixelSetError, match="covers the whole image"):
        anatomy_causes(session, whole, [pixels], [SCORES["logit"]])
    with pytest.raises(EmptyPixelSetError, match="No segment holds a voxel"):
        anatomy_causes(session, {"nothing": np.zeros(grid.shape)}, [pixels], [SCORES["logit"]])
    with pytest.raises(PixelSetError, match="shape"):
        anatomy_causes(session, {"other": np.ones((2, 2, 2))}, [pixels], [SCORES["logit"]])
    assert session.forward_calls == 0


def test_overlapping_segments_are_cut_by_the_smallest_and_empty_ones_left_out():
    big, small, empty = np.zeros((3, 4, 4, 4), dtype=bool)
    big[:3], small[1, 1] = True, True
    names, masks, notes = parts({"brain": big, "tumour": small, "nothing": empty}, (4, 4, 4))
    assert names == ("brain", "tumour", REST)
    assert np.array_equal(masks[1], small) and np.array_equal(masks[0], big & ~small)
    assert sum(masks).max() == 1 and np.logical_or.reduce(masks).all()
    assert any("'nothing' holds no voxel" in note for note in notes)
    assert any(note.startswith("4 voxels lie in several") for note in notes)
    inner = np.zeros((4, 4, 4), dtype=bool)
    inner[1, 1] = True
    _, _, notes = parts({"tumour": small, "core": inner}, (4, 4, 4))
    assert "The segment 'core' lies wholly in smaller segments and was left out." in notes


def test_baselines_are_what_they_say():
    image, _ = case()
    grid = image.grid
    assert np.array_equal(stand_in(image, "zero").image.array, np.zeros_like(image.array))
    brain = np.zeros((1, 8, 10, 12), np.int16)
    brain[0, 2:6, 2:8, 2:9] = 100
    brain[0, 4, 4, 4] = 130
    found = stand_in(Image(brain, grid), "mean")
    body = brain[0] > 0
    assert found.words == "each channel's mean over the body" and found.image.array.dtype == np.int16
    assert set(np.unique(found.image.array)) == {round(float(brain[0][body].mean()))}
    other = Image(image.array + 1, grid)
    assert np.allclose(stand_in(image, "other", other).image.array, image.array + 1)
    shifted = Grid.from_spacing(grid.shape, (2.0, 1.0, 1.5), origin_ras=(4.0, 0.0, 0.0))
    with pytest.raises(ImageError, match="% of the image uncovered"):
        stand_in(image, "other", Image(image.array, shifted))
    with pytest.raises(ImageError, match="is this case"):
        stand_in(image, "other", image)
    with pytest.raises(ImageError, match="has 1 channel"):
        stand_in(image, "other", Image(image.array[:1], grid))
    with pytest.raises(ImageError, match="Unknown baseline"):
        stand_in(image, "air")
    for kind, given in (("other", None), ("blur", other)):
        with pytest.raises(ImageError, match="go together"):
            stand_in(image, kind, given)


def test_it_can_be_cancelled_and_leaves_the_network_as_it_was():
    image, pixels = case()
    model = formula_model(windowed=True)

    class Stopped(Exception):
        pass

    def stop(fraction, phase):
        if fraction > 0.4:
            raise Stopped

    with pytest.raises(Stopped):
        channel_causes(open_session(model, image), [pixels], [SCORES["logit"]], progress=stop)
    assert not model.networks[0]._forward_hooks and not model.networks[0]._forward_pre_hooks
