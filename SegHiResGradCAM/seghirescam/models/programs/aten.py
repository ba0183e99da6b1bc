"""The public torch function behind each ATen operation of a program's graph, where the two are the same numbers.

cam/lean.py and cam/positive_means.py know torch's functions, a program's graph calls ``torch.ops.aten``.  ``rewrite``
puts the functions in place of the operations, leaves out what does nothing in evaluation (dropout, assertions, views
that change no shape), and writes what only the program's batch of one had written apart: an instance norm taken apart
into a batch norm, an upsampling to a size that is a whole multiple.  What is not in the tables stays as it is.
"""

from __future__ import annotations

import operator

import torch
import torch.nn.functional as F

from ...protocol.errors import ModelError

_ASSERTIONS = ("_assert_scalar", "_assert_async", "_assert_tensor_metadata", "sym_constrain_range")
_NOTHING = {"dropout", "dropout_", "feature_dropout", "alpha_dropout", "feature_alpha_dropout", "native_dropout"}
_VIEWS = {"view", "reshape", "_unsafe_view", "expand", "alias", "_reshape_copy", "view_copy"}
#: the same name and the same arguments in torch, torch._C._nn or torch.Tensor
_SAME = (
    {"relu", "relu_", "prelu", "sigmoid", "sigmoid_", "tanh", "tanh_", "softmax", "log_softmax", "cat", "celu", "selu"}
    | {"celu_", "selu_", "clamp", "clamp_", "clamp_min", "clamp_min_", "clamp_max", "max_pool1d", "max_pool2d"}
    | {"max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "add", "add_", "mul", "mul_", "sub", "sub_", "neg"}
    | {"leaky_relu", "leaky_relu_", "elu", "elu_", "gelu", "softplus", "hardtanh", "hardtanh_", "linear", "group_norm"}
    | {"adaptive_avg_pool2d", "adaptive_avg_pool3d", "upsample_linear1d"}
    | {"upsample_bilinear2d", "upsample_trilinear3d", "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d"}
    | {f"conv{n}d" for n in (1, 2, 3)}
    | {f"conv_transpose{n}d" for n in (1, 2, 3)}
)
#: the same arguments, and whether it works in place, in torch.nn.functional
_ACTIVATIONS = {
    "silu": F.silu,
    "mish": F.mish,
    "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid,
    "relu6": F.relu6,
}
_HOMES = (torch, torch._C._nn, torch.Tensor)


def operation(node) -> str:
    """``"conv3d"`` for a call of ``torch.ops.aten.conv3d.default``; "" for anything but an ATen operation."""
    schema = getattr(node.target, "_schema", None) if node.op == "call_function" else None
    space, _, name = schema.name.partition("::") if schema is not None else ("", "", "")
    return name if space == "aten" else ""


def shape(node) -> tuple | None:
    """Of the tensor a node returns, as traced (symbolic sizes stay symbolic), or None."""
    value = node.meta.get("val")
    return tuple(value.shape) if isinstance(value, torch.Tensor) else None


def rewrite(graph: torch.fx.Graph) -> None:
    """Change the graph in place. Raises ModelError for a program that was made in training mode."""
    for node in reversed(graph.nodes):
        if operation(node).startswith(_ASSERTIONS):
            graph.erase_node(node)
    graph.eliminate_dead_code()
    for node in list(graph.nodes):
        _refuse_training(node)
    for node in list(graph.nodes):
        _leave_out(graph, node)
    for node in list(graph.nodes):
        name = operation(node)
        if name in _BY_NAME:
            _BY_NAME[name](node)
        elif name in _SAME:
            _same(node, name)
        elif name.rstrip("_") in _ACTIVATIONS:
            node.target = _ACTIVATIONS[name.rstrip("_")]
            if name.endswith("_"):
                node.kwargs = {**node.kwargs, "inplace": True}


def _same(node, name):
    if name.startswith("upsample"):
        _as_multiple(node)
    node.target = next(getattr(home, name) for home in _HOMES if hasattr(home, name))


def _named(node):
    """The arguments by the names of the operation's schema, defaults included."""
    given = {}
    for i, argument in enumerate(node.target._schema.arguments):
        if i < len(node.args):
            given[argument.name] = node.args[i]
        elif argument.name in node.kwargs:
            given[argument.name] = node.kwargs[argument.name]
        elif argument.has_default_value():
            given[argument.name] = argument.default_value
    return given


def _refuse_training(node):
    name = operation(node)
    if name in _NOTHING:
        given = _named(node)
        trains = given.get("train", given.get("training", True))
    elif name.endswith("batch_norm") or name.startswith("_native_batch_norm_legit"):
        given = _named(node)
        trains = given.get("training") and given.get("running_mean") is not None
    else:
        return
    if trains:
        raise ModelError(
            f"The program was saved in training mode ('{name}' changes from call to call).",
            "Call network.eval() before torch.export.export, torch.jit.script or torch.jit.trace.",
        )


def _leave_out(graph, node):
    """Dropout in evaluation and views that change nothing: whoever reads them reads what they read."""
    name = operation(node)
    if name in _NOTHING:
        if name == "native_dropout":
            _take_first(node)
    elif name not in _VIEWS or not node.args or not isinstance(node.args[0], torch.fx.Node):
        return
    elif shape(node) is None or list(map(str, shape(node))) != list(map(str, shape(node.args[0]) or ())):
        return
    node.replace_all_uses_with(node.args[0])
    graph.erase_node(node)


def _take_first(node):
    """An operation that returns a tuple becomes one that returns its first item."""
    for user in list(node.users):
        if user.target is operator.getitem and user.args[1] == 0:
            node.meta["val"] = user.meta.get("val")
            user.replace_all_uses_with(node)
        if not user.users:
            node.graph.erase_node(user)


def _only_first(node):
    return all(u.target is operator.getitem and (u.args[1] == 0 or not u.users) for u in node.users)


def _convolution(node):
    given = _named(node)
    dims = len(given["stride"])
    rest = (given["groups"], given["dilation"]) if given["transposed"] else (given["dilation"], given["groups"])
    front = tuple(given[name] for name in ("input", "weight", "bias", "stride", "padding"))
    if given["transposed"]:
        node.target, front = getattr(torch, f"conv_transpose{dims}d"), (*front, given["output_padding"])
    else:
        node.target = getattr(torch, f"conv{dims}d")
    node.args, node.kwargs = (*front, *rest), {}


def _batch_norm(node):
    given = _named(node)
    if not _only_first(node) and operation(node) != "batch_norm":
        return
    statistics = [given.get("running_mean"), given.get("running_var")]
    scale = [given["weight"], given["bias"]]
    if operation(node) != "batch_norm":
        _take_first(node)
    if given.get("training"):  # statistics of the image itself, in a batch of one: an instance norm
        node.target, node.args = F.instance_norm, (given["input"], None, None, *scale, True)
    else:
        node.target, node.args = F.batch_norm, (given["input"], *statistics, *scale, False)
    node.args = (*node.args, given["momentum"], given["eps"])
    node.kwargs = {}


def _instance_norm(node):
    given = _named(node)
    order = ("input", "running_mean", "running_var", "weight", "bias", "use_input_stats", "momentum", "eps")
    node.target, node.args, node.kwargs = F.instance_norm, tuple(given[name] for name in order), {}


def _layer_norm(node):
    given = _named(node)
    order = ("input", "normalized_shape", "weight", "bias", "eps")
    node.target, node.args, node.kwargs = F.layer_norm, tuple(given[name] for name in order), {}


def _max_pool(node):
    if _only_first(node):
        dims = operation(node)[len("max_pool")]
        _take_first(node)
        node.target = getattr(torch, f"max_pool{dims}d")


def _as_multiple(node):
    """To a fixed size that is a whole multiple: as a factor, which gives the same numbers and takes other sizes too."""
    given = _named(node)
    before, after, fixed = shape(node.args[0]), shape(node), given.get("output_size")
    if not fixed or before is None or not all(isinstance(n, int) for n in (*fixed, *before[2:], *after[2:])):
        return
    factors = [a / b for a, b in zip(after[2:], before[2:], strict=True)]
    told = given.get("scale_factors") or [v for name, v in given.items() if name.startswith("scales") and v is not None]
    if all(factor == int(factor) for factor in factors) and (not told or list(told) == factors):
        corners = [given["align_corners"]] if "align_corners" in given else []
        node.args, node.kwargs = (node.args[0], None, *corners, factors), {}


def _adaptive_max_pool(node):
    if _only_first(node):
        name = operation(node)
        _take_first(node)
        node.target = getattr(F, name)


def _softmax(node):
    given = _named(node)
    node.target = torch.log_softmax if operation(node) == "_log_softmax" else torch.softmax
    node.args, node.kwargs = (given["self"], given["dim"]), {}


_BY_NAME = {
    "_softmax": _softmax,
    "_log_softmax": _softmax,
    "convolution": _convolution,
    "_convolution": _convolution,
    "batch_norm": _batch_norm,
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit": _batch_norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "instance_norm": _instance_norm,
    "layer_norm": _layer_norm,
    "max_pool2d_with_indices": _max_pool,
    "max_pool3d_with_indices": _max_pool,
    "adaptive_max_pool2d": _adaptive_max_pool,
    "adaptive_max_pool3d": _adaptive_max_pool,
}
