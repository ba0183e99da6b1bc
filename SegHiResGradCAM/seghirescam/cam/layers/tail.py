"""Re-run only what lies behind a layer: any network, no tracing, from the outputs its modules have already given.

One recording pass notes the output of every outermost module that finished before the target began.  In a replay those
modules and the target return what is known (repeated over the batch) through a temporary ``forward``; everything else,
plain functions between modules included, really runs.  What can go wrong (a module that keeps state, a batch axis that
is none) shows in a check against a full forward, made once a network, layer and input size; a network that fails it is
re-run in full, and ``note`` says so.  A network that is one long forward of plain operations (a saved program) has
nothing to skip: its replay is right, not cheaper.

Inside the caller's ``undisturbed(network)``; between the calls of a Tail the network is untouched.
"""

from __future__ import annotations

import weakref
from contextlib import contextmanager

import torch
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from ...protocol.errors import LayerError, MethodError
from ..isolation.random_draws import drawn_until_now, drew, resume
from ..isolation.remembered import remembered
from ..logits.outputs import in_force
from ..passes.capture import as_logits
from ..passes.recording import LeanTail

#: how far a replay may be from a full forward, relative to the largest logit
TOLERANCE = 1e-5

_CHECKED: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


class Tail:
    """The part of a network behind a layer, as a function of that layer's activation.

    tensor: the input ``[1, C, *spatial]``.  target: a layer name, as for :func:`capture.forward`.  channels: of the
    logits.  on: called for a context manager around every run (autocast).  fallback: False raises MethodError instead
    of running in full where the check fails.
    activation ``[1, K, *cells]``, logits ``[1, C, *spatial]``: of the unchanged input, without a graph.
    exact: the replay was bit-equal to the full forward at the same batch size.  error: its largest difference relative
    to the largest logit, also for batches.  note: "" or the sentence for the user.  forwards, passes: full and tail
    runs made so far (in items of a batch).  runs: calls of the network, of either kind, a batch being one.
    """

    def __init__(self, network, tensor, target: str, *, channels=None, on=None, fallback: bool = True):
        self.network, self.target, self.channels = network, target, channels
        self._input, self._on = tensor, on or _nothing
        self.forwards = self.passes = self.runs = 0
        self.full = False
        self.note = ""
        name, _, call = target.partition("#")
        self._module = dict(network.named_modules()).get(name)
        if self._module is None or not name:
            raise LayerError(f"The network has no layer '{target}'.", "Choose one of its layers.")
        self._call = int(call) if call else 1
        self._record()
        self.exact, self.error, whole_batches, self.note = self._checked()
        self._one_by_one = not whole_batches
        if not self.error <= TOLERANCE:
            if not fallback:
                raise MethodError(self.note, "Choose a method that needs one pass only, or another layer.")
            self.full, self._known = True, []

    def __call__(self, activations: torch.Tensor) -> torch.Tensor:
        """Logits ``[B, C, *spatial]`` for ``[B, K, *cells]``; recorded by autograd where the activations need it."""
        # a draw of random numbers must not depend on what else is in the batch
        if len(activations) > 1 and (self._one_by_one or drew([self.network])):
            return torch.cat([self(one) for one in activations.split(1)])
        if self.full:
            return self._in_full(activations)
        return self._replayed(activations)

    def _record(self):
        cloned: set[int] = set()
        while True:
            recorder = _Recorder(self._module, self._call, cloned)
            with torch.no_grad(), self._on(), _forwards(dict.fromkeys(self.network.modules(), recorder.forward)):
                output = self.network(self._input.clone())
            self.forwards += 1
            self.runs += 1
            if recorder.activation is None:
                raise LayerError(f"The layer '{self.target}' was not executed.", "Choose another layer.")
            changed = recorder.changed()
            if changed <= cloned:
                break
            cloned |= changed  # once more, with copies of what is overwritten later on
        self.activation = recorder.activation
        self.logits = as_logits(output, self.channels).detach()
        self._known, self._mark = recorder.finished, recorder.mark
        self._cloned = cloned

    def _replayed(self, activations):
        self.passes += len(activations)
        self.runs += 1
        player = _Player(self._module, self._known, self._cloned, activations, self._mark)
        recording = torch.is_grad_enabled() and activations.requires_grad
        with torch.set_grad_enabled(recording), self._on(), _forwards(dict.fromkeys(player.modules, player.forward)):
            tensor = self._input.expand(len(activations), *self._input.shape[1:]).clone()
            if not recording:
                return as_logits(self.network(tensor), self.channels)
            with LeanTail():
                return as_logits(self.network(tensor), self.channels)

    def _in_full(self, activations):
        """The whole network with the target's output replaced."""
        self.forwards += len(activations)
        self.runs += 1
        calls = 0

        def replace(module, inputs, output):
            nonlocal calls
            calls += 1
            # a copy: what is behind may work in place
            return activations.clone() if calls == self._call else output

        recording = torch.is_grad_enabled() and activations.requires_grad
        handle = self._module.register_forward_hook(replace)
        try:
            with torch.set_grad_enabled(recording), self._on():
                tensor = self._input.expand(len(activations), *self._input.shape[1:]).clone()
                return as_logits(self.network(tensor), self.channels)
        finally:
            handle.remove()

    def _checked(self):
        reading = in_force(self.network)
        key = (self.target, tuple(self._input.shape), self._input.dtype, self._input.device, self.activation.dtype)
        key = (*key, reading and reading.key)
        return remembered(_CHECKED, self.network, key, self._check)

    def _check(self):
        """(bit-equal, relative error, do batches work, sentence): a changed activation against a full forward."""
        moved = _moved(self.activation)
        with torch.no_grad():
            truth = self._in_full(moved)
            size = float(truth.abs().max())
            try:
                found = self._replayed(moved)
                error = _difference(found, truth, size)
                pair = self._replayed(torch.cat([self.activation, moved]))
                batched = max(_difference(pair[:1], self.logits, size), _difference(pair[1:], truth, size))
            except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as problem:
                reason = str(problem).splitlines()[0][:120] if str(problem) else type(problem).__name__
                return False, float("inf"), False, _refusal(self.target, f"re-running failed: {reason}")
        if not error <= TOLERANCE:
            return False, error, False, _refusal(self.target, f"they differ by {error:.1e}, relative")
        whole = batched <= TOLERANCE
        return bool(torch.equal(found, truth)), max(error, batched if whole else 0.0), whole, ""


