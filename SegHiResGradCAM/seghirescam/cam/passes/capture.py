"""One pass through the network: activations at the target layers and, for any score, the gradients there.

The graph is cut at the first target layer: what lies before it runs without autograd, what lies behind it is recorded
from a fresh leaf.  ``autograd.grad`` then asks for the activations only, so no parameter gradient is computed, no
``.grad`` is filled and no ``requires_grad`` flag is touched (frozen networks and callers inside ``no_grad`` work);
:mod:`recording` keeps what only weight gradients would need out of memory.

In-place operations behind a target layer (conv -> norm -> LeakyReLU(inplace)) work on a copy of the activation: the
hook hands on a clone.  If something else still overwrites the recorded activation (a module that returns its input, for
example), the version counter tells, and the pass is repeated with a private copy.
"""

from __future__ import annotations

import math
from contextlib import contextmanager, nullcontext

import torch

from ...protocol.errors import GradientError, LayerError
from ..isolation.undisturbed import undisturbed
from .containers import best_of
from .recording import LeanTail
from .refusals import INFERENCE, no_logits

#: fp16 ends at 6e-8, where gradients of averages over windows and cells may lie; a power of two changes no digit
FP16_SCALE = 256.0


class Pass:
    """What one forward pass left behind.

    logits: ``[1, C, *spatial]``, attached to the graph.  activations: target name -> ``[1, K, *cells]``, detached.
    """

    def __init__(
        self, logits: torch.Tensor, recorded: dict[str, torch.Tensor], spatial: tuple[int, ...], scale: float = 1.0
    ):
        self.logits = logits
        self._recorded = recorded
        self._spatial = spatial
        #: what the score is multiplied with on its way back, and the gradients divided by
        self._scale = scale

    @property
    def activations(self) -> dict[str, torch.Tensor]:
        return {name: as_grid(tensor.detach(), self._spatial) for name, tensor in self._recorded.items()}

    def differentiate(
        self, score: torch.Tensor, receive, keep_graph: bool = False, names=None, optional: frozenset = frozenset()
    ) -> None:
        """Call ``receive(name, activation, gradient)`` for every target layer as the backward pass reaches it.

        score: a scalar computed from ``logits``.  activation, gradient: ``[1, K, *cells]``; the gradient may be gone
        after the call, so that the gradients of all levels need not live at the same time.  keep_graph: True while
        more scores follow.  names: some of the target layers only; the backward pass ends at the deepest of them
        (their gradients live together).  Raises GradientError for a layer the score does not depend on, unless it is
        among the ``optional`` ones.
        """
        names = list(self._recorded) if names is None else list(names)
        if not score.requires_grad:
            raise GradientError(
                "The score does not depend on the target layer through autograd.",
                "The network's forward probably detaches its tensors, enters no_grad, or uses the layer for something "
                "else; choose a layer nearer to the output.",
            )
        reached = set()

        def give(name, gradient):
            reached.add(name)
            if self._scale != 1:
                gradient = gradient.float() / self._scale
            receive(name, *(as_grid(t, self._spatial) for t in (self._recorded[name].detach(), gradient)))

        # every recorded tensor lies behind a leaf: asked for the leaves, the backward pass meets them all on its way
        asked = [name for name in names if self._recorded[name].is_leaf or len(names) < len(self._recorded)]
        handles = [
            self._recorded[name].register_hook(lambda gradient, name=name: give(name, gradient))
            for name in names
            if name not in asked
        ]
        try:
            with torch.inference_mode(False):
                tensors = [self._recorded[name] for name in asked]
                scaled = score if self._scale == 1 else score * self._scale
                found = torch.autograd.grad(scaled, tensors, retain_graph=keep_graph, allow_unused=True)
        except RuntimeError as error:
            if "checkpoint" in str(error):
                raise GradientError(
                    "The network uses reentrant checkpointing; no gradient of an activation can be asked through it.",
                    "Call torch.utils.checkpoint with use_reentrant=False, or switch checkpointing off.",
                ) from error
            raise
        finally:
            for handle in handles:
                handle.remove()
        for name, gradient in zip(asked, found, strict=True):
            if gradient is not None:
                give(name, gradient)
        for name in names:
            if name not in reached and name not in optional:
                raise GradientError(
                    f"The layer '{name}' has no influence on the score.", "Choose a layer that leads to the output."
                )

    def gradients(self, score: torch.Tensor, keep_graph: bool = False) -> dict[str, torch.Tensor]:
        """dS/dA at every target layer at once, see :meth:`differentiate`."""
        found = {}
        self.differentiate(score, lambda name, activation, gradient: found.update({name: gradient}), keep_graph)
        return {name: found[name] for name in self._recorded}


