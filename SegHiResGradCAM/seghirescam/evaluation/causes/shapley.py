"""Shapley values of players present or absent: exact over all coalitions, or sampled with standard errors. numpy.

Shapley, Contributions to the Theory of Games II, 1953.  A game may answer several numbers at once (one a pixel set):
all of them are shared out from the same coalitions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...protocol.errors import MethodError
from ...protocol.progress import Progress

#: players for which all coalitions are asked; 2^8 = 256 of them
MOST_EXACT = 8
#: orders of the players that are drawn beyond; they come in pairs, an order and its reverse
PERMUTATIONS = 32

#: (bool ``[players]``, progress) -> float64 ``[numbers]``
Game = Callable[[np.ndarray, Progress], np.ndarray]


@dataclass(frozen=True, eq=False)
class Shares:
    """values ``[players, numbers]``: what each player adds to each number, on average over all orders of arriving.

    errors: their standard errors, None where exact.  full, none ``[numbers]``: with all players, and without any; the
    values of a number add up to full - none, sampled ones too.  coalitions: asked for.  permutations: drawn, 0: exact.
    """

    values: np.ndarray
    errors: np.ndarray | None
    full: np.ndarray
    none: np.ndarray
    coalitions: int
    permutations: int = 0


def coalitions(players: int, permutations: int = PERMUTATIONS) -> int:
    """How many coalitions will be asked, at most (a sampled one may come up twice, and then costs nothing)."""
    if players <= MOST_EXACT:
        return 2**players
    return 2 + permutations * (players - 1)


def shapley(
    players: int,
    game: Game,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Shares:
    """Exact for up to MOST_EXACT players, else :func:`sampled`. Raises MethodError for no player or too few orders."""
    if players < 1:
        raise MethodError("There is nothing to share the score among.", "Name at least two players.")
    asked = _Asked(players, game, coalitions(players, permutations), Progress(progress))
    return _exact(asked) if players <= MOST_EXACT else sampled(asked, permutations, seed)


class _Asked:
    """The game, each coalition asked once; a coalition is a whole number whose bits are its players."""

    def __init__(self, players: int, game: Game, most: int, tell: Progress):
        self.players, self.most, self._game, self._tell = players, most, game, tell
        self._known: dict[int, np.ndarray] = {}

    def __call__(self, coalition: int) -> np.ndarray:
        if coalition not in self._known:
            done = len(self._known)
            part = self._tell.part(done / self.most, (done + 1) / self.most, f"coalition {done + 1} of {self.most}: ")
            present = np.array([bool(coalition >> i & 1) for i in range(self.players)])
            self._known[coalition] = np.atleast_1d(np.asarray(self._game(present, part), dtype=np.float64))
        return self._known[coalition]

    @property
    def count(self) -> int:
        return len(self._known)


def _exact(asked: _Asked) -> Shares:
    """phi_i = sum over coalitions T without i of |T|! (n - |T| - 1)! / n! (v(T + i) - v(T))."""
    n = asked.players
    whole = 2**n - 1
    # the two ends first: what they differ by is what is shared out
    full, none = asked(whole), asked(0)
    weights = [math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n) for size in range(n)]
    values = np.zeros((n, len(full)))
    for coalition in range(2**n):
        for i in range(n):
            if not coalition >> i & 1:
                gain = asked(coalition | 1 << i) - asked(coalition)
                values[i] += weights[coalition.bit_count()] * gain
    return Shares(values, None, full, none, asked.count)


def sampled(asked: _Asked, permutations: int, seed: int) -> Shares:
    """The mean gain of each player over drawn orders of arriving (Castro et al., Computers & OR 2009), every order
    with its reverse (Mitchell et al., JMLR 2022); the standard error is that of the pairs' means."""
    if not isinstance(permutations, int) or permutations < 4 or permutations % 2:
        raise MethodError(
            f"Orders are drawn in pairs, at least two pairs: {permutations!r} is no such number.", "32 are usual."
        )
    n, draw = asked.players, np.random.default_rng(seed)
    full, none = asked(2**n - 1), asked(0)
    pairs = []
    for _ in range(permutations // 2):
        order = draw.permutation(n)
        pairs.append((_gains(asked, order, len(full)) + _gains(asked, order[::-1], len(full))) / 2)
    errors = np.std(pairs, axis=0, ddof=1) / math.sqrt(len(pairs))
    return Shares(np.mean(pairs, axis=0), errors, full, none, asked.count, permutations)


def _gains(asked: _Asked, order: np.ndarray, numbers: int) -> np.ndarray:
    gains, coalition = np.zeros((asked.players, numbers)), 0
    for player in order.tolist():
        gains[player] = asked(coalition | 1 << player) - asked(coalition)
        coalition |= 1 << player
    return gains
