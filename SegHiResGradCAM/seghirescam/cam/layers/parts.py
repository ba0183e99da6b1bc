"""What part of a network a layer is: encoder, bottleneck, decoder or head; and the main layer of each level."""

from __future__ import annotations

from itertools import pairwise

import torch

from ...protocol.errors import SegHiResCamError
from ..isolation.undisturbed import undisturbed
from ..placement.receptive_field import reaches
from .layer import Layer


def is_head(module, output_channels):
    """A 1x1 convolution to the number of classes: a (deep supervision) head, not a feature layer."""
    kernel = getattr(module, "kernel_size", None)
    return (
        isinstance(kernel, tuple)
        and set(kernel) == {1}
        and getattr(module, "out_channels", None) == output_channels
        and not getattr(module, "transposed", False)
    )


def mark_trailing_heads(layers, channels, volume=1):
    """Where no 1x1 convolution ends the network (MONAI UNet), the last layers with one channel a class are its head.

    volume: voxels to one of the logits as the network returns them.
    """
    for layer in reversed([layer for layer in layers if not layer.idle]):
        if layer.volume != volume or layer.channels != channels:
            break
        layer.is_head = True


def measure_reach(network, shape, layers, volume):
    """Receptive fields, for networks whose layers all have the resolution of the logits; None where one is unknown.

    volume: voxels to one of the logits as the network returns them.
    """
    body = [layer for layer in layers if not layer.is_head and not layer.idle]
    if len({layer.stride for layer in body}) != 1 or body[0].volume != volume:
        return
    names = {layer.name if "#" in layer.name else f"{layer.name}#1": layer for layer in body}
    found = reaches(network, shape[1], body[0].stride, names)
    if len(found) == len(body):
        for name, layer in names.items():
            layer.reach = found[name]


def _level(layer):
    """What is equal along a run: the resolution, and where that is all the same the receptive field to a factor 2."""
    return layer.stride, layer.reach and max(layer.reach.reads).bit_length()


def assign_parts(layers):
    """encoder / bottleneck / decoder / head by stride and order, and the main layer of each run of equal stride.

    Where all layers have one resolution the encoder ends where a cell has read more than it will still act on.
    """
    body = [layer for layer in layers if not layer.is_head and not layer.idle]
    for layer in layers:
        layer.part = "head" if layer.is_head else "encoder"
    if not body:
        return
    deepest = max(layer.volume for layer in body)
    if deepest > min(layer.volume for layer in body) or deepest > 1:
        last = max(layer.order for layer in body if layer.volume == deepest)
        for layer in body:
            if layer.reach is None and layer.volume == deepest:
                layer.part = "bottleneck"
            elif layer.order > last:
                layer.part = "decoder"
    for layer in body:
        if layer.reach and any(r > a for r, a in zip(layer.reach.reads, layer.reach.acts, strict=True)):
            layer.part = "decoder"
    run: list[Layer] = []
    for layer in [*body, None]:
        if layer is None or (run and _level(layer) != _level(run[-1])):
            entered_with = run[0].channels
            usable = [c for c in run if c.channels >= entered_with and not c.glued] or run
            usable[-1].main = True
            run = []
        if layer is not None:
            run.append(layer)


def tell_skips_from_the_decoder(network, layers, shape, dtype, device):
    """Where levels run up and down behind the bottleneck (UNETR), only what is computed from it is the decoder."""
    behind = [layer for layer in layers if layer.part == "decoder"]
    volumes = [layer.volume for layer in behind]
    if all(a >= b for a, b in pairwise(volumes)):
        return
    bottom = [layer for layer in layers if layer.part == "bottleneck" and layer.main][-1]
    nodes = {}

    def keep(module, inputs, output):
        torch.set_grad_enabled(True)
        nodes[None] = output.detach().clone().requires_grad_()
        return nodes[None].clone()

    def note(name):
        def hook(module, inputs, output):
            nodes.setdefault(name, getattr(output, "grad_fn", None))

        return hook

    modules = dict(network.named_modules())
    handles = [modules[bottom.name.split("#")[0]].register_forward_hook(keep)]
    handles += [modules[layer.name.split("#")[0]].register_forward_hook(note(layer.name)) for layer in behind]
    try:
        with torch.inference_mode(False), torch.no_grad(), undisturbed(network):
            network(torch.zeros(shape, dtype=dtype, device=device))
    except (RuntimeError, SegHiResCamError):
        return  # the order of execution has to do
    finally:
        for handle in handles:
            handle.remove()
    for layer in behind:
        if not _leads_back(nodes.get(layer.name), nodes[None]):
            layer.part = "encoder"


def _leads_back(node, leaf):
    """Whether an autograd node was computed from the leaf."""
    todo, seen = [node], set()
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        if getattr(node, "variable", None) is leaf:
            return True
        seen.add(node)
        todo += [function for function, _ in node.next_functions]
    return False
