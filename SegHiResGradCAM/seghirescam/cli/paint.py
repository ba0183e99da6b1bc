"""Would the network still draw that without this? A region masked out, the model run again, before and after."""

from __future__ import annotations

import math
from pathlib import Path

from ..io.file_content import hash_of
from ..io.segments_on_images import on_image, read_segment
from ..protocol.errors import PixelSetError
from ..protocol.sizes import heads, prediction_notes
from .asked_case import AskedCase
from .console import table
from .figure import add_paper, check_look
from .inputs import add_device, add_model_and_image
from .interventions.painting_files import write_painting
from .manifest import write_json
from .outputs import OutputError, add_result, into_folder
from .question_options import NOISE, add_question, refuse_unknown_methods, understood
from .sidecars import read_sidecar

HELP = "Mask out a region, run the model again, and tell what became of the score and of the segment."
MORE = """The region is the most important region of a map, a box, or a segment. It is filled from its surroundings.
Writes result.json (numbers, and what is needed to do it again), the changed image, the region, the predicted class
before and after (.seg.nrrd), figure.png and, where one was made, the map. What is masked out inside the pixel set
itself is lost to any model: --outside takes the most important region outside it, --control masks out the same shape
elsewhere."""
EXAMPLE = """seghirescam paint demo:shortcut --image demo:case --segment demo:case:Lesion --class lesion \\
      --score contrast --rival look-alike --region demo:case:Marker --control --out painted/"""
FORMAT = "seghirescam-painting-1"
#: as it is typed, and as results of earlier versions and the worker's requests have it
MOST_IMPORTANT, HOTTEST = "most-important", "hottest"
RESULT = "result.json"


def add_arguments(parser) -> None:
    add_model_and_image(parser)
    where = parser.add_argument_group("region to mask out")
    where.add_argument(
        "--region", metavar="REGION",
        help=f"{MOST_IMPORTANT} (default: the most important region of a map), or a segment: LABELMAP[:value|:name]",
    )  # fmt: skip
    where.add_argument("--box", dest="region_box", nargs=6, type=float, metavar="MM", help="two corners: R A S R A S")
    where.add_argument(
        "--map", type=Path, metavar="SIDECAR", help="most important region of this map (.json of 'seghirescam explain')"
    )
    where.add_argument(
        "--share", type=float, metavar="0..1", help="the smallest region with this share of the evidence (default: 0.5)"
    )
    where.add_argument("--ml", type=float, metavar="ML", help="instead of a share: so many millilitres")
    where.add_argument(
        "--outside", action="store_true", help="only evidence that keeps 3 mm and the margin from the pixel set"
    )
    where.add_argument(
        "--margin-mm", type=float, default=2.0, metavar="MM", help="the region is grown by this first (default: 2)"
    )
    where.add_argument(
        "--control", action="store_true", help="also mask out the same shape at a random place; one more prediction"
    )
    where.add_argument("--seed", type=int, default=0, help="of the control's place (default: 0)")
    others = ("box_ras", "grid", "draws", *NOISE, "random_seed")
    add_question(parser, once=("pixel_sets", "methods", "layers"), without=others)
    add_paper(add_result(parser))
    add_device(parser)


@into_folder
def run(options, console, place) -> int:
    from ..protocol.recipes import Box

    kind = _kind(options)
    options.share = 0.5 if options.share is None else options.share
    check_look(options)
    asked = understood(options)
    refuse_unknown_methods(asked)
    stored = read_sidecar(options.map) if options.map else None
    case = AskedCase(options, asked)
    given = _given_region(options, kind)
    opened = case.open(console)
    if kind == "segment":
        given = on_image(options.region, given, opened.image, opened.rule)
    if options.region_box:
        corners = [opened.image.grid.placed(options.region_box[n : n + 3]) for n in (0, 3)]
        given = Box.between(*corners)
    (found, explanation, notes), moved = opened.on_some_device(lambda: _painted(case, options, given, stored, console))
    request = case.request | {
        "region": {"kind": kind, "box_ras": options.region_box, "sha256": getattr(given, "content_hash", "")}
        | {key: getattr(options, key) for key in ("share", "ml", "outside", "margin_mm", "control", "seed")},
        "map_sha256": stored.facts["file"]["sha256"] if stored else "",
    }
    console.progress(1.0, "writing")
    told = [note for one in (opened.image, case.segment, given) for note in getattr(one, "notes", ())]
    before = {found.class_name: found.sizes()[f"predicted {found.class_name}"]}
    notes = list(dict.fromkeys([*told, *notes, *moved, *found.notes, *prediction_notes(before)]))
    with place.filled("paint", request, opened.model) as folder:
        write_painting(folder, options, opened, found, explanation, request)
        files = {path.name: hash_of(path) for path in sorted(folder.iterdir())}
        facts = {"format": FORMAT, "painting": found.to_json(), "request": request, "files": files, "notes": notes}
        facts = write_json(folder / RESULT, facts)
    for note in dict.fromkeys(notes):
        console.note(note)
    rows = [("", *heads(opened.image.grid)), *((name, *size.cells) for name, size in found.sizes().items())]
    text = f"{facts['painting']['sentence']}\n\n{table(rows)}"
    console.answer(facts, f"{text}\n\nWritten: {', '.join([*facts['files'], RESULT])}.")
    return 0