def _refusal(target, why):
    return (
        f"What lies behind '{target}' could not be re-run on its own ({why}); every step ran the whole network instead."
    )


def _moved(activation):
    """Another activation of the same size: turned over along the cells and shifted, every channel differently."""
    shift = torch.linspace(0.5, 1.5, activation.shape[1], dtype=activation.dtype, device=activation.device)
    flipped = activation.flip(list(range(2, activation.ndim)))
    return flipped * shift.view(1, -1, *[1] * (activation.ndim - 2))


def _difference(one, other, size):
    if one.shape != other.shape:
        return float("inf")
    if not torch.isfinite(other).all():
        return 0.0 if torch.equal(torch.isfinite(one), torch.isfinite(other)) else float("inf")
    return float((one - other).abs().max()) / size if size else float((one - other).abs().max())


class _Recorder:
    """Notes what finished before the target began. finished: [(module, output, versions of its tensors, mark)].

    mark: where the random number generators stood when the module (the target) was done, see :mod:`random_draws`.
    """

    def __init__(self, target, call, cloned):
        self.target, self.call, self.cloned = target, call, cloned
        self.finished, self.activation, self.mark = [], None, None
        self.count, self.begun = 0, False

    def forward(self, module, original, args, kwargs):
        if self.begun:
            return original(*args, **kwargs)
        if module is self.target:
            self.count += 1
            self.begun = self.count == self.call
        mark = len(self.finished)
        output = original(*args, **kwargs)
        if module is self.target and self.begun and self.activation is None:
            if not isinstance(output, torch.Tensor):
                raise LayerError(
                    f"The layer returns a {type(output).__name__}, not one activation tensor.", "Choose one inside it."
                )
            # a copy: an activation behind the target may work in place
            self.activation, self.mark = output.detach().clone(), drawn_until_now()
        elif not self.begun:
            # the modules inside this one need not be asked again
            del self.finished[mark:]
            kept = tree_map(_clone, output) if mark in self.cloned else output
            self.finished.append((module, kept, _versions(output), drawn_until_now()))
        return output

    def changed(self):
        """Places in ``finished`` whose tensors were written to after their module had returned them."""
        return {
            i for i, (_, output, seen, _) in enumerate(self.finished) if i in self.cloned or _versions(output) != seen
        }


def _versions(output):
    return [t._version for t in tree_flatten(output)[0] if isinstance(t, torch.Tensor)]


def _clone(value):
    return value.clone() if isinstance(value, torch.Tensor) else value


class _Player:
    """Returns known outputs, call by call; a module called more often than it is known runs."""

    def __init__(self, target, known, cloned, activations, place):
        self.target, self.activations, self.place = target, activations, place
        self.batch = len(activations)
        self.queues: dict[torch.nn.Module, list] = {}
        for number, (module, output, _, drawn) in enumerate(known):
            self.queues.setdefault(module, []).append((output, number in cloned, drawn))
        self.modules = [*dict.fromkeys([target, *self.queues])]
        self.given = False

    def forward(self, module, original, args, kwargs):
        queue = self.queues.get(module)
        if queue:
            output, written_to, drawn = queue.pop(0)
            resume(drawn)
            return self._repeated(output, written_to)
        if module is self.target and not self.given:
            self.given = True
            resume(self.place)
            return self.activations.clone()
        return original(*args, **kwargs)

    def _repeated(self, output, written_to):
        def repeat(value):
            if not isinstance(value, torch.Tensor):
                return value
            if self.batch > 1 and value.ndim and value.shape[0] == 1:
                value = value.expand(self.batch, *value.shape[1:])
            return value.clone() if written_to else value

        # containers are built anew: the network may change them
        leaves, form = tree_flatten(output)
        return tree_unflatten([repeat(leaf) for leaf in leaves], form)


@contextmanager
def _forwards(wrapped):
    """Temporary ``forward`` of modules: ``wrapped[module](module, original, args, kwargs)``."""
    before = []
    try:
        for module, replacement in wrapped.items():
            had = module.__dict__.get("forward", _ABSENT)
            original = module.forward

            def forward(*args, _m=module, _o=original, _r=replacement, **kwargs):
                return _r(_m, _o, args, kwargs)

            before.append((module, had))
            # past Module.__setattr__, which some modules forbid
            module.__dict__["forward"] = forward
        yield
    finally:
        for module, had in reversed(before):
            if had is _ABSENT:
                module.__dict__.pop("forward", None)
            else:
                module.__dict__["forward"] = had


_ABSENT = object()


@contextmanager
def _nothing():
    yield
