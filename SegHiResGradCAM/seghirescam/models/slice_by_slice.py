"""A 2D network on a volume: slice by slice along K, each slice exactly as if it had been given alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..protocol.errors import ImageError
from ..protocol.image import Image
from .intensity_note import of_slices
from .segmentation_model import Prepared, SegmentationModel, Windows


def by_slices(model: SegmentationModel, image: Image) -> SegmentationModel:
    """The model itself, or for a 2D network without windows of its own and a volume a :class:`SliceBySlice`."""
    if model.spatial_dims != 2 or model.windows is not None or image.grid.shape[0] == 1:
        return model
    return SliceBySlice(model)


class SliceBySlice(SegmentationModel):
    """A 2D model whose windows are the slices of a volume.

    Every slice goes through the model's own ``prepare`` (normalisation and padding included), so that its logits are
    those of the single slice, and the maps of methods that are local are, too; methods that average over the whole
    image average over the whole volume.  Only slices that meet the pixel set are run for a map.
    """

    def __init__(self, model: SegmentationModel):
        self.model = model
        self.name, self.kind = model.name, model.kind
        self.activation, self.head_stated = model.activation, model.head_stated
        self.classes, self.channels, self.networks = model.classes, model.channels, model.networks
        self.output, self.preprocessing = model.output, model.preprocessing
        self.score_unit, self.grey_as_colour = model.score_unit, model.grey_as_colour
        self.spatial_dims, self.loading = 2, model.loading
        self.fold_names, self.previewed_as, self.preview = model.fold_names, model.previewed_as, model.preview
        # the slices' size is known once the first is prepared; the sessions ask for it after that
        self.windows = Windows((1, 1, 1), _each_slice, np.ones((1, 1, 1), np.float32))

    @property
    def weights_hash(self) -> str:
        return self.model.weights_hash

    @property
    def head(self) -> str:
        """The 2D model's, which may be settled after this was made."""
        return self.model.head

    @head.setter
    def head(self, head: str) -> None:
        self.model.head = head

    @property
    def axes(self):
        return self.model.axes

    def with_networks(self, networks) -> SliceBySlice:
        other = super().with_networks(networks)
        other.model = self.model.with_networks(other.networks)
        return other

    def prepare(self, image: Image) -> Prepared:
        """Raises what the model's own ``prepare`` raises, and ImageError where its slices do not stack to a volume."""
        import torch

        self.check(image)
        tensors, notes, first = [], [], None
        for k in range(image.grid.shape[0]):
            one = image.grid.strided((1, 1, 1), (k, 0, 0), (1, *image.grid.shape[1:]))
            found = self.model.prepare(Image(image.array[:, k : k + 1], one))
            first = first or found
            expected = replace(first.grid, ijk_to_ras=first.grid.ijk_to_ras + _step(image.grid, k))
            if found.grid.shape[0] != 1 or not found.grid.same_as(expected):
                raise ImageError(
                    "The slices this 2D model makes of the volume do not lie one behind the other.",
                    "Give single slices (K = 1).",
                )
            tensors.append(found.tensor)
            notes.append(found.notes)
        tensor = torch.stack(tensors, dim=2)
        size = (1, *tensor.shape[3:])
        self.windows = Windows(size, _each_slice, np.ones(size, np.float32))
        matrix = first.grid.ijk_to_ras.copy()
        matrix[:3, 2] = image.grid.ijk_to_ras[:3, 2]
        grid = replace(first.grid, shape=tuple(tensor.shape[2:]), ijk_to_ras=matrix)
        return Prepared(tensor, grid, (len(tensors), *first.valid[1:]), of_slices(notes, tensor))

    def labels_on_input(self, logits: np.ndarray, prepared: Prepared, image: Image) -> np.ndarray:
        """Where the 2D model has a way back of its own, slice by slice by that one."""
        if type(self.model).labels_on_input is SegmentationModel.labels_on_input:
            return super().labels_on_input(logits, prepared, image)
        found = []
        for k in range(image.grid.shape[0]):
            grid = image.grid.strided((1, 1, 1), (k, 0, 0), (1, *image.grid.shape[1:]))
            one = Image(image.array[:, k : k + 1], grid)
            found.append(self.model.labels_on_input(logits[:, k : k + 1], prepared, one))
        return np.concatenate(found, axis=-3)


def _each_slice(shape) -> list[tuple[int, int, int]]:
    return [(k, 0, 0) for k in range(shape[0])]


def _step(grid, k):
    """What ``k`` slices add to an affine."""
    step = np.zeros((4, 4))
    step[:3, 3] = k * grid.ijk_to_ras[:3, 2]
    return step
