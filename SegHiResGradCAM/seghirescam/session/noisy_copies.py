"""SmoothGrad and its kin for every method: the same question about noisy copies of what the network is fed.

M is frozen: what the model predicts of the image itself is asked of all copies.  The noise is drawn by a generator of
its own, from the session's seed and the copy's number; it lies on the prepared volume before windows are cut from it,
so that what windows share they share here, too.  Padding gets none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..protocol.errors import MethodError
from ..protocol.explanation import Explanation
from ..protocol.question import SMOOTHGRAD, SQUARED, TITLES, Noise
from ..protocol.recipes import Segment
from ..protocol.value import Value
from .answer import status_of
from .several_draws import frozen_sets, same_answer

if TYPE_CHECKING:
    from ..models.segmentation_model import Prepared
    from ..protocol.progress import Progress
    from .understood import Understood

#: unit of squares and variances of maps
_ARBITRARY = "arbitrary"
#: name of a number beside a map: how far the copies' maps differ from their mean
NOISE_SPREAD = "noise_spread"


def over_noise(session: Any, question: Understood, noise: Noise, downstream: bool, tell: Progress) -> list[Explanation]:
    """The explanations of the image itself, their maps replaced by the average over noisy copies.

    smoothgrad: mean of L(x + e).  smoothgrad_squared: mean of L(x + e)^2.  vargrad: mean of L^2 minus the squared mean,
    as Captum's NoiseTunnel defines them.  Everything else, S and M too, is of the image without noise.
    Provenance: ``noise`` = {"kind", "samples", "sigma", "sigma_of_channels", "seed", "score_mean", "score_sd"}.
    Cost: one question more than there are copies.  Raises what one question raises.
    """
    steps = noise.samples + 1
    prepared = session.prepared()
    sigmas = sigma_of_channels(prepared, noise.sigma)  # what has no scale is refused before any pass
    clean = session.asked(question, tell.part(0, 1 / steps, "without noise: "), downstream)
    fixed = replace(question, recipes=tuple(Segment(pixels) for pixels in frozen_sets(session, question)))
    sums = {same_answer(one): _Sum(one) for one in clean}
    for n in range(noise.samples):
        other = session.sibling(session.seed)
        other._prepared = replace(prepared, tensor=noisy(prepared, sigmas, session.seed, n))
        part = tell.part((n + 1) / steps, (n + 2) / steps, f"noisy copy {n + 1} of {noise.samples}: ")
        try:
            for one in other.asked(fixed, part, downstream):
                if same_answer(one) in sums:
                    sums[same_answer(one)].add(one)
        finally:
            session.count(other.forward_calls)
            other.release()
    return [one.averaged(noise, sigmas, session.seed) for one in sums.values() if one.count == noise.samples]


def sigma_of_channels(prepared: Prepared, share: float) -> list[float]:
    """The noise of each channel in what the network is fed: a share of its range, padding left out.

    Raises MethodError where every channel is constant: there is nothing to scale the noise by.
    """
    inner = prepared.tensor[_inside(prepared)][0].flatten(1).double()
    spans = (inner.max(dim=1).values - inner.min(dim=1).values).tolist()
    if not any(span > 0 for span in spans):
        raise MethodError("The image is constant: noise has no scale in it.", "Ask without noise.")
    return [share * span for span in spans]


def noisy(prepared: Prepared, sigmas: list[float], seed: int, number: int) -> torch.Tensor:
    """A copy of the prepared tensor with white Gaussian noise; the same bits for the same seed and number."""
    draw = np.random.default_rng([seed, number])
    tensor, inside = prepared.tensor.clone(), _inside(prepared)
    shape = tuple(tensor[inside].shape)
    scale = np.array(sigmas).reshape(1, -1, *[1] * (len(shape) - 2))
    tensor[inside] += torch.from_numpy(draw.standard_normal(shape) * scale).to(tensor.dtype)
    return tensor


def _inside(prepared: Prepared) -> tuple:
    spatial = prepared.tensor.ndim - 2
    return (slice(None), slice(None), *(slice(n) for n in prepared.valid[3 - spatial :]))


class _Sum:
    """The answers about the copies, added up. clean: the answer about the image itself."""

    def __init__(self, clean: Explanation):
        self.clean, self.count, self.scores = clean, 0, list[float]()
        self._sum = np.zeros(clean.map.shape)
        self._squares = np.zeros(clean.map.shape)

    def add(self, one: Explanation) -> None:
        wide = one.map.astype(np.float64)
        self._sum += wide
        self._squares += wide * wide
        self.scores.append(one.score)
        self.count += 1

    def averaged(self, noise: Noise, sigmas: list[float], seed: int) -> Explanation:
        mean, squared = self._sum / self.count, self._squares / self.count
        variance = np.maximum(squared - mean * mean, 0)
        found = mean if noise.kind == SMOOTHGRAD else squared if noise.kind == SQUARED else variance
        found = found.astype(np.float32)
        size = float(np.sqrt(np.square(mean).sum()))
        share = float(np.sqrt(variance.sum())) / size if size else None
        status, reason = status_of(found, "the noisy copies' maps cancel out, or are zero,")
        if self.clean.status == "nonfinite":
            status, reason = self.clean.status, self.clean.reason
        scores = np.array(self.scores)
        title = TITLES[noise.kind]
        spread = "" if share is None else f" Single copies' maps differ from their mean by {100 * share:.3g} %."
        note = (
            f"{title}: over {noise.samples} noisy copies of the image, noise of {100 * noise.sigma:.3g} % of each "
            f"channel's range. The score is {self.clean.score:.4g} without noise, {scores.mean():.4g} on average with "
            f"it.{spread}"
        )
        if not noise.keeps_unit:
            note += " Squares have no sign and no unit of the score: the map shows where, not for or against."
        facts = {
            "kind": noise.kind, "samples": noise.samples, "sigma": noise.sigma, "sigma_of_channels": sigmas,
            "seed": seed, "score_mean": float(scores.mean()),
            "score_sd": float(scores.std(ddof=1)) if len(scores) > 1 else None,
        }  # fmt: skip
        numbers = {} if share is None else {NOISE_SPREAD: Value.of(share)}
        return replace(
            self.clean, map=found, status=status, reason=reason, notes=(*self.clean.notes, note),
            unit=self.clean.unit if noise.keeps_unit else _ARBITRARY, numbers=self.clean.numbers | numbers,
            provenance=self.clean.provenance | {"noise": facts},
        )  # fmt: skip
