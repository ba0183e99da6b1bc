"""What fp32 means inside a pass: IEEE's 24 bits, or on request TF32's 11, never what a caller or a default left on.

On NVIDIA GPUs since Ampere cuDNN's convolutions round to TF32 by PyTorch's default; on some CPUs oneDNN may be told to
round, too.  PyTorch keeps this in two sets of switches that have to agree: ``fp32_precision`` of every backend and
operation (since 2.9), and the older ``allow_tf32`` and float32 matmul precision.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager

import torch

#: (backend, operation) whose products of float32 may be rounded
_SWITCHES = (
    ("cuda", "matmul"),
    ("cudnn", "conv"),
    ("cudnn", "rnn"),
    *(("mkldnn", x) for x in ("matmul", "conv", "rnn")),
)


@contextmanager
def fp32_rounding(tf32: bool = False):
    """Inside, products of float32 are float32's, or TF32's on a device that has it; the caller's switches afterwards.

    oneDNN's switches are never on inside: TF32 is a GPU's here.
    """
    with ExitStack() as stack:
        # the older switches write the newer ones: set first, put back last but one
        switches = _newer()
        before = [(switch, switch.fp32_precision) for switch in switches.values()]
        stack.callback(_put, before)
        _older(stack, tf32)
        for (backend, _), switch in switches.items():
            switch.fp32_precision = "tf32" if tf32 and backend != "mkldnn" else "ieee"
        yield


def _put(before):
    for switch, value in before:
        switch.fp32_precision = value


def _newer():
    """(backend, operation) -> the object with the switch; what this PyTorch does not have is missing."""
    found = {}
    for backend, operation in _SWITCHES:
        switch = getattr(getattr(torch.backends, backend, None), operation, None)
        try:
            known = switch.fp32_precision
        except (AttributeError, RuntimeError):  # before 2.9
            continue
        if isinstance(known, str):
            found[backend, operation] = switch
    return found


def _older(stack, tf32):
    matmul, wanted = _read(torch.get_float32_matmul_precision), "high" if tf32 else "highest"
    if matmul not in (None, wanted):
        torch.set_float32_matmul_precision(wanted)
        stack.callback(torch.set_float32_matmul_precision, matmul)
    cudnn = _read(lambda: torch.backends.cudnn.allow_tf32)
    if cudnn not in (None, tf32):
        torch.backends.cudnn.allow_tf32 = tf32
        stack.callback(setattr, torch.backends.cudnn, "allow_tf32", cudnn)


def _read(older):
    """None where the newer ones were set so that no older word says the same: PyTorch refuses to answer then."""
    try:
        return older()
    except RuntimeError:
        return None


def rounds_to_tf32() -> bool:
    """Whether a GPU's convolutions would round to TF32 now."""
    newer = _newer().get(("cudnn", "conv"))
    return torch.backends.cudnn.allow_tf32 if newer is None else newer.fp32_precision == "tf32"
