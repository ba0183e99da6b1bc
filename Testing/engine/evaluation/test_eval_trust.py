"""Trust: networks whose cause is known, passes counted in the network itself, and verdicts that name reasons."""

import json

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter
from torch import nn

from engine.linear_cases import Stop
from engine.windowed_models import GRID as WINDOWED
from engine.windowed_models import case as windowed_case
from engine.windowed_models import model as windowed_model
from engine.windowed_models import windows
from seghirescam.cam.isolation.network_place import stamp
from seghirescam.evaluation.trust.fast_tier import fast
from seghirescam.evaluation.trust.full_tier import full
from seghirescam.evaluation.trust.rows import NOT_JUDGED, NOT_SUPPORTED, SUPPORTED
from seghirescam.evaluation.trust.trust_cost import duration, full_cost
from seghirescam.evaluation.trust.verdict_limits import GAIN_SDS, ORDERS
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.recipes import PredictedClass
from seghirescam.session.opening import open_session

GRID = Grid.from_spacing((24, 24, 24), (2.0, 2.0, 2.0))
M = (slice(4, 8), slice(4, 8), slice(4, 8))
CUE = (slice(14, 18), slice(14, 18), slice(14, 18))


class Looks(nn.Module):
    """y_object(p) = sum over a 3x3x3 kernel of x(p + step): elsewhere (step 10 voxels), or here (step 0)."""

    def __init__(self, step):
        super().__init__()
        self.step = step
        self.features = nn.Conv3d(1, 2, 1)
        self.mix, self.head = nn.Conv3d(2, 4, 3, padding=1), nn.Conv3d(4, 2, 1, bias=False)
        with torch.no_grad():
            self.features.weight[:], self.features.bias[:] = 1.0, 0.0
            self.mix.weight[:], self.mix.bias[:] = 1 / 54, 0.0
            self.head.weight[:] = torch.tensor([0.0, 0.25]).reshape(2, 1, 1, 1, 1)

    def forward(self, x):
        a = torch.relu(self.features(x))
        shifted = torch.zeros_like(a)
        n = self.step
        shifted[:, :, : a.shape[2] - n, : a.shape[3] - n, : a.shape[4] - n] = a[:, :, n:, n:, n:]
        return self.head(self.mix(shifted))


def picture():
    """Noise between 0 and 1, and a bright cube at M and at the cue: both may be the reason, one of them is."""
    array = np.random.default_rng(0).uniform(0, 1, GRID.shape).astype(np.float32)
    array[M] += 4
    array[CUE] += 4
    return Image(array, GRID)


def box(place=M):
    mask = np.zeros(GRID.shape)
    mask[place] = 1
    return PixelSet(mask, GRID, "box")


def asked(step, layer="features", keep=True, **words):
    model = PlainModel(Looks(step).eval(), ["rest", "object"])
    session = open_session(model, picture(), keep=keep)
    return session, {"class_index": 1, "methods": ["seg_hires_grad_cam"], "layers": [layer], **words}


def counted(model, shape=None):
    """A list that grows with every pass of an image through any of the model's networks (its wiring is traced with
    an image of zeros, and its layers are placed with small probes: not of this shape)."""
    calls = []

    def count(module, inputs):
        if inputs[0].any() and shape in (None, tuple(inputs[0].shape[2:])):
            calls.append(1)

    for network in model.networks:
        network.register_forward_pre_hook(count)
    return calls


def test_the_fast_tier_s_numbers_are_those_of_a_linear_network():
    session, words = asked(10)
    found = fast(session, box(), words)
    gap, paint = found.row("completeness_gap"), found.row("context_paint_over")
    assert gap.value.value < 1e-5  # all behind the layer is linear
    expected = uniform_filter(picture().array[0].astype(float), 3)[CUE].mean()
    assert found.explanation.score / 64 == pytest.approx(expected, rel=1e-5)
    assert paint.value.value > 0.5 and "lowers the mean score by" in paint.sentence
    assert found.row("class_swap").value.status == "zero_map"  # the other class's logit is 0 whatever the image
    # every channel's gradient has one sign: nothing cancels
    assert found.row("cancellation").value.value == pytest.approx(1)
    assert found.verdict == NOT_JUDGED and not any(row.passed is not None for row in found.rows)
    assert "phantom_mass" not in {row.name for row in found.rows}
    json.dumps(found.to_json(), allow_nan=False)


