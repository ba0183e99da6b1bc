"""Maps on the image itself, through Captum: what the CAM family is set against.

Their "layer" is the input.  Channels of the image are summed.  Captum is imported only when one of them runs.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass

from ...protocol.errors import DependencyError, MethodError
from .base import ARBITRARY, Balance, ContextMethod, Outcome, register

_NO_GRADIENT = "every gradient at the image is zero"


class _InputMethod(ContextMethod):
    """Base: the attribution ``[1, C, *spatial]`` of the score to the image, its channels summed."""

    at_input = True
    additive = True

    def check(self, situation):
        _captum()

    def compute(self, context):
        import torch

        from ..passes.scored_network import ScoredNetwork

        captum = _captum()
        context.tell(0.05, "differentiating the score to the image")
        image = context.tensor.detach().clone().requires_grad_()
        with torch.enable_grad(), context.on, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, notes, balance = self.attribute(captum, ScoredNetwork(context), image, context)
        facts = {"captum": captum.__version__}
        return Outcome(found.detach()[0].sum(dim=0), notes, facts, _NO_GRADIENT, balance)

    def attribute(self, captum, scores, image, context):
        """(attribution, notes, balance or None); scores: the network with the score behind it, ``[B]`` for a batch."""
        raise NotImplementedError


@register
@dataclass(frozen=True)
class Saliency(_InputMethod):
    """Noisy."""

    name = "saliency"
    title = "Saliency"
    paper = "Simonyan et al., ICLR Workshops 2014"
    unit = ARBITRARY
    additive = False
    cost = "1 F + 1 full B"
    about = (
        "L = sum over channels of |dS/dx|. Simonyan et al., ICLR Workshops 2014. Where a small change of a voxel "
        "changes the score most; not how much of the score comes from there, and not in which direction."
    )
    bibtex = """@inproceedings{simonyan2014saliency,
  author = {Simonyan, Karen and Vedaldi, Andrea and Zisserman, Andrew},
  title = {Deep Inside Convolutional Networks: Visualising Image Classification Models and Saliency Maps},
  booktitle = {ICLR Workshop Track}, year = {2014}
}"""

    def attribute(self, captum, scores, image, context):
        return captum.attr.Saliency(scores).attribute(image, abs=True), (), None


@register
@dataclass(frozen=True)
class InputXGradient(_InputMethod):
    """Input x gradient."""

    name = "input_x_gradient"
    title = "Input x gradient"
    paper = "Shrikumar et al., 2016"
    cost = "1 F + 1 full B"
    about = (
        "L = sum over channels of x dS/dx. Shrikumar et al., arXiv 1605.01713 (2016). A first-order share of the score "
        "for every voxel; voxels that are zero after normalisation get nothing, however much they matter."
    )
    bibtex = """@article{shrikumar2016inputxgradient,
  author = {Shrikumar, Avanti and Greenside, Peyton and Shcherbina, Anna and Kundaje, Anshul},
  title = {Not Just a Black Box: Learning Important Features Through Propagating Activation Differences},
  journal = {arXiv preprint arXiv:1605.01713}, year = {2016}
}"""

    def attribute(self, captum, scores, image, context):
        return captum.attr.InputXGradient(scores).attribute(image), (), None


class _ModifiedReLU(_InputMethod):
    """Base: gradients changed at every nn.ReLU module."""

    unit = ARBITRARY
    additive = False

    def check(self, situation):
        import torch

        if not any(isinstance(module, torch.nn.ReLU) for module in situation.network.modules()):
            raise MethodError(
                f"{self.title} changes the gradient at nn.ReLU modules, and this network has none (LeakyReLU and "
                "functional relu do not count).",
                "Use saliency, input_x_gradient or integrated_gradients.",
            )
        super().check(situation)

    def attribute(self, captum, scores, image, context):
        import torch

        kind = getattr(captum.attr, self.captum_name)
        with _out_of_place(context.network):
            found = kind(scores).attribute(image)
        others = {
            type(m).__name__
            for m in context.network.modules()
            if isinstance(m, (torch.nn.LeakyReLU, torch.nn.PReLU, torch.nn.ELU, torch.nn.GELU, torch.nn.SiLU))
        }
        notes = (f"It fails the weight randomisation test of Adebayo et al. (2018): {self.title} mostly shows edges.",)
        if others:
            notes += (f"Activations other than ReLU were left as they are: {', '.join(sorted(others))}.",)
        return found, notes, None


@register
@dataclass(frozen=True)
class GuidedBackpropagation(_ModifiedReLU):
    """Sharp pictures that hardly depend on the network's upper weights (Adebayo et al., NeurIPS 2018): no evidence."""

    name = "guided_backpropagation"
    title = "Guided backpropagation"
    paper = "Springenberg et al., ICLR Workshops 2015"
    captum_name = "GuidedBackprop"
    cost = "1 F + 1 full B"
    about = (
        "dS/dx with negative gradients cut off at every ReLU. Springenberg et al., ICLR Workshops 2015. For networks "
        "of nn.ReLU modules only."
    )
    bibtex = """@inproceedings{springenberg2015guided,
  author = {Springenberg, Jost Tobias and Dosovitskiy, Alexey and Brox, Thomas and Riedmiller, Martin},
  title = {Striving for Simplicity: The All Convolutional Net},
  booktitle = {ICLR Workshop Track}, year = {2015}
}"""


