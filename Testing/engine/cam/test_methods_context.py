"""CAM, Ablation, Score, LIFT and FullGrad against slow replicas of their formulas, float64."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from engine import toys
from engine.contexts import NETWORKS, context, network, slow_score, twin
from seghirescam.cam.layers.resample import interpolated, shared_out
from seghirescam.cam.logits.heads import BINARY
from seghirescam.cam.logits.score import ClassLogit, Contrast
from seghirescam.cam.methods.ablation import SegAblationCam
from seghirescam.cam.methods.cam import Cam
from seghirescam.cam.methods.full_grad import SegFullGrad
from seghirescam.cam.methods.lift import SegLiftCam
from seghirescam.cam.methods.score_cam import SegScoreCam

LAYER = "encoder.1"


def near(found, slow, tolerance=1e-9):
    slow = np.asarray(slow)
    assert np.abs(slow).max() > 0
    return np.abs(np.asarray(found) - slow).max() <= tolerance * np.abs(slow).max()


def activation_of(net, tensor, layer):
    kept = []
    handle = net.get_submodule(layer).register_forward_hook(lambda m, i, o: kept.append(o.detach().clone()))
    with torch.no_grad():
        net(tensor)
    handle.remove()
    return kept[0]


@pytest.mark.parametrize("dims, kind, inplace", NETWORKS)
@pytest.mark.parametrize("replacement", ["zero", "mean"])
def test_ablation_equals_one_full_forward_a_channel(replacement, dims, kind, inplace):
    image, weights, slow_net = toys.image(dims), toys.mask(dims), twin(dims, kind)
    a = activation_of(slow_net, image, LAYER)
    whole, slow = slow_score(slow_net, image, weights, LAYER, a), 0
    for k in range(a.shape[1]):
        changed = a.clone()
        changed[0, k] = float(a[0, k].mean()) if replacement == "mean" else 0
        slow = slow + (whole - slow_score(slow_net, image, weights, LAYER, changed)) * a[0, k].numpy()
    ctx = context(network(dims, kind, inplace), image, weights, LAYER)
    found = SegAblationCam(replacement).compute(ctx)
    assert near(found.map, slow)
    assert found.notes == () and found.facts["bit_equal_tail"] and ctx.tail.forwards == 2
    # in batches, too
    batches = context(network(dims, kind, inplace), image, weights, LAYER, together=4)
    assert near(SegAblationCam(replacement).compute(batches).map, slow)


def test_ablation_of_a_stated_sample_of_channels():
    net, image, weights = toys.make(), toys.image(), toys.mask()
    found = SegAblationCam(channels=2).compute(context(net, image, weights, LAYER))
    a = activation_of(toys.make(inplace=False), image, LAYER)
    whole, slow = slow_score(net, image, weights, LAYER, a), 0
    for k in (1, 4):  # of 6: the middles of two halves
        changed = a.clone()
        changed[0, k] = 0
        slow = slow + (whole - slow_score(net, image, weights, LAYER, changed)) * a[0, k].numpy()
    assert near(found.map, slow)
    assert "2 of 6 channels" in found.notes[0] and found.facts["channels"] == 2


def slow_interpolation(mask, shape, starts, strides):
    """Linear between cell centres, axis by axis, by numpy."""
    for axis, (size, start, stride) in enumerate(zip(shape, starts, strides, strict=True)):
        centres = start + stride * np.arange(mask.shape[axis])
        mask = np.apply_along_axis(lambda v, c=centres, n=size: np.interp(np.arange(n), c, v), axis, mask)
    return mask


@pytest.mark.parametrize("dims, kind, inplace", NETWORKS)
@pytest.mark.parametrize("baseline", ["zero", "min"])
def test_score_cam_equals_one_full_forward_a_mask(baseline, dims, kind, inplace):
    image, weights, slow_net = toys.image(dims), toys.mask(dims), twin(dims, kind)
    ctx = context(network(dims, kind, inplace), image, weights, LAYER)
    a = activation_of(slow_net, image, LAYER)[0].numpy()
    base = np.full_like(image[0].numpy(), 0 if baseline == "zero" else float(image.min()))

    def score(x):
        with torch.no_grad():
            return float((slow_net(torch.tensor(x)[None])[0, 1] * weights).sum())

    scores = []
    for channel in a:
        mask = (channel - channel.min()) / (channel.max() - channel.min())
        mask = slow_interpolation(mask, image.shape[2:], ctx.layer.placement.reads, ctx.layer.stride)
        scores.append((score(base + mask * (image[0].numpy() - base)) - score(base)) / float(weights.sum()))
    raised = np.exp((np.array(scores) - max(scores)) / 0.5)
    slow = np.tensordot(raised / raised.sum(), a, axes=1)
    found = SegScoreCam(0.5, baseline).compute(ctx)
    assert near(found.map, slow)
    assert found.facts["largest_weight"] == pytest.approx((raised / raised.sum()).max(), abs=1e-6)
    assert ctx.forwards == 2 + len(a)


def test_score_cam_skips_constant_channels_and_says_when_one_takes_all():
    net, image, weights = toys.make(kind="none"), toys.image(), toys.mask()
    with torch.no_grad():
        net.encoder[1].conv.weight[2] = 0
    found = SegScoreCam().compute(context(net, image, weights, LAYER))
    assert found.facts["channels"] == 5 and torch.isfinite(found.map).all()
    sharp = SegScoreCam(temperature=1e-6).compute(context(net, image, weights, LAYER))
    assert "One channel holds 100 %" in sharp.notes[0]
    blurred = SegScoreCam(baseline="blur").compute(context(net, image, weights, LAYER))
    assert not torch.equal(blurred.map, found.map)


@pytest.mark.parametrize("dims, kind, inplace", NETWORKS)
def test_lift_equals_plain_layer_integrated_gradients(dims, kind, inplace):
    image, weights, slow_net, steps = toys.image(dims), toys.mask(dims), twin(dims, kind), 5
    a = activation_of(slow_net, image, LAYER)
    mean = torch.zeros_like(a)
    for i in range(steps):
        point = ((i + 0.5) / steps * a).requires_grad_()
        handle = slow_net.get_submodule(LAYER).register_forward_hook(lambda m, x, o, point=point: point)
        total = (slow_net(image)[0, 1] * weights).sum()
        handle.remove()
        mean += torch.autograd.grad(total, point)[0] / steps
    parts = (mean * a)[0]
    ctx = context(network(dims, kind, inplace), image, weights, LAYER)
    cells = SegLiftCam(steps, "cells").compute(ctx)
    assert near(cells.map, parts.sum(dim=0))
    channels = SegLiftCam(steps).compute(ctx)
    assert near(channels.map, torch.tensordot(parts.flatten(1).sum(dim=1), a[0], dims=1))
    zero = slow_score(slow_net, image, weights, LAYER, torch.zeros_like(a))
    whole = slow_score(slow_net, image, weights, LAYER, a)
    assert channels.balance.target == pytest.approx(whole - zero, rel=1e-9)
    assert channels.balance.found == pytest.approx(float(parts.sum()), rel=1e-9)


def slow_full_grad(net, image, weights, kind, place):
    """(signed, absolute) maps: module by module, intercepts by autograd's jvp, shared out by loops over voxels."""
    dims, kept = image.ndim - 2, []

    def hook(module, inputs, output):
        output.retain_grad()
        kept.append((module, inputs[0].detach(), output))

    kinds = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.BatchNorm2d, nn.BatchNorm3d)
    kinds += (nn.InstanceNorm2d, nn.InstanceNorm3d)
    handles = [m.register_forward_hook(hook) for m in net.modules() if isinstance(m, kinds)]
    x = image.clone().requires_grad_()
    (net(x)[0, 1] * weights).sum().backward()
    for handle in handles:
        handle.remove()
    own = (x * x.grad).detach()[0]
    maps = [own.sum(dim=0).numpy(), own.abs().sum(dim=0).numpy()]
    for module, given, output in kept:
        _, tangent = torch.autograd.functional.jvp(lambda t, module=module: module(t), given, given)
        piece = ((output.detach() - tangent) * output.grad)[0]
        for n, values in enumerate((piece, piece.abs())):
            cells = values.sum(dim=0).numpy()
            owners = []
            for size, start, stride in zip(image.shape[2:], *place(module, cells.shape), strict=True):
                nearest = [round((v - start) / stride) for v in range(size)]
                owners.append([min(max(u, 0), cells.shape[len(owners)] - 1) for u in nearest])
            counts = [np.bincount(o, minlength=c) for o, c in zip(owners, cells.shape, strict=True)]
            for voxel in np.ndindex(*image.shape[2:]):
                cell = tuple(owners[d][voxel[d]] for d in range(dims))
                maps[n][voxel] += cells[cell] / np.prod([counts[d][cell[d]] for d in range(dims)])
    return maps


