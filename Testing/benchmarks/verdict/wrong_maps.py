"""Maps that do not explain the question they are sent with: the kinds whose being called supported is a miss."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from seghirescam.evaluation.metrics import baselines
from seghirescam.protocol.grid import Grid

from .subjects import Subject

ANOTHER_NETWORK, ANOTHER_CASE, SHUFFLED = "another network's map", "another case's map", "shuffled, same spectrum"
EDGES, PAINTED, PROBABILITY = "edges of the image", "painted prediction", "probability for logit"
KINDS = (ANOTHER_NETWORK, ANOTHER_CASE, SHUFFLED, EDGES, PAINTED, PROBABILITY)


def wrong_maps(subject: Subject, right, kinds=KINDS) -> Iterator[tuple[str, np.ndarray, Grid]]:
    """(kind, values ``[K, J, I]``, their grid). right: the explanation that the question has."""
    grid = subject.image.grid
    for kind in kinds:
        if kind in (ANOTHER_NETWORK, ANOTHER_CASE):
            ask = subject.another_network if kind == ANOTHER_NETWORK else subject.another_case
            other = ask() if ask else None
            found = None if other is None else other.explained()
            if found is not None and found.status == "ok":
                # carried over as it is: another case's map shows where things were there
                yield kind, found.map, right.grid if found.map.shape == right.map.shape else found.grid
        elif kind == SHUFFLED:
            cells = np.asarray(right.map)
            if (cells > 0).any():
                yield kind, baselines.blur_matched_random(cells, right.grid, subject.case), right.grid
        elif kind == EDGES:
            yield kind, baselines.edges(subject.image.array, grid), grid
        elif kind == PAINTED:
            yield kind, baselines.paint_the_prediction(subject.pixels.on(grid)), grid
        else:
            yield kind, of_probability(subject, right.layer.name), right.grid


def of_probability(subject: Subject, layer: str) -> np.ndarray:
    """Seg-HiRes-Grad CAM of the sum over M of the class's softmax probability; plain autograd, on the layer's cells."""
    network, prepared = subject.model.networks[0], subject.model.prepare(subject.image)
    kept = []
    handle = dict(network.named_modules())[layer].register_forward_hook(
        lambda m, i, o: kept.append(_leaf(o)) or kept[0]
    )
    try:
        logits = network(prepared.tensor)
    finally:
        handle.remove()
    weights = torch.as_tensor(subject.pixels.on(prepared.grid).weights, dtype=logits.dtype)
    index = subject.model.class_index(subject.words["class_index"])
    values = torch.softmax(logits, 1)[0, index]
    (gradient,) = torch.autograd.grad((values * weights.reshape(values.shape)).sum(), kept[0])
    cells = (kept[0] * gradient).sum(1)[0].detach().numpy()
    return cells.reshape((1, *cells.shape)[-3:]) if cells.ndim == 2 else cells


def _leaf(tensor):
    return tensor.detach().clone().requires_grad_(True)
