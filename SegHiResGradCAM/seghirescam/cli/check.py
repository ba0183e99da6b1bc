"""Is the model fed as it is meant to be? Its prediction against a segment, with one thing changed at a time."""

from __future__ import annotations

from collections.abc import Sequence

from ..protocol.errors import ClassError
from ..protocol.explanation import ClassInfo
from .console import table
from .inputs import Opened, add_device, add_model_and_image, class_word

HELP = "Tell whether a model is fed as it is meant to be, by a segment that it should draw."
MORE = """Compares the model's prediction with the segment (Dice): as its description states it, and with the order of
axes, head and activation, normalisation and orientation changed one at a time. Says which fits best and what to write
into the description. Changes nothing. Every line is one prediction: it says first how many there will be."""
EXAMPLE = "seghirescam check demo:honest --image demo:case --segment demo:case:Lesion"


def add_arguments(parser) -> None:
    from .question_options import add_question

    add_model_and_image(parser)
    add_question(parser, only=("class_name",))
    add_device(parser)


def run(options, console) -> int:
    from ..io.segments_on_images import on_image, read_segment

    if not options.segment:
        raise ClassError("A check needs a segment that the model should draw.", "Add --segment LABELMAP:NAME.")
    segment = read_segment(options.segment)
    opened = Opened(options, console, classes=[options.class_name] if options.class_name else [])
    index = _class_index(options, segment.label, opened.model.classes)
    segment = on_image(options.segment, segment, opened.image, opened.rule)
    found, notes = opened.on_some_device(lambda: _checked(opened, segment, index, console))
    for note in dict.fromkeys((*segment.notes, *notes, *found.notes)):
        console.note(note)
    console.answer(found.to_json(), f"{_rows(found)}\n\n{_not_tried(found)}{found.verdict.sentence}")
    return 0


def _checked(opened, segment, index, console):
    # only now: it loads torch
    from ..evaluation.feeding.check import check_feeding, planned
    from ..models.descriptions.description_file import TOML

    most = planned(opened.model, opened.image)
    console.note(f"Up to {most} predictions of the whole image are made; Ctrl-C ends it.")
    settings = opened.settings | {"device": opened.options.device}
    toml = str(opened.options.model).endswith(TOML)
    for network in opened.model.networks:
        network.to(opened.options.device)
    return check_feeding(opened.model, opened.image, segment, index, console.progress, toml=toml, **settings)


def _class_index(options, label: str, classes: Sequence[ClassInfo]) -> int:
    """The class that was named, else the one called as the segment, else the only one that is not the background."""
    if options.class_name:
        word = class_word(options.class_name, classes)
        return next(c.index for c in classes if word == c.index or str(word).strip().lower() == c.name.lower())
    named = [c for c in classes if f"'{c.name.lower()}'" in label.lower() or c.name.lower() == label.lower()]
    objects = [c for c in classes if c.index != 0] if len(classes) > 1 else list(classes)
    if len(named) == 1 or len(objects) == 1:
        return (named or objects)[0].index
    listed = ", ".join(f"{c.index} = {c.name}" for c in classes)
    raise ClassError("No class of the model is called as the segment is.", f"Add --class, one of: {listed}.")


def _rows(found):
    rows = [("changed", "to", "Dice", "predicted voxels", "")]
    for row in found.rows:
        told = "" if row.dice is None else f"{row.dice:.3f}"
        remark = f"same input as '{row.same_as}'" if row.same_as else row.reason
        rows.append((row.kind or "nothing", "" if not row.kind else row.name, told, str(row.voxels), remark))
    return table(rows)


def _not_tried(found):
    if not found.fixed:
        return ""
    return f"Not tried, because the model's own loader decides it: {', '.join(found.fixed)}.\n"
