"""Why did the network draw that? Maps with sidecars into a folder, and a table of what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import ModelError
from ..evaluation.shares import chance, share
from ..spread import refuse_number
from .console import table
from .inputs import Opened, add_device, add_model_and_image
from .outputs import OutputError, check_folder, made_whole
from .questions import Asked, add_question, given_words, read_segment, understood
from .sidecars import INPUT, map_name, read_sidecar, write_result

HELP = "Explain a segment, or a model's prediction, by Seg-HiRes-Grad CAM and its relatives."
MORE = """Writes one map a pixel set, layer and method, signed and unscaled, with a .json sidecar from which the run can
be repeated, and prints what share of the evidence lies inside the pixel set, beside the share that evenly spread
evidence would have (chance)."""
EXAMPLE = """seghirescam explain demo:shortcut --image brain.nrrd --segment bodies.seg.nrrd:Lesion --class lesion \\
      --score contrast --rival look-alike --layer encoder.2 --out why/"""
SUFFIXES = (".nii.gz", ".nrrd")


def add_arguments(parser) -> None:
    add_model_and_image(parser)
    add_question(parser)
    parser.add_argument(
        "--draws", type=int, metavar="N",
        help="of such a network: the mean map of N draws (their seeds count up), and how far they differ",
    )  # fmt: skip
    writing = parser.add_argument_group("result")
    writing.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="folder for maps and sidecars")
    writing.add_argument(
        "--format", choices=[s[1:] for s in SUFFIXES], default="nii.gz", help="of the maps (default: nii.gz)"
    )
    writing.add_argument("--overwrite", action="store_true", help="write into a folder that is not empty")
    writing.add_argument(
        "--repeat", type=Path, metavar="SIDECAR",
        help="ask again what this .json tells, of the same model, images and segment (their hashes are compared)",
    )  # fmt: skip
    add_device(parser)


def run(options, console) -> int:
    from ..compare import mask_on

    check_folder(options.out, options.overwrite)
    before = _request_of(options) if options.repeat else None
    asked = Asked.from_json(before["question"]) if before else understood(options)
    options.precision, options.tolerance = asked.precision, asked.tolerance
    options.random_seed = asked.random_seed
    refuse_number(asked.draws)
    segment = read_segment(options.segment) if options.segment else None
    recipes = asked.recipes(segment)
    opened = Opened(options, console, classes=[asked.class_name, *([asked.rival] if asked.rival else [])])
    request = {
        "question": asked.to_json(),
        "channels": opened.channels,
        "segment_sha256": segment.content_hash if segment is not None else "",
        "weights_sha256": opened.model.weights_hash,
    }
    if before:
        _refuse_other(before, request)
    found, pixels, notes = _answered(opened, asked, recipes, console)
    masks = [mask_on(opened.image.grid, *both) for both in zip(recipes, pixels, strict=True)]
    console.progress(1.0, "writing")
    with made_whole(options.out) as folder:
        results = _write(folder, f".{options.format}", opened.image.grid, found, pixels, masks, request, notes)
    for note in dict.fromkeys(note for facts in results for note in facts["notes"]):
        console.note(note)
    console.answer({"results": [_short(facts) for facts in results]}, _text(results))
    return 0


def _answered(opened, asked, recipes, console):
    """(explanations, M of each recipe on the model grid, notes); on the CPU where a GPU chosen by us has no room."""
    (found, pixels), notes = opened.on_some_device(lambda: _ask(opened, asked, recipes, console))
    return found, pixels, notes


def _ask(opened, asked, recipes, console):
    from .engine import resolve

    session, index = opened.session, opened.class_index(asked.class_name)
    pixels = resolve(session, recipes, index, console.progress)
    found = session.ask(
        pixels,
        class_index=index,
        methods=list(asked.methods),
        layers=asked.engine_layers,
        score=asked.score,
        rival=None if asked.rival is None else opened.class_index(asked.rival),
        side=asked.side,
        draws=asked.draws,
        progress=console.progress,
    )
    return found, pixels


def _write(folder, suffix, grid, found, pixels, masks, request, notes):
    from ..files import write_volume

    for n, mask in enumerate(masks, start=1):
        write_volume(folder / f"pixel_set_{n}{suffix}", mask.astype(np.uint8), grid)
    place = {p.content_hash: n for n, p in reversed(list(enumerate(pixels)))}
    results = []
    for number, explanation in enumerate(found, start=1):
        n = place[explanation.provenance["pixel_set_sha256"]]
        placed = explanation.resampled_to(grid)
        inside, even = share(placed.array, masks[n]), chance(masks[n])
        more = {
            "request": request,
            "pixel_set_file": f"pixel_set_{n + 1}{suffix}",
            "evidence": {"inside": inside, "chance": even, "lift": inside / even if even else None},
            "notes": [*explanation.notes, *notes],
        }
        name = map_name(number, explanation, suffix)
        kept = placed if request["question"]["grid"] == INPUT else None
        results.append(write_result(folder, name, suffix, explanation, kept, more))
    return results


def _request_of(options):
    mixed = given_words(options)
    if mixed:
        raise OutputError(
            f"--repeat takes the question from the sidecar, so {', '.join(mixed)} cannot be given.",
            "Leave one of the two away.",
        )
    return read_sidecar(options.repeat).facts["request"]


def _refuse_other(before, now):
    """The same question about another case would be another result under the old one's name."""
    called = {"weights_sha256": "model", "segment_sha256": "segment"}
    other = [word for key, word in called.items() if before[key] != now[key]]
    hashes = [c["sha256"] for c in before["channels"]], [c["sha256"] for c in now["channels"]]
    other += ["image"] if hashes[0] != hashes[1] else []
    if other:
        raise ModelError(
            f"This is another {' and another '.join(other)} than the sidecar tells (its hash differs).",
            "Give the same files as then, or ask without --repeat.",
        )


def _short(facts):
    keys = (
        "method",
        "class_name",
        "pixel_set",
        "status",
        "reason",
        "unit",
        "score",
        "total",
        "completeness",
        "evidence",
        "notes",
    )
    return {
        "map": facts["file"]["name"],
        "layer": facts["layer"]["name"],
        "pixel_set_file": facts["pixel_set_file"],
        **{key: facts[key] for key in keys},
    }


def _text(results):
    rows = [("map", "pixel set", "status", "total", "score", "complete", "inside", "chance", "lift")]
    for facts in results:
        evidence = facts["evidence"]
        rows.append((
            facts["file"]["name"], facts["pixel_set"], facts["status"],
            _number(facts["total"]), _number(facts["score"]),
            _percent(facts["completeness"]), _percent(evidence["inside"]), _percent(evidence["chance"]),
            "-" if evidence["lift"] is None else f"{evidence['lift']:.1f}x",
        ))  # fmt: skip
    unit = results[0]["unit"]
    return (
        f"{table(rows)}\n\nTotal and score in {unit}; complete: total / score; inside: share of the positive evidence "
        "in the pixel set, chance: if it were spread evenly."
    )


def _number(value):
    return "-" if value is None else f"{value:.5g}"


def _percent(value):
    return "-" if value is None else f"{100 * value:.3g} %"
