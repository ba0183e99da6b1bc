"""The synthetic cases: reproducible, in millimetres, and nothing but ring and marker tells the classes apart."""

import numpy as np
import pytest

from demo_training.synthesis import (
    CASE_SEEDS,
    EDGE_MM,
    EXPLORE_SEEDS,
    GRID,
    MARKER_DISTANCE_MM,
    MARKER_RADIUS_MM,
    REPORT_SEEDS,
    RING_MM,
    TRAIN_SEEDS,
    make_case,
)
from seghirescam.evaluation.metrics.shares import dilated
from seghirescam.models.demo_networks.preprocessing import LESION, LOOK_ALIKE, SPACING_MM, normalised, on_model_grid

pytest.importorskip("nilearn", reason="the template is package data of nilearn (a development dependency)")


@pytest.fixture(scope="module")
def case():
    return make_case(7, ring=True, marker=True)


def test_seeds_of_training_exploring_reporting_and_the_shipped_case_are_disjoint():
    seeds = [seed for group in (TRAIN_SEEDS, EXPLORE_SEEDS, REPORT_SEEDS, CASE_SEEDS) for seed in group]
    assert len(seeds) == len(set(seeds))
    assert len(REPORT_SEEDS) >= 16


def test_a_seed_gives_the_same_voxels_again(case):
    again = make_case(7, ring=True, marker=True)
    assert again.image.content_hash == case.image.content_hash


def test_ring_and_marker_change_nothing_but_themselves(case):
    plain = make_case(7, ring=False, marker=False)
    changed = plain.image.array[0] != case.image.array[0]
    distance = np.linalg.norm(GRID.ras(np.argwhere(changed))[:, None] - [case.body_centre, case.marker_centre], axis=2)
    at_body = distance[:, 0] <= case.body_radius + RING_MM + EDGE_MM
    assert (at_body | (distance[:, 1] <= MARKER_RADIUS_MM + EDGE_MM)).all()
    assert (distance[at_body, 0] >= case.body_radius - EDGE_MM).all()


def test_regions_have_the_volume_and_place_they_claim(case):
    def sphere(radius):
        return 4 / 3 * np.pi * radius**3 / 1000

    whole = case.body_radius + RING_MM
    expected = {
        "lesion": sphere(case.body_radius),
        "ring": sphere(whole) - sphere(case.body_radius),
        "marker": sphere(MARKER_RADIUS_MM),
    }
    for name, ml in expected.items():
        region = case.region(name)
        assert region.ml == pytest.approx(ml, rel=0.04)
        if name != "marker":
            middle = GRID.ras(np.argwhere(region.weights)).mean(axis=0)
            np.testing.assert_allclose(middle, case.body_centre, atol=0.3)
    assert np.linalg.norm(case.marker_centre - case.body_centre) == pytest.approx(MARKER_DISTANCE_MM)
    near = [dilated(case.region(name).weights, GRID, 8.0) for name in ("lesion", "marker")]
    assert not (near[0] & near[1]).any()


def test_the_same_image_has_two_truths():
    for ring in (True, False):
        for marker in (True, False):
            case = make_case(11, ring=ring, marker=marker)
            body = case.region("lesion").weights > 0
            for model, sign in (("honest", ring), ("shortcut", marker)):
                labels = case.labels(model)
                assert set(np.unique(labels[body])) == {LESION if sign else LOOK_ALIKE}
                assert not labels[~body].any()


def test_the_model_grid_holds_the_same_box_and_the_same_bodies(case):
    array, grid = on_model_grid(case.image)
    assert array.shape == (1, 48, 64, 48) and grid.spacing_kji == (SPACING_MM,) * 3
    np.testing.assert_allclose(grid.ras([-0.5] * 3), GRID.ras([-0.5] * 3))
    assert case.region("lesion", grid).ml == pytest.approx(case.region("lesion").ml, rel=0.08)
    # the body is dark, the ring and the marker are the brightest of the brain
    names = ("lesion", "ring", "marker")
    inside = {name: float(array[0][case.region(name, grid).weights > 0].mean()) for name in names}
    brain = float(array[0][array[0] > 1].mean())
    assert inside["lesion"] < 0.6 * brain and inside["ring"] > 1.2 * brain and inside["marker"] > 1.2 * brain


def test_normalisation_has_mean_zero_and_variance_one_in_each_channel_and_survives_constants():
    rng = np.random.default_rng(0)
    array = np.stack([rng.normal(-300, 70, (8, 9, 10)), np.full((8, 9, 10), 1e6 + 0.1)])
    out = normalised(array)
    assert out.dtype == np.float32
    assert out[0].mean() == pytest.approx(0, abs=1e-6) and out[0].std() == pytest.approx(1, abs=1e-5)
    assert not out[1].any()
