"""What an entered method is given of a network: the module, its input, and the score that is to be explained."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class EnteredModel:
    """network: an ``nn.Module`` in eval mode, tensors ``[1, 1, K, J, I]`` to logits ``[1, classes, K, J, I]`` on the
    image's own voxels; its layers by name, ``network.get_submodule(layer)``.  classes: names in the order of the
    channels.  target, rival: the class that was drawn, and the one it could have been.
    """

    network: nn.Module
    classes: tuple[str, ...]
    target: int
    rival: int
    _model: object

    @classmethod
    def of(cls, model, target: int, rival: int) -> EnteredModel:
        return cls(model.networks[0], tuple(one.name for one in model.classes), target, rival, model)

    def input(self, image: Image) -> Tensor:
        """float32 ``[1, 1, K, J, I]``, as the network is meant to be fed; asks for gradients."""
        return self._model.prepare(image).tensor.float().requires_grad_()

    def score(self, logits: Tensor, pixel_set: PixelSet) -> Tensor:
        """The sum over the pixel set of the target's logit minus the rival's: what the benchmark asks about."""
        weights = torch.as_tensor(pixel_set.weights, dtype=logits.dtype)
        return ((logits[0, self.target] - logits[0, self.rival]) * weights).sum()
