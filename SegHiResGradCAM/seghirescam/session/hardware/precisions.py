"""In which precision a device really computes what was asked for: TF32 and bf16 are not everywhere."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from ...protocol.question import BF16, FP16, FP32, TF32

_HALVES = {BF16: torch.bfloat16, FP16: torch.float16}
#: CUDA capability of Ampere, the first with TF32
_AMPERE = (8, 0)


@dataclass(frozen=True)
class Precision:
    """name: one of question.PRECISIONS, as it stands in the provenance.  notes: where it is not what was asked for, or
    rounds unseen."""

    name: str
    notes: tuple[str, ...] = ()

    @staticmethod
    def on(where: torch.device, asked: str) -> Precision:
        """asked: one of question.PRECISIONS."""
        if asked == TF32:
            if not _has_tf32(where):
                return Precision(
                    FP32, (f"TF32 was asked for, which {_called(where)} does not have: computed in fp32.",)
                )
            return Precision(TF32, ("Computed in TF32: products of float32 are rounded to three digits.",))
        if asked == BF16 and not _has_bf16(where):
            return Precision(FP16, (f"bf16 was asked for, which {_called(where)} does not have: computed in fp16.",))
        return Precision(asked)

    @property
    def dtype(self) -> torch.dtype | None:
        """Of the autocast, None where there is none."""
        return _HALVES.get(self.name)

    def cast(self, where: torch.device) -> AbstractContextManager:
        """The autocast around a pass on that device."""
        return nullcontext() if self.dtype is None else torch.autocast(where.type, dtype=self.dtype)


def is_half(precision: str) -> bool:
    return precision in _HALVES


def _called(where: torch.device) -> str:
    return "this GPU" if where.type == "cuda" else "this device"


def _has_tf32(where: torch.device) -> bool:
    if where.type != "cuda" or torch.version.cuda is None:  # AMD's GPUs call themselves cuda, too
        return False
    return torch.cuda.get_device_capability(where) >= _AMPERE


def _has_bf16(where: torch.device) -> bool:
    if where.type != "cuda":
        return True
    with torch.cuda.device(where):
        return torch.cuda.is_bf16_supported(including_emulation=False)
