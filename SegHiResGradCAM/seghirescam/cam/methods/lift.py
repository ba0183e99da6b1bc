"""Seg-LIFT-CAM, by layer integrated gradients."""

from __future__ import annotations

from dataclasses import dataclass

from ...protocol.errors import MethodError
from .base import ARBITRARY, Balance, ContextMethod, Outcome, register, weighted_sum

#: one weight a channel, as in the paper; or every cell's own contribution
CHANNELS, CELLS = "channels", "cells"
#: beyond this share of S(A) - S(0) the result warns
LARGE_GAP = 0.05


@register
@dataclass(frozen=True)
class SegLiftCam(ContextMethod):
    """Zero is a baseline the layer may never show, and behind instance norm, which undoes scaling, nearly everything
    happens close to it: the gap stays large there.
    """

    steps: int = 16
    form: str = CHANNELS

    name = "seg_lift_cam"
    title = "Seg-LIFT-CAM"
    paper = "Jung & Oh, ICCV 2021"
    cost = "2 F + (steps + 1) tail passes + steps backward passes"
    slow = True
    about = (
        "w_k = the contribution of channel k to S(A) - S(0), so that sum_k w_k = S(A) - S(0). Jung & Oh, ICCV 2021, "
        "with the region's score in place of a class's. The paper takes DeepLIFT's rescale rule, which has no rule for "
        "normalisation layers; here the contribution is the layer's integrated gradient from zero (Sundararajan et al. "
        "2017), w_k = sum_u A_k(u) mean_t dS/dA_k(u) at t A, midpoints t = (i - 1/2) / steps: the same in a linear "
        'tail, complete in every tail as steps grow, and the gap that is left is stated. form: "channels", L = sum_k '
        'w_k A_k, as in the paper (arbitrary unit); or "cells", every cell its own contribution (logit; the cells '
        "add up to S(A) - S(0) up to the gap)."
    )
    bibtex = """@inproceedings{jung2021liftcam,
  author = {Jung, Hyungsik and Oh, Youngrock},
  title = {Towards Better Explanations of Class Activation Mapping},
  booktitle = {IEEE/CVF International Conference on Computer Vision (ICCV)}, pages = {1336--1344}, year = {2021},
  doi = {10.1109/ICCV48922.2021.00137}
}"""

    def __post_init__(self):
        if self.form not in (CHANNELS, CELLS):
            raise MethodError(f"Seg-LIFT-CAM gives 'channels' or 'cells', not {self.form!r}.", "Choose one of the two.")
        if not isinstance(self.steps, int) or self.steps < 1:
            raise MethodError(f"Seg-LIFT-CAM needs at least one step, got {self.steps!r}.", "16 are usual.")

    @property
    def unit(self):
        return None if self.form == CELLS else ARBITRARY

    @property
    def additive(self):
        return self.form == CELLS

    def compute(self, context):
        import torch

        tail = context.tail
        a = tail.activation[0]
        wide = a.float() if a.dtype.itemsize < 4 else a
        mean = torch.zeros_like(wide)
        for i in range(self.steps):
            context.tell(i / self.steps, f"integrating, step {i + 1} of {self.steps}")
            point = (tail.activation * ((i + 0.5) / self.steps)).detach().requires_grad_()
            with torch.enable_grad():
                total = context.per_item(tail(point)).sum()
            (gradient,) = torch.autograd.grad(total, point)
            mean += gradient[0].to(mean.dtype) / self.steps
        contributions = mean.mul_(wide)
        with torch.no_grad():
            start = float(context.scores(tail(tail.activation.new_zeros(tail.activation.shape)))[0])
        difference = float(context.scores(tail.logits)[0]) - start
        found = contributions.flatten(1).cpu().double().sum(dim=1)
        signed = contributions.sum(dim=0) if self.form == CELLS else weighted_sum(found.to(wide.device), wide)
        balance = Balance(
            f"Integrated gradients from zero in {self.steps} steps (midpoints)",
            float(found.sum()), difference, "S(A) - S(0)",
        )  # fmt: skip
        notes = (tail.note,) if tail.note else ()
        if not abs(balance.gap) <= LARGE_GAP:
            notes += ("The contributions are not settled: take more steps, or another method at this layer.",)
        return Outcome(
            signed,
            notes,
            {"bit_equal_tail": tail.exact},
            "the activation, or every gradient on the way from zero, is zero",
            balance,
        )

    def settings(self):
        return super().settings() | {"rule": "layer integrated gradients, baseline zero"}
