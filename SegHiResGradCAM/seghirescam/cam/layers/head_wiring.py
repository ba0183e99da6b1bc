"""Which layers feed a linear 1x1 head: found in one pass through the network's wiring, without its channels."""

from __future__ import annotations

import torch

from ..isolation.undisturbed import undisturbed
from ..passes.capture import as_logits
from ..passes.positive_means import PositiveMeans


def heads(network: torch.nn.Module, shape, classes: int, dtype=torch.float32, device="cpu") -> dict[str, str]:
    """Layer name (with ``#n``) -> name of the head whose input is that layer's output, untouched in between.

    A head is a 1x1 convolution, stride 1, one group, to ``classes`` channels: that of the logits, or one of deep
    supervision.  shape: of the input.  {} where the network's wiring cannot be followed without its numbers.
    """
    names = {module: name for name, module in network.named_modules()}
    outputs: dict[tuple, list[str]] = {}
    fed, held, calls = [], [], {}

    def on_output(module, inputs, output):
        name = names[module]
        calls[name] = calls.get(name, 0) + 1
        if isinstance(output, torch.Tensor):
            held.append(output)
            outputs.setdefault((id(output), output._version), []).append(f"{name}#{calls[name]}")

    def on_head(module, inputs):
        if inputs and isinstance(inputs[0], torch.Tensor):
            held.append(inputs[0])
            fed.append(((id(inputs[0]), inputs[0]._version), names[module]))

    handles = [module.register_forward_hook(on_output) for module in names]
    handles += [m.register_forward_pre_hook(on_head) for m in names if is_linear_head(m, classes)]
    try:
        with torch.inference_mode(False), torch.no_grad(), undisturbed(network), PositiveMeans():
            image = torch.zeros((1, 1, *shape[2:]), dtype=dtype, device=device).expand(tuple(shape))
            as_logits(network(image))
    except Exception:  # a forward that needs its numbers may raise anything
        return {}
    finally:
        for handle in handles:
            handle.remove()
    return {layer: head for key, head in fed for layer in outputs.get(key, ())}


def head_of(network, layer, shape, classes, dtype=torch.float32, device="cpu") -> str | None:
    """Name of the head that a :class:`layer.Layer` feeds, or None."""
    found = heads(network, shape, classes, dtype, device)
    for name in (layer.name, *layer.aliases):
        if (name if "#" in name else f"{name}#1") in found:
            return found[name if "#" in name else f"{name}#1"]
    return None


def is_linear_head(module, classes: int) -> bool:
    kinds = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
    return (
        isinstance(module, kinds)
        and set(module.kernel_size) == {1}
        and set(module.stride) == {1}
        and module.groups == 1
        and module.out_channels == classes
        and (isinstance(module.padding, str) or set(module.padding) == {0})
    )
