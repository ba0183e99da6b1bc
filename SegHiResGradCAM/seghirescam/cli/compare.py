"""Methods x layers for one case: a contact sheet on one scale, a table, the maps, and the papers to cite."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..evaluation.metrics.ground import lift_text
from ..protocol.csv_text import write_rows
from ..protocol.errors import LayerError, MethodError
from ..protocol.sizes import Size
from .console import table
from .explain import SUFFIXES
from .inputs import Opened, add_device, add_model_and_image
from .manifest import NAME as MANIFEST
from .outputs import OutputError, claimed_folder
from .own_inputs import Inputs
from .question_options import (
    LAYER_WORDS,
    PIXEL_SETS,
    _share,
    add_segment,
    method,
    method_names,
    on_image,
    read_segment,
    understood,
)
from .sidecars import map_name, write_result

HELP = "Compare methods at layers for one case: a contact sheet on one scale, a table, and the maps."
MORE = """Writes contact_sheet.png and .pdf (methods down, layers across), caption.txt, table.csv, bibliography.bib
(BibTeX of every method shown), and every map with its sidecar, as 'seghirescam explain' does. A method that cannot
work at a layer says why in its cell. Colours show the share of a map's own positive evidence per ml: every map adds up
to 100 %, so that any two cells can be compared; the maps on disk are signed and unscaled."""
EXAMPLE = """seghirescam compare demo:shortcut --image brain.nrrd --segment bodies.seg.nrrd:Lesion --class lesion \\
      --score contrast --rival look-alike --methods seg_hires_grad_cam seg_grad_cam --layers main --out compared/"""
#: word that stands for every method
ALL = "all"
SHEET, TABLE, BIBLIOGRAPHY, CAPTION = "contact_sheet", "table.csv", "bibliography.bib", "caption.txt"
PLANES = ("auto", "axial", "coronal", "sagittal")
COLUMNS = (
    "method", "title", "layer", "part", "mm_per_cell_k", "mm_per_cell_j", "mm_per_cell_i", "status", "unit", "score",
    "total", "completeness", "inside", "chance", "lift", "chance_over", "seconds", "cells_in_pass", "map", "reason",
)  # fmt: skip


def add_arguments(parser) -> None:
    add_model_and_image(parser)
    asked = parser.add_argument_group("question")
    add_segment(asked)
    asked.add_argument("--class", dest="class_name", metavar="NAME|INDEX", help="the class to explain")
    asked.add_argument(
        "--methods", nargs="+", default=[ALL], metavar="NAME",
        help=f"{ALL} (default), or some of: {', '.join(method_names())}; separated by spaces or commas",
    )  # fmt: skip
    asked.add_argument(
        "--layers", nargs="+", default=["main"], metavar="NAME",
        help="names of 'seghirescam layers', separated by spaces or commas, or one of: main (every level, the "
        "default), default, deepest",
    )  # fmt: skip
    asked.add_argument(
        "--pixel-set", choices=PIXEL_SETS, metavar="SET",
        help=f"whose score is explained: {', '.join(PIXEL_SETS)}; default: the segment if one is given, else the "
        "predicted class",
    )  # fmt: skip
    asked.add_argument(
        "--at", dest="at_ras", nargs=3, type=float, metavar=("R", "A", "S"),
        help="the voxel, or a place in the component, in mm, RAS as Slicer shows it",
    )  # fmt: skip
    asked.add_argument(
        "--box", dest="box_ras", nargs=6, type=float, metavar="MM", help="two corners: R A S R A S in mm"
    )
    asked.add_argument(
        "--score", choices=("logit", "log_odds", "contrast"), help="what is summed over the pixel set (default: logit)"
    )
    asked.add_argument("--rival", metavar="CLASS", help="why the class and not this one? (--score contrast)")
    asked.add_argument("--side", choices=("auto", "reading", "writing"), help="where cells are placed (default: auto)")
    asked.add_argument(
        "--tolerance", type=_share, metavar="SHARE",
        help="models with sliding windows: leave out windows that hold this share of the pixel set's weight",
    )  # fmt: skip
    look = parser.add_argument_group("look")
    look.add_argument(
        "--plane", choices=PLANES, default="auto", help="of the slice (default: auto, axial unless there is one slice)"
    )
    look.add_argument(
        "--slice-at", dest="slice_ras", nargs=3, type=float, metavar=("R", "A", "S"),
        help="a place in the slice, in mm (default: of the slices through the pixel set the one with most evidence)",
    )  # fmt: skip
    look.add_argument(
        "--share", type=float, default=0.8, metavar="0..1",
        help="colour the smallest region with this share of the evidence (default: 0.8)",
    )  # fmt: skip
    look.add_argument("--window", nargs=2, type=float, metavar=("LOW", "HIGH"), help="grey values of the image")
    look.add_argument("--dark", action="store_true", help="light text on dark paper")
    look.add_argument("--dpi", type=int, default=200, help="resolution of the PNG (default: 200)")
    writing = parser.add_argument_group("result")
    writing.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="folder for all of it")
    writing.add_argument(
        "--format", choices=[s[1:] for s in SUFFIXES], default="nii.gz", help="of the maps (default: nii.gz)"
    )
    writing.add_argument(
        "--overwrite", action="store_true", help="replace the run that the folder holds; other files stay"
    )
    add_device(parser)


def run(options, console) -> int:
    with claimed_folder(options.out, options.overwrite, Inputs.of(options)) as place:
        return _run(options, console, place)


def _run(options, console, place):
    from ..io.volumes import refuse_unholdable
    from .figure import _check_look

    options.maximum = None
    _check_look(options)
    options.methods, options.layers = _words(options.methods), _words(options.layers)
    options.pixel_sets = [options.pixel_set] if options.pixel_set else None
    _refuse_unknown(options)
    asked = understood(options)
    segment = read_segment(options.segment) if options.segment else None
    (recipe,) = asked.recipes(segment)
    opened = Opened(options, console, classes=[asked.class_name, *([asked.rival] if asked.rival else [])])
    refuse_unholdable(f".{options.format}", opened.image.grid)
    if segment is not None:
        segment = on_image(options.segment, segment, opened.image, opened.rule)
    (recipe,) = asked.on(opened.image.grid).recipes(segment)
    found, notes = _compared(opened, asked, recipe, console)
    request = {
        "channels": opened.channels,
        "segment_sha256": segment.content_hash if segment is not None else "",
        "weights_sha256": opened.model.weights_hash,
    }
    with place.filled("compare", {"question": asked.to_json(), **request}, opened.model) as folder:
        rows = _write(folder, options, opened, found, asked, request, notes, console)
        files = sorted([MANIFEST, *(path.name for path in folder.iterdir())])
    _tell_notes(found, notes, console)
    size = Size.of(found.mask, found.grid)
    told = {"cells": rows, "files": files, "pixel_set": found.pixels.label, "pixel_set_size": size.to_json()}
    console.answer(told, _text(rows, options.out, found, size))
    return 0


def _compared(opened, asked, recipe, console):
    """(comparison, notes); on the CPU where a GPU chosen by us has no room."""
    from ..comparison.compare import compare_in

    words = {
        "methods": ALL if asked.methods == (ALL,) else list(asked.methods),
        "layers": asked.engine_layers,
        "score": asked.score,
        "side": asked.side,
    }

    def ask():
        rival = None if asked.rival is None else opened.class_index(asked.rival)
        index = opened.class_index(asked.class_name)
        session = opened.session
        return compare_in(session, recipe, class_index=index, rival=rival, progress=console.progress, **words)

    return opened.on_some_device(ask)


def _write(folder, options, opened, found, asked, request, notes, console):
    from ..comparison.bibliography import bibliography
    from ..figures.contact_sheet import SheetLook, draw_sheet
    from ..figures.sheet_cells import lay_out
    from ..figures.style import DARK, LIGHT, save
    from ..io.volumes import write_volume
    from ..protocol.explanation import PlacedMap

    console.progress(1.0, "writing")
    suffix, grid = f".{options.format}", opened.image.grid
    write_volume(folder / f"pixel_set_1{suffix}", found.mask.astype(np.uint8), grid)
    names: dict[int, str] = {}
    size = Size.of(found.mask, grid).to_json()

    def write(cell, density, facts):
        explanation = cell.explanation
        name = map_name(len(names) + 1, explanation, suffix)
        after = float(density.sum(dtype=np.float64)) * grid.voxel_volume
        placed = PlacedMap(density, grid, f"{explanation.unit}/{grid.volume_unit}", explanation.total, after)
        layers = LAYER_WORDS[:1] if cell.method.at_input else (cell.layer.name,)
        question = replace(asked, methods=(cell.method.name,), layers=layers)
        more = {
            "request": {"question": question.to_json(), **request},
            "pixel_set_file": f"pixel_set_1{suffix}",
            "evidence": {key: facts[key] for key in ("inside", "chance", "lift", "chance_over")},
            "pixel_set_size": size,
            "notes": [*explanation.notes, *notes],
        }
        write_result(folder, name, suffix, explanation, placed, more)
        names[id(cell)] = name

    at = tuple(grid.placed(options.slice_ras)) if options.slice_ras else None
    sheet = lay_out(found, options.share, options.plane, at, write)
    window = tuple(options.window) if options.window else None
    colour = opened.colour
    look = SheetLook(DARK if options.dark else LIGHT, options.share, options.plane, at, window, colour)
    figure, caption = draw_sheet(found, opened.image, look, sheet)
    for kind in ("png", "pdf"):
        save(figure, folder / f"{SHEET}.{kind}", options.dpi)
    (folder / CAPTION).write_text(caption + "\n", encoding="utf-8")
    (folder / BIBLIOGRAPHY).write_text(bibliography(found.methods), encoding="utf-8")
    rows = []
    for cell in found:
        panel = sheet.of(cell)
        rows.append((panel.facts if panel else found.facts(cell)) | {"map": names.get(id(cell))})
    _write_table(folder / TABLE, rows)
    return rows


def _tell_notes(found, notes, console):
    """Every sentence once, with the cell it is about; the sidecars hold all of them."""
    where: dict[str, list[str]] = {}
    for cell in found:
        for note in cell.explanation.notes if cell.explanation else ():
            where.setdefault(note, []).append(f"{cell.method.title} at {cell.layer.name}")
    for note in notes:
        console.note(note)
    for note, places in where.items():
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        console.note(f"{places[0]}{more}: {note}")


def _write_table(path, rows):
    unit = "pixels" if rows[0]["mm_per_cell_kji"] is None else "mm"
    columns = [name.replace("mm_per_cell", f"{unit}_per_cell") for name in COLUMNS]
    sized = (row | dict(zip(columns[4:7], row[f"{unit}_per_cell_kji"], strict=True)) for row in rows)
    write_rows(path, columns, ({key: value for key, value in row.items() if key in columns} for row in sized))


def _words(given):
    return [word for text in given for word in text.split(",") if word]


def _refuse_unknown(options):
    """Before the model is opened."""
    known = method_names()
    if not options.methods or not options.layers:
        raise OutputError("No method or no layer was named.", "Leave --methods and --layers away for all of them.")
    if ALL in options.methods and len(options.methods) > 1:
        raise MethodError(f"The word '{ALL}' stands alone.", "Name it, or methods by their names.")
    for name in options.methods:
        if name != ALL and name not in known:
            raise MethodError(f"There is no method '{name}'.", f"Choose {ALL}, or some of: {', '.join(known)}.")
        if name != ALL:
            method(name)  # one of another package may not load
    for what, names, error in (("method", options.methods, MethodError), ("layer", options.layers, LayerError)):
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise error(f"The {what} '{twice}' is named twice.", "Name each once.")


def _text(rows, folder, found, size):
    over = found.ground.over
    lines = [("method", "layer", "status", "inside", f"lift over {over}", "complete", "seconds")]
    for row in rows:
        lines.append((
            row["title"], row["layer"], row["status"],
            "-" if row["inside"] is None else f"{100 * row['inside']:.3g} %",
            lift_text(row["lift"]),
            "-" if row["completeness"] is None else f"{100 * row['completeness']:.3g} %",
            f"{row['seconds']:.2f}" + (f" / {row['cells_in_pass']}" if row["cells_in_pass"] > 1 else ""),
        ))  # fmt: skip
    refused: dict[str, list[str]] = {}
    for row in rows:
        if row["status"] == "refused":
            refused.setdefault(row["title"], []).append(row["reason"])
    why = "".join(f"\n{_once(title, reasons)}" for title, reasons in refused.items())
    return (
        f"{table(lines)}\n\nPixel set: {found.pixels.label}, {size.words}. Inside: share of the positive evidence in "
        f"it; lift: that share / chance, of evidence spread evenly over {found.ground.words}; "
        f"seconds / n: n cells made together.{why}\nWritten: {SHEET}.png and .pdf, {TABLE}, {BIBLIOGRAPHY} and the "
        f"maps in '{folder.name}'."
    )


def _once(title, reasons):
    """One sentence a method; the table holds every one."""
    more = f" (and {len(reasons) - 1} more in {TABLE})" if len(reasons) > 1 else ""
    return f"Refused, {title}: {reasons[0]}{more}"
