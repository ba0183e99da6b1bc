"""Masking out in an open session: the most important region of a map, its control, closed forms, the demo as proof."""

from functools import cache

import numpy as np
import pytest
import torch

from engine.windowed_models import windows
from seghirescam.cam.logits.score import ClassLogit, Contrast, LogOdds
from seghirescam.demo.case import load_case
from seghirescam.evaluation.painting.intervention import intervene, paint_in
from seghirescam.evaluation.painting.painting_over import grown, paint_over
from seghirescam.evaluation.painting.regions import CLEARANCE_MM, Hottest, hottest, moved
from seghirescam.models import open_model
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.errors import EmptyPixelSetError, PixelSetError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.recipes import Box, Component, PredictedClass, WholeImage
from seghirescam.session.opening import open_session

GRID = Grid.from_spacing((6, 7, 8), (2.0, 2.0, 2.0))


def linear(channels=1, windowed=None, folds=1):
    """Background 1, object 2 * (sum of the channels) - 3; a second fold says 2 more, so that the mean says 1 more."""
    networks = [torch.nn.Conv3d(channels, 2, 1) for _ in range(folds)]
    for n, network in enumerate(networks):
        with torch.no_grad():
            network.weight[0], network.weight[1] = 0.0, 2.0
            network.bias[:] = torch.tensor([1.0, -3.0 + 2 * n])
    names = [f"c{n}" for n in range(channels)]
    return PlainModel(
        networks[0], ["background", "object"], channels=names, windows=windowed, folds=networks[1:]
    )  # fmt: skip


def box(*bounds, weight=1.0, grid=GRID, label="box"):
    mask = np.zeros(grid.shape)
    mask[tuple(slice(*b) for b in bounds)] = weight
    return PixelSet(mask, grid, label)


CUBE = box((1, 4), (2, 5), (2, 5), label="segment 'cube'")


def picture(channels=1):
    array = np.zeros((channels, *GRID.shape), np.float32)
    array[:, 1:4, 2:5, 2:5] = 5
    return Image(array, GRID)


def density():
    values = np.zeros(GRID.shape, np.float32)
    values[0, 0, :4], values[5, 5, 5] = (4, 3, 2, 1), -7
    return values


def test_the_hottest_part_is_the_smallest_region_with_that_share_or_volume():
    for words, count, held in (
        ({"share": 0.4}, 1, "40"), ({"share": 0.5}, 2, "70"), ({"share": 0.9}, 3, "90"), ({"share": 1.0}, 4, "100"),
        ({"ml": 0.016}, 2, "70"), ({"ml": 0.001}, 1, "40"), ({"ml": 99.0}, 4, "100"),
    ):  # fmt: skip
        region = hottest(density(), GRID, **words)
        assert np.argwhere(region.weights).tolist() == [[0, 0, i] for i in range(count)]
        assert region.label == f"most important region of the map, {held} % of its evidence"
        assert region.ml == pytest.approx(count * 0.008)


def test_ties_belong_to_the_region_and_the_label_tells_what_it_holds():
    values = np.zeros(GRID.shape)
    values[0, 0, :4] = 1
    region = hottest(values, GRID, 0.3)
    assert region.voxels == 4 and "100 % of its evidence" in region.label


def test_outside_the_pixel_set_only_evidence_at_a_distance_counts():
    near = box((0, 1), (0, 1), (0, 1))
    # 3 mm and 1 mm of margin reach two voxels of 2 mm
    assert CLEARANCE_MM == 3
    region = Hottest(density(), 0.5, outside=True).around(near.weights > 0, GRID, 1.0)
    assert np.argwhere(region.weights).tolist() == [[0, 0, 3]]
    assert region.label == "most important region of the map outside the pixel set, 100 % of its evidence there"
    with pytest.raises(EmptyPixelSetError, match="no positive evidence outside the pixel set"):
        Hottest(density(), 0.5, outside=True).around(near.weights > 0, GRID, 3.0)


