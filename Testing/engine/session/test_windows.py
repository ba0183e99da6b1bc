"""Sliding windows, mirroring and folds: the maps add up exactly to the explanation of the fused score."""

import numpy as np
import pytest
import torch
from torch import nn

from engine import toys
from engine.windowed_models import (
    CLASSES,
    GRID,
    SHAPE,
    ask,
    case,
    class_seed,
    gaussian,
    model,
    slow_gradients,
    slow_logits,
    stepping,
    windows,
)
from seghirescam.cam.methods import method
from seghirescam.cam.placement.lattice import Lattice
from seghirescam.cam.placement.windows import Seeds, WindowPlan
from seghirescam.models.plain import PlainModel
from seghirescam.models.segmentation_model import Windows
from seghirescam.protocol.errors import ModelError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain
from seghirescam.session.opening import open_session


@pytest.mark.parametrize("name", ["seg_hires_grad_cam", "seg_grad_cam", "seg_xres_cam"])
@pytest.mark.parametrize("layer", ["encoder.2", "encoder.0", "decoder.1"])
def test_one_window_equals_the_direct_way(name, layer):
    array, mask = case((16, 16, 16))
    whole = Windows((16, 16, 16), lambda shape: [(0, 0, 0)], gaussian((16, 16, 16)))
    direct = ask(model(None), array, mask, layer, name)
    fused = ask(model(whole), array, mask, layer, name)
    assert fused.score == pytest.approx(direct.score, rel=1e-6)
    assert fused.map.shape == direct.map.shape and fused.grid.same_as(direct.grid)
    assert np.abs(fused.map - direct.map).max() <= 2e-6 * np.abs(direct.map).max()


@pytest.mark.parametrize("folds, mirror", [(1, ()), (2, ()), (1, (0, 2)), (2, (1,))])
def test_the_fused_logits_are_the_definition(folds, mirror):
    array, _ = case()
    m = model(windows(mirror=mirror), folds=folds)
    plan = WindowPlan.of(m.windows, SHAPE)
    found = open_session(m, Image(array, GRID)).logits()
    truth = slow_logits(m, array, plan).numpy()
    assert np.abs(found - truth).max() <= 1e-6 * np.abs(truth).max()


def test_the_fused_logits_are_monais():
    inferers = pytest.importorskip("monai.inferers")
    from monai.data.utils import compute_importance_map, dense_patch_slices
    from monai.inferers.utils import _get_scan_interval

    size, overlap = (8, 8, 8), 0.5
    array, _ = case((11, 16, 7))  # smaller than a window in one axis

    def offsets(shape):
        slices = dense_patch_slices(shape, size, _get_scan_interval(shape, size, 3, [overlap] * 3))
        return [tuple(s.start for s in part) for part in slices]

    importance = compute_importance_map(size, mode="gaussian", sigma_scale=0.125).numpy()
    m = model(Windows(size, offsets, np.clip(importance, 1e-3, None)))
    grid = Grid.from_spacing((11, 16, 7))
    found = open_session(m, Image(array, grid)).logits()
    inferer = inferers.SlidingWindowInferer(size, 4, overlap, mode="gaussian", sigma_scale=0.125)
    with torch.no_grad():
        truth = inferer(torch.tensor(array)[None], m.network)[0].numpy()
    assert (found.argmax(0) == truth.argmax(0)).mean() >= 0.9999
    assert np.median(np.abs(found - truth)) <= 1e-4 * np.abs(truth).max()


