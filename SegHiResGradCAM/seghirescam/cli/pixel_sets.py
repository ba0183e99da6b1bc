"""What M is on the model's grid, and how large what was predicted for it."""

from __future__ import annotations

import numpy as np

from ..protocol.pixel_set import PixelSet
from ..protocol.recipes import Recipe, View, refuse_empty
from ..protocol.sizes import Size


def resolve(session, recipes: list[Recipe], class_index: int, progress, sizes: dict | None = None) -> list[PixelSet]:
    """Each recipe's M on the model grid, the prediction made at most once. Raises EmptyPixelSetError, PixelSetError.

    sizes: gets the :class:`sizes.Size` of each predicted class that was looked at, by its name.
    """
    model, prepared = session.model, session.prepared()
    predictions: dict[int, np.ndarray] = {}

    def decided(index):
        if index not in predictions:
            found = session.predict(index, progress)
            predictions[index] = found.weights > 0
            if sizes is not None:
                sizes[model.class_name(index)] = Size.of_set(found, prepared.valid)
        return predictions[index]

    view = View(prepared.grid, prepared.valid, class_index, model.class_name(class_index), decided)
    # what needs no prediction is refused before there is one
    order = sorted(range(len(recipes)), key=lambda n: recipes[n].needs_prediction)
    found = {n: refuse_empty(recipes[n].resolve(view)) for n in order}
    return [found[n] for n in range(len(recipes))]