def forward(
    network: torch.nn.Module,
    tensor: torch.Tensor,
    targets: list[str] | tuple[str, ...],
    *,
    autocast=None,
    channels=None,
) -> Pass:
    """Run the network once and record the target layers.

    tensor: ``[1, C, *spatial]`` on the network's device.  targets: layer names as :func:`listing.trace` gives them; a
    name may end in ``#n`` for the n-th call of a module that is called several times.  autocast: None or a dtype.
    channels: of the logits, for networks with several outputs.
    Raises LayerError for a layer that is absent, not executed, called several times without ``#n``, or does not return
    one tensor; GradientError where inference_mode makes gradients impossible.
    """
    first, wanted = _parse(network, targets)
    with torch.inference_mode(False), undisturbed(network):
        tensor = tensor.clone() if tensor.is_inference() else tensor
        for private_copies in (False, True):
            recorder = _Recorder(wanted, first, private_copies)
            # no_grad up to the first target layer, whose hook switches autograd on until this block ends
            with torch.no_grad(), recorder.on(network), LeanTail(), _autocast(tensor.device, autocast):
                try:
                    logits = as_logits(network(tensor), channels)
                except RuntimeError as error:
                    if is_inference_error(error):
                        raise inference_error() from error
                    raise
            if logits.is_inference():
                raise inference_error()
            recorder.check_calls(targets)
            if not recorder.overwritten():
                break
    recorded = {name: recorder.tensors[key] for name, key in zip(targets, first, strict=True)}
    scale = FP16_SCALE if autocast == torch.float16 else 1.0
    return Pass(logits, recorded, tuple(tensor.shape[2:]), scale)


def inference_error() -> GradientError:
    return GradientError(
        INFERENCE,
        "Use torch.no_grad there, or remove it: this package switches autograd on only where it needs it.",
    )


def is_inference_error(error: Exception) -> bool:
    """Whether torch complains about tensors made in inference mode."""
    return "nference tensor" in str(error) or "inference mode" in str(error).lower()


