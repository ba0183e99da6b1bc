"""Every row's map of every image, as the order in which its pixels are removed."""

from __future__ import annotations

import numpy as np
from seghirescam.evaluation.metrics.baselines import (
    blur_matched_random,
    correlation_length,
    edges,
    paint_the_prediction,
    random_map,
)
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.errors import EmptyPixelSetError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain

from .network import logits_of
from .removal import order
from .toy import CLASSES, SIZE, Cases

#: the design's default layer for these bodies: stride 4, 16 x 16 cells (at stride 8 they are not two cells across)
LAYER = "encoder.1"
#: one pixel is 1 mm
GRID = Grid.from_spacing((1, SIZE, SIZE))
HIRES, GRAD = "seg_hires_grad_cam", "seg_grad_cam"
METHODS = (HIRES, GRAD, "seg_xres_cam", "seg_layer_cam", "seg_grad_cam_pp", "seg_xgrad_cam")
MATCHED, FIXED = "hires_blurred_to_grad_cam", "hires_blurred_4_px"
RANDOM_HIRES, RANDOM_GRAD = "random_like_hires", "random_like_grad_cam"
CONTROLS = (MATCHED, FIXED, RANDOM_HIRES, RANDOM_GRAD, "random", "edges", "cause", "paint_the_prediction")
ROWS = METHODS + CONTROLS
#: px; one cell of the layer
FIXED_SIGMA = 4.0


def densities(network, cases: Cases, seed: int):
    """Yield {row: map ``[64, 64]``} and {fact: number} case by case.

    The question of every map: the logit of the class the network gave most of what it drew, over where it drew it; no
    label takes part.  Where it drew nothing the maps are zero (and the fact "empty" is 1).
    """
    model = PlainModel(network, CLASSES, spatial_dims=2, divisor=8)
    predicted = logits_of(network, cases.images).argmax(axis=1)
    for number, (image, drawn) in enumerate(zip(cases.images, predicted, strict=True)):
        found, empty = _explained(model, Image(image[None, None], GRID), drawn)
        noise = (seed * 100_000 + number) * 4
        hires, grad = found[HIRES], found[GRAD]
        matched, sigma = matched_blur(hires, grad)
        found |= {
            MATCHED: matched,
            FIXED: blurred(hires, FIXED_SIGMA),
            RANDOM_HIRES: blur_matched_random(hires, GRID, noise),
            RANDOM_GRAD: blur_matched_random(grad, GRID, noise + 1),
            "random": random_map(GRID.shape, noise + 2),
            "edges": edges(image[None], GRID),
            "cause": cases.cues[number][None].astype(np.float32),
            "paint_the_prediction": paint_the_prediction(drawn[None] > 0),
        }
        facts = {"empty": empty, "sigma": sigma, "hires_length": length(hires), "grad_length": length(grad)}
        yield {row: found[row][0] for row in ROWS}, facts


def orders(network, cases: Cases, seed: int):
    """({row: uint16 ``[N, 64 * 64]``}, {fact: mean over the cases that have it, None if none has})."""
    ranked, facts = {row: [] for row in ROWS}, []
    for number, (found, fact) in enumerate(densities(network, cases, seed)):
        facts.append(fact)
        for row, density in found.items():
            ranked[row].append(order(density, (seed * 100_000 + number) * 4 + 3))
    known = {key: [f[key] for f in facts if f[key] is not None] for key in facts[0]}
    means = {key: float(np.mean(values)) if values else None for key, values in known.items()}
    return {row: np.stack(each) for row, each in ranked.items()}, means


def _explained(model, image, drawn):
    counts = [np.count_nonzero(drawn == index) for index in range(len(CLASSES))]
    index = 1 + int(np.argmax(counts[1:]))
    asked = PixelSet(drawn[None] == index, GRID)
    try:
        answers = explain(model, image, asked, class_index=index, methods=METHODS, layers=LAYER)
    except EmptyPixelSetError:
        return {name: np.zeros(GRID.shape, dtype=np.float32) for name in METHODS}, 1
    return {a.method: a.resampled_to(GRID).array for a in answers}, 0


def length(density) -> float | None:
    """Mean over both axes of the shift in px at which the autocorrelation of A+ has fallen to one half."""
    found = correlation_length(density, GRID)
    return None if found is None else float(np.mean(found[1:]))


def blurred(density, sigma: float) -> np.ndarray:
    """A+ under a Gaussian of sigma px in the plane, the border repeated."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(np.maximum(density, 0), (0, sigma, sigma), mode="nearest")


def matched_blur(density, like) -> tuple[np.ndarray, float]:
    """(A+ blurred until its autocorrelation length is that of ``like``, sigma in px).

    Sigma 0 where it is as long already, or where either map has no length; at most 16 px.  By bisection to 0.05 px.
    """
    goal, now = length(like), length(density)
    if goal is None or now is None or now >= goal:
        return np.maximum(density, 0), 0.0
    low, high = 0.0, 16.0
    while high - low > 0.05:
        middle = (low + high) / 2
        low, high = (low, middle) if length(blurred(density, middle)) >= goal else (middle, high)
    return blurred(density, high), high
