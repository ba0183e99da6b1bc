"""Seg-XGrad-CAM."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Method, register, weighted_sum


@register
@dataclass(frozen=True)
class SegXGradCam(Method):
    """Channels whose sum is zero have no weight; where it nearly cancels (normalised activations) weights grow without
    bound, and the result says so.
    """

    name = "seg_xgrad_cam"
    title = "Seg-XGrad-CAM"
    paper = "Fu et al., BMVC 2020"
    about = (
        "L = sum_k w_k A_k, w_k = sum_u g_k A_k / sum_u A_k. Fu et al., BMVC 2020, Eq. 8, with the region's score in "
        "place of a class's. Per channel the cells add up to sum_u g_k A_k, so the map's total is that of "
        "Seg-HiRes-Grad CAM; where in the channel it lies is decided by the activation alone."
    )
    bibtex = """@inproceedings{fu2020axiom,
  author = {Fu, Ruigang and Hu, Qingyong and Dong, Xiaohu and Guo, Yulan and Gao, Yinghui and Li, Biao},
  title = {Axiom-based {Grad-CAM}: Towards Accurate Visualization and Explanation of {CNNs}},
  booktitle = {British Machine Vision Conference (BMVC)}, year = {2020}
}"""

    def map(self, activation, gradient, cell_mm):
        import torch

        top = torch.stack([(g * a).sum() for g, a in zip(gradient, activation, strict=True)])
        bottom = activation.flatten(1).sum(dim=1)
        alive = bottom != 0
        weights = torch.where(alive, top / torch.where(alive, bottom, torch.ones_like(bottom)), torch.zeros_like(top))
        return weighted_sum(weights, activation)

    def remarks(self, activation, gradient):
        import torch

        flat = activation.flatten(1)
        live = flat.abs().sum(dim=1)
        kept = flat.sum(dim=1).abs() / live.clamp_min(torch.finfo(flat.dtype).tiny)
        shaky = int(((kept < 0.01) & (live > 0)).sum())
        if not shaky:
            return ()
        return (
            f"In {shaky} of {len(flat)} channels the activation sums to nearly zero; the weights of Seg-XGrad-CAM "
            "divide by that sum and are not reliable there.",
        )
