"""The identities I1 to I17 of the methods, float64; I12 (windows) is in test_windows.py, I14 (tail) in test_tail.py."""

import itertools

import numpy as np
import pytest
import torch

from engine import toys
from engine.contexts import context
from seghirescam.cam.methods.ablation import SegAblationCam
from seghirescam.cam.methods.cam import Cam
from seghirescam.cam.methods.eigen import projection
from seghirescam.cam.methods.full_grad import SegFullGrad
from seghirescam.cam.methods.grad import SegGradCam
from seghirescam.cam.methods.hires import SegHiResGradCam
from seghirescam.cam.methods.layer_cam import SegLayerCam
from seghirescam.cam.methods.lift import SegLiftCam
from seghirescam.cam.methods.plus_plus import SegGradCamPlusPlus
from seghirescam.cam.methods.xgrad import SegXGradCam
from seghirescam.cam.methods.xres import SegXResCam
from seghirescam.cam.passes.capture import forward

LAST = "decoder.1"  # in front of the 1x1 head
HIRES, GRAD, XRES, XGRAD, LAYER, PP = (
    m() for m in (SegHiResGradCam, SegGradCam, SegXResCam, SegXGradCam, SegLayerCam, SegGradCamPlusPlus)
)


class Case:
    def __init__(self, layer, dims=3, kind="instance", weights=None, c=1, net=None):
        self.net = toys.make(dims=dims, kind=kind) if net is None else net
        self.image = toys.image(dims)
        self.weights = toys.mask(dims) if weights is None else weights
        done = forward(self.net, self.image, [layer])
        total = (done.logits[0, c] * self.weights).sum()
        self.a, self.g = done.activations[layer][0], done.gradients(total)[layer][0]
        self.logits, self.total, self.layer, self.c = done.logits[0].detach(), total.item(), layer, c

    @property
    def size(self):
        return float(self.weights.sum())

    def map(self, method):
        return method.map_of_mean(self.a, self.g, (1.0,) * (self.a.ndim - 1), self.size)

    def context(self, **more):
        return context(self.net, self.image, self.weights, self.layer, self.c, **more)


def near(one, other, tolerance=1e-10):
    one, other = (torch.as_tensor(values, dtype=torch.float64) for values in (one, other))
    return float((one - other).abs().max()) <= tolerance * max(float(other.abs().max()), 1e-30)


@pytest.mark.parametrize("dims", [2, 3])
def test_i1_to_i3_at_the_last_layer(dims):
    case = Case(LAST, dims)
    weight, bias = case.net.head.weight[1].detach().flatten(), case.net.head.bias[1].item()
    hires = case.map(HIRES)
    assert abs(float(hires.sum()) + case.size * bias - case.total) < 1e-10 * abs(case.total)  # I1
    shown = weight.view(-1, *[1] * dims) * case.weights
    assert near(case.g, shown) and near(hires, (case.logits[1] - bias) * case.weights)  # I2
    assert near(Cam().compute(case.context()).map, case.logits[1] - bias)  # I2c
    assert near(Cam(crop=True).compute(case.context()).map, hires)
    cells = case.weights.numel()
    assert near(GRAD.channel_weights(case.g.flatten(1).sum(dim=1), cells), weight * case.size / cells)  # I2d
    whole = Case(LAST, dims, weights=torch.ones_like(case.weights))
    assert near(whole.map(HIRES), whole.map(GRAD))  # I3


