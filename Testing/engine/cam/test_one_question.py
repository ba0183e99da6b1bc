"""Two threads on one network, and what the caller has set in torch: the same numbers come out."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from seghirescam.cam.isolation.one_at_a_time import alone
from seghirescam.models.plain import PlainModel
from seghirescam.models.segmentation_model import Windows
from seghirescam.protocol.errors import CancelledError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session import explain as verbs
from seghirescam.session.opening import open_session


class Net(nn.Module):
    """conv -> batch norm -> made by the forward itself (its type and device are torch's defaults) -> matmul -> head."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.mix, self.head = nn.Linear(4, 4), nn.Conv2d(4, 2, 1)

    def forward(self, x):
        x = torch.relu(self.norm(self.first(x)))
        x = self.up(nn.functional.max_pool2d(x, 2))
        x = self.mix(x.movedim(1, -1)).movedim(-1, 1)
        return self.head(x * (1 + torch.linspace(0, 1, x.shape[-1]) / 3))


def make_network(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Net().train()


def case(size=12, **words):
    grid = Grid((1, size, size), np.eye(4))
    array = np.random.default_rng(0).standard_normal((1, 1, size, size)).astype(np.float32)
    weights = np.zeros(grid.shape, np.float32)
    weights[0, 3:9, 3:9] = 1
    model = PlainModel(make_network(), ["a", "b"], spatial_dims=2, **words)
    return model, Image(array, grid), PixelSet(weights, grid)


def windows():
    def offsets(shape):
        return [(0, j, i) for j in (0, 4) for i in (0, 4)]

    return Windows((1, 8, 8), offsets, np.ones((1, 8, 8), np.float32), mirror_axes=(2,))


def slowly(pause=0.001):
    """Gives the other thread its chance at every module."""

    def tell(fraction, phase):
        threading.Event().wait(pause)

    return tell


@pytest.mark.parametrize("words", [{}, {"windows": windows()}])
def test_two_threads_on_one_network_in_training_mode(words):
    model, image, pixels = case(**words)
    layers = ["first", "norm"]
    state = {k: v.clone() for k, v in model.network.state_dict().items()}
    expected = [verbs.explain(model, image, pixels, class_index=c, layers=layers) for c in (0, 1)]
    found, problems = {}, []

    def ask(thread, c):
        try:
            answers = verbs.explain(model, image, pixels, class_index=c, layers=layers, progress=slowly())
            found.setdefault(thread, []).append(answers)
        except BaseException as error:  # a thread's error would be lost
            problems.append(error)

    threads = [threading.Thread(target=ask, args=(n, n % 2)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not problems and not any(thread.is_alive() for thread in threads)
    for thread, times in found.items():
        for answers in times:
            for one, truth in zip(answers, expected[thread % 2], strict=True):
                assert one.status == "ok" and np.array_equal(one.map, truth.map) and one.score == truth.score
    assert all(module.training for module in model.network.modules())
    assert all(torch.equal(v, state[k]) for k, v in model.network.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.network.modules())


def test_a_question_that_waits_can_be_cancelled():
    model, image, pixels = case()
    held, go, heard, raised = threading.Event(), threading.Event(), [], []

    def hold():
        with alone():
            held.set()
            go.wait(60)

    def tell(fraction, phase):
        heard.append(phase)
        raise CancelledError("Cancelled.")

    def ask():
        try:
            verbs.explain(model, image, pixels, class_index=1, layers="first", progress=tell)
        except CancelledError as error:
            raised.append(error)

    holding, asking = threading.Thread(target=hold), threading.Thread(target=ask)
    holding.start()
    held.wait(60)
    asking.start()
    asking.join(60)
    go.set()
    holding.join(60)
    assert raised and heard == ["waiting for another question"]
    (found,) = verbs.explain(model, image, pixels, class_index=1, layers="first")
    assert found.status == "ok"


def test_weights_that_a_check_has_replaced_are_not_met_by_another_thread():
    from seghirescam.evaluation.trust.sanity import Unit, randomised

    model, image, pixels = case()
    (truth,) = verbs.explain(model, image, pixels, class_index=1, layers="first")
    head = model.network.head
    unit = Unit("head", head, dict(head.named_parameters()))
    found = []

    def ask():
        found.extend(verbs.explain(model, image, pixels, class_index=1, layers="first"))

    thread = threading.Thread(target=ask)
    with randomised([[unit]], 1):
        thread.start()
        thread.join(1)
        assert thread.is_alive()
    thread.join(60)
    assert np.array_equal(found[0].map, truth.map)


def settings():
    yield "autocast", lambda: torch.autocast("cpu", torch.bfloat16)
    yield "inference", torch.inference_mode
    yield "no_grad", torch.no_grad
    yield "grad_off", lambda: torch.set_grad_enabled(False)
    yield "device", lambda: torch.device("meta")
    yield "dtype", lambda: _set(torch.set_default_dtype, torch.float64, torch.float32)
    yield "deterministic", lambda: _set(torch.use_deterministic_algorithms, True, False)
    yield "matmul", lambda: _set(torch.set_float32_matmul_precision, "medium", "highest")


class _set:
    def __init__(self, put, value, before):
        self.put, self.value, self.before = put, value, before

    def __enter__(self):
        self.put(self.value)

    def __exit__(self, *error):
        self.put(self.before)


def state_of_torch():
    return (
        *(torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu"), torch.is_autocast_cache_enabled()),
        *(torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled()),
        *(torch.is_inference_mode_enabled(), torch.are_deterministic_algorithms_enabled()),
        *(torch.is_deterministic_algorithms_warn_only_enabled(), torch.get_float32_matmul_precision()),
    )


METHODS = ["seg_hires_grad_cam", "seg_grad_cam", "seg_ablation_cam", "input_x_gradient"]


WHOLE = [pytest.param(around, {}, id=name) for name, around in settings()]
WINDOWS = [pytest.param(around, {"windows": windows()}, id=f"{name}-windows") for name, around in settings()]


@pytest.mark.parametrize(("around", "words"), [*WHOLE, *(WINDOWS[n] for n in (0, 1, 5))])
def test_what_the_caller_has_set_does_not_change_a_number(around, words):
    cases = [case(**words), case(**words)]  # networks built in inference mode are refused, that is another test

    def everything():
        model, image, pixels = cases.pop()
        session = open_session(model, image)
        answers = session.ask(pixels, class_index=1, layers="norm", methods=METHODS)
        answers += verbs.explain(model, image, class_index=1, layers="norm", score="log_odds")
        maps = [one.map for one in answers]
        bf16 = verbs.explain(model, image, pixels, class_index=1, layers="norm", precision="bf16")
        listed = verbs.list_layers(model, image)
        more = [session.logits(), session.predict(1).weights, open_session(model, image).logits(), bf16[0].map]
        assert {one.status for one in answers} == {"ok"}
        return [*maps, *more], [one.score for one in answers], listed, {one.provenance["precision"] for one in answers}

    truth = everything()
    with around():
        before = state_of_torch()
        found = everything()
        assert state_of_torch() == before
    assert found[1:] == truth[1:]
    for one, other in zip(found[0], truth[0], strict=True):
        assert one.dtype == other.dtype and np.array_equal(one, other)


def test_the_tail_and_deletion_do_not_inherit_an_autocast():
    from seghirescam.cam.logits.score import ClassLogit
    from seghirescam.evaluation.deletion.activation_deletion import activation_curve

    model, image, pixels = case()
    (found,) = verbs.explain(model, image, pixels, class_index=1, layers="first")

    def curve():
        return list(activation_curve(model, image, pixels, ClassLogit(1), found).logits)

    truth = curve()
    with torch.autocast("cpu", torch.bfloat16):
        assert curve() == truth
