"""What is the smallest change that flips it? Regions masked out in the map's order, coarse to fine."""

from __future__ import annotations

from pathlib import Path

from ...io.file_content import hash_of
from ...io.segments_on_images import on_image, read_segment
from ...protocol.csv_text import write_rows
from ...protocol.sizes import Size, prediction_notes
from ..asked_case import AskedCase
from ..console import table
from ..figure import add_paper, check_look
from ..inputs import add_device, add_model_and_image
from ..manifest import write_json
from ..outputs import OutputError, add_result, into_folder
from ..question_options import NOISE, add_question, refuse_unknown_methods, understood
from ..sidecars import read_sidecar
from .painting_files import write_map, write_painting

HELP = "Search the smallest region whose masking out removes the segment or changes its class."
MORE = """Blocks beside the pixel set are masked out in the order of a map until less than half of the segment is left
there; then what is not needed is given back, block by block, coarse to fine. Says beforehand how many passes it takes
at most. Writes result.json, table.csv, the map and, where a flip is found, what 'seghirescam paint' writes: the region,
the painted image, the predicted class before and after, figure.png. That there is no flip is an answer, too."""
EXAMPLE = """seghirescam flip demo:shortcut --image demo:case --segment demo:case:Lesion --class lesion \\
      --score contrast --rival look-alike --layer encoder.2 --out flip/"""
FORMAT, RESULT, TABLE = "seghirescam-flip-1", "result.json", "table.csv"
ORDERS, ALL = ("map", "random", "reverse"), "all"
COLUMNS = (
    "order", "found", "voxels", "ml", "left", "before", "after", "becomes", "predictions", "first", "passes", "tried",
    "stopped",
)  # fmt: skip


def add_arguments(parser) -> None:
    add_model_and_image(parser)
    search = parser.add_argument_group("search")
    search.add_argument(
        "--map", type=Path, metavar="SIDECAR", help="in the order of this map (.json of 'seghirescam explain')"
    )
    search.add_argument(
        "--order", choices=(*ORDERS, ALL), default="map",
        help="of the map (default), random, reverse, or all three, to see what the map is worth",
    )  # fmt: skip
    search.add_argument("--within", metavar="LABELMAP[:value|:name]", help="only this region may be masked out")
    search.add_argument(
        "--clearance-mm", type=float, default=0.0, metavar="MM",
        help="distance that painted regions keep from the pixel set (default: 0, the set itself is left alone)",
    )  # fmt: skip
    search.add_argument("--anywhere", action="store_true", help="the pixel set itself may be masked out, too")
    search.add_argument(
        "--gone", type=float, default=0.5, metavar="0..1",
        help="the segment counts as gone where less than this share of it is left (default: 0.5)",
    )  # fmt: skip
    search.add_argument(
        "--most", type=float, default=0.25, metavar="0..1",
        help="share of what may be masked out that is masked out at once, at most (default: 0.25)",
    )  # fmt: skip
    search.add_argument("--finest-mm", type=float, default=8.0, metavar="MM", help="finest blocks (default: 8)")
    search.add_argument(
        "--predictions", type=int, default=100, metavar="N", help="of one order's search, at most (default: 100)"
    )
    search.add_argument("--seed", type=int, default=0, help="of ties and of the random order (default: 0)")
    others = ("grid", "draws", *NOISE, "random_seed")
    add_question(parser, once=("pixel_sets", "methods", "layers"), without=others)
    add_paper(add_result(parser))
    add_device(parser)


@into_folder
def run(options, console, place) -> int:
    limits = _checked(options)
    asked = understood(options)
    refuse_unknown_methods(asked)
    stored = read_sidecar(options.map) if options.map else None
    case = AskedCase(options, asked)
    within = read_segment(options.within) if options.within else None
    opened = case.open(console)
    if within is not None:
        within = on_image(options.within, within, opened.image, opened.rule)
    found, moved = opened.on_some_device(lambda: _searched(case, options, limits, within, stored, console))
    request = case.request | {
        "search": {
            key: getattr(options, key)
            for key in ("order", "clearance_mm", "anywhere", "gone", "most", "finest_mm", "predictions", "seed")
        },
        "within_sha256": "" if within is None else within.content_hash,
        "map_sha256": stored.facts["file"]["sha256"] if stored else "",
    }  # fmt: skip
    console.progress(1.0, "writing")
    told = [note for one in (opened.image, case.segment, within) for note in getattr(one, "notes", ())]
    notes = list(dict.fromkeys([*told, *moved, *found.notes]))
    with place.filled("flip", request, opened.model) as folder:
        facts = _write(folder, options, opened, found, request, notes)
    for note in notes:
        console.note(note)
    text = "\n".join(found.sentences)
    console.answer(facts, f"{text}\n\n{table(_rows(found.flips))}\n\nWritten: {', '.join([*facts['files'], RESULT])}.")
    return 0


