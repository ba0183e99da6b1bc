"""All methods through the one verb: units, places, order, refusals before any computing, progress and cancelling."""

import importlib.util
import json
import sys
import textwrap

import numpy as np
import pytest
import torch
from torch import nn

from engine import toys
from engine.toy_cases import case
from seghirescam import Grid, Image, PixelSet, PlainModel
from seghirescam.cam.layers.layer import Layer
from seghirescam.cam.methods import method, methods
from seghirescam.cam.methods.ablation import SegAblationCam
from seghirescam.cam.methods.base import Situation, registered
from seghirescam.cam.methods.cam import Cam
from seghirescam.cam.methods.full_grad import SegFullGrad
from seghirescam.cam.methods.lift import SegLiftCam
from seghirescam.cam.methods.score_cam import SegScoreCam
from seghirescam.protocol.errors import CancelledError, LayerError, MethodError
from seghirescam.protocol.recipes import PredictedClass, WholeImage
from seghirescam.session.explain import explain
from seghirescam.session.whole import WholeSession

GRADIENT = {
    *("seg_hires_grad_cam", "seg_grad_cam", "seg_xres_cam", "seg_grad_cam_pp", "seg_xgrad_cam", "seg_layer_cam"),
    *("seg_eigen_cam", "seg_eigen_grad_cam", "seg_eigen_abs_cam"),
}
INPUT = {"saliency", "input_x_gradient", "integrated_gradients", "guided_backpropagation", "deconvolution"}
CONTEXT = {"cam", "seg_ablation_cam", "seg_score_cam", "seg_lift_cam", "seg_full_grad"}


class Counting:
    """Counts forward calls of a network that really computes; listing layers is done before."""

    def __init__(self, model, image):
        WholeSession(model, image).layers()
        self.calls = 0
        model.network.register_forward_pre_hook(self)

    def __call__(self, module, inputs):
        self.calls += 1


def test_every_row_of_the_paper_s_table_is_known_by_name_with_paper_and_citation():
    assert set(methods()) == GRADIENT | INPUT | CONTEXT
    entries = {}
    for name, kind in methods().items():
        m = kind()
        assert m.name == name and m.title and m.paper and kind.__doc__ and m.cost and m.about, name
        assert m.bibtex.startswith("@") and m.bibtex.count("{") == m.bibtex.count("}"), name
        json.dumps(m.settings())
        entries.setdefault(m.bibtex.split("{")[1].split(",")[0], name)
    assert len(entries) == len(methods())


def test_each_method_answers_in_place_with_its_unit_and_its_facts():
    pytest.importorskip("captum")
    model, image, pixels = case()
    for name in sorted(set(methods()) - {"guided_backpropagation", "deconvolution"}):
        (found,) = explain(model, image, pixels, class_index=1, methods=name, layers=["decoder.1"])
        m = method(name)
        assert found.method == name and found.method_title == m.title and found.status == "ok"
        assert found.unit == (m.unit or "logit") and np.isfinite(found.map).all()
        assert found.layer.name == ("input" if m.at_input else "decoder.1")
        assert found.map.shape == (8, 12, 16) and found.grid.same_as(image.grid)
        json.dumps(found.to_json())
        weights = torch.tensor(pixels.weights).double()
        x = torch.tensor(image.array)[None].float().double()
        assert found.score == pytest.approx(float((model.network(x)[0, 1].detach() * weights).sum()), rel=1e-9)


