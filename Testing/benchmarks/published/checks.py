"""What can be checked of a map without knowing a cause: on the heads as they are (copy 0), a row a check.

block: does the network draw in its small block what it draws in a large one?  phantom: evidence in cells without
influence.  gap: what the map leaves of S(layer) - S(layer at zero).  randomised: rank correlation with the map of the
network with other weights.  deletion: how much more the score loses with the fifth of the context that a map
calls most important than with random fifths.  full_grad: the gap of signed FullGrad, 0 without normalisation.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from seghirescam.cam.logits.score import ClassLogit
from seghirescam.cam.methods.full_grad import SegFullGrad
from seghirescam.evaluation.deletion.blocks import falling, shuffled
from seghirescam.evaluation.deletion.image_deletion import ImageProbe
from seghirescam.evaluation.metrics.shares import dilated
from seghirescam.evaluation.metrics.similarity import spearman
from seghirescam.evaluation.painting.rerun import Rerun
from seghirescam.evaluation.trust.explained_case import told_apart
from seghirescam.evaluation.trust.layer_numbers import phantom_share, silenced
from seghirescam.evaluation.trust.sanity import Unit, randomised
from seghirescam.session.opening import open_session

from .heads import Head
from .maps import BASELINES, HIRES, METHODS, NO_LAYER, asked, mean_score
from .networks import DEEPBET, Case, case

#: voxels an axis of the block that a MeshNet's small block is compared with
LARGE = 112
NEAR_MM = 6.0
MOST_CELLS = 200_000
PHANTOM = {"phantom": 1e-6, "phantom_1e-2": 1e-2}
#: of the context, and how many random choices of as much
FRACTION, ORDERS = 0.2, 2
#: the methods of the deletion, at the middle layer
DELETED = (*METHODS[:4], BASELINES[0])


def block(small: Case, own: Head, data: Path, folder: Path) -> Iterator[dict]:
    """Dice of the class near M in the small block with the large block's, and by how much S / |M| differs (logit)."""
    large = case(small.network, own, small.copy, data, folder, LARGE)
    drawn = [Rerun(one.model).see(one.image) for one in (small, large)]
    shape = small.image.grid.shape
    start = [(n - m) // 2 for n, m in zip(large.image.grid.shape, shape, strict=True)]
    part = tuple(slice(s, s + n) for s, n in zip(start, shape, strict=True))
    near = dilated(small.pixels.weights, small.image.grid, NEAR_MM)
    one, other = (seen.predicted(small.class_index) for seen in drawn)
    one, other = one & near, other[part] & near
    yield _row("block_dice", value=2 * float((one & other).sum()) / float(one.sum() + other.sum()))
    inside = small.pixels.weights > 0
    logits = [drawn[0].logits[small.class_index], drawn[1].logits[small.class_index][part]]
    moved = abs(float((logits[0] - logits[1])[inside].mean(dtype=np.float64)))
    yield _row("block_logit", value=moved)


def of_layers(asked_case: Case, found: dict, largest: dict) -> Iterator[dict]:
    """Phantom mass and gap of every layer and method. largest: layer -> map of the largest gradients."""
    weights = float(asked_case.pixels.weights.sum())
    for layer, name in asked_case.layers.items():
        with silenced(asked_case.model, name):
            zero = mean_score(asked_case) * weights
        for method in METHODS:
            one = found[layer, method]
            done = one.score - zero
            if one.unit == "logit":
                yield _row("gap", layer, method, abs(one.total - done) / abs(done))
            for check, eps in PHANTOM.items():
                value = phantom_share(one, largest[layer], (eps,))[eps]
                yield _row(check, layer, method, value.value, value.status)


def randomisation(asked_case: Case, found: dict, seed: int = 0) -> Iterator[dict]:
    """Spearman of every map with that of the network whose weights are all replaced, where one of them is not zero."""
    (network,) = asked_case.model.networks
    own = {name: dict(module.named_parameters(recurse=False)) for name, module in network.named_modules()}
    units = [Unit(name, network.get_submodule(name), tensors) for name, tensors in own.items() if tensors]
    with randomised([units], seed):
        others = asked(asked_case)
    for key, one in found.items():
        value = spearman(*(_thinned(part) for part in told_apart(one.map, others[key].map)))
        yield _row("randomised", *key, value.value, value.status)


def _thinned(values):
    """At most some hundred thousand cells, evenly taken: sorting all of deepbet's says the same."""
    flat = values.ravel()
    return flat[:: max(1, flat.size // MOST_CELLS)]


def deletion(asked_case: Case, found: dict, edges: np.ndarray, seed: int = 0) -> Iterator[dict]:
    """Mean score with a random fifth of the context blurred, minus with the most important one (logit, 0: no use)."""
    score, array = ClassLogit(asked_case.class_index), asked_case.image.array[0]
    body = array > asked_case.zero + 0.1 * (asked_case.one - asked_case.zero)
    probe = ImageProbe(Rerun(asked_case.model), asked_case.image, asked_case.pixels, score, body=body)
    count = len(probe.sizes)
    random = np.mean([probe.see(_first(probe, shuffled(count, seed + n))).score for n in range(1, ORDERS + 1)])
    for method in DELETED:
        known = method in BASELINES
        density = edges if known else found["middle", method].resampled_to(asked_case.image.grid).array
        layer, (status, _) = NO_LAYER if known else "middle", probe.refusal(density)
        value = None
        if status == "ok":
            value = float(random - probe.see(_first(probe, falling(probe.values(density), seed))).score)
        yield _row("deletion", layer, method, value, status)


def _first(probe, order):
    """Bool ``[n]``: the first blocks of an order that together hold FRACTION of the context."""
    held = np.cumsum(probe.sizes[order])
    chosen = np.zeros(len(order), dtype=bool)
    chosen[order[: max(1, int(np.searchsorted(held, FRACTION * held[-1])))]] = True
    return chosen


def full_grad(asked_case: Case) -> Iterator[dict]:
    """The relative gap of signed FullGrad, of networks that are no compiled program."""
    if asked_case.network != DEEPBET:
        session = open_session(asked_case.model, asked_case.image, keep=False)
        (one,) = session.ask(
            asked_case.pixels, class_index=asked_case.class_index, methods=[SegFullGrad(form="signed")]
        )
        yield _row("full_grad", value=abs(one.provenance["gap"]))


def _row(check, layer=NO_LAYER, method=NO_LAYER, value=None, status="ok"):
    return {"check": check, "layer": layer, "method": method, "value": value, "status": status}


__all__ = ["HIRES", "block", "deletion", "full_grad", "of_layers", "randomisation"]
