"""A sentence where values like 0 to 255 or Hounsfield units go into a network and nobody gave a preprocessing."""

from __future__ import annotations

from collections.abc import Sequence

#: normalised images lie within this
USUAL = 10.0

_START = "No preprocessing of intensities was given and values from"


def raw_values(tensor, network=None) -> tuple[str, ...]:
    """The sentence for what goes in (array or tensor), or nothing: where it is small, or the network's first module is
    itself a normalisation."""
    low, high = float(tensor.min()), float(tensor.max())
    if max(abs(low), abs(high)) <= USUAL or (network is not None and _normalises_first(network)):
        return ()
    return (
        f"{_START} {low:g} to {high:g} went in as they are: right only if the network was trained on such values "
        "(most are trained on normalised ones).",
    )


def of_slices(notes: Sequence[tuple[str, ...]], tensor) -> tuple[str, ...]:
    """The notes of the first slice; where any slice had the sentence, it once, about all of them. tensor: of all."""
    first = tuple(note for note in notes[0] if not note.startswith(_START))
    told = any(note.startswith(_START) for one in notes for note in one)
    return (*first, *raw_values(tensor)) if told else first


def _normalises_first(network) -> bool:
    first = next(
        (m for m in network.modules() if not any(m.children()) and type(m).__module__.startswith("torch")), None
    )
    return first is not None and "Norm" in type(first).__name__