def test_answers_come_by_pixel_set_layer_and_method_with_maps_at_the_input_last():
    model, image, pixels = case()
    wanted = [SegFullGrad("signed"), SegAblationCam(), "seg_hires_grad_cam", SegLiftCam(2), "seg_layer_cam"]
    found = explain(
        model, image, [pixels, WholeImage()], class_index=1, methods=wanted, layers=["encoder.2", "encoder.1"]
    )
    names = ["seg_ablation_cam", "seg_hires_grad_cam", "seg_lift_cam", "seg_layer_cam"]
    one = [("encoder.2", n) for n in names] + [("encoder.1", n) for n in names] + [("input", "seg_full_grad")]
    assert [(f.layer.name, f.method) for f in found] == 2 * one
    for f in found:
        which = pixels if f.pixel_set_label == pixels.label else WholeImage()
        m = next(m for m in wanted if getattr(m, "name", m) == f.method)
        layers = "deepest" if f.layer.name == "input" else [f.layer.name]
        (alone,) = explain(model, image, which, class_index=1, methods=m, layers=layers)
        assert np.allclose(f.map, alone.map, rtol=1e-5, atol=1e-7 * np.abs(alone.map).max())
        assert f.score == pytest.approx(alone.score, rel=1e-9)


def test_a_kept_pass_is_not_disturbed_by_methods_that_make_passes_of_their_own():
    model, image, pixels = case()
    session = WholeSession(model, image)
    (before,) = session.ask(pixels, class_index=1, layers=["encoder.1"])
    session.ask(pixels, class_index=1, layers=["encoder.1"], methods=[SegAblationCam(), SegFullGrad()])
    calls = session.forward_calls
    (after,) = session.ask(pixels, class_index=1, layers=["encoder.1"])
    assert session.forward_calls == calls and np.array_equal(before.map, after.map)


def test_a_question_without_a_gradient_method_makes_only_the_passes_its_method_needs():
    model, image, pixels = case()
    counting = Counting(model, image)
    (found,) = explain(model, image, pixels, class_index=1, methods=Cam(), layers=["decoder.1"])
    # one for the map; the wiring is followed with one channel
    assert found.provenance["forwards"] == 1
    counting.calls = 0
    (found,) = explain(model, image, pixels, class_index=1, methods=SegScoreCam(channels=2), layers=["encoder.2"])
    assert counting.calls == found.provenance["forwards"] == 4
    (found,) = explain(model, image, class_index=1, methods=SegAblationCam(channels=3))  # predicted, default layer
    assert found.pixel_set_label and found.provenance["tail_passes"] >= 3


def refused(match, m, layers, **more):
    model, image, pixels = more.pop("made", case())
    counting = Counting(model, image)
    with pytest.raises(MethodError, match=match):
        explain(model, image, pixels, class_index=1, methods=m, layers=layers, **more)
    return counting.calls


def test_what_a_method_cannot_do_is_refused_before_the_network_runs():
    from seghirescam.cam.layers import head_wiring

    found = head_wiring.heads(toys.make(), (1, 1, 8, 8, 8), 3)
    assert found["decoder.1#1"] == "head" and {name.split(".")[0] for name in found} == {"decoder"}
    # following the wiring for CAM calls the network with one channel and nothing in it
    assert refused("feeds a linear 1x1 head, and 'encoder.2' does not", Cam(), ["encoder.2"]) == 1
    assert refused("coarser than the output", Cam(crop=True), ["body.decoder.0"], made=deep()) == 1
    assert refused("linear in the logits only", Cam(), ["decoder.1"], score="log_odds") == 0
    assert refused("linear in the logits only", Cam(), "default", score="log_odds") == 0
    assert refused("has none", "guided_backpropagation", "default") == 0
    pooled = Situation(None, (1, 1, 8, 8, 8), None, "softmax", 3, Layer("pooled", 4, (1, 1, 1), (8, 8, 8), 0))
    with pytest.raises(MethodError, match="'pooled' has a single cell"):
        SegScoreCam().check(pooled)
    scripted = Situation(torch.jit.script(nn.Conv3d(1, 3, 1)), (1, 1, 8, 8, 8), None, "softmax", 3)
    with pytest.raises(MethodError, match="compiled TorchScript"):
        SegFullGrad().check(scripted)
    with pytest.raises(LayerError, match="cannot be explained"):
        explain(*case()[:2], class_index=1, methods=SegAblationCam(), layers=["nowhere"])


def small(net):
    image = Image(np.random.default_rng(0).normal(size=(8, 8, 8)), Grid.from_spacing((8, 8, 8)))
    return PlainModel(net, ["a", "b", "c"]), image, PixelSet(np.ones((8, 8, 8)), image.grid)