def test_phantom_mass_is_shown_for_methods_that_average_and_counts_what_they_light_up_without_influence():
    session, words = asked(10, methods=["seg_grad_cam"])
    found = fast(session, box(), words)
    a = picture().array[0].astype(np.float64)
    reached = np.zeros(GRID.shape, bool)
    reached[13:19, 13:19, 13:19] = True  # the cue's voxels, one more around by the 3x3x3 kernel
    assert found.row("phantom_mass").value.value == pytest.approx(a[~reached].sum() / a.sum(), rel=1e-4)


def test_the_fast_tier_runs_the_network_three_times_after_an_explanation_and_never_more():
    session, words = asked(10)
    (one,) = session.ask(box(), **words)
    calls = counted(session.model)
    found = fast(session, box(), words, sent=(one.map, one.grid))
    assert len(calls) == 3 == found.cost["forwards"] and all(
        row.value.ok for row in found.rows if row.name != "class_swap"
    )
    again = fast(session, box(), {**words, "methods": ["seg_grad_cam"]})
    assert len(calls) == 6 and again.cost["forwards"] == 3


def test_without_a_kept_pass_it_still_runs_three_times_and_says_what_was_left_out():
    session, words = asked(10, keep=False)
    (one,) = session.ask(box(), **words)
    calls = counted(session.model)
    found = fast(session, box(), words, sent=(one.map, one.grid))
    assert len(calls) == 3 == found.cost["forwards"]
    assert found.row("context_paint_over").value.ok
    for name in ("class_swap", "cancellation", "completeness_gap"):
        row = found.row(name)
        assert row.value.status == "not_measured" and "at most 3" in row.sentence


def test_a_map_of_a_method_with_many_passes_is_judged_as_it_was_sent():
    session, words = asked(10, methods=["seg_ablation_cam"])
    (one,) = session.ask(box(), **words)
    calls = counted(session.model)
    found = fast(session, box(), words, sent=(one.map, one.grid))
    assert len(calls) <= 3 and found.explanation.method == "seg_ablation_cam"
    assert np.array_equal(found.explanation.map, one.map)
    assert found.row("context_paint_over").value.value > 0.5


def test_a_prediction_that_only_finds_the_pixel_set_counts_among_the_three():
    model = PlainModel(Looks(10).eval(), ["rest", "object"])
    session = open_session(model, picture(), memory_budget_bytes=0)
    words = {"class_index": 1, "methods": ["seg_hires_grad_cam"], "layers": ["features"]}
    (one,) = session.ask(PredictedClass(), **words)
    calls = counted(model)
    found = fast(session, PredictedClass(), words, sent=(one.map, one.grid))
    assert len(calls) == found.cost["forwards"] <= 3
    row = found.row("context_paint_over")
    assert row.value.status == "not_measured" and "has used 2" in row.sentence


def test_a_sent_map_is_judged_by_its_own_values_not_by_those_of_the_stand_in():
    session, words = asked(10, methods=["seg_ablation_cam"])
    with torch.no_grad():
        session.model.networks[0].head.weight.zero_()
    for number, status in ((1.0, "ok"), (-1.0, "no_positive_evidence"), (0.0, "zero_map"), (np.nan, "nonfinite")):
        cells = np.full(GRID.shape, number, np.float32)
        found = fast(session, box(), words, sent=(cells, GRID)).explanation
        assert (found.status, bool(found.reason)) == (status, status != "ok")


def test_a_map_on_the_image_itself_is_judged_too():
    session, words = asked(10, layer="input", methods=["input_x_gradient"])
    (one,) = session.ask(box(), **{**words, "layers": "main"})
    calls = counted(session.model, GRID.shape)
    found = fast(session, box(), words, sent=(one.map, one.grid))
    assert len(calls) <= 3 and found.explanation.layer.part == "input"
    assert found.row("context_paint_over").value.value > 0.5
    assert found.row("completeness_gap").value.status == "not_measured"
    judged_in_full = full(session, box(), words, sent=(one.map, one.grid))
    assert judged_in_full.verdict == SUPPORTED and len(calls) > 50


