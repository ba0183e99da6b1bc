"""Models that predict in sliding windows, mirrored and in folds; their fused logits and gradients by plain loops."""

from itertools import product

import numpy as np
import torch

from engine import toys
from seghirescam.models.plain import PlainModel
from seghirescam.models.segmentation_model import Windows
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain

CLASSES = ("background", "lesion", "other")
SHAPE = (12, 16, 20)
GRID = Grid.from_spacing(SHAPE, (3.0, 1.0, 1.5))


def gaussian(size, sigma=0.25):
    axes = [np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / (sigma * n)) ** 2) for n in size]
    return (axes[0][:, None, None] * axes[1][None, :, None] * axes[2][None, None, :]).astype(np.float32)


def stepping(size, step):
    def offsets(shape):
        per_axis = [[*range(0, n - s, d), n - s] for n, s, d in zip(shape, size, step, strict=True)]
        return list(product(*[sorted(set(starts)) for starts in per_axis]))

    return offsets


def windows(size=(8, 8, 8), step=(4, 4, 4), mirror=(), importance=None):
    weights = gaussian(size) if importance is None else importance
    return Windows(size, stepping(size, step), weights, mirror)


def case(shape=SHAPE, where=(slice(3, 7), slice(5, 10), slice(6, 12)), seed=3):
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape)
    mask[where] = 1
    return rng.normal(size=(1, *shape)), mask


def model(wanted, kind="batch", folds=1, seed=0, **settings):
    networks = [toys.make(seed=seed + n, kind=kind, **settings) for n in range(folds)]
    return PlainModel(networks[0], CLASSES, windows=wanted, folds=networks[1:], spatial_dims=settings.get("dims", 3))


def runs(plan, m):
    """(network, offset, flip, patch maker) of every run, by plain loops."""
    for network in m.networks:
        for offset in plan.offsets:
            for flip in plan.flips:
                yield network, offset, flip


def slow_logits(m, array, plan, grad=False):
    """The definition: y = (1/RF) sum w y / W, in float64; with a graph if asked."""
    volume = torch.tensor(array)[None]
    total = torch.zeros((3, *plan.shape), dtype=torch.float64)
    weight = torch.zeros(plan.shape, dtype=torch.float64)
    w = torch.tensor(plan.importance, dtype=torch.float64)
    with torch.set_grad_enabled(grad):
        for network, offset, flip in runs(plan, m):
            place = tuple(slice(o, o + s) for o, s in zip(offset, plan.size, strict=True))
            patch = volume[(slice(None), slice(None), *place)].flip([2 + a for a in flip])
            y = network(patch)[0].flip([1 + a for a in flip])
            spread = torch.zeros_like(total).index_put(
                tuple(torch.meshgrid(torch.arange(3), *[torch.arange(p.start, p.stop) for p in place], indexing="ij")),
                y * w,
            )
            total = total + spread
            weight = weight + spread_of(w, place, plan.shape)
    return total / weight


def spread_of(w, place, shape):
    whole = torch.zeros(shape, dtype=torch.float64)
    whole[place] = w
    return whole


def slow_gradients(m, array, plan, layer, seed):
    """[(offset, flip, A, g)] of every run by brute force: one backward pass through the whole fusion."""
    kept = []

    def leaf(module, inputs, output):
        kept.append(output.detach().clone().requires_grad_())
        return kept[-1].clone()

    handles = [dict(n.named_modules())[layer].register_forward_hook(leaf) for n in m.networks]
    total = (slow_logits(m, array, plan, grad=True) * seed).sum()
    for handle in handles:
        handle.remove()
    found = torch.autograd.grad(total, kept)
    places = [(m.networks.index(n), o, f) for n, o, f in runs(plan, m)]
    return float(total.detach()), [(*p, a.detach()[0], g[0]) for p, a, g in zip(places, kept, found, strict=True)]


def class_seed(mask, index=1):
    seed = torch.zeros((3, *mask.shape), dtype=torch.float64)
    seed[index] = torch.tensor(mask)
    return seed


def ask(m, array, mask, layer, methods="seg_hires_grad_cam", **more):
    grid = Grid.from_spacing(mask.shape, (3.0, 1.0, 1.5))
    (answer,) = explain(
        m, Image(array, grid), PixelSet(mask, grid), class_index=1, layers=layer, methods=methods, **more
    )
    return answer
