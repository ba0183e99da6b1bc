"""Methods x layers for one case: a contact sheet on one scale, a table, the maps, and the papers to cite."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..evaluation.metrics.ground import lift_text
from ..protocol.csv_text import write_rows
from ..protocol.errors import LayerError, MethodError
from ..protocol.question import DEFAULT, MAIN
from ..protocol.sizes import Size
from .asked_case import AskedCase
from .console import table
from .figure import add_paper, add_share, add_signed, check_look
from .inputs import add_device, add_model_and_image
from .manifest import NAME as MANIFEST
from .manifest import names_in
from .outputs import MAPS, OutputError, add_result, into_folder
from .question_options import NOISE, add_question, method, method_names, understood
from .sidecars import map_name, write_result

HELP = "Compare methods at layers for one case: a contact sheet on one scale, a table, and the maps."
MORE = """Writes contact_sheet.pdf and .png (methods down, layers across; more than six rows or columns go on further
pages, contact_sheet_2.png ...), caption.txt, table.csv, bibliography.bib
(BibTeX of every method shown), and in maps/ every map with its sidecar, as 'seghirescam explain' does. A method that
cannot work at a layer says why in its cell. Colours show the share of a map's own positive evidence per ml: every map
adds up to 100 %, so that any two cells can be compared; with --signed, what speaks for the class and what speaks
against it together. The maps on disk are signed and unscaled."""
EXAMPLE = """seghirescam compare demo:shortcut --image demo:case --segment demo:case:Lesion --class lesion \\
      --score contrast --rival look-alike --method seg_hires_grad_cam --method seg_layer_cam --method seg_grad_cam \\
      --layer encoder.1 --layer encoder.2 --layer decoder.3 --out compared/"""
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
    others = ("methods", "layers", "draws", *NOISE, "random_seed")
    asked = add_question(parser, once=("pixel_sets",), without=others)
    asked.add_argument(
        "--method", action="append", dest="methods", metavar="NAME",
        help=f"repeatable: {ALL} (default), or some of: {', '.join(method_names())}",
    )  # fmt: skip
    asked.add_argument(
        "--layer", action="append", dest="layers", metavar="NAME",
        help="repeatable: a name of 'seghirescam layers', or one of: main (every level, the default), default, deepest",
    )  # fmt: skip
    look = parser.add_argument_group("look")
    look.add_argument(
        "--plane", choices=PLANES, default="auto", help="of the slice (default: auto, axial unless there is one slice)"
    )
    look.add_argument(
        "--slice-at", dest="slice_ras", nargs=3, type=float, metavar=("R", "A", "S"),
        help="a place in the slice, in mm (default: of the slices through the pixel set the one with most evidence)",
    )  # fmt: skip
    add_share(look)
    add_signed(look)
    add_paper(look, dpi=200)
    add_result(parser)
    add_device(parser)


@into_folder
def run(options, console, place) -> int:
    check_look(options)
    options.methods, options.layers = _words(options.methods or [ALL]), _words(options.layers or [MAIN])
    _refuse_unknown(options)
    asked = understood(options)
    case = AskedCase(options, asked)
    opened = case.open(console)
    found, notes = _compared(case, console)
    request = case.request
    with place.filled("compare", request, opened.model) as folder:
        rows = _write(folder, options, opened, found, asked, request, notes, console)
        files = sorted([MANIFEST, *names_in(folder)])
    _tell_notes(found, notes, console)
    size = Size.of(found.mask, found.grid)
    told = {"cells": rows, "files": files, "pixel_set": found.pixels.label, "pixel_set_size": size.to_json()}
    console.answer(told, _text(rows, options.out, found, size))
    return 0


def _compared(case, console):
    """(comparison, notes); on the CPU where a GPU chosen by us has no room."""
    from ..comparison.compare import compare_in

    def ask():
        words = case.asked.question(case.opened)
        if case.asked.methods == (ALL,):
            words["methods"] = ALL
        return compare_in(case.opened.session, case.recipes[0], **words, progress=console.progress)

    return case.opened.on_some_device(ask)


def _write(folder, options, opened, found, asked, request, notes, console):
    from ..comparison.bibliography import bibliography
    from ..figures.contact_sheet import SheetLook
    from ..figures.sheet_cells import lay_out
    from ..figures.sheet_pages import draw_pages
    from ..figures.style import DARK, LIGHT, save, save_pages
    from ..io.volumes import write_volume
    from ..protocol.explanation import PlacedMap

    console.progress(1.0, "writing")
    suffix, grid = f".{options.format}", opened.image.grid
    maps = folder / MAPS
    maps.mkdir(exist_ok=True)
    write_volume(maps / f"pixel_set_1{suffix}", found.mask.astype(np.uint8), grid)
    names: dict[int, str] = {}
    size = Size.of(found.mask, grid).to_json()

    def write(cell, density, facts):
        explanation = cell.explanation
        name = map_name(len(names) + 1, explanation, suffix)
        after = float(density.sum(dtype=np.float64)) * grid.voxel_volume
        placed = PlacedMap(density, grid, f"{explanation.unit}/{grid.volume_unit}", explanation.total, after)
        layers = (DEFAULT,) if cell.method.at_input else (cell.layer.name,)
        question = replace(asked, methods=(cell.method.name,), layers=layers)
        more = {
            "request": request | {"question": question.to_json()},
            "pixel_set_file": f"pixel_set_1{suffix}",
            "evidence": {key: facts[key] for key in ("inside", "chance", "lift", "chance_over")},
            "pixel_set_size": size,
            "notes": [*explanation.notes, *notes],
        }
        write_result(maps, name, suffix, explanation, placed, more)
        names[id(cell)] = f"{MAPS}/{name}"

    at = tuple(grid.placed(options.slice_ras)) if options.slice_ras else None
    sheet = lay_out(found, options.share, options.plane, at, write, options.signed)
    window = tuple(options.window) if options.window else None
    theme = DARK if options.dark else LIGHT
    look = SheetLook(theme, options.share, options.plane, at, window, opened.colour, options.signed)
    pages, caption = draw_pages(found, opened.image, look, sheet)
    for n, page in enumerate(pages, start=1):
        save(page, folder / (f"{SHEET}.png" if n == 1 else f"{SHEET}_{n}.png"), options.dpi)
    save_pages(pages, folder / f"{SHEET}.pdf", options.dpi)
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
        f"maps in {MAPS}/, in '{folder.name}'."
    )


def _once(title, reasons):
    """One sentence a method; the table holds every one."""
    more = f" (and {len(reasons) - 1} more in {TABLE})" if len(reasons) > 1 else ""
    return f"Refused, {title}: {reasons[0]}{more}"