@pytest.mark.parametrize("settings", [{"wanted": windows()}, {"wanted": windows(mirror=(0,)), "folds": 2}])
def test_with_windows_it_runs_three_times_those_that_meet_m(settings):
    array, mask = windowed_case(where=(slice(0, 4), slice(0, 4), slice(2, 6)))
    session = open_session(windowed_model(**settings), Image(array, WINDOWED))
    pixels, words = (
        PixelSet(mask, WINDOWED),
        {"class_index": 1, "methods": ["seg_hires_grad_cam"], "layers": ["encoder.0"]},
    )
    (one,) = session.ask(pixels, **words)
    passes = session.forward_calls
    calls = counted(session.model)
    found = fast(session, pixels, words, sent=(one.map, one.grid))
    assert len(calls) == 3 * passes == found.cost["forwards"]
    assert found.row("completeness_gap").value.ok and found.row("class_swap").value.ok


def test_a_map_of_the_true_cause_is_supported_wherever_that_lies():
    for step, test in ((10, "context_deletion_gain"), (0, "evidence_at_m")):
        session, words = asked(step)
        found = full(session, box(), words)
        assert found.verdict == SUPPORTED, found.verdict_sentence
        assert {line.word for line in found.lines} == {SUPPORTED} and found.row("made_again").value.value > 0.999999
        cells, score = found.row("cells_removed"), found.explanation.score / 64
        # linear: what the removed cells hold is what the score loses
        strongest = np.sort(found.explanation.map.ravel())[::-1][: cells.details["cells"]].sum(dtype=float) / 64
        assert cells.value.value == pytest.approx(strongest, rel=1e-4) and strongest >= 0.5 * score
        assert strongest > 2 * cells.threshold
        row = found.row(test)
        assert row.passed and (row.value.value > row.threshold)
        assert found.row("randomisation").passed and found.row("stability").value.value < 0.05
        if step:
            gain = found.gain
            assert row.threshold == pytest.approx(GAIN_SDS * gain.logit_sd) and gain.n == ORDERS
            assert len(found.curves) == ORDERS + 1 and found.curves[0]["name"] == "by the map"
        json.dumps(found.to_json() | {"details": found.details}, allow_nan=False)


def test_random_maps_and_a_painted_prediction_are_not_supported_where_the_context_is_the_cause():
    session, words = asked(10)
    for name, array in (
        ("random", np.random.default_rng(1).uniform(0, 1, GRID.shape)),
        ("paints the prediction", box().weights),
    ):
        found = full(session, box(), words, sent=(array.astype(np.float32), GRID))
        assert found.verdict == NOT_SUPPORTED, name
        assert found.row("context_deletion_gain").passed is False
        assert found.verdict_sentence.startswith("Not supported by the model: made again (")
        assert [line.word for line in found.lines] == [NOT_SUPPORTED, NOT_SUPPORTED, NOT_JUDGED]
    # cells of the layer are voxels of 2 mm here
    sentence = found.row("context_deletion_gain").sentence
    assert "shows no evidence there" in sentence and "cells of 2 mm may look" in sentence


def test_where_the_context_is_not_used_a_random_map_fails_by_where_it_lies():
    session, words = asked(0)
    array = np.random.default_rng(1).uniform(0, 1, GRID.shape).astype(np.float32)
    found = full(session, box(), words, sent=(array, GRID))
    assert found.verdict == NOT_SUPPORTED and found.row("evidence_at_m").passed is False
    value = found.row("evidence_at_m").value
    assert value.value == pytest.approx(value.chance, abs=0.02)


def test_where_the_context_is_not_used_no_order_of_it_is_made():
    session, words = asked(0)
    (one,) = session.ask(box(), **words)
    calls = counted(session.model, GRID.shape)
    stated = full_cost(session, box(), words)
    found = full(session, box(), words, sent=(one.map, one.grid))
    row = found.row("context_deletion_gain")
    assert row.value.status == "not_measured" and row.passed is None and "pixel set itself" in row.sentence
    assert found.gain is None and found.details["context_deletion"] is None
    (ends,) = found.curves
    assert ends["name"] == "any order" and ends["fractions"] == [0, 1] and len(ends["logit"]) == 2
    # the six curves share their ends, which are all that was looked at
    assert len(calls) == found.cost["forwards"] <= stated.forwards - 6 * 8


