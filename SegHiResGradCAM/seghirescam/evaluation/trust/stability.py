"""Does the map hold still under changes that mean nothing? Noise, a shift, a mirror image, precision, other windows."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product

import numpy as np

from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress
from ...protocol.question import BF16, FP32, TF32
from ...protocol.resampling import spread
from ...protocol.value import NOT_MEASURED, Value
from ..metrics.body import is_ct
from ..metrics.similarity import relative_l2, spearman
from .explained_case import Case, told_apart

#: noise is drawn this often
RUNS = 5
#: standard deviation of the noise on a CT, in HU: less than a scanner's own on soft tissue
NOISE_HU = 10.0
#: and on any other channel, as a part of the interquartile range of its foreground
NOISE_PART = 0.02
#: maps on the image's voxels are compared on at most about this many of them
_MOST = 2**21
NOISE, SHIFT, FLIP, PRECISION, WINDOWS = "noise", "shift", "flip", "precision", "windows"


@dataclass(frozen=True)
class Change:
    """One perturbation. kind: NOISE, SHIFT, ...; text: what was done, in physical terms.

    change: 1 - Spearman of the signed maps where one is not zero (0: the same, 1: unrelated).  l2: relative L2.
    """

    kind: str
    text: str
    change: Value
    l2: Value

    def to_json(self) -> dict:
        return {"kind": self.kind, "text": self.text, "change": self.change.to_json(), "l2": self.l2.to_json()}


def stability(
    case: Case,
    *,
    seed: int = 0,
    runs: int = RUNS,
    kinds: Sequence[str] | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> list[Change]:
    """The map asked again for images, precisions and windows that should make no difference; M stays where it was.

    Noise: Gaussian, NOISE_HU on a CT, NOISE_PART of each other channel's interquartile range; ``runs`` seeds.  Shift:
    the image, and M with it, by one voxel along I; the map is moved back.  Flip: left for right, the map turned back
    (equivariance; a network trained without mirrored patients may fail it for reasons of its own).  Precision: fp32
    against bf16.  Windows: moved by half a step, for models with sliding windows.  kinds: only these (None: all).
    Cost: one explanation each (runs + 3, or runs + 4 with windows).  The same seed gives the same numbers.
    """
    tell = Progress(progress)
    jobs = [job for job in _jobs(case, seed, runs) if kinds is None or job[0] in kinds]
    found = []
    for n, (kind, text, work) in enumerate(jobs):
        ours, theirs = work(tell.part(n / len(jobs), (n + 1) / len(jobs), f"{text}: "))
        if ours is None:
            nothing = Value.without(NOT_MEASURED, theirs)
            found.append(Change(kind, text, nothing, nothing))
            continue
        similar = spearman(*told_apart(ours, theirs))
        change = Value.of(1 - similar.value) if similar.ok else Value.without(similar.status, similar.note)
        found.append(Change(kind, text, change, relative_l2(ours, theirs)))
    tell(1.0, "done")
    return found


def asked_anew(case: Case, runs: int = RUNS) -> int:
    """How many explanations :func:`stability` makes."""
    return len(_jobs(case, 0, runs))


def _jobs(case, seed, runs):
    """[(kind, text, function of progress -> (values of the map, of the other's), or (None, why not))]"""
    amounts, text = noise_of(case.image)

    def noisy(n):
        return lambda tell: case.beside(case.ask(image=_noisy(case.image, amounts, (seed, n)), progress=tell))

    jobs = [(NOISE, f"{text}, {n + 1} of {runs}", noisy(n)) for n in range(runs)]
    jobs.append((SHIFT, "shifted by one voxel along I", lambda tell: _shifted(case, tell)))
    jobs.append((FLIP, "left and right exchanged", lambda tell: _flipped(case, tell)))
    other = BF16 if case.precision in (FP32, TF32) else FP32
    jobs.append((PRECISION, f"computed in {other}", lambda tell: _computed_in(case, other, tell)))
    if case.model.windows is not None:
        jobs.append((WINDOWS, "windows moved by half a step", lambda tell: _with_moved_windows(case, tell)))
    return jobs


def noise_of(image: Image) -> tuple[list[float], str]:
    """(standard deviation of the noise for each channel, what it is in words)."""
    if is_ct(image):
        return [NOISE_HU], f"noise of {NOISE_HU:g} HU"
    found = []
    for channel in image.array:
        values = channel[tuple(slice(None, None, max(1, n // 96)) for n in channel.shape)].astype(np.float64)
        front = values[values > values.mean()] if values.max() > values.min() else values
        low, high = np.percentile(front, (25, 75))
        found.append(NOISE_PART * float(high - low))
    return found, f"noise of {100 * NOISE_PART:g} % of the foreground's interquartile range"


def _noisy(image, amounts, seed):
    rng = np.random.default_rng(seed)
    array = image.array.astype(np.float32 if image.array.dtype.itemsize <= 4 else np.float64)
    for channel, amount in zip(array, amounts, strict=True):
        channel += rng.normal(0, amount, channel.shape).astype(channel.dtype) if amount > 0 else 0
    return Image(array, image.grid)


def _shifted(case, tell):
    """Content moves from i to i + 1; the free edge repeats its neighbour and is left out of the comparison."""
    array, grid = case.image.array, case.image.grid
    if grid.shape[2] < 3:
        return None, "The image has fewer than three voxels along I."
    moved = np.concatenate([array[..., :1], array[..., :-1]], axis=-1)
    step = np.eye(4)
    step[:3, 3] = grid.ijk_to_ras[:3, 0]
    other = case.ask(image=Image(moved, grid), pixels=_carried(case.pixels, step), progress=tell)
    ours, theirs = _on_image(case, other)
    return _thinned(ours[..., :-1]), _thinned(theirs[..., 1:])


def _flipped(case, tell):
    grid = case.image.grid
    # the index axis that runs most from left to right
    axis = 2 - int(np.argmax(np.abs(grid.ijk_to_ras[0, :3] / np.linalg.norm(grid.ijk_to_ras[:3, :3], axis=0))))
    turn = np.eye(4)
    turn[2 - axis, 2 - axis], turn[2 - axis, 3] = -1, grid.shape[axis] - 1
    mirror = grid.ijk_to_ras @ turn @ np.linalg.inv(grid.ijk_to_ras)
    image = Image(np.ascontiguousarray(np.flip(case.image.array, 1 + axis)), grid)
    other = case.ask(image=image, pixels=_carried(case.pixels, mirror), progress=tell)
    ours, theirs = _on_image(case, other)
    return _thinned(ours), _thinned(np.flip(theirs, axis))


def _computed_in(case, precision, tell):
    from ...protocol.errors import SegHiResCamError

    stopped = []

    def told(fraction, phase):
        try:
            tell(fraction, phase)
        except Exception as reason:
            stopped.append(reason)
            raise

    try:
        return case.beside(case.ask(precision=precision, progress=told))
    except RuntimeError as error:
        if stopped:  # the caller's own wish, whatever became of it on the way
            raise stopped[0] from None
        if isinstance(error, SegHiResCamError):
            raise
        # a message of foreign code may name files and people
        return None, f"The network does not run in {precision} ({type(error).__name__})."


def _carried(pixels, matrix):
    """M moved through space by a 4x4 matrix."""
    grid = replace(pixels.grid, ijk_to_ras=matrix @ pixels.grid.ijk_to_ras)
    return PixelSet(pixels.weights, grid, pixels.label)


def _on_image(case, other):
    """Both maps as densities on the image's voxels: there a shift and a mirror image are exact."""
    grid = case.image.grid
    return spread(case.map, case.grid, grid), spread(other.map, other.grid, grid)


def _thinned(values):
    """Every n-th voxel of a large volume."""
    step = int(np.ceil((values.size / _MOST) ** (1 / 3)))
    return values[tuple(slice(None, None, min(step, n)) for n in values.shape)]


def _with_moved_windows(case, tell):
    """Every window but the outermost starts half a step later."""
    old, size, moved = case.model.windows.offsets, case.model.windows.size, []

    def offsets(shape):
        axes = []
        for axis, starts in enumerate(zip(*old(shape), strict=True)):
            starts = sorted(set(starts))
            half = min((b - a for a, b in pairwise(starts)), default=0) // 2
            axes.append(sorted({0, *(min(o + half, shape[axis] - size[axis]) for o in starts)}))
        found = list(product(*axes))
        moved.append(set(found) != set(old(shape)))
        return found

    other = copy.copy(case.model)
    other.windows = replace(case.model.windows, offsets=offsets)
    found = case.beside(case.ask(model=other, progress=tell))
    return found if any(moved) else (None, "One window covers the volume: there is none to move.")
