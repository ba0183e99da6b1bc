"""A network that ends in its own sigmoid or softmax: scores, predictions and maps are of the logits in front of it."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from engine.programs import describe, save_exported, save_script
from seghirescam import Grid, Image, PixelSet, PlainModel, open_model
from seghirescam.cam.logits.final_activation import log_of
from seghirescam.evaluation.painting.intervention import paint_in
from seghirescam.models.base import Windows
from seghirescam.protocol.errors import ClassError, MethodError, ModelError
from seghirescam.session.explain import explain
from seghirescam.session.opening import open_session

SHAPE = (6, 8, 10)
GRID = Grid.from_spacing(SHAPE, (2.0, 1.0, 1.5))
MASK = np.zeros(SHAPE)
MASK[2:4, 2:6, 3:9] = 1


class Net(nn.Module):
    """Two convolutions, and what comes last."""

    def __init__(self, last, classes=3, seed=0, scale=2.0):
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Conv3d(1, 4, 3, padding=1)
        self.second = nn.Conv3d(4, classes, 1)
        nn.init.normal_(self.second.weight, 0, scale)
        self.last = last
        self.double()

    def logits(self, x):
        return self.second(self.first(x).relu())

    def forward(self, x):
        return self.last(self.logits(x))


def image(seed=0, shape=SHAPE):
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32).astype(float)
    return Image(values, Grid.from_spacing(shape, (2.0, 1.0, 1.5)))


def model(last, classes=("background", "lesion", "other"), **words):
    net_words = {word: words.pop(word) for word in ("seed", "scale") if word in words}
    channels = words.pop("outputs", len(classes))
    return PlainModel(Net(last, channels, **net_words), classes, **words)


def pixels(mask=MASK, grid=GRID):
    return PixelSet(mask, grid, "segment")


def truth(network, values, mask=MASK, seed=0):
    """(S, sum_k dS/dA_k A_k at the first layer) by plain autograd of ``values(A) -> [*spatial]``."""
    x = torch.tensor(image(seed).array)[None]
    a = network.first(x).detach().requires_grad_()
    score = (values(a) * torch.tensor(mask)).sum()
    (g,) = torch.autograd.grad(score, a)
    return float(score), (g * a).sum(dim=1)[0].detach().numpy()


def of_logits(network, place):
    return lambda a: network.second(a.relu())[0, place]


SIGMOIDS = {
    "torch.sigmoid": torch.sigmoid,
    "method": lambda x: x.sigmoid(),
    "in place": lambda x: x.sigmoid_(),
    "functional": F.sigmoid,
    "module": nn.Sigmoid(),
    "expit": torch.special.expit,
    "moved": lambda x: torch.sigmoid(x).float().double().contiguous(),
    "logarithm": F.logsigmoid,
    "in a tuple": lambda x: (torch.sigmoid(x), x.new_zeros(3)),
}
SOFTMAXES = {
    "torch.softmax": lambda x: torch.softmax(x, 1),
    "method": lambda x: x.softmax(dim=1),
    "functional": lambda x: F.softmax(x, dim=-4),
    "module": nn.Softmax(dim=1),
    "logarithm": nn.LogSoftmax(dim=1),
    "of the logarithm": lambda x: F.log_softmax(x, 1).exp(),
}


@pytest.mark.parametrize("last", SIGMOIDS.values(), ids=SIGMOIDS)
def test_a_sigmoid_at_the_end_is_left_out(last):
    target = model(last, ("background", "lesion"), outputs=1)
    score, expected = truth(target.network, of_logits(target.network, 0))
    (found,) = explain(target, image(), pixels(), class_index="lesion", layers="first")
    assert found.score == pytest.approx(score, rel=1e-8) and found.unit == "logit"
    np.testing.assert_allclose(found.map, expected, rtol=1e-5, atol=1e-6)
    x = torch.tensor(image().array)[None]
    seen = open_session(target, image()).predict("lesion").weights > 0
    np.testing.assert_array_equal(seen, target.network.logits(x)[0, 0].detach().numpy() > 0)
    assert target.head == "binary" and any("ends in a sigmoid, which was left out" in note for note in found.notes)
    facts = found.provenance
    assert (facts["activation"], facts["activation_left_out"], facts["head"]) == ("sigmoid", True, "binary")
    hooks = [*target.network._forward_hooks, *target.network._forward_pre_hooks]
    assert not hooks and not torch.overrides._get_current_function_mode_stack()


@pytest.mark.parametrize("last", SOFTMAXES.values(), ids=SOFTMAXES)
def test_a_softmax_at_the_end_is_left_out(last):
    target = model(last)
    score, expected = truth(target.network, of_logits(target.network, 1))
    (found,) = explain(target, image(), pixels(), class_index="lesion", layers="first")
    assert found.score == pytest.approx(score, rel=1e-12)
    np.testing.assert_allclose(found.map, expected, rtol=1e-5, atol=1e-6)
    logits = open_session(target, image()).logits()
    expected = target.network.logits(torch.tensor(image().array)[None])[0].detach().numpy()
    np.testing.assert_allclose(logits, expected, rtol=1e-6)
    assert target.head == "softmax" and any("ends in a softmax" in note for note in found.notes)


def test_every_method_and_layer_is_that_of_the_network_without_it():
    methods = ["seg_hires_grad_cam", "seg_grad_cam", "seg_ablation_cam", "full_grad", "integrated_gradients"]
    methods = [m for m in methods if m in _known()]
    plain, ended = model(nn.Identity()), model(nn.Softmax(dim=1))
    words = {"class_index": 1, "methods": methods, "layers": "main"}
    ours, theirs = (explain(m, image(), pixels(), **words) for m in (ended, plain))
    assert [e.layer.name for e in ours] == [e.layer.name for e in theirs] and len(ours) >= 4
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one.map, other.map, err_msg=f"{one.method} at {one.layer.name}")
        assert (one.score, one.layer.part, one.layer.placement) == (other.score, other.layer.part, "probed")


def _known():
    from seghirescam.comparison.compare import all_methods

    return set(all_methods())


def test_sigmoid_gates_inside_and_activations_that_are_no_decision_stay():
    class Gated(Net):
        def forward(self, x):
            a = self.first(x)
            return self.second(a * a.sigmoid())

    target = PlainModel(Gated(None), ("a", "b", "c"))
    expected = target.network(torch.tensor(image().array)[None])[0].detach().numpy()
    np.testing.assert_allclose(open_session(target, image()).logits(), expected, rtol=1e-6)
    assert open_session(target, image()).output_notes == ()
    over_space = model(lambda x: torch.softmax(x, dim=-1) * 7)
    expected = over_space.network(torch.tensor(image().array)[None])[0].detach().numpy()
    np.testing.assert_allclose(open_session(over_space, image()).logits(), expected, rtol=1e-6)


def test_independent_classes_are_read_from_a_sigmoid_and_may_overlap():
    target = model(nn.Sigmoid())
    session = open_session(target, image())
    logits = target.network.logits(torch.tensor(image().array)[None])[0].detach().numpy()
    for index in range(3):
        np.testing.assert_array_equal(session.predict(index).weights > 0, logits[index] > 0)
    assert target.head == "sigmoid" and any('read as "sigmoid"' in note for note in session.output_notes)
    stated = model(nn.Sigmoid(), head="softmax")
    np.testing.assert_array_equal(open_session(stated, image()).predict(1).weights > 0, logits.argmax(0) == 1)


def hidden(x):
    """A sigmoid that cannot be left out: something is computed from it."""
    return F.avg_pool3d(torch.sigmoid(x), 3, 1, 1, count_include_pad=False)


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
        paint_in(session, pixels(), pixels(), _score("logit"))

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


def _score(name):
    from seghirescam.cam.logits.score import ClassLogit

    assert name == "logit"
    return ClassLogit(1)


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


def test_one_output_channel_is_a_binary_head_whether_one_or_two_classes_are_named():
    network = Net(nn.Identity(), 1)
    wanted = network.logits(torch.tensor(image().array)[None])[0, 0].detach().numpy() > 0
    assert 0 < wanted.sum() < wanted.size
    for classes, words in ((["polyp"], {}), (["bg", "polyp"], {}), (["polyp"], {"head": "binary"})):
        target = PlainModel(network, classes, **words)
        found = open_session(target, image()).predict("polyp").weights > 0
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(
            target.labels_on_input(open_session(target, image()).logits(), target.prepare(image()), image()).squeeze()
            > 0,
            wanted,
        )
    with pytest.raises(ModelError, match="1 everywhere") as error:
        PlainModel(network, ["polyp"], head="softmax")
    assert "binary" in error.value.hint
    with pytest.raises(ModelError, match="1 output channel") as error:
        explain(PlainModel(network, ["bg", "polyp"], head="softmax"), image(), pixels(), class_index=1)
    assert '"head": "binary"' in error.value.hint


WINDOW, STEP = (6, 8, 6), 4
WINDOWS = Windows(WINDOW, lambda shape: [(0, 0, i) for i in range(0, shape[2] - 5, STEP)], np.ones(WINDOW, np.float32))


def averaged(network, values, mask, linear=False):
    """(S, map at the first layer): windows cut and averaged by plain loops, ``values(average) -> [*spatial]``."""
    x = torch.tensor(image().array)[None]
    starts, leaves = range(0, SHAPE[2] - 5, STEP), []
    total, count = 0, torch.zeros(SHAPE, dtype=torch.float64)
    for start in starts:
        a = network.first(x[..., start : start + 6]).detach().requires_grad_()
        leaves.append(a)
        out = network.second(a.relu()) if linear else network.last(network.second(a.relu()))
        total = total + F.pad(out, (start, SHAPE[2] - 6 - start))
        count[..., start : start + 6] += 1
    average = (total / count)[0]
    score = (values(average) * torch.tensor(mask)).sum()
    whole = torch.zeros(SHAPE, dtype=torch.float64)
    for start, a, g in zip(starts, leaves, torch.autograd.grad(score, leaves), strict=True):
        whole[..., start : start + 6] += (g * a).sum(dim=1)[0].detach()
    return float(score.detach()), whole.numpy(), average.detach().numpy()


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


def test_painting_counts_the_logit():
    target = model(nn.Sigmoid(), ("background", "lesion"), outputs=1)
    painting = paint_in(open_session(target, image()), pixels(), pixels(), _score("logit"), margin_mm=0.0)
    score, _ = truth(target.network, of_logits(target.network, 0))
    assert painting.found.before.score == pytest.approx(score / MASK.sum(), rel=1e-6)


CODE = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv3d(1, 4, 3, padding=1), nn.Conv3d(4, {classes}, 1)
    def forward(self, x):
        return {last}
def build():
    return Net()
"""