@register
@dataclass(frozen=True)
class Deconvolution(_ModifiedReLU):
    """It ignores which units were active, so it is no derivative of the score."""

    name = "deconvolution"
    title = "Deconvolution"
    paper = "Zeiler & Fergus, ECCV 2014"
    captum_name = "Deconvolution"
    cost = "1 F + 1 full B"
    about = (
        "dS/dx with the ReLU applied to the gradient instead of its own derivative. Zeiler & Fergus, ECCV 2014. For "
        "networks of nn.ReLU modules only."
    )
    bibtex = """@inproceedings{zeiler2014deconvolution,
  author = {Zeiler, Matthew D. and Fergus, Rob},
  title = {Visualizing and Understanding Convolutional Networks},
  booktitle = {European Conference on Computer Vision (ECCV)}, pages = {818--833}, year = {2014},
  doi = {10.1007/978-3-319-10590-1_53}
}"""


@register
@dataclass(frozen=True)
class IntegratedGradients(_InputMethod):
    """The way leads through images that are no images."""

    steps: int = 32
    baseline: str = "zero"

    name = "integrated_gradients"
    title = "Integrated gradients"
    paper = "Sundararajan et al., ICML 2017"
    cost = "steps (F + full B) + 2 F"
    slow = True
    about = (
        "L = sum over channels of (x - b) times the mean of dS/dx on the straight way from b to x. Sundararajan et "
        'al., ICML 2017. The voxels add up to S(x) - S(b) as steps grow; the gap that is left is stated. b: "zero" '
        '(after z-scoring the mean tissue) or "min" (each channel\'s smallest value).'
    )
    bibtex = """@inproceedings{sundararajan2017integrated,
  author = {Sundararajan, Mukund and Taly, Ankur and Yan, Qiqi},
  title = {Axiomatic Attribution for Deep Networks},
  booktitle = {International Conference on Machine Learning (ICML)}, pages = {3319--3328}, year = {2017}
}"""

    def __post_init__(self):
        if self.baseline not in ("zero", "min"):
            raise MethodError(
                f"Integrated gradients start from 'zero' or 'min', not {self.baseline!r}.", "Choose one of the two."
            )
        if not isinstance(self.steps, int) or self.steps < 1:
            raise MethodError(f"Integrated gradients need at least one step, got {self.steps!r}.", "32 are usual.")

    def attribute(self, captum, scores, image, context):
        start = image.new_zeros(image.shape)
        if self.baseline == "min":
            start += image.detach().flatten(2).min(dim=2).values.view(1, -1, *[1] * (image.ndim - 2))
        scores.steps = self.steps
        found = captum.attr.IntegratedGradients(scores).attribute(
            image, start, n_steps=self.steps, method="gausslegendre", internal_batch_size=context.together
        )
        difference = float(context.scores(context.logits)[0] - context.scores(context.forward(start.detach()))[0])
        total = float(found.detach().cpu().double().sum())
        rule = f"Integrated gradients from {self.baseline} in {self.steps} steps (Gauss-Legendre)"
        return found, (), Balance(rule, total, difference, "S(x) - S(baseline)")


@contextmanager
def _out_of_place(network):
    """Hooks on modules that work in place fail in autograd: their flag is off inside the block."""
    import torch

    changed = [m for m in network.modules() if isinstance(m, torch.nn.ReLU) and m.inplace]
    for module in changed:
        module.inplace = False
    try:
        yield
    finally:
        for module in changed:
            module.inplace = True


def _captum():
    """The library; raises DependencyError."""
    try:
        import captum
        import captum.attr  # noqa: F401 (loads the submodule)
    except ImportError as error:
        raise DependencyError(
            "Maps at the input level are computed by captum, which is not installed.", "Run: pip install captum"
        ) from error
    return captum
