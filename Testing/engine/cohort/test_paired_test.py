"""The numbers of a paired test: SciPy called directly, all changes of signs by hand, and closed forms."""

import sys
import warnings

import numpy as np
import pytest
from scipy import stats

from engine.stats_cases import holm_by_hand, ranks, signed_rank
from seghirescam.cohort.statistics import paired_test as tests
from seghirescam.cohort.statistics.paired_test import holm, interval, paired_test
from seghirescam.protocol.errors import DependencyError

RNG = np.random.default_rng(7)
SAMPLES = {
    "eleven": RNG.normal(0.4, 1, 11),
    "six, all one way": np.arange(1.0, 7.0),
    "ties": np.array([1, 1, 2, -2, 3, 3, 3, -1, 4, 5, 1, -3.0]),
    "zeros": np.array([0, 0, 1, 2, -3, 4, 5, 6, -7, 8.5, 0]),
    "zeros and ties": np.array([0, 1, 1, -1, 2, 2, 2, 0, 3, 3, -4, 5]),
    "even": np.array([1, -1, 2, -2, 3, -3.0]),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_p_and_effect_are_those_of_all_changes_of_signs(name):
    d = SAMPLES[name]
    base = RNG.normal(size=len(d))
    up, down, p = signed_rank(d)
    found = paired_test(d, np.zeros(len(d)))
    assert (found.status, found.n) == (tests.OK, len(d))
    assert found.p == pytest.approx(p, rel=1e-12) and (found.w_plus, found.w_minus) == (up, down)
    assert found.rank_biserial == pytest.approx((up - down) / (up + down))
    assert (found.a_larger, found.b_larger, found.equal) == ((d > 0).sum(), (d < 0).sum(), (d == 0).sum())
    assert found.difference == np.median(d)
    other = paired_test(np.zeros(len(d)), d)
    assert (other.p, other.rank_biserial, other.difference) == (found.p, -found.rank_biserial, -found.difference)
    moved = paired_test(base + 0.5, base)
    assert moved.a_median == np.median(base + 0.5) and moved.b_median == np.median(base)


@pytest.mark.parametrize("name", SAMPLES)
def test_p_and_interval_are_scipy_s(name):
    d = SAMPLES[name]
    found = paired_test(d, np.zeros(len(d)))
    tied = len(np.unique(np.abs(d[d != 0]))) < (d != 0).sum()
    assert found.p_by == (tests.SIGNS if tied else tests.EXACT)
    assert found.p == pytest.approx(stats.wilcoxon(d[d != 0]).pvalue, rel=1e-12)
    direct = stats.bootstrap(
        (d,), np.median, n_resamples=9999, confidence_level=0.95, method="percentile", rng=np.random.default_rng(0)
    )
    assert (found.low, found.high) == (direct.confidence_interval.low, direct.confidence_interval.high)


def test_many_pairs_and_ties_among_many_are_approximated_as_scipy_does():
    for d in (RNG.normal(0.2, 1, 80), RNG.integers(-4, 7, 30).astype(float), RNG.normal(0.2, 1, 50)):
        found = paired_test(d, np.zeros(len(d)))
        exact = len(d) == 50
        direct = stats.wilcoxon(d[d != 0], method="exact" if exact else "asymptotic", correction=not exact)
        assert found.p_by == (tests.EXACT if exact else tests.NORMAL)
        assert found.p == pytest.approx(direct.pvalue, rel=1e-12)
        # the normal approximation by hand: mean, variance less the ties', a correction of a half
        own = d[d != 0]
        n, up = len(own), sum(r for r, one in zip(ranks(list(np.abs(own))), own, strict=True) if one > 0)
        _, counts = np.unique(np.abs(own), return_counts=True)
        sd = np.sqrt(n * (n + 1) * (2 * n + 1) / 24 - (counts**3 - counts).sum() / 48)
        away = abs(up - n * (n + 1) / 4) - 0.5
        assert found.p == pytest.approx(2 * stats.norm.sf(away / sd), rel=1e-9 if not exact else 0.05)


@pytest.mark.parametrize("n", [7, 9, 17, 21])
def test_the_bootstrap_s_interval_is_the_one_that_all_resamples_would_give(n):
    """Of an odd number the median of a resample is at most the k-th value with the chance that at least (n + 1) / 2 of
    n draws fall among the lowest k: the binomial distribution gives the interval without drawing."""
    d = np.sort(np.random.default_rng(n).normal(size=n))
    below = stats.binom.sf((n + 1) // 2 - 1, n, np.arange(1, n + 1) / n)
    expected = d[np.searchsorted(below, 0.025)], d[np.searchsorted(below, 0.975)]
    assert min(abs(below - 0.025).min(), abs(below - 0.975).min()) > 0.004  # so far from a step that 9999 suffice
    assert interval(d) == pytest.approx(expected)


def test_fewer_than_six_that_differ_are_not_tested():
    five = paired_test([1, 2, 3, 4, 5.0], [0] * 5)
    assert (five.status, five.n, five.p, five.low, five.difference) == (tests.TOO_FEW, 5, None, None, 3)
    assert paired_test([], []).status == tests.TOO_FEW
    same = paired_test([1.0] * 9, [1.0] * 9)
    assert (same.status, same.p, same.rank_biserial, same.low, same.high) == (tests.NO_DIFFERENCE, None, None, 0, 0)
    few = paired_test([0, 0, 0, 1, 2, 3, 4, 5.0], [0] * 8)
    assert (few.status, few.p, few.rank_biserial) == (tests.FEW_DIFFER, None, 1)
    # six pairs are the fewest with which any test can come below 0.05
    assert 2 / 2**5 > 0.05 > paired_test(range(1, 7), [0] * 6).p == 2 / 2**6


def test_nothing_warns_and_the_same_values_give_the_same_numbers():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for d in (*SAMPLES.values(), np.ones(8), np.r_[np.ones(7), np.zeros(3)]):
            one, other = (paired_test(d, np.zeros(len(d))) for _ in range(2))
            assert one == other


@pytest.mark.slow  # 9999 resamples of 20,000 cases
def test_a_long_cohort_s_interval_is_as_wide_as_theory_says():
    d = np.random.default_rng(1).normal(0.1, 1, 20_000)
    low, high = tests.interval(d)
    assert low < np.median(d) < high and high - low == pytest.approx(2 * 1.96 * 1.2533 / np.sqrt(20_000), rel=0.2)


def test_holm_is_the_step_down_by_hand():
    pytest.importorskip("statsmodels")
    for p in ([0.01, 0.04, 0.03, 0.005], [0.5], [], [0.02] * 4, list(np.random.default_rng(2).uniform(size=30))):
        assert holm(p) == pytest.approx(holm_by_hand(p))
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_without_statsmodels_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels.stats.multitest", None)
    with pytest.raises(DependencyError, match="pip install statsmodels"):
        holm([0.5])
    assert holm([]) == []