@pytest.mark.parametrize("kind", ["exported", "script", "trace", "factory"])
@pytest.mark.parametrize("last", ["sigmoid", "softmax"])
def test_programs_and_files_are_read_alike(tmp_path, kind, last):
    classes = 1 if last == "sigmoid" else 3
    network = Net(nn.Sigmoid() if last == "sigmoid" else nn.Softmax(dim=1), classes).float()
    network.scale = None
    names = ["background", "lesion"] if classes == 1 else ["background", "lesion", "other"]
    x = torch.zeros(1, 1, *SHAPE)
    if kind == "factory":
        ended = {"sigmoid": "torch.sigmoid({})", "softmax": "torch.softmax({}, 1)"}[last]
        code = CODE.format(classes=classes, last=ended.format("self.second(self.first(x).relu())"))
        (tmp_path / "net.py").write_text(code)
        save_file(network.state_dict(), tmp_path / "w.safetensors")
        source = tmp_path / "n.model.json"
        words = {"factory": "net.py", "weights": "w.safetensors", "classes": names}
        source.write_text(json.dumps(words))
    else:
        sequential = nn.Sequential(network.first, nn.ReLU(), network.second, network.last)
        path = tmp_path / ("n.pt2" if kind == "exported" else "n.ts")
        if kind == "exported":
            save_exported(path, sequential, x)
        else:
            save_script(path, sequential, x if kind == "trace" else None)
        source = describe(path, classes=names, window={"size": list(SHAPE)})
        source = path
    target = open_model(source, consent=True)
    picture = Image(image().array.astype(np.float32), GRID)
    logits = network.logits(torch.tensor(picture.array)[None])[0].detach().numpy()
    place = 0 if classes == 1 else 1
    session = open_session(target, picture)
    wanted = logits[0] > 0 if classes == 1 else logits.argmax(0) == 1
    np.testing.assert_array_equal(session.predict("lesion").weights > 0, wanted)
    (found,) = session.ask(pixels(), class_index="lesion", layers="first" if kind == "factory" else "0")
    assert found.score == pytest.approx(float((logits[place] * MASK).sum()), rel=1e-4)
    a = network.first(torch.tensor(picture.array)[None]).detach().requires_grad_()
    score = (network.second(a.relu())[0, place] * torch.tensor(MASK, dtype=torch.float32)).sum()
    (g,) = torch.autograd.grad(score, a)
    np.testing.assert_allclose(found.map, (g * a).sum(dim=1)[0].detach().numpy(), rtol=1e-3, atol=1e-4)


