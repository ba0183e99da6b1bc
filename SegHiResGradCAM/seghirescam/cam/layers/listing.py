"""Which layers of a network can be explained: found by one pass through its wiring, without computing its channels.

A layer is a module output with the batch, channels and spatial axes of a feature grid.  Several modules may return the
same tensor (a block and its last activation): they are one layer, named by the outermost module that is not a wrapper
around deeper levels (a whole U-shaped sub-network is no name for a level).  Layers that do not lead to the output
that was taken (:mod:`outputs`) are idle: listed, and never a main layer.
"""

from __future__ import annotations

import math
import re
import weakref
from dataclasses import dataclass

import torch

from ...protocol.errors import LayerError
from ..isolation.hooks import CallHooks
from ..isolation.remembered import remembered
from ..isolation.undisturbed import undisturbed
from ..logits import final_activation
from ..logits.outputs import Reading, in_force, ways_of
from ..passes.capture import as_logits, inference_error, token_cells
from ..passes.forwards import own_words
from ..passes.positive_means import PositiveMeans
from ..passes.wiring import WiredMeans, Wiring
from ..placement.probe import from_wiring, probed
from .channels_last import channels_last
from .layer import Layer
from .parts import assign_parts, is_head, mark_trailing_heads, measure_reach, tell_skips_from_the_decoder

_NO_LAYER = (
    *(torch.nn.Identity, torch.nn.Dropout, torch.nn.Dropout2d, torch.nn.Dropout3d, torch.nn.Flatten),
    # pads, and pools to a fixed size (squeeze-and-excite, pyramid pooling): no level of the network
    *(torch.nn.ConstantPad1d, torch.nn.ConstantPad2d, torch.nn.ConstantPad3d),
    *(torch.nn.ReflectionPad2d, torch.nn.ReflectionPad3d, torch.nn.ReplicationPad2d, torch.nn.ReplicationPad3d),
    *(torch.nn.AdaptiveAvgPool2d, torch.nn.AdaptiveAvgPool3d, torch.nn.AdaptiveMaxPool2d, torch.nn.AdaptiveMaxPool3d),
)


#: parts of a transformer block whose tokens are no level: the block's own output is
_INSIDE_A_BLOCK = re.compile(
    r"\.(mlp|attn|attention|\w+_attn|intermediate|norm1|norm2|layernorm_(before|after)|drop\w*)(\.|$)"
)
#: what depends on the image's size only, and what queries carry: no grid, whatever its size
_NOT_OF_THE_IMAGE = re.compile(r"(^|\.)(relative_position_bias|position_embed\w*|query_transformer\..*)$")
_ATTENTION = re.compile(
    r"(Segformer|Beit|Data2Vec|Swin|MobileViT)\w*Attention|WindowAttention|SABlock|SelfAttention|MultiheadAttention"
    r"|TransformerBlock|CrossAttention"
)


_CACHE: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def trace(network: torch.nn.Module, shape: tuple[int, ...], dtype=torch.float32, device="cpu") -> list[Layer]:
    """All explainable layers in order of execution, for an input of ``shape`` ``[1, C, *spatial]``.

    Runs the network's wiring once on this shape (a real pass under no_grad where that fails) and once on the small
    probe of :mod:`probe`.  The answer is remembered as long as the network lives.
    """
    reading = in_force(network) or Reading()
    key = (tuple(shape), dtype, str(device), reading.key)
    with reading.on(network):
        return remembered(_CACHE, network, key, lambda: _trace(network, tuple(shape), dtype, device))


def _trace(network, shape, dtype, device):
    events, output_id, least, wiring = _events(network, shape, dtype, device)
    way = ways_of(network, shape, dtype, device)
    calls = {}
    for event in events:
        calls[event.name] = max(calls.get(event.name, 0), event.call)
    groups: dict[tuple, list[_Event]] = {}
    for event in events:
        if not event.wraps_deeper and not isinstance(event.module, _NO_LAYER):
            groups.setdefault(event.key, []).append(event)
    outermost = [group[-1] for group in groups.values()]
    if any(_ATTENTION.search(type(module).__name__) for module in network.modules()):
        # every cell sees the whole image or a shifted window of it; the probe would cost minutes and find nothing
        found, problem = {}, "the network uses attention"
    else:
        found, problem = _placements(network, events, outermost, wiring, shape)
    layers = []
    for event in outermost:
        placement = found.get(f"{event.name}#{event.call}")
        stride = _stride(shape[2:], event.shape[2:], placement)
        if stride is None:
            continue
        names = [e.name if calls[e.name] == 1 else f"{e.name}#{e.call}" for e in groups[event.key]]
        layers.append(
            Layer(
                name=names[-1],
                channels=event.shape[1],
                cells=tuple(event.shape[2:]),
                stride=stride,
                order=event.order,
                aliases=names[:-1],
                is_head=event.key[0] == output_id or is_head(event.module, event.output_channels),
                glued=event.glued,
                idle=way is not None and not any(f"{e.name}#{e.call}" in way.layers for e in groups[event.key]),
                placement=placement if placement is not None and placement.jump == stride else None,
                placement_problem=problem,
            )
        )
    listed = sorted(layers, key=lambda layer: layer.order)
    if not any(is_head(e.module, e.output_channels) and e.key[0] == output_id for e in events):
        mark_trailing_heads(listed, events[-1].output_channels if events else 0, least)
    if not problem:
        measure_reach(network, shape, listed, least)
    assign_parts(listed)
    tell_skips_from_the_decoder(network, listed, shape, dtype, device)
    return listed


def _placements(network, events, outermost, wiring, shape):
    """(name with ``#n`` -> Placement, why there are none) from the wiring, else from a pass of the probe."""
    strides = _largest_stride(events, shape)
    places = {f"{e.name}#{e.call}": e.place for e in outermost}
    found = from_wiring(wiring, strides, places)
    return probed(network, shape[1], strides, tuple(places)) if found is None else (found, "")


