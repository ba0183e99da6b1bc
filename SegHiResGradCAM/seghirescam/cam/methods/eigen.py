"""Eigen-CAM and its gradient-weighted kin: the direction in which a layer varies most."""

from __future__ import annotations

from dataclasses import dataclass

from ...protocol.errors import MethodError
from .base import ARBITRARY, Method, register


class _Eigen(Method):
    """L = X v, v the first right singular vector of X ``[N, K]`` (cells by channels), not centred unless asked."""

    unit = ARBITRARY

    def matrix(self, activation, gradient):
        """X transposed, ``[K, *cells]``."""
        raise NotImplementedError

    def map(self, activation, gradient, cell_mm):
        return projection(self.matrix(activation, gradient), self.centred)

    def check(self, situation):
        if situation.windows > 1:
            raise MethodError(
                f"{self.title} has no meaning for a model that averages {situation.windows} windows, mirrorings or "
                "folds: each would have a direction and a sign of its own.",
                "Use a method that is linear in the score, such as seg_hires_grad_cam.",
            )


@register
@dataclass(frozen=True)
class SegEigenCam(_Eigen):
    """The sign of v is arbitrary; here the cells add up to at least zero.  centred: subtract each channel's mean first
    (not in the paper).
    """

    centred: bool = False

    name = "seg_eigen_cam"
    title = "Eigen-CAM"
    paper = "Muhammad & Yeasin, IJCNN 2020"
    cost = "1 F + N K^2 (eigenvectors of the K x K Gram matrix)"
    about = (
        "L = A v, A as ``[N, K]`` (cells by channels), v its first right singular vector. Muhammad & Yeasin, IJCNN "
        "2020. It knows no class and no M: it shows what the layer is about, never why a class was chosen."
    )
    bibtex = """@inproceedings{muhammad2020eigencam,
  author = {Muhammad, Mohammed Bany and Yeasin, Mohammed},
  title = {{Eigen-CAM}: Class Activation Map using Principal Components},
  booktitle = {International Joint Conference on Neural Networks (IJCNN)}, year = {2020},
  doi = {10.1109/IJCNN48605.2020.9206626}
}"""

    def matrix(self, activation, gradient):
        return activation

    def remarks(self, activation, gradient):
        return ("Eigen-CAM looks at neither the class nor the pixel set: it is the same for every question.",)


@register
@dataclass(frozen=True)
class SegEigenGradCam(_Eigen):
    """Seg-Eigen-Grad-CAM."""

    centred: bool = False

    name = "seg_eigen_grad_cam"
    title = "Seg-Eigen-Grad-CAM"
    paper = "Gildenblat et al., pytorch-grad-cam 2021"
    cost = "1 F + 1 B + N K^2"
    about = (
        "L = X v with X = g o A, v its first right singular vector. Eigen-Grad-CAM of the pytorch-grad-cam library "
        "(Gildenblat et al. 2021), with the region's score. The sign is arbitrary; here the cells add up to at least "
        "zero, so that it cannot tell evidence for from evidence against. centred: subtract each channel's mean first "
        "(the library does)."
    )
    bibtex = """@misc{jacobgilpytorchcam,
  author = {Gildenblat, Jacob and contributors},
  title = {{PyTorch} library for {CAM} methods}, year = {2021}, publisher = {GitHub},
  howpublished = {https://github.com/jacobgil/pytorch-grad-cam}
}"""

    def matrix(self, activation, gradient):
        return gradient * activation


@register
@dataclass(frozen=True)
class SegEigenAbsCam(_Eigen):
    """The sign is arbitrary; here the cells add up to at least zero."""

    centred: bool = False

    name = "seg_eigen_abs_cam"
    title = "Seg-Eigen-CAM"
    paper = "Chung & Ying, Applied Sciences 2025"
    cost = "1 F + 1 B + N K^2"
    about = (
        "L = X v with X = |g| o A, v its first right singular vector. Seg-Eigen-CAM: Chung & Ying, Applied Sciences "
        "2025, 15(13), 7562. Weighted by how much a cell matters, not by its direction: places that speak for and "
        "against the class look alike."
    )
    bibtex = """@article{chung2025segeigencam,
  author = {Chung, Ching-Ting and Ying, Josh Jia-Ching},
  title = {{Seg-Eigen-CAM}: Eigen-Value-Based Visual Explanations for Semantic Segmentation Models},
  journal = {Applied Sciences}, volume = {15}, number = {13}, pages = {7562}, year = {2025},
  doi = {10.3390/app15137562}
}"""

    def matrix(self, activation, gradient):
        return gradient.abs() * activation


def projection(matrix, centred: bool = False):
    """X v ``[*cells]`` for X^T = ``[K, *cells]``, by the K x K Gram matrix in float64; its sum is >= 0.

    Non-finite values give a map of NaN (torch's eigh would raise); a zero matrix gives zeros.
    """
    import torch

    flat = matrix.flatten(1)
    if not torch.isfinite(flat).all():
        return torch.full_like(matrix[0], torch.nan)
    if centred:
        flat = flat - flat.mean(dim=1, keepdim=True)
    scale = flat.abs().max()
    if not scale > 0:
        return torch.zeros_like(matrix[0])
    # scaled so that squares neither overflow nor vanish; float64 because the Gram matrix squares the condition number
    where = "cpu" if flat.device.type == "mps" else flat.device  # which knows no float64
    gram = torch.zeros((len(flat), len(flat)), dtype=torch.float64, device=where)
    for part in flat.split(2**18, dim=1):
        part = (part / scale).to(gram.device, torch.float64)
        gram += part @ part.T
    direction = torch.linalg.eigh(gram).eigenvectors[:, -1]
    found = torch.tensordot(direction.to(flat.device, flat.dtype), flat, dims=1)
    return (-found if found.sum() < 0 else found).reshape(matrix.shape[1:])