def deep():
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.deep = toys.make(), toys.conv(3, 6, 3, 1).double()

        def forward(self, x):
            kept = []
            handle = self.body.decoder[0].register_forward_hook(lambda m, i, o: kept.append(o))
            y = self.body(x)
            handle.remove()
            return [y, self.deep(kept[0])]

    net = Deep()
    return small(net)


@pytest.mark.parametrize(
    "make, match",
    [
        (lambda: SegAblationCam("noise"), "'zero' or 'mean'"),
        (lambda: SegAblationCam(channels=0), "1 channel or more"),
        (lambda: SegScoreCam(0.0), "temperature"),
        (lambda: SegScoreCam(baseline="noise"), "'zero', 'min' and 'blur'"),
        (lambda: SegLiftCam(0), "at least one step"),
        (lambda: SegLiftCam(form="both"), "'channels' or 'cells'"),
        (lambda: SegFullGrad("max"), "'abs' or 'signed'"),
    ],
)
def test_bad_settings_are_refused_where_they_are_given(make, match):
    with pytest.raises(MethodError, match=match):
        make()


def test_main_layers_that_a_method_cannot_take_are_left_out():
    model, image, pixels = case()
    found = explain(model, image, pixels, class_index=1, methods=[Cam(), "seg_hires_grad_cam"], layers="main")
    assert [f.layer.name for f in found if f.method == "cam"] == ["decoder.1"]
    assert len([f for f in found if f.method == "seg_hires_grad_cam"]) == 5


def test_zero_and_non_finite_maps_keep_their_statuses():
    model, image, pixels = case()
    with torch.no_grad():
        model.network.head.weight.zero_()
    for m, why in (
        (SegAblationCam(), "no channel's removal changes the score"),
        (Cam(), "the head's weights or the activation are zero"),
        (SegLiftCam(2), "every gradient on the way from zero, is zero"),
        ("input_x_gradient", "every gradient at the image is zero"),
    ):
        if m == "input_x_gradient":
            pytest.importorskip("captum")
        (found,) = explain(model, image, pixels, class_index=1, methods=m, layers=["decoder.1"])
        assert found.status == "zero_map" and why in found.reason
    model, image, pixels = case()
    with torch.no_grad():
        model.network.decoder[1].conv.weight[0] = torch.nan
    for m in ("seg_eigen_cam", SegAblationCam(), SegLiftCam(2), "seg_grad_cam_pp", SegFullGrad()):
        (found,) = explain(model, image, pixels, class_index=1, methods=m, layers=["decoder.1"])
        assert found.status == "nonfinite", m


def test_a_map_in_the_padding_is_cut_off_at_the_input_too():
    model, image, _ = case((7, 10, 13), divisor=4)
    pixels = PixelSet(np.ones(image.grid.shape), image.grid)
    (found,) = explain(model, image, pixels, class_index=1, methods=SegFullGrad("signed"))
    assert found.map.shape == (7, 10, 13) and any("lay in cells of the padding" in n for n in found.notes)


def test_a_two_dimensional_network_answers_for_its_slice():
    model, image, pixels = case((1, 8, 12), dims=2)
    for m in (SegAblationCam(), SegScoreCam(), SegLiftCam(2), SegFullGrad(), Cam(), "seg_layer_cam"):
        (found,) = explain(model, image, pixels, class_index=1, methods=m, layers=["decoder.1"])
        assert found.map.shape == (1, 8, 12) and found.status == "ok"


