"""Infinite logits and overflows: never an infinite score or a NaN map with status ok; half precision is retried."""

import numpy as np
import pytest
import torch
from torch import nn

from seghirescam.models.plain import PlainModel
from seghirescam.models.segmentation_model import Windows
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session import explain as verbs
from seghirescam.session.opening import open_session

NAMES = ["a", "b", "c"]


class Net(nn.Module):
    """Three classes; ``forbid(logits, image)`` writes infinities."""

    def __init__(self, forbid=None, size=1.0):
        super().__init__()
        self.first, self.head = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 3, 1)
        self.forbid, self.size = forbid, size

    def forward(self, x):
        logits = self.head(torch.relu(self.first(x)) * self.size)
        return logits if self.forbid is None else self.forbid(logits, x)


def network(*words):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Net(*words)


def windows():
    def offsets(shape):
        return [(0, j, i) for j in (0, 4) for i in (0, 4)]

    return Windows((1, 8, 8), offsets, np.ones((1, 8, 8), np.float32), mirror_axes=(2,))


def case(net, marked=slice(3, 6), **words):
    grid = Grid((1, 12, 12), np.eye(4))
    array = np.random.default_rng(0).standard_normal((1, 1, 12, 12)).astype(np.float32)
    array[:, :, marked] = 100
    weights = np.zeros(grid.shape, np.float32)
    weights[0, 3:9, 3:9] = 1
    return PlainModel(net, NAMES, spatial_dims=2, **words), Image(array, grid), PixelSet(weights, grid)


def class_never(index):
    def forbid(logits, image):
        mask = torch.zeros(logits.shape[1], dtype=torch.bool)
        mask[index] = True
        return logits.masked_fill(mask[:, None, None], float("-inf"))

    return forbid


def where_marked(index, value=float("-inf")):
    """Infinite where the image is above 50: the same places whatever window is cut."""

    def forbid(logits, image):
        mask = torch.zeros(logits.shape, dtype=torch.bool)
        mask[:, index] = image[:, 0] > 50
        return logits.masked_fill(mask, value)

    return forbid


KINDS = [pytest.param({}, id="whole"), pytest.param({"windows": windows()}, id="windows")]
METHODS = ["seg_hires_grad_cam", "seg_grad_cam", "seg_ablation_cam", "input_x_gradient"]


def asked(net, words, marked=slice(3, 6), **question):
    model, image, pixels = case(net, marked, **words)
    return verbs.explain(model, image, pixels, **({"class_index": 1, "layers": "first"} | question))


