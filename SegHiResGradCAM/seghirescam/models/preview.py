"""A preview: a model without its mirroring, or with some of its folds, where its own inference averages all of them.

Each mirroring and each fold is a network pass of its own over every window: a model that mirrors along three axes makes
eight.  What is left out is an approximation of the model's answer, and everything computed so says it.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

from ..protocol.errors import ModelError
from ..protocol.question import ALL_MIRRORINGS, FIRST_FOLD
from .segmentation_model import SegmentationModel

_NOTHING = (
    "A preview was asked for, and of this model there is nothing to leave out (no mirroring, no further folds): this "
    "is its own answer."
)


def previewed(model: SegmentationModel, mirroring: str, folds: Sequence[str]) -> SegmentationModel:
    """The model itself, or a copy that runs fewer passes and says so in ``loading`` and ``preview``.

    mirroring, folds: as in :class:`question.ComputeSettings`.  Raises ModelError for a fold that is not there.
    """
    asked = mirroring, tuple(folds)
    if asked == (ALL_MIRRORINGS, ()) or model.previewed_as == asked:
        return model
    found = copy.copy(model)
    found.previewed_as, found.preview, said = asked, {}, []
    axes = model.windows.mirror_axes if model.windows else ()
    if mirroring != ALL_MIRRORINGS and axes:
        found.windows = replace(model.windows, mirror_axes=())
        found.preview["mirrorings"] = [1, 2 ** len(axes)]
        said.append(f"1 of {2 ** len(axes)} mirrorings")
    kept = _kept(model, folds)
    if len(kept) < len(model.networks):
        names = model.folds
        found.networks = tuple(model.networks[n] for n in kept)
        found.fold_names = tuple(names[n] for n in kept)
        found.preview |= {"folds": [names[n] for n in kept], "of_folds": list(names)}
        said.append(f"fold{'s' * (len(kept) > 1)} {', '.join(names[n] for n in kept)} of {len(names)}")
    found.loading = (*model.loading, _sentence(said) if said else _NOTHING)
    return found


def _sentence(said):
    return (
        f"A preview, computed from {' and '.join(said)}: an approximation of the model's own inference, which averages "
        "all of them."
    )


def _kept(model, folds):
    """Places of the folds asked for, in the model's order; all of them where none is named."""
    names = model.folds
    wanted = {names[0] if fold == FIRST_FOLD else str(fold) for fold in folds} or set(names)
    if absent := sorted(wanted - set(names)):
        raise ModelError(
            f"The model has no fold {', '.join(absent)}.", f"Choose of: {', '.join(names)}, or '{FIRST_FOLD}'."
        )
    return [n for n, name in enumerate(names) if name in wanted]
