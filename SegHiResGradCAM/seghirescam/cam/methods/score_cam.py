"""Seg-Score-CAM."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...protocol.errors import MethodError
from .base import ARBITRARY, ContextMethod, Outcome, register, weighted_sum
from .sampling import refuse_count, said, sampled

#: what the image is where a mask is closed: zeros, each channel's smallest value, or a blurred copy
ZERO, MIN, BLUR = "zero", "min", "blur"


@register
@dataclass(frozen=True)
class SegScoreCam(ContextMethod):
    """The mean over M, not the sum: the softmax of sums picks a single channel.  It asks what the network does with a
    darkened image it was never trained on; all weights are positive, so nothing speaks against the class.  baseline:
    "zero" (the paper's; after z-scoring the mean tissue, not absence), "min" or "blur".  temperature: T.  channels:
    how many, evenly spread; None for all.  Channels that are constant have no mask and no weight.
    """

    temperature: float = 1.0
    baseline: str = ZERO
    channels: int | None = None

    name = "seg_score_cam"
    title = "Seg-Score-CAM"
    paper = "Wang et al., CVPRW 2020"
    unit = ARBITRARY
    cost = "(2 + K) F: the input changes, so the tail cannot be re-run alone"
    slow = True
    about = (
        "L = sum_k w_k A_k, w = softmax_k(s_k / T), s_k = (S(x under H_k) - S(baseline)) / |M|. Wang et al., CVPR "
        "Workshops 2020, with the region's score in place of a class's and M frozen. H_k = A_k scaled to [0, 1] and "
        "interpolated to the image, each cell where it reads; x under H = baseline + H (x - baseline)."
    )
    bibtex = """@inproceedings{wang2020scorecam,
  author = {Wang, Haofan and Wang, Zifan and Du, Mengnan and Yang, Fan and Zhang, Zijian and Ding, Sirui and
    Mardziel, Piotr and Hu, Xia},
  title = {{Score-CAM}: Score-Weighted Visual Explanations for Convolutional Neural Networks},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition Workshops (CVPRW)},
  pages = {111--119}, year = {2020}, doi = {10.1109/CVPRW50498.2020.00020}
}"""

    def __post_init__(self):
        if not self.temperature > 0:
            raise MethodError(
                f"The temperature of Seg-Score-CAM must be above 0, got {self.temperature}.", "1 is the paper's."
            )
        if self.baseline not in (ZERO, MIN, BLUR):
            raise MethodError(
                f"Seg-Score-CAM knows the baselines 'zero', 'min' and 'blur', not {self.baseline!r}.", "Choose one."
            )
        refuse_count(self.title, self.channels)

    def check(self, situation):
        if situation.windows > 1:
            raise MethodError(
                f"Seg-Score-CAM compares masked versions of one image; a model that averages {situation.windows} "
                "windows, mirrorings or folds has no such image.",
                "Use seg_ablation_cam, or a method that is linear in the score, such as seg_hires_grad_cam.",
            )
        layer = situation.layer
        if layer is not None and math.prod(layer.cells) == 1:
            raise MethodError(
                f"Seg-Score-CAM masks the image by activation maps, and the layer '{layer.name}' has a single cell.",
                "Choose a layer with spatial activations.",
            )

    def compute(self, context):
        import torch

        from ..layers.resample import interpolated

        activation = context.activation[0]
        wide = activation.float() if activation.dtype.itemsize < 4 else activation
        image = context.tensor[0]
        base = _baseline(image, self.baseline)
        starts, strides = context.place(context.layer)
        looked_at = [k for k in sampled(len(wide), self.channels) if _spread(wide[k]) > 0]

        def masked():
            for k in looked_at:
                mask = (wide[k] - wide[k].min()) / _spread(wide[k])
                mask = interpolated(mask[None], image.shape[1:], starts, strides)[0].to(image.dtype)
                yield base + mask * (image - base)

        start = float(context.scores(context.forward(base[None]))[0])
        scores = (context.forward_scores(masked(), len(looked_at), "masking by channel") - start) / context.m_total
        weights = torch.zeros(len(wide), dtype=torch.float64)
        if looked_at:
            weights[looked_at] = torch.softmax(scores / self.temperature, dim=0)
        most = float(weights.max())
        notes = said(self.title, len(sampled(len(wide), self.channels)), len(wide))
        if len(looked_at) > 1 and most > 0.9:
            notes += (
                f"One channel holds {100 * most:.0f} % of the softmax's weight; a higher temperature spreads it.",
            )
        return Outcome(
            weighted_sum(weights.to(wide.device), wide),
            notes,
            {"channels": len(looked_at), "of_channels": len(wide), "largest_weight": round(most, 6)},
            "every channel of the layer is constant",
        )


def _spread(channel):
    found = channel.max() - channel.min()
    return found if found.isfinite() else found.new_zeros(())


def _baseline(image, kind):
    """``[C, *spatial]``; blur: three passes of a mean over an eighth of the image, edges repeated."""
    if kind == ZERO:
        return image.new_zeros(image.shape)
    if kind == MIN:
        lowest = image.flatten(1).min(dim=1).values
        return lowest.view(-1, *[1] * (image.ndim - 1)).expand_as(image).contiguous()
    for _ in range(3):
        for axis in range(1, image.ndim):
            image = _running_mean(image, axis, max(1, image.shape[axis] // 16))
    return image


def _running_mean(image, axis, half):
    import torch

    size = image.shape[axis]
    places = torch.arange(-half, size + half, device=image.device).clamp(0, size - 1)
    total = image.index_select(axis, places).double().cumsum(dim=axis)
    total = torch.cat([torch.zeros_like(total.narrow(axis, 0, 1)), total], dim=axis)
    width = 2 * half + 1
    return ((total.narrow(axis, width, size) - total.narrow(axis, 0, size)) / width).to(image.dtype)
