"""A map's question and pixel set in its DICOM objects: a command repeats the map, or it is said why not."""

import json
from dataclasses import replace
from itertools import count

import numpy as np
import pydicom
import pytest

from engine import dicom_out_cases as cases
from engine.dicom_cases import Series, identity_model, save
from seghirescam.cli import main
from seghirescam.io.dicom_maps import parameters_of, read_map
from seghirescam.io.dicom_out.parameters import asked_by
from seghirescam.io.label_maps import read_labels
from seghirescam.io.volumes import read_volume
from seghirescam.models import open_model
from seghirescam.protocol.arrays import write_array
from seghirescam.protocol.errors import ImageError
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.recipes import Component, PredictedClass, Segment, WholeImage
from seghirescam.protocol.requests import WriteAskedDicom
from seghirescam.protocol.resampling import copied
from seghirescam.session.opening import open_session
from seghirescam.worker.jobs import Jobs

MAP, REGIONS = "map_fg_0.dcm", "map_fg_0_regions.dcm"


class Case:
    """A series whose slices a viewer holds from the last to the first, and a network whose logit is the image."""

    def __init__(self, folder):
        series = Series(turn=cases.DOWN, start=cases.START, thickness=5.0)
        values = np.random.default_rng(0).normal(size=series.shape) * 100 - 60
        self.files = sorted(map(str, save(folder / "series", series.slices(values)).iterdir()))
        self.source, self.folder = str(identity_model(folder / "model")), folder
        own = read_volume(folder / "series")
        turned = own.grid.strided((-1, 1, 1), (own.grid.shape[0] - 1, 0, 0), own.grid.shape)
        self.image = Image(own.array[:, ::-1].astype(np.float32), turned)
        mask = np.zeros(turned.shape)
        mask[3:9, 2:8, 3:9] = mask[15:17, 11:13, 12:14] = 1
        self.segment = PixelSet(mask, turned, "segment 'Okapi'")
        model = open_model(self.source, consent=True)
        self.session = open_session(model, self.image, device="cpu")
        self.jobs = Jobs(folder)
        self.sha256 = self.jobs.do({"do": "describe", "model": self.source}, lambda *told: None)["consent_sha256"]

    def answer(self, recipe):
        (found,) = self.session.ask(recipe, class_index=1, layers=["0"])
        return found

    def written(self, recipe, out, answer=None, image=None):
        """The worker's answer. answer: the map, which may be another recipe's."""
        answer, image = answer or self.answer(recipe), image or self.image
        out.mkdir()
        names = (f"{out.name}_{n}.npy" for n in count())

        def keep(array, what=""):
            return write_array(self.folder, next(names), array)

        request = WriteAskedDicom(
            model=self.source, image={"array": keep(image.array), "grid": image.grid.to_json()}, device="cpu",
            consent_sha256=self.sha256, pixel_sets=(recipe,), class_index="fg", map=(answer.map, answer.grid),
            facts=json.loads(json.dumps(answer.to_json())), files=self.files[::-1], folder=str(out),
        )  # fmt: skip
        return self.jobs.do({"id": 1} | json.loads(json.dumps(request.to_json(keep))), lambda *told: None)

    def repeated(self, out, *more):
        words = ("explain", self.source, "--consent", "--image", self.folder / "series", "--repeat", out / MAP, *more)
        return main([*map(str, words), "--device", "cpu", "--quiet", "--out", str(out / "again")])


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    return Case(tmp_path_factory.mktemp("case"))


