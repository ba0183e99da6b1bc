"""Seg-HiRes-Grad CAM."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Method, register, sum_of_products


@register
@dataclass(frozen=True)
class SegHiResGradCam(Method):
    """Linear in M.  At the last layer before a 1x1 head the cells add up to S minus the bias."""

    name = "seg_hires_grad_cam"
    title = "Seg-HiRes-Grad CAM"
    paper = "Rheude et al., MELBA 2024:023"
    local = True
    about = (
        "L(u) = sum_k g_k(u) A_k(u), g = dS/dA, the gradients not averaged. Rheude et al., MELBA 2024:023, Eq. 6; "
        "HiResCAM: Draelos & Carin, arXiv 2011.08891. Zero wherever the gradient is zero, so it never shows a place "
        "the network did not use."
    )
    bibtex = """@article{rheude2024seghires,
  author = {Rheude, Tillmann and Wirtz, Andreas and Kuijper, Arjan and Wesarg, Stefan},
  title = {Leveraging {CAM} Algorithms for Explaining Medical Semantic Segmentation},
  journal = {Machine Learning for Biomedical Imaging}, volume = {2}, year = {2024},
  note = {MELBA 2024:023}, doi = {10.59275/j.melba.2024-ebd3}
}"""

    def map(self, activation, gradient, cell_mm):
        return sum_of_products(gradient, activation)
