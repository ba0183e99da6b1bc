"""Seg-Grad-CAM."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...protocol.value import CANCELLATION, NONFINITE, ZERO_MAP, Value
from .base import Method, register, weighted_sum


@register
@dataclass(frozen=True)
class SegGradCam(Method):
    """Behind instance normalisation the gradients of a channel nearly cancel in the mean."""

    name = "seg_grad_cam"
    title = "Seg-Grad-CAM"
    paper = "Vinogradova et al., AAAI 2020"
    about = (
        "L(u) = sum_k a_k A_k(u), a_k = mean over all cells of g_k. Vinogradova et al., AAAI 2020, after Grad-CAM "
        "(Selvaraju et al. 2017). One weight a channel for the whole volume: it knows nothing of where M lies and "
        "lights up every place with the same features, used or not."
    )
    bibtex = """@inproceedings{vinogradova2020seggradcam,
  author = {Vinogradova, Kira and Dibrov, Alexandr and Myers, Gene},
  title = {Towards Interpretable Semantic Segmentation via Gradient-Weighted Class Activation Mapping
    (Student Abstract)},
  booktitle = {Proceedings of the AAAI Conference on Artificial Intelligence}, volume = {34}, number = {10},
  pages = {13943--13944}, year = {2020}, doi = {10.1609/aaai.v34i10.7244}
}"""

    def map(self, activation, gradient, cell_mm):
        sums = gradient.flatten(1).sum(dim=1)
        return weighted_sum(self.channel_weights(sums, gradient[0].numel()), activation)

    def channel_weights(self, gradient_sums, cells):
        return gradient_sums / cells

    def numbers(self, activation, gradient):
        flat = gradient.flatten(1)
        return {CANCELLATION: kept_by_averaging(float(flat.sum(dim=1).abs().sum()), float(flat.abs().sum()))}

    def told(self, numbers):
        """The warning; none where nothing finite was measured."""
        kept = numbers[CANCELLATION].value
        if kept is None or kept >= 0.2:
            return ()
        return (
            f"Averaging cancels {100 * (1 - kept):.0f} % of the gradient at this layer; the map's weights are small "
            "differences of large numbers. Seg-HiRes-Grad CAM does not average.",
        )


def kept_by_averaging(kept: float, whole: float) -> Value:
    """sum_k |sum_u g_k(u)| / sum_k sum_u |g_k(u)|: 1 where averaging loses nothing, near 0 where the sum cancels.

    ZERO_MAP where every gradient is zero, NONFINITE where one is NaN or infinite.
    """
    if not math.isfinite(whole):
        return Value.without(NONFINITE, "The gradients at this layer hold NaN or infinity.")
    if not whole > 0:
        return Value.without(ZERO_MAP, "Every gradient at this layer is zero.")
    return Value.of(kept / whole, note="Share of the gradient that averaging over the layer's cells keeps.")
