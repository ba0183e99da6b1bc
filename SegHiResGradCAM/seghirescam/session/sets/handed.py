"""Explanations on their way to the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...protocol.explanation import Explanation
from .known_sets import Refused

#: gets explanations one by one; may raise to cancel
Receive = Callable[[Explanation], object]
#: pixel set, layer's name and method's place -> its answer
Found = dict[tuple[int, str, int], Explanation]


class Handed:
    """Handed to ``receive`` at once where there is one, else kept in ``found``.

    An attempt that begins again, because memory did not suffice, hands over only what the former did not.
    """

    def __init__(self, receive: Receive | None = None, refused: Refused | None = None):
        """refused: see :class:`known_sets.KnownSets`."""
        self.refused = refused
        self.found: list[Explanation] = []
        self._receive = receive
        self._done = self._place = 0

    def begin(self) -> None:
        """An attempt begins, with the first explanation."""
        self._place = 0
        self.found = []

    def over(self, found: Found, order: list[str], places: Iterable[int]) -> None:
        """The answers about these pixel sets, by layer in this order, then method; ``found`` gives them up."""
        for i in places:
            for key in sorted((key for key in found if key[0] == i), key=lambda key: (order.index(key[1]), key[2])):
                self(found.pop(key))

    def __call__(self, one: Explanation) -> None:
        self._place += 1
        if self._receive is None:
            self.found.append(one)
        elif self._place > self._done:
            self._done = self._place
            self._receive(one)
