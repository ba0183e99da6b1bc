"""Two models on one case: the sets on which they disagree as a label map, both models' maps of each, numbers."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...comparison.two_models.disagree import disagree_in
from ...comparison.two_models.disagreement import Disagreement
from ...models import recognise
from ...protocol.image import Image
from ...protocol.requests import Disagree
from ...session.devices import move
from ...session.opening import open_session
from ..results import written
from . import answers

if TYPE_CHECKING:
    from ...models.segmentation_model import SegmentationModel
    from ...protocol.explanation import Explanation
    from ...protocol.progress import Tell
    from ...session.interface import Session
    from ..jobs import Jobs

#: of the progress, what computing takes; the rest is measuring the maps
_COMPUTED = 0.9


@answers(Disagree)
def disagree(request: Disagree, jobs: Jobs, tell: Tell) -> dict:
    work = lambda session, tell: _asked(session, request, tell)  # noqa: E731
    (found, rows, maps), _, notes, cost = jobs.measured(request, tell, work)
    told = [f"{side}: {note}" for side, own in zip("AB", found.notes, strict=True) for note in own]
    with jobs.writing() as save:
        explanations = written(maps, notes, save)
        sets = [{"array": save(_labels(found)), "classes": _classes(found)}]
    about = {"dice": found.dice, "models": list(found.models), "classes": list(found.classes)}
    return {
        "disagreement": about | {"passes": list(found.passes)},
        "rows": rows,
        "explanations": explanations,
        "maps": sets,
        "notes": [*notes, *told],
        "session": cost,
    }


def _asked(session: Session, request: Disagree, tell: Tell) -> tuple[Disagreement, list[dict], list[Explanation]]:
    """(what was found, the table's rows, the maps that travel); the second model is let go afterwards."""
    tell(0.0, "opening the second model")
    model = recognise(request.second_model).open(request.second_model, consent=request.second_consent_sha256 or False)
    for network in model.networks:
        move(network, session.device)
    image = channels_for(model, session.model, session.image)
    second = open_session(model, image, **asdict(session.settings))
    words: dict[str, Any] = {"method": request.method, "layers": request.layers, "score": request.score}
    words = {name: value for name, value in words.items() if value is not None}
    rivals = None
    if request.rival is not None:
        rivals = [request.rival, request.rival if request.second_rival is None else request.second_rival]
    own = request.class_index if request.second_class is None else request.second_class
    try:
        found = disagree_in(
            [session, second], class_index=[request.class_index, own], rival=rivals,
            progress=lambda done, phase: tell(_COMPUTED * done, phase), **words,
        )  # fmt: skip
    finally:
        second.release()
    return (found, *_measured(found, request, tell))


def channels_for(model: SegmentationModel, first: SegmentationModel, image: Image) -> Image:
    """The first model's image as another takes it: channels of the same names in its own order, others as they are."""
    names, wanted = [[name.strip().lower() for name in one.channels] for one in (first, model)]
    if names == wanted or sorted(names) != sorted(wanted) or len(set(names)) < len(names):
        return image
    order = [names.index(name) for name in wanted]
    headers = tuple(image.headers[n] for n in order) if len(image.headers) == len(order) else image.headers
    return replace(image, array=np.ascontiguousarray(image.array[order]), headers=headers)


def _measured(found: Disagreement, request: Disagree, tell: Tell) -> tuple[list[dict], list[Explanation]]:
    rows: list[dict] = []
    maps: list[Explanation] = []
    for n, one in enumerate(found.sets):
        tell(_COMPUTED + (1 - _COMPUTED) * n / len(found.sets), "measuring the maps")
        if not one.asked:
            rows.append(found.facts(one) | {"map": None, "left_out": ""})
        for side, asked in enumerate(one.asked):
            row, answer = found.facts(one, side) | {"map": None, "left_out": ""}, asked.explanation
            if answer is not None and request.most_cells is not None and answer.map.size > request.most_cells:
                size = f"{answer.map.size / 1e6:.3g} million cells"
                row["left_out"] = f"The map has {size} and was left out: 'seghirescam disagree' writes it."
            elif answer is not None:
                row["map"] = len(maps)
                maps.append(answer)
            rows.append(row)
    return rows, maps


def _labels(found: Disagreement) -> np.ndarray:
    """uint8 [K, J, I]: the sets share no voxel; 1, 2, 3 in their order."""
    labels = np.zeros(found.grid.shape, np.uint8)
    for value, one in enumerate(found.sets, start=1):
        labels[one.mask] = value
    return labels


def _classes(found: Disagreement) -> list[dict]:
    """As of :func:`prediction.label_maps`."""
    return [
        {
            "index": value, "name": one.title, "value": value, "voxels": one.size.voxels, "ml": one.size.ml,
            "share_of_image": one.size.share, "size": one.words(found.grid),
        }
        for value, one in enumerate(found.sets, start=1)
    ]  # fmt: skip
