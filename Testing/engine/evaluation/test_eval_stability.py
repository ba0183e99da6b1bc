"""Stability: exact zeros for networks that treat every voxel alike, and amounts in physical units."""

import numpy as np
import pytest
import torch
from torch import nn

from engine import toys
from engine.linear_cases import GRID, Stop, box, case_of, picture, pointwise
from engine.windowed_models import windows
from seghirescam.cam.isolation.network_place import stamp
from seghirescam.evaluation.metrics.body import body_of, is_ct
from seghirescam.evaluation.trust.explained_case import Case
from seghirescam.evaluation.trust.stability import NOISE, asked_anew, noise_of, stability
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.value import NOT_MEASURED
from seghirescam.session.opening import open_session


def by_kind(changes):
    return {change.kind: change for change in changes}


def test_a_pointwise_network_is_equivariant_exactly_and_noise_changes_its_map_by_the_noise():
    case, _ = case_of(pointwise(), "first")
    changes = stability(case, seed=4, runs=3)
    found = by_kind(changes)
    for kind in ("shift", "flip"):
        assert found[kind].change.value == pytest.approx(0, abs=1e-12) and found[kind].l2.value < 1e-6
    (amount,), text = noise_of(case.image)
    assert text == "noise of 2 % of the foreground's interquartile range"
    inside = box().weights > 0
    for n, change in enumerate(change for change in changes if change.kind == NOISE):
        noise = np.random.default_rng((4, n)).normal(0, amount, GRID.shape)
        expected = np.linalg.norm(noise[inside]) / np.linalg.norm(case.image.array[0][inside])
        assert change.l2.value == pytest.approx(expected, rel=1e-5)
        assert change.text == f"{text}, {n + 1} of 3"


def test_an_oblique_flipped_grid_is_flipped_left_for_right():
    matrix = np.array([[0, 0, -2.0, 9], [1.0, 0, 0, -3], [0, 1.5, 0, 4], [0, 0, 0, 1]])  # K runs to the left
    grid = Grid((8, 8, 8), matrix)
    mask = np.zeros(grid.shape)
    mask[1:4, 2:7, 2:7] = 1
    image = Image(np.random.default_rng(0).normal(size=grid.shape), grid)
    words = {"class_index": 1, "methods": ["seg_hires_grad_cam"], "layers": ["first"]}
    pixels = PixelSet(mask, grid)
    (found,) = open_session(pointwise(), image).ask(pixels, **words)
    case = Case(pointwise(), image, pixels, words, found.map, found.grid)
    changes = by_kind(stability(case, runs=1))
    assert changes["flip"].change.value == pytest.approx(0, abs=1e-12)
    assert changes["shift"].change.value == pytest.approx(0, abs=1e-12)


def test_the_same_seed_gives_the_same_numbers_and_nothing_done_is_no_change():
    case, _ = case_of(PlainModel(toys.make(), ["a", "b", "c"]), "encoder.1")
    one, again = ([c.to_json() for c in stability(case, seed=2, runs=2) if c.kind != "precision"] for _ in range(2))
    assert one == again
    assert np.array_equal(case.ask().map, case.map)


def test_ten_hounsfield_units_on_a_ct_and_two_percent_of_the_foreground_elsewhere():
    grid = Grid.from_spacing((4, 5, 6))
    rng = np.random.default_rng(0)
    ct = Image(rng.integers(-1000, 1200, grid.shape).astype(np.int16), grid)
    ct.array[0, 0, 0, :2] = -1024, 1500
    assert is_ct(ct) and noise_of(ct) == ([10.0], "noise of 10 HU")
    assert np.array_equal(body_of(ct), ct.array[0] > -500)
    mr = Image(np.concatenate([np.zeros(60), np.linspace(100, 200, 60)]).reshape(grid.shape), grid)
    assert not is_ct(mr)
    assert noise_of(mr)[0][0] == pytest.approx(0.02 * 50)
    assert np.array_equal(body_of(mr), mr.array[0] > 0)


def test_windows_moved_change_nothing_for_a_pointwise_network_and_one_window_cannot_be_moved():
    from seghirescam.protocol.image import Image

    array = np.random.default_rng(1).normal(size=(12, 16, 20))
    grid = Grid.from_spacing(array.shape, (3.0, 1.0, 1.5))
    mask = np.zeros(array.shape)
    mask[3:7, 5:10, 6:12] = 1
    for size, status in (((8, 8, 8), "ok"), ((12, 16, 20), NOT_MEASURED)):
        model = PlainModel(pointwise().networks[0], ["rest", "object"], windows=windows(size))
        words = {"class_index": 1, "methods": ["seg_hires_grad_cam"], "layers": ["first"]}
        image, pixels = Image(array, grid), PixelSet(mask, grid)
        (found,) = open_session(model, image).ask(pixels, **words)
        case = Case(model, image, pixels, words, found.map, found.grid)
        change = by_kind(stability(case, runs=1))["windows"].change
        assert change.status == status and asked_anew(case, runs=1) == 5
        if status == "ok":
            assert change.value == pytest.approx(0, abs=1e-4)


def test_a_network_that_cannot_run_in_bf16_says_so_and_one_that_can_is_compared():
    case, _ = case_of(pointwise(), "first")  # float64
    assert by_kind(stability(case, runs=1))["precision"].change.status in (NOT_MEASURED, "ok")

    class Refuses(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.head = nn.Conv3d(1, 1, 1), nn.Conv3d(1, 2, 1)

        def forward(self, x):
            x = self.first(x)
            if x.dtype == torch.bfloat16:
                raise RuntimeError("no kernel for bf16, /data/zebra/scan.nii.gz")
            return self.head(x)

    narrow = PlainModel(Refuses(), ["rest", "object"])
    case, _ = case_of(narrow, "first")
    found = by_kind(stability(case, runs=1))["precision"].change
    # the text of foreign code may name files and people
    assert found.status == NOT_MEASURED and found.note == "The network does not run in bf16 (RuntimeError)."


@pytest.mark.parametrize("kind", [RuntimeError, ValueError])
def test_a_caller_s_own_error_stops_it_also_while_another_precision_is_tried(kind):
    case, _ = case_of(PlainModel(toys.make().float(), ["a", "b", "c"]), "encoder.1")

    def cancel(fraction, phase):
        if "computed in bf16" in phase:
            raise kind("stop")

    with pytest.raises(kind, match="stop"):
        stability(case, runs=1, progress=cancel)


def test_cancelling_leaves_the_network_as_it_was():
    network = toys.make()
    case, _ = case_of(PlainModel(network, ["a", "b", "c"]), "encoder.1")
    marks = stamp(network)

    def cancel(fraction, phase):
        if fraction > 0.5:
            raise Stop

    with pytest.raises(Stop):
        stability(case, progress=cancel)
    assert stamp(network) == marks and np.array_equal(picture().array, case.image.array)
