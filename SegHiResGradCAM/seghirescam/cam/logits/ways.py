"""What leads to each of a network's outputs: layers, weights, other outputs; found without its numbers."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import torch

from ..passes.containers import labelled

_SURVEYS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Way:
    """What leads to one output. layers: names with ``#n``.  weights: names.  made_of: other outputs it is made of."""

    layers: frozenset[str]
    weights: frozenset[str]
    made_of: frozenset[tuple]


def survey(network: torch.nn.Module, shape, dtype, device) -> dict[tuple, Way]:
    """Path of every tensor the network returns -> what leads to it; {} where that cannot be followed without numbers.

    One pass of a copy whose weights hold no numbers, remembered as long as the network stays as it is.
    """
    from ..isolation.remembered import remembered

    def compute():
        try:
            return _surveyed(network, shape, dtype, device)
        except Exception:  # a forward that needs its numbers may raise anything
            return {}

    return remembered(_SURVEYS, network, "ways", compute)


def _surveyed(network, shape, dtype, device):
    import copy

    from torch._subclasses.fake_tensor import FakeTensorMode

    # not inside a torch-function mode that a caller has opened (positive_means)
    with torch._C.DisableTorchFunction(), torch.inference_mode(False), torch.enable_grad():
        mode = FakeTensorMode(allow_non_fake_inputs=True)
        empty, names = {}, {}
        for name, weight in network.named_parameters():
            kept = torch.nn.Parameter(mode.from_tensor(weight.detach()), weight.is_floating_point())
            empty[id(weight)], names[id(kept)] = kept, name
        for buffer in network.buffers():
            empty[id(buffer)] = mode.from_tensor(buffer.detach())
        # a copy, so that nothing without numbers can stay behind in the network
        twin = copy.deepcopy(network, dict(empty)).eval()
        nodes, calls = {}, {}

        def note(name):
            def hook(module, inputs, output):
                calls[name] = calls.get(name, 0) + 1
                nodes[f"{name}#{calls[name]}"] = getattr(output, "grad_fn", None)

            return hook

        for name, module in twin.named_modules():
            module._forward_hooks.clear()
            if name:
                module.register_forward_hook(note(name))
        with mode:
            image = torch.zeros(shape, dtype=dtype, device=device).requires_grad_()
            found = labelled(twin(image), getattr(twin, "output_names", None))
    ends = {path: t.grad_fn for path, t in found}
    ways = {}
    for path, end in ends.items():
        seen = _behind(end)
        weights = {names[id(n.variable)] for n in seen if id(getattr(n, "variable", None)) in names}
        layers = {name for name, node in nodes.items() if node is not None and node in seen}
        made_of = {other for other, node in ends.items() if other != path and node in seen}
        ways[path] = Way(frozenset(layers), frozenset(weights), frozenset(made_of))
    return ways


def _behind(node):
    """All autograd nodes that lead to this one, itself included."""
    todo, seen = [node], set()
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        todo += [function for function, _ in node.next_functions]
    return seen