def test_a_map_without_a_hottest_part_says_so_in_one_sentence():
    empty = np.zeros(GRID.shape)
    for bad in (empty, empty - 1):
        with pytest.raises(EmptyPixelSetError, match="no positive evidence"):
            hottest(bad, GRID)
    with pytest.raises(PixelSetError, match="whole image"):
        hottest(empty + 1, GRID)
    for wrong in (np.nan, np.inf):
        with pytest.raises(PixelSetError, match="not finite"):
            hottest(empty + wrong, GRID)
    with pytest.raises(PixelSetError, match="does not lie on the image's grid"):
        hottest(np.ones((2, 2, 2)), GRID)
    for words in ({"share": 0.0}, {"share": 1.5}, {"share": float("nan")}, {"ml": 0.0}, {"ml": float("nan")}):
        with pytest.raises(PixelSetError, match="between 0 and 1"):
            hottest(density(), GRID, **words)


def test_a_control_has_the_same_shape_elsewhere_in_the_body_and_the_same_seed_finds_the_same_place():
    array = np.zeros(GRID.shape, np.float32)
    array[:, :, 4:] = 100
    image, region = Image(array, GRID), box((0, 2), (0, 1), (4, 6), weight=0.5)
    other = moved(region, CUBE.weights, image, seed=3)
    assert np.array_equal(other.weights, moved(region, CUBE.weights, image, seed=3).weights)
    assert other.weights.sum() == region.weights.sum() and other.voxels == region.voxels
    assert not (other.weights * (CUBE.weights + region.weights)).any() and not other.weights[:, :, :4].any()
    assert moved(region, np.ones(GRID.shape), image) is None


def test_on_a_ct_a_control_of_fat_lies_in_the_body_and_not_in_air():
    array = np.full(GRID.shape, -1000, np.int16)
    array[:, :, 6:] = -150  # darker than a window of soft tissue, yet body
    array[-1, -1, -1] = 300
    image, region = Image(array, GRID), box((0, 2), (0, 2), (6, 8))
    for seed in range(10):
        assert not moved(region, np.zeros(GRID.shape), image, seed=seed).weights[:, :, :6].any()


def test_where_nothing_tells_the_body_a_control_may_lie_anywhere():
    flat, region = Image(np.full(GRID.shape, 7, np.float32), GRID), box((0, 2), (0, 2), (0, 2))
    assert moved(region, np.zeros(GRID.shape), flat).voxels == region.voxels


@pytest.mark.parametrize("score", [Contrast(1, 0), ClassLogit(1), LogOdds(1)], ids=["contrast", "logit", "log-odds"])
def test_scores_are_intervene_s_and_sizes_are_those_of_the_masks(score):
    model, image = linear(), picture()
    session = open_session(model, image)
    half = box((1, 4), (2, 5), (2, 4), label="half")
    found = paint_in(session, half, CUBE, score, margin_mm=0)
    assert found.found == intervene(model, image, half, CUBE, score, margin_mm=0)  # one grid: the sizes, too
    assert found.found.before.score == pytest.approx({"logit": 7, "contrast": 6, "log_odds": 6}[score.name])
    before, after = found.predicted
    assert np.array_equal(before, CUBE.weights > 0) and np.array_equal(after, paint_over(image, half).array[0] > 2)
    assert found.found.after.voxels == after.sum() and found.found.after.ml == pytest.approx(after.sum() * 0.008)
    assert np.array_equal(found.image.array, paint_over(image, half).array) and found.covered == pytest.approx(2 / 3)
    assert "67 % of the segment 'cube' was itself masked out." in found.to_json()["sentence"]
    assert any("was itself masked out" in note for note in found.notes)


def test_windows_and_folds_give_the_closed_form_of_a_linear_network():
    array = np.zeros((12, 16, 20), np.float32)
    array[1:4, 2:5, 2:5] = 5
    grid = Grid.from_spacing(array.shape, (2.0, 2.0, 2.0))
    cube = box((1, 4), (2, 5), (2, 5), grid=grid, label="cube")
    session = open_session(linear(windowed=windows(mirror=(0,)), folds=2), Image(array, grid))
    found = paint_in(session, cube, cube, ClassLogit(1), margin_mm=0)
    # the folds' mean: 2 x - 3 + 1
    assert found.found.before.score == pytest.approx(8, abs=1e-5)
    assert found.found.after.score == pytest.approx(-2, abs=1e-5)
    assert (found.found.before.voxels, found.found.after.voxels) == (27, 0)
    assert found.forward_calls == session.forward_calls > 1
    again = paint_in(session, cube, cube, ClassLogit(1), margin_mm=0)
    assert again.forward_calls == found.forward_calls == session.forward_calls  # the unchanged image is not run again
    assert again.found == found.found


