"""Is the map faithful? Numbers about explanations of one case: where, used, simple, and with --full sane and stable."""

from __future__ import annotations

from itertools import count

from ..evaluation.metrics.ground import lift_text
from ..io.segments_on_images import on_image
from ..protocol.errors import EmptyPixelSetError
from ..protocol.pixel_set import refuse_elsewhere
from ..protocol.progress import Progress
from ..protocol.sizes import Size
from .asked_case import AskedCase
from .console import table
from .evaluation_files import write_evaluations
from .figure import add_paper, check_dpi
from .inputs import add_device, add_model_and_image
from .manifest import NAME as MANIFEST
from .outputs import OutputError, add_result, into_folder
from .question_options import NOISE, add_question, refuse_unknown_methods, understood
from .segments.given_labels import label_map_on, layers_of, read_label_map

HELP = "Evaluate explanations: is the map faithful? Numbers with a status, chance and lift beside every share."
MORE = """Writes evaluation.json (all of it, with the request, thresholds, cost and versions), metrics.csv, with
--labels by_label.csv (evidence by organ), and with --curves or --full curves.csv and the figure curves.png and .pdf.
Without --full it adds at most 3 predictions to an explanation and judges nothing; --full asks the question again,
removes what the map marks, randomises the network and perturbs the image, says beforehand what that takes, and ends
with three lines and a verdict."""
EXAMPLE = """seghirescam evaluate demo:shortcut --image demo:case --segment demo:case:Lesion --class lesion \\
      --score contrast --rival look-alike --labels demo:case --full --out evaluated/"""
#: the region that is always measured
OWN = "pixel set"
#: rows that stand in the files only
_DETAILS = ("randomised_", "changed_", "relative_l2_")


def add_arguments(parser) -> None:
    add_model_and_image(parser)
    add_question(parser, once=("pixel_sets",), without=("grid", "draws", *NOISE, "random_seed"))
    measured = parser.add_argument_group("measured")
    measured.add_argument(
        "--reference", action="append", default=[], metavar="LABELMAP[:value|:name]",
        help="a region in and near which evidence is counted, beside the pixel set itself (repeatable)",
    )  # fmt: skip
    measured.add_argument(
        "--labels", action="append", default=[], metavar="LABELMAP[:names.json]",
        help="a label map: evidence by label; names from the file, a .json beside it, or one after a colon",
    )  # fmt: skip
    measured.add_argument(
        "--full",
        action="store_true",
        help="made again, cells removed, randomised weights, stability, and a verdict (minutes)",
    )
    measured.add_argument("--curves", action="store_true", help="deletion and insertion of the context (minutes)")
    measured.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    add_paper(add_result(parser, maps=False), window=False)
    add_device(parser)


@into_folder
def run(options, console, place) -> int:
    _check(options)
    asked = understood(options)
    refuse_unknown_methods(asked)
    case = AskedCase(options, asked)
    references = _told_apart([_reference(text) for text in options.reference])
    label_maps = [read_label_map(text) for text in options.labels]
    opened = case.open(console)
    named = [name for name, _ in references]
    placed = [_reference_on(*both, opened) for both in zip(options.reference, references, strict=True)]
    references = list(zip(named, placed, strict=True))
    label_maps = [label_map_on(*both, opened) for both in zip(options.labels, label_maps, strict=True)]
    (found, costs, sizes), notes = opened.on_some_device(
        lambda: _evaluated(case, options, references, label_maps, console)
    )
    read = [pixels.notes for _, pixels in references] + [label_map.notes for (label_map, _), _ in label_maps]
    notes = list(dict.fromkeys([*notes, *(note for several in read for note in several)]))
    request = case.request | {
        "tier": "full" if options.full else "fast",
        "curves": options.curves,
        "seed": options.seed,
        "references": [{"name": name, "sha256": pixels.content_hash} for name, pixels in references],
        "labels_sha256": [digest for _, digest in label_maps],
    }
    console.progress(1.0, "writing")
    with place.filled("evaluate", request, opened.model) as folder:
        facts = write_evaluations(folder, options, found, costs, request, notes, sizes)
        files = sorted([MANIFEST, *(path.name for path in folder.iterdir())])
    for note in dict.fromkeys([*notes, *(n for one in found for n in one.explanation.notes)]):
        console.note(note)
    console.answer(facts | {"files": files}, _text(found, files, sizes))
    return 0


def _evaluated(case, options, references, label_maps, console):
    """([Evaluation], [what each cost], {region: its Size}); the costs of the full tier are told before it starts."""
    from ..evaluation.evaluate import evaluate_in
    from ..evaluation.trust.explained_case import frozen
    from ..evaluation.trust.rows import FAST, FULL
    from ..protocol.recipes import mask_on

    opened, asked, words = case.opened, case.asked, case.asked.question(case.opened)
    # unlike 'explain' it keeps the pass: the checks ask about it again and again
    session = opened.new_session(keep=True)
    try:
        known = frozen(session, case.recipes[0], words["class_index"], console.progress)
        grid = opened.image.grid
        regions = {OWN: mask_on(grid, case.recipes[0], known)} | {n: _on(pixels, grid) for n, pixels in references}
        labels = [layer for label_map, _ in label_maps for layer in layers_of(label_map, grid)]
        pairs = _pairs(session, asked, console)
        found, costs = [], []
        for n, (method, layer) in enumerate(pairs):
            own = words | {"methods": [method], "layers": layer}
            before = f"{method}: " if len(pairs) > 1 else ""
            tell = Progress(console.progress).part(n / len(pairs), (n + 1) / len(pairs), before)
            made, passes = _made(session, known, own, options, console)
            cost = _cost(session, known, own, passes, options, console)
            one = evaluate_in(
                session, known, own, references=regions, labels=labels, curves=options.curves, seed=options.seed,
                tier=FULL if options.full else FAST, made=made, progress=tell,
            )  # fmt: skip
            found.append(one)
            costs.append({"stated": cost, "took": one.trust.cost})
    finally:
        session.release()
    return found, costs, {name: Size.of(mask, grid) for name, mask in regions.items()}


