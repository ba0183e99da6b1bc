"""The model's own prediction: label maps as .npy on the image's grid, with what there is of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...models import model_outputs
from ...protocol.requests import Predict
from ...session.prediction import label_maps, notes_on, predicted_labels
from . import answers

if TYPE_CHECKING:
    from ...protocol.progress import Tell
    from ..jobs import Jobs


@answers(Predict)
def predict(request: Predict, jobs: Jobs, tell: Tell) -> dict:
    (labels, seen), session, notes, cost = jobs.measured(request, tell, predicted_labels)
    image, model = session.image, session.model
    found = label_maps(labels, model.classes, image.grid)
    with jobs.writing() as save:
        maps = [{"array": save(array), "classes": told} for array, told in found]
    facts: dict = {"model": model.name, "model_kind": model.kind, "weights_sha256": model.weights_hash}
    facts |= session.output_facts | model_outputs.facts(model)
    facts |= {"axes": model.axes.to_json()} if model.axes else {}
    facts |= {"preprocessing": list(model.preprocessing)} if model.preprocessing else {}
    notes = [*notes, *seen, *notes_on(found, image.grid, labels.ndim == 3)]
    return {"maps": maps, "facts": facts | {"image_sha256": image.content_hash}, "notes": notes, "session": cost}