@pytest.mark.parametrize("words", KINDS)
@pytest.mark.parametrize(("score", "rival"), [("logit", None), ("contrast", 0)])
def test_another_class_that_is_never_chosen_changes_nothing(words, score, rival):
    methods = METHODS if words == {} else METHODS[:2]
    truth = asked(network(), words, score=score, rival=rival, methods=methods)
    found = asked(network(class_never(2)), words, score=score, rival=rival, methods=methods)
    for one, other in zip(found, truth, strict=True):
        assert one.status == "ok" and one.score == pytest.approx(other.score, rel=1e-6)
        np.testing.assert_allclose(one.map, other.map, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("words", KINDS)
def test_log_odds_against_a_class_that_is_never_chosen(words):
    """The odds are those against the one class that is left: a contrast."""
    (truth,) = asked(network(), words, score="contrast", rival=0)
    (found,) = asked(network(class_never(2)), words, score="log_odds")
    assert found.status == "ok" and found.score == pytest.approx(truth.score, rel=1e-5)
    np.testing.assert_allclose(found.map, truth.map, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("words", KINDS)
@pytest.mark.parametrize("score", ["logit", "log_odds"])
@pytest.mark.parametrize("method", METHODS[:2])
def test_infinite_logits_outside_m_have_no_part_in_the_score(words, score, method):
    above = {"marked": slice(0, 3)}
    (truth,) = asked(network(), words, **above, score=score, methods=method)
    for value in (float("-inf"), float("inf"), float("nan")):
        (found,) = asked(network(where_marked(1, value)), words, **above, score=score, methods=method)
        assert found.status == "ok" and found.score == pytest.approx(truth.score, rel=1e-5)
        np.testing.assert_allclose(found.map, truth.map, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("words", KINDS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [float("-inf"), float("nan")])
def test_infinite_logits_in_m_are_counted_and_never_ok(words, method, value):
    (found,) = asked(network(where_marked(1, value)), words, methods=method)
    assert found.status == "nonfinite"
    if "windows" in words and method not in METHODS[:2]:
        assert "somewhere in the pixel set" in found.reason
    else:
        assert "logit is infinite or NaN in 18 of the pixel set's 36 voxels" in found.reason


def test_all_other_classes_forbidden_makes_infinite_odds():
    (found,) = asked(network(lambda y, x: class_never(2)(class_never(0)(y, x), x)), {}, score="log_odds")
    assert found.status == "nonfinite" and "log-odds is infinite or NaN in 36 of the pixel set's 36" in found.reason


def test_another_pixel_set_of_the_same_question_stays_ok():
    model, image, pixels = case(network(where_marked(1)))
    low = PixelSet(np.where(np.arange(12)[:, None] >= 6, pixels.weights, 0).astype(np.float32), pixels.grid)
    bad, good = verbs.explain(model, image, [pixels, low], class_index=1, layers="first")
    (truth,) = verbs.explain(case(network())[0], image, low, class_index=1, layers="first")
    assert bad.status == "nonfinite" and good.status == "ok"
    assert np.array_equal(good.map, truth.map) and good.score == truth.score


def test_painting_and_deletion_scores_do_not_see_infinite_logits_outside_m():
    from seghirescam.cam.logits.score import ClassLogit
    from seghirescam.evaluation.painting.rerun import Rerun

    scores = []
    for net in (network(), network(where_marked(1))):
        model, image, pixels = case(net, slice(0, 3))
        scores.append(Rerun(model).see(image).mean_score(pixels, ClassLogit(1)))
    assert scores[0] == scores[1]


class InBf16(nn.Module):
    """Overflows in bf16 only: there 1.001 is 1, and something is divided by what is left."""

    def __init__(self):
        super().__init__()
        self.first, self.head = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 3, 1)

    def forward(self, x):
        y = torch.relu(self.first(x))
        rest = torch.full_like(y, 1.001) - 1
        return self.head(y / rest * rest)


@pytest.mark.parametrize("words", KINDS)
def test_an_overflow_in_bf16_is_asked_again_in_fp32(words):
    net = InBf16()
    net.load_state_dict(network().state_dict())
    model, image, pixels = case(net, **words)
    (truth,) = verbs.explain(model, image, pixels, class_index=1, layers="first")
    session = open_session(model, image, precision="bf16")
    for _ in range(2):
        (found,) = session.ask(pixels, class_index=1, layers="first")
        assert found.status == "ok" and np.array_equal(found.map, truth.map) and found.score == truth.score
        assert found.provenance == truth.provenance and found.provenance["precision"] == "fp32"
        assert any("With bf16" in note and "computed in fp32 instead" in note for note in found.notes)
    assert np.array_equal(session.logits(), open_session(model, image).logits())
    fresh = open_session(model, image, precision="bf16")
    assert np.array_equal(fresh.predict(1).weights, open_session(model, image).predict(1).weights)


def test_what_does_not_overflow_stays_in_bf16():
    (found,) = asked(network(), {}, precision="bf16")
    assert found.provenance["precision"] == "bf16" and not any("fp32" in note for note in found.notes)
    (note,) = (note for note in found.notes if "bf16" in note)
    assert "an approximation" in note and found.title().endswith(", bf16")
    (exact,) = asked(network(), {})
    assert not any("bf16" in text for text in (*exact.notes, exact.title()))


@pytest.mark.parametrize("words", KINDS)
@pytest.mark.parametrize("method", ["seg_hires_grad_cam", "seg_ablation_cam"])
def test_half_precision_weights_that_overflow_are_asked_again_in_fp32(words, method):
    half = network(None, 1e6).half().train()
    state = {k: v.clone() for k, v in half.state_dict().items()}
    wide = network(None, 1e6).half().float()
    (truth,) = asked(wide, words, methods=method)
    (found,) = asked(half, words, methods=method)
    assert found.status == "ok" and truth.status == "ok" and abs(truth.score) > 65504
    assert np.array_equal(found.map, truth.map) and found.score == truth.score
    assert any("half-precision weights" in note and "fp32" in note for note in found.notes)
    assert found.provenance["weights_sha256"] == case(half)[0].weights_hash
    assert all(v.dtype == torch.float16 and torch.equal(v, state[k]) for k, v in half.state_dict().items())
    assert half.training


def test_an_overflow_in_fp32_itself_is_told_not_hidden():
    (found,) = asked(network(None, 1e38), {}, precision="bf16")
    again = asked(network(lambda y, x: y * 1e38 * 1e38), {}, precision="bf16")
    assert again[0].status == "nonfinite" and found.score is not None


def test_a_prediction_that_overflowed_says_so():
    from seghirescam.session.prediction import predicted_labels

    model, image, _ = case(network(None, 1e6).half())
    wide, _, _ = case(network(None, 1e6).half().float())
    labels, notes = predicted_labels(open_session(model, image), lambda *words: None)
    truth, quiet = predicted_labels(open_session(wide, image), lambda *words: None)
    assert np.array_equal(labels, truth)
    assert any("half-precision weights" in note for note in notes) and not any("fp32" in note for note in quiet)
