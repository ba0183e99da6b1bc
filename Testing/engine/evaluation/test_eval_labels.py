"""Evidence by label: masks and label maps, overlap, elsewhere, distances, and what bad input is answered."""

import math
import os
from pathlib import Path

import numpy as np
import pytest

from seghirescam.evaluation.metrics.labels import evidence_by_label, evidence_by_label_map, evidence_by_label_maps
from seghirescam.evaluation.metrics.location import mean_distance, share_in
from seghirescam.protocol.errors import CancelledError, GeometryError, PixelSetError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.value import EMPTY_REFERENCE, NONFINITE, NOT_MEASURED, OK, ZERO_MAP

VOLUME = Grid.from_spacing((3, 4, 10), (4.0, 5.0, 0.5))  # 0.01 ml a voxel
SLICE = Grid.from_spacing((1, 12, 10), (4.0, 5.0, 0.5))
both_depths = pytest.mark.parametrize("grid", [VOLUME, SLICE], ids=["volume", "slice"])


def columns(grid, *which):
    mask = np.zeros(grid.shape, bool)
    mask[..., list(which)] = True
    return mask


def stepped(grid):
    """Evidence 1 in the columns 0..4, 3 in 5..8, and a negative column 9."""
    density = np.ones(grid.shape)
    density[..., 5:9], density[..., 9] = 3.0, -4.0
    return density


def labelled(grid):
    labels = np.zeros(grid.shape, np.uint8)
    labels[..., 0:2], labels[..., 5], labels[..., 9] = 1, 7, 200
    return labels


@both_depths
def test_shares_volumes_densities_and_elsewhere_in_closed_form(grid):
    masks = {"a": columns(grid, 0, 1), "b": columns(grid, 5), "air": columns(grid, 9)}
    rows = evidence_by_label(stepped(grid), masks, grid)
    assert [row.name for row in rows] == ["a", "b", "air", "elsewhere"]
    assert [row.ml for row in rows] == pytest.approx([0.24, 0.12, 0.12, 0.72])
    # 17 per row of ten voxels
    assert [row.share.value for row in rows] == pytest.approx([2 / 17, 3 / 17, 0, 12 / 17])
    assert [row.share.chance for row in rows] == pytest.approx([0.2, 0.1, 0.1, 0.6])
    assert [row.density.value for row in rows] == pytest.approx([1 / 1.7, 3 / 1.7, 0, 2 / 1.7])
    assert {row.density.chance for row in rows} == {1.0}
    assert [row.share.lift for row in rows] == pytest.approx([row.density.value for row in rows])
    assert {row.distance.status for row in rows} == {NOT_MEASURED}
    # a body changes what is evenly spread: chance, and the density beside which a label's is told
    inside = evidence_by_label(stepped(grid), masks, grid, columns(grid, *range(8)))
    assert [row.share.chance for row in inside] == pytest.approx([0.25, 0.125, 0, 0.625])
    assert [row.density.value for row in inside] == pytest.approx([0.8 * row.density.value for row in rows])
    assert [row.density.value for row in inside[:2]] == pytest.approx([row.share.lift for row in inside[:2]])
    assert {row.share.over for row in inside} == {"body"} and {row.share.over for row in rows} == {"volume"}


@both_depths
def test_a_label_map_gives_the_rows_of_its_masks(grid):
    labels, names = labelled(grid), {1: "a", 7: "b", 200: "air"}
    body = columns(grid, *range(8))
    masks = {name: labels == value for value, name in names.items()}
    for words in ({}, {"body": body}, {"distances": True}, {"body": body, "distances": True}):
        one = evidence_by_label(stepped(grid), masks, grid, **words)
        for kind in (np.uint8, np.int16, np.uint64, np.float32):
            other = evidence_by_label_map(stepped(grid), labels.astype(kind), names, grid, **words)
            assert [row.name for row in one] == [row.name for row in other]
            for left, right in zip(one, other, strict=True):
                assert left.ml == right.ml and left.to_json().keys() == right.to_json().keys()
                for a, b in zip((left.share, left.density, left.distance), (right.share, right.density, right.distance),
                                strict=True):  # fmt: skip
                    assert (a.status, a.unit) == (b.status, b.unit)
                    assert (a.value, a.chance) == pytest.approx((b.value, b.chance))


@both_depths
def test_shares_and_distances_are_those_of_the_single_metrics(grid):
    rng = np.random.default_rng(0)
    density, labels, body = rng.normal(size=grid.shape), rng.integers(0, 4, grid.shape), rng.random(grid.shape) < 0.6
    rows = evidence_by_label_map(density, labels, {1: "a", 2: "b", 3: "c"}, grid, body, distances=True)
    for value, row in zip((1, 2, 3, 0), rows, strict=True):
        expected, far = (
            ask(density, labels == value, *g, body) for ask, g in ((share_in, ()), (mean_distance, (grid,)))
        )
        assert (row.share.value, row.share.chance) == pytest.approx((expected.value, expected.chance))
        assert (row.distance.value, row.distance.chance) == pytest.approx((far.value, far.chance))
        assert row.distance.unit == "mm"
    assert sum(row.share.value for row in rows) == pytest.approx(1.0)