@pytest.mark.parametrize("kind", [Segment, PredictedClass, WholeImage])
def test_a_command_repeats_the_map_and_the_set_is_the_first_segment(case, tmp_path, kind):
    recipe, out = Segment(case.segment) if kind is Segment else kind(), tmp_path / "out"
    answer = case.answer(recipe)
    assert case.written(recipe, out, answer) == {"files": [MAP, REGIONS], "notes": []}
    values = case.image.array[0]
    meant = {Segment: case.segment.weights > 0, PredictedClass: values > 0, WholeImage: np.isfinite(values)}[kind]
    labels = read_labels(out / REGIONS, case.image.grid)
    assert np.array_equal(labels.pixel_set("1").on(case.image.grid).weights > 0, meant)
    first = pydicom.dcmread(out / REGIONS).SegmentSequence[0]
    assert first.SegmentLabel == "Asked about: fg"
    assert first.SegmentAlgorithmType == ("SEMIAUTOMATIC" if kind is Segment else "AUTOMATIC")
    assert case.repeated(out, *(("--segment", f"{out / REGIONS}:1") if kind is Segment else ())) == 0
    (file,) = (out / "again").glob("01_*.nii.gz")
    again = read_volume(file)
    assert np.array_equal(copied(again.array[0], again.grid, answer.grid), answer.map) and answer.map.any()
    for name in (MAP, REGIONS):
        assert cases.errors_of_dciodvfy(out / name) == []
        assert b"Okapi" not in (out / name).read_bytes()


def test_what_was_asked_about_and_is_not_that_any_more_is_left_out(case, tmp_path):
    other = replace(case.segment, weights=np.roll(case.segment.weights, 1, axis=2))
    answer = case.answer(Segment(case.segment))
    told = case.written(Segment(other), tmp_path / "out", answer)
    assert told["files"] == [MAP, REGIONS]
    assert told["notes"] == ["What was asked about has changed since, so neither it nor the question is written."]
    _holds_no_question(tmp_path / "out", answer, 3)
    # nor where the volume's voxels are not those of then
    moved = Image(case.image.array + 1, case.image.grid)
    assert case.written(Segment(case.segment), tmp_path / "moved", answer, moved)["notes"] == told["notes"]
    _holds_no_question(tmp_path / "moved", answer, 3)


def test_a_part_of_a_segment_is_a_segment_and_the_question_cannot_be_repeated(case, tmp_path):
    answer = case.answer(Component(case.segment))
    (note,) = case.written(Component(case.segment), tmp_path / "out", answer)["notes"]
    assert note.startswith("The question is not in the map: its pixel set (largest part of the segment)")
    labels = read_labels(tmp_path / "out" / REGIONS, case.image.grid)
    meant = case.segment.weights > 0
    meant[12:] = False
    assert np.array_equal(labels.pixel_set("1").on(case.image.grid).weights > 0, meant)
    _holds_no_question(tmp_path / "out", answer, 4)


def test_a_volume_that_is_not_the_series_any_more_has_no_question_of_it(case, tmp_path):
    """Cut off in Slicer, say: the map explains other voxels than a command would read."""
    changed = Image(np.maximum(case.image.array, -50), case.image.grid)
    session = open_session(open_model(case.source, consent=True), changed, device="cpu")
    (answer,) = session.ask(Segment(case.segment), class_index=1, layers=["0"])
    (note,) = case.written(Segment(case.segment), tmp_path / "out", answer, changed)["notes"]
    assert note == "The question is not in the map: the volume's voxels are not the series' own."
    _holds_no_question(tmp_path / "out", answer, 4)


def test_without_its_model_the_map_is_written_all_the_same(case, tmp_path):
    answer, source = case.answer(Segment(case.segment)), case.source
    case.source = str(tmp_path / "gone.model.json")
    try:
        (note,) = case.written(Segment(case.segment), tmp_path / "out", answer)["notes"]
    finally:
        case.source = source
    assert note.startswith("Neither what was asked about nor the question is written: ")
    _holds_no_question(tmp_path / "out", answer, 3)


def _holds_no_question(out, answer, segments):
    array, grid = read_map(out / MAP)
    assert np.array_equal(copied(array, grid, answer.grid), answer.map)
    assert len(pydicom.dcmread(out / REGIONS).SegmentSequence) == segments
    with pytest.raises(ImageError, match="does not hold the question"):
        asked_by(parameters_of(out / MAP))