@pytest.mark.parametrize("layer", ["encoder.1", "decoder.0"])
def test_i4_to_i7_for_given_activations_and_gradients(layer):
    case = Case(layer)
    assert torch.equal(case.map(SegXResCam(0.4)), case.map(HIRES))  # I4
    assert near(case.map(SegXResCam(1000.0)), case.map(GRAD))
    for k in range(len(case.a)):  # I5, channel by channel
        one = XGRAD.map(case.a[k : k + 1], case.g[k : k + 1], (1.0,) * 3)
        assert abs(float(one.sum() - (case.g[k] * case.a[k]).sum())) < 1e-10 * float(
            (case.g[k] * case.a[k]).abs().sum()
        )
    assert abs(float(case.map(XGRAD).sum() - case.map(HIRES).sum())) < 1e-9 * float(case.map(HIRES).abs().sum())
    rest = ((-case.g).clamp_min(0) * case.a).sum(dim=0)
    assert near(case.map(LAYER) - case.map(HIRES), rest)  # I6
    constant = torch.linspace(0.1, 0.4, len(case.a), dtype=torch.float64).view(-1, 1, 1, 1).expand_as(case.a)
    positive = case.a.abs()
    n, total = case.a[0].numel(), positive.flatten(1).sum(dim=1)
    value = constant[:, 0, 0, 0]
    expected = torch.tensordot(n * value / (2 + value * total), positive, dims=1)
    assert near(PP.map(positive, constant, (1.0,) * 3), expected)  # I7


class LinearTail(torch.nn.Module):
    """Behind the first block nothing but linear layers."""

    def __init__(self, dims):
        super().__init__()
        torch.manual_seed(0)
        self.first = toys.Block(dims, 1, 5, kind="instance")
        self.down = toys.conv(dims, 5, 6, 3, stride=2, padding=1)
        self.up = toys.transposed(dims, 6, 4, 2, 2)
        self.head = toys.conv(dims, 4, 3, 1)

    def forward(self, x):
        return self.head(self.up(self.down(self.first(x))))


@pytest.mark.parametrize("dims", [2, 3])
def test_i8_i9_a_linear_tail_gives_every_channel_its_gradient_times_activation(dims):
    net = LinearTail(dims).double().eval()
    case = Case("first", dims, net=net)
    ctx = case.context()
    products = (case.g * case.a).flatten(1).sum(dim=1)
    ablated = []
    for k in range(5):
        changed = ctx.tail.activation.clone()
        changed[0, k] = 0
        ablated.append(float(ctx.scores(ctx.tail.logits)[0] - ctx.scores(ctx.tail(changed))[0]))
    assert near(ablated, products)  # I8
    start = float(ctx.scores(ctx.tail(torch.zeros_like(ctx.tail.activation)))[0])
    assert abs(sum(ablated) - (case.total - start)) < 1e-10 * abs(case.total)  # I9
    expected = torch.tensordot(products, case.a, dims=1)
    assert near(SegAblationCam().compute(ctx).map, expected)
    for steps in (1, 5):
        found = SegLiftCam(steps).compute(ctx)
        assert near(found.map, expected) and abs(found.balance.gap) < 1e-10


def test_i10_layer_integrated_gradients_become_complete_with_more_steps():
    # smooth activations: without kinks the error of the midpoint rule falls with the square of the steps
    net = toys.make(kind="batch")
    for name in ("encoder", "decoder"):
        for block in getattr(net, name):
            block.act = torch.nn.Softplus()
    case = Case("encoder.1", net=net)
    gaps = [abs(SegLiftCam(n).compute(case.context()).balance.gap) for n in (2, 8, 32, 128)]
    assert all(b < a / 8 for a, b in itertools.pairwise(gaps)) and gaps[-1] < 1e-6
    gaps = [abs(SegLiftCam(n).compute(Case("encoder.0", kind="batch").context()).balance.gap) for n in (4, 16, 64)]
    assert max(gaps) < 1e-3 and gaps[2] < 1e-4  # leaky ReLU: kinks


def test_behind_instance_norm_the_way_from_zero_is_nearly_a_jump_and_the_result_warns():
    found = SegLiftCam(16).compute(Case("encoder.1").context())
    assert abs(found.balance.gap) > 0.05 and "not settled" in found.notes[0]
    assert SegLiftCam(16).compute(Case("encoder.0", kind="batch").context()).notes == ()


