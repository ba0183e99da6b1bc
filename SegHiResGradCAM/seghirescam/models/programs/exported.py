"""torch.export programs (``.pt2``): any layer inside is reachable, for the file keeps the graph and its module names.

The file is code: it is scanned (:mod:`pickle_scan`), then consent to exactly its content is asked for, and only then is
it given to torch.  What the program does not say (classes, spacing, intensities, windows) stands in a description
beside or inside it
(:mod:`program_description`).  A program with fixed sizes sees the image through windows of that size; one that
was exported with dynamic sizes sees it in one piece.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from ...cam.logits.heads import BINARY
from ...protocol.errors import ModelError
from ...protocol.explanation import ClassInfo
from ...protocol.untrusted import LARGEST_GRAPH, is_file, json_value, member, zip_names
from .. import description_words
from ..consent import refuse_without
from ..weights.exported_parts import Layout, copied, no_graph
from ..weights.pickle_scan import damaged, opened, scan
from ..weights.state import finite
from . import program_description
from .program import ProgramKind, ProgramModel, channel_names, class_names, content_of

_SUFFIX = ".pt2"
#: no image has more, and no list of names should
_MOST_CHANNELS = 10_000


class _ExportedKind(ProgramKind):
    """Recognises zip files that hold a graph of torch.export; by content, whatever the suffix, and ``.pt2`` always."""

    name = "exported"
    title = "torch.export program (.pt2)"
    programs = "Exported"
    order = 70

    def recognises(self, source) -> bool:
        if isinstance(source, dict) or not is_file(source):
            return False
        return Path(source).suffix.lower() == _SUFFIX or bool(_graphs(zip_names(source)))

    def runs_author_code(self, source) -> str:
        """Raises ModelError for a file that would be refused even with consent."""
        content = content_of(source)
        scan(content, Path(source).name)
        return self.question(source, content)[1]

    def classes(self, source) -> tuple[ClassInfo, ...]:
        about, _, outputs = _told(source)
        return description_words.class_infos(about.classes or class_names(outputs), about.head)

    def channels(self, source) -> tuple[str, ...]:
        about, inputs, _ = _told(source)
        return about.channels or channel_names(inputs)

    def open(self, source, consent: bool | str = False) -> ProgramModel:
        """consent: True, or the SHA-256 that was agreed to. Raises ModelError (refused or damaged), ConsentError."""
        path = Path(source)
        content = content_of(path)  # read once: what is scanned and hashed is what is loaded
        scan(content, path.name)
        refuse_without(consent, *self.question(path, content))
        archive = opened(content, path.name, whole=True)
        about = program_description.Sidecar.of(path, archive)
        copy = _copy(archive, content, path.name)
        del content, archive  # the file, its copy and the tensors at once are more than many machines hold
        program = _loaded(copy, path.name)
        image, outputs = _image_and_outputs(program, about)
        dims = image.ndim - 2
        network = _network(program, dims)
        finite(network.state_dict(), path.name, "file")
        sizes = tuple(image.shape[2:])
        fixed = None if all(not isinstance(n, int) for n in sizes) else tuple(int(n) for n in sizes)
        return ProgramModel(
            network,
            about,
            outputs=outputs,
            channels=int(image.shape[1]),
            spatial_dims=dims,
            fixed=fixed if fixed is None or dims == 3 else (1, *fixed),
            divisor=deepest(network, dims),
            kind=self.name,
        )


def deepest(network, dims: int) -> int:
    """The largest ratio between the image's and a layer's size, as traced."""
    from .graph_taps import Tap, cells

    grids = [cells(n, dims) for n in network.graph.nodes if n.op == "placeholder"]
    size = max(grids)
    layers = [
        cells(n, dims) for n in network.graph.nodes
        if n.op == "call_module" and isinstance(network.get_submodule(n.target), Tap)
    ]  # fmt: skip
    return max([1, *(round(a / b) for layer in layers if layer for a, b in zip(size, layer, strict=True) if b > 1)])


def _copy(archive, content, name):
    """What torch gets to see: graph and weights, and no pickle of the file's."""
    try:
        return copied(archive, name)
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise damaged(content, name) from error


def _loaded(content, name):
    import logging

    import torch

    log = logging.getLogger("torch.export")
    level = log.level
    log.setLevel(logging.CRITICAL)  # it logs tracebacks of what we turn into a sentence
    try:
        return torch.export.load(io.BytesIO(content))
    except Exception as error:  # torch raises whatever a foreign version or damaged tables lead to
        line = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ModelError(
            f"torch {torch.__version__} cannot read the program '{name}' ({line}).",
            "Export it again with this version of torch.",
        ) from error
    finally:
        log.setLevel(level)


def _network(program, dims):
    from .graph_taps import graph_net

    module = program.module(check_guards=False)

    first = _first_names(module.graph, program.state_dict)

    def origin(node):
        return tuple((key, _renamed(path, first)) for key, path in _stack(node) if path)

    def value(target):
        found = module
        for part in target.split("."):
            found = getattr(found, part)
        return found

    return graph_net(module.graph, value, origin, dims, _output_paths(program))


