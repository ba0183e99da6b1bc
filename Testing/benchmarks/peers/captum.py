"""Captum: a wrapped forward gives the score of one class over M; LayerGradientXActivation summed is HiRes."""

from captum.attr import LayerGradCam, LayerGradientXActivation

from agreement import SIGNED
from rows import HIRES

from . import Prepared


def prepare(case, row, layers):
    def score(image):
        return (case.network(image)[:, case.class_index] * case.mask).sum(dim=(1, 2, 3))

    (name,) = layers
    kind = LayerGradientXActivation if row.method == HIRES else LayerGradCam
    attribution = kind(score, case.network.get_submodule(name))

    def call():
        found = attribution.attribute(case.image)
        return found.sum(dim=1) if row.method == HIRES else found

    return Prepared(call, lambda found: {name: found.detach().numpy()}, SIGNED)
