"""Which channels a perturbation method looks at: all of them, or a stated sample. No method of its own."""

from __future__ import annotations

from ...protocol.errors import MethodError


def sampled(channels: int, wanted: int | None) -> list[int]:
    """``wanted`` channels, evenly spread over all of them; None for all."""
    if wanted is None or wanted >= channels:
        return list(range(channels))
    return [int((i + 0.5) * channels / wanted) for i in range(wanted)]


def said(title: str, looked_at: int, channels: int) -> tuple[str, ...]:
    """The sentence for a sample."""
    if looked_at == channels:
        return ()
    return (
        f"{title} looked at {looked_at} of {channels} channels, evenly spread; the others have no part in the map.",
    )


def refuse_count(title: str, wanted) -> None:
    if wanted is not None and (not isinstance(wanted, int) or wanted < 1):
        raise MethodError(f"{title} can look at 1 channel or more, not {wanted!r}.", "Give a count, or None for all.")
