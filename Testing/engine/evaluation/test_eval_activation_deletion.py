"""Cells of a layer masked and only the tail run again: closed forms at linear tails, replicas by full forwards."""

import numpy as np
import pytest
import torch
from torch import nn

from engine import toys
from engine.windowed_models import windows
from seghirescam.cam.logits.score import ClassLogit, Contrast, LogOdds
from seghirescam.evaluation.deletion.activation_deletion import activation_curve, activation_gain, layer_probe
from seghirescam.evaluation.deletion.blocks import falling
from seghirescam.evaluation.deletion.deletion_curves import FRACTIONS, deletion_curve
from seghirescam.evaluation.deletion.gains import gain_over_random
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.errors import EmptyPixelSetError, LayerError, MethodError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain

CLASSES = ("background", "lesion", "other")


def linear_tail(dims, dtype=torch.float64):
    """An encoder with a ReLU, behind it only linear layers: a strided step down, one up, a head with a bias."""
    torch.manual_seed(4)
    conv, up = (nn.Conv3d, nn.ConvTranspose3d) if dims == 3 else (nn.Conv2d, nn.ConvTranspose2d)
    return nn.Sequential(
        conv(1, 5, 3, stride=2, padding=1), nn.ReLU(), conv(5, 6, 3, padding=1), up(6, 4, 2, 2), conv(4, 3, 1)
    ).to(dtype)  # fmt: skip