@pytest.mark.parametrize("kind", ["none", "batch", "instance"])
@pytest.mark.parametrize("dims", [2, 3])
def test_i11_full_grad_is_complete_in_every_network(dims, kind):
    net, weights = toys.make(dims=dims, kind=kind), toys.mask(dims)
    ctx = context(net, toys.image(dims), weights)
    truth = float((net(toys.image(dims))[0, 1] * weights).sum())
    for form in ("signed", "abs"):
        found = SegFullGrad(form).compute(ctx)
        assert abs(found.balance.target - truth) < 1e-10 * abs(truth) and abs(found.balance.gap) < 1e-10
    assert abs(float(SegFullGrad("signed").compute(ctx).map.sum()) - truth) < 1e-10 * abs(truth)


def test_i13_the_eigenvector_of_the_gram_matrix_is_the_singular_vector():
    case = Case("encoder.2")
    cells = case.a.flatten(1).T.numpy()
    _, _, right = np.linalg.svd(cells, full_matrices=False)
    found = projection(case.a).flatten().numpy()
    assert abs(abs(np.corrcoef(found, cells @ right[0])[0, 1]) - 1) < 1e-10


def test_i15_scaled_logits_scale_the_maps_and_swapped_rows_swap_them():
    case = Case("encoder.1")
    with torch.no_grad():
        case.net.head.weight.mul_(3)
    more = Case("encoder.1", net=case.net)
    for method in (HIRES, GRAD, XRES, XGRAD, LAYER):
        assert near(more.map(method), 3 * case.map(method))
    one, other = case.map(PP), more.map(PP)
    assert not near(other / other.abs().max(), one / one.abs().max(), 1e-6)  # not ++
    case = Case("encoder.1")
    before = {c: Case("encoder.1", c=c).map(XGRAD) for c in (1, 2)}
    with torch.no_grad():
        case.net.head.weight[[1, 2]] = case.net.head.weight[[2, 1]].clone()
        case.net.head.bias[[1, 2]] = case.net.head.bias[[2, 1]].clone()
    for c in (1, 2):
        assert torch.equal(Case("encoder.1", net=case.net, c=c).map(XGRAD), before[3 - c])
    assert not near(before[1], before[2], 1e-3)


def test_i16_the_order_of_the_channels_changes_nothing():
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    net = toys.make(kind="none")
    plain = (HIRES, GRAD, XRES, XGRAD, LAYER, PP)
    special = (SegAblationCam(), SegLiftCam(4))
    maps = []
    for _ in range(2):
        case = Case("encoder.2", net=net)
        maps.append([case.map(m) for m in plain] + [m.compute(case.context()).map for m in special])
        maps[-1].append(projection(case.a))
        with torch.no_grad():
            net.encoder[2].conv.weight.copy_(net.encoder[2].conv.weight[order].clone())
            net.encoder[2].conv.bias.copy_(net.encoder[2].conv.bias[order].clone())
            net.up[0].weight.copy_(net.up[0].weight[order].clone())
    for one, other in zip(*maps, strict=True):
        assert near(one, other)


def test_i17_linear_methods_add_up_over_disjoint_pixel_sets():
    whole = toys.mask()
    part = whole * toys.mask(seed=9, share=0.5)
    cases = [Case("encoder.1", weights=w) for w in (part, whole - part, whole)]
    for method in (HIRES, GRAD, SegXResCam(2.0), XGRAD):
        one, other, both = (c.map(method) for c in cases)
        assert near(one + other, both)
    for method in (SegAblationCam(), SegLiftCam(4), SegLiftCam(4, "cells"), SegFullGrad("signed"), Cam(crop=True)):
        layer = LAST if isinstance(method, Cam) else "encoder.1"
        one, other, both = (
            method.compute(context(c.net, c.image, c.weights, None if method.at_input else layer)).map for c in cases
        )
        assert near(one + other, both)
    assert not near(cases[0].map(LAYER) + cases[1].map(LAYER), cases[2].map(LAYER), 1e-6)  # ReLU is not linear
