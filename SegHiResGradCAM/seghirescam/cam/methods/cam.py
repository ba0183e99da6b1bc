"""CAM, where a segmentation network has it: in front of a linear head."""

from __future__ import annotations

from dataclasses import dataclass

from ...protocol.errors import MethodError
from .base import ContextMethod, Outcome, register, weighted_sum


@register
@dataclass(frozen=True)
class Cam(ContextMethod):
    """For a segmentation network L is the class logit minus its bias: an honest limit case that explains nothing beyond
    the logit.  It knows no M.  crop: keep only M (layers of the output's resolution); this is Seg-HiRes-Grad CAM
    there.
    """

    crop: bool = False

    name = "cam"
    title = "CAM"
    paper = "Zhou et al., CVPR 2016"
    cost = "1 F"
    about = (
        "L(u) = sum_k w_ck A_k(u), w the weights of the 1x1 head that the layer feeds. Zhou et al., CVPR 2016. Only in "
        "front of the head of the logits or of a deep-supervision head."
    )
    bibtex = """@inproceedings{zhou2016cam,
  author = {Zhou, Bolei and Khosla, Aditya and Lapedriza, Agata and Oliva, Aude and Torralba, Antonio},
  title = {Learning Deep Features for Discriminative Localization},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)}, pages = {2921--2929},
  year = {2016}, doi = {10.1109/CVPR.2016.319}
}"""

    @property
    def additive(self):
        return self.crop

    def check(self, situation):
        from ..layers.head_wiring import head_of

        if not situation.score.linear:
            raise MethodError(
                "CAM weighs by the head's weights, which exist for scores that are linear in the logits only.",
                "Use the score 'logit' or 'contrast'.",
            )
        if situation.windows > 1 and not self.crop:
            raise MethodError(
                "CAM of a model that averages windows, mirrorings or folds is the fused logit minus its bias.",
                "Look at the logits (predict), or use Cam(crop=True), whose windows add up.",
            )
        layer = situation.layer
        if layer is None:
            return
        size = tuple(situation.shape[2:])
        if head_of(
            situation.network, layer, situation.shape, situation.classes, situation.dtype, situation.device
        ) is None:  # fmt: skip
            raise MethodError(
                f"CAM needs a layer that feeds a linear 1x1 head, and '{layer.name}' does not.",
                "Choose the last layer before the head, or Seg-HiRes-Grad CAM, which works at every layer.",
            )
        if self.crop and tuple(layer.cells) != size:
            raise MethodError(
                f"The layer '{layer.name}' is coarser than the output; CAM cannot be cropped to the pixel set there.",
                "Use crop=False, or the layer before the head of the logits.",
            )

    def compute(self, context):
        from ..layers.head_wiring import head_of

        activation = context.activation[0]
        wide = activation.float() if activation.dtype.itemsize < 4 else activation
        name = head_of(
            context.network, context.layer, context.tensor.shape, context.classes, context.tensor.dtype,
            context.tensor.device,
        )  # fmt: skip
        head = context.network.get_submodule(name)
        weight = head.weight.detach().flatten(1).to(wide.dtype)  # [classes, K]
        # a linear score of the head's columns: one number a channel (BINARY: the sign of class 0 is in it)
        per_channel = context.score.values(weight.T[:, :, None], context.head)[:, 0]
        signed = weighted_sum(per_channel, wide)
        if self.crop:
            signed = signed * context.weights.to(signed.dtype)
        notes = () if self.crop else ("CAM knows no pixel set: it is the class logit minus its bias, everywhere.",)
        if signed.shape != context.logits.shape[2:]:
            notes += (f"'{name}' is a deep-supervision head: its logits, not the network's.",)
        return Outcome(signed, notes, {"head": name}, "the head's weights or the activation are zero")
