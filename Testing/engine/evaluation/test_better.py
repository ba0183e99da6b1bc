"""What may help Seg-HiRes-Grad CAM: every candidate on networks set by hand, and the measures, against closed forms."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.known import analytic, stats
from benchmarks.known.better import candidates, measure, measured, why
from benchmarks.known.entry.entered_model import EnteredModel
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet

ROOT = Path(__file__).parents[3]
SETTING = analytic.SETTINGS[2]


def asked(name, known):
    entered = EnteredModel.of(known.model, 1, 0)
    return candidates.CANDIDATES[name](entered, known.image, known.pixels, analytic.LAYER)


def cue_of(known, array=None):
    """The closed form of L: the cue's activation, where it stands for M; the decoy's has no gradient."""
    array = known.image.array[0] if array is None else array
    return np.where(known.cause, np.maximum(array - 1, 0), 0)


@pytest.mark.parametrize("name", ["magnitude", "larger part", "positive products", "integrated along the layer"])
def test_where_all_evidence_is_for_the_class_these_are_the_map_itself(name):
    known = analytic.known(SETTING)
    assert asked(name, known) == pytest.approx(cue_of(known), abs=1e-6)


def test_evidence_against_the_class_is_hidden_turned_round_or_kept_as_each_says():
    known = analytic.known(SETTING)
    with torch.no_grad():
        known.model.networks[0].head.weight.view(2)[1] = -1.0
    cue = cue_of(known)
    for name in ("magnitude", "negative part", "larger part"):
        assert asked(name, known) == pytest.approx(cue, abs=1e-6), name
    assert not asked("positive products", known).any()


def test_from_the_mean_counts_activations_from_the_channel_s_mean():
    known = analytic.known(SETTING)
    mean = np.maximum(known.image.array[0] - 1, 0).mean()
    expected = np.where(known.cause, cue_of(known) - mean, 0)
    assert asked("from the mean", known) == pytest.approx(expected, abs=1e-6)


def test_the_mean_of_two_classes_of_which_one_has_no_evidence_leaves_half():
    known = analytic.known(SETTING)
    assert asked("against the mean of all classes", known) == pytest.approx(cue_of(known) / 2, abs=1e-6)


def test_smoothgrad_is_the_mean_of_the_closed_form_over_the_noisy_images():
    known = analytic.known(SETTING)
    array = known.image.array[0]
    sigma = candidates.SIGMA * (array.max() - array.min())
    noise = (np.random.default_rng([0, n]).standard_normal((1, 1, *array.shape))[0, 0] for n in range(8))
    expected = np.mean([cue_of(known, array + sigma * one) for one in noise], axis=0)
    assert asked("SmoothGrad", known) == pytest.approx(expected, abs=1e-5)


class TwoLevels(nn.Module):
    """encoder.0: A = ReLU(x); encoder.1: its means over 2 x 2 x 2.  Logit of class 1: a A + b (its cell's mean)."""

    def __init__(self, a, b):
        super().__init__()
        self.encoder = nn.ModuleList([nn.ReLU(), nn.AvgPool3d(2)])
        self.a, self.b = a, b

    def forward(self, x):
        fine = self.encoder[0](x)
        coarse = self.encoder[1](fine)
        logit = self.a * fine + self.b * nn.functional.interpolate(coarse, scale_factor=2)
        return torch.cat([torch.zeros_like(logit), logit], dim=1)


def two_levels(array, a=3.0, b=-1.0):
    grid = Grid.from_spacing(array.shape, (3.0, 2.0, 2.0))
    model = PlainModel(TwoLevels(a, b).double(), ("background", "thing"), spatial_dims=3, name="two levels")
    everywhere = PixelSet(np.ones(array.shape, bool), grid, "everywhere")
    return EnteredModel.of(model, 1, 0), Image(array, grid), everywhere, grid.voxel_volume


def test_levels_add_densities_with_their_sign_and_magnitudes_without():
    """Over the whole image: L at encoder.0 is (a + b) A, at encoder.1 it is 8 b times the cell's mean.  Cells at the
    border have half a neighbour less and are denser there, so the middle is looked at."""
    *where, volume = two_levels(np.full((8, 16, 16), 2.0))
    for name, expected in (("levels", (3 - 1 - 1) * 2.0), ("levels, magnitude", (abs(3 - 1) + 1) * 2.0)):
        found = candidates.CANDIDATES[name](*where, "encoder.1")
        assert found.shape == (8, 16, 16)
        middle = found[3:-3, 3:-3, 3:-3]
        assert middle == pytest.approx(np.full(middle.shape, expected / volume), rel=1e-5), name


def test_levels_keep_the_sum_of_what_they_add_and_the_finest_alone_is_its_own_map():
    array = np.random.default_rng(0).uniform(0.5, 2, (4, 8, 8))
    *where, volume = two_levels(array)
    assert candidates.levels(*where, "encoder.0") == pytest.approx(2 * array / volume, rel=1e-6)
    for name, expected in (("levels", 1), ("levels, magnitude", 3)):
        found = candidates.CANDIDATES[name](*where, "encoder.1")
        assert found.sum() * volume == pytest.approx(expected * array.sum(), rel=1e-5), name


def test_balance_and_what_the_channels_leave():
    found = why.balance(np.array([3.0, -1.0, 0.0]), np.array([5.0, 5.0, 0.0]))
    assert found == {"sum_for": 3, "sum_against": -1, "balance": 0.5, "left_after_channels": pytest.approx(0.4)}


def test_channel_magnitudes_and_parts_are_what_a_loop_adds_up():
    rng = np.random.default_rng(1)
    a, g = (torch.from_numpy(rng.normal(size=(3, 2, 4))) for _ in range(2))
    products = (a * g).numpy()
    assert candidates.ChannelMagnitudes().map(a, g, (1, 1)).numpy() == pytest.approx(np.abs(products).sum(0))
    assert candidates.PositiveProducts().map(a, g, (1, 1)).numpy() == pytest.approx(np.maximum(products, 0).sum(0))
    from_mean = (g * (a - a.mean(dim=(1, 2), keepdim=True))).sum(0).numpy()
    assert candidates.FromTheMean().map(a, g, (1, 1)).numpy() == pytest.approx(from_mean)


def rows_of(honest, shortcut):
    """Rows of one method; a list of shares a network."""
    return [
        {"rule": rule, "model": f"{rule}{number}", "share_cue": share}
        for rule, networks in (("honest", honest), ("shortcut", shortcut))
        for number, shares in enumerate(networks)
        for share in shares
    ]


def test_the_margin_is_the_smallest_shortcut_mean_over_the_largest_honest_one():
    found = rows_of([[0.1, 0.3], [0.0, None]], [[0.5], [0.2, 0.6]])
    assert measured.shares(found, "honest") == {"honest0": pytest.approx(0.2), "honest1": 0}
    assert measured.margin(found) == pytest.approx(0.4 / 0.2)
    assert measured.margin(rows_of([[0.0]], [[0.1]])) == math.inf
    assert math.isnan(measured.margin(rows_of([], [[0.1]])))


def test_the_difference_in_auroc_is_that_of_the_two_and_its_interval_that_of_a_plain_loop():
    rng = np.random.default_rng(2)
    one, other = (rows_of(rng.random((5, 1)), rng.random((6, 1)) + shift) for shift in (0.5, 0.2))
    h1, s1, h2, s2 = (
        np.array(list(measured.shares(rows, rule).values())) for rows in (one, other) for rule in ("honest", "shortcut")
    )
    middle, low, high = measured.difference(one, other)
    assert middle == pytest.approx(stats.auroc(h1, s1) - stats.auroc(h2, s2))
    draw, found = np.random.default_rng(0), []
    for _ in range(stats.RESAMPLES):
        s, h = draw.integers(6, size=6), draw.integers(5, size=5)
        found.append(stats.auroc(h1[h], s1[s]) - stats.auroc(h2[h], s2[s]))
    assert (low, high) == pytest.approx(tuple(np.quantile(found, [0.025, 0.975])))
    assert measured.difference(one, one) == (0, 0, 0)


@pytest.mark.parametrize(
    ("auroc", "low", "own", "gain", "said"),
    [
        (1.0, 0.01, 9.0, 9.0, measure.BETTER),
        (1.0, 0.01, 7.0, 9.0, measure.APART_ONLY),
        (1.0, 0.01, 9.0, 7.0, measure.APART_ONLY),
        (1.0, 0.0, 9.0, 9.0, measure.NOT_SHOWN),
        (0.98, 0.01, 9.0, 9.0, measure.NOT_SHOWN),
        (math.nan, math.nan, 9.0, 9.0, measure.NOT_SHOWN),
    ],
)
def test_the_verdict_is_the_written_one(auroc, low, own, gain, said):
    paper = {"honest_lift_own": 8.0, "shortcut_gain_logit": 8.0}
    assert measure.verdict(auroc, low, {"honest_lift_own": own, "shortcut_gain_logit": gain}, paper) == said


def test_new_networks_and_cases_are_none_that_were_seen_before():
    from benchmarks.known import phantom, trained

    assert set(measure.NETWORK_SEEDS).isdisjoint(range(trained.MODELS_A_RULE)) and len(measure.NETWORK_SEEDS) == 20
    seen = {*phantom.TRAIN_SEEDS, *phantom.CHECK_SEEDS, *phantom.REPORT_SEEDS, *why.SEEDS}
    assert seen.isdisjoint(measure.CASE_SEEDS)


@pytest.mark.slow
def test_the_script_goes_on_where_it_stopped_and_writes_the_same_twice(tmp_path):
    script = ROOT / "Testing" / "benchmarks" / "known" / "better" / "measure.py"
    command = [sys.executable, str(script), "--quick", "--work", str(tmp_path)]
    for words in (["--train-only"], [], []):
        subprocess.run([*command, *words], check=True, capture_output=True)
        table = tmp_path / "quick" / "better_measured.md"
        if words:
            assert not table.exists() and len(list((tmp_path / "quick").glob("*.safetensors"))) == 2
        else:
            text, rows = table.read_text(), (tmp_path / "quick" / "better_measured.csv").read_text()
            assert f"| {measure.CHOICE} | 2 of 2 | " in text and "By choice.md" in text
            assert len(rows.splitlines()) == 1 + 2 * len(measure.methods())
            kept = tmp_path / "kept"
            assert not kept.exists() or kept.read_text() == text + rows
            kept.write_text(text + rows)
