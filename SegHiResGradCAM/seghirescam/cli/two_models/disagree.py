"""Two models on one case: where do they disagree, and what did each look at? One sheet, a table, and every map."""

from __future__ import annotations

from types import SimpleNamespace

from ...evaluation.metrics.ground import lift_text
from ...protocol.sizes import heads
from ..compare import PLANES
from ..console import table
from ..figure import add_paper, add_share, add_signed, check_look
from ..inputs import add_device
from ..manifest import NAME as MANIFEST
from ..outputs import add_result, into_folder
from ..question_options import add_question, refuse_unknown_methods
from .model_pair import ModelPair
from .pair_files import CAPTION, SHEET, TABLE, write_pair

HELP = "Two models on one case: where do they disagree, and what did each look at?"
MORE = """Both models predict; the voxels that only A, only B, and both of them take for the class are three pixel sets,
and both models are asked about each of them, in one question a model. Writes sheet.png and .pdf (a set a row, a model a
column, one scale for each model), caption.txt, table.csv, the sets, both predictions, and every map with its sidecar,
which 'seghirescam explain --repeat' asks again. An empty difference is told, and not explained."""
EXAMPLE = """seghirescam disagree --model demo:honest --model demo:shortcut --image demo:case --class lesion \\
      --score contrast --rival look-alike --out disagreement/"""


def add_arguments(parser) -> None:
    parser.add_argument(
        "--model", action="append", required=True, metavar="MODEL",
        help="twice: model A and model B, each a folder, a file, or demo:honest",
    )  # fmt: skip
    parser.add_argument(
        "--image", action="append", required=True, metavar="[CHANNEL=]PATH",
        help="as in 'seghirescam explain'; sets and sheet lie on its grid",
    )  # fmt: skip
    parser.add_argument(
        "--image-b", action="append", metavar="[CHANNEL=]PATH",
        help="what B is given instead, where it looks at other channels or another reconstruction of the same case",
    )  # fmt: skip
    consent = parser.add_argument_group(
        "consent, for models that run code of their author ('seghirescam models' tells)"
    )
    consent.add_argument("--consent", action="store_true", help="yes, run it, of both models")
    consent.add_argument(
        "--consent-sha256", action="append", metavar="HASH", help="yes, if a model's code still has this SHA-256; "
        "repeatable",
    )  # fmt: skip
    parser.set_defaults(segment=None)
    others = ("pixel_sets", "at_ras", "box_ras", "draws", "class_name", "rival", "layers")
    asked = add_question(parser, once=("methods",), without=others, segment=False)
    asked.add_argument(
        "--class", dest="class_name", metavar="NAME|INDEX[,NAME_B]",
        help="the class that is compared; where B calls it otherwise, both names",
    )  # fmt: skip
    asked.add_argument("--rival", metavar="CLASS[,CLASS_B]", help="why the class and not this one? (--score contrast)")
    asked.add_argument(
        "--layer", dest="layers", action="append", metavar="NAME[,NAME_B]",
        help="a layer of both models, or one of each; or one of: each (the default: for every set the deepest level "
        "with two cells across it), default (the same, by the first set), deepest (as in the paper)",
    )  # fmt: skip
    look = parser.add_argument_group("look")
    look.add_argument(
        "--plane",
        choices=PLANES,
        default="auto",
        help="of the slices (default: auto, axial unless there is one slice)",
    )
    add_share(look)
    add_signed(look)
    add_paper(look, dpi=200)
    add_result(parser)
    add_device(parser)


