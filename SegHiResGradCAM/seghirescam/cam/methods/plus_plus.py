"""Seg-Grad-CAM++."""

from __future__ import annotations

from dataclasses import dataclass

from .base import ARBITRARY, Method, register, weighted_sum


@register
@dataclass(frozen=True)
class SegGradCamPlusPlus(Method):
    """One weight a channel, as in Seg-Grad-CAM: it knows nothing of where M lies; negative gradients take no part.  The
    cells do not add up to the score.
    """

    name = "seg_grad_cam_pp"
    title = "Seg-Grad-CAM++"
    paper = "Chattopadhay et al., WACV 2018"
    unit = ARBITRARY
    about = (
        "L = sum_k w_k A_k, w_k = sum_u alpha_k(u) ReLU(g_k(u)), alpha = g^2 / (2 g^2 + g^3 sum_u' A_k(u')). "
        "Chattopadhay et al., WACV 2018, Eq. 10 and 19, with the region's score in place of a class's. g is that of "
        "the mean S / |M|: the formula is not scale invariant, and the paper's exp(S), a common factor of all weights, "
        "overflows for sums over regions; it is left out. Where the denominator is not positive (a channel's sum may "
        "be negative) alpha is 0."
    )
    bibtex = """@inproceedings{chattopadhay2018gradcampp,
  author = {Chattopadhay, Aditya and Sarkar, Anirban and Howlader, Prantik and Balasubramanian, Vineeth N.},
  title = {{Grad-CAM++}: Generalized Gradient-Based Visual Explanations for Deep Convolutional Networks},
  booktitle = {IEEE Winter Conference on Applications of Computer Vision (WACV)},
  pages = {839--847}, year = {2018}, doi = {10.1109/WACV.2018.00097}
}"""

    def map(self, activation, gradient, cell_mm):
        return self.map_of_mean(activation, gradient, cell_mm, 1.0)

    def map_of_mean(self, activation, gradient, cell_mm, m_total):
        import torch

        weights = []
        for a, g in zip(activation, gradient, strict=True):
            g = g / m_total
            below = 2 + g * a.sum()  # the formula divided by g^2, which may underflow
            alpha = torch.where(below <= 0, torch.zeros_like(g), 1 / below)  # NaN stays NaN
            weights.append((alpha * g.clamp_min(0)).sum())
        return weighted_sum(torch.stack(weights), activation)
