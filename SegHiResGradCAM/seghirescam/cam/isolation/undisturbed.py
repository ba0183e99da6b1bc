"""Borrow a user's network and give it back exactly as it was, also after an exception."""

from __future__ import annotations

from contextlib import contextmanager

import torch

from ...protocol.errors import GradientError
from .determinism import determinism
from .fp32_rounding import fp32_rounding
from .one_at_a_time import alone
from .random_draws import seeded, watched
from .torch_settings import own_surroundings


@contextmanager
def undisturbed(network: torch.nn.Module):
    """Evaluation mode inside; training flags and buffers restored outside.

    Other threads wait (:mod:`one_at_a_time`), what the caller has set in torch does not count (:mod:`torch_settings`),
    and every pass of the network is seeded (:mod:`random_draws`).  Flags are set attribute by attribute: a network's
    own ``train()`` may do more than flip them.  Buffers that a forward changed (counters, running statistics) are put
    back.  Raises GradientError for a network whose parameters were created in ``torch.inference_mode``: autograd can
    never use those.
    """
    with alone(), own_surroundings(network), watched(network), _evaluating(network):
        yield network


@contextmanager
def one_question(networks, tell=None, seed: int | None = None, tf32: bool = False, deterministic: bool = False):
    """A whole question about a model: no other thread's comes between its passes, nothing the caller has set counts.

    tell: ``(fraction, words)``, while another question is waited for; may raise.  seed: see :mod:`random_draws`.  tf32,
    deterministic: see :mod:`fp32_rounding` and :mod:`determinism`.
    """
    with alone(tell), own_surroundings(networks[0]), _out_of_inference_mode(), seeded(seed):
        with fp32_rounding(tf32), determinism(deterministic):
            yield


@contextmanager
def _out_of_inference_mode():
    if not torch.is_inference_mode_enabled():
        yield
        return
    with torch.inference_mode(False), torch.no_grad():
        yield


@contextmanager
def _evaluating(network):
    modules = list(network.modules())
    if any(t.is_inference() for m in modules for t in (*m._parameters.values(), *m._buffers.values()) if t is not None):
        refuse_inference_tensors(network)
    training = [module for module in modules if module.training]
    buffers = [
        (module, name, buffer, buffer._version, buffer.detach().clone())
        for module in modules
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
        for module, name, buffer, version, copy in buffers:
            if buffer._version != version:
                with torch.no_grad():
                    buffer.copy_(copy)
            module._buffers[name] = buffer


def refuse_inference_tensors(network: torch.nn.Module) -> None:
    """Raise GradientError if any parameter or buffer was created in inference mode."""
    for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
        if tensor.is_inference():
            raise GradientError(
                f"The network's tensor '{name}' was created inside torch.inference_mode, so no gradient can pass it.",
                "Build and load the network outside inference_mode.",
            )
