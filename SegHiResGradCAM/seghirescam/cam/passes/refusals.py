"""Networks whose inputs or outputs are not an image and its logits: the sentences, with what can be done."""

from __future__ import annotations

import inspect
import math

import torch

from ...protocol.errors import GradientError, ModelError

INFERENCE = "The network's forward enters torch.inference_mode, so no gradient can be taken."


def refuse_several_inputs(network: torch.nn.Module) -> None:
    """Raises ModelError for a forward that cannot be called with one image."""
    try:
        words = [p for p in inspect.signature(network.forward).parameters.values() if p.default is p.empty]
    except (TypeError, ValueError):  # a forward written in C
        return
    needed = [p.name for p in words if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if len(needed) > 1:
        raise several_inputs("network's forward", needed)


def several_inputs(who: str, names) -> ModelError:
    """The sentence for networks of several inputs, with the wrapper that makes one of them."""
    first, second = (*names, "second")[:2]
    return ModelError(
        f"The {who} takes {len(names)} inputs ({', '.join(names)}), not one image.",
        "Give it one tensor with all channels by a small wrapper, in the factory's build() or before saving it: "
        f"class One(torch.nn.Module) with self.net = net and forward(self, x): return self.net({first}=x[:, :1], "
        f"{second}=x[:, 1:]); inputs that are no image (prompts) are fixed there.",
    )


def refuse_constant(network: torch.nn.Module, logits: torch.Tensor, channels: int) -> None:
    """Raises ModelError where further inputs were left empty (prompts) and the image has no influence at all.

    Looked at only for a forward with inputs that are None by default, and logits that are one number: then another
    image is shown to the network.  channels: of its images.
    """
    try:
        parameters = list(inspect.signature(network.forward).parameters.values())[1:]
    except (TypeError, ValueError):
        return
    empty = [p.name for p in parameters if p.default is None]
    if not empty or logits.numel() < 2 or not bool((logits == logits.flatten()[0]).all()):
        return
    shape = (1, channels, *logits.shape[2:])
    other = torch.linspace(-1, 2, math.prod(shape))
    with torch.no_grad():
        try:
            again = network(other.reshape(shape).to(logits.device, logits.dtype))
        except Exception:  # it takes another image than this; nothing is known then
            return
    if isinstance(again, torch.Tensor) and bool((again == logits.flatten()[0]).all()):
        some = ", ".join(empty[:6])
        raise ModelError(
            f"The network returns the same number everywhere; inputs of its forward were left empty ({some}).",
            "A network that is asked by prompts needs them: wrap it, in the factory's build(), in a module whose "
            f"forward(self, x) returns self.net(x, {empty[0]}=...) with the prompt fixed, as [1, classes, *spatial].",
        )


def refuse_labels(tensors, ndim: int) -> None:
    """Raises ModelError where the outputs are whole numbers: labels ``[B, *spatial]`` or ``[B, 1, *spatial]``."""
    for tensor in tensors:
        if isinstance(tensor, torch.Tensor) and tensor.ndim >= ndim - 1 and not tensor.is_floating_point():
            raise whole_numbers(tensor)


def whole_numbers(tensor):
    return ModelError(
        f"The network returns whole numbers ({str(tensor.dtype).removeprefix('torch.')}), labels and not logits.",
        "Remove the argmax (or threshold) at its end: an explanation needs the logits [B, classes, ...] before it.",
    )


def no_logits(output) -> GradientError:
    return GradientError(
        f"The network returned a {type(output).__name__}, not a tensor of logits.",
        "Wrap it so that forward returns logits [B, C, ...].",
    )
