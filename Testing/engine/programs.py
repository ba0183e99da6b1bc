"""Program files as torch and MONAI write them, and the same files with something bad in them."""

from __future__ import annotations

import io
import json
import os
import warnings
import zipfile

import numpy as np
import torch

from seghirescam import Grid, Image
from seghirescam.cam.layers import listing
from seghirescam.cam.passes import capture

Dim = torch.export.Dim


def save_exported(path, network, tensor, *, multiple=0, extra=None):
    """torch.export.save; multiple: sizes may change to any multiple of it (0: fixed)."""
    sizes = {axis: multiple * Dim(f"n{axis}", min=2, max=64) for axis in range(2, tensor.ndim)} if multiple else None
    program = torch.export.export(network, (tensor,), dynamic_shapes=(sizes,) if multiple else None)
    torch.export.save(program, path, extra_files=extra)
    return path


def save_script(path, network, tensor=None, *, freeze=False, extra=None):
    """torch.jit.script, or trace where a tensor is given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        program = torch.jit.script(network) if tensor is None else torch.jit.trace(network, tensor)
        torch.jit.save(torch.jit.freeze(program) if freeze else program, str(path), _extra_files=extra)
    return path


def describe(path, **words):
    """A description beside a program."""
    path.with_name(f"{path.stem}.model.json").write_text(json.dumps(words), encoding="utf-8")
    return path


def rewritten(path, change):
    """Every member through change(name, bytes) -> bytes, or None to leave it out."""
    source = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            data = change(name, source.read(name))
            if data is not None:
                target.writestr(name, data)
    return path


def added(path, name, data):
    with zipfile.ZipFile(path, "a") as target:
        target.writestr(name, data)
    return path


class Payload:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


def torch_saved(thing) -> bytes:
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    return buffer.getvalue()


def memoised(canary) -> bytes:
    """A pickle that runs ``os.system``, whose names come from the memo while two harmless ones were named last."""

    def text(word):
        return b"\x8c" + bytes([len(word)]) + word.encode()

    call = text("posix") + b"\x94" + text("system") + b"\x94" + b"00"  # memo 0, memo 1, both taken off again
    decoy = text("collections") + text("OrderedDict") + b"00"
    return b"\x80\x04" + call + decoy + b"h\x00h\x01\x93" + text(f"touch {canary}") + b"\x85R."


def slowly_fused(network, windows, tensor):
    """y = sum_p w_p y_p / W on ``[1, C, K, J, I]`` as Windows documents it, for 3D and 2D networks."""
    size, shape = windows.size, tensor.shape[2:]
    front = [max(s - n, 0) // 2 for s, n in zip(size, shape, strict=True)]
    rest = [max(s - n, 0) - f for s, n, f in zip(size, shape, front, strict=True)]
    pads = [value for f, r in zip(reversed(front), reversed(rest), strict=True) for value in (f, r)]
    padded = torch.nn.functional.pad(tensor, pads, value=windows.pad_value)
    weight = torch.from_numpy(windows.importance).to(tensor.dtype)
    total = whole = None
    with torch.no_grad():
        for start in windows.offsets(tuple(padded.shape[2:])):
            place = (slice(None), slice(None), *(slice(o, o + s) for o, s in zip(start, size, strict=True)))
            patch = padded[place]
            flat = size[0] == 1 and next(network.parameters()).ndim == 4
            out = network(patch[:, :, 0])[:, :, None] if flat else network(patch)
            if total is None:
                total = torch.zeros((1, out.shape[1], *padded.shape[2:]), dtype=out.dtype)
                whole = torch.zeros((1, 1, *padded.shape[2:]), dtype=out.dtype)
            total[place] += out * weight
            whole[place] += weight
    inner = tuple(slice(f, f + n) for f, n in zip(front, shape, strict=True))
    return (total / whole)[(slice(None), slice(None), *inner)]


NAMES = ["background", "liver", "tumour"]


def sorted_layers(network, tensor):
    """Everything the list of layers says, without the names' order and what only glues its input on."""
    found = listing.trace(network, tuple(tensor.shape), tensor.dtype)
    return {
        layer.name: (layer.channels, layer.cells, layer.stride, layer.part, layer.main, layer.is_head, layer.placement)
        for layer in found
        if not layer.glued
    }


def assert_equal_inside(eager, network, tensor, names):
    """Activations and gradients at the named layers; the score's weights are random."""
    weights = torch.randn(eager(tensor).shape, dtype=tensor.dtype, generator=torch.Generator().manual_seed(3))
    for name in names:
        answers = []
        for one in (eager, network):
            done = capture.forward(one, tensor, [name])
            answers.append((done.activations[name], done.gradients((done.logits * weights).sum())[name]))
        (a, g), (b, h) = answers
        assert torch.equal(a, b) and g.abs().max() > 0, name
        assert (g - h).abs().max() <= 1e-12 * g.abs().max(), name


def image(size=16, channels=1):
    rng = np.random.default_rng(0)
    return Image(rng.normal(size=(channels, size, size, size)).astype(np.float32), Grid.from_spacing((size,) * 3))
