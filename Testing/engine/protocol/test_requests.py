"""Requests: the lines of before are the lines of now, what lacks something is refused, and all are answered."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from seghirescam import Grid, PixelSet
from seghirescam.protocol.arrays import MessageError
from seghirescam.protocol.question import Question
from seghirescam.protocol.requests import REQUESTS, Cancel, Explain, Shutdown, request_from_json

#: as the client sent them before there was a table, one of each kind and more
LINES = json.loads((Path(__file__).parent / "request_lines.json").read_text(encoding="utf-8"))
SHAPE = (2, 3, 4)


def load(name):
    """What lies in the file: of a pixel set the cut of two voxels, else the whole grid."""
    return np.ones((1, 1, 2) if name.startswith("pixels") else SHAPE, np.uint8)


def test_there_is_a_line_of_every_request():
    assert {line["do"] for line in LINES} == set(REQUESTS)


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line['id']}_{line['do']}")
def test_a_line_of_before_is_understood_and_written_as_it_was(line):
    request = request_from_json(line, load)
    named = iter(name for name in _arrays(line) if not name.startswith("image"))
    again = {"id": line["id"]} | request.to_json(lambda array, what="pixels": next(named))
    assert json.loads(json.dumps(again)) == line
    assert next(named, None) is None and type(request) is REQUESTS[line["do"]]


def _arrays(value):
    """Names of files in the order in which a line is made."""
    if isinstance(value, list):
        for item in value:
            yield from _arrays(item)
    elif isinstance(value, dict):
        order = ("pixel_sets", "region", "map", "labels")
        for key in sorted(value, key=lambda key: order.index(key) if key in order else -1):
            if key == "array":
                yield value[key]
            else:
                yield from _arrays(value[key])


@pytest.mark.parametrize("kind", list(REQUESTS.values()), ids=lambda kind: kind.do)
def test_what_a_request_lacks_and_what_it_does_not_know_is_one_sentence(kind):
    line = next(line for line in LINES if line["do"] == kind.do)
    with pytest.raises(MessageError, match=rf"^The request '{kind.do}' has no 'colour'\."):
        request_from_json(line | {"colour": "red"}, load)
    for one in fields(kind):
        without = {key: value for key, value in line.items() if key != one.name}
        if one.default is None:
            request_from_json(without, load)
        else:
            with pytest.raises(MessageError, match=rf"^The request lacks '{one.name}'\."):
                request_from_json(without, load)


def test_an_unknown_request_is_told_what_there_is():
    with pytest.raises(MessageError, match="cannot do 'dance'") as refused:
        request_from_json({"id": 1, "do": "dance"}, load)
    assert "describe, layers" in refused.value.hint


def test_a_map_that_does_not_fit_its_grid_is_refused():
    (line,) = [line for line in LINES if line["do"] == "resample" and line.get("target")]
    with pytest.raises(MessageError, match="The map does not fit its grid"):
        request_from_json(line, lambda name: np.ones((1, 1, 1)))


def test_a_request_to_explain_has_every_field_of_a_question():
    """What a Question learns to ask, a request must be able to carry."""
    assert {one.name for one in fields(Question)} <= {one.name for one in fields(Explain)}
    grid = Grid.from_spacing(SHAPE, (1.0, 1.0, 1.0))
    asked = Explain(
        model="m", image=None, pixel_sets=(PixelSet(np.ones(SHAPE), grid, "M"),), class_index="lesion",
        score="contrast", rival="organ", layers="main", draws=3, random_seed=5, tolerance=0.01,
    )  # fmt: skip
    question = Question.of(asked.pixel_sets, **asked.words)
    assert (question.class_index, question.rival, question.layers, question.draws) == ("lesion", "organ", "main", 3)
    assert (asked.settings.seed, asked.settings.tolerance, asked.settings.precision) == (5, 0.01, "fp32")


def test_every_request_has_a_handler_but_those_the_server_answers_itself():
    pytest.importorskip("torch")
    from seghirescam.worker.handlers import handlers

    assert set(handlers()) == set(REQUESTS.values()) - {Cancel, Shutdown}


def test_a_new_request_is_an_entry_and_a_handler(tmp_path):
    pytest.importorskip("torch")
    from seghirescam.protocol.requests import Request
    from seghirescam.worker import handlers
    from seghirescam.worker.jobs import Jobs

    class Twice(Request, do="twice"):
        number: int

    @handlers.answers(Twice)
    def twice(request, jobs, tell):
        tell(0.5, "doubling")
        return {"number": 2 * request.number}

    told = []
    try:
        jobs = Jobs(tmp_path)
        line = {"id": 1} | Twice(number=3).to_json()
        assert jobs.do(line, lambda *words: told.append(words)) == {"number": 6}
        with pytest.raises(MessageError, match="^The request lacks 'number'"):
            jobs.do({"id": 2, "do": "twice"}, lambda *words: None)
    finally:
        del REQUESTS["twice"], handlers._HANDLERS[Twice]
    assert (0.5, "doubling") in told
