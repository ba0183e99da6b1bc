"""TorchScript programs (``.ts``, ``.pt``, ``.pth``; legacy: torch has deprecated them, save new ones as ``.pt2``).

A loaded TorchScript module takes no hooks.  Its operations are recorded once, with tensors that hold no numbers
(``make_fx``), which gives the same flat graph as torch.export (:mod:`graph_taps`); which module an operation came from
is read from the TorchScript code and from the weights it uses.  Programs that write nothing of the image's size into
their graph see the image in one piece, the others need their window in the description (:mod:`program_description`).
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from pathlib import Path

from ...cam.logits.heads import BINARY
from ...protocol.errors import ModelError
from ...protocol.explanation import ClassInfo
from ...protocol.untrusted import is_file, zip_names
from .. import description_words
from ..consent import refuse_without
from ..weights.pickle_scan import damaged, opened
from ..weights.state import finite
from . import program_description
from .exported import deepest
from .program import ProgramKind, ProgramModel, content_of
from .torchscript_scan import FILES, findings

_SUFFIXES = (".ts", ".pt", ".pth", ".jit", ".torchscript")
_LEGACY = "TorchScript is deprecated in PyTorch; ask the author for a torch.export file (.pt2)."
#: sizes to try where the description says none: whole multiples of all usual strides, and different ones
_TRIED = (64, 96)


class _TorchScriptKind(ProgramKind):
    """Recognises zip files that hold TorchScript code, and ``.ts`` always; weights in ``.pt`` are not its business."""

    name = "torchscript"
    title = "TorchScript program"
    programs = "TorchScript"
    order = 80

    def recognises(self, source) -> bool:
        if isinstance(source, dict) or not is_file(source):
            return False
        suffix = Path(source).suffix.lower()
        if suffix == ".ts":
            return True
        names = [n.lower() for n in zip_names(source)] if suffix in _SUFFIXES else []
        return any(n.endswith("/constants.pkl") for n in names) and any("/code/" in n for n in names)

    def runs_author_code(self, source) -> str:
        """Raises ModelError for a file that would be refused even with consent."""
        content = content_of(source)
        _refuse_files(content, Path(source).name)
        return self.question(source, content)[1]

    def classes(self, source) -> tuple[ClassInfo, ...]:
        """As the description says; without one nothing is known before the program is opened."""
        about = _about(source)
        return description_words.class_infos(about.classes or (), about.head)

    def channels(self, source) -> tuple[str, ...]:
        return _about(source).channels or ()

    def open(self, source, consent: bool | str = False) -> ProgramModel:
        """consent: True, or the SHA-256 that was agreed to. Raises ModelError (refused or damaged), ConsentError."""
        path = Path(source)
        content = content_of(path)  # read once: what is looked through and hashed is what is loaded
        archive = _refuse_files(content, path.name)
        refuse_without(consent, *self.question(path, content))
        about = program_description.Sidecar.of(path, archive)
        program = _loaded(content, path.name)
        _refuse_several_inputs(program)
        dims, channels = _dims_and_channels(program, about)
        graphs = _recorded(program, about, dims, channels)
        network = graphs[0]
        finite(network.state_dict(), path.name, "file")
        shape = next(tuple(n.meta["val"].shape) for n in network.graph.nodes if n.op == "placeholder")
        fixed = None if len(graphs) == 2 and _same(*graphs) else tuple(int(n) for n in shape[2:])
        if fixed is not None and about.window is None:
            raise ModelError(
                f"The program '{path.name}' works for one image size only and does not say for which.",
                'Give the size in its description: "window": {"size": [96, 96, 96]}.',
            )
        model = ProgramModel(
            network,
            about,
            outputs=_outputs(network, about),
            channels=channels,
            spatial_dims=dims,
            fixed=fixed if fixed is None or dims == 3 else (1, *fixed),
            divisor=deepest(network, dims),
            kind=self.name,
        )
        model.notes = (*model.notes, _LEGACY)
        return model


def _about(source):
    path = Path(source)
    return program_description.Sidecar.of(path, opened(content_of(path), path.name))


def _refuse_files(content, name):
    archive = opened(content, name, whole=True)
    try:
        found = next(findings(archive), None)
    except zipfile.BadZipFile as error:
        raise damaged(content, name) from error
    if found is not None:
        hidden = "" if found.strip("'") in FILES else "uses what could hide that it "
        raise ModelError(
            f"The program '{name}' {hidden}reads or writes files ({found}). It was not opened.",
            "Ask its author for a program that only computes.",
        )
    if not any(member.lower().endswith("/constants.pkl") for member in archive.namelist()):
        raise damaged(content, name)
    return archive


def _loaded(content, name):
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            program = torch.jit.load(io.BytesIO(content), map_location="cpu")
    except Exception as error:  # torch raises whatever a foreign version or damaged code leads to
        line = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"torch {torch.__version__} cannot read the program '{name}' ({line}).",
            "Save it again, best as a torch.export file (.pt2).",
        ) from error
    if getattr(program, "training", False):  # frozen programs have no such flag
        program.eval()
    for parameter in program.parameters():
        parameter.requires_grad_(False)
    return program


def _refuse_several_inputs(program):
    from ...cam.passes.refusals import several_inputs

    schema = getattr(getattr(program, "forward", None), "schema", None)
    needed = [a.name for a in schema.arguments[1:] if not a.has_default_value()] if schema is not None else []
    if len(needed) > 1:
        raise several_inputs("program", needed)


def _dims_and_channels(program, about):
    """From the description, else from the first convolution's weights."""
    dims = about.spatial_dims
    channels = len(about.channels) if about.channels else None
    for weight in _tensors(program):
        if weight.ndim in (4, 5) and dims in (None, weight.ndim - 2):
            return weight.ndim - 2, channels or int(weight.shape[1])
    if dims and channels:
        return dims, channels
    raise ModelError(
        "The program does not show how many channels and dimensions its image has.",
        "Give spatial_dims and channels in its description.",
    )


