"""The one interface between what users have on disk and the method, and the four questions asked before loading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..errors import ClassError, ImageError
from ..geometry import Grid
from ..protocol import ClassInfo, Image

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Prepared:
    """What the network sees. tensor: ``[1, C, *spatial]`` on the CPU, memory of its own.

    grid: the model grid in patient space, (K, J, I), K = 1 for a 2D network.  valid: shape of the part that shows the
    image; the rest, at the far ends, is padding.  notes: sentences for the user.
    """

    tensor: torch.Tensor
    grid: Grid
    valid: tuple[int, int, int]
    notes: tuple[str, ...] = ()


class SegmentationModel:
    """A segmentation network with everything its own inference needs.

    name; classes (index and name of everything that can be explained); channels (names of the input channels);
    spatial_dims 2 or 3; head: "softmax" (one channel a class), "sigmoid" (one independent channel a class) or
    "binary" (one channel z: class 1 has logit z, class 0 has -z); networks: the folds (one or more nn.Module);
    weights_hash: SHA-256 of the weights, "" if unknown.
    """

    name: str
    classes: tuple[ClassInfo, ...]
    channels: tuple[str, ...]
    spatial_dims: int
    head: str
    networks: tuple[torch.nn.Module, ...]
    weights_hash: str = ""
    kind: str = ""

    def prepare(self, image: Image) -> Prepared:
        """Bring an image onto the model grid. Raises ImageError before any expensive work."""
        raise NotImplementedError

    def class_index(self, wanted: int | str) -> int:
        """Index of a class given by index or (case-insensitive) name; raises ClassError with the list."""
        for info in self.classes:
            if wanted == info.index or (isinstance(wanted, str) and wanted.strip().lower() == info.name.lower()):
                return info.index
        known = ", ".join(f"{c.index} = {c.name}" for c in self.classes)
        raise ClassError(f"The model has no class {wanted!r}.", f"Choose one of: {known}.")

    def class_name(self, index: int) -> str:
        return next(c.name for c in self.classes if c.index == index)

    def check(self, image: Image) -> Image:
        """Refuse what no preprocessing can mend; every ``prepare`` calls this first."""
        if image.array.shape[0] != len(self.channels):
            raise ImageError(
                f"The model expects {len(self.channels)} channel(s) ({', '.join(self.channels)}), "
                f"the image has {image.array.shape[0]}.",
                "Give one volume for each channel, in this order.",
                expected=len(self.channels),
                given=int(image.array.shape[0]),
            )
        if self.spatial_dims == 2 and image.grid.shape[0] != 1:
            raise ImageError(
                f"This is a 2D network and the image has {image.grid.shape[0]} slices.", "Give a single slice (K = 1)."
            )
        if self.spatial_dims == 3 and image.grid.shape[0] == 1:
            raise ImageError("This is a 3D network and the image has a single slice.", "Give the whole volume.")
        if image.array.dtype.kind == "f":
            bad = int(image.array.size - np.count_nonzero(np.isfinite(image.array)))
            if bad:
                raise ImageError(
                    f"The image holds {bad} voxel(s) that are NaN or infinite; they would empty the whole result.",
                    "Replace them first (for example by the smallest finite value).",
                    nonfinite=bad,
                )
        return image


def padded(array: np.ndarray, grid: Grid, divisor: int, axes=(0, 1, 2)) -> tuple[np.ndarray, Grid, tuple[str, ...]]:
    """``[C, K, J, I]`` and its grid, extended by edge values at the far ends to multiples of ``divisor``.

    The third item holds the note for the user, or nothing if no padding was needed.
    """
    valid = array.shape[1:]
    rest = [(-n) % divisor if axis in axes else 0 for axis, n in enumerate(valid)]
    if not any(rest):
        return array, grid, ()
    array = np.pad(array, [(0, 0), *[(0, r) for r in rest]], mode="edge")
    grid = grid.strided((1, 1, 1), (0, 0, 0), array.shape[1:])
    return (
        array,
        grid,
        (f"The image was padded from {valid} to {grid.shape} voxels; cells in the padding are cut off.",),
    )


class ModelKind(Protocol):
    """One way a model may lie on disk. The first four are answered without importing anything heavy."""

    name: str

    def recognises(self, source) -> bool: ...

    def requirements(self, source) -> tuple[str, ...]:
        """pip requirements beyond torch and numpy that opening would need."""
        ...

    def runs_author_code(self, source) -> str:
        """Empty if opening only reads data, else one sentence naming the code that would run."""
        ...

    def classes(self, source) -> tuple[ClassInfo, ...]: ...

    def open(self, source, consent: bool = False) -> SegmentationModel: ...
