"""In which precision numbers are computed: never rounded in silence, named in notes and provenance."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn

from engine import toys
from engine.windowed_models import CLASSES, GRID, case, windows
from seghirescam.cam.isolation.fp32_rounding import fp32_rounding, rounds_to_tf32
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain
from seghirescam.session.hardware import precisions
from seghirescam.session.hardware.precisions import Precision
from seghirescam.session.opening import open_session

BACKENDS = torch.backends
GPU = torch.device("cuda:0")


def switches():
    """Everything in PyTorch that says how products of float32 are rounded."""
    newer = [
        getattr(getattr(BACKENDS, backend), operation).fp32_precision
        for backend, operation in (
            *(("cuda", "matmul"), ("cudnn", "conv"), ("cudnn", "rnn")),
            *(("mkldnn", "matmul"), ("mkldnn", "conv"), ("mkldnn", "rnn")),
        )
    ]
    older = [read(torch.get_float32_matmul_precision), read(lambda: BACKENDS.cudnn.allow_tf32)]
    return [*newer, *older, BACKENDS.fp32_precision, BACKENDS.cudnn.benchmark]


def read(older):
    """PyTorch refuses to tell the older word where the newer ones were set apart."""
    try:
        return older()
    except RuntimeError:
        return "mixed"


def by_the_new_words():
    BACKENDS.cudnn.conv.fp32_precision = BACKENDS.cudnn.rnn.fp32_precision = "tf32"
    BACKENDS.cuda.matmul.fp32_precision = "tf32"


def by_the_old_words():
    BACKENDS.cudnn.allow_tf32 = True
    BACKENDS.cuda.matmul.allow_tf32 = True


def of_everything():
    BACKENDS.fp32_precision = "tf32"
    BACKENDS.cudnn.benchmark = True


def apart():
    BACKENDS.cudnn.conv.fp32_precision, BACKENDS.cudnn.rnn.fp32_precision = "ieee", "tf32"


@pytest.fixture
def own_switches():
    """PyTorch's defaults before and after a test that sets them."""
    yield
    BACKENDS.fp32_precision = "none"
    torch.set_float32_matmul_precision("highest")
    BACKENDS.cudnn.allow_tf32 = True
    BACKENDS.cudnn.conv.fp32_precision = BACKENDS.cudnn.rnn.fp32_precision = "tf32"
    for backend in (BACKENDS.cuda.matmul, BACKENDS.mkldnn.matmul, BACKENDS.mkldnn.conv, BACKENDS.mkldnn.rnn):
        backend.fp32_precision = "none"
    BACKENDS.cudnn.benchmark = False


class Looking(nn.Module):
    """Notes at every pass what a GPU would round to."""

    def __init__(self, network):
        super().__init__()
        self.network, self.seen = network, []

    def forward(self, x):
        matmul, conv = BACKENDS.cuda.matmul.fp32_precision, BACKENDS.cudnn.conv.fp32_precision
        self.seen.append((matmul, conv, BACKENDS.mkldnn.conv.fp32_precision, BACKENDS.cudnn.benchmark))
        return self.network(x)


@pytest.mark.parametrize("windowed", [False, True])
@pytest.mark.parametrize("way", [lambda: None, by_the_new_words, by_the_old_words, of_everything, apart])
def test_fp32_is_float32_whatever_the_caller_left_on_and_the_caller_s_switches_come_back(own_switches, way, windowed):
    array, mask = case()
    network = Looking(toys.make().float())
    model = PlainModel(network, CLASSES, windows=windows() if windowed else None)
    way()
    before = switches()
    explain(model, Image(array, GRID), PixelSet(mask, GRID), class_index=1, layers="network.encoder.1")
    assert set(network.seen) == {("ieee", "ieee", "ieee", False)}
    assert switches() == before


def test_tf32_is_allowed_inside_on_request_only_and_an_error_restores_too(own_switches):
    array, mask = case()
    network = Looking(toys.make().float())
    model = PlainModel(network, CLASSES)
    before = switches()
    session = open_session(model, Image(array, GRID), precision="tf32")
    session.layers()
    network.seen.clear()
    session.ask(PixelSet(mask, GRID), class_index=1, layers="network.encoder.1")
    assert set(network.seen) == {("tf32", "tf32", "ieee", False)} and switches() == before

    def stop(fraction, words):
        raise KeyError

    with pytest.raises(KeyError):
        session.ask(PixelSet(mask, GRID), class_index=1, layers="network.encoder.1", progress=stop)
    assert switches() == before
    with fp32_rounding(tf32=True):
        assert rounds_to_tf32()
        with fp32_rounding():
            assert not rounds_to_tf32()
        assert rounds_to_tf32()
    assert switches() == before


