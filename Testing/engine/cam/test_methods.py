"""The three methods against slow replicas and closed forms, float64."""

import numpy as np
import pytest
import torch

from engine import toys
from seghirescam.cam.methods import method, methods
from seghirescam.cam.methods.grad import SegGradCam
from seghirescam.cam.methods.hires import SegHiResGradCam
from seghirescam.cam.methods.xres import SegXResCam
from seghirescam.cam.passes.capture import forward
from seghirescam.protocol.errors import MethodError
from seghirescam.protocol.value import CANCELLATION


def capture(network, tensor, layer, weights, c=1, head=lambda y, c: y[0, c]):
    done = forward(network, tensor, [layer])
    total = (head(done.logits, c) * weights).sum()
    return done.activations[layer][0], done.gradients(total)[layer][0], total.item()


def mm(a):
    return (1.0,) * (a.ndim - 1)


def test_hires_equals_central_differences_of_the_score_times_the_activation():
    network, tensor, weights = toys.make(kind="instance", inplace=True), toys.image(), toys.mask()
    layer = "encoder.2"
    a, g, _ = capture(network, tensor, layer, weights)
    step, slow = 1e-5, torch.zeros(a.shape[1:], dtype=torch.float64)
    module = network.encoder[2]
    for index in np.ndindex(*a.shape):
        values = []
        for sign in (1, -1):
            moved = a.clone()
            moved[index] += sign * step
            handle = module.register_forward_hook(lambda m, i, o, moved=moved: moved[None].clone())
            with torch.no_grad():
                values.append(float((network(tensor)[0, 1] * weights).sum()))
            handle.remove()
        slow[index[1:]] += (values[0] - values[1]) / (2 * step) * a[index]
    fast = SegHiResGradCam().map(a, g, mm(a))
    assert (fast - slow).abs().max() < 1e-7 * slow.abs().max()


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", ["none", "batch", "instance"])
def test_each_formula_equals_loops_over_cells_and_channels(dims, kind):
    network, tensor, weights = toys.make(dims=dims, kind=kind), toys.image(dims), toys.mask(dims)
    a, g, _ = capture(network, tensor, "encoder.1", weights)
    cells = list(np.ndindex(*a.shape[1:]))
    hires, grad = torch.zeros_like(a[0]), torch.zeros_like(a[0])
    for k in range(a.shape[0]):
        mean = sum(float(g[(k, *u)]) for u in cells) / len(cells)
        for u in cells:
            hires[u] += g[(k, *u)] * a[(k, *u)]
            grad[u] += mean * a[(k, *u)]
    assert (SegHiResGradCam().map(a, g, mm(a)) - hires).abs().max() < 1e-12
    assert (SegGradCam().map(a, g, mm(a)) - grad).abs().max() < 1e-12


