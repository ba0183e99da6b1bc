"""A context for one toy network, image, layer and pixel set; and the networks every method is tried on."""

from __future__ import annotations

import torch

from engine import toys
from seghirescam.cam.layers.context import Context
from seghirescam.cam.layers.listing import trace
from seghirescam.cam.logits.heads import SOFTMAX
from seghirescam.cam.logits.score import ClassLogit
from seghirescam.session.context_methods import input_layer

#: dims, norm, in place: plain, in-place and instance-norm networks in 2D and 3D
NETWORKS = [(dims, *norm) for dims in (2, 3) for norm in (("none", False), ("batch", True), ("instance", True))]


def network(dims, kind, inplace, **settings):
    return toys.make(dims=dims, kind=kind, inplace=inplace, **settings)


def twin(dims, kind, **settings):
    """The same weights without any in-place operation, for slow replicas by plain autograd."""
    return toys.make(dims=dims, kind=kind, inplace=False, **settings)


def context(net, tensor, weights, layer=None, c=1, score=None, head=SOFTMAX, **more):
    """layer: a name, or None for the image itself."""
    listed = trace(net, tuple(tensor.shape), tensor.dtype)
    known = {name: x for x in listed for name in (x.name, *x.aliases)}
    chosen = input_layer(tensor.shape) if layer is None else known[layer]
    return Context(
        network=net,
        tensor=tensor,
        layer=chosen,
        listed=listed,
        score=score or ClassLogit(c),
        head=head,
        weights=weights,
        cell_mm=(1.0,) * weights.ndim,
        classes=more.pop("classes", 3),
        place=more.pop("place", lambda x: (x.placement.reads, [float(s) for s in x.stride])),
        **more,
    )


def replaced(net, layer, activation):
    """A forward hook's handle: the layer's output is ``activation``."""
    return net.get_submodule(layer).register_forward_hook(lambda m, i, o: activation.clone())


def slow_score(net, tensor, weights, layer, activation, c=1):
    """S of a full forward with one layer's output replaced."""
    handle = replaced(net, layer, activation)
    with torch.no_grad():
        total = float((net(tensor)[0, c] * weights).sum())
    handle.remove()
    return total
