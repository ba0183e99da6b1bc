"""Is the map about this model and this class? Cascading randomisation of the weights, and another class's map."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch

from ...cam.isolation.one_at_a_time import alone
from ...cam.logits.heads import BINARY
from ...protocol.explanation import Explanation
from ...protocol.progress import Progress
from ...protocol.value import NOT_MEASURED, Value
from ..metrics.similarity import spearman, ssim
from .explained_case import Case, told_apart

#: in how many steps all modules are randomised, from the output to the input
STEPS = 5
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class Step:
    """modules: names randomised by now, added: those of this step; spearman, ssim: of the map to the trained one.

    cells: in which one of the two holds a value.
    """

    modules: int
    added: tuple[str, ...]
    spearman: Value
    ssim: Value
    cells: int = 0

    def to_json(self) -> dict:
        return {
            "modules": self.modules, "added": list(self.added),
            "spearman": self.spearman.to_json(), "ssim": self.ssim.to_json(),
        }  # fmt: skip


def asked_in_order(case: Case, progress: Callable[[float, str], None] | None = None) -> tuple[Explanation, list[dict]]:
    """(the question answered anew, for each fold the modules with weights in the order in which they begin)"""
    with _order(case.model.networks) as orders:
        again = case.ask(progress=progress)
    return again, orders


def randomisation(
    case: Case,
    *,
    seed: int = 0,
    steps: int = STEPS,
    orders: list[dict] | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> list[Step]:
    """Randomise the network from its output to its input and compare the map of every step with the trained one.

    Adebayo et al., NeurIPS 2018 (cascading).  Every module with parameters is initialised anew by its own rule (see
    :func:`randomised`), running statistics included, in ``steps`` groups of about equal numbers of modules, one seed a
    fold.  M stays the trained one.  spearman: rank correlation of the signed maps where one of them is not zero.
    Cost: steps + 1 explanations: the first tells the order in which the modules run, where :func:`asked_in_order` has
    not told it (orders).
    Returns [] for networks without any weight that can be replaced.  The weights are back, bit for bit, also after an
    exception; nothing is written to them.
    """
    tell = Progress(progress)
    networks = case.model.networks
    if orders is None:
        _, orders = asked_in_order(case, tell.part(0.0, 1 / (steps + 1), "finding the order of the modules: "))
    chains = [_chain(network, order) for network, order in zip(networks, orders, strict=True)]
    longest = max(len(chain) for chain in chains)
    found, count = [], min(steps, longest)
    for n in range(count):
        ends = [round(len(chain) * (n + 1) / count) for chain in chains]
        starts = [round(len(chain) * n / count) for chain in chains]
        title = f"randomised {ends[0]} of {len(chains[0])} modules: "
        with randomised([chain[:end] for chain, end in zip(chains, ends, strict=True)], seed):
            other = case.ask(progress=tell.part((n + 1) / (count + 1), (n + 2) / (count + 1), title))
        ours, theirs = case.beside(other)
        added = tuple(unit.name for unit in chains[0][starts[0] : ends[0]])
        told = told_apart(ours, theirs)
        likeness = ssim(ours, theirs, each_to_its_maximum=True)
        found.append(Step(ends[0], added, spearman(*told), likeness, told[0].size))
    tell(1.0, "done")
    return found


@dataclass(eq=False)
class Unit:
    """What is randomised at once: a module of its own, or one weight of a program without modules."""

    name: str
    module: torch.nn.Module
    tensors: dict[str, torch.Tensor]


@contextmanager
def randomised(chains: list[list[Unit]], seed: int) -> Iterator[None]:
    """Other weights inside, the very same tensors outside. chains: units of each fold.

    A module that can initialise itself (``reset_parameters``) and holds nothing but its own weights does so, on a
    stand-in, so that no weight of the user's is ever written to; of others, and of weights its rule leaves as they
    are, every weight's values are shuffled, which keeps their size and sign.
    """
    before: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    with alone():  # no other thread's question may meet these weights
        try:
            for fold, chain in enumerate(chains):
                for place, unit in enumerate(chain):
                    fresh = _fresh(unit, hash_of(seed, fold, place))
                    for name, tensor in unit.tensors.items():
                        if id(tensor) not in before:  # a weight that several modules share is replaced once
                            before[id(tensor)] = tensor, tensor.data
                            tensor.data = fresh[name]
            yield
        finally:
            for tensor, data in before.values():
                tensor.data = data


def class_swap(case: Case, progress: Callable[[float, str], None] | None = None) -> Value:
    """1 - Spearman of the map of another class for the same M: 0 for a map that does not care which class was asked.

    The other class is the rival where the score is a contrast, else the background (class 1 for the background's own
    map); its plain logit is asked.  Cost: one explanation, a backward pass where ``case.session`` has kept its pass.
    """
    words, why = swapped_words(case.model, case.words)
    if words is None:
        return Value.without(NOT_MEASURED, why)
    if case.session is None:
        other = replace(case, words=words).ask(progress=progress)
    else:
        (other,) = case.session.ask(case.pixels, **words, progress=progress)
    similar = spearman(*told_apart(*case.beside(other)))
    if not similar.ok:
        return Value.without(similar.status, similar.note)
    return Value.of(1 - similar.value, note=f"against the map of {case.model.class_name(words['class_index'])}")


def swapped_words(model, words: dict) -> tuple[dict | None, str]:
    """(the question about the other class, ""), or (None, why there is none)."""
    index, rival = model.class_index(words["class_index"]), words.get("rival")
    if model.head == BINARY:
        return None, "The network has one output channel: the other class's map is this one with its sign turned."
    if len(model.classes) < 2:
        return None, "The model has no other class."
    known = [info.index for info in model.classes]
    other = next(n for n in known if n != index) if rival is None else model.class_index(rival)
    return words | {"class_index": other, "score": "logit", "rival": None}, ""


@contextmanager
def _order(networks):
    """Yields one list a network, filled with the modules that hold weights in the order in which they begin."""
    orders, handles = [], []
    for network in networks:
        order: dict = {}
        orders.append(order)
        for module in network.modules():
            if _own(module):
                handles.append(module.register_forward_pre_hook(lambda m, inputs, o=order: o.setdefault(m)))
    try:
        yield orders
    finally:
        for handle in handles:
            handle.remove()


def _chain(network, order) -> list[Unit]:
    """Units from the output to the input. What was not seen to run (used by its weights alone) comes last."""
    names = {module: name for name, module in network.named_modules()}
    rest = [module for module in names if _own(module) and module not in order]
    units = []
    for module in (*reversed(list(order)), *rest):
        own = _own(module)
        if isinstance(module, torch.fx.GraphModule):
            # a saved program holds all weights in one module; its graph knows in which order they are used
            used = dict.fromkeys(str(n.target) for n in module.graph.nodes if n.op == "get_attr")
            for name in reversed([name for name in used if name in own]):
                units.append(Unit(name, module, {name: own.pop(name)}))
        if own:
            units.append(Unit(names[module] or type(module).__name__, module, own))
    return units


def _own(module) -> dict[str, torch.Tensor]:
    """The module's own weights and running statistics by name, of modules that have weights or statistics."""
    found = dict(module.named_parameters(recurse=False))
    for name, tensor in module.named_buffers(recurse=False):
        if name.endswith(_STATISTICS):
            found[name] = tensor
    return found


