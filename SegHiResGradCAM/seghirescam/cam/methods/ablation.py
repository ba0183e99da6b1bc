"""Seg-Ablation-CAM."""

from __future__ import annotations

from dataclasses import dataclass

from ...protocol.errors import MethodError
from .base import ARBITRARY, ContextMethod, Outcome, register, weighted_sum
from .sampling import refuse_count, said, sampled

#: what a removed channel holds
ZERO, MEAN = "zero", "mean"


@register
@dataclass(frozen=True)
class SegAblationCam(ContextMethod):
    """In a linear tail w_k = sum_u g_k A_k.  Where the channel lies in the map is decided by the activation alone.
    replacement: "zero", or "mean" (the channel's mean: behind LeakyReLU and instance norm zero is not neutral).
    channels: how many channels, evenly spread; None for all.
    """

    replacement: str = ZERO
    channels: int | None = None

    name = "seg_ablation_cam"
    title = "Seg-Ablation-CAM"
    paper = "Desai & Ramaswamy, WACV 2020"
    unit = ARBITRARY
    cost = "2 F + K tail passes (and, once a layer, 1 F + 3 tail passes for the check of the tail)"
    slow = True
    about = (
        "L = sum_k w_k A_k, w_k = S - S_k, S_k with channel k replaced. Desai & Ramaswamy, WACV 2020, with the "
        "region's score in place of a class's and M frozen; the paper divides by S, which for a region may be near "
        "zero or negative: a common factor that is left out. No gradient: it measures what removing a channel does, as "
        "far as removing all of it everywhere is a fair question."
    )
    bibtex = """@inproceedings{desai2020ablationcam,
  author = {Desai, Saurabh and Ramaswamy, Harish G.},
  title = {{Ablation-CAM}: Visual Explanations for Deep Convolutional Network via Gradient-free Localization},
  booktitle = {IEEE Winter Conference on Applications of Computer Vision (WACV)}, pages = {972--980}, year = {2020},
  doi = {10.1109/WACV45572.2020.9093360}
}"""

    def __post_init__(self):
        if self.replacement not in (ZERO, MEAN):
            raise MethodError(
                f"Seg-Ablation-CAM replaces by 'zero' or 'mean', not {self.replacement!r}.", "Choose one of the two."
            )
        refuse_count(self.title, self.channels)

    def compute(self, context):
        import torch

        tail = context.tail
        activation = tail.activation[0]
        looked_at = sampled(len(activation), self.channels)
        whole = float(context.scores(tail.logits)[0])

        def removed():
            for k in looked_at:
                changed = activation.clone()
                changed[k] = activation[k].mean() if self.replacement == MEAN else 0
                yield changed

        scores = context.tail_scores(removed(), len(looked_at), "removing channel")
        weights = torch.zeros(len(activation), dtype=torch.float64)
        weights[looked_at] = whole - scores
        wide = activation.float() if activation.dtype.itemsize < 4 else activation
        notes = said(self.title, len(looked_at), len(activation)) + ((tail.note,) if tail.note else ())
        return Outcome(
            weighted_sum(weights.to(activation.device), wide),
            notes,
            {"channels": len(looked_at), "of_channels": len(activation), "bit_equal_tail": tail.exact},
            "no channel's removal changes the score",
        )