@dataclass
class _Event:
    name: str
    call: int
    module: torch.nn.Module
    key: tuple
    shape: tuple[int, ...]
    order: int
    wraps_deeper: bool = False
    glued: bool = False
    output_channels: int = 0
    #: of its value in the wiring
    place: int | None = None


def _events(network, shape, dtype, device):
    """Module outputs with a feature grid's shape, and the wiring where it could be walked.

    The tensors are held until the end so that ids stay unique.
    """
    events, held, open_since, walk = [], [], {}, None

    def record(name, call, output):
        with torch._C.DisableTorchFunction():  # what is asked of a tensor here is not the network's doing
            listed(name, call, output)

    def listed(name, call, output):
        if not name or not isinstance(output, torch.Tensor) or output.shape[:1] != shape[:1]:
            return
        if _NOT_OF_THE_IMAGE.search(name):
            return
        if output.is_inference():
            raise inference_error()
        held.append(output)
        if channels_last(modules[name], given.get(name), output, last):
            last.add(id(output))
            return
        if output.ndim == 3 < len(shape):
            cells = token_cells(output.shape[1], shape[2:])
            if cells is not None and not _INSIDE_A_BLOCK.search(name):
                key = (id(output), output._version)
                events.append(_Event(name, call, modules[name], key, (1, output.shape[2], *cells), len(events)))
        elif output.ndim == len(shape):
            if output[0, 0].numel() == 1 < math.prod(shape[2:]):
                return  # one cell for the whole image (a squeeze-and-excite gate) has no place to show
            key = (id(output), output._version)
            events.append(_Event(name, call, modules[name], key, tuple(output.shape), len(events)))
            started = open_since.get(name, 0)
            inside = events[started:-1]
            own = math.prod(
                min(a, b) for a, b in zip(output.shape[2:], entered.get(name, output.shape[2:]), strict=True)
            )
            events[-1].wraps_deeper = any(math.prod(e.shape[2:]) < own for e in inside)
            # the module's input and what it made of it, side by side (MONAI's SkipConnection): no level of its own
            events[-1].place = walk and walk.place(output)
            events[-1].glued = bool(inside) and output.shape[1] == channels.get(name, 0) + inside[-1].shape[1]

    entered, channels, given, last = {}, {}, {}, set()

    def note_start(name):
        def hook(module, inputs):
            open_since[name] = len(events)
            with torch._C.DisableTorchFunction():
                note_size(inputs)

        def note_size(inputs):
            tensors = [t for t in inputs if isinstance(t, torch.Tensor) and t.ndim == len(shape)]
            if tensors:
                given[name] = id(tensors[0])
                entered[name], channels[name] = tuple(tensors[0].shape[2:]), tensors[0].shape[1]

        return hook

    modules = dict(network.named_modules())
    starts = [m.register_forward_pre_hook(note_start(n)) for n, m in modules.items() if n]
    try:
        with (
            torch.inference_mode(False),
            torch.no_grad(),
            undisturbed(network),
            CallHooks(network, None, record) as hooks,
        ):
            image = torch.zeros((1,) * len(shape), dtype=dtype, device=device).expand(shape)
            walk = WiredMeans(image)
            for means in (walk, PositiveMeans(), None):
                try:
                    with means or own_words(network, image):
                        output = as_logits(network(image if means else image.clone()))
                    break
                except Exception:  # not every forward runs without its numbers; a real error shows in the real pass
                    if means is None:
                        raise
                    walk = None
                    events.clear()
                    held.clear()
                    last.clear()
                    hooks.calls.clear()
    finally:
        for handle in starts:
            handle.remove()
    # what only an activation at the very end returns is no layer of the logits
    behind = final_activation.behind_the_logits(network)
    events = [event for event in events if event.key[0] not in behind]
    for event in events:
        event.output_channels = output.shape[1]
    wiring: Wiring | None = None
    if walk:
        wiring = walk.wiring
        wiring.output = walk.place(output)
    reading = in_force(network)
    return events, reading.raw_id, reading.taken(network).factor ** (len(shape) - 2), wiring


def _stride(size, cells, placement):
    """Voxels per cell and axis: probed, else the size ratio where it is whole; None if this is no feature grid."""
    if placement is not None and all(
        jump >= 1 and jump == int(jump) and cell in (n // int(jump), -(-n // int(jump)))
        for jump, n, cell in zip(placement.jump, size, cells, strict=True)
    ):
        return tuple(int(jump) for jump in placement.jump)
    if any(c < 1 or n % c for n, c in zip(size, cells, strict=True)):
        return None
    return tuple(n // c for n, c in zip(size, cells, strict=True))


def _largest_stride(events, shape):
    """Largest whole stride per axis, rounded up to a power of two that the network surely accepts."""
    largest = [1] * (len(shape) - 2)
    for event in events:
        for axis, (n, c) in enumerate(zip(shape[2:], event.shape[2:], strict=True)):
            if c > 1 or n <= 64:
                largest[axis] = max(largest[axis], n / max(c, 1))
    return tuple(2 ** max(0, math.ceil(math.log2(ratio) - 0.2)) for ratio in largest)


def listed_layers(network: torch.nn.Module, tensor: torch.Tensor, where: torch.device) -> list:
    """:func:`trace` for an input like ``tensor``; raises LayerError where there is nothing to explain."""
    listed = trace(network, tuple(tensor.shape), tensor.dtype, where)
    if not listed:
        raise LayerError(
            "No layer of this network has a spatial activation that a map could show.",
            "Use a network whose modules return tensors [B, C, ...].",
        )
    return listed
