"""A question's option, and a form of the pixel set, are declared once; what was asked before can be asked again."""

import argparse
import json
import shutil
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import pytest

from engine.cli_cases import SEGMENTS, VOLUME, run
from seghirescam import Grid, PixelSet
from seghirescam.cli.parser import build
from seghirescam.cli.question_options import Asked, add_question, asked_form, given_words, understood
from seghirescam.protocol.messages import recipe_from_json, recipe_to_json
from seghirescam.protocol.question import ComputeSettings, Question
from seghirescam.protocol.recipes import FORMS, Recipe, View

BEFORE = Path(__file__).parent / "sidecar_before_the_rooms.json"
GRID = Grid.from_spacing((2, 3, 4), (1.0, 1.0, 1.0))


@dataclass(frozen=True, eq=False)
class Deeper(Question):
    """A Question with one more thing to ask."""

    depth: int = field(default=3, metadata={"option": (("--depth",), {"type": int, "help": "how deep to look"})})


class _Opened:
    def class_index(self, name):
        return {"lesion": 1, "organ": 2}[name]


def test_a_field_of_the_question_is_an_option_a_sidecars_word_and_what_the_session_is_asked(capsys):
    form = asked_form(Deeper, ComputeSettings)
    parser = argparse.ArgumentParser()
    add_question(parser, form=form)
    assert "how deep to look" in parser.format_help()
    asked = understood(parser.parse_args(["--class", "lesion", "--depth", "7"]), form)
    assert asked.to_json()["depth"] == 7 and form.from_json(asked.to_json()) == asked
    assert asked.question(_Opened())["depth"] == 7
    assert understood(parser.parse_args(["--class", "lesion"]), form).depth == 3


def _options(command):
    (commands,) = [a for a in build()._actions if isinstance(a, argparse._SubParsersAction)]
    return {flag: action for action in commands.choices[command]._actions for flag in action.option_strings}


@pytest.mark.parametrize("flag", ["--class", "--at", "--score", "--rival", "--side", "--tolerance", "--segment"])
def test_commands_tell_of_an_option_in_the_same_words(flag):
    found = [_options(command)[flag] for command in ("explain", "compare", "evaluate", "paint")]
    assert len({(a.help, a.dest, a.type, str(a.choices), str(a.metavar), a.default) for a in found}) == 1


def test_every_option_of_the_question_is_one_of_explain_and_goes_not_with_repeat():
    options = _options("explain")
    flags = [one.metadata["option"][0][0] for one in fields(Asked) if "option" in one.metadata]
    assert len(flags) == len(set(flags)) == 18 and set(flags) <= set(options)
    parser = argparse.ArgumentParser()
    add_question(parser)
    assert given_words(parser.parse_args([])) == []
    assert given_words(parser.parse_args(["--layer", "main", "--random-seed", "0"])) == ["--layer", "--random-seed"]


@pytest.fixture
def upper_half():
    """A form of the pixel set that nobody but this test knows."""

    @dataclass(frozen=True, eq=False)
    class UpperHalf(Recipe):
        kind, word, title = "upper_half", "upper-half", "Upper half of the segment"
        given = "pixels"

        pixels: PixelSet
        share: float = 0.5

        def resolve(self, view):
            kept = np.arange(view.grid.shape[0]) >= self.share * view.grid.shape[0]
            weights = self.pixels.on(view.grid).weights * kept[:, None, None]
            return PixelSet(weights, view.grid, "upper half")

    yield UpperHalf
    del FORMS["upper_half"]


def test_a_new_pixel_set_is_known_to_requests_and_command_line_by_its_class_alone(upper_half):
    segment = PixelSet(np.ones(GRID.shape), GRID, "segment 'M'")
    parser = argparse.ArgumentParser()
    add_question(parser)
    asked = understood(parser.parse_args(["--class", "1", "--pixel-set", "upper-half", "--segment", "x.nrrd"]))
    (recipe,) = asked.recipes(segment)
    assert type(recipe) is upper_half and "upper-half" in "".join(parser.format_help().split())
    with pytest.raises(Exception, match="'upper-half' needs a segment"):
        asked.recipes(None)
    kept = {}
    data = json.loads(json.dumps(recipe_to_json(recipe, lambda array: kept.setdefault("a", array) is array and "a")))
    back = recipe_from_json(data, kept.__getitem__)
    view = View(GRID, GRID.shape, 1, "lesion")
    assert type(back) is upper_half and np.array_equal(back.resolve(view).weights, recipe.resolve(view).weights)


def test_a_sidecar_written_before_the_rooms_can_be_repeated(capsys, tmp_path):
    before = json.loads(BEFORE.read_text(encoding="utf-8"))
    asked = Asked.from_json(before["request"]["question"])
    assert json.loads(json.dumps(asked.to_json())) == before["request"]["question"]
    shutil.copy(BEFORE, tmp_path / "before.json")
    code, _, err = run(
        capsys, "explain", "demo:shortcut", "--image", VOLUME, "--segment", f"{SEGMENTS}:Lesion",
        "--repeat", tmp_path / "before.json", "--out", tmp_path / "out", "--device", "cpu",
    )  # fmt: skip
    assert code == 0, err
    (file,) = (tmp_path / "out").glob("01_*.json")
    now = json.loads(file.read_text(encoding="utf-8"))
    assert now["request"] == before["request"] and now["layer"] == before["layer"]
    assert now["score"] == pytest.approx(before["score"], rel=1e-4)
    assert now["total"] == pytest.approx(before["total"], rel=1e-4)
    # cells lie where a line of voxels places them, a bar did before: less than a tenth of a voxel apart
    assert now["evidence"]["inside"] == pytest.approx(before["evidence"]["inside"], rel=5e-3)


def test_a_second_segment_is_refused_and_takes_no_ones_place(capsys):
    words = ["explain", "m", "--image", "i", "--class", "c", "--segment", "a:1", "--segment", "a:2", "--out", "o"]
    with pytest.raises(SystemExit) as ended:
        build().parse_args(words)
    assert ended.value.code == 2 and "--segment was given twice" in capsys.readouterr().err
