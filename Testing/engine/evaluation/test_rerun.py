"""The model run again: windows, folds and mirrorings fused; only the windows that meet M where M alone is asked of."""

import numpy as np
import pytest

from engine.windowed_models import GRID, case, model, windows
from seghirescam.cam.logits.score import Contrast, LogOdds
from seghirescam.evaluation.metrics.simplicity import entropy
from seghirescam.evaluation.painting.rerun import Rerun
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.value import NONFINITE, Value
from seghirescam.session.opening import open_session


@pytest.mark.parametrize(
    "settings", [{"wanted": None}, {"wanted": windows(mirror=(0,)), "folds": 2}], ids=["one", "many"]
)
@pytest.mark.parametrize("score", [Contrast(1, 2), LogOdds(1)], ids=["contrast", "log-odds"])
def test_the_score_around_m_is_the_one_of_the_whole_prediction_for_fewer_windows(settings, score):
    array, mask = case()
    m, image, pixels = model(**settings), Image(array, GRID), PixelSet(mask, GRID)
    logits = open_session(m, image).logits()
    whole, part = Rerun(m), Rerun(m)
    seen, near = whole.see(image), part.see(image, around=pixels)
    assert np.array_equal(seen.logits, logits)
    import torch

    values = score.values(torch.from_numpy(logits)[None].double(), m.head)[0].numpy()
    expected = (values * mask).sum() / mask.sum()
    assert seen.mean_score(pixels, score) == pytest.approx(expected, rel=1e-6)
    assert near.mean_score(pixels, score) == pytest.approx(expected, rel=1e-6)
    assert part.forward_calls < whole.forward_calls if m.windows else part.forward_calls == whole.forward_calls == 1
    assert np.array_equal(seen.predicted(1), logits.argmax(0) == 1)


def test_only_shares_have_a_lift_and_its_logarithm_counts_doublings():
    share = Value.of(0.4, chance=0.1)
    assert (share.lift, share.log2_lift) == pytest.approx((4, 2)) and share.to_json()["log2_lift"] == pytest.approx(2)
    for other in (Value.of(4.0, "mm", 1.0), Value.of(4.0, "ml", 1.0), Value(0.4, chance=0.1, larger_is_more=False)):
        assert other.lift is None and other.log2_lift is None and other.chance
    nothing = Value.of(0.0, chance=0.1)
    assert nothing.lift == 0 and nothing.log2_lift is None
    assert entropy(np.arange(4.0)).lift is None


def test_a_value_is_finite_or_says_why_it_is_not():
    assert Value.of(0.3, chance=0.1).lift == pytest.approx(3)
    assert Value.of(float("nan")).status == Value.of(float("inf")).status == NONFINITE
    assert Value.of(0.3, chance=0.0).lift is None and Value.of(float("nan"), chance=0.1).lift is None
    assert Value.without("zero_map", "Nothing.").to_json() == {
        "value": None, "unit": "", "status": "zero_map", "chance": None, "lift": None,
        "log2_lift": None, "chance_over": "", "note": "Nothing.",
    }  # fmt: skip
    for bad in ({"value": None}, {"value": 1.0, "status": "zero_map"}, {"value": 1.0, "status": "fine"}):
        with pytest.raises(ValueError):
            Value(**bad)