def _made(session, pixels, words, options, console):
    """(explanation, passes it took) of a method with passes of its own, which the full tier's cost is told by; else
    (None, None)."""
    from ..cam.methods import method

    known = method(words["methods"][0])
    if not (options.full and known.needs_context):
        return None, None
    before = session.forward_calls
    found = session.ask(pixels, **words | ({"layers": "main"} if known.at_input else {}), progress=console.progress)
    return found[0], session.forward_calls - before


def _cost(session, pixels, words, passes, options, console) -> str:
    """What --full and --curves will take, said on stderr before they start; "" for the fast tier.

    passes: of an explanation, of a method with passes of its own.
    """
    from ..evaluation.deletion.gains import cost
    from ..evaluation.trust.trust_cost import full_cost
    from ..evaluation.trust.verdict_limits import ORDERS

    if not (options.full or options.curves):
        return ""
    told = []
    if options.full:
        known = {"seconds_per_pass": _pace(session, pixels), "forwards_per_explanation": passes}
        told.append(full_cost(session, pixels, words, **known).text)
    if options.curves:
        curves = (1 if options.full else 2) * (ORDERS + 1)
        told.append(f"at most {cost(curves)} predictions for the curves")
    text = ", and ".join(told)
    console.note(f"{words['methods'][0]}: this takes {text}.")
    return text


def _pace(session, pixels):
    """Seconds of a forward pass: one prediction is made and timed."""
    import time

    from ..evaluation.painting.rerun import Rerun

    rerun, started = Rerun.of(session), time.perf_counter()
    rerun.see(session.image, around=pixels)
    return (time.perf_counter() - started) / rerun.forward_calls


def _pairs(session, asked, console):
    """[(method name, layer word or [layer name])]: every method at every layer; maps on the image know no layer."""
    from ..cam.methods import method

    if len(asked.layers) == 1 and asked.layers[0] != "main":
        layers = [asked.engine_layers]
    elif asked.layers == ("main",):
        layers = [[layer.name] for layer in session.layers(console.progress) if layer.main]
    else:
        layers = [[name] for name in asked.layers]
    return [(name, layer) for name in asked.methods for layer in (layers[:1] if method(name).at_input else layers)]


def _check(options):
    check_dpi(options)
    if options.seed < 0:
        raise OutputError("A seed is 0 or more.", "Use --seed 0, for example.")


def _reference(text):
    """(name, pixel set); a label without a voxel is an empty region, which every number answers with its status."""
    import numpy as np

    from ..io.label_maps import read_labels, split_label

    path, wanted = split_label(text)
    found = read_labels(path)
    name = wanted or "reference"
    try:
        pixels = found.pixel_set(wanted)
    except EmptyPixelSetError:
        from ..protocol.pixel_set import PixelSet

        pixels = PixelSet(np.zeros(found.grid.shape, np.float32), found.grid, f"segment '{name}'")
    return name, pixels


def _reference_on(text, reference, opened):
    """The region again, now that its image is known; see :func:`segments_on_images.on_image`."""
    _, pixels = reference
    if pixels.is_empty:
        refuse_elsewhere(pixels.grid, opened.image.grid, pixels.label)
        return pixels
    return on_image(text, pixels, opened.image, opened.rule)


def _told_apart(references):
    """The same [(name, pixel set)] with names that are there once: "organ", "organ 2"."""
    taken, found = {OWN}, []
    for name, pixels in references:
        free = (f"{name} {n}" if n > 1 else name for n in count(1))
        own = next(word for word in free if word not in taken)
        taken.add(own)
        found.append((own, pixels))
    return found


def _on(pixels, grid):
    """The region on the image's grid; raises PixelSetError where it lies outside the image."""
    return pixels if pixels.is_empty else pixels.on(grid)


def _text(found, files, sizes):
    parts = []
    for one in found:
        over = one.ground.over
        rows = [("metric", "reference", "value", "unit", f"chance over {over}", f"lift over {over}", "status")]
        for row in one.rows:
            if row.metric.startswith(_DETAILS):
                continue
            value = row.value
            rows.append((
                row.metric, row.reference, _number(value.value), value.unit, _over(value, over, _number(value.chance)),
                _over(value, over, lift_text(value.lift)), value.status,
            ))  # fmt: skip
        verdict = "\n".join([*(line.text for line in one.trust.lines), one.trust.verdict_sentence])
        parts.append(f"{one.explanation.title()}\n{table(rows)}\n\n{verdict}")
    regions = "\n".join(f"{name}: {size.words}." for name, size in sizes.items())
    counted = f"Chance: if the evidence were spread evenly over {found[0].ground.words}; lift: value / chance."
    return "\n\n".join([*parts, regions]) + f"\n{counted}\nWritten: {', '.join(files)}."


def _over(value, over, text):
    """A number under a head that says over what chance was counted; another ground stands beside it."""
    return f"{text} ({value.over})" if text != "-" and value.over not in ("", over) else text


def _number(value):
    return "-" if value is None else f"{value:.4g}"