def test_logits_that_are_not_numbers_are_counted_with_the_prediction():
    from seghirescam.protocol.progress import Progress
    from seghirescam.session.prediction import nan_notes, predicted_labels

    class Broken(Net):
        def forward(self, x):
            return torch.where(x > 1, x.new_full((), float("nan")), self.logits(x))

    session = open_session(PlainModel(Broken(None), ("a", "b", "c")), image())
    count = int((image().array > 1).sum())
    _, notes = predicted_labels(session, Progress())
    assert any(f"are NaN in {count} voxels" in note for note in notes) and count > 0
    assert nan_notes(np.zeros((2, 3, 3, 3))) == ()


def test_the_commonest_2d_network_one_channel_one_name():
    network = nn.Conv2d(1, 1, 1)
    nn.init.constant_(network.weight, 1.0), nn.init.constant_(network.bias, -1.0)
    picture = np.zeros((1, 128, 128), np.float32)
    picture[0, 20:60, 30:52] = 3
    session = open_session(
        PlainModel(network, classes=["polyp"], spatial_dims=2), Image(picture, Grid.from_spacing((1, 128, 128)))
    )
    assert (session.predict("polyp").weights > 0).sum() == 880


def test_predict_writes_what_the_sigmoid_of_a_program_decides(tmp_path):
    from seghirescam.cli import main
    from seghirescam.io.volumes import read_volume, write_volume

    class Program(nn.Module):
        def __init__(self):
            super().__init__()
            self.c = nn.Conv3d(1, 1, 1)

        def forward(self, x):
            return torch.sigmoid(self.c(x) * 0 + 4 * x - 8)  # above one half where x > 2

    x = np.zeros((16, 16, 16), np.float32)
    x[4:8, 4:8, 4:8] = 3
    write_volume(tmp_path / "x.nii.gz", x, Grid.from_spacing(x.shape))
    path = describe(
        save_exported(tmp_path / "n.pt2", Program().eval(), torch.zeros(1, 1, 16, 16, 16)),
        classes=["background", "lesion"],
    )
    out = tmp_path / "p.nii.gz"
    assert main(["predict", str(path), "--image", str(tmp_path / "x.nii.gz"), "--consent", "--out", str(out)]) == 0
    assert (read_volume(out).array == 1).sum() == 64


