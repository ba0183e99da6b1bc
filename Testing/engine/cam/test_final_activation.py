"""A network that ends in its own sigmoid or softmax: scores, predictions and maps are of the logits in front of it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from engine.last_activations import MASK, Net, image, known_methods, model, of_logits, pixels, truth
from seghirescam import Grid, Image, PlainModel
from seghirescam.cam.logits.score import ClassLogit
from seghirescam.evaluation.painting.intervention import paint_in
from seghirescam.protocol.errors import ModelError
from seghirescam.session.explain import explain
from seghirescam.session.opening import open_session

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
    methods = [m for m in methods if m in known_methods()]
    plain, ended = model(nn.Identity()), model(nn.Softmax(dim=1))
    words = {"class_index": 1, "methods": methods, "layers": "main"}
    ours, theirs = (explain(m, image(), pixels(), **words) for m in (ended, plain))
    assert [e.layer.name for e in ours] == [e.layer.name for e in theirs] and len(ours) >= 4
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one.map, other.map, err_msg=f"{one.method} at {one.layer.name}")
        assert (one.score, one.layer.part, one.layer.placement) == (other.score, other.layer.part, "probed")


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


def test_painting_counts_the_logit():
    target = model(nn.Sigmoid(), ("background", "lesion"), outputs=1)
    painting = paint_in(open_session(target, image()), pixels(), pixels(), ClassLogit(1), margin_mm=0.0)
    score, _ = truth(target.network, of_logits(target.network, 0))
    assert painting.found.before.score == pytest.approx(score / MASK.sum(), rel=1e-6)


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


def test_a_comparison_knows_the_head_that_was_read_from_the_network():
    from seghirescam.comparison.compare import compare

    network = Net(nn.Identity(), 1)
    words = {"class_index": 1, "methods": ["seg_cam", "seg_hires_grad_cam"], "layers": "main"}
    words["methods"] = [m for m in words["methods"] if m in known_methods()] + [
        m for m in known_methods() if m == "cam"
    ]
    read, stated = (
        compare(PlainModel(network, ["a", "b"], **more), image(), pixels(), **words)
        for more in ({}, {"head": "binary"})
    )
    for one, other in zip(read.cells, stated.cells, strict=True):
        assert [c is None or c.explanation is None for c in one] == [c is None or c.explanation is None for c in other]