def _checked(options):
    """The search's limits; refuses words that do not go together before anything is read."""
    from ...evaluation.causes.smallest_flip import SearchLimits

    check_look(options)
    words = {"methods": "--method", "layers": "--layer", "side": "--side"}
    made = [word for name, word in words.items() if getattr(options, name) is not None]
    if options.map and made:
        raise OutputError(f"--map names a map, so {', '.join(made)} cannot be given.", "Leave one of the two away.")
    if options.anywhere and options.clearance_mm:
        raise OutputError("Both --anywhere and --clearance-mm were given.", "Name one of them.")
    if options.seed < 0:
        raise OutputError("A seed is 0 or more.", "Use --seed 0, for example.")
    clearance = None if options.anywhere else options.clearance_mm
    return SearchLimits(options.finest_mm, options.gone, options.most, options.predictions, clearance, options.seed)


class _Found:
    """flips: of each order; painting: of the first that flips, or None; heat: the map that was made, or None."""

    def __init__(self, flips, painting, heat, pixels, mask, class_name, notes):
        from ...evaluation.causes.flip_words import sentence

        self.flips, self.painting, self.heat, self.mask, self.notes = flips, painting, heat, mask, notes
        self.sentences = [sentence(flip, pixels.label, class_name) for flip in flips]


def _searched(case, options, limits, within, stored, console) -> _Found:
    from ...evaluation.causes.smallest_flip import flips_in
    from ...evaluation.painting.intervention import paint_in
    from ...evaluation.trust.explained_case import frozen
    from ...protocol.progress import Progress
    from ...protocol.recipes import Segment, hardened, mask_on
    from ...session.understood import score_of
    from ..paint import other_case

    opened, (recipe,), words = case.opened, case.recipes, case.asked.question(case.opened)
    session, tell, notes, heat = opened.session, Progress(console.progress), [], None
    score = score_of(opened.model, words["class_index"], words["score"], words["rival"])
    grid = opened.image.grid
    pixels = frozen(session, recipe, words["class_index"], tell.part(0.0, 0.05))
    if stored is None:
        (heat,) = session.ask(Segment(pixels), **words, progress=tell.part(0.05, 0.15))
        density = heat.resampled_to(grid).array
        notes += heat.notes
    else:
        density, _ = stored.density_on(grid)
        notes += other_case(stored.facts, opened, words["class_index"])
    flips = flips_in(
        session, pixels, score, density, orders=ORDERS if options.order == ALL else (options.order,),
        within=None if within is None else hardened(within.on(grid).weights), limits=limits,
        before=lambda cost: console.note(f"This takes {cost}."), progress=tell.part(0.15, 0.95),
    )  # fmt: skip
    first, painting = next((flip for flip in flips if flip.found), None), None
    if first is not None:
        painting = paint_in(session, first.region, recipe, score, margin_mm=0.0, progress=tell.part(0.95, 1.0))
        before = {painting.class_name: painting.sizes()[f"predicted {painting.class_name}"]}
        notes += [*painting.notes, *prediction_notes(before)]
    mask = mask_on(grid, recipe, pixels)
    return _Found(flips, painting, heat, pixels, mask, opened.model.class_name(score.class_index), notes)


def _write(folder, options, opened, found, request, notes):
    if found.painting is not None:
        write_painting(folder, options, opened, found.painting, found.heat, request)
    elif found.heat is not None:
        import numpy as np

        from ...io.volumes import write_volume

        write_volume(folder / f"pixel_set_1.{options.format}", found.mask.astype(np.uint8), opened.image.grid)
        write_map(folder, options, opened, found.heat, found.mask, request)
    rows = []
    for flip in found.flips:
        size = flip.size
        facts = flip.to_json() | {"voxels": size.voxels if size else None, "ml": size.ml if size else None}
        rows.append({key: facts[key] for key in COLUMNS})
    write_rows(folder / TABLE, COLUMNS, rows)
    files = {path.name: hash_of(path) for path in sorted(folder.iterdir())}
    both = zip(found.flips, found.sentences, strict=True)
    facts = {
        "format": FORMAT, "flips": [flip.to_json() | {"sentence": sentence} for flip, sentence in both],
        "painting": None if found.painting is None else found.painting.to_json(),
        "pixel_set_size": Size.of(found.mask, opened.image.grid).to_json(),
        "request": request, "files": files, "notes": notes,
    }  # fmt: skip
    return write_json(folder / RESULT, facts)


def _rows(flips):
    rows = [("order", "region", "left", "first flip", "predictions", "passes")]
    for flip in flips:
        size = flip.size
        region = "none found" if size is None else f"{size.voxels} pixels" if size.ml is None else f"{size.ml:.3g} ml"
        first = "-" if flip.first is None else str(flip.first)
        rows.append((flip.order, region, f"{100 * flip.left:.3g} %", first, str(flip.predictions), str(flip.passes)))
    return rows
