"""What the mathematics offers beside Seg-HiRes-Grad CAM, as entries of the benchmark.

L is its map at the layer asked for.  Each is one function ``(model, image, pixel_set, layer) -> map``; the engine's own
methods make the parts.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from seghirescam.cam.methods.base import ARBITRARY, Method, sum_of_products
from seghirescam.cam.methods.hires import SegHiResGradCam
from seghirescam.cam.methods.lift import CELLS, SegLiftCam
from seghirescam.protocol.question import SMOOTHGRAD
from seghirescam.session.opening import open_session

#: the levels of the demo's network, finest first
LEVELS = tuple(f"encoder.{level}" for level in range(5))
#: reductions, stated: copies of SmoothGrad and their noise (share of the image's range), steps of the integration
COPIES, SIGMA, STEPS = 8, 0.1, 8


class PositiveProducts(Method):
    """sum_k ReLU(g_k A_k): what single channels say for the class, whatever the others say against it."""

    name, title, paper, unit, local = "_positive_products", "positive products", "", ARBITRARY, True

    def map(self, activation, gradient, cell_mm):
        return sum_of_products(gradient * (gradient * activation > 0), activation)


class FromTheMean(Method):
    """sum_k g_k (A_k - mean A_k): evidence counted from the layer's mean in this image, not from zero."""

    name, title, paper, unit = "_from_the_mean", "from the mean", "", ARBITRARY

    def map(self, activation, gradient, cell_mm):
        mean = activation.flatten(1).mean(dim=1).reshape(-1, *[1] * (activation.ndim - 1))
        return sum_of_products(gradient, activation - mean)


class ChannelMagnitudes(Method):
    """sum_k |g_k A_k|: no entry, but how much is there before the channels contradict each other."""

    name, title, paper, unit, local = "_channel_magnitudes", "channel magnitudes", "", ARBITRARY, True

    def map(self, activation, gradient, cell_mm):
        return sum_of_products(gradient.abs(), activation.abs())


def magnitude(model, image, pixel_set, layer):
    """|L|: evidence for and against alike."""
    return np.abs(_paper(model, image, pixel_set, layer).map)


def negative_part(model, image, pixel_set, layer):
    """-L, of which the benchmark counts the positive part: the evidence against."""
    return -_paper(model, image, pixel_set, layer).map


def larger_part(model, image, pixel_set, layer):
    """L with the sign of its sum: the part that outweighs the other."""
    found = _paper(model, image, pixel_set, layer).map
    return found if found.sum() >= 0 else -found


def positive_products(model, image, pixel_set, layer):
    return _asked(model, image, pixel_set, layer, PositiveProducts()).map


def from_the_mean(model, image, pixel_set, layer):
    return _asked(model, image, pixel_set, layer, FromTheMean()).map


def smoothgrad(model, image, pixel_set, layer):
    """Mean of L over noisy copies of the image."""
    noise = {"noise": SMOOTHGRAD, "noise_samples": COPIES, "noise_sigma": SIGMA}
    return _asked(model, image, pixel_set, layer, SegHiResGradCam(), **noise).map


def integrated(model, image, pixel_set, layer):
    """sum_k A_k times the mean of g_k on the straight line from zero to A."""
    return _asked(model, image, pixel_set, layer, SegLiftCam(STEPS, CELLS)).map


def against_all_classes(model, image, pixel_set, layer):
    """The class's own map minus the mean of all classes' maps, in the stead of the contrast with the rival."""
    with _session(model, image) as session:
        words = {"methods": [SegHiResGradCam()], "layers": [layer], "score": "logit"}
        every = [session.ask(pixel_set, class_index=c, **words)[0].map for c in range(len(model.classes))]
    return every[model.target] - np.mean(every, axis=0)


def levels(model, image, pixel_set, layer):
    """L of this encoder level and of every finer one, added as densities on the image's voxels."""
    return sum(_densities(model, image, pixel_set, layer))


def levels_magnitude(model, image, pixel_set, layer):
    """The same of |L|: what points the other way at one level takes nothing from another."""
    return sum(_densities(model, image, pixel_set, layer, np.abs))


CANDIDATES = {
    "magnitude": magnitude,
    "negative part": negative_part,
    "larger part": larger_part,
    "positive products": positive_products,
    "from the mean": from_the_mean,
    "SmoothGrad": smoothgrad,
    "integrated along the layer": integrated,
    "against the mean of all classes": against_all_classes,
    "levels": levels,
    "levels, magnitude": levels_magnitude,
}


def _paper(model, image, pixel_set, layer):
    return _asked(model, image, pixel_set, layer, SegHiResGradCam())


def _densities(model, image, pixel_set, layer, made=np.asarray):
    """The map at the layer and at all finer ones of LEVELS, each cell changed by ``made``; on the image's voxels."""
    with _session(model, image) as session:
        wanted = LEVELS[: LEVELS.index(layer) + 1]
        found = session.ask(pixel_set, methods=[SegHiResGradCam()], layers=list(wanted), **_contrast(model))
    return [replace(one, map=made(one.map)).resampled_to(image.grid).array for one in found]


def _asked(model, image, pixel_set, layer, method, **words):
    """One explanation of the score that the benchmark asks about."""
    with _session(model, image) as session:
        (found,) = session.ask(pixel_set, methods=[method], layers=[layer], **_contrast(model), **words)
    return found


def _contrast(model):
    return {"class_index": model.target, "score": "contrast", "rival": model.rival}


@contextmanager
def _session(model, image):
    session = open_session(model._model, image)
    try:
        yield session
    finally:
        session.release()