def _tensors(program):
    """The program's weights, the first convolution's before the others of its kind."""
    yield from program.parameters()
    graph = program.inlined_graph  # frozen programs keep their weights in the code
    for kind in ("aten::conv3d", "aten::conv2d", "aten::_convolution"):
        for node in graph.findAllNodes(kind):
            weight = list(node.inputs())[1].node()
            if weight.kind() == "prim::Constant" and weight.hasAttribute("value") and weight.kindOf("value") == "t":
                yield weight.t("value")


def _recorded(program, about, dims, channels):
    """The networks for the description's window, or for two sizes (one where the second does not run)."""
    size = about.window and about.window.size[-dims:]
    if size:
        return [_network(program, (1, channels, *size), dims)]
    graphs = []
    for edge in _TRIED:
        try:
            graphs.append(_network(program, (1, channels, *(edge + 32 * axis for axis in range(dims))), dims))
        except ModelError:
            if not graphs:
                raise
    return graphs


def _network(program, shape, dims):
    import torch
    from torch.fx.experimental.proxy_tensor import make_fx

    from .graph_taps import graph_net
    from .torchscript_names import origins

    dtype = next((t.dtype for t in _tensors(program) if t.is_floating_point()), torch.float32)
    image = torch.zeros(shape, dtype=dtype)
    # code that computes sizes as tensors (traced attention) needs numbers: a real pass
    for mode in ("fake", "real"):
        try:
            with torch.no_grad():
                module = make_fx(
                    lambda x: program(x), tracing_mode=mode, _allow_non_fake_inputs=True, pre_dispatch=True
                )(image)
            break
        except Exception as error:  # TorchScript raises what its interpreter meets
            if mode == "real":
                reasons = re.findall(r"Error: *(\S.*)", str(error)) or [type(error).__name__]
                raise ModelError(
                    f"The program does not run on an image {list(shape)} ({reasons[-1].strip()[:200]}).",
                    'Give channels, spatial_dims and "window": {"size": [...]} in its description.',
                ) from error
    weights = _named_weights(program, module)
    came_from = origins(program, module.graph, {target: name for target, (name, _) in weights.items()})
    for node in module.graph.nodes:
        if node.op == "get_attr":
            node.target = weights[node.target][0]
    return graph_net(module.graph, dict(weights.values()).__getitem__, lambda node: came_from.get(node, ()), dims)


def _named_weights(program, module):
    """get_attr target -> the name of the weight in the program (the target itself where it is none), and its tensor."""
    import torch

    named, buffers = {}, {name for name, _ in program.named_buffers()}
    for name, tensor in (*program.named_parameters(), *program.named_buffers()):
        if tensor.numel():
            named.setdefault((tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride())), (name, tensor))
    found = {}
    for node in module.graph.nodes:
        if node.op == "get_attr":
            tensor = getattr(module, node.target)
            key = (tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()))
            name, tensor = named.get(key, (node.target, tensor))
            if name not in buffers and tensor.is_floating_point():  # weights are parameters, also those of frozen code
                tensor = torch.nn.Parameter(tensor.detach(), requires_grad=False)
            found[node.target] = name, tensor
    return found


def _outputs(network, about):
    """Channels of the logits, as cam.outputs chooses among several outputs."""
    import torch

    from ...cam.passes.containers import channels_of
    from ...cam.passes.refusals import refuse_labels

    (output,) = (node for node in network.graph.nodes if node.op == "output")
    wanted = None if about.classes is None else 1 if about.head == BINARY else len(about.classes)
    given = output.args[0] if isinstance(output.args[0], (list, tuple)) else [output.args[0]]
    values = [(path, node.meta.get("val")) for path, node in zip(network.output_names, given, strict=True)]
    grids = [(path, t) for path, t in values if isinstance(t, torch.Tensor) and t.ndim >= 4 and t.is_floating_point()]
    if not grids:
        refuse_labels((t for _, t in values), 4)
        raise ModelError("The program returns no logits [1, classes, *spatial].", "Save a segmentation network.")
    return channels_of(grids, about.output, wanted)


def _same(one, other):
    """Whether two recordings differ in nothing but the sizes of their tensors."""
    pairs = list(zip(one.graph.nodes, other.graph.nodes, strict=False))
    return len(one.graph.nodes) == len(other.graph.nodes) and all(
        a.op == b.op and a.target == b.target and str((a.args, a.kwargs)) == str((b.args, b.kwargs)) for a, b in pairs
    )


KIND = _TorchScriptKind()