@into_folder
def run(options, console, place) -> int:
    check_look(options)
    pair = ModelPair(options)
    refuse_unknown_methods(pair.asked[0])
    a, b = pair.open(console)
    from ...io.volumes import refuse_unholdable

    refuse_unholdable(f".{options.format}", a.image.grid)
    found, notes = _compared(pair, console)
    request = {
        "questions": [asked.to_json() for asked in pair.asked],
        "channels": [one.channels for one in pair.opened],
        "weights_sha256": [one.model.weights_hash for one in pair.opened],
    }
    both = SimpleNamespace(kind=f"{a.model.kind}, {b.model.kind}", name=f"{a.model.name}, {b.model.name}")
    with place.filled("disagree", request, both) as folder:
        rows = _write(folder, options, pair, found, notes, console)
        files = sorted([MANIFEST, *(path.name for path in folder.iterdir())])
    for side, told in zip("AB", found.notes, strict=True):
        for note in told:
            console.note(f"{side}: {note}")
    for note in dict.fromkeys([*notes, *(note for one in found.explanations() for note in one.notes)]):
        console.note(note)
    told = {"rows": rows, "dice": found.dice, "files": files, "forward_passes": list(found.passes)}
    console.answer(told, _text(rows, found))
    return 0


def _compared(pair, console):
    """(Disagreement, notes); on the CPU where a GPU chosen by us has no room."""
    from ...comparison.two_models.disagree import disagree_in

    def ask():
        # the passes of the predictions are kept: the questions about them then need no other
        sessions = [opened.new_session(keep=True) for opened in pair.opened]
        try:
            return disagree_in(sessions, **pair.words(), progress=console.progress)
        finally:
            for session in sessions:
                session.release()

    return pair.on_some_device(ask)


def _write(folder, options, pair, found, notes, console):
    from ...figures.contact_sheet import SheetLook
    from ...figures.disagreement_sheet import DisagreementSheet
    from ...figures.style import DARK, LIGHT, save

    console.progress(1.0, "writing")
    window = tuple(options.window) if options.window else None
    theme = DARK if options.dark else LIGHT
    colour = pair.opened[0].colour
    look = SheetLook(theme, options.share, options.plane, None, window, colour, options.signed)
    sheet = DisagreementSheet(found, pair.opened[0].image, look)
    rows = write_pair(folder, f".{options.format}", pair, found, sheet, notes)
    figure, caption = sheet.draw()
    for kind in ("png", "pdf"):
        save(figure, folder / f"{SHEET}.{kind}", options.dpi)
    (folder / CAPTION).write_text(caption + "\n", encoding="utf-8")
    return rows


def _text(rows, found):
    per = "pixel" if found.grid.is_photo else "voxel"
    own = [one.replace("ml", "mm\u00b2") if rows[0]["mm2"] is not None else one for one in heads(found.grid)]
    lines = [("set", *own, "model", "status", f"score a {per}", "inside", f"lift over {found.ground.over}", "layer")]
    for row, one in ((row, found[row["set"]]) for row in rows):
        cells = list(one.size.cells)
        if row["mm2"] is not None:
            cells[1] = f"{row['mm2']:.1f}"
        mean = row["score_per_voxel"]
        lines.append((
            one.title, *cells, row["side"] or "-", row["status"],
            "-" if mean is None else f"{mean:.4g} {row['unit']}",
            "-" if row["inside"] is None else f"{100 * row['inside']:.3g} %", lift_text(row["lift"]),
            row["layer"] or "-",
        ))  # fmt: skip
    why = "".join(
        f"\n{found[row['set']].title}{', asked of ' + row['side'] if row['side'] else ''}: {row['reason']}"
        for row in rows
        if row["reason"]
    )
    passes = "A {}, B {}".format(*found.passes)
    return (
        f"{table(lines)}\n\nA: {found.models[0]}, {found.classes[0]}. B: {found.models[1]}, {found.classes[1]}. "
        f"Dice of the two predictions: {found.dice:.3f}. Score: sum over the set / its {per}s on the model's grid; "
        "compare it between sets, not between models. Inside: share of the positive evidence in the set; lift: over "
        f"evidence spread evenly over {found.ground.words}. Forward passes: {passes}.{why}\n"
        f"Written: {SHEET}.png and .pdf, {TABLE}, {CAPTION} and the maps with their sidecars."
    )
