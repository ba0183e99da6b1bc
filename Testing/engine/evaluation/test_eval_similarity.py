"""Likeness of maps: against scipy and scikit-image, closed forms, and statuses for maps without a pattern."""

import numpy as np
import pytest

from seghirescam.evaluation.metrics.similarity import relative_l2, spearman, ssim
from seghirescam.protocol.errors import GeometryError
from seghirescam.protocol.value import NONFINITE, TOO_SMALL, ZERO_MAP

SHAPES = pytest.mark.parametrize("shape", [(9, 11, 13), (1, 20, 21)], ids=["volume", "slice"])
ALL = pytest.mark.parametrize("ask", [spearman, relative_l2, ssim])


def pair(shape, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=shape)
    return a, a + rng.normal(size=shape)


@SHAPES
def test_a_map_is_like_itself(shape):
    a, _ = pair(shape)
    assert spearman(a, a).value == pytest.approx(1.0) and relative_l2(a, a).value == 0.0
    assert ssim(a, a).value == pytest.approx(1.0)
    assert spearman(a, -a).value == pytest.approx(-1.0) and relative_l2(a, -a).value == pytest.approx(2.0)
    assert spearman(a, np.exp(a)).value == pytest.approx(1.0)


@SHAPES
def test_spearman_with_ties_is_that_of_scipy(shape):
    from scipy.stats import spearmanr

    a, b = (np.round(each) for each in pair(shape))
    found = spearman(a, b)
    assert found.value == pytest.approx(spearmanr(a.ravel(), b.ravel()).statistic) and found.chance == 0.0


def test_spearman_by_hand():
    """Ranks 1, 2.5, 2.5, 4 and 2, 1, 3, 4: deviations (-1.5, 0, 0, 1.5) and (-0.5, -1.5, 0.5, 1.5)."""
    a, b = np.array([[[0.0, 5.0, 5.0, 9.0]]]), np.array([[[2.0, 1.0, 3.0, 4.0]]])
    assert spearman(a, b).value == pytest.approx(3 / np.sqrt(4.5 * 5))


@SHAPES
def test_relative_l2_is_relative_to_the_first_map(shape):
    a, b = pair(shape)
    expected = np.linalg.norm(a - b) / np.linalg.norm(a)
    assert relative_l2(a, b).value == pytest.approx(expected)
    assert relative_l2(a, 1.25 * a).value == pytest.approx(0.25)
    assert relative_l2(1e200 * a, 1e200 * b).value == pytest.approx(expected)
    assert relative_l2(1e-200 * a, a).value == pytest.approx(1e200)
    one_voxel = np.full((1, 1, 1), 2.0)
    assert relative_l2(one_voxel, np.full((1, 1, 1), 3.0)).value == pytest.approx(0.5)


@SHAPES
@pytest.mark.parametrize("each", [False, True])
def test_ssim_is_that_of_scikit_image_with_a_gaussian_window(shape, each):
    metrics = pytest.importorskip("skimage.metrics")
    if shape[0] == 1:
        shape = shape[1:]
    elif min(shape) < 11:
        shape = (12, 13, 14)
    a, b = pair(shape)
    b = 3 * b
    left, right = (a / np.abs(a).max(), b / np.abs(b).max()) if each else (a, b)
    width = max(left.max(), right.max()) - min(left.min(), right.min())
    words = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "full": True}
    _, index = metrics.structural_similarity(left, right, data_range=width, **words)
    a, b = (x.reshape((1,) * (3 - x.ndim) + x.shape) for x in (a, b))
    assert ssim(a, b, each_to_its_maximum=each).value == pytest.approx(index.mean(), abs=1e-12)


def test_ssim_of_two_flat_levels_is_the_luminance_term_away_from_the_step():
    a = np.zeros((1, 1, 20_000))
    a[..., 10_000:] = 1.0
    # means 0 and 0 (index 1), or 1 and 0.5, no variance; L = 1, C1 = 1e-4; the step is felt by 10 voxels of 20 000
    expected = (1 + (2 * 0.5 + 1e-4) / (1.25 + 1e-4)) / 2
    assert ssim(a, 0.5 * a).value == pytest.approx(expected, abs=1e-3)


def test_the_scale_of_one_map_matters_unless_each_is_brought_to_its_maximum():
    a, _ = pair((8, 9, 10))
    assert ssim(a, 100 * a).value < 0.2
    assert ssim(a, 100 * a, each_to_its_maximum=True).value == pytest.approx(1.0)


@ALL
def test_zero_nan_and_another_shape(ask):
    a, _ = pair((3, 4, 5))
    for one, other in ((a, 0 * a), (0 * a, a), (0 * a, 0 * a)):
        found = ask(one, other)
        assert found.value is None and found.status == ZERO_MAP and found.note
    bad = a.copy()
    bad[0, 0, 0] = np.nan
    assert ask(a, bad).status == ask(bad, a).status == ask(a, a * np.inf).status == NONFINITE
    with pytest.raises(GeometryError, match="shapes"):
        ask(bad, a[:2])


def test_a_constant_map_and_one_voxel_have_no_pattern():
    a, _ = pair((3, 4, 5))
    one = np.ones((1, 1, 1))
    for ask in (spearman, ssim):
        assert ask(a, np.full_like(a, 0.3)).status == ask(np.full_like(a, 0.3), a).status == TOO_SMALL
        assert ask(one, one).status == TOO_SMALL
    assert spearman(np.arange(1.0, 3.0), np.arange(1.0, 3.0)).status == TOO_SMALL


@ALL
def test_maps_are_left_as_they_were(ask):
    a, b = pair((3, 4, 5))
    a.setflags(write=False)
    b.setflags(write=False)
    ask(a, b)


@pytest.mark.parametrize("spacing", [(2, 2, 2), (3, 1, 1)], ids=str)
def test_other_grids_agree_with_1_mm_to_0_03_in_spearman_and_relative_l2(spacing):
    """SSIM's window is counted in voxels, so it is left out: it compares maps of one grid."""

    def maps(steps):
        k, j, i = np.meshgrid(*(s * (np.arange(60 // s) + 0.5) for s in steps), indexing="ij")
        blob = [np.exp(-((k - 30) ** 2 + (j - c) ** 2 + (i - 33) ** 2) / 98) for c in (27, 34)]
        return blob[0] - 0.5 * blob[1], blob[1] - 0.2 * blob[0]

    fine, coarse = maps((1, 1, 1)), maps(spacing)
    for ask in (spearman, relative_l2):
        assert ask(*coarse).value == pytest.approx(ask(*fine).value, abs=0.03)
