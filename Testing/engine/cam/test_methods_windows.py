"""Methods that need more than A and g over sliding windows, mirrorings and folds: sums, notes and refusals."""

import numpy as np
import pytest
import torch

from engine import toys
from engine.windowed_models import CLASSES, SHAPE, case, gaussian, model, runs, windows
from seghirescam.cam.methods.ablation import SegAblationCam
from seghirescam.cam.methods.cam import Cam
from seghirescam.cam.methods.full_grad import SegFullGrad
from seghirescam.cam.methods.input_maps import InputXGradient, IntegratedGradients, Saliency
from seghirescam.cam.methods.lift import SegLiftCam
from seghirescam.cam.methods.plus_plus import SegGradCamPlusPlus
from seghirescam.cam.methods.score_cam import SegScoreCam
from seghirescam.cam.placement.windows import WindowPlan
from seghirescam.models.plain import PlainModel
from seghirescam.models.segmentation_model import Windows
from seghirescam.protocol.errors import CancelledError, MethodError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain
from seghirescam.session.opening import open_session

SETTINGS = [{"mirror": ()}, {"mirror": (0, 2)}, {"mirror": (1,), "folds": 2}]


def asked(m, array, mask, methods, layer="decoder.1", **more):
    grid = Grid.from_spacing(mask.shape, (3.0, 1.0, 1.5))
    return explain(m, Image(array, grid), PixelSet(mask, grid), class_index=1, layers=layer, methods=methods, **more)


def made(settings, **more):
    settings = dict(settings)
    return model(windows(mirror=settings.pop("mirror")), **settings, **more)


def fused_gradient(m, array, mask):
    """(S, dS/dx, x) of the whole fusion by one backward pass through it, float64."""
    volume = torch.tensor(array, dtype=torch.float32).double()[None].requires_grad_()
    plan, total = WindowPlan.of(m.windows, SHAPE), 0
    weight = torch.tensor(sum_of_weights(plan)) * len(m.networks) * len(plan.flips)
    for network, offset, flip in runs(plan, m):
        place = tuple(slice(o, o + s) for o, s in zip(offset, plan.size, strict=True))
        y = network(volume[(slice(None), slice(None), *place)].flip([2 + a for a in flip]))
        y = y[0, 1].flip(flip) * torch.tensor(plan.importance) / weight[place]
        total = total + (y * torch.tensor(mask[place])).sum()
    (gradient,) = torch.autograd.grad(total, volume)
    return total.item(), gradient[0].numpy(), volume[0].detach().numpy()


def sum_of_weights(plan):
    total = np.zeros(plan.shape)
    for offset in plan.offsets:
        total[tuple(slice(o, o + s) for o, s in zip(offset, plan.size, strict=True))] += plan.importance
    return total


def on_volume(found, shape=SHAPE):
    """A map at full resolution, which covers the windows that were run, pasted into the volume."""
    grid = Grid.from_spacing(shape, (3.0, 1.0, 1.5))
    first = np.round(grid.kji(found.grid.ras((0, 0, 0)))).astype(int)
    whole = np.zeros(shape)
    whole[tuple(slice(o, o + n) for o, n in zip(first, found.map.shape, strict=True))] = found.map
    return whole


@pytest.mark.parametrize("settings", SETTINGS)
def test_input_x_gradient_is_that_of_the_fused_score(settings):
    pytest.importorskip("captum")
    array, mask = case()
    m = made(settings)
    total, gradient, x = fused_gradient(m, array, mask)
    (found,) = asked(m, array, mask, InputXGradient())
    slow = (gradient * x).sum(axis=0)
    assert found.score == pytest.approx(total, rel=1e-6)
    assert np.abs(on_volume(found) - slow).max() < 2e-6 * np.abs(slow).max()
    assert not any("no exact whole-volume form" in note for note in found.notes)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", ["batch", "instance"])
def test_full_grad_is_complete_over_all_windows(settings, kind):
    array, mask = case()
    m = made(settings, kind=kind)
    (found,) = asked(m, array, mask, SegFullGrad("signed"))
    assert found.layer.name == "input"
    assert found.total == pytest.approx(found.score, rel=1e-5)
    assert abs(found.provenance["gap"]) < 1e-9
    assert "the gap is" in " ".join(found.notes) and found.provenance["forwards"] >= found.provenance["windows"]["run"]


@pytest.mark.parametrize("settings", SETTINGS)
def test_cropped_cam_and_lift_at_the_last_layer_are_hires_over_all_windows(settings):
    array, mask = case()
    m = made(settings)
    hires, cam, lift = asked(m, array, mask, ["seg_hires_grad_cam", Cam(crop=True), SegLiftCam(1, "cells")])
    for found in (cam, lift):
        assert found.score == pytest.approx(hires.score, rel=1e-9)
        assert np.abs(found.map - hires.map).max() < 2e-6 * np.abs(hires.map).max()
        assert found.grid.same_as(hires.grid)
    (alone,) = asked(m, array, mask, Cam(crop=True))
    assert alone.score == pytest.approx(hires.score, rel=1e-9) and np.array_equal(alone.map, cam.map)


