"""What is differentiated: closed forms of each score, for each kind of head."""

import pytest
import torch

from seghirescam.cam.logits.heads import BINARY, SIGMOID, SOFTMAX
from seghirescam.cam.logits.score import ClassLogit, Contrast, LogOdds, decide
from seghirescam.protocol.errors import ClassError

LOGITS = torch.tensor([[[[1.0, -2.0]], [[0.5, 3.0]], [[-1.0, 2.0]]]], dtype=torch.float64)


def test_the_class_logit_is_the_channel():
    assert torch.equal(ClassLogit(1).values(LOGITS, SOFTMAX), LOGITS[:, 1])


def test_a_binary_head_has_the_negated_logit_for_background():
    z = LOGITS[:, :1]
    assert torch.equal(ClassLogit(1).values(z, BINARY), z[:, 0])
    assert torch.equal(ClassLogit(0).values(z, BINARY), -z[:, 0])
    assert torch.equal(decide(z, 0, BINARY), z[:, 0] < 0)


def test_log_odds_are_those_of_the_softmax_probability():
    p = torch.softmax(LOGITS, dim=1)[:, 2]
    assert torch.allclose(LogOdds(2).values(LOGITS, SOFTMAX), torch.log(p / (1 - p)), atol=1e-14)
    q = torch.sigmoid(LOGITS)[:, 2]
    assert torch.allclose(LogOdds(2).values(LOGITS, SIGMOID), torch.log(q / (1 - q)), atol=1e-14)


def test_a_contrast_is_the_difference_of_two_logits():
    assert torch.equal(Contrast(1, 2).values(LOGITS, SOFTMAX), LOGITS[:, 1] - LOGITS[:, 2])
    assert Contrast(1, 2).title({1: "lesion", 2: "look-alike"}) == "logit of lesion minus look-alike"
    with pytest.raises(ClassError, match="its own rival"):
        Contrast(1, 1)


def test_decisions_by_softmax_and_by_sigmoid():
    assert decide(LOGITS, 1, SOFTMAX).tolist() == [[[False, True]]]
    assert decide(LOGITS, 1, SIGMOID).tolist() == [[[True, True]]]


def test_a_class_the_network_does_not_have_is_refused():
    for index, head, logits in ((3, SOFTMAX, LOGITS), (-1, SOFTMAX, LOGITS), (2, BINARY, LOGITS[:, :1])):
        with pytest.raises(ClassError):
            ClassLogit(index).values(logits, head)
