"""A program's flat graph as an ordinary network: one small module, a tap, where each module of the original returned.

The engine explains layers through forward hooks.  A saved program has no modules, but its graph remembers where each
operation came from.  :func:`graph_net` copies the graph, writes it with torch's public functions (:mod:`aten`) and puts
a tap, which returns what it is given, behind the last operation of every original module, under that module's name.
Hooks, layer list, graph cut and placement then work as on the original; operations in place stay in place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import torch

from ...cam.passes.capture import token_cells
from ...cam.passes.refusals import several_inputs
from ...protocol.errors import ModelError
from .aten import operation, rewrite

#: as cam.layers: what returns its input, pads it, or pools it to a fixed size is no layer
_NO_LAYER = re.compile(r"constant_pad|reflection_pad|replication_pad|^pad$|adaptive_|flatten|^clone$|^detach")


class Tap(torch.nn.Module):
    """Returns its input. kernel_size, out_channels: of the one convolution it stands for, as on torch's own modules."""

    def __init__(self, kernel_size=None, out_channels=None):
        super().__init__()
        if kernel_size is not None:
            self.kernel_size, self.out_channels = kernel_size, out_channels

    def forward(self, tensor):
        return tensor


def graph_net(graph: torch.fx.Graph, value: Callable, origin: Callable, dims: int, names=None) -> torch.fx.GraphModule:
    """The network of a graph: one image ``[1, C, *spatial]`` in, logits (or a tuple with them) out.

    The network's ``output_names`` tell where its outputs stood in the program's own containers: keys and places.
    names: of all outputs, where the graph has lost them.

    value: get_attr target -> tensor or module.  origin: node -> ((key, module path), ...) of the modules it ran in,
    outermost first, without the root; key tells apart the calls of one module.  dims: spatial axes.  Where no node
    knows its module the taps are named after the operations.  Raises ModelError for several inputs, a batch other than
    one, training mode, or a graph without any step a map could show.
    """
    graph, origins, names = _copied(graph, origin, names)
    _refuse_other_inputs(graph)
    rewrite(graph)
    known = {node: origins.get(node, ()) for node in graph.nodes}
    if not any(known.values()):
        known = {node: ((node.name, node.name),) for node in _weighted(graph)}
    held = {node.target: value(node.target) for node in graph.nodes if node.op == "get_attr"}
    taps = _tapped(graph, known, held, dims)
    if not taps:
        raise ModelError(
            "The program holds no step whose activation a map could show.",
            "It must compute feature maps [1, channels, *spatial] from the image, in torch operations.",
        )
    network = torch.fx.GraphModule({**held, **taps}, graph, class_name="GraphNet").eval()
    network.output_names = names
    return network


def cells(node, dims: int) -> tuple | None:
    """Spatial sizes of a node that returns a feature grid ``[1, K, *cells]``, else None."""
    value = node.meta.get("val")
    grid = isinstance(value, torch.Tensor) and value.is_floating_point() and value.ndim == dims + 2
    return tuple(int(n) for n in value.shape[2:]) if grid else None


def _copied(graph, origin, names):
    """The graph without its containers for arguments: tensors in, a tensor or a tuple of tensors out."""
    copy, new, origins = torch.fx.Graph(), {}, {}
    for node in graph.nodes:
        if node.op == "output":
            every = leaf_paths(node.args[0])
            names = [path for path, _ in every] if names is None or len(names) != len(every) else names
            kept = [(name, leaf) for name, (_, leaf) in zip(names, every, strict=True) if _is_tensor(leaf)]
            names, leaves = tuple(name for name, _ in kept), [leaf for _, leaf in kept]
            if not leaves:
                raise ModelError("The program returns no tensor.", "It must return logits [1, classes, *spatial].")
            copy.output(new[leaves[0]] if len(leaves) == 1 else tuple(new[leaf] for leaf in leaves))
            continue
        new[node] = copy.node_copy(node, lambda n: new[n])
        origins[new[node]] = tuple(origin(node))
    return copy, origins, names


def leaf_paths(tree, path=()) -> list[tuple[tuple, object]]:
    """[(keys and places from the outside to the leaf, leaf)]"""
    if isinstance(tree, (list, tuple)):
        keys = getattr(tree, "_fields", range(len(tree)))
        return [leaf for key, item in zip(keys, tree, strict=True) for leaf in leaf_paths(item, (*path, key))]
    if isinstance(tree, dict):
        return [leaf for key, item in tree.items() for leaf in leaf_paths(item, (*path, key))]
    return [(path or (0,), tree)]