def test_progress_rises_and_every_long_method_can_be_cancelled_leaving_nothing_behind():
    model, image, pixels = case()
    network = model.network
    before = {n: sorted(m.__dict__) for n, m in network.named_modules()}
    several = [SegAblationCam(), SegScoreCam(), SegLiftCam(3), "seg_hires_grad_cam"]
    told = []
    explain(model, image, pixels, class_index=1, methods=several, layers=["encoder.2"],
            progress=lambda f, p: told.append((f, p)))  # fmt: skip
    fractions = [f for f, _ in told]
    assert fractions == sorted(fractions) and told[-1] == (1.0, "done")
    for words in ("removing channel 3 of 8", "masking by channel 2 of 8", "integrating, step 2 of 3"):
        assert any(words in phase for _, phase in told), words

        def stop(fraction, phase, words=words):
            if words in phase:
                raise CancelledError("Cancelled.")

        with pytest.raises(CancelledError):
            explain(model, image, pixels, class_index=1, methods=several, layers=["encoder.2"], progress=stop)
        assert {n: sorted(m.__dict__) for n, m in network.named_modules()} == before
        assert all(not m._forward_hooks and not m._forward_pre_hooks for m in network.modules())


def test_bf16_and_a_frozen_network_in_training_mode_answer_too():
    model, image, pixels = case((16, 16, 16))
    model.network.float().train().requires_grad_(False)
    for m in (SegAblationCam(), SegLiftCam(2), SegFullGrad("signed"), Cam(), SegScoreCam(channels=2)):
        (exact,) = explain(model, image, pixels, class_index=1, methods=m, layers=["decoder.1"])
        (rough,) = explain(model, image, pixels, class_index=1, methods=m, layers=["decoder.1"], precision="bf16")
        assert rough.score == pytest.approx(exact.score, rel=0.05)
        assert np.corrcoef(rough.map.ravel(), exact.map.ravel())[0, 1] > 0.95
    assert all(module.training for module in model.network.modules())


def test_the_prediction_is_frozen_and_serves_as_pixel_set():
    model, image, _ = case()
    (found,) = explain(model, image, PredictedClass(), class_index=1, methods=SegFullGrad("signed"))
    assert found.total == pytest.approx(found.score, rel=1e-5) and found.completeness == pytest.approx(1, rel=1e-5)
    assert abs(found.provenance["gap"]) < 1e-10 and "the gap is" in " ".join(found.notes)


TOY = """
from dataclasses import dataclass
from seghirescam.cam.methods.base import ContextMethod, Method, Outcome, register

@register
@dataclass(frozen=True)
class Energy(Method):
    name, title, paper, about = "toy_energy", "Toy energy", "nowhere", "L = sum_k |g_k A_k|. Nowhere."
    def map(self, activation, gradient, cell_mm):
        return (gradient * activation).abs().sum(dim=0)

@register
@dataclass(frozen=True)
class Halved(ContextMethod):
    name, title, paper = "toy_halved", "Toy halved", "nowhere"
    cost, about = "2 F + 1 tail pass", "S(A) - S(A / 2), spread evenly. Nowhere."
    def compute(self, context):
        tail = context.tail
        change = context.scores(tail.logits)[0] - context.scores(tail(tail.activation / 2))[0]
        cells = tail.activation[0, 0]
        return Outcome(change.to(cells) * cells.new_ones(cells.shape) / cells.numel())
"""


def test_a_method_from_outside_the_package_is_one_file(tmp_path):
    file = tmp_path / "outside.py"
    file.write_text(textwrap.dedent(TOY), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("outside", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["outside"] = module
    try:
        spec.loader.exec_module(module)
        model, image, pixels = case()
        energy, halved = explain(
            model, image, pixels, class_index=1, methods=["toy_energy", "toy_halved"], layers=["encoder.1"]
        )
        weights, plain = torch.tensor(pixels.weights).double(), toys.make(inplace=False)
        x = torch.tensor(image.array)[None].float().double()
        a, g = toys.slow_truth(plain, x, "encoder.1", lambda y: (y[0, 1] * weights).sum())
        assert np.allclose(energy.map, (a * g).abs().sum(dim=0), rtol=1e-5)
        handle = plain.encoder[1].register_forward_hook(lambda m, i, o: o / 2)
        half = float((plain(x)[0, 1].detach() * weights).sum())
        handle.remove()
        assert halved.total == pytest.approx(energy.score - half, rel=1e-5)
    finally:
        del sys.modules["outside"]
        for name in ("toy_energy", "toy_halved"):
            registered.pop(name, None)
