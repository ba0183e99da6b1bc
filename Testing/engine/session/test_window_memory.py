"""How many windows run, at which price, and what happens where memory is short or the work is cancelled."""

import weakref
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from engine import toys
from engine.windowed_models import CLASSES, GRID, ask, case, model, windows
from seghirescam.cam.methods import method
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain
from seghirescam.session.opening import open_session


def test_passes_are_kept_with_the_layers_they_recorded():
    array, mask = case()
    wide = np.zeros_like(mask)
    wide[1:11, 1:15, 1:19] = 1
    session = open_session(model(windows()), Image(array, GRID), memory_budget_bytes=1 << 40)
    session.ask(PixelSet(mask, GRID), class_index=1, layers=["encoder.1", "decoder.1"])
    session.ask(PixelSet(wide, GRID), class_index=1, layers=["decoder.1"])
    (found,) = session.ask(PixelSet(wide, GRID), class_index=1, layers=["encoder.1"])
    fresh = ask(model(windows()), array, wide, "encoder.1")
    assert np.abs(found.map - fresh.map).max() <= 1e-6 * np.abs(fresh.map).max()


def test_a_second_question_about_the_same_windows_makes_no_forward_call():
    array, mask = case()
    other = np.zeros_like(mask)
    other[4:6, 6:9, 7:10] = 1
    session = open_session(model(windows()), Image(array, GRID))
    session.ask(PixelSet(mask, GRID), class_index=1, layers="encoder.1")
    before = session.forward_calls
    (second,) = session.ask(PixelSet(other, GRID), class_index=2, layers="encoder.1")
    assert before > 0 and session.forward_calls == before
    (fresh,) = explain(model(windows()), Image(array, GRID), PixelSet(other, GRID), class_index=2, layers="encoder.1")
    assert np.abs(second.map - fresh.map).max() <= 1e-7 * np.abs(fresh.map).max()
    session.release()
    assert session.kept_bytes == 0 and not session.recorded


def test_the_estimate_is_what_runs():
    array, mask = case()
    session = open_session(model(windows(mirror=(0,)), folds=2), Image(array, GRID))
    estimate = session.estimate(PixelSet(mask, GRID), "encoder.1")
    assert session.forward_calls == 0
    (answer,) = session.ask(PixelSet(mask, GRID), class_index=1, layers="encoder.1")
    assert session.forward_calls == estimate["forward_passes"] == estimate["windows"] * 4
    assert answer.provenance["windows"]["run"] == estimate["windows"] < estimate["of_windows"]


class Greedy(nn.Module):
    """Needs more memory than there is for more than one window, or for more than bf16; once it is ``working``."""

    def __init__(self, network, precision=False):
        super().__init__()
        self.network, self.precision, self.working = network, precision, False

    def forward(self, x):
        if not self.working:
            return self.network(x)
        if x.shape[0] > 1 or (self.precision and not torch.is_autocast_enabled("cpu")):
            raise torch.OutOfMemoryError("out of memory. Tried to allocate 3.00 GiB")
        return self.network(x)


@pytest.mark.parametrize("precision, words", [(False, ["one window at a time"]), (True, ["one window", "in bf16"])])
def test_a_shortage_of_memory_goes_on_with_smaller_settings_and_says_so(precision, words):
    array, mask = case()
    network = Greedy(toys.make().float(), precision)
    m = PlainModel(network, CLASSES, windows=windows())
    session = open_session(m, Image(array, GRID), windows_together=4)
    session.layers()
    network.working = True
    (found,) = session.ask(PixelSet(mask, GRID), class_index=1, layers="network.encoder.1")
    plain = PlainModel(network.network, CLASSES, windows=windows())
    truth = ask(plain, array, mask, "encoder.1", precision="bf16" if precision else "fp32")
    assert np.abs(found.map - truth.map).max() <= 1e-6 * np.abs(truth.map).max()
    notes = " ".join(found.notes)
    assert all(word in notes for word in words)


def test_a_window_that_does_not_fit_in_fp32_runs_in_bf16_from_the_start_and_says_so(monkeypatch):
    from seghirescam.session import window_passes

    array, mask = case()
    network = toys.make().float()
    truth = ask(PlainModel(network, CLASSES, windows=windows()), array, mask, "encoder.1", precision="bf16")
    monkeypatch.setattr(window_passes, "memory_of", lambda where: (1 << 20, 1 << 10))
    found = ask(PlainModel(network, CLASSES, windows=windows()), array, mask, "encoder.1")
    assert np.array_equal(found.map, truth.map) and found.provenance["precision"] == "bf16"
    assert any("computed in bf16" in note for note in found.notes)


def test_a_prediction_goes_on_with_fewer_windows_when_memory_is_short():
    array, _ = case()
    network = Greedy(toys.make().float())
    session = open_session(PlainModel(network, CLASSES, windows=windows()), Image(array, GRID), windows_together=4)
    session.layers()
    network.working = True
    plain = PlainModel(network.network, CLASSES, windows=windows())
    assert np.array_equal(session.logits(), open_session(plain, Image(array, GRID)).logits())


