"""Regions as a DICOM segmentation: every voxel in place, several at a time, with codes and names of ours."""

import time

import highdicom as hd
import numpy as np
import pydicom
import pytest

from engine import dicom_out_cases as cases
from seghirescam import Grid
from seghirescam.io.dicom_out.coded import property_of
from seghirescam.io.dicom_out.parametric_map import write_map
from seghirescam.io.dicom_out.segments import asked_about, painted_over, regions_of_evidence, write_regions
from seghirescam.io.dicom_out.source import Slice, SourceSeries
from seghirescam.io.label_maps import read_labels


def smallest_region(density, share):
    """The slow way: the largest values, one after the other, until they hold the share; ties belong to it."""
    values = np.sort(density[density > 0].astype(np.float64))[::-1]
    total, held, level = values.sum(), 0.0, None
    for value in values:
        held, level = held + value, value
        if held >= share * total * (1 - 1e-12):
            break
    return density >= np.float32(level)


@pytest.mark.parametrize("kind", ["ascending", "descending", "oblique", "sagittal", "one slice", "thick"])
def test_every_voxel_of_every_region_comes_back_in_its_place(tmp_path, kind):
    series = cases.KINDS[kind]()
    source = SourceSeries.read(cases.saved(series, tmp_path / "series"))
    density = np.random.default_rng(2).normal(size=series.shape).astype(np.float32)
    density[: series.shape[0] // 3] = 0  # slices that hold nothing are left out of the file
    mask = np.zeros(series.shape, bool)
    mask[-1, 2:8, 3:9] = True
    about = cases.facts()
    found = regions_of_evidence(density, about)
    for region, share in zip(found, (0.5, 0.8, 0.95), strict=True):
        assert np.array_equal(region.mask, smallest_region(density, share))
    regions = [asked_about(mask, about), *found, painted_over(mask, True)]
    write_regions(tmp_path / "seg.dcm", regions, series.grid, about, source)
    assert cases.errors_of_dciodvfy(tmp_path / "seg.dcm") == []
    labels = read_labels(tmp_path / "seg.dcm", series.grid)
    assert [label.name for label in labels.labels] == [
        "Asked about: lesion", "50 % of the evidence", "80 % of the evidence", "95 % of the evidence",
        "Masked out, which flips it",
    ]  # fmt: skip
    for n, region in enumerate(regions, start=1):
        assert np.array_equal(labels.pixel_set(str(n)).on(series.grid).weights > 0, region.mask), region.label
    # and by highdicom, in its own affine
    volume = hd.seg.segread(tmp_path / "seg.dcm").get_volume(segment_numbers=[2], allow_missing_positions=True)
    places = np.argwhere(volume.array[..., 0])
    lps = places @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    meant = (cases.LPS_RAS[:3, :3] @ series.grid.ras(np.argwhere(regions[1].mask)).T).T
    assert len(lps) == len(meant)
    assert np.abs(lps[np.lexsort(np.round(lps, 2).T)] - meant[np.lexsort(np.round(meant, 2).T)]).max() < 1e-4


def test_who_drew_a_segment_and_what_it_is(tmp_path):
    series = cases.KINDS["ascending"]()
    source = SourceSeries.read(cases.saved(series, tmp_path / "series"))
    density = np.random.default_rng(2).normal(size=series.shape).astype(np.float32)
    predicted = cases.facts()
    predicted["request"] = predicted["request"] | {"segment_sha256": ""}
    for about, kind, drawn_by in (
        (cases.facts(), "SEMIAUTOMATIC", "not known: the segment was given"), (predicted, "AUTOMATIC", "a net"),
    ):  # fmt: skip
        regions = [asked_about(density > 1, about), *regions_of_evidence(density, about)]
        write_regions(tmp_path / "seg.dcm", regions, series.grid, about, source)
        first, hot = pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence[:2]
        assert (first.SegmentAlgorithmType, first.SegmentAlgorithmName) == (kind, drawn_by)
        assert (hot.SegmentAlgorithmType, hot.SegmentAlgorithmName) == ("AUTOMATIC", "Seg-HiRes-Grad CAM")
        assert hot.SegmentedPropertyTypeCodeSequence[0].CodeValue == "130403"
        assert first.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Lesion"


@pytest.mark.parametrize(
    ("name", "code"),
    [("liver", "10200004"), ("Tumor", "108369006"), ("kidney_left", "85756007"), ("class 3", "85756007")],
)
def test_a_class_has_a_code_where_its_name_says_one_thing_only(name, code):
    assert property_of(name)[1].value == code


def test_a_map_without_evidence_has_no_regions_and_an_empty_segment_is_still_one(tmp_path):
    series = cases.KINDS["ascending"]()
    source = SourceSeries.read(cases.saved(series, tmp_path / "series"))
    about = cases.facts()
    assert regions_of_evidence(-np.ones(series.shape, np.float32), about) == []
    empty = [asked_about(np.zeros(series.shape, bool), about)]
    write_regions(tmp_path / "seg.dcm", empty, series.grid, about, source)
    assert cases.errors_of_dciodvfy(tmp_path / "seg.dcm") == []
    assert not read_labels(tmp_path / "seg.dcm", series.grid).layers.any()


def test_a_map_of_a_large_ct_costs_a_second_and_kilobytes(tmp_path):
    small = SourceSeries.read(cases.saved(cases.KINDS["ascending"](), tmp_path / "series"))
    grid = Grid.from_spacing((400, 512, 512), (0.8, 0.7, 0.7))
    frames = tuple(
        Slice(small.slices[0].sop_class, f"1.2.3.{n}", (cases.LPS_RAS @ [*grid.ras((n, 0, 0)), 1])[:3])
        for n in range(400)
    )
    source = SourceSeries(frames, grid, small.header, small.series)
    cells = grid.strided((16, 16, 16), (7.5, 7.5, 7.5), (25, 32, 32))
    array = np.random.default_rng(0).normal(size=cells.shape).astype(np.float32)
    write_map(tmp_path / "map.dcm", array, cells, cases.facts(), source)
    spent = []
    for _ in range(2):
        began = time.process_time()
        write_map(tmp_path / "map.dcm", array, cells, cases.facts(), source)
        spent.append(time.process_time() - began)
    assert min(spent) < 1.0
    assert (tmp_path / "map.dcm").stat().st_size < array.nbytes + 220 * 1024