def test_every_channel_is_painted_over():
    found = paint_in(open_session(linear(2), picture(2)), CUBE, CUBE, ClassLogit(1), margin_mm=0)
    assert found.found.before.score == pytest.approx(2 * 10 - 3) and found.found.after.score == pytest.approx(-3)
    assert not found.image.array.any() and found.image.array.shape[0] == 2


def test_a_soft_region_blends_and_covers_a_part_of_m():
    quarter = PixelSet(CUBE.weights * 0.25, GRID, "soft")
    found = paint_in(open_session(linear(), picture()), quarter, CUBE, ClassLogit(1), margin_mm=0)
    assert found.found.after.score == pytest.approx(2 * 0.75 * 5 - 3) and found.covered == pytest.approx(0.25)
    assert found.region.ml == pytest.approx(27 * 0.008 / 4)
    assert "the predicted object stays at 0.216 ml; 25 % of the segment 'cube'" in found.to_json()["sentence"]


def test_sentences_for_a_rise_no_change_and_a_segment_that_appears():
    session = open_session(linear(), picture())
    far = box((5, 6), (0, 1), (0, 1), label="segment 'far'")
    still = paint_in(session, far, CUBE, ClassLogit(1), margin_mm=0).to_json()
    assert still["sentence"] == (
        "Masking out the segment 'far' (0.008 ml): the mean logit of object over the segment 'cube' stays at 7, and "
        "the predicted object stays at 0.216 ml."
    )
    assert still["change"] == 0 and not still["flips"] and still["pixel_set_painted"] == 0
    dark = picture()
    dark = Image(5 - dark.array, GRID)
    told = paint_in(open_session(linear(), dark), CUBE, CUBE, ClassLogit(1), margin_mm=0).to_json()
    # the other voxels say object already: its size grows by the cube
    assert "rises from -3 to 7 and changes its sign" in told["sentence"]
    assert "the predicted object grows from 2.47 ml to 2.69 ml; 100 % of the segment 'cube'" in told["sentence"]
    nothing = Image(np.zeros(GRID.shape, np.float32), GRID)
    told = paint_in(open_session(linear(), nothing), CUBE, CUBE, ClassLogit(1), margin_mm=2.0).to_json()
    assert "(0.216 ml, 0.648 ml with a margin of 2 mm)" in told["sentence"]
    assert "stays at -3, and no object is predicted before or after" in told["sentence"]
    gone = paint_in(session, CUBE, PredictedClass(), ClassLogit(1), margin_mm=0).to_json()
    assert "the predicted object shrinks from 0.216 ml to 0 ml (it disappears)" in gone["sentence"]
    assert gone["pixel_set"] == "predicted object"


def test_regions_by_recipe_are_taken_on_the_image_s_grid():
    session = open_session(linear(), picture())
    low, high = GRID.ras((1, 2, 2)), GRID.ras((3, 4, 4))
    for region in (Box.between(low, high), PredictedClass(), Component(CUBE)):
        found = paint_in(session, region, CUBE, ClassLogit(1), margin_mm=0)
        assert np.array_equal(found.region.weights, CUBE.weights) and found.found.after.score == pytest.approx(-3)


def test_what_cannot_be_painted_is_refused_before_the_network_runs():
    session = open_session(linear(), picture())
    empty = PixelSet(np.zeros(GRID.shape), GRID, "nothing")
    away = PixelSet(np.ones((2, 2, 2)), Grid.from_spacing((2, 2, 2), origin_ras=(900, 0, 0)), "far away")
    for region, pixels, words, error, sentence in (
        (empty, CUBE, {}, EmptyPixelSetError, "nothing"),
        (CUBE, empty, {}, EmptyPixelSetError, "nothing"),
        (away, CUBE, {}, PixelSetError, "far away"),
        (CUBE, away, {}, PixelSetError, "far away"),
        (WholeImage(), CUBE, {}, PixelSetError, "covers the whole image"),
        (CUBE, CUBE, {"margin_mm": 99.0}, PixelSetError, "covers the whole image"),
        (CUBE, CUBE, {"margin_mm": -1.0}, PixelSetError, "0 mm or more"),
        (CUBE, CUBE, {"margin_mm": float("nan")}, PixelSetError, "0 mm or more"),
        (Hottest(np.zeros(GRID.shape)), CUBE, {}, EmptyPixelSetError, "no positive evidence"),
    ):
        with pytest.raises(error, match=sentence):
            paint_in(session, region, pixels, ClassLogit(1), **words)
    assert session.forward_calls == 0


