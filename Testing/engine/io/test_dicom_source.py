"""Which series an object can be made for: one patient, one series, a place in the patient; else one sentence."""

import numpy as np
import pydicom
import pytest

from engine import dicom_out_cases as cases
from engine.dicom_cases import Series, save, segmentation
from seghirescam import Grid
from seghirescam.io.dicom_out.segments import asked_about, write_regions
from seghirescam.io.dicom_out.source import SourceSeries
from seghirescam.io.volumes import read_volume, write_volume
from seghirescam.protocol.errors import ImageError


@pytest.mark.parametrize("kind", list(cases.KINDS))
def test_its_grid_is_that_of_the_volume_read_from_it(tmp_path, kind):
    series = cases.KINDS[kind]()
    source = SourceSeries.read(cases.saved(series, tmp_path / "series"))
    volume = read_volume(tmp_path / "series")
    assert source.holds(volume.grid) and source.holds(series.grid)
    i, j, k = (cases.LPS_RAS @ source.grid.ijk_to_ras)[:3, :3].T
    assert np.cross(i, j) @ k > 0 and len(source.slices) == series.shape[0]
    assert np.abs([s.place - (cases.LPS_RAS @ [*source.grid.ras((n, 0, 0)), 1])[:3]
                   for n, s in enumerate(source.slices)]).max() < 1e-4  # fmt: skip


@pytest.mark.parametrize("moved", [(0.05, 0, 0), (0, 0, 1.0)])
def test_it_does_not_hold_voxels_that_lie_elsewhere(tmp_path, moved):
    series = cases.KINDS["oblique"]()
    source = SourceSeries.read(cases.saved(series, tmp_path / "series"))
    other = series.grid.ijk_to_ras.copy()
    other[:3, 3] += moved
    assert not source.holds(Grid(series.shape, other))
    assert not source.holds(Grid((19, 16, 18), series.grid.ijk_to_ras))
    # the same millimetres of another frame of reference are another place
    assert not source.holds(Grid(series.shape, series.grid.ijk_to_ras, "1.2.3"))
    with pytest.raises(ImageError, match="not the image that was explained"):
        write_regions(tmp_path / "x.dcm", [asked_about(np.ones(series.shape, bool), cases.facts())],
                      Grid(series.shape, other), cases.facts(), source)  # fmt: skip
    assert not (tmp_path / "x.dcm").exists()


def drop(word):
    def change(n, one):
        del one[word]

    return change


def put(word, value, where=lambda n: n == 3):
    def change(n, one):
        if where(n):
            setattr(one, word, value)

    return change


BAD = {
    "no study": (drop("StudyInstanceUID"), "does not say its study"),
    "no frame of reference": (drop("FrameOfReferenceUID"), "does not say its frame of reference"),
    "no place": (drop("ImagePositionPatient"), "does not say where its slices lie"),
    "no turn": (drop("ImageOrientationPatient"), "does not say where its slices lie"),
    "no voxel size": (drop("PixelSpacing"), "does not say where its slices lie"),
    "two patients": (put("PatientID", "Somebody else"), "belong to several patients"),
    "two studies": (put("StudyInstanceUID", "1.2.3.4"), "belong to several studies"),
    "two frames": (put("FrameOfReferenceUID", "1.2.3.4"), "belong to several frames of reference"),
    "two modalities": (put("Modality", "MR"), "belong to several modalities"),
    "photograph": (put("Modality", "XC", lambda n: True), "modality XC"),
    "turned": (put("ImageOrientationPatient", [0, 1, 0, 0, 0, 1]), "does not say where|no even, upright stack"),
    "uneven": (put("ImagePositionPatient", [-40.5, 12.25, 306.9]), "no even, upright stack"),
    "tilted": (put("ImagePositionPatient", [-40.5, 13.5, 306.125]), "no even, upright stack"),
    "twice": (put("ImagePositionPatient", [-40.5, 12.25, 308.125]), "no even, upright stack"),
}


@pytest.mark.parametrize("what", list(BAD))
def test_what_is_refused(tmp_path, what):
    change, sentence = BAD[what]
    slices = cases.KINDS["ascending"]().slices()
    for n, one in enumerate(slices):
        change(n, one)
    save(tmp_path, slices)
    with pytest.raises(ImageError, match=sentence) as told:
        SourceSeries.of_files(sorted(tmp_path.iterdir()))
    assert str(told.value).count("\n") == 0 and told.value.hint
    # no identifier and no path in the sentence
    assert not any(word in str(told.value) for word in (cases.PATIENT, "Somebody", str(tmp_path)))


def test_a_folder_of_two_series_one_of_photos_and_results_are_refused(tmp_path):
    save(tmp_path / "two", [*Series().slices(), *Series(start=(9, 9, 9)).slices()[:5]])
    with pytest.raises(ImageError, match="holds 2 series"):
        SourceSeries.read(tmp_path / "two")
    assert len(SourceSeries.read(tmp_path / "two", 2).slices) == 5
    (tmp_path / "none").mkdir()
    with pytest.raises(ImageError, match="no DICOM images"):
        SourceSeries.read(tmp_path / "none")
    write_volume(tmp_path / "v.nii.gz", np.zeros((2, 3, 4), np.float32), Grid.from_spacing((2, 3, 4)))
    with pytest.raises(ImageError, match="no DICOM, so it belongs to no patient's study"):
        SourceSeries.read(tmp_path / "v.nii.gz")
    slices = Series().slices()
    segmentation(tmp_path / "seg.dcm", slices, np.ones((20, 16, 18), np.uint8))
    with pytest.raises(ImageError, match="not an image"):
        SourceSeries.read(tmp_path / "seg.dcm")


def test_a_segmentation_of_another_patient_or_study_is_refused_by_neither_name(tmp_path):
    series = Series()
    slices = series.slices()
    source = SourceSeries.read(save(tmp_path / "series", slices))
    mask = np.ones(series.shape, np.uint8)
    source.refuse_other_patient(segmentation(tmp_path / "own.dcm", slices, mask))

    def other(word, value):
        def change(data):
            setattr(data, word, value)

        # of slices of its own: highdicom shares their elements
        same = [pydicom.dcmread(file) for file in sorted((tmp_path / "series").iterdir())]
        return segmentation(tmp_path / f"{word}.dcm", same, mask, change=change)

    for word, what in (("PatientID", "patient"), ("StudyInstanceUID", "study")):
        with pytest.raises(ImageError, match=f"another {what} than the series") as told:
            source.refuse_other_patient(other(word, "1.2.3"))
        assert cases.PATIENT not in str(told.value)


def test_headers_are_read_and_voxels_are_not(tmp_path):
    folder = cases.saved(Series(), tmp_path)
    for file in folder.iterdir():  # cut short behind the header
        data = pydicom.dcmread(file)
        data.PixelData = b""
        data.save_as(file, enforce_file_format=True)
    assert len(SourceSeries.of_files(sorted(folder.iterdir())).slices) == 20
