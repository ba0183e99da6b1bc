"""Maps at the input level against plain autograd, float64; they need captum."""

import sys
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from engine import toys
from engine.contexts import NETWORKS, context, network, twin
from seghirescam.cam.methods import input_maps
from seghirescam.cam.methods.input_maps import (
    Deconvolution,
    GuidedBackpropagation,
    InputXGradient,
    IntegratedGradients,
    Saliency,
)
from seghirescam.protocol.errors import CancelledError, DependencyError, MethodError


@pytest.fixture(autouse=True)
def captum():
    pytest.importorskip("captum")


def relu_network(dims, inplace, kind=nn.ReLU):
    net = toys.make(dims=dims, kind="batch")
    for block in (*net.encoder, *net.decoder):
        block.act = kind(inplace) if kind is nn.ReLU else kind()
    return net.eval()


def gradient(net, image, weights):
    x = image.clone().requires_grad_()
    (found,) = torch.autograd.grad((net(x)[0, 1] * weights).sum(), x)
    return found[0]


def two_channels(dims, kind, inplace):
    torch.manual_seed(0)
    return toys.make(dims=dims, kind=kind, inplace=inplace, channels=2), toys.image(dims, channels=2)


@pytest.mark.parametrize("dims, kind, inplace", NETWORKS)
def test_saliency_and_input_x_gradient_sum_over_the_image_s_channels(dims, kind, inplace):
    net, image = two_channels(dims, kind, inplace)
    slow, _ = two_channels(dims, kind, False)
    weights, g = toys.mask(dims), gradient(slow, image, toys.mask(dims))
    found = Saliency().compute(context(net, image, weights)).map
    assert torch.allclose(found, g.abs().sum(dim=0), rtol=1e-9, atol=1e-14)
    found = InputXGradient().compute(context(net, image, weights)).map
    assert torch.allclose(found, (g * image[0]).sum(dim=0), rtol=1e-9, atol=1e-14)
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize("dims, kind, inplace", NETWORKS)
@pytest.mark.parametrize("baseline", ["zero", "min"])
def test_integrated_gradients_equal_a_loop_over_the_quadrature(baseline, dims, kind, inplace):
    image, weights, slow_net = toys.image(dims), toys.mask(dims), twin(dims, kind)
    start = torch.full_like(image, 0 if baseline == "zero" else float(image.min()))
    nodes, steps = np.polynomial.legendre.leggauss(6)
    slow = torch.zeros_like(image[0])
    for node, step in zip(nodes, steps, strict=True):
        slow += step / 2 * gradient(slow_net, start + (node + 1) / 2 * (image - start), weights)
    slow = (slow * (image - start)[0]).sum(dim=0)
    ctx = context(network(dims, kind, inplace), image, weights)
    found = IntegratedGradients(6, baseline).compute(ctx)
    # captum keeps its quadrature in float32
    assert (found.map - slow).abs().max() < 2e-7 * float(slow.abs().max())
    with torch.no_grad():
        ends = [float((slow_net(x)[0, 1] * weights).sum()) for x in (image, start)]
    assert found.balance.target == pytest.approx(ends[0] - ends[1], rel=1e-9)
    assert found.balance.found == pytest.approx(float(slow.sum()), abs=1e-7 * float(slow.abs().sum()))


def modified(kind):
    """ReLU with the backward pass of guided backpropagation or deconvolution."""

    class Rule(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clamp_min(0)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            g = g.clamp_min(0)
            return g * (x > 0) if kind == "guided" else g

    class Module(nn.Module):
        def forward(self, x):
            return Rule.apply(x)

    return Module


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("kind, method", [("guided", GuidedBackpropagation), ("deconvolution", Deconvolution)])
def test_guided_backpropagation_and_deconvolution_equal_their_rules_written_out(kind, method, dims, inplace):
    image, weights = toys.image(dims), toys.mask(dims)
    net = relu_network(dims, inplace)
    slow = gradient(relu_network(dims, False, modified(kind)), image, weights).sum(dim=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = method().compute(context(net, image, weights))
    assert float(slow.abs().max()) > 0
    assert torch.allclose(found.map, slow, rtol=1e-9, atol=1e-13)
    assert "randomisation test" in found.notes[0]
    acts = [m for m in net.modules() if isinstance(m, nn.ReLU)]
    assert all(m.inplace == inplace and not m._backward_hooks and not m._backward_pre_hooks for m in acts)


def test_a_network_without_relu_modules_is_refused_and_others_activations_are_named():
    from seghirescam.cam.methods.base import Situation

    situation = Situation(toys.make(), (1, 1, 8, 8, 8), None, "softmax", 3)
    for method in (GuidedBackpropagation(), Deconvolution()):
        with pytest.raises(MethodError, match="changes the gradient at nn.ReLU modules, and this network has none"):
            method.check(situation)
    net = relu_network(3, True)
    net.decoder[0].act = nn.LeakyReLU(0.1)
    found = GuidedBackpropagation().compute(context(net, toys.image(), toys.mask()))
    assert any("LeakyReLU" in note for note in found.notes)


def test_without_captum_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "captum", None)
    with pytest.raises(DependencyError, match="captum.*pip install captum"):
        Saliency().check(None)
    assert "captum" not in vars(input_maps)


def test_integrating_can_be_cancelled_and_leaves_the_network_alone():
    net, told = relu_network(3, True), []

    def tell(fraction, words):
        told.append((fraction, words))
        if "step 3 of" in words:
            raise CancelledError("Cancelled.")

    with pytest.raises(CancelledError):
        IntegratedGradients(8).compute(context(net, toys.image(), toys.mask(), tell=tell))
    assert told[-1][1] == "integrating, step 3 of 8"
    assert all(not m._backward_hooks and not m._forward_hooks for m in net.modules())


def test_bad_settings_are_refused():
    with pytest.raises(MethodError, match="'zero' or 'min'"):
        IntegratedGradients(baseline="noise")
    with pytest.raises(MethodError, match="at least one step"):
        IntegratedGradients(0)