def _fresh(unit, seed) -> dict[str, torch.Tensor]:
    with torch.random.fork_rng(devices=[]), torch.no_grad(), torch.inference_mode(False):
        torch.manual_seed(seed)
        if hasattr(unit.module, "reset_parameters") and _stands_alone(unit.module):
            try:
                return _initialised(unit)
            except (TypeError, RuntimeError, AttributeError, ValueError):
                pass  # it needs something only its constructor had
        return {name: _shuffled(tensor) for name, tensor in unit.tensors.items()}


def _stands_alone(module):
    """Whether its rule can only reach its own parameters and buffers: no children, no other tensors (weight norm)."""
    if isinstance(module, torch.jit.ScriptModule):
        return False
    for name, value in vars(module).items():
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple | set) else ()
        if name not in ("_parameters", "_buffers") and any(
            isinstance(held, torch.Tensor | torch.nn.Module) for held in (value, *inner)
        ):
            return False
    return True


def _initialised(unit):
    """By the module's own rule, on a copy that shares no tensor with it; what the rule does not know is shuffled."""
    stand_in = copy.copy(unit.module)
    stand_in.__dict__ = dict(unit.module.__dict__)
    stand_in._parameters = {
        name: None if p is None else torch.nn.Parameter(p.detach().cpu().clone(), requires_grad=p.requires_grad)
        for name, p in unit.module._parameters.items()
    }
    stand_in._buffers = {
        name: None if b is None else b.detach().cpu().clone() for name, b in unit.module._buffers.items()
    }
    stand_in.reset_parameters()
    made = dict(stand_in.named_parameters(recurse=False)) | dict(stand_in.named_buffers(recurse=False))
    fresh = {name: made[name].detach().to(tensor.device, tensor.dtype) for name, tensor in unit.tensors.items()}
    kept = [n for n, tensor in unit.tensors.items() if not n.endswith(_STATISTICS) and torch.equal(fresh[n], tensor)]
    return fresh | {name: _shuffled(unit.tensors[name]) for name in kept}


def _shuffled(tensor):
    if tensor.numel() < 2:
        return tensor.detach().clone()
    order = torch.randperm(tensor.numel())
    return tensor.detach().reshape(-1)[order.to(tensor.device)].reshape(tensor.shape)


def hash_of(*numbers: int) -> int:
    """One seed from several numbers, the same on every machine."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
