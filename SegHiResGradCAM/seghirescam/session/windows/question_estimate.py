"""What a question about given pixel sets would take, before anything runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...cam.logits.score import ClassLogit
from ...cam.methods import method
from ...cam.placement.windows import Seeds
from ...protocol.question import AUTO, DEFAULT, DEFAULT_METHOD
from ...protocol.recipes import refuse_empty
from ..answer import Run
from ..layer_choice import choose_layers
from ..layer_sums import LayerSums
from ..sets.set_groups import groups

if TYPE_CHECKING:
    from ...models.segmentation_model import Prepared
    from ...protocol.pixel_set import PixelSet
    from ..interface import Session
    from ..window_passes import WindowPasses

#: tensors of the largest layer that a pass holds at once besides those it keeps: input, output, and scratch of both
_SCRATCH = 4
#: arrays of the volume's size that one pixel set needs while it is looked at: weights, seeds, a mask, their copies
_VOLUMES = 4


def estimated(
    session: Session, passes: WindowPasses, prepared: Prepared, sets: Sequence[PixelSet], layers: str | Sequence[str],
    working_bytes: int,
) -> dict:  # fmt: skip
    """windows, of_windows, groups, forward_passes; window_bytes: of one window's pass; maps_bytes: of the maps of one
    group while they are added up, for one method; memory_bytes: the most the question takes at once.

    Sets are looked at one by one.  Raises EmptyPixelSetError, PixelSetError, LayerError.
    """
    listed, dims = passes.listed(), session.model.spatial_dims
    score = ClassLogit(session.model.classes[0].index)
    run = Run(session.model, session.image, prepared, score, AUTO, "fp32", "", ())
    touched, names, costs, boxes, first = [], set(), [], 0, None
    for one in sets:
        pixels = refuse_empty(one.on(prepared.grid))
        seeds = Seeds.of(passes.plan, pixels.weights, session.tolerance)
        first = pixels if first is None else first
        looked_at = first if layers == DEFAULT else pixels
        targets, _ = choose_layers(listed, layers, looked_at, dims)
        names |= {layer.name for layer in targets}
        sums = [LayerSums.of(run, x, method(DEFAULT_METHOD), seeds, passes.plan, 1.0) for x in targets]
        costs.append(sum(s.nbytes for s in sums))
        boxes += 2 * seeds.share.nbytes
        touched.append(seeds.touched)
    found = groups(costs, working_bytes)
    each = [len(set().union(*(touched[place] for place in group))) for group in found]
    maps = max(sum(costs[place] for place in group) for group in found)
    window, largest = passes.need(names), max(layer.channels * math.prod(layer.cells) for layer in listed)
    logits = len(session.model.classes) * math.prod(passes.plan.size)
    scratch = 4 * _SCRATCH * (largest + logits)
    volumes = 4 * _VOLUMES * math.prod(passes.plan.shape)
    return {
        "windows": len(set().union(*touched)),
        "of_windows": len(passes.plan.offsets),
        "groups": len(found),
        "forward_passes": sum(each) * passes.runs,
        "window_bytes": window,
        "maps_bytes": maps,
        "memory_bytes": window + scratch + maps + boxes + volumes,
    }