def test_one_window_equals_the_direct_way_for_every_context_method():
    pytest.importorskip("captum")
    array, mask = case((16, 16, 16))
    whole = Windows((16, 16, 16), lambda shape: [(0, 0, 0)], gaussian((16, 16, 16)))
    every = [
        *(SegAblationCam(), SegScoreCam(), SegLiftCam(3), SegFullGrad(), Cam(), "seg_eigen_cam"),
        *(Saliency(), IntegratedGradients(4), SegGradCamPlusPlus()),
    ]
    pairs = zip(*(asked(model(w), array, mask, every) for w in (None, whole)), strict=True)
    for direct, fused in pairs:
        assert direct.method == fused.method and direct.unit == fused.unit
        assert np.abs(fused.map - direct.map).max() <= 2e-5 * np.abs(direct.map).max(), direct.method
        assert fused.score == pytest.approx(direct.score, rel=1e-6)


def test_window_by_window_sums_say_so_and_what_has_no_meaning_is_refused():
    pytest.importorskip("captum")
    array, mask = case()
    m = made({"mirror": ()})
    for method in (SegAblationCam(), SegLiftCam(2), SegFullGrad("abs"), Saliency(), SegGradCamPlusPlus()):
        (found,) = asked(m, array, mask, method)
        assert any("window by window and added" in note for note in found.notes), method
    for method, match in (
        (SegScoreCam(), "masked versions of one image"),
        ("seg_eigen_cam", "no meaning for a model that averages"),
        ("seg_eigen_grad_cam", "no meaning for a model that averages"),
        (Cam(), "the fused logit minus its bias"),
    ):
        session = open_session(m, Image(array, Grid.from_spacing(SHAPE)))
        with pytest.raises(MethodError, match=match):
            session.ask(PixelSet(mask, Grid.from_spacing(SHAPE)), class_index=1, methods=method, layers="decoder.1")
        assert session.forward_calls == 0
    with pytest.raises(MethodError, match="not linear in the logits"):
        asked(m, array, mask, SegAblationCam(), score="log_odds")


def test_ablation_over_windows_equals_its_windows_one_by_one():
    array, mask = case()
    m = made({"mirror": ()})
    (found,) = asked(m, array, mask, SegAblationCam())
    plan, net = WindowPlan.of(m.windows, SHAPE), toys.make(inplace=False)
    weight = sum_of_weights(plan)
    slow, volume = np.zeros(SHAPE), torch.tensor(array)[None].float().double()
    for offset in plan.offsets:
        place = tuple(slice(o, o + s) for o, s in zip(offset, plan.size, strict=True))
        seed = torch.tensor(mask[place] * plan.importance / weight[place])
        if not seed.any():
            continue
        patch, kept = volume[(slice(None), slice(None), *place)], []
        handle = net.decoder[1].register_forward_hook(lambda mod, i, o, kept=kept: kept.append(o.detach().clone()))
        with torch.no_grad():
            whole = float((net(patch)[0, 1] * seed).sum())
        handle.remove()
        for k in range(kept[0].shape[1]):
            changed = kept[0].clone()
            changed[0, k] = 0
            handle = net.decoder[1].register_forward_hook(lambda mod, i, o, changed=changed: changed)
            with torch.no_grad():
                weight_k = whole - float((net(patch)[0, 1] * seed).sum())
            handle.remove()
            slow[place] += weight_k * kept[0][0, k].numpy()
    assert np.abs(on_volume(found) - slow).max() < 2e-5 * np.abs(slow).max()


def test_a_two_dimensional_network_slice_by_slice():
    rng = np.random.default_rng(0)
    array, mask = rng.normal(size=(1, 4, 8, 8)), np.zeros((4, 8, 8))
    mask[1:3, 2:6, 3:7] = 1
    slices = Windows((1, 8, 8), lambda shape: [(k, 0, 0) for k in range(shape[0])], np.ones((1, 8, 8), np.float32))
    m = PlainModel(toys.make(dims=2), CLASSES, windows=slices, spatial_dims=2)
    signed, ablation = asked(m, array, mask, [SegFullGrad("signed"), SegAblationCam()])[::-1]
    assert signed.map.shape == ablation.map.shape == (2, 8, 8)  # the slices that meet M
    assert signed.total == pytest.approx(signed.score, rel=1e-5)
    assert on_volume(signed, (4, 8, 8)).any(axis=(1, 2)).tolist() == [False, True, True, False]


def test_progress_and_cancelling_within_the_windows():
    array, mask = case()
    m, told = made({"mirror": ()}), []
    asked(m, array, mask, ["seg_hires_grad_cam", SegAblationCam()], progress=lambda f, p: told.append((f, p)))
    fractions = [f for f, _ in told]
    assert fractions == sorted(fractions) and told[-1] == (1.0, "done")
    assert any("Seg-Ablation-CAM, window 2 of" in phase for _, phase in told)

    def stop(fraction, phase):
        if "Seg-Ablation-CAM, window 2 of" in phase:
            raise CancelledError("Cancelled.")

    before = {n: sorted(x.__dict__) for n, x in m.network.named_modules()}
    with pytest.raises(CancelledError):
        asked(m, array, mask, SegAblationCam(), progress=stop)
    assert {n: sorted(x.__dict__) for n, x in m.network.named_modules()} == before
