"""The same bits again: stated for a GPU, enforced on request, the caller's own setting put back."""

import numpy as np
import pytest
import torch
from torch import nn

from engine import toys
from engine.windowed_models import CLASSES, GRID, case
from seghirescam.cam.isolation.determinism import NotDeterministicError, determinism_facts
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session


class Looking(nn.Module):
    def __init__(self, network, error=""):
        super().__init__()
        self.network, self.error, self.seen = network, error, set()

    def forward(self, x):
        self.seen.add((torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark))
        if self.error:
            raise RuntimeError(self.error)
        return self.network(x)


def asked(network, **settings):
    array, mask = case()
    session = open_session(PlainModel(network, CLASSES), Image(array, GRID), **settings)
    (found,) = session.ask(PixelSet(mask, GRID), class_index=1, layers="network.encoder.1")
    return found


@pytest.mark.parametrize("before", [(False, False), (True, False), (True, True)])
def test_deterministic_algorithms_are_enforced_on_request_only(before):
    torch.use_deterministic_algorithms(before[0], warn_only=before[1])
    try:
        network = Looking(toys.make().float())
        plain, enforced = asked(network), asked(network, deterministic=True)
        now = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
        assert now == before
    finally:
        torch.use_deterministic_algorithms(False)
    assert network.seen == {(before[0], False), (True, False)}
    assert "deterministic" not in plain.provenance and enforced.provenance["deterministic"] is True
    assert np.array_equal(plain.map, enforced.map)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_pool3d_backward_cuda does not have a deterministic implementation, but you set", "max_pool3d"),
        ("Deterministic behavior was enabled with ... you must set CUBLAS_WORKSPACE_CONFIG=:4096:8", "comes too late"),
    ],
)  # fmt: skip
def test_an_operation_without_a_deterministic_form_is_one_sentence(text, said):
    with pytest.raises(NotDeterministicError, match=said) as caught:
        asked(Looking(toys.make().float(), text), deterministic=True)
    assert "--deterministic" in caught.value.hint and not torch.are_deterministic_algorithms_enabled()
    with pytest.raises(RuntimeError, match="deterministic|CUBLAS") as caught:
        asked(Looking(toys.make().float(), text))
    assert not isinstance(caught.value, NotDeterministicError)


def test_on_a_gpu_the_provenance_says_whether_bits_repeat():
    facts = determinism_facts("cuda:0")
    assert facts == {"deterministic": False, "cudnn_deterministic": False, "cudnn_benchmark": False}
    assert determinism_facts("cpu") == {}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_enforced_answer_repeats_bit_for_bit():
    one, other = (asked(Looking(toys.make().float()), device="cuda", deterministic=True) for _ in range(2))
    assert np.array_equal(one.map, other.map) and one.provenance["deterministic"] is True
