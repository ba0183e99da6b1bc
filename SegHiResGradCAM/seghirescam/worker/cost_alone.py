"""What a long question says of itself before its first pass, without that pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn


class _ToldError(Exception):
    """Nothing failed: what was wanted has been said."""


def cost_alone(asking: Callable[[Callable[[str], object]], object]) -> str:
    """asking: called with ``before``, to which a question tells in words what it takes, ahead of its first pass."""

    def stop(text: str) -> NoReturn:
        raise _ToldError(text)

    try:
        asking(stop)
    except _ToldError as told:
        return str(told)
    raise AssertionError("the question did not say what it takes")
