"""The pixel sets of a question once they are resolved: of many only the box around each is kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from ...cam.isolation.host_copies import to_device
from ...protocol.errors import EmptyPixelSetError, PixelSetError
from ...protocol.messages import BoxedPixels
from ...protocol.pixel_set import PixelSet
from ...protocol.recipes import Recipe, View, refuse_empty

#: gets the place of a pixel set in the question, and why it cannot be explained
Refused = Callable[[int, PixelSetError], object]


def weights_like(pixels: PixelSet, dims: int, like: torch.Tensor) -> torch.Tensor:
    """m ``[*spatial]`` of the type and on the device of ``like``."""
    weights = to_device(torch.as_tensor(np.ascontiguousarray(pixels.weights)), like.device, like.dtype)
    return weights if dims == 3 else weights[0]


@dataclass(frozen=True, eq=False)
class _Kept:
    """The box around a set, a bit a voxel where its weights are 0 and 1."""

    boxed: BoxedPixels
    shape: tuple[int, ...]

    @staticmethod
    def of(pixels: PixelSet) -> _Kept:
        boxed = BoxedPixels.of(pixels)
        shape = boxed.inner.shape
        return _Kept(replace(boxed, inner=np.packbits(boxed.inner)) if boxed.inner.dtype == np.uint8 else boxed, shape)

    def whole(self) -> PixelSet:
        inner = self.boxed.inner
        if inner.dtype == np.uint8:
            inner = np.unpackbits(inner, count=math.prod(self.shape)).reshape(self.shape)
        return replace(self.boxed, inner=inner).whole()

    @property
    def nbytes(self) -> int:
        return self.boxed.inner.nbytes


class KnownSets(MutableMapping[int, PixelSet]):
    """Place in the question -> pixel set on the model grid. boxed: whether only boxes are kept; then every look makes
    the whole set anew, and whoever looks twice has two objects."""

    def __init__(self, boxed: bool, refused: Refused | None = None):
        """refused: told of sets that have no voxel, which then are left out; without it they end the question."""
        self._boxed, self._refused = boxed, refused
        self._left_out: set[int] = set()
        self._sets: dict[int, tuple[PixelSet | _Kept, tuple[str, ...], str]] = {}

    def resolve(self, place: int, recipe: Recipe, view: View) -> None:
        """Raises EmptyPixelSetError, PixelSetError."""
        try:
            self[place] = refuse_empty(recipe.resolve(view))
        except PixelSetError as error:
            if self._refused is None:
                raise
            self._refused(place, error)
            self._left_out.add(place)

    def is_settled(self, place: int) -> bool:
        """Whether the set is known, or left out."""
        return place in self._sets or place in self._left_out

    def refuse_none(self) -> None:
        """Raises EmptyPixelSetError where every set was left out."""
        if self._left_out and not self._sets:
            raise EmptyPixelSetError(
                "None of the pixel sets has a voxel on the model's grid.", "Choose other segments, or other classes."
            )

    def __setitem__(self, place: int, pixels: PixelSet) -> None:
        self._sets[place] = _Kept.of(pixels) if self._boxed else pixels, pixels.notes, pixels.header

    def __getitem__(self, place: int) -> PixelSet:
        kept, notes, header = self._sets[place]
        return kept if isinstance(kept, PixelSet) else replace(kept.whole(), notes=notes, header=header)

    def __contains__(self, place: object) -> bool:
        return place in self._sets

    def __delitem__(self, place: int) -> None:
        del self._sets[place]

    def __iter__(self) -> Iterator[int]:
        return iter(self._sets)

    def __len__(self) -> int:
        return len(self._sets)

    @property
    def nbytes(self) -> int:
        """Of what is kept."""
        kept = (one for one, _, _ in self._sets.values())
        return sum(one.weights.nbytes if isinstance(one, PixelSet) else one.nbytes for one in kept)