def a_case(dims, size=8):
    shape = (size,) * 3 if dims == 3 else (1, 2 * size, 2 * size)
    grid = Grid.from_spacing(shape, (2.0, 1.0, 1.5))
    rng = np.random.default_rng(dims)
    mask = np.zeros(shape)
    mask[tuple(slice(n // 4, n // 2 + 1) for n in shape) if dims == 3 else (0, slice(4, 9), slice(5, 12))] = 1
    return Image(rng.normal(size=shape), grid), PixelSet(mask, grid, "lesion")


def explained(model, image, pixels, layer, method="seg_hires_grad_cam", **more):
    (answer,) = explain(model, image, pixels, class_index=1, layers=layer, methods=method, **more)
    return answer


def by_full_forwards(network, image, pixels, layer, removed, fill, score=None):
    """The mean score over M with cells of one layer replaced, by a hook and a full forward."""

    def hook(module, inputs, output):
        mask = torch.tensor(removed).reshape(output.shape[2:])
        mean = output.mean(dim=tuple(range(2, output.ndim)), keepdim=True)
        return torch.where(mask, mean if fill == "mean" else torch.zeros_like(mean), output)

    tensor = torch.tensor(image.array.astype(np.float32), dtype=next(network.parameters()).dtype)[None]
    weights = torch.tensor(pixels.weights)
    if next(network.parameters()).ndim == 4:
        tensor, weights = tensor[:, :, 0], weights[0]
    handle = network.get_submodule(layer).register_forward_hook(hook)
    with torch.no_grad():
        values = (score or ClassLogit(1)).values(network(tensor), "softmax")[0]
    handle.remove()
    return float((values * weights).sum() / weights.sum())


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("layer", ["1", "2", "3"])
def test_at_a_linear_tail_the_curve_is_one_minus_the_share_of_the_map_that_was_removed(dims, layer):
    image, pixels = a_case(dims)
    model = PlainModel(linear_tail(dims), CLASSES, spatial_dims=dims)
    answer = explained(model, image, pixels, layer)
    curve = activation_curve(model, image, pixels, ClassLogit(1), answer, seed=2)
    cells = answer.map.astype(np.float64).reshape(-1)
    order = falling(np.maximum(cells, 0), 2)
    steps = sorted({round(q * len(cells)) for q in FRACTIONS})
    held = np.concatenate([[0], np.cumsum(cells[order])])
    assert curve.fractions == pytest.approx([n / len(cells) for n in steps], abs=1e-12)
    if held[-1] > 0:
        assert curve.score == pytest.approx([1 - held[n] / held[-1] for n in steps], abs=1e-5)
    else:  # all in all this layer speaks against the class
        assert curve.score is None and curve.auc.status == "too_small"
    # and in units of the score: |M| times the drop is the part of the map that was taken away
    drops = [(curve.full - s) * pixels.weights.sum() for s in curve.logits]
    assert drops == pytest.approx([held[n] for n in steps], abs=1e-5 * np.abs(cells).sum())


@pytest.mark.parametrize("fill", ["zero", "mean"])
@pytest.mark.parametrize("dims, kind", [(2, "batch"), (3, "instance")])
def test_every_point_is_that_of_a_full_forward_with_the_cells_replaced(fill, dims, kind):
    network = toys.make(dims=dims, kind=kind)
    twin = toys.make(dims=dims, kind=kind, inplace=False)
    image, pixels = a_case(dims)
    model = PlainModel(network, CLASSES, spatial_dims=dims)
    rng = np.random.default_rng(0)
    for layer, score in (("encoder.1", ClassLogit(1)), ("decoder.1", Contrast(1, 2)), ("encoder.0", LogOdds(1))):
        with layer_probe(model, image, pixels, score, layer, fill=fill) as probe:
            assert probe.note == ""
            for share in (0.0, 0.3, 1.0):
                removed = rng.random(len(probe.sizes)) < share
                truth = by_full_forwards(twin, image, pixels, layer, removed, fill, score)
                assert probe.see(removed).score == pytest.approx(truth, rel=1e-10, abs=1e-10)


def test_a_true_map_gains_over_random_orders_and_its_opposite_loses():
    image, pixels = a_case(3)
    model = PlainModel(linear_tail(3), CLASSES)
    answer = explained(model, image, pixels, "1")
    gain = activation_gain(model, image, pixels, ClassLogit(1), answer, orders=3)
    assert gain.n == 3 and gain.logit.value > 3 * gain.logit_sd > 0
    back = activation_gain(model, image, pixels, ClassLogit(1), answer, orders=3, insertion=True)
    assert back.logit.value > 0
    with layer_probe(model, image, pixels, ClassLogit(1), "1") as probe:
        assert gain_over_random(probe, -answer.map, orders=3).logit.value < 0
    least = activation_curve(model, image, pixels, ClassLogit(1), answer, first="least")
    assert least.logit_auc.value > gain.curve.logit_auc.value


def test_cells_of_the_padding_are_never_masked():
    network = linear_tail(3)
    grid = Grid.from_spacing((7, 8, 5))
    image = Image(np.random.default_rng(0).normal(size=grid.shape), grid)
    pixels = PixelSet(np.ones(grid.shape), grid, "all")
    model = PlainModel(network, CLASSES, divisor=8)
    answer = explained(model, image, pixels, "1")
    assert answer.map.shape == (4, 4, 3)
    with layer_probe(model, image, pixels, ClassLogit(1), "1") as probe:
        assert len(probe.sizes) == answer.map.size
        drop = probe.see(np.zeros(48, bool)).score - probe.see(np.ones(48, bool)).score
    assert drop * pixels.weights.sum() == pytest.approx(answer.total, rel=1e-6)


def test_what_no_order_can_come_from_is_a_status():
    image, pixels = a_case(3)
    model = PlainModel(linear_tail(3), CLASSES)
    answer = explained(model, image, pixels, "1")
    with layer_probe(model, image, pixels, ClassLogit(1), "1") as probe:
        for bad, status in ((0 * answer.map, "zero_map"), (np.nan * answer.map, "nonfinite")):
            assert deletion_curve(probe, bad).auc.status == status
        assert probe.predictions == 0
        with pytest.raises(LayerError, match="made at this layer"):
            deletion_curve(probe, np.ones((2, 2, 2)))


def test_models_that_average_and_bad_questions_are_refused_in_a_sentence():
    image, pixels = a_case(3)
    network = linear_tail(3)
    model = PlainModel(network, CLASSES)
    args = (image, pixels, ClassLogit(1))
    for averaging in (
        PlainModel(network, CLASSES, windows=windows()),
        PlainModel(network, CLASSES, folds=[linear_tail(3)]),
        PlainModel(linear_tail(2), CLASSES, spatial_dims=2),
    ):
        with pytest.raises(MethodError, match="averages windows"), layer_probe(averaging, *args, "1"):
            pass
    with pytest.raises(MethodError, match="filling"), layer_probe(model, *args, "1", fill="noise"):
        pass
    with pytest.raises(LayerError, match="nowhere"), layer_probe(model, *args, "nowhere"):
        pass
    empty = PixelSet(np.zeros(pixels.grid.shape), pixels.grid, "nothing")
    with pytest.raises(EmptyPixelSetError, match="nothing"), layer_probe(model, image, empty, ClassLogit(1), "1"):
        pass


def test_the_network_is_left_as_it_was_also_when_the_work_is_stopped():
    image, pixels = a_case(3)
    network = toys.make(kind="batch").train()
    before = {n: sorted(m.__dict__) for n, m in network.named_modules()}
    state = {name: value.clone() for name, value in network.state_dict().items()}
    model = PlainModel(network, CLASSES)
    answer = explained(model, image, pixels, "encoder.1")
    told = []
    activation_curve(model, image, pixels, ClassLogit(1), answer, progress=lambda f, words: told.append(f))
    assert told == sorted(told) and told[-1] == 1.0

    class Stop(Exception):
        pass

    for moment in (0.15, 0.7):

        def stop(fraction, words, moment=moment):
            if fraction > moment:
                raise Stop

        with pytest.raises(Stop):
            activation_curve(model, image, pixels, ClassLogit(1), answer, progress=stop)
        assert {n: sorted(m.__dict__) for n, m in network.named_modules()} == before
        assert all(m.training and not m._forward_hooks and not m._forward_pre_hooks for m in network.modules())
        assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
        assert all(p.grad is None for p in network.parameters())