def test_what_is_read_otherwise_is_no_repetition(tmp_path, capsys):
    """A word of the description changes the question, and is no part of the weights' hash."""
    from seghirescam.cli import main
    from seghirescam.io.volumes import write_volume

    code = CODE.format(classes=2, last="torch.sigmoid(self.second(self.first(x).relu()))")
    (tmp_path / "net.py").write_text(code)
    network = Net(None, 2).float()
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    words = {"factory": "net.py", "weights": "w.safetensors", "classes": ["a", "b"]}
    source, picture = tmp_path / "n.model.json", tmp_path / "x.nii.gz"
    source.write_text(json.dumps(words))
    write_volume(picture, image().array[0].astype(np.float32), GRID)
    asked = ["explain", str(source), "--consent", "--image", str(picture), "--out"]
    question = ["--class", "b", "--pixel-set", "whole", "--layer", "first"]
    assert main([*asked, str(tmp_path / "o"), *question]) == 0
    (sidecar,) = (tmp_path / "o").glob("01_*.json")
    assert main([*asked, str(tmp_path / "again"), "--repeat", str(sidecar)]) == 0
    source.write_text(json.dumps({**words, "activation": "none"}))
    assert main([*asked, str(tmp_path / "other"), "--repeat", str(sidecar)]) == 2
    assert "read otherwise than the sidecar tells (head, activation)" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_a_comparison_knows_the_head_that_was_read_from_the_network():
    from seghirescam.comparison.compare import compare

    network = Net(nn.Identity(), 1)
    words = {"class_index": 1, "methods": ["seg_cam", "seg_hires_grad_cam"], "layers": "main"}
    words["methods"] = [m for m in words["methods"] if m in _known()] + [m for m in _known() if m == "cam"]
    read, stated = (
        compare(PlainModel(network, ["a", "b"], **more), image(), pixels(), **words)
        for more in ({}, {"head": "binary"})
    )
    for one, other in zip(read.cells, stated.cells, strict=True):
        assert [c is None or c.explanation is None for c in one] == [c is None or c.explanation is None for c in other]


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


