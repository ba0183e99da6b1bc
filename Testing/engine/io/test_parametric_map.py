"""A map as DICOM and back: every bit and every place, whoever reads it; and what it says it is."""

import highdicom as hd
import numpy as np
import pydicom
import pytest

from engine import dicom_out_cases as cases
from engine.dicom_cases import Series
from seghirescam import Grid
from seghirescam.cam.methods import method
from seghirescam.cam.methods import names as method_names
from seghirescam.io.dicom_maps import parameters_of, read_map
from seghirescam.io.dicom_out.coded import GRADIENT_FREE
from seghirescam.io.dicom_out.parameters import asked_by, told_by
from seghirescam.io.dicom_out.parametric_map import write_map
from seghirescam.io.dicom_out.source import SourceSeries
from seghirescam.io.volumes import read_volume
from seghirescam.protocol.errors import GeometryError, ImageError
from seghirescam.protocol.resampling import spread


def source_of(series, folder, kind=""):
    if not kind:
        return SourceSeries.read(cases.saved(series, folder))
    folder.mkdir()
    file = cases.enhanced(series, backwards=kind == "backwards")
    file.save_as(folder / "one.dcm", enforce_file_format=True)
    return SourceSeries.read(folder)


def written(folder, array, grid, source, **words):
    write_map(folder / "map.dcm", array, grid, cases.facts(), source, **words)
    return folder / "map.dcm"


def rising(array, grid):
    """The same volume, its slices along the normal of its rows and columns: (array, grid)."""
    i, j, k = (cases.LPS_RAS @ grid.ijk_to_ras)[:3, :3].T
    if np.cross(i, j) @ k > 0:
        return array, grid
    return array[::-1], grid.strided((-1, 1, 1), (grid.shape[0] - 1, 0, 0), grid.shape)


@pytest.mark.parametrize("on", ["layer", "image"])
@pytest.mark.parametrize("kind", list(cases.KINDS))
def test_every_reader_has_the_same_bits_in_the_same_place(tmp_path, kind, on):
    series = cases.KINDS[kind]()
    source = source_of(series, tmp_path / "series")
    grid = cases.layer_grid(series.grid) if on == "layer" else series.grid
    array = cases.random_map(grid.shape)
    path = written(tmp_path, array, grid, source, per="" if on == "layer" else "ml")
    assert cases.errors_of_dciodvfy(path) == []
    meant, where = rising(array, grid)
    lps = cases.LPS_RAS @ where.ijk_to_ras

    def same(found, affine):
        assert found.dtype == np.float32 and found.tobytes() == np.ascontiguousarray(meant).tobytes()
        corners = np.array([[i, j, k, 1] for k in (0, len(meant) - 1) for j in (0, meant.shape[1] - 1)
                            for i in (0, meant.shape[2] - 1)], dtype=float).T  # fmt: skip
        assert np.abs((affine @ corners - lps @ corners)[:3]).max() < 1e-4
        # one slice has a thickness all the same
        assert np.abs(np.linalg.norm(affine[:3, :3], axis=0) - np.linalg.norm(lps[:3, :3], axis=0)).max() < 1e-6

    ours, found = read_map(path)
    same(ours, cases.LPS_RAS @ found.ijk_to_ras)
    assert found.frame == series.frame
    same(*cases.as_dcmqi(path))
    by_highdicom = hd.imread(path)
    assert np.array_equal(by_highdicom.get_frames(apply_real_world_transform=True).astype(np.float32), meant)
    if len(meant) > 1:
        volume = by_highdicom.get_volume()
        # axes (k, j, i), whichever way highdicom lets k run
        index = np.linalg.inv(lps) @ volume.affine @ np.array([0, 0, 0, 1.0])
        assert np.abs(index[:2]).max() < 1e-3
        same(volume.array.astype(np.float32)[:: 1 if abs(index[2]) < 0.5 else -1], lps)


@pytest.mark.parametrize("kind", ["ascending", "descending", "oblique", "sagittal", "one slice"])
def test_dcmqi_itself_reads_it_in_place(tmp_path, kind):
    series = cases.KINDS[kind]()
    grid = cases.layer_grid(series.grid)
    array = cases.random_map(grid.shape)
    path = written(tmp_path, array, grid, source_of(series, tmp_path / "series"))
    found, affine = cases.by_dcmqi(path, tmp_path)
    ours, lps = cases.as_dcmqi(path)
    meant, where = rising(array, grid)
    assert found.tobytes() == ours.tobytes() == np.ascontiguousarray(meant).tobytes()
    assert np.abs(affine - lps).max() < 1e-6 and np.abs(affine - cases.LPS_RAS @ where.ijk_to_ras).max() < 1e-4


