"""The threshold that holds a share of the evidence: against sorting, small and large, and its borders."""

import numpy as np
import pytest

from seghirescam.protocol.display import thresholds


def slow(values, share):
    """Add voxels from the largest down until the share is held."""
    flat = np.sort(values[values > 0].astype(np.float64))[::-1]
    held = np.cumsum(flat)
    return flat[np.argmax(held >= share * held[-1] * (1 - 1e-12))]


@pytest.mark.parametrize("share", [0.01, 0.5, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("many", [10, thresholds._MANY + 1])
def test_the_level_is_that_of_adding_voxels_from_the_largest_down(monkeypatch, share, many):
    monkeypatch.setattr(thresholds, "_MANY", min(many, 5000))
    values = np.random.default_rng(0).normal(size=20000).astype(np.float32) ** 3
    level = thresholds.threshold_holding(values, share)
    assert level == pytest.approx(slow(values, share), rel=1e-6)
    whole = values[values > 0].sum(dtype=np.float64)
    assert values[values >= level].sum(dtype=np.float64) >= share * whole * (1 - 1e-6)
    assert values[values > level].sum(dtype=np.float64) < share * whole


def test_ties_belong_to_the_region_and_nothing_positive_gives_an_empty_one():
    assert thresholds.threshold_holding(np.array([1.0, 1.0, 1.0, -5.0]), 0.5) == 1.0
    assert thresholds.threshold_holding(np.array([-1.0, 0.0]), 0.8) == np.inf
    assert thresholds.signed_threshold_holding(np.array([-4.0, 1.0, 0.0]), 0.8) == 4.0
    for share in (0, 1.1, -1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            thresholds.threshold_holding(np.ones(3), share)