def _hard(x):
    return 1 / (1 + torch.exp(-x))


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
    "a sigmoid beside it": (lambda x: {"out": _hard(x), "aux": torch.sigmoid(x)}, 1),
    "a smaller sigmoid beside it": (lambda x: [_hard(x), torch.sigmoid(x)[..., ::2]], 1),
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
    folds = [Net(nn.Sigmoid(), 1, seed=0), Net(_hard, 1, seed=1)]
    target = PlainModel(folds[0], ["a", "b"], folds=folds[1:], head="binary")
    with pytest.raises(ModelError, match="do not end alike"):
        open_session(target, image()).predict(1)


def test_a_stated_activation_is_not_believed_against_the_values():
    for last, match in ((nn.Identity(), "ends in a convolution"), (lambda x: 2 * x, "no probabilities")):
        target = model(last, ("a", "b"), outputs=1, activation="sigmoid")
        with pytest.raises(ModelError, match=match):
            open_session(target, image()).predict(1)


def test_two_models_of_one_network_know_their_own_outputs():
    network = Net(lambda x: {"sig": torch.sigmoid(x), "hard": _hard(x)}, 1)
    wanted = network.logits(torch.tensor(image().array)[None])[0, 0].detach().numpy() > 0
    sig, hard = (PlainModel(network, ["a", "b"], output=name) for name in ("sig", "hard"))
    for _ in range(2):
        np.testing.assert_array_equal(open_session(sig, image()).predict(1).weights > 0, wanted)
        with pytest.raises(ModelError, match="seems to return probabilities"):
            open_session(hard, image()).predict(1)


def test_windows_of_one_channel_know_their_head_with_the_first_pass():
    target = model(nn.Sigmoid(), ("background", "lesion"), outputs=1, windows=WINDOWS)
    session = open_session(target, image())
    average = averaged(target.network, lambda p: p[0], MASK)[2]
    np.testing.assert_array_equal(session.predict(1).weights > 0, average[0] > 0.5)
    assert session.logits().shape == (1, *SHAPE)
