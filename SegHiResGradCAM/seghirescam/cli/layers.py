"""The layers that can be explained, and which one would be taken by default."""

from __future__ import annotations

from ..protocol.messages import layer_to_json
from .console import table
from .inputs import Opened, add_device, add_model_and_image

HELP = "List the layers of a model that can be explained for an image."
MORE = """The default is the deepest level with at least two cells across the pixel set, on the encoder side: name the
segment or the class it is meant for to see it marked."""
EXAMPLE = "seghirescam layers demo:shortcut --image demo:case --segment demo:case:Lesion"


def add_arguments(parser) -> None:
    from .question_options import add_question

    add_model_and_image(parser)
    add_question(parser, only=("class_name",))
    parser.add_argument("--all", action="store_true", help="show every layer, not only the last of each level")
    add_device(parser)


def run(options, console) -> int:
    from ..io.segments_on_images import read_segment

    classes = [options.class_name] if options.class_name else []
    segment = read_segment(options.segment) if options.segment else None
    opened = Opened(options, console, classes=classes)
    session = opened.session
    found = session.layers(console.progress)
    default, warning = _default(opened, segment, console)
    # where all layers have one resolution, how far a cell sees tells them apart
    fields = any(x.field for x in found)
    unit = f"{opened.image.grid.length_unit} per cell"
    rows = [("", "layer", "part", "stride", "channels", "cells", unit, *(["a cell sees"] * fields), "")]
    shown = [x for x in found if options.all or x.main or x.part == "head" or x.name == default]
    for layer in shown:
        remarks = [word for word, holds in (("main", layer.main), ("default", layer.name == default)) if holds]
        mm = " x ".join(f"{v:.3g}" for v in layer.mm_per_cell)
        shape = (" x ".join(map(str, values)) for values in (layer.stride, layer.cells))
        stride, cells = shape
        mark = "*" if layer.name == default else ""
        sees = [" x ".join(map(str, layer.field)) if layer.field else ""] * fields
        rows.append((mark, layer.name, layer.part, stride, str(layer.channels), cells, mm, *sees, ", ".join(remarks)))
    notes = [*session.output_notes, *([warning] if warning else [])]
    for note in notes:
        console.note(note)
    hidden = len(found) - len(shown)
    told = f" {hidden} more with --all." if hidden else ""
    told += "" if default else " No default is marked: name --segment or --class."
    data = {
        "layers": [_told(x) | {"default": x.name == default} for x in found],
        "default": default,
        "notes": notes,
    }
    console.answer(data, table(rows) + "\n\nSizes along K, J, I." + told)
    return 0


def _told(layer):
    told = layer_to_json(layer)
    if told.pop("length_unit") != "mm":
        told[f"{layer.length_unit}_per_cell"] = told.pop("mm_per_cell")
    return told


def _default(opened, segment, console):
    """(name of the default layer, warning); ("", "") where no pixel set is known."""
    from ..cam.layers.default_layer import default_layer
    from ..protocol.components import extent
    from ..protocol.recipes import PredictedClass, Segment, View, refuse_empty

    wanted = opened.options.class_name
    if segment is None and wanted is None:
        return "", ""
    index = opened.class_index(wanted) if wanted else opened.model.classes[0].index
    session, prepared = opened.session, opened.session.prepared()
    view = View(
        prepared.grid, prepared.valid, index, opened.model.class_name(index),
        lambda index: session.predict(index, console.progress).weights > 0,
    )  # fmt: skip
    pixels = refuse_empty((Segment(segment) if segment is not None else PredictedClass()).resolve(view))
    layer, warning = default_layer(opened.session.listed(), extent(pixels)[3 - opened.model.spatial_dims :])
    return layer.name, warning
