"""What a GPU's library says when it cannot go on, and what that means: no memory, no use of this device, or a lost one.

PyTorch hands on the texts of CUDA, cuDNN and cuBLAS in one exception class; since 2.9 some carry CUDA's error code.
"""

from __future__ import annotations

from typing import Any

from ...protocol.errors import SegHiResCamError

_CPU = "Choose the CPU as device."


class DeviceError(SegHiResCamError, RuntimeError):
    """A device that does not compute; another one may."""

    code = "device"


class LostDeviceError(DeviceError):
    """After this error CUDA answers every call of this process with it: only a new process computes on a GPU again."""

    code = "device_lost"


#: libraries that say "no memory" in words of their own; an engine that is not found is one whose workspace did not fit
_SHORTAGE = (
    *("can't allocate memory", "not enough memory", "out of memory", "OutOfMemory"),
    *("CUBLAS_STATUS_ALLOC_FAILED", "CUBLAS_STATUS_NOT_INITIALIZED", "CUSOLVER_STATUS_ALLOC_FAILED"),
    *("CUDNN_STATUS_ALLOC_FAILED", "CUDNN_STATUS_NOT_INITIALIZED", "ALLOCATION_FAILED", "CUFFT_ALLOC_FAILED"),
    *("nable to find an engine to execute", "no valid execution plans", "cudaErrorMemoryAllocation"),
)
#: of CUDA: memory allocation
_SHORTAGE_CODES = frozenset({2})
#: the context is broken: illegal address, assertion in a kernel, fault of the hardware
_LOST = (
    *("illegal memory access", "device-side assert", "unspecified launch failure", "misaligned address"),
    *("illegal instruction", "hardware stack error", "invalid program counter", "launch timed out"),
    *("uncorrectable ECC", "uncorrectable NVLink", "GPU is lost", "fallen off the bus", "context is destroyed"),
    *("operation not supported on global/shared address space", "driver shutting down", "CUDA_ERROR_UNKNOWN"),
    *("CUDA error: unknown error", "ssertion `"),
)
_LOST_CODES = frozenset({4, 214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 999})
#: anything else that a GPU's library says
_FAILED = (
    *("CUDA error", "CUDA driver", "CUDA initialization", "CUDA-capable", "CUDA unknown error", "CUDA_ERROR"),
    *("cuDNN error", "CUDNN_STATUS", "cuBLAS error", "CUBLAS_STATUS", "CUSOLVER_STATUS", "CUFFT_", "cuFFT error"),
    *("NVIDIA driver", "no kernel image", "nvrtc", "HIP error", "MIOpen Error", "for the MPS device"),
    *("Torch not compiled with CUDA", "compiled without CUDA"),
)
#: (what a text says, the sentence, what to do)
_MEANINGS = (
    (
        ("no kernel image", "not compatible with the current PyTorch"),
        "This PyTorch was built without code for this GPU.",
        "Install a PyTorch for it, or choose the CPU as device.",
    ),
    (
        ("busy or unavailable", "all CUDA-capable devices are busy"),
        "The GPU is busy: another process holds it for itself.",
        "Wait for it, or choose the CPU as device.",
    ),
    (
        (
            "driver version",
            "NVIDIA driver",
            "forward compatibility",
            "system not yet initialized",
            "initialization error",
        ),
        "The GPU's driver does not work with this PyTorch.",
        "Update the driver or install the PyTorch that fits it, or choose the CPU as device.",
    ),
    (
        ("compiled with CUDA", "compiled without CUDA"),
        "This PyTorch was built for the CPU only.",
        "Install its CUDA build, or choose the CPU as device.",
    ),
    (("for the MPS device",), "An operation of the network does not exist on Apple's GPU.", _CPU),
)


def is_shortage(error: BaseException) -> bool:
    """Whether an allocator, of the CPU or a GPU, or a library above it had too little memory."""
    import torch

    if isinstance(error, SegHiResCamError):
        return False
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    if not isinstance(error, RuntimeError):
        return False
    return _code(error) in _SHORTAGE_CODES or any(words in str(error) for words in _SHORTAGE)


def is_lost(error: BaseException) -> bool:
    """Whether no call of this process can use the GPU any more."""
    if isinstance(error, LostDeviceError):
        return True
    if not isinstance(error, RuntimeError) or isinstance(error, SegHiResCamError) or is_shortage(error):
        return False
    text = str(error)
    if _code(error) in _LOST_CODES:
        return True
    return _of_a_device(error) and any(words in text for words in _LOST)


def device_error(error: BaseException, device: Any) -> DeviceError | None:
    """The error to raise in place of one of a GPU's library; None for every other, and for a shortage of memory."""
    if isinstance(error, SegHiResCamError) or not isinstance(error, RuntimeError) or is_shortage(error):
        return None
    text = str(error)
    said = {"device": str(device), "said": text.splitlines()[0][:200] if text else type(error).__name__}
    if is_lost(error):
        return LostDeviceError(
            f"The GPU stopped in the middle of the computation ({_reason(text)}); this process cannot use it again.",
            "Ask again; if it happens again, choose the CPU as device.",
            **said,
        )
    if not _of_a_device(error):
        return None
    for words, sentence, hint in _MEANINGS:
        if any(word in text for word in words):
            return DeviceError(sentence, hint, **said)
    return DeviceError(f"The GPU refused to compute ({said['said']}).", _CPU, **said)


def lost_device(error: BaseException) -> LostDeviceError | None:
    """The error itself, or in place of what is one without saying so; None for every other."""
    found = error if isinstance(error, LostDeviceError) else device_error(error, "cuda") if is_lost(error) else None
    return found if isinstance(found, LostDeviceError) else None


def _of_a_device(error: BaseException) -> bool:
    import torch

    own = getattr(torch, "AcceleratorError", None)
    return (own is not None and isinstance(error, own)) or any(words in str(error) for words in _FAILED)


def _code(error: BaseException) -> int | None:
    code = getattr(error, "error_code", None)
    return code if isinstance(code, int) else None


def _reason(text: str) -> str:
    found = next((words for words in _LOST if words in text), "")
    return (
        found if found and not found.startswith("ssert") else text.splitlines()[0][:120] if text else "no reason told"
    )