@pytest.mark.parametrize("pool", ["mean", "max"])
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("window", [1, 2, 3, 4, 9])
def test_xres_equals_loops_over_windows_also_where_the_last_window_is_cut(pool, dims, window):
    generator = torch.Generator().manual_seed(window)
    shape = (3, *(5, 4, 7)[:dims])
    a, g = (torch.randn(shape, dtype=torch.float64, generator=generator) for _ in range(2))
    slow = torch.zeros(shape[1:], dtype=torch.float64)
    for k in range(3):
        for u in np.ndindex(*shape[1:]):
            block = tuple(slice(i // window * window, i // window * window + window) for i in u)
            region = g[(k, *block)]
            slow[u] += (region.mean() if pool == "mean" else region.max()) * a[(k, *u)]
    # windows in mm: two cells of 1.5 mm are 3 mm
    fast = SegXResCam(window_mm=1.5 * window, pool=pool).map(a, g, (1.5,) * dims)
    assert (fast - slow).abs().max() < 1e-12


def test_xres_of_one_cell_is_hires_and_of_the_whole_grid_is_grad_cam():
    for kind in ("none", "batch", "instance"):
        network, tensor, weights = toys.make(kind=kind), toys.image(), toys.mask()
        a, g, _ = capture(network, tensor, "encoder.1", weights)
        hires, grad = SegHiResGradCam().map(a, g, mm(a)), SegGradCam().map(a, g, mm(a))
        for pool in ("mean", "max"):
            assert torch.equal(SegXResCam(0.4, pool).map(a, g, mm(a)), hires)
        assert (SegXResCam(1000.0, "mean").map(a, g, mm(a)) - grad).abs().max() < 1e-12 * grad.abs().max()


def test_the_xres_window_in_mm_follows_the_cells_of_each_axis():
    a, g = torch.ones(1, 4, 4, 4, dtype=torch.float64), torch.arange(64, dtype=torch.float64).view(1, 4, 4, 4)
    # 8 mm: one cell of 8 mm along K, two of 4 mm along J, four of 2 mm along I
    found = SegXResCam(8.0).map(a, g, (8.0, 4.0, 2.0))
    expected = g[0].view(4, 2, 2, 4).mean(dim=(2, 3), keepdim=True).expand(4, 2, 2, 4).reshape(4, 4, 4)
    assert torch.equal(found, expected)


def test_hires_at_the_last_layer_sums_to_the_score_minus_the_bias_and_stays_on_m():
    for dims in (2, 3):
        network, tensor, weights = toys.make(dims=dims), toys.image(dims), toys.mask(dims)
        a, g, total = capture(network, tensor, "decoder.1", weights)
        signed = SegHiResGradCam().map(a, g, mm(a))
        bias = network.head.bias[1].item() * weights.sum().item()
        assert abs(float(signed.sum()) - (total - bias)) < 1e-10
        logits = network(tensor)[0, 1].detach()
        assert (signed - (logits - network.head.bias[1].detach()) * weights).abs().max() < 1e-12
        expected = network.head.weight[1].detach().flatten() * weights.mean()
        assert (g.flatten(1).mean(dim=1) - expected).abs().max() < 1e-12


def test_signed_maps_add_up_over_disjoint_pixel_sets():
    network, tensor = toys.make(kind="instance"), toys.image()
    whole = toys.mask()
    part = whole * (toys.mask(seed=9, share=0.5))
    for m in (SegHiResGradCam(), SegGradCam(), SegXResCam(2.0, "mean")):
        maps = []
        for weights in (part, whole - part, whole):
            a, g, _ = capture(network, tensor, "encoder.1", weights)
            maps.append(m.map(a, g, mm(a)))
        assert (maps[0] + maps[1] - maps[2]).abs().max() < 1e-10 * maps[2].abs().max(), m.name


def test_swapping_two_rows_of_the_head_swaps_their_maps():
    network, tensor, weights = toys.make(), toys.image(), toys.mask()
    before = [SegHiResGradCam().map(*capture(network, tensor, "encoder.2", weights, c)[:2], (1.0,) * 3) for c in (1, 2)]
    with torch.no_grad():
        network.head.weight[[1, 2]] = network.head.weight[[2, 1]].clone()
        network.head.bias[[1, 2]] = network.head.bias[[2, 1]].clone()
    after = [SegHiResGradCam().map(*capture(network, tensor, "encoder.2", weights, c)[:2], (1.0,) * 3) for c in (1, 2)]
    assert torch.equal(before[0], after[1]) and torch.equal(before[1], after[0])
    assert (before[0] - before[1]).abs().max() > 1e-3


def test_permuting_the_channels_of_the_layer_changes_nothing():
    network, tensor, weights = toys.make(kind="none"), toys.image(), toys.mask()
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    maps = []
    for _ in range(2):
        a, g, _ = capture(network, tensor, "encoder.2", weights)
        maps.append([m.map(a, g, mm(a)) for m in (SegHiResGradCam(), SegGradCam(), SegXResCam(2.0))])
        with torch.no_grad():
            network.encoder[2].conv.weight.copy_(network.encoder[2].conv.weight[order].clone())
            network.encoder[2].conv.bias.copy_(network.encoder[2].conv.bias[order].clone())
            network.up[0].weight.copy_(network.up[0].weight[order].clone())
    for one, other in zip(*maps, strict=True):
        assert (one - other).abs().max() < 1e-12


def test_scaling_the_logits_scales_the_maps():
    network, tensor, weights = toys.make(), toys.image(), toys.mask()
    a, g, _ = capture(network, tensor, "encoder.1", weights)
    with torch.no_grad():
        network.head.weight.mul_(3)
    a3, g3, _ = capture(network, tensor, "encoder.1", weights)
    for m in (SegHiResGradCam(), SegGradCam(), SegXResCam(2.0, "max")):
        assert (m.map(a3, g3, mm(a)) - 3 * m.map(a, g, mm(a))).abs().max() < 1e-12 * m.map(
            a3, g3, mm(a)
        ).abs().max() * 10


def test_averaging_cancels_behind_instance_norm_and_grad_cam_says_so():
    tensor, weights = toys.image(), toys.mask()
    _, g, _ = capture(toys.make(kind="instance"), tensor, "encoder.1.conv", weights)
    assert SegGradCam().numbers(None, g)[CANCELLATION].value < 1e-3  # a constant added before the norm is removed by it
    assert "Averaging cancels" in SegGradCam().told(SegGradCam().numbers(g, g))[0]
    _, g, _ = capture(toys.make(kind="none"), tensor, "decoder.1", weights)
    assert SegGradCam().numbers(None, g)[CANCELLATION].value == pytest.approx(1.0)
    assert SegGradCam().told(SegGradCam().numbers(g, g)) == ()


def test_an_unknown_method_is_answered_with_the_list():
    assert {"seg_hires_grad_cam", "seg_grad_cam", "seg_xres_cam"} <= set(methods())
    assert isinstance(method("seg_xres_cam"), SegXResCam)
    with pytest.raises(MethodError, match=r"no method 'cam\+'.*seg_grad_cam, .*seg_hires_grad_cam"):
        method("cam+")


def test_bad_settings_of_xres_are_refused():
    with pytest.raises(MethodError, match="'mean' or 'max'"):
        SegXResCam(8.0, "median")
    with pytest.raises(MethodError, match="longer than 0 mm"):
        SegXResCam(0.0)
