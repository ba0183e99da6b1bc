"""Whether the same question gives the same bits again: stated for a GPU, and enforced on request."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, nullcontext

import torch

from ...protocol.errors import MethodError

#: read by cuBLAS when it first computes; without it PyTorch refuses matrix products in deterministic mode
_CUBLAS, _WORKSPACE = "CUBLAS_WORKSPACE_CONFIG", ":4096:8"


class NotDeterministicError(MethodError, RuntimeError):
    """An operation of the network has no deterministic form on this device."""

    code = "not_deterministic"


def determinism(enforced: bool):
    """Context: inside, PyTorch takes deterministic algorithms only where that was asked for."""
    return _enforced() if enforced else nullcontext()


@contextmanager
def _enforced():
    """Raises NotDeterministicError for an operation that has no such form."""
    os.environ.setdefault(_CUBLAS, _WORKSPACE)
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    problem = ""
    try:
        yield
    except RuntimeError as error:
        problem = _told(str(error))
        if not problem:
            raise
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
    if problem:
        raise NotDeterministicError(problem, "Leave --deterministic out, or compute on the CPU.")


def _told(text: str) -> str:
    if _CUBLAS in text:
        return f"cuBLAS was in use before deterministic results were asked for ({_CUBLAS}={_WORKSPACE} comes too late)."
    named = re.search(r"(\w+) does not have a deterministic implementation", text)
    return f"The operation {named[1]} has no deterministic form on this device." if named else ""


def determinism_facts(device: str) -> dict:
    """For the provenance: nothing on the CPU, unless it was asked for."""
    enforced = (
        torch.are_deterministic_algorithms_enabled() and not torch.is_deterministic_algorithms_warn_only_enabled()
    )
    facts = {"deterministic": enforced}
    if torch.device(device).type == "cuda":
        cudnn = torch.backends.cudnn
        return facts | {"cudnn_deterministic": cudnn.deterministic, "cudnn_benchmark": cudnn.benchmark}
    return facts if enforced else {}
