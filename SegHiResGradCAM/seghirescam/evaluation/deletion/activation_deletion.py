"""Deletion inside the network: the layer's own cells are masked in the map's order and only the tail is run again.

No image off the manifold, no resampling: it tests exactly what a map at that layer claims.  Where what lies behind the
layer is linear, the deletion curve of Seg-HiRes-Grad CAM is 1 minus the share of the map that was removed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager

import numpy as np
import torch

from ...cam.isolation.finite import doubled, inside_only
from ...cam.isolation.network_place import placed
from ...cam.isolation.undisturbed import undisturbed
from ...cam.layers.listing import listed_layers
from ...cam.layers.tail import Tail
from ...cam.logits.score import Score, decide
from ...models.model_outputs import output_channels, reading_of
from ...models.segmentation_model import SegmentationModel
from ...models.slice_by_slice import by_slices
from ...protocol.errors import LayerError, MethodError
from ...protocol.explanation import Explanation
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress
from ...session.answer import public_layer
from ...session.layer_choice import choose_layers
from ..painting.painting_over import region_on
from .deletion_curves import Curve, Point, Probe, deletion_curve, insertion_curve
from .gains import Gain, gain_over_random

ZERO, MEAN = "zero", "mean"


class LayerProbe(Probe):
    """The cells of one layer are what is removed; made by :func:`layer_probe`.  note: from the tail, "" if exact.

    drawn: the share of M where the network chooses the score's class.
    """

    def __init__(self, tail: Tail, shape, weights: torch.Tensor, score: Score, head: str, fill: str):
        super().__init__(np.ones(int(np.prod(shape))))
        self.shape, self.note, self.unit = tuple(shape), tail.note, score.unit
        self._tail, self._weights, self._score, self._head = tail, weights, score, head
        a = tail.activation
        self._total = float(weights.sum())
        self._inside = (slice(None), slice(None), *(slice(n) for n in self.shape[3 - (a.ndim - 2) :]))
        mean = a[self._inside].mean(dim=tuple(range(2, a.ndim)), keepdim=True)
        self._fill = mean if fill == MEAN else torch.zeros_like(mean)
        chosen = decide(inside_only(tail.logits, weights), score.class_index, head)[0]
        self.drawn = float(weights[chosen.reshape(weights.shape)].sum()) / self._total

    @property
    def runs(self) -> int:
        """Calls of the network so far."""
        return self._tail.runs

    def values(self, evidence):
        """evidence: an Explanation at this layer, or its map ``[K, J, I]`` on the layer's cells (padding cut off)."""
        cells = np.asarray(evidence.map if isinstance(evidence, Explanation) else evidence, dtype=np.float64)
        if cells.shape != self.shape:
            raise LayerError(
                f"The map has {cells.shape} cells, the layer {self.shape}.", "Give a map that was made at this layer."
            )
        return np.maximum(cells, 0).reshape(-1)

    def _look(self, removed, progress):
        progress(0.0, "running the tail")
        activation = self._tail.activation.clone()
        inner = activation[self._inside]
        mask = torch.as_tensor(removed, device=inner.device).reshape(inner.shape[2:])
        activation[self._inside] = torch.where(mask, self._fill, inner)
        with torch.inference_mode(False), torch.no_grad():
            logits = self._tail(activation)
        logits = logits.float() if logits.dtype.itemsize < 4 else logits
        values = self._score.values(inside_only(logits, self._weights), self._head)[0]
        return Point(float(doubled(values, self._weights).sum(dtype=torch.float64)) / self._total)


@contextmanager
def layer_probe(
    model: SegmentationModel,
    image: Image,
    pixel_set: PixelSet,
    score: Score,
    layer: str,
    *,
    fill: str = ZERO,
    device: str | None = None,
    progress: Callable[[float, str], None] | None = None,
):
    """Yields a :class:`LayerProbe`; the network is borrowed until the block ends.

    layer: a name, or "default" or "deepest".  fill: "zero", or "mean" of each channel over the cells.
    Raises MethodError for a model that averages windows, mirrorings or folds: it has no one tail; EmptyPixelSetError,
    PixelSetError, LayerError.  Cost: one recording pass and a check (two more, once a network and layer).
    """
    tell = Progress(progress)
    if fill not in (ZERO, MEAN):
        raise MethodError(f"Unknown filling {fill!r}.", "Use 'zero' or 'mean'.")
    model = by_slices(model, image)
    if model.windows is not None or len(model.networks) != 1:
        raise MethodError(
            "Activation deletion re-runs the tail of one network in one piece; this model averages windows, mirrorings "
            "or folds.",
            "Use deletion on the image.",
        )
    (network,) = model.networks
    tell(0.0, "preparing the image")
    prepared, dims = model.prepare(image), model.spatial_dims
    pixels = region_on(pixel_set, prepared.grid)
    borrowed = undisturbed(network), placed(network, device), reading_of(model).on(network)
    with torch.inference_mode(False), borrowed[0], borrowed[1] as (where, _), borrowed[2]:
        listed = listed_layers(network, prepared.tensor, where)
        (target, *_), _ = choose_layers(listed, layer, pixels, dims)
        with tell.during(network, 0.1, 1.0, "recording what lies before the layer"):
            tail = Tail(network, prepared.tensor.to(where, copy=True), target.name, channels=output_channels(model))
        info = public_layer(target, prepared, dims)
        shape = info.cells
        if prepared.valid != prepared.grid.shape:
            # as the map is cut (answer.py): cells that lie wholly in the padding
            shape = tuple(min(n, -(-v // s)) for n, v, s in zip(shape, prepared.valid, info.stride, strict=True))
        inside = np.zeros(prepared.grid.shape)
        inside[tuple(slice(n) for n in prepared.valid)] = 1
        weights = torch.as_tensor(pixels.weights * inside, dtype=torch.float64, device=where)
        yield LayerProbe(tail, shape, weights if dims == 3 else weights[0], score, model.head, fill)


def activation_curve(
    model: SegmentationModel,
    image: Image,
    pixel_set: PixelSet,
    score: Score,
    explanation: Explanation,
    *,
    insertion: bool = False,
    **settings,
) -> Curve:
    """The curve of one map at its own layer; see :func:`layer_probe` for what is raised.

    settings: fill, device and progress of :func:`layer_probe`, and those of :func:`deletion_curves.deletion_curve`.
    """
    curve = insertion_curve if insertion else deletion_curve
    return _at_its_layer(curve, (model, image, pixel_set, score), explanation, **settings)


def activation_gain(
    model: SegmentationModel, image: Image, pixel_set: PixelSet, score: Score, explanation: Explanation, **settings
) -> Gain:
    """:func:`activation_curve` against random orders of the cells; settings: also those of :func:`gain_over_random`."""
    return _at_its_layer(gain_over_random, (model, image, pixel_set, score), explanation, **settings)


def _at_its_layer(measure, case, explanation, *, fill=ZERO, device=None, progress=None, **words):
    tell, layer = Progress(progress), explanation.layer.name
    with layer_probe(*case, layer, fill=fill, device=device, progress=tell.part(0.0, 0.3)) as probe:
        return measure(probe, explanation, progress=tell.part(0.3, 1.0), **words)
