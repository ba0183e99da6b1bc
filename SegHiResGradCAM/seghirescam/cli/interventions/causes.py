"""What made the network say so: which input image mattered, and which anatomy?"""

from __future__ import annotations

from ...io.file_content import hash_of
from ...protocol.csv_text import write_rows
from ...protocol.errors import PixelSetError
from ..asked_case import AskedCase
from ..console import table
from ..figure import add_paper, check_dpi
from ..inputs import add_device, add_model_and_image, assigned, in_colour, read_image, refuse_absent
from ..manifest import write_json
from ..outputs import OutputError, add_result, into_folder
from ..question_options import NOISE, add_question, refuse_unknown_methods, understood
from ..segments.given_labels import label_map_on, layers_of, read_label_map

HELP = "Share the score out among the model's input images, or among the segments: what mattered, not where it shows."
MORE = """Shapley values of the mean score over the pixel set: what each player adds while the others come and go in
every order. Players are replaced by a stated baseline and the model is run again, 2^n times for n players up to 8, in
drawn orders with standard errors beyond; how often is said before it starts. Writes result.json, table.csv, figure.png.
With --of anatomy each segment's share of a map's evidence stands beside its cause."""
EXAMPLE = """seghirescam causes demo:shortcut --image demo:case --segment demo:case:Lesion --class lesion \\
      --score contrast --rival look-alike --of anatomy --labels demo:case --out causes/"""
FORMAT, RESULT, TABLE, FIGURE = "seghirescam-causes-1", "result.json", "table.csv", "figure.png"
CHANNELS, ANATOMY = "channels", "anatomy"
COLUMNS = (
    "pixel_set", "class_name", "name", "value", "standard_error", "share", "unit", "voxels", "ml", "pixel_set_inside",
    "evidence_share", "evidence_chance", "baseline",
)  # fmt: skip


def add_arguments(parser) -> None:
    add_model_and_image(parser)
    shared = parser.add_argument_group("shared out among")
    shared.add_argument("--of", choices=(CHANNELS, ANATOMY), required=True, help="the model's channels, or segments")
    shared.add_argument(
        "--labels", action="append", default=[], metavar="LABELMAP[:names.json]",
        help="the segments, for --of anatomy (repeatable); what none of them holds is 'the rest'",
    )  # fmt: skip
    shared.add_argument(
        "--baseline", choices=("blur", "mean", "zero", "other"),
        help="what takes the place of what is taken away: the image blurred (10 mm; default), each channel's mean over "
        "the body, zero (channels of prompts), or --other",
    )  # fmt: skip
    shared.add_argument(
        "--other", action="append", default=[], metavar="[CHANNEL=]PATH",
        help="another case's image that covers this one, as --image; the baseline is 'other' then",
    )  # fmt: skip
    shared.add_argument(
        "--permutations", type=int, default=32, metavar="N",
        help="orders drawn for more than 8 players, in pairs (default: 32)",
    )  # fmt: skip
    shared.add_argument("--seed", type=int, default=0, help="of the drawn orders (default: 0)")
    add_question(parser, once=("methods", "layers"), without=("grid", "draws", *NOISE, "random_seed"))
    add_paper(add_result(parser, maps=False), window=False)
    add_device(parser)


@into_folder
def run(options, console, place) -> int:
    baseline = _checked(options)
    asked = understood(options)
    refuse_unknown_methods(asked)
    case = AskedCase(options, asked)
    label_maps = [read_label_map(text) for text in options.labels]
    if options.other:
        refuse_absent(options.other)
    opened = case.open(console)
    other, others = None, []
    if options.other:
        if not in_colour(options.other, opened.model.channels):
            assigned(options.other, opened.model.channels)
        other, others = read_image(options.other, opened.model.channels, console, opened.rule)
    label_maps = [label_map_on(*both, opened) for both in zip(options.labels, label_maps, strict=True)]
    words = {"baseline": baseline, "other": other, "permutations": options.permutations, "seed": options.seed}
    (found, heat), moved = opened.on_some_device(lambda: _shared_out(case, options, label_maps, words, console))
    request = case.request | {
        "of": options.of, "baseline": baseline, "other_channels": others,
        "labels_sha256": [digest for _, digest in label_maps],
        "permutations": options.permutations, "seed": options.seed,
    }  # fmt: skip
    console.progress(1.0, "writing")
    read = [*opened.image.notes, *(note for (label_map, _), _ in label_maps for note in label_map.notes)]
    notes = list(dict.fromkeys([*read, *moved, *(note for one in found for note in one.notes)]))
    with place.filled("causes", request, opened.model) as folder:
        facts = _write(folder, options, found, heat, request, notes)
    for note in notes:
        console.note(note)
    text = "\n\n".join(f"{one.to_json()['sentence']}\n\n{table(_rows(one))}" for one in found)
    console.answer(facts, f"{text}\n\nWritten: {', '.join([*facts['files'], RESULT])}.")
    return 0


