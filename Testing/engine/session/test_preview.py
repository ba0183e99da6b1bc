"""A preview is the answer of a model that was built without its mirroring, or with the folds that are named."""

import json

import numpy as np
import pytest

from engine.cli_cases import run
from engine.windowed_models import GRID as WHOLE_GRID
from engine.windowed_models import case, gaussian, model
from seghirescam.models.plain import PlainModel
from seghirescam.models.segmentation_model import Windows
from seghirescam.protocol.errors import ModelError
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.question import ComputeSettings
from seghirescam.session.explain import explain
from seghirescam.session.opening import open_session

SHAPE = (16, 16, 16)
GRID = WHOLE_GRID.strided((1, 1, 1), (0, 0, 0), SHAPE)


def seen():
    """(image, pixel set)"""
    array, mask = case(SHAPE)
    return Image(array, GRID), PixelSet(mask, GRID)


def asked(of, **words):
    image, pixels = seen()
    session = open_session(of, image, keep=False, **words)
    (found,) = session.ask(pixels, class_index=1, layers=["encoder.1"])
    return found, session.forward_calls


def built(mirror, *folds):
    """The same networks, by their places; one window."""
    made = model(Windows(SHAPE, lambda shape: [(0, 0, 0)], gaussian(SHAPE), mirror), folds=3)
    made.networks = tuple(made.networks[n] for n in folds)
    return made


@pytest.mark.parametrize(
    ("words", "like", "part", "said"),
    [
        ({"mirroring": "none"}, ((), 0, 1, 2), 4, "1 of 4 mirrorings"),
        ({"folds": ["1"]}, ((0, 2), 1), 3, "fold 1 of 3"),
        ({"folds": ["first"]}, ((0, 2), 0), 3, "fold 0 of 3"),
        ({"folds": [2, 0]}, ((0, 2), 0, 2), 1.5, "folds 0, 2 of 3"),
        ({"mirroring": "none", "folds": ["first"]}, ((), 0), 12, "1 of 4 mirrorings and fold 0 of 3"),
    ],
)
def test_the_map_and_the_passes_are_those_of_the_smaller_model_and_the_facts_say_so(words, like, part, said):
    full = built((0, 2), 0, 1, 2)
    whole, calls = asked(full)
    found, fewer = asked(full, **words)
    expected, own = asked(built(*like))
    assert np.abs(found.map - expected.map).max() <= 1e-6 * np.abs(expected.map).max()
    assert found.score == pytest.approx(expected.score, rel=1e-6)
    assert fewer == own == calls / part
    assert found.map.shape != whole.map.shape or np.abs(found.map - whole.map).max() > 1e-3 * np.abs(whole.map).max()
    (note,) = (note for note in found.notes if "preview" in note)
    assert f"computed from {said}: an approximation" in note and note not in whole.notes
    assert found.provenance["preview"] and "preview" not in whole.provenance
    assert found.title().endswith(", preview") and "preview" not in whole.title()
    assert len(full.networks) == 3 and full.windows.mirror_axes == (0, 2) and not full.preview  # as it was


def test_the_provenance_names_what_was_run_and_of_what():
    found, _ = asked(built((0, 1, 2), 0, 1), mirroring="none", folds=["first"])
    assert found.provenance["preview"] == {"mirrorings": [1, 8], "folds": ["0"], "of_folds": ["0", "1"]}


@pytest.mark.parametrize("mirror", [None, ()])
def test_where_there_is_nothing_to_leave_out_the_answer_is_the_model_s_own_and_one_sentence_says_so(mirror):
    one = model(None) if mirror is None else built(mirror, 0)
    image, pixels = seen()
    (plain,) = explain(one, image, pixels, class_index=1, layers=["encoder.1"])
    (found,) = explain(one, image, pixels, class_index=1, layers=["encoder.1"], mirroring="none", folds=["first"])
    np.testing.assert_array_equal(found.map, plain.map)
    (note,) = set(found.notes) - set(plain.notes)
    assert "nothing to leave out" in note and note.count(".") == 1
    assert "preview" not in found.provenance and "preview" not in found.title()


def test_a_fold_or_a_mirroring_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ModelError, match=r"no fold 7.*0, 1, 2, or 'first'"):
        open_session(built((), 0, 1, 2), seen()[0], folds=["7"])
    with pytest.raises(ModelError, match=r"Unknown mirroring 'some'.*'all' or 'none'"):
        ComputeSettings(mirroring="some")


def test_several_draws_and_fp32_again_stay_previews():
    """Sessions that a session makes are about the same model."""
    session = open_session(built((0,), 0, 1), seen()[0], mirroring="none", folds=["first"])
    for other in (session.sibling(3), session.widened()):
        assert len(other.model.networks) == 1 and other.model.preview == session.model.preview


def test_the_command_records_it_repeats_it_and_refuses_a_fold_before_the_image_is_read(capsys, tmp_path, monkeypatch):
    from seghirescam.cli import inputs
    from seghirescam.io.volumes import write_volume

    array, mask = case(SHAPE)
    write_volume(tmp_path / "v.nrrd", array[0] if array.ndim == 4 else array, GRID)
    write_volume(tmp_path / "s.nrrd", mask.astype(np.uint8), GRID)
    monkeypatch.setattr(inputs, "agreed", lambda options: (Kind, False))
    words = ["explain", "x", "--image", tmp_path / "v.nrrd", "--device", "cpu", "--json"]
    more = ["--segment", tmp_path / "s.nrrd", "--class", "1", "--layer", "encoder.1"]
    code, out, err = run(capsys, *words, *more, "--mirroring", "none", "--folds", "first", "--out", tmp_path / "o")
    assert code == 0, err
    sidecar = next((tmp_path / "o").glob("01_*.json"))
    facts = json.loads(sidecar.read_text(encoding="utf-8"))
    assert facts["request"]["question"]["mirroring"] == "none" and facts["request"]["question"]["folds"] == ["first"]
    assert facts["provenance"]["preview"]["mirrorings"] == [1, 4]
    assert sum("preview" in note for note in json.loads(out)["results"][0]["notes"]) == 1
    code, out, err = run(capsys, *words, "--segment", tmp_path / "s.nrrd", "--repeat", sidecar, "--out", tmp_path / "p")
    assert code == 0, err
    one, two = (next((tmp_path / name).glob("01_*.nii.gz")).read_bytes() for name in "op")
    assert one == two
    monkeypatch.setattr(inputs, "read_image", None)
    code, out, err = run(capsys, *words, *more, "--folds", "9", "--out", tmp_path / "q")
    assert code != 0 and "no fold 9" in err and not (tmp_path / "q").exists()


class Kind:
    """A model kind with one model."""

    @staticmethod
    def classes(source):
        return ()

    channels = files = classes

    @staticmethod
    def open_told(source, consent, progress):
        return built((0, 2), 0, 1, 2)


def test_a_plain_model_of_one_network_names_its_fold():
    made = model(None)
    assert isinstance(made, PlainModel) and made.folds == ("0",)
