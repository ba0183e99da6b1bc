"""What an author's forward says when it does not run: its own words in one sentence, and what can be done."""

from __future__ import annotations

from contextlib import contextmanager

import torch

from ...protocol.errors import ModelError, SegHiResCamError
from .capture import inference_error, is_inference_error
from .positive_means import PositiveMeans

_SHORTAGES = ("out of memory", "not enough memory", "allocate memory")
#: of which sizes are multiples that nearly every network takes
_USUAL = 32


@contextmanager
def own_words(network: torch.nn.Module, image: torch.Tensor):
    """Around ``network(image)``: whatever it raises becomes a ModelError (GradientError for inference mode).

    Our own errors, and a shortage of memory, pass as they are.
    """
    try:
        yield
    except (SegHiResCamError, MemoryError):
        raise
    except Exception as error:  # a forward may raise anything
        if is_inference_error(error):
            raise inference_error() from error
        if any(words in str(error) for words in _SHORTAGES):
            raise
        raise _does_not_run(network, image, error) from error


def _does_not_run(network, image, error):
    """The forward's own words; the size is blamed only where the network runs on another one."""
    size = tuple(image.shape[2:])
    line = (str(error).splitlines() or [""])[0][:200]
    reason = line if isinstance(error, RuntimeError) and line else f"{type(error).__name__}: {line}".rstrip(": ")
    other = tuple(-(-n // _USUAL) * _USUAL for n in size)
    sentence = f"The network does not run on an image of {size} voxels ({reason})."
    if other == size:
        return ModelError(
            sentence, "Look for the cause in its own forward; if it takes one size only, give that (as window)."
        )
    try:
        with torch.no_grad(), PositiveMeans():
            network(image.new_zeros((1, 1, *other)).expand(1, image.shape[1], *other))
    except Exception:
        hint = f"It does not run on {other} voxels either: look for the cause in its own forward, not in the size."
        return ModelError(sentence, hint)
    return ModelError(sentence, f"It runs on {other}: give a size it accepts (for PlainModel set divisor).")
