"""``explain`` about all segments of a label map, or several classes: one forward pass for all of them together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...evaluation.metrics.ground import Ground
from ...protocol.explanation import Explanation
from ...protocol.question import EACH, refuse_draws, several
from ...protocol.sizes import prediction_notes
from ..dicom.dicom_files import suffix_of
from ..question_options import Asked, refuse_unknown_methods, understood
from .many_case import ManyCase, all_segments
from .many_results import ManyResults
from .which_class import LeftOut, hint

_TOLD = (
    "method", "class_name", "pixel_set", "status", "reason", "unit", "score", "total", "completeness", "evidence",
    "pixel_set_size", "notes", "pixel_set_file",
)  # fmt: skip
#: refuses what differs from the sidecar to repeat: (then, now)
Check = Callable[[dict, dict], None]


def explain_many(options, console, place, earlier: dict | None, same_case: Check, same_reading: Check) -> int:
    """earlier: the facts of a sidecar to repeat.  same_case, same_reading: of requests, and of provenances."""
    asked = _asked(options, earlier)
    refuse_draws(asked.draws)
    refuse_unknown_methods(asked)
    case = ManyCase(options, asked)

    def check(case: ManyCase) -> None:
        if earlier:
            case.opened.model.fed_as(earlier["provenance"].get("axes", {}).get("order"))
            same_case(earlier["request"], case.request)

    opened = case.open(console, check)
    with place.filled("explain", case.request, opened.model) as folder:

        def first(explanation: Explanation) -> None:
            if earlier:
                same_reading(earlier["provenance"], explanation.provenance)

        results, left_out = _answered(case, folder, console, first)
        results.write_table(left_out)
    passes = opened.session.forward_calls
    notes = [note for facts in results.facts for note in facts["notes"]]
    for note in dict.fromkeys([*notes, *filter(None, [hint(left_out)])]):
        console.note(note)
    told = [
        {"segment": facts["segment"], "map": facts["file"]["name"], "layer": facts["layer"]["name"]}
        | {key: facts[key] for key in _TOLD}
        for facts in results.facts
    ]
    out = [{"name": one.name, "reason": one.reason} for one in left_out]
    answer = {"results": told, "left_out": out, "predicted": results.predicted, "forward_passes": passes}
    console.answer(answer, results.text(left_out, passes))
    return 0


def _asked(options, earlier: dict | None) -> Asked:
    if earlier:
        return Asked.from_json(earlier["request"]["question"])
    asked = understood(options, by_name=all_segments(options) is not None)
    # a segment's layer is the one it would have by itself; a list of classes tells such a question from others
    layers = asked.layers if options.layers else (EACH,)
    return replace(asked, layers=layers, class_name=tuple(several(asked.class_name)))


def _answered(
    case: ManyCase, folder: Path, console, first: Callable[[Explanation], None]
) -> tuple[ManyResults, list[LeftOut]]:
    """Answers are written as they come; on the CPU where a GPU chosen by us has no room."""
    opened, asked, sets = case.opened, case.asked, [one for _, one in case.sets]
    pairs = [case.pairs[n] for n, _ in case.sets]
    rivals = [pair.rival for pair in pairs]
    words: dict[str, Any] = {
        "class_index": [pair.class_index for pair in pairs], "methods": list(asked.methods),
        "layers": asked.engine_layers, "score": asked.score, "side": asked.side, "draws": asked.draws,
        "noise": asked.noise, "noise_samples": asked.noise_samples, "noise_sigma": asked.noise_sigma,
        "rival": rivals if any(rival is not None for rival in rivals) else None,
    }  # fmt: skip
    ground = Ground.of(opened.image)

    def ask() -> tuple[ManyResults, list[LeftOut]]:
        for file in folder.iterdir():  # of an attempt on a GPU that had no room
            file.unlink()
        empty: dict[int, LeftOut] = {}

        def notes() -> list[str]:
            return [*opened.moved, *prediction_notes(results.sizes)]

        suffix = suffix_of(case.options.format)
        results = ManyResults(folder, suffix, ground, sets, case.request, notes, case.dicom)

        def receive(explanation: Explanation) -> None:
            if not results.facts:
                first(explanation)
            results(explanation)

        def refused(n: int, error: Exception) -> None:
            empty[n] = LeftOut(sets[n].name or opened.model.class_name(pairs[n].class_index), str(error))

        opened.session.ask(sets, **words, progress=console.progress, receive=receive, refused=refused)
        return results, [*case.left_out, *(empty[n] for n in sorted(empty))]

    return opened.on_some_device(ask)[0]