def token_cells(count: int, spatial: tuple[int, ...]) -> tuple[int, ...] | None:
    """The grid of ``count`` tokens of a transformer over an image of this size, or None if they are no grid.

    Tokens stand for cubes of 2 to 32 voxels; a class token in front of them is allowed.
    """
    for edge in (2, 4, 8, 14, 16, 32):
        cells = tuple(n // edge for n in spatial)
        if all(n % edge == 0 for n in spatial) and math.prod(cells) in (count, count - 1):
            return cells
    return None


def as_grid(tensor: torch.Tensor, spatial: tuple[int, ...]) -> torch.Tensor:
    """``[B, K, *cells]`` of an activation that is one already, or of tokens ``[B, N, K]`` in reading order."""
    if tensor.ndim != 3 or len(spatial) == 1:
        return tensor
    cells = token_cells(tensor.shape[1], spatial)
    if cells is None:
        return tensor
    return tensor[:, -math.prod(cells) :].transpose(1, 2).reshape(tensor.shape[0], tensor.shape[2], *cells)


def as_logits(output, channels: int | None = None) -> torch.Tensor:
    """The logits among what a forward returned: the tensor, or of several the largest ``[B, C, *spatial]``.

    channels: the number of classes the model should have; outputs with as many channels go first, then the larger,
    then the earlier.  Inside the block of an :class:`outputs.Reading` the network itself returns the tensor that was
    chosen there.
    """
    found = output if isinstance(output, torch.Tensor) else best_of(output, channels)
    if found is None:
        raise no_logits(output)
    return found


@contextmanager
def _autocast(device, dtype):
    with torch.autocast(device.type, dtype=dtype) if dtype is not None else nullcontext():
        yield


def _parse(network, targets):
    """[(module name, call number or None)] and name -> module for the targets."""
    modules = dict(network.named_modules())
    keys, wanted = [], {}
    for target in targets:
        name, _, call = target.partition("#")
        if name not in modules or not name or (call and not call.isdigit()):
            close = [n for n in modules if n and n.split(".")[-1] == name.split(".")[-1]][:5] or list(modules)[1:6]
            raise LayerError(f"The network has no layer '{target}'.", f"Some that exist: {', '.join(close)}.")
        key = (name, int(call) if call else 1)
        keys.append(key)
        wanted[name] = modules[name]
    if len(set(keys)) != len(keys):
        raise LayerError("A layer is named twice.", "Name each target layer once.")
    return keys, wanted


class _Recorder:
    """Forward hooks on the target modules; removed when the block ends."""

    def __init__(self, modules, keys, private_copies):
        self.modules, self.keys = modules, set(keys)
        self.private_copies = private_copies
        self.tensors = {}
        self.versions = {}
        self.calls = dict.fromkeys(modules, 0)

    @contextmanager
    def on(self, network):
        handles = []
        try:
            for name, module in self.modules.items():
                handles.append(module.register_forward_hook(self._hook(name)))
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _hook(self, name):
        def record(module, inputs, output):
            self.calls[name] += 1
            if (name, self.calls[name]) not in self.keys:
                return output  # another call of a shared module
            if not isinstance(output, torch.Tensor):
                raise LayerError(
                    f"The layer '{name}' returns a {type(output).__name__}, not one activation tensor.",
                    "Choose a layer inside or behind it.",
                )
            if output.is_inference():
                raise inference_error()
            if not output.is_floating_point():
                raise LayerError(f"The layer '{name}' returns {output.dtype}.", "Choose a layer with real activations.")
            torch.set_grad_enabled(True)
            # a branch of its own, though it needs a gradient for its weights' sake, begins with a leaf too
            kept = output if output.requires_grad and self._behind_a_leaf(output) else output.detach()
            if self.private_copies:
                kept = kept.clone()
            if not kept.requires_grad:
                kept.requires_grad_()
            key = (name, self.calls[name])
            self.tensors[key] = kept
            self.versions[key] = kept._version
            return kept.clone()

        return record

    def _behind_a_leaf(self, tensor):
        """Whether the tensor was computed from a recorded one."""
        leaves = {id(kept) for kept in self.tensors.values() if kept.is_leaf}
        todo, seen = [tensor.grad_fn], set()
        while todo and leaves:
            node = todo.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            if id(getattr(node, "variable", None)) in leaves:
                return True
            todo += [function for function, _ in node.next_functions]
        return False

    def check_calls(self, targets):
        for target in targets:
            name, _, call = target.partition("#")
            count = self.calls[name]
            if count == 0:
                raise LayerError(
                    f"The layer '{name}' exists but was not executed in this forward pass.", "Choose another layer."
                )
            if not call and count > 1:
                raise LayerError(
                    f"The layer '{name}' is called {count} times in one forward pass.",
                    f"Say which call is meant: '{name}#1' to '{name}#{count}'.",
                )
            if call and int(call) > count:
                raise LayerError(f"The layer '{name}' is called only {count} time(s).", "Choose an existing call.")

    def overwritten(self):
        return any(tensor._version != self.versions[key] for key, tensor in self.tensors.items())