@pytest.mark.parametrize("kind", ["forwards", "backwards"])
def test_the_source_may_be_one_file_of_many_frames(tmp_path, kind):
    series = cases.KINDS["oblique"]()
    source = source_of(series, tmp_path / "series", kind)
    image = read_volume(tmp_path / "series")
    assert source.holds(image.grid) and source.holds(series.grid)
    array = cases.random_map(series.shape)
    path = written(tmp_path, array, series.grid, source, per="ml")
    assert cases.errors_of_dciodvfy(path) == []
    found, grid = read_map(path)
    assert np.array_equal(found, array) and grid.same_as(series.grid, 1e-4)
    frames = pydicom.dcmread(path).PerFrameFunctionalGroupsSequence
    numbers = [f.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber for f in frames]
    assert numbers == list(range(1, 21) if kind == "forwards" else range(20, 0, -1))


def test_frames_rise_along_their_normal_where_highdicom_alone_would_turn_them(tmp_path):
    series = Series(turn=cases.SAGITTAL @ np.diag([1, 1, -1.0]), start=cases.START)
    grid = series.grid
    path = written(tmp_path, cases.random_map(grid.shape), grid, source_of(series, tmp_path / "series"))
    data = pydicom.dcmread(path)
    turn = np.array(data.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient, float)
    places = np.array([f.PlanePositionSequence[0].ImagePositionPatient for f in data.PerFrameFunctionalGroupsSequence])
    steps = np.diff(places.astype(float) @ np.cross(turn[:3], turn[3:]))
    assert np.allclose(steps, 2.0)
    numbers = [list(np.atleast_1d(f.FrameContentSequence[0].DimensionIndexValues))
               for f in data.PerFrameFunctionalGroupsSequence]  # fmt: skip
    assert numbers == [[n] for n in range(1, 21)]


def test_the_spacing_is_stated_and_is_not_the_slices_thickness(tmp_path):
    series = cases.KINDS["thick"]()
    path = written(tmp_path, cases.random_map(series.shape), series.grid, source_of(series, tmp_path / "series"))
    measures = pydicom.dcmread(path).SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert float(measures.SpacingBetweenSlices) == 2.0
    _, lps = cases.as_dcmqi(path)
    last = lps @ [0, 0, 19, 1]
    assert np.abs(last[:3] - series.place(19)).max() < 1e-6


def test_what_it_says_it_is(tmp_path):
    series = cases.KINDS["ascending"]()
    source = source_of(series, tmp_path / "series")
    grid = cases.layer_grid(series.grid)
    array = np.linspace(-2, 5, int(np.prod(grid.shape)), dtype=np.float32).reshape(grid.shape)
    data = pydicom.dcmread(written(tmp_path, array, grid, source))
    assert data.SOPClassUID == "1.2.840.10008.5.1.4.1.1.30" and data.ContentLabel == "HEATMAP"
    assert list(data.ImageType) == ["DERIVED", "PRIMARY", "VOLUME", "QUANTITY"]
    assert data.ContentQualification == "RESEARCH" and data.FrameOfReferenceUID == series.frame
    shared = data.SharedFunctionalGroupsSequence[0]
    mapping, window = shared.RealWorldValueMappingSequence[0], shared.FrameVOILUTSequence[0]
    assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (1.0, 0.0)
    assert (mapping.DoubleFloatRealWorldValueFirstValueMapped, mapping.DoubleFloatRealWorldValueLastValueMapped) == (
        -2,
        5,
    )
    unit = mapping.MeasurementUnitsCodeSequence[0]
    assert (unit.CodeValue, unit.CodingSchemeDesignator) == ("1", "UCUM")
    (quantity,) = mapping.QuantityDefinitionSequence
    code = quantity.ConceptCodeSequence[0]
    assert quantity.ConceptNameCodeSequence[0].CodeMeaning == "Quantity"
    assert (code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning) == (
        "130403", "DCM", "Gradient-weighted class activation",
    )  # fmt: skip
    # symmetric about 0
    assert (window.WindowCenter, window.WindowWidth, window.VOILUTFunction) == (0, 10, "LINEAR_EXACT")
    (method_used,) = data.DerivationAlgorithmSequence
    assert method_used.AlgorithmName == "Seg-HiRes-Grad CAM" and method_used.AlgorithmSource == "SegHiResGradCAM"
    told = told_by(method_used.AlgorithmParameters)
    assert told["layer"] == "encoder.2" and told["score"] == 12.5 and told["request.weights_sha256"] == "ab" * 32
    network = data.ContributingEquipmentSequence[0]
    assert network.ManufacturerModelName == "a net" and "ab" * 32 in network.ContributionDescription
    assert len(data.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == 20
    # cells lie between slices: the whole series is their source, said once
    assert len(shared.DerivationImageSequence[0].SourceImageSequence) == 20
    assert "DerivationImageSequence" not in data.PerFrameFunctionalGroupsSequence[0]
    assert asked_by(parameters_of(tmp_path / "map.dcm"))["request"] == cases.facts()["request"]


def test_a_density_is_per_millilitre_and_each_frame_names_its_slice(tmp_path):
    series = cases.KINDS["descending"]()
    array = np.abs(cases.random_map(series.shape))
    data = pydicom.dcmread(written(tmp_path, array, series.grid, source_of(series, tmp_path / "series"), per="ml"))
    shared = data.SharedFunctionalGroupsSequence[0]
    assert shared.RealWorldValueMappingSequence[0].MeasurementUnitsCodeSequence[0].CodeValue == "/mL"
    # from 0 to the maximum, as it has no sign
    window, most = shared.FrameVOILUTSequence[0], float(array.max())
    assert (float(window.WindowCenter), float(window.WindowWidth)) == pytest.approx((most / 2, most))
    slices = {}
    for file in (tmp_path / "series").iterdir():
        one = pydicom.dcmread(file)
        slices[one.SOPInstanceUID] = np.array(one.ImagePositionPatient, float)
    for frame in data.PerFrameFunctionalGroupsSequence:
        (source,) = frame.DerivationImageSequence[0].SourceImageSequence
        mine = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        assert np.abs(slices[source.ReferencedSOPInstanceUID] - mine).max() < 1e-4


def test_every_method_is_one_of_the_standards_three_quantities(tmp_path):
    series = cases.KINDS["one slice"]()
    source, array = source_of(series, tmp_path / "series"), np.ones((1, 16, 18), np.float32)
    for name in method_names():
        part = "input" if method(name).at_input else "encoder"
        about = cases.facts(method=name, layer={"name": "x", "part": part})
        write_map(tmp_path / "map.dcm", array, series.grid, about, source)
        mapping = (
            pydicom.dcmread(tmp_path / "map.dcm").SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
        )
        code = mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0].CodeValue
        assert code == ("130404" if part == "input" else "130402" if name in GRADIENT_FREE else "130403"), name
    assert set(method_names()) >= GRADIENT_FREE


