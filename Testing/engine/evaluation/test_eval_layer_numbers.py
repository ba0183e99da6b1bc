"""Cancellation, phantom mass, completeness gap: closed forms, brute force over windows, mirrorings and folds."""

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from engine import toys
from engine.windowed_models import CLASSES, class_seed, slow_gradients, windows
from engine.windowed_models import case as window_case
from engine.windowed_models import model as windowed_model
from seghirescam.cam.logits.score import ClassLogit
from seghirescam.cam.methods.grad import SegGradCam
from seghirescam.cam.placement.windows import WindowPlan
from seghirescam.evaluation.painting.rerun import Rerun
from seghirescam.evaluation.trust.layer_numbers import (
    EPSILONS,
    cancellation,
    completeness_gap,
    layer_numbers,
    phantom_mass,
    silenced,
)
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.errors import LayerError, PixelSetError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session

ELEMENTWISE = ("seg_hires_grad_cam", "seg_layer_cam")
WINDOWED_SHAPE = (8, 12, 12)
WINDOWED = Grid.from_spacing(WINDOWED_SHAPE, (3.0, 1.0, 1.5))


def a_case(dims=3, size=8):
    shape = (size,) * 3 if dims == 3 else (1, 2 * size, 2 * size)
    grid = Grid.from_spacing(shape, (2.0, 1.0, 1.5))
    mask = np.zeros(shape)
    mask[tuple(slice(n // 4, n // 2) for n in shape) if dims == 3 else (0, slice(4, 9), slice(5, 12))] = 1
    return Image(np.random.default_rng(dims).normal(size=shape), grid), PixelSet(mask, grid, "lesion")


def asked(dims=3, kind="none", layer="encoder.1", methods=("seg_hires_grad_cam",), dtype=torch.float64, size=8):
    """(session, pixel set, explanations, A, g by plain autograd)"""
    image, pixels = a_case(dims, size)
    network = toys.make(dims=dims, kind=kind).to(dtype)
    session = open_session(PlainModel(network, CLASSES, spatial_dims=dims), image)
    answers = session.ask(pixels, class_index=1, layers=layer, methods=methods)
    twin = toys.make(dims=dims, kind=kind, inplace=False)
    tensor = torch.tensor(image.array.astype(np.float32), dtype=torch.float64)[None]
    weights = torch.tensor(pixels.weights, dtype=torch.float64)
    tensor, weights = (tensor, weights) if dims == 3 else (tensor[:, :, 0], weights[0])
    a, g = toys.slow_truth(twin, tensor, layer, lambda y: (y[0, 1] * weights).sum())
    return session, pixels, answers, a.numpy(), g.numpy()


def ratio(gradients):
    """sum_k |sum_u g| / sum |g| by plain loops; gradients: one [K, *cells] a channel set with sums of its own."""
    top = sum(abs(math.fsum(channel.ravel())) for g in gradients for channel in g)
    return top / sum(math.fsum(abs(channel).ravel()) for g in gradients for channel in g)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", ["none", "batch", "instance"])
def test_the_cancellation_ratio_is_that_of_plain_autograd_and_takes_no_new_pass(dims, kind):
    session, pixels, _, _, g = asked(dims, kind)
    passes = session.forward_calls
    found = cancellation(session, pixels, class_index=1, layer="encoder.1")
    assert found.value == pytest.approx(ratio([g]), rel=1e-6) and 0 < found.value < 1
    assert session.forward_calls == passes
    other = cancellation(session, pixels, class_index=1, layer="encoder.1", score="contrast", rival=2)
    assert other.ok and other.value != found.value


def test_instance_normalisation_drives_the_cancellation_ratio_to_zero():
    """Its output does not change when its input is shifted: the gradients in front of it add up to exactly nothing."""
    found = {}
    for kind in ("none", "batch", "instance"):
        session, pixels, *_ = asked(3, kind, "encoder.1.conv")
        found[kind] = cancellation(session, pixels, class_index=1, layer="encoder.1.conv").value
    assert found["instance"] < 1e-12 < 1e-2 < min(found["none"], found["batch"])
    session, pixels, *_ = asked(3, "instance", "encoder.1.conv", dtype=torch.float32)
    assert cancellation(session, pixels, class_index=1, layer="encoder.1.conv").value < 1e-5


def test_at_the_last_layer_averaging_cancels_nothing():
    session, pixels, *_ = asked(3, "batch", "decoder.1")
    assert cancellation(session, pixels, class_index=1, layer="decoder.1").value == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("dims", [2, 3])
def test_phantom_mass_is_that_of_plain_loops_and_zero_for_elementwise_maps(dims):
    methods = (*ELEMENTWISE, "seg_grad_cam")
    session, pixels, answers, _, g = asked(dims, "none", "encoder.0", methods, size=16 if dims == 3 else 8)
    passes = session.forward_calls
    largest = np.abs(g).max(axis=0)
    for answer in answers:
        found = phantom_mass(session, answer, pixels)
        assert list(found) == list(EPSILONS)
        evidence = np.maximum(answer.map.astype(float), 0).reshape(largest.shape)
        for eps, value in found.items():
            without = largest <= eps * largest.max()
            assert value.value == pytest.approx(evidence[without].sum() / evidence.sum(), abs=1e-6)
            assert value.chance == pytest.approx(without.mean(), abs=1e-12)
        if answer.method in ELEMENTWISE:
            assert found[0.0].value == 0
        else:
            assert found[0.0].value > 0.1  # cells that cannot reach M at all
    assert session.forward_calls == passes


def test_eps_counts_more_cells_as_it_grows():
    session, pixels, (answer,), *_ = asked(3, "instance", "encoder.0", ("seg_grad_cam",), size=16)
    values = [v.value for v in phantom_mass(session, answer, pixels, epsilons=(0, 1e-6, 1e-3, 1e-2, 1)).values()]
    assert values == sorted(values) and values[-1] == 1
    assert values[0] == 0 < values[3]  # behind instance normalisation every cell has a gradient


def linear(dtype):
    torch.manual_seed(4)
    return nn.Sequential(
        nn.Conv3d(1, 5, 3, stride=2, padding=1), nn.ReLU(), nn.Conv3d(5, 6, 3, padding=1),
        nn.ConvTranspose3d(6, 4, 2, 2), nn.Conv3d(4, 3, 1),
    ).to(dtype)  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("layer", ["1", "2", "3"])
def test_at_a_linear_tail_the_gap_is_below_a_millionth(dtype, layer):
    image, pixels = a_case()
    session = open_session(PlainModel(linear(dtype), CLASSES), image)
    answers = session.ask(pixels, class_index=1, layers=layer, methods=("seg_hires_grad_cam", "seg_grad_cam"))
    hires, grad = (completeness_gap(session, answer, pixels) for answer in answers)
    with silenced(session.model, layer):
        zero = Rerun(session.model).see(image).mean_score(pixels, ClassLogit(1)) * pixels.weights.sum()
    # S and S(0) are rounded, so their difference is known to a millionth of S, which may be more than of itself
    assert hires.value * abs(answers[0].score - zero) < 1e-6 * abs(answers[0].score)
    assert hires.value < 1e-6 or dtype == torch.float32
    assert grad.value > 1e-2  # the same layer, averaged


@pytest.mark.parametrize("score, rival", [("logit", None), ("contrast", 2), ("log_odds", None)])
def test_the_gap_is_that_of_a_forward_with_the_layer_at_zero(score, rival):
    image, pixels = a_case()
    network = toys.make(kind="instance")
    session = open_session(PlainModel(network, CLASSES), image)
    (answer,) = session.ask(pixels, class_index=1, layers="encoder.1", score=score, rival=rival)
    twin = toys.make(kind="instance", inplace=False)
    handle = twin.encoder[1].register_forward_hook(lambda m, i, o: torch.zeros_like(o))
    with torch.no_grad():
        y = twin(torch.tensor(image.array.astype(np.float32), dtype=torch.float64)[None])[0]
    handle.remove()
    others = {"logit": 0 * y[1], "contrast": y[2], "log_odds": torch.logsumexp(y[[0, 2]], dim=0)}
    zero = float(((y[1] - others[score]) * torch.tensor(pixels.weights)).sum())
    calls = session.forward_calls
    found = completeness_gap(session, answer, pixels)
    done = answer.score - zero
    assert found.value == pytest.approx(abs(answer.total - done) / abs(done), rel=1e-4) and found.value > 1e-3
    assert session.forward_calls == calls  # its one forward is not the session's


@pytest.mark.parametrize("folds, mirror", [(1, ()), (2, (1,))])
def test_over_windows_mirrorings_and_folds_the_numbers_are_those_of_brute_force(folds, mirror):
    array, mask = window_case(WINDOWED_SHAPE, (slice(2, 5), slice(3, 7), slice(2, 6)))
    m = windowed_model(windows(mirror=mirror), kind="none", folds=folds)
    plan = WindowPlan.of(m.windows, WINDOWED_SHAPE)
    pixels = PixelSet(mask, WINDOWED, "lesion")
    session = open_session(m, Image(array, WINDOWED))
    hires, grad = session.ask(pixels, class_index=1, layers="encoder.1", methods=("seg_hires_grad_cam", "seg_grad_cam"))
    total, runs = slow_gradients(m, array.astype(np.float32).astype(float), plan, "encoder.1", class_seed(mask))
    sums = {}
    for fold, _, flip, _, g in runs:
        sums[(fold, flip)] = sums.get((fold, flip), 0) + g.flatten(1).sum(dim=1)
    top = sum(float(s.abs().sum()) for s in sums.values())
    calls = session.forward_calls
    found = cancellation(session, pixels, class_index=1, layer="encoder.1")
    assert session.forward_calls == calls  # all windows' passes were kept
    assert len(sums) == folds * 2 ** len(mirror)
    assert found.value == pytest.approx(top / sum(float(r[4].abs().sum()) for r in runs), rel=1e-5)
    # the gap: every network's layer at zero, in every window
    with silenced(m, "encoder.1"):
        zero = Rerun(m).see(session.image).mean_score(pixels, ClassLogit(1)) * mask.sum()
    brute = abs(hires.total - (total - zero)) / abs(total - zero)
    assert completeness_gap(session, hires, pixels).value == pytest.approx(brute, rel=1e-4)
    # cells no window's M can reach are exactly those of zero largest gradient in all runs
    own, averaged = phantom_mass(session, hires, pixels), phantom_mass(session, grad, pixels)
    assert own[0.0].value == 0 and averaged[1e-2].value >= averaged[0.0].value
    if folds == 1:
        # offsets are multiples of the stride: the windows' cells lie on one grid, and the sums can be made by hand
        lattice = np.zeros(np.array(WINDOWED_SHAPE) // 2)
        for _, offset, _, _, g in runs:
            place = tuple(slice(o // 2, o // 2 + n) for o, n in zip(offset, g.shape[1:], strict=True))
            lattice[place] += g.abs().amax(dim=0).numpy()
        assert hires.map.shape == grad.map.shape == lattice.shape
        for eps, value in averaged.items():
            without = lattice <= eps * lattice.max()
            evidence = np.maximum(grad.map.astype(float), 0)
            assert value.value == pytest.approx(evidence[without].sum() / evidence.sum(), abs=1e-5)


def test_a_windowed_model_with_a_linear_tail_has_no_gap():
    array, mask = window_case(WINDOWED_SHAPE, (slice(2, 5), slice(3, 7), slice(2, 6)))
    model = PlainModel(linear(torch.float32), CLASSES, windows=windows())
    pixels = PixelSet(mask, WINDOWED, "lesion")
    session = open_session(model, Image(array, WINDOWED))
    (answer,) = session.ask(pixels, class_index=1, layers="1")
    assert completeness_gap(session, answer, pixels).value < 1e-5


def test_a_2d_network_on_a_volume_is_asked_slice_by_slice():
    array, mask = window_case((4, 16, 16), (slice(1, 3), slice(4, 9), slice(5, 11)))
    grid = Grid.from_spacing((4, 16, 16))
    model = PlainModel(toys.make(dims=2, kind="none").float(), CLASSES, spatial_dims=2)
    found = layer_numbers(
        model, Image(array, grid), PixelSet(mask, grid, "lesion"), class_index=1, layer="decoder.1",
        methods=["seg_hires_grad_cam"],
    )  # fmt: skip
    assert found.gap["seg_hires_grad_cam"].value < 1e-5
    assert found.phantom["seg_hires_grad_cam"][0.0].value == 0
    assert found.cancellation.value == pytest.approx(1, abs=1e-6)


def test_all_numbers_come_from_one_question_and_a_forward_a_gap():
    image, pixels = a_case()
    model = PlainModel(toys.make(kind="batch"), CLASSES)
    session = open_session(model, image)
    found = layer_numbers(model, image, pixels, class_index=1, layer="encoder.1", session=session)
    assert session.forward_calls == 1
    assert found.layer == "encoder.1" and [e.method for e in found.explanations] == list(found.gap)
    hires, grad = found.explanations
    assert found.phantom["seg_grad_cam"] == phantom_mass(session, grad, pixels)
    assert found.gap["seg_hires_grad_cam"] == completeness_gap(session, hires, pixels)
    assert found.cancellation == cancellation(session, pixels, class_index=1, layer="encoder.1")
    again = layer_numbers(model, image, pixels, class_index="lesion", layer="encoder.1")
    assert again.to_json() == found.to_json()
    json.dumps(found.to_json(), allow_nan=False)


class Dead(nn.Module):
    """The layer reaches the output through a ReLU that is closed everywhere: every gradient is zero."""

    def __init__(self, scale=0.0):
        super().__init__()
        self.conv, self.relu, self.head = nn.Conv3d(1, 4, 1), nn.ReLU(), nn.Conv3d(4, 3, 1)
        self.scale = scale
        nn.init.ones_(self.conv.weight)
        nn.init.constant_(self.conv.bias, 9.0)

    def forward(self, x):
        return self.head(self.relu(self.conv(x) - 1000))


def test_zero_gradients_zero_maps_and_layers_without_effect_are_statuses():
    image, pixels = a_case()
    session = open_session(PlainModel(Dead(), CLASSES), image)
    assert cancellation(session, pixels, class_index=1, layer="conv").status == "zero_map"
    (answer,) = session.ask(pixels, class_index=1, layers="conv")
    assert {v.status for v in phantom_mass(session, answer, pixels).values()} == {"zero_map"}
    gap = completeness_gap(session, answer, pixels)
    assert gap.status == "too_small" and "does not change" in gap.note


def test_infinite_activations_are_statuses():
    image, pixels = a_case()

    class Overflows(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv3d(1, 4, 1), nn.Conv3d(4, 3, 1)

        def forward(self, x):
            return self.head(self.conv(x * 1e38 * 1e3))

    session = open_session(PlainModel(Overflows(), CLASSES), image)
    (answer,) = session.ask(pixels, class_index=1, layers="conv")
    assert completeness_gap(session, answer, pixels).status == "nonfinite"
    assert {v.status for v in phantom_mass(session, answer, pixels).values()} == {"nonfinite"}


def test_gradients_that_are_not_finite_keep_no_share():
    """sqrt of a negative number: NaN gradients."""
    image, pixels = a_case()

    class Roots(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv3d(1, 4, 1), nn.Conv3d(4, 3, 1)

        def forward(self, x):
            return self.head(torch.sqrt(self.conv(x)))

    session = open_session(PlainModel(Roots(), CLASSES), image)
    found = cancellation(session, pixels, class_index=1, layer="conv")
    assert found.status == "nonfinite" and found.value is None and "gradients" in found.note
    (answer,) = session.ask(pixels, class_index=1, layers="conv", methods=["seg_grad_cam"])
    assert answer.status == "nonfinite" and not any("nan" in note for note in answer.notes)
    gradient = torch.ones(2, 3, 3, 3)
    for bad in (math.nan, math.inf):
        gradient[0, 0, 0, 0] = bad
        assert SegGradCam().numbers(None, gradient)["cancellation"].status == "nonfinite"


def test_maps_in_another_unit_or_of_the_image_are_not_measured():
    image, pixels = a_case()
    session = open_session(PlainModel(toys.make().float(), CLASSES), image)
    eigen, at_input = session.ask(
        pixels, class_index=1, layers="encoder.2", methods=("seg_eigen_cam", "input_x_gradient")
    )
    assert completeness_gap(session, eigen, pixels).status == "not_measured"
    assert phantom_mass(session, eigen, pixels)[1e-6].ok
    assert completeness_gap(session, at_input, pixels).status == "not_measured"
    assert phantom_mass(session, at_input, pixels)[1e-6].status == "not_measured"


def test_another_pixel_set_than_the_map_s_is_refused():
    session, pixels, (answer,), *_ = asked()
    other = PixelSet(np.flip(pixels.weights).copy(), pixels.grid, "other")
    for number in (phantom_mass, completeness_gap):
        with pytest.raises(PixelSetError, match="another pixel set"):
            number(session, answer, other)
    with pytest.raises(LayerError, match="nowhere"):
        cancellation(session, pixels, class_index=1, layer="nowhere")


def test_the_numbers_are_no_methods_anybody_can_choose():
    from seghirescam.cam.methods import methods

    assert not [name for name in methods() if name.startswith("_")]


def test_a_call_of_a_shared_module_is_silenced_and_no_other():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.mix, self.head = nn.Conv3d(1, 1, 1), nn.Conv3d(1, 3, 1)

        def forward(self, x):
            return self.head(self.mix(self.mix(x)))

    network, x = Shared(), torch.randn(1, 1, 2, 2, 2)
    model = PlainModel(network, CLASSES)
    for call, truth in (
        ("mix#1", lambda: network.head(network.mix(torch.zeros_like(x)))),
        ("mix#2", lambda: network.head(torch.zeros_like(x))),
    ):
        with torch.no_grad(), silenced(model, call):
            found = [network(x), network(x)]
        with torch.no_grad():
            assert all(torch.equal(f, truth()) for f in found)


@pytest.mark.parametrize("windowed", [False, True])
def test_the_network_is_left_as_it_was_also_when_the_work_is_stopped(windowed):
    array, mask = window_case(WINDOWED_SHAPE, (slice(2, 5), slice(3, 7), slice(2, 6)))
    pixels, image = PixelSet(mask, WINDOWED, "lesion"), Image(array, WINDOWED)
    network = toys.make().float().train()
    model = PlainModel(network, CLASSES, windows=windows() if windowed else None)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    session = open_session(model, image)

    class Stop(Exception):
        pass

    for moment in (0.1, 0.5, 0.8, 0.99):

        def stop(fraction, words, moment=moment):
            if fraction > moment:
                raise Stop

        with pytest.raises(Stop):
            layer_numbers(model, image, pixels, class_index=1, layer="encoder.1", session=session, progress=stop)
        assert all(m.training and not m._forward_hooks and not m._forward_pre_hooks for m in network.modules())
        assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
        assert all(p.grad is None for p in network.parameters())