def _output_paths(program):
    """Keys and places of the outputs in the containers the program returns."""
    from torch.utils._pytree import tree_unflatten

    from .graph_taps import leaf_paths

    spec = program.call_spec.out_spec
    return [path for path, _ in leaf_paths(tree_unflatten(range(spec.num_leaves), spec))]


def _stack(node):
    """(key of the call, module path), outermost first."""
    return [(key, path) for key, (path, *_) in (node.meta.get("nn_module_stack") or {}).items()]


def _first_names(graph, state):
    """Path a module was called by -> a shorter one, for modules that stand at several places; their weights tell."""
    first, names = {}, {}
    for name in sorted(state, key=lambda name: name.count(".")):  # of equal ones the first
        names.setdefault((state[name].data_ptr(), state[name].shape), name)
    for node in graph.nodes:
        stack = _stack(node)
        weights = (state.get(n.target) for n in node.all_input_nodes if n.op == "get_attr")
        owner = next((names[w.data_ptr(), w.shape].rpartition(".")[0] for w in weights if w is not None), "")
        called = stack[-1][1] if stack else ""
        if not called or not owner or f"{called}.".startswith(f"{owner}.") or f"{owner}.".startswith(f"{called}."):
            continue
        a, b = called.split("."), owner.split(".")
        while a and b and a != b:
            if len(b) <= len(a):
                first.setdefault(".".join(a), ".".join(b))
            if a.pop() != b.pop():
                break
    return first


def _renamed(path, first):
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        known = first.get(".".join(parts[:end]))
        if known:
            return ".".join([known, *parts[end:]])
    return path


def _image_and_outputs(program, about):
    """(fake) image the program takes, channels of its logits. Raises ModelError for what is no segmentation program."""
    import torch

    from ...cam.passes.containers import channels_of
    from ...cam.passes.refusals import refuse_labels, several_inputs

    nodes = {node.name: node for node in program.graph.nodes}
    inputs = [nodes[name].meta.get("val") for name in program.graph_signature.user_inputs if name in nodes]
    given = zip(_output_paths(program), program.graph_signature.user_outputs, strict=True)
    outputs = [(path, nodes[name].meta.get("val")) for path, name in given if name in nodes]
    image = inputs[0] if inputs else None
    if len(inputs) > 1:
        raise several_inputs("program", [name for name in program.graph_signature.user_inputs if name in nodes])
    if len(inputs) != 1 or not isinstance(image, torch.Tensor) or image.ndim not in (4, 5):
        raise ModelError(
            f"The program takes {len(program.graph_signature.user_inputs)} input(s), not one image.",
            "Export it with one tensor [1, channels, *spatial].",
        )
    grids = [(path, t) for path, t in outputs if isinstance(t, torch.Tensor) and t.ndim == image.ndim]
    wanted = None if about.classes is None else 1 if about.head == BINARY else len(about.classes)
    grids = [(path, t) for path, t in grids if t.is_floating_point()]
    if not grids:
        refuse_labels((t for _, t in outputs), image.ndim)
        raise ModelError("The program returns no logits [1, classes, *spatial].", "Export a segmentation network.")
    return image, channels_of(grids, about.output, wanted)


def _graphs(names):
    return [
        name for name in names
        if name == "serialized_exported_program.json"
        or (name.endswith(".json") and name.rpartition("/")[0].rpartition("/")[2] == "models")
    ]  # fmt: skip


def _told(source):
    """(description, channels in, channels out) read as data; torch is not loaded."""
    path = Path(source)
    content = content_of(path)
    archive = opened(content, path.name)
    about = program_description.Sidecar.of(path, archive)
    try:
        graph = Layout.of(archive).graph
    except (ValueError, zipfile.BadZipFile) as error:
        raise damaged(content, path.name) from error
    if not graph:
        raise no_graph(path.name)
    try:
        module = json_value(member(archive, graph, LARGEST_GRAPH))["graph_module"]
        values, signature = module["graph"]["tensor_values"], module["signature"]
        taken = [s["user_input"]["arg"]["as_tensor"]["name"] for s in signature["input_specs"] if "user_input" in s]
        given = [s["user_output"]["arg"]["as_tensor"]["name"] for s in signature["output_specs"] if "user_output" in s]
        place = about.output if isinstance(about.output, int) and about.output < len(given) else 0
        inputs, outputs = (int(values[name]["sizes"][1]["as_int"]) for name in (taken[0], given[place]))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, zipfile.BadZipFile) as error:
        raise damaged(content, path.name) from error
    if not (0 < inputs <= _MOST_CHANNELS and 0 < outputs <= _MOST_CHANNELS):
        raise damaged(content, path.name)
    return about, inputs, outputs


KIND = _ExportedKind()