def test_the_cells_add_up_to_the_total_and_spread_as_before(tmp_path):
    series = cases.KINDS["sagittal"]()
    grid = cases.layer_grid(series.grid)
    array = np.random.default_rng(3).normal(size=grid.shape).astype(np.float32)
    path = written(tmp_path, array, grid, source_of(series, tmp_path / "series"))
    found = read_volume(path)
    assert float(found.array.sum(dtype=np.float64)) == pytest.approx(float(array.sum(dtype=np.float64)), abs=1e-6)
    before, after = spread(array, grid, series.grid), spread(found.array[0], found.grid, series.grid)
    assert np.abs(before - after).max() < 1e-5 * np.abs(before).max()


def test_a_map_of_zeros_has_a_window_and_one_that_is_no_number_is_refused(tmp_path):
    series = cases.KINDS["ascending"]()
    source = source_of(series, tmp_path / "series")
    path = written(tmp_path, np.zeros(series.shape, np.float32), series.grid, source)
    assert cases.errors_of_dciodvfy(path) == [] and not read_map(path)[0].any()
    path.unlink()
    with pytest.raises(ImageError, match="no numbers"):
        written(tmp_path, np.full(series.shape, np.nan, np.float32), series.grid, source)
    assert not path.exists()


def test_photos_and_sheared_grids_have_no_frames(tmp_path):
    source = source_of(cases.KINDS["ascending"](), tmp_path / "series")
    array = np.ones((2, 3, 4), np.float32)
    with pytest.raises(GeometryError, match="lies in no patient"):
        written(tmp_path, array, Grid.of_photo(array.shape), source)
    with pytest.raises(GeometryError, match="right angles"):
        slanted = np.eye(4)
        slanted[0, 2] = 0.2
        written(tmp_path, array, Grid(array.shape, slanted), source)
    assert list(tmp_path.glob("*.dcm")) == []


def test_a_name_in_other_letters_and_a_class_in_others_survive(tmp_path):
    series = cases.KINDS["ascending"]()
    slices = series.slices()
    for one in slices:
        one.SpecificCharacterSet, one.PatientName = ["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"
    source = SourceSeries.read(cases.save(tmp_path / "series", slices))
    write_map(tmp_path / "map.dcm", np.ones(series.shape, np.float32), series.grid,
              cases.facts(class_name="Läsion 肿瘤"), source)  # fmt: skip
    data = pydicom.dcmread(tmp_path / "map.dcm")
    assert str(data.PatientName) == "Yamada^Tarou=山田^太郎" and "Läsion 肿瘤" in data.SeriesDescription
    assert told_by(parameters_of(tmp_path / "map.dcm"))["class_name"] == "Läsion 肿瘤"
