"""Which anatomy mattered? The score shared out among the segments of a segmentation and the rest of the image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count

import numpy as np

from ...cam.logits.score import Score
from ...protocol.errors import EmptyPixelSetError, GradientError, LayerError, PixelSetError
from ...protocol.explanation import Explanation
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress
from ...protocol.question import DEFAULT
from ...protocol.sizes import Size
from ...session.interface import Session
from ..deletion.removal import replaced
from ..metrics.ground import Ground
from ..metrics.labels import evidence_by_label
from .causes import ANATOMY, Causes
from .shapley import PERMUTATIONS
from .shared_out import Players, share_out
from .stand_ins import BLUR, stand_in

#: the player that is no segment
REST = "the rest"


def anatomy_causes(
    session: Session,
    segments: Mapping[str, np.ndarray],
    pixels: Sequence[PixelSet],
    scores: Sequence[Score],
    *,
    maps: Sequence[Explanation | None] = (),
    where: Sequence[np.ndarray] = (),
    told: Sequence[str] = (),
    baseline: str = BLUR,
    other: Image | None = None,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    before: Callable[[str], object] | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> list[Causes]:
    """Shapley values of the mean score over each M; players: the segments and :data:`REST`, what none of them holds.

    segments: name -> bool ``[K, J, I]`` on the image's grid; a voxel of several belongs to the smallest.  maps: an
    explanation of each M, whose evidence in each player stands beside its cause.  where: each M on the image's grid,
    where it is known there more finely than on the model's.  told: notes that go with the answer.  The others as in
    :func:`channel_causes.channel_causes`.  A segment that holds M is a player as any other: taking the organ away takes
    its segmentation away, and :attr:`causes.Cause.inside` tells how much of M it is.
    Raises EmptyPixelSetError where no segment holds a voxel, PixelSetError where one covers the whole image.
    """
    image, grid = session.image, session.image.grid
    names, masks, notes = parts(segments, grid.shape)
    filling = stand_in(image, baseline, other)
    index = np.zeros(grid.shape, dtype=np.intp)
    for n, mask in enumerate(masks):
        index[mask] = n

    def with_only(present: np.ndarray) -> Image:
        return replaced(image, ~present[index], filling.image)

    sizes = tuple(Size.of(mask, grid) for mask in masks)
    players = Players(ANATOMY, names, with_only, filling.words, sizes, masks, tuple(where), (*notes, *told))
    found = share_out(session, players, pixels, scores, permutations, seed, before, Progress(progress))
    if not maps:
        return found
    return [
        one if heat is None else beside_evidence(one, segments, heat.resampled_to(grid).array, image)
        for one, heat in zip(found, maps, strict=True)
    ]


def beside_evidence(found: Causes, segments: Mapping[str, np.ndarray], density: np.ndarray, image: Image) -> Causes:
    """The same causes with each player's share of a map's positive evidence beside its own.

    segments: those that were asked about.  density: the map ``[K, J, I]`` on the image's grid.
    """
    names, cut, _ = parts(segments, image.grid.shape)
    masks = dict(zip(names, cut, strict=True))
    rows = evidence_by_label(density, masks, image.grid, Ground.of(image).body)
    return found.with_evidence({row.name: row.share for row in rows if row.name in masks})


def maps_beside(
    session: Session, pixels: Sequence[PixelSet], words: dict, progress: Callable[[float, str], None] | None = None
) -> tuple[list[Explanation], tuple[str, ...]]:
    """(an explanation of each M, notes); words: of the question.  Causes need no layer: where nobody named one and the
    network has none that could show a map, there are no maps, and the note says why."""
    try:
        return session.ask(list(pixels), **words, progress=progress), ()
    except (LayerError, GradientError) as error:
        if words["layers"] != DEFAULT:
            raise
        return [], (f"No map stands beside the causes. {error.sentence}",)


def parts(
    segments: Mapping[str, np.ndarray], shape: tuple[int, ...]
) -> tuple[tuple[str, ...], tuple[np.ndarray, ...], tuple[str, ...]]:
    """(names, bool masks, notes): the image cut into segments without overlap and the rest, none of them empty."""
    given = {name: np.asarray(mask) > 0 for name, mask in segments.items()}
    for name, mask in given.items():
        if mask.shape != tuple(shape):
            raise PixelSetError(
                f"The segment '{name}' has shape {mask.shape}, the image {tuple(shape)}.",
                "Bring it to the image's grid.",
            )
        if mask.all():
            raise PixelSetError(
                f"The segment '{name}' covers the whole image: nothing is left to set it against.",
                "Choose smaller segments.",
            )
    voxels = {name: int(np.count_nonzero(mask)) for name, mask in given.items()}
    notes, free, cut = [], np.ones(tuple(shape), dtype=bool), {}
    shared = 0
    for name in sorted(given, key=lambda one: voxels[one]):  # a stable sort: of equal ones the first
        cut[name] = given[name] & free
        shared += voxels[name] - int(np.count_nonzero(cut[name]))
        free &= ~given[name]
    kept = [name for name in given if cut[name].any()]
    if not kept:
        raise EmptyPixelSetError("No segment holds a voxel of the image.", "Give a segmentation of this image.")
    for name in given:
        if name not in kept:
            why = "holds no voxel" if not voxels[name] else "lies wholly in smaller segments"
            notes.append(f"The segment '{name}' {why} and was left out.")
    if shared:
        notes.append(f"{shared} voxels lie in several segments; each belongs to the smallest of them.")
    names, masks = list(kept), [cut[name] for name in kept]
    if free.any():
        names.append(_free_name(kept))
        masks.append(free)
    if len(kept) == 1 and free.any():
        notes.append(f"One segment was given: '{kept[0]}' is set against the rest of the image alone.")
    return tuple(names), tuple(masks), tuple(notes)


def masks_by_name(layers: Iterable[tuple[np.ndarray, Mapping[int, str]]]) -> dict[str, np.ndarray]:
    """{name: bool ``[K, J, I]``} of label maps (whole numbers) with their names, a label without one being "label 7".

    Of two labels with one name the second is "liver 2".
    """
    found: dict[str, np.ndarray] = {}
    for array, names in layers:
        for value in np.unique(array[array > 0]).tolist():
            name = names.get(int(value), f"label {int(value)}")
            free = (f"{name} {n}" if n > 1 else name for n in count(1))
            found[next(one for one in free if one not in found)] = array == value
    return found


def _free_name(taken):
    return REST if REST not in taken else f"{REST} (no segment)"
