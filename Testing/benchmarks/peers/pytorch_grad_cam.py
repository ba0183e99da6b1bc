"""pytorch-grad-cam with its SemanticSegmentationTarget, as its segmentation tutorial shows."""

import sys
import types

from agreement import SIGNED
from rows import HIRES

from . import Prepared


def _stub_torchvision():
    """It imports torchvision for 2D helpers that are not used here; no build of it matches this torch."""
    vision, transforms = types.ModuleType("torchvision"), types.ModuleType("torchvision.transforms")
    functional = types.ModuleType("torchvision.transforms.functional")
    transforms.Compose = transforms.Normalize = transforms.ToTensor = functional.resize = object
    vision.transforms, transforms.functional = transforms, functional
    sys.modules.update(
        {"torchvision": vision, "torchvision.transforms": transforms, "torchvision.transforms.functional": functional}
    )


def prepare(case, row, layers):
    _stub_torchvision()
    from pytorch_grad_cam import GradCAM, HiResCAM
    from pytorch_grad_cam.utils.model_targets import SemanticSegmentationTarget

    (name,) = layers
    layer = case.network.get_submodule(name)
    method = HiResCAM if row.method == HIRES else GradCAM
    targets = [SemanticSegmentationTarget(case.class_index, case.mask.numpy())]

    def call():
        with method(model=case.network, target_layers=[layer]) as cam:
            return cam(input_tensor=case.image, targets=targets)

    def maps(_):
        with method(model=case.network, target_layers=[layer]) as cam:
            cam(input_tensor=case.image, targets=targets)
            seen = cam.activations_and_grads
            activation, gradient = seen.activations[0].numpy(), seen.gradients[0].numpy()
            return {name: cam.get_cam_image(case.image, layer, targets, activation, gradient, False)}

    return Prepared(call, maps, SIGNED, "torchvision stubbed")
