"""The verbs that change the image and run the network again: what mattered, and what flips it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..demo.words import labels_path
from ..evaluation.causes.anatomy_causes import anatomy_causes, maps_beside, masks_by_name
from ..evaluation.causes.causes import Causes
from ..evaluation.causes.channel_causes import channel_causes
from ..evaluation.causes.shapley import PERMUTATIONS
from ..evaluation.causes.smallest_flip import BY_MAP, Flip, SearchLimits
from ..evaluation.causes.smallest_flip import smallest_flip as searched
from ..evaluation.trust.explained_case import frozen
from ..protocol.errors import ImageError, PixelSetError
from ..protocol.image import Image
from ..protocol.progress import Progress
from ..protocol.question import DEFAULT, DEFAULT_METHOD, LAYER_WORDS, LOGIT
from ..protocol.recipes import mask_on
from ..session.opening import open_session
from ..session.understood import score_of
from .as_image import Needs, as_image
from .as_model import target_of
from .as_pixel_set import as_recipes
from .asked import Telling, case_and_rest


def causes(
    model: Any,
    image: Any,
    pixels: Any = None,
    *,
    segments: Any = None,
    target: int | str | None = None,
    class_index: int | str | None = None,
    score: str = LOGIT,
    rival: int | str | None = None,
    baseline: str | None = None,
    other: Any = None,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    method: str = DEFAULT_METHOD,
    layer: str = DEFAULT,
    device: str | None = None,
    precision: str = "fp32",
    before: Callable[[str], object] | None = None,
    progress: Callable[[float, str], None] | bool | None = None,
    **words: Any,
) -> list[Causes]:
    """What made the network say so? The mean score over each pixel set, shared out (Shapley values)::

        (found,) = seghirescam.causes(net, [t1, t2, flair], mask, target="tumour")   # which input image
        (found,) = seghirescam.causes(net, image, mask, target="tumour", segments="organs.seg.nrrd")   # which anatomy

    model, image, pixels, words: as for :func:`asked.explain`.  segments: None for the channels; else a label map (array
    or path) or {name: mask}, and each segment's share of a map's evidence (method, layer) stands beside its cause.
    baseline: "blur", "mean", "zero" or "other"; other: another case's image, as ``image``.  Exact up to eight players,
    beyond from ``permutations`` drawn orders with standard errors.  before: told in a sentence what it takes.

    Returns one :class:`causes.Causes` a pixel set.  Raises what :func:`channel_causes.channel_causes` and
    :func:`anatomy_causes.anatomy_causes` raise.
    """
    spacing = words.get("spacing")
    case, rest = case_and_rest(model, image, pixels, words)
    _refuse(rest)
    index = target_of(case.model, target, class_index)[0]
    session = open_session(case.model, case.image, device=device, precision=precision)
    chosen = score_of(case.model, index, score, rival)
    if other is not None:
        needs = Needs(case.model.spatial_dims, len(case.model.channels), case.model.channels, case.model.header_rule)
        other = as_image(other, needs, spacing).image
    asked = {
        "baseline": baseline or ("blur" if other is None else "other"), "other": other, "permutations": permutations,
        "seed": seed, "before": before,
    }  # fmt: skip
    with Telling(progress) as given:
        tell = Progress(given)
        sets = [frozen(session, one.of, index, tell.part(0.0, 0.1)) for one in case.noted or []]
        scores = [chosen] * len(sets)
        if segments is None:
            return channel_causes(session, sets, scores, **asked, progress=tell.part(0.1, 1.0))
        masks = _masks(segments, case.image, case.model.header_rule)
        where = [mask_on(case.image.grid, one.of, m) for one, m in zip(case.noted or [], sets, strict=True)]
        question = {"class_index": index, "methods": [method], "score": score, "rival": rival}
        question["layers"] = layer if layer in LAYER_WORDS else [layer]
        maps, told = maps_beside(session, sets, question, tell.part(0.1, 0.2))
        beside = {"maps": maps, "where": where, "told": told, "progress": tell.part(0.2, 1.0)}
        return anatomy_causes(session, masks, sets, scores, **beside, **asked)


def smallest_flip(
    model: Any,
    image: Any,
    pixels: Any = None,
    *,
    target: int | str | None = None,
    class_index: int | str | None = None,
    score: str = LOGIT,
    rival: int | str | None = None,
    method: str = DEFAULT_METHOD,
    layer: str = DEFAULT,
    order: str = BY_MAP,
    within: Any = None,
    limits: SearchLimits | None = None,
    device: str | None = None,
    precision: str = "fp32",
    before: Callable[[str], object] | None = None,
    progress: Callable[[float, str], None] | bool | None = None,
    **words: Any,
) -> Flip:
    """The smallest region found whose masking out removes the segment or changes its class.

    model, image, pixels, words: as for :func:`asked.explain`; one pixel set.  Searched in the order of the map of
    ``method`` at ``layer`` (order: or "random", "reverse").  within: a mask, only there may be painted.  limits,
    before, and what is raised: see :func:`evaluation.causes.smallest_flip.smallest_flip`.
    """
    case, rest = case_and_rest(model, image, pixels, words)
    _refuse(rest)
    index = target_of(case.model, target, class_index)[0]
    session = open_session(case.model, case.image, device=device, precision=precision)
    chosen, grid = score_of(case.model, index, score, rival), case.image.grid
    recipes = [one.of for one in case.noted or []]
    if len(recipes) != 1:
        raise PixelSetError("A flip is searched of one pixel set.", "Name one.")
    if within is not None:
        within = _masks({"within": within}, case.image, case.model.header_rule)["within"]
    with Telling(progress) as given:
        tell = Progress(given)
        frozen_set = frozen(session, recipes[0], index, tell.part(0.0, 0.05))
        (heat,) = session.ask(
            frozen_set, class_index=index, methods=[method], layers=layer if layer in LAYER_WORDS else [layer],
            score=score, rival=rival, progress=tell.part(0.05, 0.15),
        )  # fmt: skip
        return searched(
            session, frozen_set, chosen, heat.resampled_to(grid).array, order=order, within=within, limits=limits,
            before=before, progress=tell.part(0.15, 1.0),
        )  # fmt: skip


def _refuse(rest: Mapping[str, Any]) -> None:
    if rest:
        raise TypeError(f"There is no word {min(rest)!r}.")


def _masks(segments: Any, image: Image, rule: str) -> dict[str, np.ndarray]:
    """{name: bool ``[K, J, I]`` on the image's grid} of a label map or of named masks."""
    from ..io.label_maps import read_labels
    from ..protocol.recipes import hardened
    from ..protocol.resampling import labels_on

    if isinstance(segments, Mapping):
        found = {}
        for name, mask in segments.items():
            recipes: Sequence[Any] = as_recipes(mask, image, None, rule) or []
            if len(recipes) != 1 or not hasattr(recipes[0], "pixels"):
                raise PixelSetError(f"The segment '{name}' is no mask.", "Give one mask a name.")
            found[str(name)] = hardened(recipes[0].pixels.on(image.grid).weights)
        return found
    if isinstance(segments, np.ndarray):
        if segments.shape != image.grid.shape:
            raise ImageError(
                f"The label map has shape {segments.shape}, the image {image.grid.shape}.",
                "Give one on the image's grid, or a file.",
            )
        return masks_by_name([(segments, {})])
    label_map = read_labels(labels_path(str(segments)), image.grid, rule)
    return masks_by_name(
        (
            labels_on(array, label_map.grid, image.grid),
            {one.value: one.name for one in label_map.labels if one.layer == n and one.name},
        )
        for n, array in enumerate(label_map.layers)
    )