def _checked(options) -> str:
    """The baseline; refuses words that do not go together before anything is read."""
    check_dpi(options)
    if options.of == ANATOMY and not options.labels:
        raise PixelSetError("The anatomy is told by segments, and none were given.", "Add --labels LABELMAP.")
    given = [word for name, word in (("labels", "--labels"), ("methods", "--method"), ("layers", "--layer"))
             if getattr(options, name)]  # fmt: skip
    if options.of == CHANNELS and given:
        raise OutputError(f"{', '.join(given)} goes with --of {ANATOMY} only.", "Leave one of the two away.")
    if options.seed < 0:
        raise OutputError("A seed is 0 or more.", "Use --seed 0, for example.")
    baseline = options.baseline or ("other" if options.other else "blur")
    if (baseline == "other") != bool(options.other):
        raise OutputError("--other and the baseline 'other' go together.", "Give both, or leave both away.")
    return baseline


def _shared_out(case, options, label_maps, words, console):
    """([Causes], the map of the first pixel set or None)"""
    from ...evaluation.causes.anatomy_causes import anatomy_causes, maps_beside, masks_by_name
    from ...evaluation.causes.channel_causes import channel_causes
    from ...evaluation.trust.explained_case import frozen
    from ...protocol.progress import Progress
    from ...protocol.recipes import mask_on
    from ...session.understood import score_of

    opened, question = case.opened, case.asked.question(case.opened)
    session, tell = opened.session, Progress(console.progress)
    score = score_of(opened.model, question["class_index"], question["score"], question["rival"])
    pixels = [frozen(session, recipe, question["class_index"], tell.part(0.0, 0.1)) for recipe in case.recipes]
    scores = [score] * len(pixels)

    def before(cost):
        console.note(f"This takes {cost}.")

    if options.of == CHANNELS:
        return channel_causes(session, pixels, scores, **words, before=before, progress=tell.part(0.1, 1.0)), None
    grid = opened.image.grid
    segments = masks_by_name([layer for label_map, _ in label_maps for layer in layers_of(label_map, grid)])
    where = [mask_on(grid, *both) for both in zip(case.recipes, pixels, strict=True)]
    maps, told = maps_beside(session, pixels, question, tell.part(0.1, 0.2))
    beside = {"maps": maps, "where": where, "told": told, "before": before, "progress": tell.part(0.2, 1.0)}
    found = anatomy_causes(session, segments, pixels, scores, **beside, **words)
    return found, maps[0] if maps else None


def _write(folder, options, found, heat, request, notes):
    from ...figures.cause_bars import draw_causes
    from ...figures.style import DARK, LIGHT, save

    rows = []
    for one in found:
        for cause in one.causes:
            size = cause.size
            rows.append(dict(zip(COLUMNS, (
                one.pixel_set_label, one.class_name, cause.name, cause.value, cause.error, cause.share.value, one.unit,
                None if size is None else size.voxels, None if size is None else size.ml, cause.inside,
                cause.evidence.value, cause.evidence.chance, one.baseline,
            ), strict=True)))  # fmt: skip
    write_rows(folder / TABLE, COLUMNS, rows)
    save(draw_causes(found, DARK if options.dark else LIGHT), folder / FIGURE, options.dpi)
    files = {path.name: hash_of(path) for path in sorted(folder.iterdir())}
    facts = {
        "format": FORMAT, "causes": [one.to_json() for one in found],
        "map": None if heat is None else {"method": heat.method, "layer": heat.layer.name, "title": heat.title()},
        "request": request, "files": files, "notes": notes,
    }  # fmt: skip
    return write_json(folder / RESULT, facts)


def _rows(one):
    anatomy = one.of == ANATOMY
    heads = [one.of[:-1] if one.of == CHANNELS else "segment", f"adds ({one.unit})"]
    heads += ["± (s.e.)"] * (not one.exact) + ["of the change"]
    heads += ["size", "of the pixel set", "of the map's evidence"] * anatomy
    rows = [tuple(heads)]
    for cause in one.ranked:
        row = [cause.name, f"{cause.value:.4g}"]
        row += [] if one.exact else [f"{cause.error:.2g}"]
        row.append(_percent(cause.share.value))
        if anatomy:
            size = cause.size
            row.append(f"{size.voxels} pixels" if size.ml is None else f"{size.ml:.3g} ml")
            row += [_percent(cause.inside), _percent(cause.evidence.value)]
        rows.append(tuple(row))
    return rows


def _percent(share):
    return "-" if share is None else f"{100 * share:.3g} %"
