"""The corridor's words: what goes in comes out, whatever the values, and nothing else is an event."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import seghirescam
from engine.grids import oblique
from engine.toy_cases import case
from seghirescam import Grid, PixelSet
from seghirescam.protocol.arrays import DiskError, MessageError, read_array, write_array
from seghirescam.protocol.errors import EmptyPixelSetError, PixelSetError
from seghirescam.protocol.messages import (
    Failure,
    Hello,
    Progress,
    Result,
    event,
    explanation_from_json,
    explanation_to_json,
    line,
    recipe_from_json,
    recipe_to_json,
)
from seghirescam.protocol.privacy import Names
from seghirescam.protocol.recipes import (
    Box,
    Component,
    FalseNegatives,
    FalsePositives,
    PredictedClass,
    Segment,
    SegmentAndPredicted,
    View,
    Voxel,
    WholeImage,
)
from seghirescam.session.explain import explain

GRID = oblique((6, 8, 10), (3.0, 0.8, 1.1), origin=(-31.0, 12.5, 88.0))


def pixels(soft=False):
    weights = np.zeros(GRID.shape, np.float32)
    weights[1:4, 2:6, 3:9] = 0.25 if soft else 1
    weights[2, 3, 4] = 0
    return PixelSet(weights, GRID, "segment 'tumour'")


@pytest.mark.parametrize(
    "recipe",
    [
        Segment(pixels()), Segment(pixels(soft=True)), PredictedClass(), SegmentAndPredicted(pixels()), WholeImage(),
        FalsePositives(pixels()), FalseNegatives(pixels(soft=True)),
        Voxel(tuple(GRID.ras((2, 3, 4)))), Component(pixels()), Component(PredictedClass(), (1.0, 2.0, 3.0), 500.0),
        Box(np.linalg.inv(np.diag([1.0, 2.0, 0.5, 1.0])), (200.0, 300.0, 250.0)),
        Box.between(GRID.ras((0, 0, 0)), GRID.ras((3, 4, 5))),
    ],
    ids=lambda recipe: type(recipe).__name__,
)  # fmt: skip
def test_every_recipe_resolves_the_same_after_the_journey(recipe):
    arrays = {}

    def save(array):
        arrays[f"{len(arrays)}.npy"] = array
        return f"{len(arrays) - 1}.npy"

    data = json.loads(line(recipe_to_json(recipe, save)))
    back = recipe_from_json(data, arrays.__getitem__)
    mask = np.random.default_rng(0).random(GRID.shape) < 0.4
    view = View(GRID, GRID.shape, 1, "lesion", lambda index: mask)
    expected, found = recipe.resolve(view), back.resolve(view)
    assert np.array_equal(expected.weights, found.weights) and expected.label == found.label
    assert type(back) is type(recipe) and back.needs_prediction == recipe.needs_prediction
    for array in arrays.values():  # cut to what it holds; one byte a voxel where that suffices
        assert array.shape == (3, 4, 6) and array.dtype == (np.float32 if (array % 1).any() else np.uint8)


def test_a_pixel_set_stands_for_itself_and_an_empty_one_stays_empty():
    arrays = {}
    data = recipe_to_json(
        PixelSet(np.zeros(GRID.shape), GRID, "nothing"), lambda a: arrays.setdefault("a.npy", a) is a or "a.npy"
    )
    data["pixels"]["array"] = "a.npy"
    back = recipe_from_json(data, arrays.__getitem__)
    assert back.pixels.is_empty and back.pixels.grid.same_as(GRID)
    with pytest.raises(PixelSetError):
        recipe_to_json("segment", None)


def test_recipes_that_lack_something_or_do_not_fit_are_refused():
    small = {"array": "a.npy", "start": [5, 0, 0], "grid": GRID.to_json(), "label": ""}
    for data in (
        {}, [], {"kind": "circle"}, {"kind": "voxel"}, {"kind": "segment"}, {"kind": "component", "of": {}},
        {"kind": "segment", "pixels": small}, {"kind": "segment", "pixels": {"array": "a.npy"}},
    ):  # fmt: skip
        with pytest.raises(MessageError):
            recipe_from_json(data, lambda name: np.ones((2, 2, 2)))


def test_an_explanation_comes_back_whole():
    model, image, segment = case()
    (made,) = explain(model, image, segment, class_index=1, layers=["encoder.1"])
    data = json.loads(line(explanation_to_json(made, "map.npy")))
    found = explanation_from_json(data, {"map.npy": made.map}.__getitem__)
    assert found.layer == made.layer and found.grid.same_as(made.grid, 1e-9)
    assert json.loads(json.dumps(found.to_json())) == json.loads(json.dumps(made.to_json()))
    assert found.title() == made.title() and found.completeness == made.completeness


def test_events_survive_the_line_and_anything_else_is_none():
    for said in (
        Hello(1, "0.1.0", "f", "3.12", "2.13", [{"device": "cpu"}]), Progress(3, 0.25, "running"),
        Result(3, {"a": [1]}), Progress(None, 0.0, "starting PyTorch"),
        Failure(3, "class", "No.", "Yes.", {"n": 1}), Failure(None, "x", "y"),
    ):  # fmt: skip
        text = line(said.to_json())
        assert text.isascii() and text.endswith(b"\n") and text.count(b"\n") == 1 and event(text) == said
    for text in (
        b"", b"\n", b"\xff", b"hello", b"1", b"[]", b"{}", b'"hello"', b'{"hello": 1}', b'{"progress": "x", "id": 1}',
        b'{"id": 1, "error": {}}', b'{"id": null, "result": {}}', b'{"hello": {"pid": 1}}', b'{"id": 1, "result": 3}',
        b'{"id": Infinity, "result": {}}', b'{"id": 1, "progress": 1' + b"0" * 400 + b', "phase": ""}', "\ud800",
        b"[" * 200_000, b'{"id":' * 200_000,
    ):  # fmt: skip
        assert event(text) is None, text


def test_lines_hold_no_nan_and_points_in_every_locale():
    text = line({"a": math.nan, "b": [math.inf, 1.5], "c": np.float32(2.5), "d": (np.int64(3),), "e": "µ\n"})
    assert json.loads(text) == {"a": None, "b": [None, 1.5], "c": 2.5, "d": [3], "e": "µ\n"}


def test_arrays_are_written_whole_or_not_at_all_and_read_from_the_folder_only(tmp_path):
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert write_array(tmp_path, "a.npy", array[:, ::2]) == "a.npy"
    assert np.array_equal(read_array(tmp_path, "a.npy"), array[:, ::2])
    for name in ("../a.npy", "/etc/passwd", "a.txt", "b.npy", "", None, "sub/a.npy"):
        with pytest.raises(MessageError):
            read_array(tmp_path, name)
    (tmp_path / "half.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-4])
    np.save(tmp_path / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    for name in ("half.npy", "pickled.npy"):
        with pytest.raises(MessageError, match="missing or damaged"):
            read_array(tmp_path, name)
    with pytest.raises(DiskError) as caught:
        write_array(tmp_path / "gone", "a.npy", array)
    assert str(tmp_path) not in str(caught.value) and caught.value.code == "disk"


def test_errors_become_failures_with_their_code():
    said = Failure.of(4, EmptyPixelSetError("Nothing there.", "Paint.", voxels=0))
    assert said == Failure(4, "empty_pixel_set", "Nothing there.", "Paint.", {"voxels": 0})


def test_directories_are_hidden_and_everything_else_is_kept():
    names = Names()
    names.know({"factory": "/data/Doe John/net.py", "weights": "C:\\Users\\Doe\\w.pt", "classes": ["a/b"]})
    for text, expected in (
        ("in /data/Doe John/net.py line 3", "in net.py line 3"),
        ("No such file: '/data/Doe John/x y.pt'", "No such file: 'x y.pt'"),
        ('File "/opt/My Slicer/lib/a.py", line 1', 'File "<path>/a.py", line 1'),
        ("open(/srv/scans/Doe/x.npy)", "open(<path>/x.npy)"),
        ("logit/ml, 1/2, and/or, a / b", "logit/ml, 1/2, and/or, a / b"),
        ("C:\\Temp\\Doe\\x.npy", "<path>/x.npy"),
    ):
        assert names.hide(text) == expected
    assert names.hide_in({"a": ["/data/Doe John/net.py", 3]}) == {"a": ["net.py", 3]}


def test_the_corridor_loads_no_torch():
    code = "import sys; from seghirescam.protocol import messages, privacy; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, cwd=Path(seghirescam.__file__).parents[1],
    )  # fmt: skip
    assert done.stdout.strip() == "False"


def test_grids_travel_exactly():
    again = Grid.from_json(json.loads(json.dumps(GRID.to_json())))
    assert np.array_equal(again.ijk_to_ras, GRID.ijk_to_ras) and again.shape == GRID.shape


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("cannot open /data/DOE JANE 1970/scan.nii.gz", "cannot open <path>/scan.nii.gz"),
        (r"C:\Users\Jane Doe\scan.nii", "<path>/scan.nii"),
        ("cannot read /srv/u/DOE JANE", "cannot read <path>"),
        ("the ratio 3/4 and a/b stay", "the ratio 3/4 and a/b stay"),
    ],
)
def test_names_with_spaces_are_hidden_too(said, heard):
    names = Names()
    names.know("/srv/u/DOE JANE/net.model.json")
    assert names.hide(said) == heard
