"""Seg-FullGrad, complete for any network."""

from __future__ import annotations

from dataclasses import dataclass

from ...protocol.errors import MethodError
from .base import Balance, ContextMethod, Outcome, register

#: amounts without sign, as published; or signed, adding up to the score
ABS, SIGNED = "abs", "signed"


@register
@dataclass(frozen=True)
class SegFullGrad(ContextMethod):
    """Either way the completeness gap is stated.  Each cell's part is shared out among the voxels nearest to the cell
    (the paper interpolates and rescales each layer to [0, 1], which loses the amounts).  No layer is chosen: the map
    lies on the image.  It answers from the gradient at one point; saturated units take no part.
    """

    form: str = ABS

    name = "seg_full_grad"
    title = "Seg-FullGrad"
    paper = "Srinivas & Fleuret, NeurIPS 2019"
    at_input = True
    cost = "about 3 F + 1 full B; memory of the whole graph and one more tensor a normalisation"
    about = (
        "L = psi(x o dS/dx) + sum over operations of psi(i o dS/d out), i = the operation's generalised intercept. "
        "Srinivas & Fleuret, NeurIPS 2019, with the region's score in place of a class's. The paper takes the biases "
        "of convolutions and batch norms, which is complete for nets of those and ReLU only; here i = out - J in at "
        "every operation (:mod:`intercepts`), so S = <x, dS/dx> + sum <i, dS/d out> in every network, instance norm "
        'included. form: "abs", psi = absolute value before the channels are summed, as published (it says how much '
        'a place takes part, not for or against); or "signed", whose voxels add up to S.'
    )
    bibtex = """@inproceedings{srinivas2019fullgrad,
  author = {Srinivas, Suraj and Fleuret, Fran{\\c{c}}ois},
  title = {Full-Gradient Representation for Neural Network Visualization},
  booktitle = {Advances in Neural Information Processing Systems (NeurIPS)}, volume = {32}, year = {2019}
}"""

    def __post_init__(self):
        if self.form not in (ABS, SIGNED):
            raise MethodError(f"Seg-FullGrad gives 'abs' or 'signed', not {self.form!r}.", "Choose one of the two.")

    @property
    def unit(self):
        return None if self.form == SIGNED else "|logit|"

    @property
    def additive(self):
        return self.form == SIGNED

    def check(self, situation):
        import torch

        if any(isinstance(module, torch.jit.ScriptModule) for module in situation.network.modules()):
            raise MethodError(
                "Seg-FullGrad must see every operation, and this network is compiled TorchScript.",
                "Use its eager form, or another method.",
            )

    def compute(self, context):
        import torch

        from ..layers.intercepts import parts
        from ..layers.resample import shared_out

        context.tell(0.05, "running the network with all its intercepts")
        with context.on:
            score, own, pieces = parts(context.tensor, lambda x: context.per_item(_logits(context, x)).sum())
        context.forwards += 1
        context.tell(0.9, "adding up the intercepts")
        psi = abs if self.form == ABS else _same
        shape = tuple(context.tensor.shape[2:])
        total = psi(own[0]).sum(dim=0)
        by_input, by_operations, unplaced = float(own.cpu().double().sum()), 0.0, 0.0
        amounts = torch.zeros((), dtype=torch.float64)
        last_deepest = _last_deepest(pieces, own.ndim)
        for number, (_, piece) in enumerate(pieces):
            by_operations += float(piece.cpu().double().sum())
            amounts += piece.cpu().double().abs().sum()
            if piece.ndim == own.ndim and piece.shape[0] == 1:
                cells = psi(piece[0]).sum(dim=0).to(total.dtype)
                total += shared_out(cells, shape, *_place(context, cells.shape, number <= last_deepest))
            else:
                amount = psi(piece).sum()
                unplaced += float(psi(piece).abs().cpu().double().sum())
                total += (amount / total.numel()).to(total.dtype)
        notes = []
        if unplaced:
            share = unplaced / float(amounts)
            notes.append(
                f"{100 * share:.1f} % of the operations' amounts have no place in the image (tokens, gates) and were "
                "spread evenly."
            )
        facts = {"input_part": by_input, "operations_part": by_operations, "operations": len(pieces)}
        balance = Balance(
            "The image and every operation with an intercept", by_input + by_operations, float(score), "the score"
        )
        return Outcome(total, tuple(notes), facts, "every gradient is zero", balance)


def _logits(context, x):
    from ..passes.capture import as_logits

    return as_logits(context.network(x), context.classes)


def _same(tensor):
    return tensor


def _last_deepest(pieces, ndim):
    """Number of the last operation at the coarsest grid: behind it lies the decoder."""
    sizes = [p[0, 0].numel() if p.ndim == ndim else 0 for _, p in pieces]
    grids = [s for s in sizes if s > 1]
    return max((i for i, s in enumerate(sizes) if grids and s == min(grids)), default=len(pieces))


def _place(context, cells, encoder):
    """(starts, strides) of a grid: those of a listed layer with as many cells, on the same side if there is one."""
    size = context.tensor.shape[2:]
    alike = [layer for layer in context.listed if tuple(layer.cells) == tuple(cells)]
    side = [layer for layer in alike if (layer.part in ("encoder", "bottleneck")) == encoder]
    for layer in side or alike:
        return context.place(layer)
    strides = [n / c for n, c in zip(size, cells, strict=True)]
    return [(s - 1) / 2 for s in strides], strides
