"""Seg-Grad-CAM++, Seg-XGrad-CAM, Seg-Layer-CAM and the Eigen family against slow replicas, float64."""

import math

import numpy as np
import pytest
import torch

from engine import toys
from engine.contexts import NETWORKS, network, twin
from seghirescam.cam.methods.eigen import SegEigenAbsCam, SegEigenCam, SegEigenGradCam, projection
from seghirescam.cam.methods.hires import SegHiResGradCam
from seghirescam.cam.methods.layer_cam import SegLayerCam
from seghirescam.cam.methods.plus_plus import SegGradCamPlusPlus
from seghirescam.cam.methods.xgrad import SegXGradCam
from seghirescam.cam.passes.capture import forward

LAYER = "encoder.1"


def ours(dims, kind, inplace):
    """(A, g, mm, |M|) as the engine captures them."""
    net, weights = network(dims, kind, inplace), toys.mask(dims)
    done = forward(net, toys.image(dims), [LAYER])
    total = (done.logits[0, 1] * weights).sum()
    a, g = done.activations[LAYER][0], done.gradients(total)[LAYER][0]
    return a, g, (1.0,) * dims, float(weights.sum())


def truth(dims, kind):
    """(A, g) of the mean score by plain autograd through a copy without in-place operations, as numpy arrays."""
    weights = toys.mask(dims)
    a, g = toys.slow_truth(twin(dims, kind), toys.image(dims), LAYER, lambda y: (y[0, 1] * weights).sum())
    return a.numpy(), g.numpy()


def slow_plus_plus(a, g, m):
    found = np.zeros(a.shape[1:])
    for k in range(len(a)):
        weight, total = 0.0, a[k].sum()
        for u in np.ndindex(*a.shape[1:]):
            d = g[(k, *u)] / m
            below = 2 * d**2 + d**3 * total
            if below > 0:
                weight += d**2 / below * max(d, 0)
        found += weight * a[k]
    return found


def slow_xgrad(a, g, m):
    found = np.zeros(a.shape[1:])
    for k in range(len(a)):
        top = sum(g[(k, *u)] * a[(k, *u)] for u in np.ndindex(*a.shape[1:]))
        found += top / math.fsum(a[k].ravel()) * a[k]
    return found


def slow_layer(a, g, m):
    found = np.zeros(a.shape[1:])
    for k in range(len(a)):
        for u in np.ndindex(*a.shape[1:]):
            found[u] += max(g[(k, *u)], 0) * a[(k, *u)]
    return found


def slow_eigen(matrix):
    """By SVD of cells x channels."""
    cells = matrix.reshape(len(matrix), -1).T
    _, _, right = np.linalg.svd(cells, full_matrices=False)
    found = (cells @ right[0]).reshape(matrix.shape[1:])
    return -found if found.sum() < 0 else found


SLOW = {
    SegGradCamPlusPlus: slow_plus_plus,
    SegXGradCam: slow_xgrad,
    SegLayerCam: slow_layer,
    SegEigenCam: lambda a, g, m: slow_eigen(a),
    SegEigenGradCam: lambda a, g, m: slow_eigen(a * g),
    SegEigenAbsCam: lambda a, g, m: slow_eigen(a * abs(g)),
}


@pytest.mark.parametrize("dims, kind, inplace", NETWORKS)
@pytest.mark.parametrize("method", SLOW)
def test_each_formula_equals_its_slow_replica(method, dims, kind, inplace):
    a, g, mm, m = ours(dims, kind, inplace)
    slow = SLOW[method](*truth(dims, kind), m)
    found = method().map_of_mean(a, g, mm, m).numpy()
    assert np.abs(slow).max() > 0
    assert np.abs(found - slow).max() < 1e-9 * np.abs(slow).max()


def test_grad_cam_plus_plus_is_that_of_the_mean_whatever_the_size_of_the_sum():
    a, g, mm, m = ours(3, "none", False)
    one = SegGradCamPlusPlus().map_of_mean(a, g, mm, m)
    assert torch.allclose(SegGradCamPlusPlus().map_of_mean(a, 7 * g, mm, 7 * m), one, rtol=1e-12)
    # the formula itself is not scale invariant: the sum's map has another shape
    total = SegGradCamPlusPlus().map(a, g, mm)
    shape = [v.flatten() - v.mean() for v in (one, total)]
    assert torch.nn.functional.cosine_similarity(*shape, dim=0) < 1 - 1e-6


def test_grad_cam_plus_plus_leaves_out_places_where_its_formula_has_no_value():
    a = torch.tensor([[[-5.0, 1.0]]], dtype=torch.float64)
    g = torch.tensor([[[1.0, 0.25]]], dtype=torch.float64)  # 2 + g sum A = -2 and 1
    found = SegGradCamPlusPlus().map(a, g, (1.0, 1.0))
    assert torch.equal(found, 0.25 * a[0])
    assert torch.equal(SegGradCamPlusPlus().map(a, torch.zeros_like(g), (1.0, 1.0)), torch.zeros_like(a[0]))


def test_dead_channels_and_channels_that_cancel():
    a = torch.tensor([[[1.0, -1.0]], [[0.0, 0.0]], [[1.0, 3.0]]], dtype=torch.float64)
    g = torch.ones_like(a)
    found = SegXGradCam().map(a, g, (1.0, 1.0))
    assert torch.equal(found, a[2])
    assert "In 1 of 3 channels" in SegXGradCam().remarks(a, g)[0]
    assert SegXGradCam().remarks(a[2:], g[2:]) == ()


@pytest.mark.parametrize("method", SLOW)
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_not_finite_shows_in_the_map(method, value):
    a, g, mm, m = ours(3, "none", False)
    a = a.clone()
    a[1, 0, 0, 0] = value
    assert not torch.isfinite(method().map_of_mean(a, g, mm, m)).all()


def test_eigen_keeps_its_sign_its_scale_and_survives_extremes():
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(6, 5, 4, 3, generator=generator, dtype=torch.float64)
    found = projection(matrix)
    assert found.sum() >= 0
    assert torch.allclose(projection(-matrix), found, rtol=1e-9)
    assert torch.allclose(projection(1e200 * matrix) / 1e200, found, rtol=1e-9)
    assert torch.equal(projection(torch.zeros_like(matrix)), torch.zeros(5, 4, 3, dtype=torch.float64))
    matrix[0, 0, 0, 0] = torch.nan
    assert torch.isnan(projection(matrix)).all()


def test_eigen_centred_subtracts_the_channels_means():
    generator = torch.Generator().manual_seed(1)
    a = torch.rand(4, 6, 5, generator=generator, dtype=torch.float64)
    flat = a.flatten(1).numpy()
    slow = slow_eigen((flat - flat.mean(axis=1, keepdims=True)).reshape(a.shape))
    found = SegEigenCam(centred=True).map(a, a, (1.0, 1.0)).numpy()
    # the sum of a centred map is zero, so its sign is free
    assert min(np.abs(found - slow).max(), np.abs(found + slow).max()) < 1e-9
    assert SegEigenCam(centred=True).settings() == {"centred": True}


def test_hires_is_layer_cam_where_no_gradient_is_negative():
    a, g, mm, _ = ours(3, "none", False)
    g = g.abs()
    assert torch.equal(SegLayerCam().map(a, g, mm), SegHiResGradCam().map(a, g, mm))