@pytest.mark.parametrize("windowed", [False, True])
def test_where_there_is_no_tf32_the_answer_is_fp32_s_and_says_so(windowed):
    array, mask = case()
    model = PlainModel(toys.make().float(), CLASSES, windows=windows() if windowed else None)
    asked = (model, Image(array, GRID), PixelSet(mask, GRID))
    words = {"class_index": 1, "layers": "encoder.1"}
    (found,), (truth,) = explain(*asked, **words, precision="tf32"), explain(*asked, **words)
    assert np.array_equal(found.map, truth.map) and found.provenance["precision"] == "fp32"
    assert any("TF32 was asked for, which this device does not have" in note for note in found.notes)


@pytest.mark.parametrize(
    "asked, capability, bf16, computed, said",
    [
        ("tf32", (8, 0), True, "tf32", "Computed in TF32"), ("tf32", (7, 5), False, "fp32", "this GPU does not have"),
        ("bf16", (7, 5), False, "fp16", "computed in fp16"), ("bf16", (9, 0), True, "bf16", ""),
        ("fp32", (9, 0), True, "fp32", ""), ("fp16", (7, 0), False, "fp16", ""),
    ],
)  # fmt: skip
def test_what_a_gpu_computes_in(monkeypatch, asked, capability, bf16, computed, said):
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "device", lambda where: nullcontext())
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda where: capability)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16)
    found = Precision.on(GPU, asked)
    assert found.name == computed
    assert (said in found.notes[0]) if said else not found.notes


def without_bf16(monkeypatch):
    monkeypatch.setattr(precisions, "_has_bf16", lambda where: False)


@pytest.mark.parametrize("windowed", [False, True])
def test_bf16_where_there_is_none_is_fp16_close_to_fp32_and_named(monkeypatch, windowed):
    array, mask = case()
    model = PlainModel(toys.make().float(), CLASSES, windows=windows() if windowed else None)
    asked, words = (model, Image(array, GRID), PixelSet(mask, GRID)), {"class_index": 1, "layers": "encoder.1"}
    (truth,) = explain(*asked, **words)
    without_bf16(monkeypatch)
    (found,) = explain(*asked, **words, precision="bf16")
    assert found.provenance["precision"] == "fp16" and any("computed in fp16" in note for note in found.notes)
    assert np.abs(found.map - truth.map).max() <= 2e-2 * np.abs(truth.map).max()
    assert np.corrcoef(found.map.ravel(), truth.map.ravel())[0, 1] >= 0.999
    (same,) = explain(*asked, **words, precision="fp16")
    assert np.array_equal(found.map, same.map)


def last(factor, before=None):
    """One convolution and a head: the gradient at the first is the head's weight, times ``factor``."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.head = nn.Conv3d(1, 2, 1), nn.Conv3d(2, 3, 1, bias=False)

        def forward(self, x):
            return self.head(self.first(x) if before is None else before(self.first(x))) * factor

    torch.manual_seed(0)
    return PlainModel(Net(), CLASSES, activation="none")


@pytest.mark.parametrize("factor", [1e-9, 1e6])
def test_what_fp16_cannot_hold_is_asked_again_in_fp32(factor):
    array, mask = case()
    model = last(1.0, lambda y: (y * factor) * (1 / factor))
    asked, words = (model, Image(array, GRID), PixelSet(mask, GRID)), {"class_index": 1, "layers": "first"}
    (truth,) = explain(*asked, **words)
    (found,) = explain(*asked, **words, precision="fp16")
    assert found.status == truth.status == "ok" and found.provenance["precision"] == "fp32"
    assert np.array_equal(found.map, truth.map)
    assert any("With fp16" in note and "computed in fp32 instead" in note for note in found.notes)


def test_gradients_below_fp16_s_smallest_number_are_held_by_the_scale():
    array, mask = case()
    model = last(3e-8)  # fp16 rounds what is below 3e-8 to zero
    asked, words = (model, Image(array, GRID), PixelSet(mask, GRID)), {"class_index": 1, "layers": "first"}
    (truth,) = explain(*asked, **words)
    (found,) = explain(*asked, **words, precision="fp16")
    assert found.provenance["precision"] == "fp16"
    assert np.corrcoef(found.map.ravel(), truth.map.ravel())[0, 1] > 0.99
