"""Networks that draw random numbers in their forward pass: seeded, noticed, repeated bit for bit.

Dropout that is always on, stochastic depth, noise: two passes differ.  Inside :func:`watched` every pass begins with
the generators at a stated seed (torch's on the CPU and on GPUs, NumPy's and Python's global ones), so that prediction,
score, gradients, re-runs of a tail and passes on changed images all belong to the same draw.  A generator that has
moved at the end tells that the network drew; no pass is made for that.  The caller's generators are put back after
every pass.  A generator that the network holds itself cannot be seen.
"""

from __future__ import annotations

import random
import threading
import weakref
from contextlib import contextmanager

import numpy as np
import torch

#: between the seeds of neighbouring windows; draws of one place have the seeds next to each other
STEP = 1009
#: NumPy's and torch's CPU generators take 32 bits
_MOST = 2**32

_NOW = threading.local()
_DREW: weakref.WeakSet = weakref.WeakSet()


@contextmanager
def seeded(seed: int | None = None, place: int | None = None):
    """Inside, every watched pass starts at the seed ``seed + 1009 * place``; what is None stays as it is (else 0)."""
    before = _setting()
    _NOW.setting = (before[0] if seed is None else int(seed), before[1] if place is None else int(place))
    try:
        yield
    finally:
        _NOW.setting = before


def seed_now() -> int:
    """The seed at which the next watched pass starts."""
    seed, place = _setting()
    return (seed + STEP * place) % _MOST


def base_seed() -> int:
    """The seed that was asked for: that of the first place."""
    return _setting()[0]


def drew(networks) -> bool:
    """Whether one of the networks has been seen to draw random numbers in a pass."""
    return any(network in _DREW for network in networks)


@contextmanager
def watched(network: torch.nn.Module):
    """Every call of ``network`` inside is seeded, its draws are noticed, and the caller's generators are put back."""
    if getattr(_NOW, "watched", None) is network:
        yield
        return
    outer, _NOW.watched = getattr(_NOW, "watched", None), network
    run = _Run(network)
    handles = [
        network.register_forward_pre_hook(lambda module, inputs: run.begin(), prepend=True),
        network.register_forward_hook(lambda module, inputs, output: run.end(), always_call=True),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        run.stop()
        _NOW.watched = outer


class _Run:
    """One pass of a network. before: the caller's generators.  start: where this pass's began."""

    def __init__(self, network):
        self.network, self.depth = network, 0
        self.before = self.start = None

    def begin(self):
        if getattr(_NOW, "run", None) not in (None, self):
            return  # a part of a network that is running already
        self.depth += 1
        if self.depth == 1:
            _NOW.run, self.before = self, self.before or _states()
            _seed_all(seed_now())
            self.start = _states()

    def end(self):
        if getattr(_NOW, "run", None) is not self:
            return
        self.depth -= 1
        if self.depth == 0:
            if not _same(_states(), self.start):
                _DREW.add(self.network)
            self.stop()

    def stop(self):
        """Put the caller's generators back, also after a pass that was broken off."""
        if getattr(_NOW, "run", None) is self:
            _NOW.run = None
        if self.before is not None:
            _put(self.before)
        self.before, self.depth = None, 0


def drawn_until_now():
    """Where the generators stand in the pass that runs now, for :func:`resume`; None if it has drawn nothing yet."""
    run = getattr(_NOW, "run", None)
    if run is None:
        return None
    states = _states()
    return None if _same(states, run.start) else states


def resume(states) -> None:
    """Set the generators to where :func:`drawn_until_now` found them in another pass over the same input."""
    if states is not None and getattr(_NOW, "run", None) is not None:
        _put(states)


def _setting():
    return getattr(_NOW, "setting", (0, 0))


def _generators():
    """torch's default generators in use."""
    found = [torch.default_generator]
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        found += torch.cuda.default_generators
    if torch.backends.mps.is_available():
        found.append(torch.mps._get_default_mps_generator())
    return found


def _states():
    torch_states = [(generator, generator.get_state()) for generator in _generators()]
    return torch_states, np.random.get_state(), random.getstate()


def _same(one, other):
    known = {id(generator): state for generator, state in other[0]}
    for generator, state in one[0]:
        # a GPU that was first used inside the pass has no earlier state: what it drew cannot be told
        if id(generator) in known and not np.array_equal(state.numpy(), known[id(generator)].numpy()):
            return False
    return _numpy_equal(one[1], other[1]) and one[2] == other[2]


def _numpy_equal(one, other):
    return one[0] == other[0] and np.array_equal(one[1], other[1]) and one[2:] == other[2:]


def _put(states):
    for generator, state in states[0]:
        generator.set_state(state)
    np.random.set_state(states[1])
    random.setstate(states[2])


def _seed_all(seed):
    for generator in _generators():
        generator.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
