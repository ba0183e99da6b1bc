"""Why did the network draw that? Maps with sidecars into a folder, and a table of what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..evaluation.metrics.ground import Ground, lift_text
from ..io.dicom_maps import is_parametric_map, parameters_of
from ..io.dicom_out.parameters import asked_by
from ..protocol.display.map_grids import LAYER
from ..protocol.errors import ModelError
from ..protocol.question import refuse_draws
from ..protocol.sizes import Size, heads, prediction_notes
from ..session.sets.asked_sets import AskedSet
from .asked_case import AskedCase
from .console import table
from .dicom.dicom_files import regions_name, suffix_of
from .inputs import add_device, add_model_and_image
from .outputs import DICOM, OutputError, add_result, into_folder
from .question_options import Asked, add_question, given_words, refuse_unknown_methods, understood
from .segments.explain_many import explain_many
from .segments.many_case import is_about_many
from .sidecars import map_name, read_sidecar, write_result

HELP = "Explain a segment, or a model's prediction, by Seg-HiRes-Grad CAM and its relatives."
MORE = """Writes one map a pixel set, layer and method, signed and unscaled, with a .json sidecar from which the run can
be repeated, and prints what share of the evidence lies inside the pixel set, beside the share that evidence
spread evenly over the body would have (chance; over the whole image where no body is found)."""
EXAMPLE = """seghirescam explain demo:shortcut --image demo:case --segment demo:case:Lesion --class lesion \\
      --score contrast --rival look-alike --layer encoder.2 --out why/"""


def add_arguments(parser) -> None:
    add_model_and_image(parser)
    add_question(parser, repeated=("class_name", "rival"))
    writing = add_result(parser, dicom=True)
    writing.add_argument(
        "--repeat", type=Path, metavar="SIDECAR|MAP",
        help="ask again what this .json (or DICOM parametric map) tells, of the same model, images and segment (their "
        "hashes are compared)",
    )  # fmt: skip
    add_device(parser)


@into_folder
def run(options, console, place) -> int:
    from ..protocol.recipes import mask_on

    earlier = _earlier(options) if options.repeat else None
    if options.format == DICOM and not options.repeat and options.grid is None:
        options.grid = LAYER  # kilobytes; viewers and Slicer place it by its own affine
    before = earlier["request"] if earlier else None
    if is_about_many(options, before):
        return explain_many(options, console, place, earlier, _refuse_other, _refuse_other_reading)
    asked = Asked.from_json(before["question"]) if before else understood(options)
    refuse_draws(asked.draws)
    refuse_unknown_methods(asked)
    case = AskedCase(options, asked)
    opened = case.open(console)
    if earlier:
        opened.model.fed_as(earlier["provenance"].get("axes", {}).get("order"))
        _refuse_other_preprocessing(earlier["provenance"], opened.model)
    request, recipes = case.request, case.recipes
    if before:
        _refuse_other(before, request)
    found, pixels, sizes, notes = _answered(opened, asked, recipes, console)
    if earlier:
        _refuse_other_reading(earlier["provenance"], found[0].provenance)
    notes = [*notes, *prediction_notes(sizes)]
    masks = [mask_on(opened.image.grid, *both) for both in zip(recipes, pixels, strict=True)]
    console.progress(1.0, "writing")
    ground = Ground.of(opened.image)
    predicted = {name: size.to_json() for name, size in sizes.items()}
    hashes: dict[str, str] = {}
    with place.filled("explain", request, opened.model, hashes) as folder:
        more = {"request": request, "predicted": predicted}
        results, places = _write(
            folder, case.dicom, suffix_of(options.format), ground, found, pixels, masks, more, notes, hashes
        )
    for note in dict.fromkeys(note for facts in results for note in facts["notes"]):
        console.note(note)
    told = [_short(facts) for facts in results]
    console.answer({"results": told, "predicted": predicted}, _text(results, [masks[n] for n in places], sizes, ground))
    return 0


def _answered(opened, asked, recipes, console):
    """(explanations, M of each recipe on the model grid, sizes of what was predicted, notes); on the CPU where a GPU
    chosen by us has no room."""
    (found, pixels, sizes), notes = opened.on_some_device(lambda: _ask(opened, asked, recipes, console))
    return found, pixels, sizes, notes


def _ask(opened, asked, recipes, console):
    sets = [AskedSet.of(recipe) for recipe in recipes]
    found = opened.session.ask(sets, **asked.question(opened), progress=console.progress)
    return found, [one.pixels for one in sets], dict(one.predicted for one in sets if one.predicted)


def _write(folder, dicom, suffix, ground, found, pixels, masks, asked, notes, hashes):
    """(facts of the results, the place of each one's pixel set)"""
    from ..io.volumes import write_volume

    grid = ground.grid
    if dicom is None:
        for n, mask in enumerate(masks, start=1):
            name = f"pixel_set_{n}{suffix}"
            hashes[name] = write_volume(folder / name, mask.view(np.uint8), grid)
    place = {p.content_hash: n for n, p in reversed(list(enumerate(pixels)))}
    results, places = [], [place[one.provenance["pixel_set_sha256"]] for one in found]
    for number, (explanation, n) in enumerate(zip(found, places, strict=True), start=1):
        name = map_name(number, explanation, suffix)
        placed = explanation.resampled_to(grid)
        more = {
            **asked,
            "pixel_set_file": f"pixel_set_{n + 1}{suffix}" if dicom is None else regions_name(name),
            "evidence": ground.evidence(placed.array, masks[n]),
            "pixel_set_size": Size.of(masks[n], grid).to_json(),
            "notes": [*explanation.notes, *notes],
        }
        facts = write_result(folder, name, suffix, explanation, placed, more, dicom)
        hashes[name] = facts["file"]["sha256"]
        if dicom is not None:
            about = folder / facts["pixel_set_file"]
            hashes[about.name] = dicom.write_regions(about, masks[n], placed.array, grid, facts)
        results.append(facts)
    return results, places


def _earlier(options):
    """The facts of the sidecar to repeat, or those of them that a parametric map holds."""
    mixed = given_words(options)
    if mixed:
        raise OutputError(
            f"--repeat takes the question from the sidecar, so {', '.join(mixed)} cannot be given.",
            "Leave one of the two away.",
        )
    if is_parametric_map(options.repeat):
        return asked_by(parameters_of(options.repeat))
    return read_sidecar(options.repeat).facts


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


def _refuse_other_preprocessing(then, model):
    """What a description does to an image is no part of the weights' hash either."""
    from ..models.preprocessing.preprocessing_words import written

    before = then.get("preprocessing", [])
    if before != list(model.preprocessing):
        raise ModelError(
            "The model's description prepares images otherwise than the sidecar tells.",
            f"Write {written(before)} into it, or ask without --repeat."
            if before
            else "Leave its preprocessing out as then, or ask without --repeat.",
        )


def _refuse_other_reading(then, now):
    """What the description says of the outputs is no part of the weights' hash, and makes it another question."""
    words = ("head", "activation", "output", "logits_enlarged")
    changed = [w for w in words if "head" in then and then.get(w) != now.get(w)]
    if changed:
        raise ModelError(
            f"The model's outputs are read otherwise than the sidecar tells ({', '.join(changed)}).",
            "State them as then in its description, or ask without --repeat.",
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
        "pixel_set_size",
        "notes",
    )
    return {
        "map": facts["file"]["name"],
        "layer": facts["layer"]["name"],
        "pixel_set_file": facts["pixel_set_file"],
        **{key: facts[key] for key in keys},
    }


def _text(results, masks, sizes, ground):
    """masks: the pixel set of each result."""
    over = (f"chance over {ground.over}", f"lift over {ground.over}")
    rows = [("map", "pixel set", *heads(ground.grid), "status", "total", "score", "complete", "inside", *over)]
    for facts, mask in zip(results, masks, strict=True):
        evidence = facts["evidence"]
        rows.append((
            facts["file"]["name"], facts["pixel_set"], *Size.of(mask, ground.grid).cells, facts["status"],
            _number(facts["total"]), _number(facts["score"]),
            _percent(facts["completeness"]), _percent(evidence["inside"]), _percent(evidence["chance"]),
            lift_text(evidence["lift"]),
        ))  # fmt: skip
    unit = results[0]["unit"]
    drawn = "".join(f"\nPredicted {name}: {size.words}, on the model's grid." for name, size in sizes.items())
    return (
        f"{table(rows)}\n\nTotal and score in {unit}; complete: total / score; inside: share of the positive evidence "
        f"in the pixel set; chance: if it were spread evenly over {ground.words}; lift: inside / chance.{drawn}"
    )


def _number(value):
    return "-" if value is None else f"{value:.5g}"


def _percent(value):
    return "-" if value is None else f"{100 * value:.3g} %"