def _kind(options) -> str:
    """hottest, segment or box; refuses words that do not go together before anything is read."""
    if options.region_box and options.region:
        raise OutputError("Both --region and --box were given.", "Name one region to mask out.")
    kind = "box" if options.region_box else HOTTEST if options.region in (None, MOST_IMPORTANT, HOTTEST) else "segment"
    of_maps = {"map": "--map", "methods": "--method", "layers": "--layer", "side": "--side", "share": "--share"}
    of_maps |= {"ml": "--ml", "outside": "--outside"}
    given = [word for name, word in of_maps.items() if getattr(options, name) not in (None, False)]
    if kind != HOTTEST and given:
        raise OutputError(f"{', '.join(given)} goes with --region {MOST_IMPORTANT} only.", "Leave one of the two away.")
    made = [word for word in ("--method", "--layer", "--side") if word in given]
    if options.map and made:
        raise OutputError(f"--map names a map, so {', '.join(made)} cannot be given.", "Leave one of the two away.")
    if options.share is not None and options.ml is not None:
        raise OutputError("Both --share and --ml were given.", "Name one of them.")
    if options.ml is not None and not (math.isfinite(options.ml) and options.ml > 0):
        raise PixelSetError(f"A volume must be above 0 ml, got {options.ml:g}.", "Use --ml 5, for example.")
    if not 0 <= options.margin_mm < math.inf:
        raise PixelSetError(f"The margin must be 0 mm or more, got {options.margin_mm:g}.", "2 mm is usual.")
    if options.seed < 0:
        raise OutputError("A seed is 0 or more.", "Use --seed 0, for example.")
    return kind


def _given_region(options, kind):
    from ..protocol.recipes import Box

    if kind == "segment":
        return read_segment(options.region)
    return Box.between(options.region_box[:3], options.region_box[3:]) if kind == "box" else None


def _painted(case, options, given, stored, console):
    """(painting, the explanation made for it or None, notes)."""
    from ..evaluation.painting.intervention import paint_in
    from ..evaluation.painting.regions import Hottest
    from ..session.understood import score_of

    opened, (recipe,), explanation, notes, start = case.opened, case.recipes, None, [], 0.0
    session, words = opened.session, case.asked.question(opened)
    score = score_of(opened.model, words["class_index"], words["score"], words["rival"])
    grid, region = opened.image.grid, given
    if given is None:
        if stored is None:
            start = 0.4
            (explanation,) = session.ask(
                recipe, **words, progress=lambda fraction, phase: console.progress(start * fraction, phase),
            )  # fmt: skip
            density = explanation.resampled_to(grid).array
            notes += explanation.notes
        else:
            density, _ = stored.density_on(grid)
            notes += other_case(stored.facts, opened, words["class_index"])
        region = Hottest(density, options.share, options.ml, options.outside)
    found = paint_in(
        session, region, recipe, score, margin_mm=options.margin_mm, control=options.control, seed=options.seed,
        progress=lambda fraction, phase: console.progress(start + (1 - start) * fraction, phase),
    )  # fmt: skip
    return found, explanation, notes


def other_case(facts, opened, class_index):
    """Notes where the map tells of something else than what is asked."""
    notes, request = [], facts["request"]
    if [c["sha256"] for c in request["channels"]] != [c["sha256"] for c in opened.channels]:
        notes.append("The map was made for another image (its hash differs).")
    if request["weights_sha256"] != opened.model.weights_hash:
        notes.append("The map was made for another model (its hash differs).")
    if facts["class_index"] != class_index:
        notes.append(f"The map is about the class {facts['class_name']}.")
    return notes
