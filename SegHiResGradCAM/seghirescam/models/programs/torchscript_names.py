"""Which module of a TorchScript program each recorded operation ran in.

The recording knows the weights an operation read, and with them the module that owns them.  Operations without weights
(activations, pooling, concatenations) are found between those in the program's own code, whose nodes tell some steps of
their module's path; where they fit several modules, the one nearest to the weights before is meant.
"""

from __future__ import annotations

import re

from .aten import operation

_LISTS = {"ModuleList", "ModuleDict"}
_STEP = re.compile(r"(\w+)\([^()]*\)")


def origins(program, graph, owners) -> dict:
    """node -> ((key, module path), ...), outermost first, without the root; empty where the names are lost (freeze).

    program: the ScriptModule.  graph: its recording.  owners: get_attr target -> name of the weight.
    """
    modules = {name: getattr(module, "original_name", "") for name, module in program.named_modules() if name}
    code = list(_code(program.inlined_graph))
    if not modules:
        return {}
    nodes = [node for node in graph.nodes if operation(node)]
    named = _Names(program, modules)
    return _calls(nodes, _paths(nodes, code, named, owners), modules)


class _Names:
    """Module paths; one that stands at several places goes by its first name."""

    def __init__(self, program, modules):
        self.first, self.places = {}, {}
        weights, seen = {}, {}
        for name, tensor in program.named_parameters(remove_duplicate=False):
            parts = name.split(".")[:-1]
            for i in range(len(parts)):
                weights.setdefault(".".join(parts[: i + 1]), []).append(tensor.data_ptr())
        for path in modules:
            parent, dot, last = path.rpartition(".")
            name = f"{self.first.get(parent, parent)}{dot}{last}"
            key = (modules[path], *sorted(weights.get(path, ())))
            before = seen.setdefault(key, name) if path in weights else name
            # a block and its only part have the same weights too
            inside = f"{name}.".startswith(f"{before}.") or f"{before}.".startswith(f"{name}.")
            self.first[path] = name if inside else before
            self.places.setdefault(self.first[path], []).append(path)

    def is_called(self, path, end):
        """Whether one of the module's places ends so."""
        return any(_fits(place, end) for place in self.places[path])

    def nearest(self, end, near):
        """The module that ends so and whose path begins most like ``near``; "" if there is none."""
        if not end:
            return ""
        whole = [path for path in self.places if any(_ends(place, end) for place in self.places[path])]
        found = whole or [path for path in self.places if self.is_called(path, end)]
        return max(found, key=lambda path: (_shared(path, near), -path.count(".")), default="")


def _code(block):
    """(operation, steps of the module path) in the order of the program's text, branches included."""
    for node in block.nodes():
        if node.kind().startswith("aten::"):
            steps = [s for s in _STEP.findall(node.getModuleHierarchy()) if s not in ("SELF", "UNKNOWN_INSTANCE")]
            yield node.kind().removeprefix("aten::"), ".".join(steps)
        for inner in node.blocks():
            yield from _code(inner)


def _paths(nodes, code, named, owners):
    """node -> module path ("" for the root)."""
    owned = {node: _owner(node, named, owners) for node in nodes}
    place, at = {}, 0
    for node in nodes:
        if owned[node]:
            for i in range(at, len(code)):
                if code[i][0] == operation(node) and named.is_called(owned[node], code[i][1]):
                    place[node], at = i, i + 1
                    break
    paths, at, near = {}, 0, ""
    for position, node in enumerate(nodes):
        if owned[node]:
            paths[node] = near = owned[node]
            at = place.get(node, at - 1) + 1
            continue
        end = next((place[later] for later in nodes[position:] if later in place), len(code))
        found = next((i for i in range(at, end) if code[i][0] == operation(node)), None)
        if found is None:
            paths[node] = near.rpartition(".")[0]
        else:
            at = found + 1
            paths[node] = named.nearest(code[found][1], near)
    return paths


def _owner(node, named, owners):
    """The module whose weight the node reads first; "" if it reads none."""
    for source in node.all_input_nodes:
        if source.op == "get_attr" and source.target in owners:
            path = owners[source.target].rpartition(".")[0]
            if path in named.first:
                return named.first[path]
    return ""


def _ends(path, end):
    return not end or path == end or path.endswith(f".{end}")


def _fits(path, end):
    """Whether the code's words may mean this path: modules reached through others leave no word there."""
    words, rest = end.split("."), iter(path.split("."))
    return _ends(path, end) or (path.rpartition(".")[2] == words[-1] and all(word in rest for word in words))


def _shared(path, near):
    """How many steps two paths begin with alike."""
    count = 0
    for a, b in zip(path.split("."), near.split("."), strict=False):
        if a != b:
            break
        count += 1
    return count


def _calls(nodes, paths, modules):
    """Every module on the path of each node, with a number that tells its calls apart: runs of neighbouring nodes."""
    calls, open_now, found = {}, set(), {}
    for node in nodes:
        parts = paths[node].split(".") if paths[node] else []
        inside = [p for p in (".".join(parts[: i + 1]) for i in range(len(parts))) if modules.get(p) not in _LISTS]
        for path in inside:
            if path not in open_now:
                calls[path] = calls.get(path, 0) + 1
        open_now = set(inside)
        found[node] = tuple((f"{path}@{calls[path]}", path) for path in inside)
    return found
