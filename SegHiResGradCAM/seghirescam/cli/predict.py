"""The model's own prediction on the image's grid, with the names of its classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..answer import draw_notes
from ..cam.heads import SIGMOID
from ..label_files import SEGMENTATION, write_labels
from .console import table
from .inputs import Opened, add_device, add_model_and_image
from .outputs import OutputError, check_file, made_whole

HELP = "Write a model's own prediction as a label map or a Slicer segmentation."
MORE = """It lies on the first image's grid. A .seg.nrrd opens in 3D Slicer with the classes' names; other label maps
get them in a .json file beside them. Classes that may overlap (sigmoid heads) need .seg.nrrd."""
EXAMPLE = "seghirescam predict demo:honest --image brain.nrrd --out prediction.seg.nrrd"
SUFFIXES = (SEGMENTATION, ".nii.gz", ".nrrd", ".nii", ".mha")


def add_arguments(parser) -> None:
    add_model_and_image(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help=f"label map: {', '.join(SUFFIXES)}")
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    add_device(parser)


def run(options, console) -> int:
    from ..overflow import overflow_notes
    from .engine import logits_of, prepared_of

    check_file(options.out, options.overwrite, SUFFIXES)
    opened = Opened(options, console)
    model, image, session = opened.model, opened.image, opened.session
    if model.head == SIGMOID and len(model.classes) > 1 and not options.out.name.lower().endswith(SEGMENTATION):
        raise OutputError(
            "The classes of this model may overlap, and a label map cannot hold that.", "Let --out end in .seg.nrrd."
        )
    prepared = prepared_of(session)
    for note in prepared.notes:
        console.note(note)
    logits = logits_of(session, console.progress)
    more = (*draw_notes(model.networks), *overflow_notes(session))
    for note in more:
        console.note(note)
    labels = model.labels_on_input(logits, prepared, image)
    if labels.ndim == 4:
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
    }
    console.progress(1.0, "writing")
    with made_whole(options.out.parent) as folder:
        written = [p.name for p in write_labels(folder / options.out.name, labels, image.grid, names, facts)]
    classes = [
        {"value": value, "name": name, "voxels": count, "ml": count * image.grid.voxel_ml}
        for (value, name), count in zip(names.items(), counts, strict=True)
    ]
    rows = [("value", "class", "voxels", "ml")]
    rows += [(str(c["value"]), c["name"], str(c["voxels"]), f"{c['ml']:.2f}") for c in classes]
    answer = facts | {"files": written, "classes": classes, "notes": [*prepared.notes, *more]}
    console.answer(answer, f"{table(rows)}\n\nWritten: {', '.join(written)}")
    return 0
