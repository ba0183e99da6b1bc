"""Seg-Layer-CAM."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Method, register


@register
@dataclass(frozen=True)
class SegLayerCam(Method):
    """It assumes A >= 0; with negative activations (LeakyReLU, norm outputs) a negative cell means "fewer negative
    values here would help", which is not evidence against the class.
    """

    name = "seg_layer_cam"
    title = "Seg-Layer-CAM"
    paper = "Jiang et al., IEEE TIP 2021"
    local = True
    about = (
        "L(u) = sum_k ReLU(g_k(u)) A_k(u). Jiang et al., IEEE TIP 2021, Eq. 5 and 6, with the region's score in place "
        "of a class's. Seg-HiRes-Grad CAM without the negative gradients: it shows what raises the score and hides "
        "what lowers it, so the cells add up to no more than part of the score."
    )
    bibtex = """@article{jiang2021layercam,
  author = {Jiang, Peng-Tao and Zhang, Chang-Bin and Hou, Qibin and Cheng, Ming-Ming and Wei, Yunchao},
  title = {{LayerCAM}: Exploring Hierarchical Class Activation Maps for Localization},
  journal = {IEEE Transactions on Image Processing}, volume = {30}, pages = {5875--5888}, year = {2021},
  doi = {10.1109/TIP.2021.3089943}
}"""

    def map(self, activation, gradient, cell_mm):
        total = activation.new_zeros(activation.shape[1:])
        for a, g in zip(activation, gradient, strict=True):
            total.addcmul_(g.clamp_min(0), a)
        return total
