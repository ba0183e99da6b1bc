"""MONAI GradCAM: expects a classifier, so the network is wrapped to return the sums over M."""

from monai.visualize import GradCAM

from agreement import RECTIFIED
from case import MaskedScores

from . import Prepared


def prepare(case, row, layers):
    (name,) = layers
    cam = GradCAM(nn_module=MaskedScores(case), target_layers=f"network.{name}")

    def maps(_):
        return {name: cam.compute_map(case.image, class_idx=case.class_index).detach().numpy()}

    return Prepared(lambda: cam(case.image, class_idx=case.class_index), maps, RECTIFIED)