def _is_tensor(leaf):
    return isinstance(leaf, torch.fx.Node)


def _refuse_other_inputs(graph):
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    tensors = [node for node in inputs if isinstance(node.meta.get("val"), torch.Tensor)]
    if len(inputs) != 1 or len(tensors) != 1:
        raise several_inputs("program", [node.name for node in inputs])
    batch = tensors[0].meta["val"].shape[0]
    if isinstance(batch, int) and batch != 1:
        raise ModelError(f"The program was saved for {batch} images at a time.", "Save it with a batch of one.")


def _weighted(graph):
    """Steps that weights have a part in; what only prepares the image is no activation."""
    found = set()
    for node in graph.nodes:
        if node.op == "call_function" and any(n in found or n.op == "get_attr" for n in node.all_input_nodes):
            found.add(node)
    return found


def _tapped(graph, known, held, dims):
    """Insert the taps; returns name -> Tap."""
    runs = {}
    for node in graph.nodes:
        for key, path in known.get(node, ()):
            runs.setdefault((key, path), []).append(node)
    exits = {}
    image = next(cells(node, dims) for node in graph.nodes if node.op == "placeholder")
    for (key, path), nodes in runs.items():
        found = _exit(nodes, dims, image)
        if found is not None and _usable(path):
            exits[key, path] = found
    shown = set(exits.values())
    taps = {}
    # the outermost module first: the next tap then lies between it and the operation
    for (key, path), node in sorted(exits.items(), key=lambda item: -len(runs[item[0]])):
        nodes = runs[key, path]
        if _is_no_layer(nodes) or (cells(node, dims) and _is_no_level(nodes, node, shown, dims)):
            continue
        taps.setdefault(path, _tap(nodes, held))
        with graph.inserting_after(node):
            tap = graph.call_module(path, (node,))
        tap.meta["val"] = node.meta["val"]
        node.replace_all_uses_with(tap, delete_user_cb=lambda user, tap=tap: user is not tap)
    return taps


def _exit(nodes, dims, image):
    """The one feature grid (or grid of tokens ``[1, N, K]``) a module hands out, or None."""
    inside = set(nodes)
    out = [
        node for node in nodes
        if isinstance(node.meta.get("val"), torch.Tensor)
        and any(user not in inside and not operation(user).startswith("sym_size") for user in node.users)
    ]  # fmt: skip
    if len(out) != 1 or not _is_computed(out[0]):
        return None
    value = out[0].meta["val"]
    tokens = value.ndim == 3 and isinstance(value.shape[1], int) and token_cells(value.shape[1], image)
    return out[0] if tokens or cells(out[0], dims) else None


def _is_computed(node) -> bool:
    """Computed in the program, not given to it."""
    return node.op in ("call_function", "call_module")


def _is_no_level(nodes, node, shown, dims):
    """Whether a coarser level lies inside (a whole U-shaped part is no name for a level), or its input is glued on.

    cam.layers tells both by the modules inside, which a tap has not.
    """
    inside = set(nodes)
    if getattr(node.target, "__name__", "") == "cat" and len(inside) > 1:
        return True
    given = [cells(a, dims) for n in nodes for a in n.all_input_nodes if a not in inside and cells(a, dims)]
    own = cells(node, dims)
    entered = given[0] if given else own
    least = math.prod(min(a, b) for a, b in zip(own, entered, strict=True))
    levels = {math.prod(cells(n, dims)) for n in inside & shown if n is not node and cells(n, dims)} - {1}
    # a decoder that is given all levels at once climbs through those between the first and the last
    between = {math.prod(g) for g in given if math.prod(entered) < math.prod(g) < math.prod(own)}
    return any(level < least or level in between for level in levels)


def _is_no_layer(nodes):
    return all(_NO_LAYER.search(operation(node) or getattr(node.target, "__name__", "")) for node in nodes)


def _tap(nodes, held):
    steps = [node for node in nodes if node.op == "call_function"]
    name = getattr(steps[0].target, "__name__", "") if len(steps) == 1 else ""
    if re.fullmatch(r"conv[123]d", name):
        weight = held.get(getattr(steps[0].args[1], "target", None))
        if isinstance(weight, torch.Tensor):
            return Tap(tuple(weight.shape[2:]), weight.shape[0])
    return Tap()


def _usable(path):
    return bool(path) and all(re.fullmatch(r"\w+", part) for part in path.split("."))