def test_progress_never_falls_and_may_cancel_also_while_painting():
    session, told = open_session(linear(), picture()), []
    paint_in(
        session, CUBE, CUBE, ClassLogit(1), control=True, margin_mm=0,
        progress=lambda fraction, phase: told.append((fraction, phase)),
    )  # fmt: skip
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert {"masking out"} < {phase for _, phase in told} and any("masked out" in phase for _, phase in told)

    class Stop(Exception):
        pass

    def stop(fraction, phase):
        if phase == "masking out":
            raise Stop

    with pytest.raises(Stop):
        paint_in(session, CUBE, CUBE, ClassLogit(1), progress=stop)


def test_only_the_grown_region_changes():
    rng = np.random.default_rng(0)
    image, corner = Image(rng.normal(size=GRID.shape), GRID), box((0, 2), (0, 1), (7, 8))
    changed = paint_over(image, corner, 2.0).array[0] != image.array[0]
    assert np.array_equal(changed, grown(corner, GRID, 2.0).weights > 0)


@cache
def asked(name):
    """(session, segments) of a demo network on the demo case; its pass is kept."""
    image, segments = load_case()
    return open_session(open_model(f"demo:{name}"), image), segments


def test_painting_the_marker_over_turns_the_shortcut_network_and_not_the_honest_one():
    for name, turned in (("shortcut", True), ("honest", False)):
        session, segments = asked(name)
        found = paint_in(session, segments["Marker"], segments["Lesion"], Contrast(1, 2), control=True)
        assert found.found.flips is turned and (found.found.after.voxels == 0) is turned and found.covered == 0
        # painting something of that size over somewhere else does nothing to either
        assert found.control.score == pytest.approx(found.found.before.score, rel=0.02)
        assert found.control.ml == pytest.approx(found.found.before.ml, rel=0.02)
        if turned:
            assert "shrinks from 18.4 ml to 0 ml (it disappears)" in found.to_json()["sentence"]


def test_the_hottest_part_outside_the_lesion_is_the_shortcut_s_marker_at_fine_levels_and_not_at_stride_four():
    """What the README says of the levels: the finer ones show the marker, at stride four it is a few per cent."""
    for name, layer, turned in (
        ("shortcut", "encoder.0", True), ("shortcut", "encoder.2", False),
        ("honest", "encoder.0", False), ("honest", "encoder.2", False),
    ):  # fmt: skip
        session, segments = asked(name)
        (map_,) = session.ask(segments["Lesion"], class_index=1, score="contrast", rival=2, layers=[layer])
        heat = map_.resampled_to(session.image.grid).array
        found = paint_in(session, Hottest(heat, outside=True), segments["Lesion"], Contrast(1, 2))
        assert found.covered == 0 and found.found.flips is turned and (found.found.after.voxels == 0) is turned
        marker = segments["Marker"].weights > 0
        held = float(found.region.weights[marker].mean())
        assert (held > 0.4) if turned else (held < 0.1), held


def test_the_hottest_part_at_stride_four_lies_at_the_lesion_shrinks_it_and_says_how_much_of_it_was_taken_away():
    session, segments = asked("shortcut")
    (map_,) = session.ask(segments["Lesion"], class_index=1, score="contrast", rival=2, layers=["encoder.2"])
    region = hottest(map_, session.image.grid)
    found = paint_in(session, region, segments["Lesion"], Contrast(1, 2))
    same = intervene(session.model, session.image, region, segments["Lesion"], Contrast(1, 2))
    assert (found.found.before.score, found.found.after.score) == (same.before.score, same.after.score)
    assert found.found.before.ml > 1.1 * found.found.after.ml > 0 and not found.found.flips
    assert 0.2 < found.covered < 0.5 and not region.weights[segments["Marker"].weights > 0].any()