def test_chance_at_the_pixel_set_is_counted_in_the_body():
    array = np.full(GRID.shape, -1000, np.float32)
    array[:12] = np.random.default_rng(0).uniform(0, 300, (12, 24, 24))
    session = open_session(PlainModel(Looks(0).eval(), ["rest", "object"]), Image(array, GRID))
    words = {"class_index": 1, "methods": ["seg_hires_grad_cam"], "layers": ["features"]}
    value = full(session, box(), words).row("evidence_at_m").value
    # M is one block of 4 voxels; grown by 3 mm it meets the 26 around it, but for the 8 at its corners (3.5 mm)
    assert value.chance == pytest.approx(19 * 4**3 / (12 * 24 * 24))


def test_maps_without_evidence_are_not_judged_and_cost_nothing_more():
    session, words = asked(10)
    for array, status in ((np.zeros(GRID.shape), "zero_map"), (np.full(GRID.shape, np.nan), "nonfinite")):
        session.ask(box(), **words)
        calls = counted(session.model)
        found = full(session, box(), words, sent=(array.astype(np.float32), GRID))
        assert found.verdict == NOT_JUDGED and len(calls) <= 3
        assert {found.row(n).value.status for n in ("context_deletion_gain", "randomisation", "stability")} == {status}
        assert found.row("context_paint_over").value.status == status
        json.dumps(found.to_json(), allow_nan=False)


def test_one_voxel_and_the_whole_image_as_pixel_sets_have_an_answer():
    session, words = asked(10)
    one = fast(session, box((slice(5, 6), slice(5, 6), slice(5, 6))), words)
    assert one.row("context_paint_over").value.ok and one.row("completeness_gap").value.value < 1e-5
    whole = fast(session, PixelSet(np.ones(GRID.shape), GRID), words)
    assert whole.row("context_paint_over").value.status == "too_small"


def test_the_cost_is_told_before_anything_runs_and_is_not_exceeded():
    session, words = asked(10)
    session.ask(box(), **words)
    calls = counted(session.model, GRID.shape)
    cost = full_cost(session, box(), words, seconds_per_pass=2.0)
    assert calls == []
    # 3 predictions, 2 + 6 x 8 of the curves, 28 without cells of the layer; 1 explanation made again, 5 with random
    # weights, 8 for the stability
    assert (cost.predictions, cost.explanations, cost.forwards) == (81, 14, 95)
    assert cost.seconds == 2.0 * (81 + 3 * 14) and cost.text.endswith(
        "(95 forward passes), about 5 min on this machine"
    )
    found = full(session, box(), words)
    assert len(calls) == found.cost["forwards"] <= cost.forwards
    assert "shows once" in full_cost(session, box(), words).text


def test_durations_are_rounded_upwards_in_words():
    assert [duration(s) for s in (3, 31, 100, 7200)] == ["under 10 s", "about 40 s", "about 2 min", "about 2.0 h"]


@pytest.mark.parametrize("at", [0.02, 0.06, 0.3, 0.65, 0.9])
def test_cancelling_the_full_tier_leaves_network_and_session_as_they_were(at):
    session, words = asked(10)
    (one,) = session.ask(box(), **words)
    marks, calls = stamp(session.model.networks[0]), session.forward_calls

    def cancel(fraction, phase):
        if fraction >= at:
            raise Stop

    with pytest.raises(Stop):
        full(session, box(), words, progress=cancel)
    assert stamp(session.model.networks[0]) == marks
    assert np.array_equal(session.ask(box(), **words)[0].map, one.map) and session.forward_calls == calls


def test_progress_never_falls_and_names_what_happens():
    session, words = asked(10)
    told = []
    full(session, box(), words, progress=lambda fraction, phase: told.append((fraction, phase)))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    phases = " ".join(phase for _, phase in told)
    assert "randomised" in phases and "noise" in phases and "removed" in phases


def test_in_the_demo_the_paint_over_shows_the_shortcut_by_seg_hires_and_not_by_the_average():
    from seghirescam import open_model
    from seghirescam.demo.case import load_case

    image, segments = load_case()
    session = open_session(open_model("demo:shortcut"), image)
    gains = {}
    for method in ("seg_hires_grad_cam", "seg_grad_cam"):
        words = {"class_index": "lesion", "methods": [method], "layers": ["encoder.2"]}
        found = fast(session, segments["Lesion"], {**words, "score": "contrast", "rival": "look-alike"})
        gains[method] = found.row("context_paint_over").value.value
    # measured: 17.5 and -0.8 logit (seed 0)
    assert gains["seg_hires_grad_cam"] > 10 and gains["seg_grad_cam"] < 1
    assert session.forward_calls == 1
