"""Models whose inference averages the probabilities of windows: the score is of the average."""

import numpy as np
import pytest
import torch
from torch import nn

from engine.last_activations import MASK, SHAPE, WINDOWS, averaged, image, model, of_logits, pixels, truth
from seghirescam import PlainModel
from seghirescam.models.segmentation_model import Windows
from seghirescam.protocol.errors import MethodError
from seghirescam.session.explain import explain
from seghirescam.session.opening import open_session


def test_windows_average_probabilities_where_the_network_s_own_inference_does():
    sigmoid = model(nn.Sigmoid(), ("background", "lesion"), outputs=1, windows=WINDOWS)
    score, expected, average = averaged(sigmoid.network, lambda p: torch.log(p[0] / (1 - p[0])), MASK)
    session = open_session(sigmoid, image())
    (found,) = session.ask(pixels(), class_index="lesion", layers="first")
    assert found.score == pytest.approx(score, rel=1e-5)
    np.testing.assert_allclose(found.map, expected, rtol=2e-4, atol=1e-4)
    np.testing.assert_array_equal(session.predict("lesion").weights > 0, average[0] > 0.5)
    logit_mean = averaged(sigmoid.network, lambda z: z[0], MASK, linear=True)[0]
    assert abs(score - logit_mean) > 0.01 * abs(score)  # the two ways of fusing can be told apart here
    assert any("add up to first order only" in note for note in found.notes)

    softmax = model(nn.Softmax(dim=1), windows=WINDOWS)
    session = open_session(softmax, image())
    with pytest.raises(MethodError, match="whose probabilities the model's inference averages"):
        open_session(sigmoid, image()).ask(pixels(), class_index=1, layers="first", methods="seg_ablation_cam")
    score, expected, average = averaged(softmax.network, lambda p: torch.log(p[1]) - torch.log(p[2]), MASK)
    (found,) = session.ask(pixels(), class_index=1, layers="first", score="contrast", rival=2)
    assert found.score == pytest.approx(score, rel=1e-4)
    np.testing.assert_allclose(found.map, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(session.predict(1).weights > 0, average.argmax(0) == 1)
    score, expected, _ = averaged(softmax.network, lambda z: z[1], MASK, linear=True)
    (found,) = session.ask(pixels(), class_index=1, layers="first")
    assert found.score == pytest.approx(score, rel=1e-6)
    np.testing.assert_allclose(found.map, expected, rtol=1e-4, atol=1e-5)


def test_a_single_window_averages_nothing_and_gives_the_exact_logit():
    one = Windows(SHAPE, lambda shape: [(0, 0, 0)], np.ones(SHAPE, np.float32))
    target = model(nn.Softmax(dim=1), windows=one)
    score, expected = truth(target.network, of_logits(target.network, 1))
    (found,) = explain(target, image(), pixels(), class_index=1, layers="first")
    assert found.score == pytest.approx(score, rel=1e-6)
    np.testing.assert_allclose(found.map, expected, rtol=1e-4, atol=1e-5)


def test_slices_and_windows_that_do_not_overlap_average_nothing():
    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 1, 1)

        def forward(self, x):
            return torch.sigmoid(self.second(self.first(x).relu()))

    target = PlainModel(Flat(), ("background", "lesion"), spatial_dims=2)
    words = {"class_index": "lesion", "layers": "first", "methods": ["seg_hires_grad_cam", "seg_ablation_cam"]}
    found, ablated = explain(target, image(), pixels(), **words)
    x = torch.tensor(image().array, dtype=torch.float32).transpose(0, 1)
    a = target.network.first(x).detach().requires_grad_()
    score = (target.network.second(a.relu())[:, 0] * torch.tensor(MASK, dtype=torch.float32)).sum()
    (g,) = torch.autograd.grad(score, a)
    assert found.score == pytest.approx(float(score.detach()), rel=1e-5)
    # the two slices of the segment; the others have no influence
    np.testing.assert_allclose(found.map, (g * a).sum(dim=1).detach().numpy()[2:4], rtol=1e-4, atol=1e-5)
    assert ablated.status == "ok" and not any("average" in note for note in found.notes)


def test_windows_of_one_channel_know_their_head_with_the_first_pass():
    target = model(nn.Sigmoid(), ("background", "lesion"), outputs=1, windows=WINDOWS)
    session = open_session(target, image())
    average = averaged(target.network, lambda p: p[0], MASK)[2]
    np.testing.assert_array_equal(session.predict(1).weights > 0, average[0] > 0.5)
    assert session.logits().shape == (1, *SHAPE)