@pytest.mark.parametrize("dims, kind, inplace", NETWORKS)
def test_full_grad_equals_module_by_module_intercepts(dims, kind, inplace):
    image, weights, slow_net = toys.image(dims), toys.mask(dims), twin(dims, kind)

    # cells whose centre lies on a voxel: no ties between two owners, in the replica and in ours
    def put(stride):
        return (0.1,) * dims, (float(stride),) * dims

    ctx = context(network(dims, kind, inplace), image, weights, place=lambda layer: put(layer.stride[0]))
    signed, absolute = slow_full_grad(slow_net, image, weights, kind, lambda m, cells: put(8 // cells[0]))
    assert near(SegFullGrad("signed").compute(ctx).map, signed)
    assert near(SegFullGrad("abs").compute(ctx).map, absolute)


class Odd(nn.Module):
    """Functional operations, products, constants, gates, softmax, layer norm: everything with an intercept."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two, self.head = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 3, 1)
        self.scale = nn.Parameter(torch.randn(1, 4, 1, 1))
        self.norm = nn.GroupNorm(2, 4)

    def forward(self, x):
        x = F.leaky_relu_(self.one(x), 0.2)
        gate = torch.sigmoid(F.adaptive_avg_pool2d(self.two(x), 1))
        y = x * gate + self.scale * x + 0.3
        y += torch.tanh(x) ** 2
        y[:, 1] = y[:, 2].exp() * 0.1
        tokens = y.flatten(2).transpose(1, 2)
        tokens = F.layer_norm(tokens, (4,)) + torch.softmax(tokens @ tokens.transpose(1, 2) / 2, dim=-1) @ tokens
        y = self.norm(tokens.transpose(1, 2).reshape(y.shape) / (1 + y.abs()))
        a, b = F.interpolate(F.gelu(y), scale_factor=2).chunk(2, dim=1)
        y = F.avg_pool2d(torch.cat([b, a.clamp(-1, 0.2)], dim=1), 2) - y.mean(dim=1, keepdim=True)
        return self.head(F.silu(y))


def test_full_grad_sees_functional_operations_products_constants_and_in_place_glue():
    net, image, weights = Odd().double().eval(), toys.image(2), toys.mask(2)
    found = SegFullGrad("signed").compute(context(net, image, weights))
    truth = float((net(image)[0, 1] * weights).sum().detach())
    assert found.balance.found == pytest.approx(truth, rel=1e-10)
    assert float(found.map.sum()) == pytest.approx(truth, rel=1e-10)
    assert any("have no place in the image" in note for note in found.notes)  # tokens
    assert all(p.grad is None for p in net.parameters())


class Hidden(nn.Module):
    def __init__(self):
        super().__init__()

        class Plus(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x + 5

            @staticmethod
            def backward(ctx, g):
                return g

        self.head, self.plus = nn.Conv2d(1, 3, 1, bias=False).double(), Plus

    def forward(self, x):
        return self.head(self.plus.apply(x))


def test_what_full_grad_cannot_see_shows_in_its_gap():
    net, image, weights = Hidden().eval(), toys.image(2), toys.mask(2)
    found = SegFullGrad().compute(context(net, image, weights))
    assert abs(found.balance.gap) > 0.1


def test_cam_of_a_binary_head_of_a_contrast_and_of_a_deep_supervision_head():
    image, weights = toys.image(), toys.mask()
    net = toys.make(classes=1)
    logit = net(image)[0, 0].detach() - net.head.bias.detach()
    for c, sign in ((1, 1), (0, -1)):
        ctx = context(net, image, weights, "decoder.1", c, head=BINARY, classes=1)
        assert near(Cam().compute(ctx).map, sign * logit)
    net = toys.make()
    ctx = context(net, image, weights, "decoder.1", score=Contrast(2, 1))
    y = net(image)[0].detach() - net.head.bias.detach().view(-1, 1, 1, 1)
    assert near(Cam().compute(ctx).map, y[2] - y[1])

    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.deep = toys.make(), toys.conv(3, 6, 3, 1).double()

        def forward(self, x):
            kept = []
            handle = self.body.decoder[0].register_forward_hook(lambda m, i, o: kept.append(o))
            y = self.body(x)
            handle.remove()
            return [y, self.deep(kept[0])]

    net = Deep()
    ctx = context(net, image, weights, "body.decoder.0", score=ClassLogit(1))
    found = Cam().compute(ctx)
    truth = net(image)[1][0, 1].detach() - net.deep.bias[1].detach()
    assert found.map.shape == (4, 4, 4) and near(found.map, truth)
    assert any("deep-supervision head" in note for note in found.notes)


def test_amounts_are_shared_out_without_loss_and_values_keep_their_line():
    generator = torch.Generator().manual_seed(0)
    for cells, shape, starts, strides in (
        ((4, 3), (16, 9), (0.0, 1.0), (4.0, 3.0)),
        ((4, 3), (16, 9), (1.5, -1.2), (4.0, 3.0)),
        ((9, 20), (4, 10), (0.0, 0.0), (0.5, 0.5)),
        ((1, 1), (5, 6), (2.0, 2.5), (5.0, 6.0)),
        ((6, 5), (10, 9), (7.5, 0.0), (2.0, 2.0)),
    ):
        amounts = torch.randn(cells, generator=generator, dtype=torch.float64)
        out = shared_out(amounts, shape, starts, strides)
        assert out.shape == shape and float(out.sum()) == pytest.approx(float(amounts.sum()), abs=1e-12)
    ramp = 1.0 + 4 * torch.arange(5, dtype=torch.float64)
    found = interpolated(ramp.view(1, 5, 1), (20, 3), (1.0, 0.0), (4.0, 3.0))[0, :, 1]
    assert torch.allclose(found, torch.arange(20, dtype=torch.float64).clamp(1, 17))


def test_batches_shrink_where_the_memory_does_not_suffice_and_single_items_raise():
    net, image, weights = toys.make(kind="none"), toys.image(), toys.mask()
    ctx = context(net, image, weights, LAYER, together=8)
    sizes, run = [], ctx.tail

    def scarce(batch):
        sizes.append(len(batch))
        if len(batch) > limit:
            raise torch.OutOfMemoryError("not enough memory")
        return run(batch)

    items = torch.randn(10, *ctx.tail.activation.shape[1:], dtype=torch.float64)
    limit = 2
    found = ctx._in_batches(scarce, items, 10, "item")
    truth = [slow_score(twin(3, "none"), image, weights, LAYER, item[None]) for item in items]
    assert near(found, truth) and sizes[:4] == [8, 4, 2, 2] and ctx.together == 2
    limit = 0
    with pytest.raises(torch.OutOfMemoryError):
        ctx._in_batches(scarce, items, 10, "item")
