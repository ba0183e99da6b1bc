"""The one interface between what users have on disk and the method, and the four questions asked before loading."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..cam.logits.heads import BINARY, SIGMOID
from ..io.nifti_header import NIBABEL
from ..protocol.errors import ClassError, ImageError
from ..protocol.explanation import ClassInfo
from ..protocol.grid import Grid
from ..protocol.image import Image
from ..protocol.resampling import resampled
from .extreme_values import extreme_values

if TYPE_CHECKING:
    import torch

    from ..protocol.progress import Tell
    from .axes import Axes


@dataclass(frozen=True, eq=False)
class Prepared:
    """What the network sees. tensor: ``[1, C, *spatial]`` on the CPU, memory of its own.

    grid: the model grid in patient space, (K, J, I), K = 1 for a 2D network.  valid: shape of the part that shows the
    image; the rest, at the far ends, is padding.  notes: sentences for the user.
    For a model with :class:`Windows` the tensor is the whole volume ``[1, C, K, J, I]`` (also for a 2D network) and
    unpadded: cutting, padding and mirroring are the windows' business.  facts: whatever the loader needs for the way
    back (``SegmentationModel.labels_on_input``).
    """

    tensor: torch.Tensor
    grid: Grid
    valid: tuple[int, int, int]
    notes: tuple[str, ...] = ()
    facts: object = None


@dataclass(frozen=True, eq=False)
class Windows:
    """How a model's own inference cuts the volume on the model grid into windows and fuses their logits.

    The fused logits are y = (1/RF) sum over folds, mirrorings and windows p of w_p y_p / W, W = sum_p w_p.
    size: (K, J, I) voxels, K = 1 for a 2D network that goes through a volume slice by slice.  offsets(shape): the
    (k, j, i) starts of all windows in a volume of that shape, which is at least ``size``; a smaller volume is padded
    with ``pad_value``, half of it (rounded down) in front, before it is cut.  importance: w, ``[size]`` and positive.
    mirror_axes: 0 = K, 1 = J, 2 = I; all combinations of flips along them are averaged.
    Take all of them from the library that trained the model, so that the prediction is the library's.
    """

    size: tuple[int, int, int]
    offsets: Callable[[tuple[int, int, int]], list[tuple[int, int, int]]]
    importance: np.ndarray
    mirror_axes: tuple[int, ...] = ()
    pad_value: float = 0.0


class SegmentationModel:
    """A segmentation network with everything its own inference needs.

    name; classes (index and name of everything that can be explained); channels (names of the input channels);
    spatial_dims 2 or 3; head: "softmax" (one channel a class), "sigmoid" (one independent channel a class) or
    "binary" (one channel z: class 1 has logit z, class 0 has -z); networks: the folds (one or more nn.Module, their
    logits are averaged); windows: how its own inference goes through a volume, None = in one piece;
    weights_hash: SHA-256 of the weights, "" if unknown; axes: in which order the volume goes in, None where the kind's
    own loader knows; loading: sentences about how the weights came into it.
    """

    name: str
    classes: tuple[ClassInfo, ...]
    channels: tuple[str, ...]
    spatial_dims: int
    head: str
    #: whether somebody stated the head; otherwise :func:`model_outputs.settle` reads it from the network
    head_stated = True
    #: what the network itself applies last, where stated; see :mod:`description_words`
    activation: str | None = None
    networks: tuple[torch.nn.Module, ...]
    windows: Windows | None = None
    weights_hash: str = ""
    kind: str = ""
    axes: Axes | None = None
    #: which of several outputs holds the logits, where that was stated (see :mod:`description_words`)
    output: int | str | None = None
    loading: tuple[str, ...] = ()
    #: what one class's score is measured in; another word where the network has no logits (:mod:`class_scores`)
    score_unit: str = "logit"
    #: whether a network of colour pictures takes a grey image, in red, green and blue alike
    grey_as_colour: bool = False
    #: the steps of a description, see :mod:`preprocessing_words`; () where there are none or a library's loader knows
    preprocessing: tuple[dict, ...] = ()
    #: where its own reader puts a file whose headers disagree; see :mod:`nifti_header`
    header_rule: str = NIBABEL
    #: what the networks are called where there are several, () for their numbers
    fold_names: tuple[str, ...] = ()
    #: of a copy that :mod:`preview` made: what was asked of it, and what it leaves out, for the provenance
    previewed_as: tuple | None = None
    preview: dict = {}  # replaced, never changed

    @property
    def folds(self) -> tuple[str, ...]:
        """A name for each of the networks."""
        return self.fold_names or tuple(str(n) for n in range(len(self.networks)))

    def with_networks(self, networks: Iterable) -> SegmentationModel:
        """A copy that runs other networks, and prepares, cuts and names as this model does."""
        other = copy.copy(self)
        other.networks = tuple(networks)
        return other

    def prepare(self, image: Image) -> Prepared:
        """Bring an image onto the model grid. Raises ImageError before any expensive work."""
        raise NotImplementedError

    def prepared(self, image: Image) -> Prepared:
        """:meth:`prepare`, with what is to be said about the weights and about values that no scanner measures."""
        found = self.prepare(image)
        more = (*self.loading, *extreme_values(image.array))
        return replace(found, notes=(*more, *found.notes)) if more else found

    def labels_on_input(self, logits: np.ndarray, prepared: Prepared, image: Image) -> np.ndarray:
        """The prediction on the image's own grid, from logits ``[C, K, J, I]`` on the model grid (its valid part).

        Exclusive heads (softmax, binary): class indices ``[K, J, I]`` (uint8, or uint16 beyond 256 classes).  Sigmoid
        heads: bool ``[C, K, J, I]``, one mask a class.  Here: logits linearly to the image's grid, then the decision;
        loaders whose library has a way back of its own use that one.
        """
        inner = np.ascontiguousarray(logits[(slice(None), *(slice(0, n) for n in prepared.valid))])
        source = prepared.grid.strided((1, 1, 1), (0, 0, 0), prepared.valid)
        return decided_on(inner, source, image.grid, self.head)

    def class_index(self, wanted: int | str) -> int:
        """Index of a class given by index or (case-insensitive) name; raises ClassError with the list."""
        for info in self.classes:
            if wanted == info.index or (isinstance(wanted, str) and wanted.strip().lower() == info.name.lower()):
                return info.index
        known = ", ".join(f"{c.index} = {c.name}" for c in self.classes)
        raise ClassError(f"The model has no class {wanted!r}.", f"Choose one of: {known}.")

    def class_name(self, index: int) -> str:
        return next(c.name for c in self.classes if c.index == index)

    def fed_as(self, order: str | None) -> None:
        """Feed the axes in the order of an earlier result, None for one that is older than the choice: then each kind
        had one order.  Models whose own loader knows the order stay as they are."""

    def steps(self) -> tuple[dict, ...] | None:
        """How it prepares images, as steps a description can say; None where its own loader does and nothing varies."""
        return None

    def check(self, image: Image) -> Image:
        """Refuse what no preprocessing can mend; every ``prepare`` calls this first."""
        grey = self.grey_as_colour and image.array.shape[0] == 1
        if image.array.shape[0] != len(self.channels) and not grey:
            raise ImageError(
                f"The model expects {len(self.channels)} channel(s) ({', '.join(self.channels)}), "
                f"the image has {image.array.shape[0]}.",
                "Give one volume for each channel, in this order.",
                expected=len(self.channels),
                given=int(image.array.shape[0]),
            )
        if self.spatial_dims == 2 and self.windows is None and image.grid.shape[0] != 1:
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


def decided_on(logits: np.ndarray, source: Grid, target: Grid, head: str) -> np.ndarray:
    """Logits ``[C, K, J, I]`` on one grid, the decision on another; class by class, so that memory stays small.

    Voxels of the target outside the source take the logits of the nearest source voxel within half a voxel, beyond
    that they are class 0 (exclusive heads) or False (sigmoid heads).
    """
    if head == SIGMOID:
        return np.stack([resampled(channel, source, target, outside=-np.inf) > 0 for channel in logits])
    if head == BINARY:
        return (resampled(logits[0], source, target, outside=-np.inf) > 0).astype(np.uint8)
    best = resampled(logits[0], source, target, outside=np.inf)
    labels = np.zeros(target.shape, dtype=np.uint8 if len(logits) <= 256 else np.uint16)
    for index, channel in enumerate(logits[1:], start=1):
        value = resampled(channel, source, target, outside=-np.inf)
        larger = value > best
        labels[larger] = index
        best[larger] = value[larger]
    return labels


def padded(
    array: np.ndarray, grid: Grid, divisor: int, axes: Collection[int] = (0, 1, 2)
) -> tuple[np.ndarray, Grid, tuple[str, ...]]:
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


class ModelKind:
    """One way a model may lie on disk: a file of this room with an object ``KIND``, or another package's entry point.

    All but ``open`` are answered without importing anything heavy.  source: a path, or the dict of a description.
    """

    name: str
    #: what people call it
    title: str
    #: the lower, the earlier it is asked: what is special before what is general
    order: int = 1000

    def recognises(self, source: str | Path | dict) -> bool:
        raise NotImplementedError

    def requirements(self, source: str | Path | dict) -> tuple[str, ...]:
        """pip requirements beyond torch and numpy that opening would need."""
        return ()

    def runs_author_code(self, source: str | Path | dict) -> str:
        """Empty if opening only reads data, else one sentence naming the code that would run."""
        return ""

    def consent_hash(self, source: str | Path | dict) -> str:
        """SHA-256 of the code that would run: what a remembered consent is bound to; "" binds it to nothing."""
        return ""

    def files(self, source: str | Path | dict) -> tuple[Path, ...]:
        """Files whose change makes it another model."""
        return () if isinstance(source, dict) else (Path(source),)

    def classes(self, source: str | Path | dict) -> tuple[ClassInfo, ...]:
        """() where only the opened model knows."""
        return ()

    def channels(self, source: str | Path | dict) -> tuple[str, ...]:
        """() where only the opened model knows."""
        return ()

    def open(self, source: str | Path | dict, consent: bool | str = False) -> SegmentationModel:
        """consent: True, or the :meth:`consent_hash` that was agreed to. Raises ModelError, DependencyError."""
        raise NotImplementedError

    def open_told(
        self, source: str | Path | dict, consent: bool | str = False, progress: Tell | None = None
    ) -> SegmentationModel:
        """:meth:`open`, for kinds that take long about it: they say how far they are, and ``progress`` may raise to
        cancel; nothing half-made is left then."""
        return self.open(source, consent=consent)
