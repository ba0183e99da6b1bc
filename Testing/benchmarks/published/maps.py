"""What every method shows of a planted cause: one row a layer and method, from one pass for all of them.

Shares are of the evidence that has the effect's own sign: where a bead lowers S, its place is searched for in the
evidence against the class.  A user sees one image, so the map is that of the image that has the cause.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from seghirescam.cam.logits.score import ClassLogit
from seghirescam.evaluation.metrics import baselines
from seghirescam.evaluation.metrics.shares import share
from seghirescam.evaluation.painting.rerun import Rerun
from seghirescam.session.opening import open_session

from .networks import DEEPBET, Case
from .planted import Planted

HIRES = "seg_hires_grad_cam"
#: those that take one forward and one backward pass together
METHODS = (HIRES, "seg_grad_cam", "seg_xres_cam", "seg_layer_cam", "seg_xgrad_cam", "seg_grad_cam_pp")
BASELINES = ("edges", "random")
NO_LAYER = "-"
NUMBERS = ("effect", "share", "chance", "signed", "share_before", "signed_before")


def asked(case: Case, *more) -> dict[tuple[str, str], object]:
    """(layer as the tables name it, method) -> explanation. more: further methods for the same pass."""
    session = open_session(case.model, case.image, keep=False)
    found = session.ask(
        case.pixels, class_index=case.class_index, methods=[*METHODS, *more], layers=list(case.layers.values())
    )
    named = {layer: name for name, layer in case.layers.items()}
    return {(named[one.layer.name], one.method): one for one in found}


def mean_score(case: Case, image=None) -> float:
    """S / |M| (logit) of another image of the same question."""
    image = case.image if image is None else image
    return Rerun(case.model).see(image, around=case.pixels).mean_score(case.pixels, ClassLogit(case.class_index))


def score_in(found: dict, case: Case) -> float:
    """S / |M| (logit) as a pass with maps has found it."""
    return next(iter(found.values())).score / float(case.pixels.weights.sum())


def rows(planted: Planted, effect: float, having: dict, lacking: dict | None) -> Iterator[dict]:
    """effect: S / |M| with the cause minus without (logit).  having, lacking: maps of both images (None: not made)."""
    sign = math.copysign(1, effect)
    for key in having:
        yield _row(planted, key, sign, having[key], lacking and lacking[key]) | {"effect": effect}
    for name in BASELINES:
        pair = (_known_nothing(name, case) for case in (planted.having, planted.lacking))
        yield _row(planted, (NO_LAYER, name), 1, *pair) | {"effect": effect}


def _row(planted, key, sign, found, before):
    region, grid = planted.region, planted.having.image.grid
    step = _step(planted.having)
    if step > 1:
        region = region[::step, ::step, ::step]
        grid = grid.strided((step,) * 3, (0, 0, 0), region.shape)
    row = {"layer": key[0], "method": key[1], "chance": float(region.mean())}
    for one, end in ((found, ""), (before, "_before")):
        if one is not None:
            density = one if isinstance(one, np.ndarray) else one.resampled_to(grid).array
            inside = share(sign * density, region)
            # nothing of that sign anywhere: it shows nothing of this cause
            row["share" + end] = 0.0 if math.isnan(inside) else inside
            row["signed" + end] = float(density[region].sum(dtype=np.float64)) * grid.voxel_ml
    return row


def _step(case):
    """deepbet's layers have strides of 2 and more: every second voxel of its 256^3 holds all of a map."""
    return 2 if case.network == DEEPBET else 1


def _known_nothing(name, case):
    step = _step(case)
    part = case.image.array[0][::step, ::step, ::step]
    if name == "random":
        return baselines.random_map(part.shape, case.copy)
    return baselines.edges(part, case.image.grid.strided((step,) * 3, (0, 0, 0), part.shape))
