"""Half precision that does not reach: where bf16, fp16 or half-precision weights give NaN or infinity, fp32 is used.

fp16 ends at 65504 and bf16 rounds to three digits; what overflows there says nothing about the network.  A
question (or a prediction) whose logits or maps are not finite is asked again in fp32, of a float32 copy of the network
where its own weights are in half precision; the notes and the provenance's precision tell.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from ..cam.isolation.fp32_rounding import fp32_rounding
from ..protocol.explanation import Explanation
from ..protocol.question import FP16
from .hardware.precisions import is_half

if TYPE_CHECKING:
    from ..models.segmentation_model import Prepared, SegmentationModel
    from ..protocol.image import Image
    from .one_question import Found

_HALF = (torch.float16, torch.bfloat16)


class LowPrecisionOverflowError(Exception):
    """Logits that are not finite, of a pass in less than fp32."""


def is_reduced(networks: Iterable[torch.nn.Module], precision: str) -> bool:
    """Whether passes are computed in less than fp32."""
    return is_half(precision) or any(p.dtype in _HALF for network in networks for p in network.parameters())


def in_full_where_needed(session: Any, work: Callable[[Any], Found]) -> tuple[Found, str]:
    """(``work(session)``, the sentence that tells it if it was done by a session in fp32, else ``""``).

    session: its ``reduced`` says whether it may overflow, ``widened()`` gives the one in fp32, kept as ``wide``.
    """
    if session.wide is None:
        if not session.reduced:
            return work(session), ""
        try:
            found = work(session)
            if not _is_lost(found, session.precision):
                return found, ""
        except LowPrecisionOverflowError:
            pass
        session.release()
        session.wide = session.widened()
    before = session.wide.forward_calls
    try:
        with fp32_rounding():
            return work(session.wide), told(session)
    finally:
        session.count(session.wide.forward_calls - before)


def told(session: Any) -> str:
    what = session.precision if is_half(session.precision) else "the network's half-precision weights"
    lost = "the logits or the map were not finite" if session.precision != FP16 else (
        "the logits or the map were not finite, or every gradient was too small"
    )  # fmt: skip
    return f"With {what} {lost}: computed in fp32 instead."


def overflow_notes(session: Any) -> tuple[str, ...]:
    """The sentence for what a session has answered in fp32, or nothing."""
    return (told(session),) if session.wide is not None else ()


def retold(found: list[Explanation], sentence: str, model: SegmentationModel) -> list[Explanation]:
    """The answers of a session in fp32 as those of ``model``."""
    if not sentence:
        return found
    own = {"weights_sha256": model.weights_hash}
    return [replace(one, notes=(*one.notes, sentence), provenance=one.provenance | own) for one in found]


def refuse_overflow(session: Any, logits: torch.Tensor) -> None:
    """Raises LowPrecisionOverflowError; called with the logits of every pass of a session that may overflow."""
    if session.reduced and not bool(torch.isfinite(logits).all()):
        raise LowPrecisionOverflowError


class Overflow:
    """The same for many passes: looked at on the device, read once by :meth:`refuse`."""

    def __init__(self) -> None:
        self._finite: torch.Tensor | None = None

    def look(self, session: Any, logits: torch.Tensor) -> None:
        if session.reduced:
            now = torch.isfinite(logits.detach()).all()
            self._finite = now if self._finite is None else self._finite & now

    def refuse(self) -> None:
        """Raises LowPrecisionOverflowError; afterwards nothing is known."""
        finite, self._finite = self._finite, None
        if finite is not None and not bool(finite):
            raise LowPrecisionOverflowError


def in_float32(model: SegmentationModel) -> SegmentationModel:
    """The model itself, or with float32 copies of networks that have half-precision weights."""
    if not is_reduced(model.networks, "fp32"):
        return model
    wide = model.with_networks(copy.deepcopy(network).float() for network in model.networks)
    prepare = wide.prepare

    def prepared(image: Image) -> Prepared:
        found = prepare(image)
        return replace(found, tensor=found.tensor.float())

    wide.prepare = prepared  # type: ignore[method-assign]
    return wide


def _is_lost(found: object, precision: str) -> bool:
    """fp16 ends below, too, at 6e-8: a map of zeros may be gradients that were smaller."""
    lost = ("nonfinite", "zero_map") if precision == FP16 else ("nonfinite",)
    return isinstance(found, list) and any(one.status in lost for one in found)