def test_cancelling_between_windows_leaves_the_network_as_it_was():
    array, mask = case()
    m = model(windows())
    m.network.train()
    before = {name: value.clone() for name, value in m.network.state_dict().items()}
    seen = []

    def stop(fraction, phase):
        seen.append(phase)
        if "window 3 " in phase:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(m, array, mask, "encoder.1", progress=stop)
    assert any("window 2 " in phase for phase in seen)
    assert m.network.training and all(torch.equal(before[k], v) for k, v in m.network.state_dict().items())
    assert not any(module._forward_hooks for module in m.network.modules())


def test_a_method_that_fails_leaves_the_network_as_it_was():
    @dataclass(frozen=True)
    class Failing(type(method("seg_hires_grad_cam"))):
        name = "failing"

        def map(self, activation, gradient, cell_mm):
            raise ValueError("no map")

    array, mask = case()
    m = model(windows())
    m.network.train()
    with pytest.raises(ValueError) as caught:
        ask(m, array, mask, "encoder.1", Failing())
    assert caught.tb is not None and m.network.training  # restored while the error is still held


class Alive(TorchDispatchMode):
    """Bytes of tensors that live at once, at most."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self.known = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        for tensor in found if isinstance(found, (tuple, list)) else [found]:
            if isinstance(tensor, torch.Tensor):
                self.note(tensor.untyped_storage())
        return found

    def note(self, storage):
        key, size = storage.data_ptr(), storage.nbytes()
        if key in self.known or not size:
            return
        self.known.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self.freed, key, size)

    def freed(self, key, size):
        self.known.discard(key)
        self.now -= size


def test_predicting_is_estimated_by_what_a_pass_without_a_graph_holds(monkeypatch):
    """Windows together are sized by it: the last layer with gradients said far too little."""
    from seghirescam.session import window_passes

    array, _ = case()
    session = open_session(PlainModel(toys.make().float(), CLASSES, windows=windows()), Image(array, GRID))
    session.layers()
    passes = session._passes
    need, network = passes.need_to_predict(), session.model.network
    with torch.no_grad(), Alive() as alive:
        network(torch.zeros(passes.window_shape))
    assert alive.peak <= need <= 4 * alive.peak, (alive.peak, need)
    gpu = torch.device("cuda:0")
    monkeypatch.setattr(window_passes, "memory_of", lambda where: (1 << 40, 2 * 3 * need))
    settings = window_passes.Settings("cuda:0", "fp32", None)
    assert passes._together(settings, gpu, ()) == 3
    names = ["encoder.0"]
    assert passes._together(settings, gpu, names) == max(1, 3 * need // passes.need(set(names)))


def test_windows_added_up_on_another_device_come_a_window_behind_and_in_their_order(monkeypatch):
    """A meta device's sums stand for a GPU's: what is added there must not be brought to the host."""
    from seghirescam.cam.isolation import host_copies
    from seghirescam.cam.placement import windows as placed

    array, _ = case()
    session = open_session(PlainModel(toys.make().float(), CLASSES, windows=windows()), Image(array, GRID))
    session.layers()
    plan, log = session._passes.plan, []
    monkeypatch.setattr(placed, "copy_to_host", lambda tensor: pytest.fail("a window went to the host"))
    there = placed.Fused(plan, 3, 1, "meta")
    for offset in plan.offsets:
        there.add(torch.zeros((3, *plan.size), device="meta"), offset)
    assert there.logits().device.type == "meta"
    # and from another device into RAM: the copy of one window is waited for when the next one is under way
    copies = iter(range(99))

    def under_way(tensor):
        number = next(copies)
        log.append(("copy", number))
        return torch.full(tensor.shape, float(number)), lambda: log.append(("wait", number))

    monkeypatch.setattr(placed, "copy_to_host", under_way)
    here = placed.Fused(plan, 3, 1)
    for offset in plan.offsets[:3]:
        here.add(torch.zeros((3, *plan.size), device="meta"), offset)
    here.logits()
    assert log == [("copy", 0), ("copy", 1), ("wait", 0), ("copy", 2), ("wait", 1), ("wait", 2)]
    assert host_copies.copy_to_host(torch.ones(2))[0].tolist() == [1.0, 1.0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("share", [0.4, 0.0])
def test_on_a_gpu_the_prediction_is_the_cpu_s_wherever_it_is_added_up(monkeypatch, share):
    from seghirescam.session import window_passes

    monkeypatch.setattr(window_passes, "FUSED_SHARE", share)
    array, _ = case()
    network = toys.make().float()
    truth = open_session(PlainModel(network, CLASSES, windows=windows(mirror=(0,))), Image(array, GRID)).logits()
    again = PlainModel(network, CLASSES, windows=windows(mirror=(0,)))
    found = open_session(again, Image(array, GRID), device="cuda").logits()
    assert np.abs(found - truth).max() <= 1e-4 * np.abs(truth).max()
