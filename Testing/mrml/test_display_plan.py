import numpy as np
import pytest

from seghirescam.protocol.display.evidence import Evidence
from SegHiResGradCAMLib.scene.overlay.DisplayPlan import COLORS, DisplayPlan
from SegHiResGradCAMLib.scene.overlay.DisplaySettings import DisplaySettings


def planOf(values, settings):
    return DisplayPlan.of(Evidence.of(np.asarray(values, dtype=np.float32)), settings)


def steps(values, end):
    """How Slicer turns values into 256 levels: window from -end to end, cut to whole numbers."""
    return np.clip((values.astype(np.float64) + end) * (255 / (2 * end)), 0, 255).astype(int)


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95, 1.0])
def test_the_threshold_keeps_the_smallest_region_with_the_share(share):
    values = np.random.default_rng(1).normal(size=20000).astype(np.float32)
    plan = planOf(values, DisplaySettings(share=share))
    lower, upper = plan.threshold
    evidence = values[(values >= lower) & (values <= upper)].sum(dtype=float) / values[values > 0].sum(dtype=float)
    assert share - 1e-9 <= evidence <= share + 1e-3
    assert plan.shareShown == pytest.approx(evidence, abs=1e-6)
    smaller = values[values > lower + 1e-3].sum(dtype=float) / values[values > 0].sum(dtype=float)
    assert smaller < share


def test_the_scale_runs_from_zero_to_the_maximum():
    plan = planOf(np.array([-3, 0, 1, 2], dtype=np.float32), DisplaySettings())
    assert plan.window == (0, 2)


def test_a_common_maximum_is_used_for_comparing():
    assert planOf(np.array([1.0, 2.0]), DisplaySettings(maximum=5)).window == (0, 5)
    assert planOf(np.array([1.0, 2.0]), DisplaySettings(maximum=5, signed=True)).window == (-5, 5)


def test_six_digits_in_a_scene_file_lose_neither_ties_nor_the_brightest_voxel():
    values = np.array([0.123456789] * 4 + [0.987654321], dtype=np.float32)
    plan = planOf(values, DisplaySettings(share=1.0))
    lower, upper = (float(f"{v:.6g}") for v in plan.threshold)
    assert ((values >= lower) & (values <= upper)).all()


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_both_signs_keep_at_least_the_share_and_hide_zero(share):
    values = np.random.default_rng(2).laplace(size=50000).astype(np.float32)
    plan = planOf(values, DisplaySettings(share=share, signed=True))
    end = plan.window[1]
    visible = ~np.isin(steps(values, end), plan.hidden)
    held = np.abs(values[visible]).sum(dtype=float) / np.abs(values).sum(dtype=float)
    assert share <= held <= share + 0.06
    assert plan.shareShown == pytest.approx(held, abs=1e-6)
    assert steps(np.zeros(1), end)[0] in plan.hidden
    assert plan.threshold is None and plan.window[0] == -end


def test_evidence_far_below_the_largest_value_stays_visible_in_signed_maps():
    values = np.full(10000, 0.001)
    values[0] = 1000
    plan = planOf(np.concatenate([values, -values[1:]]), DisplaySettings(share=1.0, signed=True))
    assert plan.shareShown == 1
    assert plan.window[1] == pytest.approx(0.25)


def test_the_hidden_middle_is_symmetric_within_a_step():
    plan = planOf(np.linspace(-1, 1, 4001), DisplaySettings(share=0.6, signed=True))
    assert abs((COLORS - 1 - plan.hidden[-1]) - plan.hidden[0]) <= 1


@pytest.mark.parametrize("signed", [False, True])
def test_a_zero_map_shows_nothing(signed):
    plan = planOf(np.zeros(10, dtype=np.float32), DisplaySettings(signed=signed))
    assert plan.isEmpty and plan.shareShown == 0 and plan.window[1] > plan.window[0]
    assert plan.threshold is None or plan.threshold[0] > 0
    assert not signed or plan.hidden == range(COLORS)


def test_only_negative_values_show_nothing_unless_both_signs_are_asked_for():
    values = np.array([-2.0, -1.0], dtype=np.float32)
    assert planOf(values, DisplaySettings()).isEmpty
    assert planOf(values, DisplaySettings(signed=True)).shareShown == 1


@pytest.mark.parametrize(
    "wrong", [{"share": 0}, {"share": 1.1}, {"opacity": 2}, {"colorTable": "Jet"}, {"maximum": 0}, {"maximum": -1}]
)
def test_settings_that_cannot_be_shown_are_refused_with_a_reason(wrong):
    with pytest.raises(ValueError, match="got|choose"):
        DisplaySettings(**wrong)
