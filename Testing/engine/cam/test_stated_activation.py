"""What a description states about the last activation, and what happens without a word."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from engine.last_activations import GRID, MASK, SHAPE, WINDOWS, hidden, image, model, of_logits, pixels, truth
from seghirescam import Image
from seghirescam.cam.logits.final_activation import log_of
from seghirescam.cam.logits.score import ClassLogit
from seghirescam.evaluation.painting.intervention import paint_in
from seghirescam.protocol.errors import ClassError, ModelError
from seghirescam.session.explain import explain
from seghirescam.session.opening import open_session


def test_a_stated_sigmoid_that_cannot_be_left_out_gives_its_log_odds():
    target = model(hidden, ("background", "lesion"), outputs=1, activation="sigmoid", scale=0.5)

    def log_odds(a):
        p = hidden(target.network.second(a.relu()))[0, 0]
        return torch.log(p / (1 - p))

    score, expected = truth(target.network, log_odds)
    (found,) = explain(target, image(), pixels(), class_index="lesion", layers="first")
    assert found.score == pytest.approx(score, rel=1e-9)
    np.testing.assert_allclose(found.map, expected, rtol=1e-4, atol=1e-6)
    p = target.network(torch.tensor(image().array)[None])[0, 0].detach().numpy()
    np.testing.assert_array_equal(open_session(target, image()).predict("lesion").weights > 0, p > 0.5)
    assert any("returns a sigmoid's probabilities (stated)" in note for note in found.notes)


def test_without_a_word_probabilities_end_in_the_sentence_that_names_it():
    one = model(hidden, ("background", "lesion"), outputs=1, scale=0.5)
    with pytest.raises(ModelError, match="seems to return probabilities") as error:
        explain(one, image(), pixels(), class_index="lesion", layers="first")
    assert '"activation": "sigmoid"' in error.value.hint
    several = model(lambda x: F.avg_pool3d(torch.softmax(x, 1), 3, 1, 1, count_include_pad=False), head="softmax")
    for ask in (lambda s: s.predict(1), lambda s: s.ask(pixels(), class_index=1, layers="first")):
        with pytest.raises(ModelError, match="add up to 1") as error:
            ask(open_session(several, image()))
        assert '"activation": "softmax"' in error.value.hint
    windowed = model(hidden, ("background", "lesion"), outputs=1, scale=0.5, windows=WINDOWS)
    for ask in (lambda s: s.predict(1), lambda s: s.ask(pixels(), class_index=1, layers="first")):
        with pytest.raises(ModelError, match="seems to return probabilities"):
            ask(open_session(windowed, image()))


def test_values_never_change_the_score():
    """Logits between 0 and 1 that a convolution gave are logits; a network once seen outside is one that gives logits;
    and what was stated is taken."""
    small = model(nn.Identity(), ("background", "lesion"), outputs=1, scale=1e-3)
    nn.init.constant_(small.network.second.bias, 0.5)
    (found,) = explain(small, image(), pixels(), class_index="lesion", layers="first")
    assert found.score == pytest.approx(truth(small.network, of_logits(small.network, 0))[0], rel=1e-12)
    pooled = model(lambda x: F.avg_pool3d(x, 1), ("background", "lesion"), outputs=1)
    low = Image(np.zeros(SHAPE), GRID)
    nn.init.constant_(pooled.network.first.bias, 0.0), nn.init.constant_(pooled.network.second.bias, 0.5)
    with pytest.raises(ModelError, match="seems to return probabilities"):
        explain(pooled, low, pixels(), class_index="lesion", layers="first")
    explain(pooled, image(), pixels(), class_index="lesion", layers="first")
    (found,) = explain(pooled, low, pixels(), class_index="lesion", layers="first")
    assert found.score == pytest.approx(0.5 * MASK.sum())
    stated = model(lambda x: F.avg_pool3d(x, 1), ("background", "lesion"), outputs=1, activation="none", scale=1e-3)
    nn.init.constant_(stated.network.second.bias, 0.5)
    explain(stated, image(), pixels(), class_index="lesion", layers="first")


def test_a_softmax_that_cannot_be_left_out_loses_the_logit_and_keeps_the_differences():
    def last(x):
        return F.avg_pool3d(torch.softmax(x, 1), 3, 1, 1, count_include_pad=False)

    target = model(last, activation="softmax", scale=0.5)
    with pytest.raises(ClassError, match="logit of one class cannot be told"):
        explain(target, image(), pixels(), class_index=1, layers="first")
    session = open_session(target, image())
    with pytest.raises(ClassError, match="cannot be told"):
        paint_in(session, pixels(), pixels(), ClassLogit(1))

    def p(a):
        return last(target.network.second(a.relu()))[0]

    for words, values in (
        ({"score": "contrast", "rival": 2}, lambda a: torch.log(p(a)[1]) - torch.log(p(a)[2])),
        ({"score": "log_odds"}, lambda a: torch.log(p(a)[1]) - torch.log(1 - p(a)[1])),
    ):
        score, expected = truth(target.network, values)
        (found,) = session.ask(pixels(), class_index=1, layers="first", **words)
        assert found.score == pytest.approx(score, rel=1e-6)
        np.testing.assert_allclose(found.map, expected, rtol=1e-4, atol=1e-5)


def test_saturated_probabilities_are_counted_and_stay_finite():
    target = model(hidden, ("background", "lesion"), outputs=1, activation="sigmoid", scale=0.5)
    target.network.float()
    nn.init.constant_(target.network.second.bias, 200.0)
    (found,) = explain(target, image(), pixels(), class_index="lesion", layers="first")
    assert np.isfinite(found.map).all() and np.isfinite(found.score)
    count = int(MASK.sum())
    assert any(f"{count} of {count} voxels of the pixel set" in note for note in found.notes)
    bounds = log_of(torch.tensor([0.0, 0.5, 1.0]), "sigmoid")
    assert bounds[1] == 0 and bounds.isfinite().all() and bounds[0] < -87 and 16 < bounds[2] < 17.4


def test_contradicting_words_are_refused_and_stated_logits_are_taken_as_such():
    with pytest.raises(ModelError, match="states the activation 'softmax', the network ends in a sigmoid"):
        explain(model(nn.Sigmoid(), activation="softmax"), image(), pixels(), class_index=1)
    with pytest.raises(ModelError, match="exclude each other"):
        explain(model(nn.Softmax(dim=1), head="sigmoid"), image(), pixels(), class_index=1)
    target = model(nn.Sigmoid(), activation="none", head="sigmoid")
    session = open_session(target, image())
    expected = target.network(torch.tensor(image().array)[None])[0].detach().numpy()
    np.testing.assert_allclose(session.logits(), expected, rtol=1e-6)
    assert any("taken as logits, as stated" in note for note in session.output_notes)


def test_a_stated_activation_is_not_believed_against_the_values():
    for last, match in ((nn.Identity(), "ends in a convolution"), (lambda x: 2 * x, "no probabilities")):
        target = model(last, ("a", "b"), outputs=1, activation="sigmoid")
        with pytest.raises(ModelError, match=match):
            open_session(target, image()).predict(1)
