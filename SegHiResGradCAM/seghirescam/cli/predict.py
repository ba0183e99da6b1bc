"""The model's own prediction on the image's grid, with the names of its classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..cam.logits.heads import SIGMOID
from ..io.label_maps import SEGMENTATION, beside_of, write_labels
from ..io.volumes import refuse_unholdable
from ..protocol.sizes import Size, heads, prediction_notes
from .console import table
from .inputs import Opened, add_device, add_model_and_image
from .outputs import OutputError, claimed_file
from .own_inputs import Inputs

HELP = "Write a model's own prediction as a label map or a Slicer segmentation."
MORE = """It lies on the first image's grid. A .seg.nrrd opens in 3D Slicer with the classes' names; other label maps
get them in a .json file beside them. Classes that may overlap (sigmoid heads) need .seg.nrrd."""
EXAMPLE = "seghirescam predict demo:honest --image demo:case --out prediction.seg.nrrd"
SUFFIXES = (SEGMENTATION, ".nii.gz", ".nrrd", ".nii", ".mha")


def add_arguments(parser) -> None:
    add_model_and_image(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help=f"label map: {', '.join(SUFFIXES)}")
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    add_device(parser)


def run(options, console) -> int:
    beside = beside_of(options.out)
    with claimed_file(options.out, options.overwrite, SUFFIXES, Inputs.of(options), beside) as place:
        return _run(options, console, place)


def _run(options, console, place):
    opened = Opened(options, console)
    # only now: they load torch, and what is refused above needs none
    from ..models.model_outputs import facts as output_facts
    from ..session.prediction import what_was_seen

    refuse_unholdable(options.out, opened.image.grid)
    model, image = opened.model, opened.image
    _refuse_overlap(model, options.out)
    (session, prepared, logits), moved = opened.on_some_device(lambda: _predicted(opened, console))
    _refuse_overlap(model, options.out)  # the head may have been read from the network
    notes = (*image.notes, *what_was_seen(session, prepared, logits), *moved)
    for note in notes:
        console.note(note)
    labels = model.labels_on_input(logits, prepared, image)
    exclusive = labels.ndim == 3
    if not exclusive:
        names = {c.index + 1: c.name for c in model.classes}
        counts = [int(np.count_nonzero(mask)) for mask in labels]
    else:
        names = {c.index: c.name for c in model.classes if c.index != 0}
        counts = [int(np.count_nonzero(labels == value)) for value in names]
    if labels.ndim == 4 and len(labels) == 1 and not options.out.name.lower().endswith(SEGMENTATION):
        labels = labels[0].astype(np.uint8)
    facts = {
        "model": model.name,
        "model_kind": model.kind,
        "weights_sha256": model.weights_hash,
        "image_sha256": image.content_hash,
        **({"axes": model.axes.to_json()} if model.axes else {}),
        **({"preprocessing": list(model.preprocessing)} if model.preprocessing else {}),
        **session.output_facts,
        **output_facts(model),
    }
    sizes = {name: Size.counted(n, image.grid) for name, n in zip(names.values(), counts, strict=True)}
    about = prediction_notes(sizes, exclusive)
    for note in about:
        console.note(note)
    console.progress(1.0, "writing")
    with place.filled() as folder:
        written = [p.name for p in write_labels(folder / options.out.name, labels, image.grid, names, facts)]
    rows = [("value", "class", *heads(image.grid))]
    rows += [(str(value), name, *sizes[name].cells) for value, name in names.items()]
    classes = [{"value": value, "name": name, **sizes[name].to_json()} for value, name in names.items()]
    answer = facts | {"files": written, "classes": classes, "notes": [*notes, *about]}
    console.answer(answer, f"{table(rows)}\n\nWritten: {', '.join(written)}")
    return 0


def _predicted(opened, console):
    session = opened.session
    prepared = session.prepared()
    return session, prepared, session.logits(console.progress)


def _refuse_overlap(model, out) -> None:
    if model.head == SIGMOID and len(model.classes) > 1 and not out.name.lower().endswith(SEGMENTATION):
        raise OutputError(
            "The classes of this model may overlap, and a label map cannot hold that.", "Let --out end in .seg.nrrd."
        )