@both_depths
def test_overlapping_labels_count_twice_and_elsewhere_once(grid):
    masks = {"organ": columns(grid, 0, 1, 2, 3, 4, 5), "lesion": columns(grid, 5)}
    rows = evidence_by_label(stepped(grid), masks, grid)
    assert [row.share.value for row in rows] == pytest.approx([8 / 17, 3 / 17, 9 / 17])
    layers = [(masks["organ"] * 1, {1: "organ"}), (masks["lesion"] * 4, {4: "lesion"})]
    again = evidence_by_label_maps(stepped(grid), layers, grid)
    assert [row.share.value for row in again] == pytest.approx([8 / 17, 3 / 17, 9 / 17])
    assert [row.name for row in again] == ["organ", "lesion", "elsewhere"]


@both_depths
def test_labels_without_a_voxel_without_a_name_and_the_background(grid):
    rows = evidence_by_label_map(stepped(grid), labelled(grid), {0: "background", 90: "spleen", 7: "b"}, grid)
    assert [row.name for row in rows] == ["spleen", "b", "label 1", "label 200", "elsewhere"]
    assert (rows[0].ml, rows[0].share.status, rows[0].density.status) == (0.0, EMPTY_REFERENCE, EMPTY_REFERENCE)
    assert [row.share.status for row in rows[1:]] == [OK] * 4
    full = evidence_by_label(stepped(grid), {"all": np.ones(grid.shape)}, grid, distances=True)
    assert full[0].share.value == 1.0 and full[1].share.status == full[1].distance.status == EMPTY_REFERENCE
    beyond = evidence_by_label_map(stepped(grid), labelled(grid), {300: "x"}, grid)
    assert beyond[0].share.status == EMPTY_REFERENCE
    none = evidence_by_label(stepped(grid), {}, grid)
    assert [(row.name, row.share.value) for row in none] == [("elsewhere", pytest.approx(1.0))]


@pytest.mark.parametrize("distances", [False, True])
def test_zero_maps_and_nan_are_answered_in_every_row(distances):
    for density, status in ((-stepped(VOLUME) * 0, ZERO_MAP), (stepped(VOLUME) * np.nan, NONFINITE)):
        for rows in (
            evidence_by_label(density, {"a": columns(VOLUME, 0)}, VOLUME, distances=distances),
            evidence_by_label_map(density, labelled(VOLUME), {}, VOLUME, distances=distances),
        ):
            assert {row.share.status for row in rows} == {row.density.status for row in rows} == {status}
            assert {row.distance.status for row in rows} == {status if distances else NOT_MEASURED}
            assert all(row.share.chance > 0 and row.ml > 0 for row in rows)


def test_masks_and_label_maps_of_another_grid_or_kind_are_refused():
    density = np.full(VOLUME.shape, np.nan)
    with pytest.raises(PixelSetError, match="mask has shape"):
        evidence_by_label(density, {"a": columns(SLICE, 0)}, VOLUME)
    with pytest.raises(PixelSetError, match="label map has shape"):
        evidence_by_label_map(density, labelled(SLICE), {}, VOLUME)
    with pytest.raises(GeometryError, match="its grid"):
        evidence_by_label_map(density, labelled(VOLUME), {}, SLICE)
    for bad in (-1, 70_000, np.nan):
        with pytest.raises(PixelSetError, match="whole numbers from 0 to 65535"):
            evidence_by_label_map(density, np.full(VOLUME.shape, bad), {}, VOLUME)
    with pytest.raises(PixelSetError, match="nearest neighbour"):
        evidence_by_label_map(density, np.full(VOLUME.shape, 0.5), {}, VOLUME)


def test_one_voxel_is_its_label():
    grid = Grid.from_spacing((1, 1, 1))
    first, rest = evidence_by_label_map(np.ones((1, 1, 1)), np.full((1, 1, 1), 2), {2: "a"}, grid, distances=True)
    assert (first.share.value, first.density.value, first.distance.value, first.ml) == (1.0, 1.0, 0.0, 0.001)
    assert rest.share.status == EMPTY_REFERENCE


def test_progress_is_told_and_may_cancel():
    told = []
    evidence_by_label_map(stepped(VOLUME), labelled(VOLUME), {}, VOLUME, progress=lambda *step: told.append(step))
    assert [fraction for fraction, _ in told] == pytest.approx([0, 0.25, 0.5, 0.75, 1.0])
    assert told[0][1] == "evidence in label 1"

    def stop(fraction, phase):
        raise CancelledError("stop")

    with pytest.raises(CancelledError):
        evidence_by_label(stepped(VOLUME), {"a": columns(VOLUME, 0)}, VOLUME, progress=stop)


def test_sixty_one_organs_of_a_real_ct_share_all_of_it():
    data = os.environ.get("SEGHIRESCAM_TEST_DATA")
    if not data:
        pytest.skip("SEGHIRESCAM_TEST_DATA names no folder with the CT")
    pytest.importorskip("SimpleITK")
    from seghirescam.evaluation.metrics.baselines import edges
    from seghirescam.io.volumes import read_volume

    image, labels = (read_volume(Path(data) / f"ct_abdomen{end}.nii.gz") for end in ("", "_labels"))
    density = edges(image.array, image.grid)
    rows = evidence_by_label_map(density, labels.array[0], {5: "liver", 52: "aorta"}, image.grid)
    assert len(rows) == 62 and [row.name for row in rows[:2]] == ["liver", "aorta"]
    assert math.isclose(sum(row.share.value for row in rows), 1.0, rel_tol=1e-9)
    assert math.isclose(sum(row.share.chance for row in rows), 1.0, rel_tol=1e-9)
    liver = share_in(density, labels.array[0] == 5)
    assert (rows[0].share.value, rows[0].share.chance) == pytest.approx((liver.value, liver.chance))
    assert sum(row.ml for row in rows) == pytest.approx(density.size * image.grid.voxel_ml)
