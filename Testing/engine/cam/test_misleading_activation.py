"""Ends that only look like an activation, or hide one: decided as the network does, or refused."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from engine.last_activations import SHAPE, Net, image, model, sigmoid_by_hand
from seghirescam import PlainModel
from seghirescam.models.segmentation_model import Windows
from seghirescam.protocol.errors import ModelError
from seghirescam.session.opening import open_session


def written_to(change):
    def last(x):
        p = torch.sigmoid(x)
        change(p)
        return p

    return last


def _front_changed(x):
    p = torch.sigmoid(x)
    x.mul_(-1)
    return p


#: ends that look like an activation and are none, or hide one: the decision is the network's own, or there is a refusal
MISLEADING = {
    "part of it set": (written_to(lambda p: p[..., :5].zero_()), 1),
    "set by index": (written_to(lambda p: p.__setitem__((..., slice(0, 5)), 0)), 1),
    "halved": (written_to(lambda p: p.mul_(0.5)), 1),
    "turned": (written_to(lambda p: p.neg_().add_(1)), 1),
    "written through a view": (written_to(lambda p: p.squeeze(0)[:, 2:].zero_()), 1),
    "its front changed": (_front_changed, 1),
    "a hard sigmoid in place": (nn.Hardsigmoid(inplace=True), 1),
    "clipped in place": (lambda x: F.hardtanh(x, 0, 1, inplace=True), 1),
    "smoothed by a fixed kernel": (lambda x: F.conv3d(torch.sigmoid(x), x.new_ones(1, 1, 1, 1, 1)), 1),
    "a sigmoid beside it": (lambda x: {"out": sigmoid_by_hand(x), "aux": torch.sigmoid(x)}, 1),
    "a smaller sigmoid beside it": (lambda x: [sigmoid_by_hand(x), torch.sigmoid(x)[..., ::2]], 1),
    "masked": (lambda x: (torch.sigmoid(x) * (x > -1), torch.sigmoid(x)[..., ::2, ::2, ::2]), 1),
    "a softmax over one channel": (nn.Softmax(dim=1), 1),
    "a hair beyond 1": (lambda x: torch.sigmoid(30 * x) * (1 + 1e-6), 1),
    "a scaled softmax": (lambda x: torch.softmax(x, 1) * x.new_tensor([1, 1, 3, 1]).view(1, 4, 1, 1, 1), 4),
    "a softmax in groups": (lambda x: torch.softmax(x.view(1, 2, 2, *x.shape[2:]), 1).reshape(x.shape), 4),
    "a softmax over depth": (lambda x: torch.softmax(x.transpose(1, 2), 1).transpose(1, 2), 4),
    "a softmax over voxels": (
        lambda x: torch.softmax(x.flatten(2).transpose(1, 2), 1).transpose(1, 2).reshape(x.shape),
        4,
    ),
}


@pytest.mark.parametrize("last, channels", MISLEADING.values(), ids=MISLEADING)
@pytest.mark.parametrize("windows", [None, "whole"])
def test_what_only_looks_like_an_activation_is_decided_as_the_network_does_or_refused(last, channels, windows):
    names = ["background", "lesion"] if channels == 1 else ["a", "b", "c", "d"]
    one = Windows(SHAPE, lambda shape: [(0, 0, 0)], np.ones(SHAPE, np.float32)) if windows else None
    target = model(last, names, outputs=channels, windows=one)
    out = target.network(torch.tensor(image().array)[None])
    out = out["out"] if isinstance(out, dict) else out[0] if isinstance(out, (list, tuple)) else out
    right = out[0, 0] > 0.5 if channels == 1 else out[0].argmax(0) == 1
    try:
        found = open_session(target, image()).predict(1).weights > 0
    except ModelError as refusal:
        assert refusal.hint
        return
    np.testing.assert_array_equal(found, right.detach().numpy())


def test_the_folds_of_a_model_end_alike():
    folds = [Net(nn.Sigmoid(), 1, seed=0), Net(sigmoid_by_hand, 1, seed=1)]
    target = PlainModel(folds[0], ["a", "b"], folds=folds[1:], head="binary")
    with pytest.raises(ModelError, match="do not end alike"):
        open_session(target, image()).predict(1)


def test_two_models_of_one_network_know_their_own_outputs():
    network = Net(lambda x: {"sig": torch.sigmoid(x), "hard": sigmoid_by_hand(x)}, 1)
    wanted = network.logits(torch.tensor(image().array)[None])[0, 0].detach().numpy() > 0
    sig, hard = (PlainModel(network, ["a", "b"], output=name) for name in ("sig", "hard"))
    for _ in range(2):
        np.testing.assert_array_equal(open_session(sig, image()).predict(1).weights > 0, wanted)
        with pytest.raises(ModelError, match="seems to return probabilities"):
            open_session(hard, image()).predict(1)