@pytest.mark.parametrize("folds, mirror", [(1, ()), (2, ()), (1, (0, 2)), (2, (1,))])
@pytest.mark.parametrize("kind", ["batch", "instance"])
@pytest.mark.parametrize("layer", ["encoder.2", "decoder.0", "decoder.1"])
def test_window_maps_add_up_to_the_map_of_the_fused_score(folds, mirror, kind, layer):
    array, mask = case()
    m = model(windows(mirror=mirror), kind=kind, folds=folds)
    plan = WindowPlan.of(m.windows, SHAPE)
    score, parts = slow_gradients(m, array, plan, layer, class_seed(mask))
    found = ask(m, array, mask, layer)
    assert found.score == pytest.approx(score, rel=1e-6)
    scale = max(float(np.abs(found.map).max()), 1e-12)
    assert found.total == pytest.approx(float(sum((a * g).sum() for *_, a, g in parts)), abs=1e-5 * scale)
    if mirror:  # mirrored cells may lie off the lattice: compare what an even blur keeps, the centre of the signed map
        return
    stride = found.layer.stride
    slow = np.zeros([-(-n // s) for n, s in zip(SHAPE, stride, strict=True)])
    for _, offset, _, a, g in parts:
        place = tuple(slice(o // s, o // s + n) for o, s, n in zip(offset, stride, a.shape[1:], strict=True))
        slow[place] += (a * g).sum(dim=0).numpy()
    low = [
        round(float(v))
        for v in (
            GRID.kji(found.grid.ras((0, 0, 0)))
            - np.array(found.layer.reads if found.side == "reading" else found.layer.writes)
        )
        / np.array(stride)
    ]
    box = tuple(slice(o, o + n) for o, n in zip(low, found.map.shape, strict=True))
    assert np.abs(found.map - slow[box]).max() <= 1e-5 * np.abs(slow).max()
    slow[box] = 0
    assert np.abs(slow).max() <= 1e-12  # what was not computed has no influence


def test_windows_that_do_not_meet_the_pixel_set_have_gradient_zero():
    array, mask = case()
    m = model(windows())
    plan = WindowPlan.of(m.windows, SHAPE)
    touched = Seeds.of(plan, mask.astype(np.float32)).touched
    _, parts = slow_gradients(m, array, plan, "encoder.1", class_seed(mask))
    assert 0 < len(touched) < len(plan.offsets)
    for _, offset, _, _, g in parts:
        assert bool(g.any()) == (offset in touched)
    assert sum(touched.values()) == pytest.approx(1, abs=1e-6)


def test_at_the_last_layer_the_fused_map_plus_the_bias_is_the_fused_logit():
    array, mask = case()
    m = model(windows(mirror=(1,)), folds=2)
    found = ask(m, array, mask, "decoder.1")
    plan = WindowPlan.of(m.windows, SHAPE)
    logits = slow_logits(m, array, plan)[1].numpy()
    bias = np.mean([float(n.head.bias[1].detach()) for n in m.networks])
    low = [round(float(v)) for v in GRID.kji(found.grid.ras((0, 0, 0)))]
    box = tuple(slice(o, o + n) for o, n in zip(low, found.map.shape, strict=True))
    inside = mask[box] > 0
    assert inside.sum() == mask.sum()
    assert np.abs(found.map[inside] + bias - logits[box][inside]).max() <= 1e-5 * np.abs(logits).max()
    assert np.abs(found.map[~inside]).max() <= 1e-6 * np.abs(logits).max()


@pytest.mark.parametrize("mirror", [(), (2,)])
def test_seg_grad_cam_has_one_weight_a_channel_for_the_whole_volume(mirror):
    array, mask = case()
    m = model(windows(mirror=mirror), kind="batch")
    plan = WindowPlan.of(m.windows, SHAPE)
    _, parts = slow_gradients(m, array, plan, "encoder.0", class_seed(mask))
    touched = Seeds.of(plan, mask.astype(np.float32)).touched
    truth = np.zeros(SHAPE)
    for wanted in plan.flips:
        mine = [(o, a, g) for _, o, f, a, g in parts if f == wanted and o in touched]
        weights = sum(g.sum(dim=(1, 2, 3)) for _, _, g in mine) / np.prod(SHAPE)
        top, bottom = np.zeros(SHAPE), np.zeros(SHAPE)
        for offset, a, _ in mine:
            place = tuple(slice(o, o + s) for o, s in zip(offset, plan.size, strict=True))
            signed = torch.tensordot(weights, a, dims=1).flip(wanted).numpy()
            top[place] += signed * plan.importance
            bottom[place] += plan.importance
        truth += np.divide(top, bottom, out=np.zeros(SHAPE), where=bottom > 0)
    found = ask(m, array, mask, "encoder.0", "seg_grad_cam", side="reading")
    low = [round(float(v)) for v in GRID.kji(found.grid.ras((0, 0, 0)))]
    box = tuple(slice(o, o + n) for o, n in zip(low, found.map.shape, strict=True))
    assert np.abs(found.map - truth[box]).max() <= 1e-5 * np.abs(truth).max()
    truth[box] = 0
    assert not truth.any()


@pytest.mark.parametrize("mirror", [(), (0,)])
def test_the_log_odds_are_those_of_the_fused_logits(mirror):
    array, mask = case()
    m = model(windows(mirror=mirror))
    plan = WindowPlan.of(m.windows, SHAPE)
    y = slow_logits(m, array, plan).requires_grad_()
    values = y[1] - torch.logsumexp(y[[0, 2]], dim=0)
    total = (values * torch.tensor(mask)).sum()
    (slope,) = torch.autograd.grad(total, y)
    _, parts = slow_gradients(m, array, plan, "encoder.2", slope)
    found = ask(m, array, mask, "encoder.2", score="log_odds")
    assert found.score == pytest.approx(float(total), rel=1e-6)
    whole = float(sum((a * g).sum() for *_, a, g in parts))
    assert found.total == pytest.approx(whole, rel=1e-4)


def test_a_fully_convolutional_network_gives_the_whole_volumes_map():
    """Windows whose weight is confined to voxels that see no border: their plain sum is the map of one big pass."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU(), nn.Conv3d(4, 4, 3, padding=1), nn.ReLU(),
        nn.Conv3d(4, 3, 1),
    ).double().eval()  # fmt: skip
    array, mask = case((24, 24, 24), (slice(9, 15),) * 3)
    importance = np.full((12, 12, 12), 1e-12, dtype=np.float32)
    importance[3:9, 3:9, 3:9] = 1  # the receptive field reaches two voxels
    tiled = Windows((12, 12, 12), stepping((12, 12, 12), (3, 3, 3)), importance)
    direct = ask(PlainModel(network, CLASSES), array, mask, "2")
    fused = ask(PlainModel(network, CLASSES, windows=tiled), array, mask, "2", tolerance=1e-9)
    grid = Grid.from_spacing((24, 24, 24), (3.0, 1.0, 1.5))
    low = [round(float(v)) for v in grid.kji(fused.grid.ras((0, 0, 0)))]
    box = tuple(slice(o, o + n) for o, n in zip(low, fused.map.shape, strict=True))
    assert np.abs(fused.map - direct.map[box]).max() <= 1e-6 * np.abs(direct.map).max()


def test_cells_off_the_lattice_keep_their_sum_and_their_centre():
    rng = np.random.default_rng(0)
    cells, stride, valid = (4, 4, 4), (8.0, 4.0, 2.0), (60, 40, 20)
    starts = [(3.0, 1.0, 0.0), (14.0, 2.0, 3.0), (17.4, 12.0, 6.0)]
    lattice = Lattice(starts, cells, stride, valid)
    assert lattice.step == (4.0, 2.0, 1.0)
    total, moment = 0.0, np.zeros(3)
    for start in starts:
        values = rng.normal(size=cells).astype(np.float32)
        values[0] = values[-1] = 0  # away from the border, where hats are cut
        values[:, 0] = values[:, -1] = 0
        values[:, :, 0] = values[:, :, -1] = 0
        lattice.add(values, start)
        total += values.sum(dtype=np.float64)
        grid = np.meshgrid(*[s + d * np.arange(n) for s, d, n in zip(start, stride, cells, strict=True)], indexing="ij")
        moment += [float((g * values).sum(dtype=np.float64)) for g in grid]
    points = np.meshgrid(
        *[o + d * np.arange(n) for o, d, n in zip(lattice.origin, lattice.step, lattice.total.shape, strict=True)],
        indexing="ij",
    )
    assert lattice.total.sum(dtype=np.float64) == pytest.approx(total, abs=1e-4)
    assert [float((g * lattice.total).sum(dtype=np.float64)) for g in points] == pytest.approx(moment, abs=2e-3)


@pytest.mark.parametrize("noise", [0, 1e-7, 2e-6, 1e-5])
def test_a_cell_half_in_the_padding_is_kept_whatever_the_noise_of_its_measured_centre(noise):
    start = (-8.0 - noise, 0.0, 0.0)
    lattice = Lattice([start], (4, 1, 1), (16, 16, 16), (32, 1, 1))
    lattice.add(np.ones((4, 1, 1), dtype=np.float32), start)
    assert lattice.total.ravel().tolist() == [1, 1, 1] and lattice.outside == 1


def test_without_a_tolerance_no_window_is_left_out_however_little_it_weighs():
    size = (16, 16, 16)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        plan = WindowPlan((40, 40, 40), size, stepping(size, (8, 8, 8)), np.maximum(gaussian(size, 0.06), 6e-8))
        low = rng.integers(2, 12, 3)
        mask = np.zeros((40, 40, 40), dtype=np.float32)
        mask[tuple(slice(a, a + n) for a, n in zip(low, rng.integers(5, 20, 3), strict=True))] = 1
        seeds = Seeds.of(plan, mask)
        meeting = [o for o in plan.offsets if plan.overlap(o, seeds.low, seeds.high)]
        assert set(seeds.touched) == {o for o in meeting if seeds.window(plan, o, 1).any()} and seeds.dropped == 0


def test_the_logits_handed_out_are_the_callers_own():
    array, _ = case()
    session = open_session(model(windows()), Image(array, GRID))
    before = session.predict(1).voxels
    session.logits()[:] = 0
    assert session.predict(1).voxels == before > 0


def test_windows_with_gaps_or_repeats_are_refused():
    array, mask = case()
    gaps = Windows((8, 8, 8), lambda shape: [(0, 0, 0)], gaussian((8, 8, 8)))
    twice = Windows((8, 8, 8), lambda shape: [(0, 0, 0), (0, 0, 0)], gaussian((8, 8, 8)))
    for wrong, words in ((gaps, "gaps"), (twice, "twice")):
        with pytest.raises(ModelError, match=words):
            ask(model(wrong), array, mask, "encoder.1")


def test_cells_in_the_padding_are_counted_and_left_out():
    lattice = Lattice([(-4.0, 0.0, 0.0)], (8, 4, 4), (2.0, 2.0, 2.0), (8, 8, 8))
    lattice.add(np.ones((8, 4, 4), dtype=np.float32), (-4.0, 0.0, 0.0))
    # cells at -4 and -2 .. 10: those from -1 to 8 are within half a cell of the image
    assert lattice.origin == (0.0, 0.0, 0.0) and lattice.total.shape == (5, 4, 4)
    assert lattice.outside == 3 * 16 and lattice.total.sum() == 5 * 16


def test_the_tolerance_leaves_out_the_windows_that_matter_least_and_says_how_much():
    array, mask = case(where=(slice(1, 11), slice(2, 14), slice(2, 18)))
    m = model(windows())
    plan = WindowPlan.of(m.windows, SHAPE)
    exact, fast = ask(m, array, mask, "encoder.1"), ask(m, array, mask, "encoder.1", tolerance=0.1)
    run = fast.provenance["windows"]
    shares = sorted(Seeds.of(plan, mask.astype(np.float32)).touched.values())
    dropped = len(shares) - run["run"]
    assert dropped > 0 and run["weight_left_out"] == pytest.approx(sum(shares[:dropped]), abs=1e-5)
    assert run["weight_left_out"] <= 0.1 < sum(shares[: dropped + 1])
    assert any("were left out" in note for note in fast.notes) and not any("left out" in note for note in exact.notes)


def test_the_default_pixel_set_is_the_fused_prediction():
    array, _ = case()
    m = model(windows(mirror=(0,)))
    truth = slow_logits(m, array, WindowPlan.of(m.windows, SHAPE)).argmax(dim=0).numpy() == 1
    found = open_session(m, Image(array, GRID)).predict("lesion")
    assert (found.weights > 0).mean() > 0 and ((found.weights > 0) == truth).all()
    (answer,) = explain(m, Image(array, GRID), class_index=1, layers="encoder.1")
    assert answer.provenance["pixel_set_voxels"] == int(truth.sum())


def test_a_2d_network_goes_through_a_volume_slice_by_slice():
    array, mask = case((5, 16, 16), (slice(1, 3), slice(4, 9), slice(5, 11)))
    size = (1, 16, 16)
    m = model(Windows(size, stepping(size, (1, 16, 16)), np.ones(size, dtype=np.float32)), dims=2)
    found = ask(m, array, mask, "encoder.1")
    grid = Grid.from_spacing((5, 16, 16), (3.0, 1.0, 1.5))
    assert found.provenance["windows"]["run"] == 2 and found.map.shape[0] == 2
    assert found.grid.ras((0, 0, 0))[2] == pytest.approx(grid.ras((1, 0, 0))[2])
    flat = model(None, dims=2)
    for place, k in enumerate((1, 2)):
        one = Grid.from_spacing((1, 16, 16), (3.0, 1.0, 1.5))
        (truth,) = explain(
            flat, Image(array[:, k : k + 1], one), PixelSet(mask[k : k + 1], one), class_index=1, layers="encoder.1"
        )
        assert np.abs(found.map[place] - truth.map[0]).max() <= 1e-6 * np.abs(truth.map).max()


@pytest.mark.parametrize("pool", [False, True])
def test_a_bright_cue_is_found_through_windows_on_an_oblique_grid(pool):
    """A network that copies brightness: the hottest place is the cue's, to half a cell, whatever window it lies in."""
    torch.manual_seed(1)
    network = toys.make(kind="none", pool=pool)
    for parameter in network.parameters():
        parameter.data.abs_()  # positive weights: more light, more evidence
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.diag([1.5, 0.9, 2.5])
    matrix[:3, 3] = (-20, 30, 7)
    shape = (30, 34, 38)
    grid = Grid(shape, matrix)
    size = (16, 16, 16)
    off = Windows(size, stepping(size, (7, 9, 5)), gaussian(size))
    m = PlainModel(network, CLASSES, windows=off)
    for cue in ((13, 17, 21), (9, 22, 15)):
        array = np.zeros((1, *shape))
        array[(0, *cue)] = 100.0
        place = tuple(slice(c - 3, c + 4) for c in cue)
        mask = np.zeros(shape)
        mask[place] = 1
        (found,) = explain(
            m, Image(array, grid), PixelSet(mask, grid), class_index=1, layers="encoder.2", side="reading"
        )
        weights = np.clip(found.map, 0, None)
        cells = np.stack(np.meshgrid(*[np.arange(n) for n in weights.shape], indexing="ij"), axis=-1)
        centre = (found.grid.ras(cells.reshape(-1, 3)) * weights.reshape(-1, 1)).sum(0) / weights.sum()
        error = np.abs(grid.kji(centre) - np.array(cue))
        assert (error <= np.array(found.layer.stride) / 2).all(), error


def test_methods_say_whether_their_window_maps_add_up():
    assert method("seg_hires_grad_cam").local and method("seg_xres_cam").local
    sums = torch.tensor([2.0, -4.0])
    assert torch.equal(method("seg_grad_cam").channel_weights(sums, 8), sums / 8)
    assert method("seg_hires_grad_cam").channel_weights(sums, 8) is None
