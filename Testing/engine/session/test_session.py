"""One image, many questions: what is kept, what a further question costs, and that nothing else changes by it."""

import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from engine import toys
from engine.toy_cases import case
from seghirescam import Grid, Image, PixelSet, PlainModel
from seghirescam.cam.layers.listing import trace
from seghirescam.protocol.errors import CancelledError, EmptyPixelSetError, GradientError, LayerError
from seghirescam.protocol.recipes import Component, PredictedClass, WholeImage
from seghirescam.session.explain import explain, predict
from seghirescam.session.memory import MemoryLimitError, estimate, memory_of_machine, named_shortage
from seghirescam.session.whole import WholeSession

GIB = 2**30
MAINS = {"encoder.0", "encoder.1", "encoder.2", "decoder.0", "decoder.1"}


class Counting:
    """How often the network itself is called, apart from listing its layers (once a model)."""

    def __init__(self, model, image):
        WholeSession(model, image).layers()
        self.calls = 0
        self.handle = model.network.register_forward_pre_hook(self.count)

    def count(self, module, inputs):
        self.calls += 1


def same(one, other, tolerance=1e-6):
    assert [(a.layer.name, a.method, a.pixel_set_label) for a in one] == [
        (b.layer.name, b.method, b.pixel_set_label) for b in other
    ]
    for a, b in zip(one, other, strict=True):
        assert np.abs(a.map - b.map).max() <= tolerance * np.abs(b.map).max()
        assert a.score == pytest.approx(b.score, rel=1e-12)
        assert a.grid.same_as(b.grid) and a.provenance == b.provenance


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", ["batch", "instance"])
def test_every_answer_of_a_session_is_explain_s_and_only_the_first_runs_the_network(dims, kind):
    model = PlainModel(toys.make(dims=dims, kind=kind), ["a", "b", "c"], spatial_dims=dims)
    grid = Grid.from_spacing((1, 16, 16) if dims == 2 else (8, 16, 16))
    rng = np.random.default_rng(0)
    image = Image(rng.normal(size=grid.shape), grid)
    pixels = PixelSet(rng.random(grid.shape) < 0.3, grid, "segment")
    counting = Counting(model, image)
    session = WholeSession(model, image)
    questions = [
        {"pixel_sets": pixels, "class_index": 1, "layers": ["encoder.2"]},
        {"pixel_sets": WholeImage(), "class_index": 1, "layers": ["encoder.2"]},
        {"pixel_sets": pixels, "class_index": 2, "layers": ["decoder.0"], "methods": "seg_grad_cam"},
        {"pixel_sets": pixels, "class_index": 1, "layers": "main", "score": "contrast", "rival": 2},
        {"pixel_sets": [PredictedClass(), Component(PredictedClass())], "class_index": 1, "layers": "deepest"},
        {"pixel_sets": pixels, "class_index": 1, "layers": ["encoder.0", "decoder.1"], "score": "log_odds"},
        {"class_index": 1},
        {"pixel_sets": pixels, "class_index": 1, "layers": ["encoder.2"]},
    ]
    found = [session.ask(**question) for question in questions]
    assert (counting.calls, session.forward_calls) == (1, 1)
    assert session.recorded == MAINS and session.kept_bytes > 0
    for question, answer in zip(questions, found, strict=True):
        same(answer, explain(model, image, **question))
    assert all(np.array_equal(a.map, b.map) for a, b in zip(found[0], found[-1], strict=True))


def test_a_prediction_that_is_known_already_costs_nothing():
    model, image, _ = case()
    counting = Counting(model, image)
    session = WholeSession(model, image)
    session.ask(class_index=1)  # default layer of the prediction: one pass serves both
    assert counting.calls == 1
    assert np.array_equal(session.predict(2).weights, predict(model, image, 2).weights)
    assert counting.calls == 2  # predict's own


def test_a_layer_that_was_not_recorded_is_recorded_from_then_on():
    model, image, pixels = case()
    session = WholeSession(model, image)
    session.ask(pixels, class_index=1, layers=["encoder.2"])
    assert "up.0" not in session.recorded
    (found,) = session.ask(pixels, class_index=1, layers=["up.0"])
    assert session.forward_calls == 2 and session.recorded == {*MAINS, "up.0"}
    same([found], explain(model, image, pixels, class_index=1, layers=["up.0"]))
    session.ask(pixels, class_index=2, layers=["up.0", "encoder.1"])
    assert session.forward_calls == 2


def test_the_budget_decides_what_is_recorded_and_beyond_it_every_question_runs_the_network_and_says_so():
    model, image, pixels = case((16, 16, 16))
    listed = trace(model.network, (1, 1, 16, 16, 16), torch.float64)
    near = {"encoder.2", "decoder.0", "decoder.1"}  # the bottleneck is encoder.2
    need_all, need_near = (estimate(listed, names, 16**3, 3, 8) for names in (MAINS, near))
    assert need_near < need_all
    for limit, recorded, calls in (
        (need_all, MAINS, 1), (need_all - 1, near, 1), (need_near, near, 1), (need_near - 1, set(), 2), (0, set(), 2),
    ):  # fmt: skip
        session = WholeSession(model, image, memory_budget_bytes=limit)
        for _ in range(2):
            (found,) = session.ask(pixels, class_index=1, layers=["encoder.2"])
        assert (session.recorded, session.forward_calls) == (recorded, calls), limit
        assert any("The pass was not kept" in note for note in found.notes) == (not recorded)
        same([found], explain(model, image, pixels, class_index=1, layers=["encoder.2"]))
    (found,) = WholeSession(model, image, memory_budget_bytes=0).ask(class_index=1)
    same([found], explain(model, image, class_index=1))


def test_an_encoder_layer_that_is_asked_for_is_recorded_with_the_decoder():
    model, image, pixels = case((16, 16, 16))
    listed = trace(model.network, (1, 1, 16, 16, 16), torch.float64)
    names = {"encoder.1", "encoder.2", "decoder.0", "decoder.1"}
    session = WholeSession(model, image, memory_budget_bytes=estimate(listed, names, 16**3, 3, 8))
    session.ask(pixels, class_index=1, layers=["encoder.1"])
    assert session.recorded == names


@pytest.mark.parametrize("kind", ["batch", "instance", "none"])
def test_the_estimate_is_no_less_than_what_the_graph_holds_and_at_most_four_times_that(kind):
    network = toys.make(kind=kind)
    model = PlainModel(network, ["a", "b", "c"])
    image = Image(np.random.default_rng(0).normal(size=(32, 32, 32)), Grid.from_spacing((32, 32, 32)))
    session = WholeSession(model, image, memory_budget_bytes=GIB)
    session.ask(WholeImage(), class_index=1, layers=["encoder.0"])
    assert graph_bytes(session) <= session.kept_bytes <= 4 * graph_bytes(session)


def graph_bytes(session):
    """Distinct storages that the nodes of the kept graph saved or the pass recorded."""
    storages = {}
    nodes, seen = [session._kept.done.logits.grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        nodes += [n for n, _ in node.next_functions]
        kept = [getattr(node, name) for name in dir(node) if name.startswith("_saved_")]
        kept += list(getattr(node, "saved_tensors", ()))
        for tensor in (t for t in kept if isinstance(t, torch.Tensor)):
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    for tensor in (*session._kept.done.activations.values(), session._kept.done.logits):
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    return sum(storages.values())


def test_release_forgets_the_pass_and_its_memory():
    model, image, pixels = case()
    session = WholeSession(model, image)
    session.ask(pixels, class_index=1)
    tensors = [weakref.ref(tensor) for tensor in session._kept.done._recorded.values()]
    assert len(tensors) == 5 and all(tensor() is not None for tensor in tensors)
    session.release()
    assert session.recorded == set() and session.kept_bytes == 0
    assert all(tensor() is None for tensor in tensors)
    session.ask(pixels, class_index=1)
    assert session.forward_calls == 2


def test_a_weight_that_changes_between_two_questions_is_noticed():
    model, image, pixels = case()
    session = WholeSession(model, image)
    session.ask(pixels, class_index=1, layers=["encoder.2"])
    with torch.no_grad():
        model.network.decoder[0].conv.weight.mul_(1.5)
    same(
        session.ask(pixels, class_index=1, layers=["encoder.2"]),
        explain(model, image, pixels, class_index=1, layers=["encoder.2"]),
    )
    assert session.forward_calls == 2


def test_the_network_is_as_it_was_after_every_question_and_after_every_failure():
    model, image, pixels = case()
    network = model.network.train()
    state = {name: value.clone() for name, value in network.state_dict().items()}
    session = WholeSession(model, image)

    def unchanged():
        assert all(m.training and not m._forward_hooks and not m._forward_pre_hooks for m in network.modules())
        assert all(p.requires_grad and p.grad is None for p in network.parameters())
        assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())
        return True

    for layers in (["encoder.1"], ["decoder.1"]):
        session.ask(pixels, class_index=1, layers=layers, progress=lambda fraction, phase: None)
        assert unchanged() and session.forward_calls == 1
    empty = PixelSet(np.zeros_like(pixels.weights), pixels.grid)
    for error, words in ((EmptyPixelSetError, {"pixel_sets": empty}), (LayerError, {"layers": ["nowhere"]})):
        with pytest.raises(error):
            session.ask(**({"pixel_sets": pixels, "class_index": 1} | words))
        assert unchanged()
    for phase in ("preparing", "running", "differentiating"):
        with pytest.raises(CancelledError):
            WholeSession(model, image).ask(pixels, class_index=1, progress=stop_at(phase))
        assert unchanged()
    with pytest.raises(CancelledError):
        session.ask(pixels, class_index=2, layers="main", progress=stop_at("differentiating", after=2))
    assert unchanged()
    # the kept graph has survived the backward pass that was broken off
    same(session.ask(pixels, class_index=2, layers="main"), explain(model, image, pixels, class_index=2, layers="main"))


def stop_at(word, after=0):
    seen = []

    def progress(fraction, phase):
        if word in phase:
            seen.append(phase)
            if len(seen) > after:
                raise CancelledError("Cancelled.")

    return progress


def test_a_pass_can_be_cancelled_in_its_middle_and_listing_layers_too():
    model, image, pixels = case()
    reached = []
    model.network.decoder[1].register_forward_pre_hook(lambda *a: reached.append(1))
    with pytest.raises(CancelledError):
        WholeSession(model, image).layers(progress=stop_at("listing", after=3))
    model, image, pixels = case()
    WholeSession(model, image).layers()
    model.network.decoder[1].register_forward_pre_hook(lambda *a: reached.append(2))
    with pytest.raises(CancelledError):
        WholeSession(model, image).ask(pixels, class_index=1, progress=stop_at("running", after=3))
    assert 2 not in reached
    # a listing that was broken off has left no half-made list behind
    assert {layer.placement for layer in WholeSession(model, image).layers()} == {"probed"}


def test_progress_never_falls_and_moves_within_the_pass():
    model, image, pixels = case()
    told = []
    WholeSession(model, image).ask([pixels, WholeImage()], class_index=1, progress=lambda f, p: told.append((f, p)))
    fractions = [f for f, _ in told]
    assert fractions == sorted(fractions) and told[0][0] == 0 and told[-1] == (1.0, "done")
    assert len({f for f, phase in told if phase == "running the network"}) > 10


class Checkpointed(nn.Module):
    """A backward pass that runs part of the network again."""

    def __init__(self):
        super().__init__()
        self.body = toys.make(kind="instance")
        self.runs = 0

    def forward(self, x):
        return checkpoint(self.whole, x, use_reentrant=False)

    def whole(self, x):
        self.runs += 1
        return self.body.head(self.body.decoder[1](torch.cat([x, x, x, x, x, x, x, x], dim=1)))


def test_a_checkpointed_network_answers_again_and_is_left_in_training_mode():
    network = nn.Sequential(toys.conv(3, 1, 1, 3, padding=1).double(), Checkpointed()).train()
    model = PlainModel(network, ["a", "b", "c"])
    image = Image(np.random.default_rng(0).normal(size=(8, 8, 8)), Grid.from_spacing((8, 8, 8)))
    session = WholeSession(model, image)
    first, again = (session.ask(WholeImage(), class_index=c, layers=["0"])[0] for c in (1, 2))
    assert session.forward_calls == 1
    same([first, again], [explain(model, image, WholeImage(), class_index=c, layers=["0"])[0] for c in (1, 2)])
    assert all(module.training for module in network.modules())


class Tangled(nn.Module):
    """Its side branch is a main layer that leads nowhere; ``counts``: a buffer it changes even in evaluation."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv3d(1, 4, 3, padding=1)
        self.down = nn.Conv3d(4, 4, 3, stride=2, padding=1)
        self.side = nn.Conv3d(4, 6, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose3d(4, 4, 2, stride=2)
        self.head = nn.Conv3d(4, 2, 1)
        self.register_buffer("counts", torch.zeros(()))

    def forward(self, x):
        self.counts += 1
        x = self.down(self.first(x))
        self.side(x)
        return self.head(self.up(x))


def test_recorded_layers_that_lead_nowhere_and_networks_that_count_do_not_disturb():
    torch.manual_seed(0)
    network = Tangled()
    model = PlainModel(network, ["a", "b"])
    image = Image(np.random.default_rng(0).normal(size=(8, 8, 8)), Grid.from_spacing((8, 8, 8)))
    session = WholeSession(model, image)
    for _ in range(2):
        (found,) = session.ask(WholeImage(), class_index=1, layers=["down"])
        same([found], explain(model, image, WholeImage(), class_index=1, layers=["down"]))
    assert network.counts == 0
    with pytest.raises(GradientError, match="no influence"):
        session.ask(WholeImage(), class_index=1, layers=["side"])


def test_an_image_on_which_the_network_works_in_place_is_asked_about_again():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Softplus(), nn.ReLU(inplace=True), nn.Conv3d(1, 2, 1), nn.Conv3d(2, 2, 1))
    network[0] = nn.Hardtanh(-0.5, 0.5, inplace=True)
    model = PlainModel(network, ["a", "b"])
    image = Image(np.random.default_rng(0).normal(size=(8, 8, 8)), Grid.from_spacing((8, 8, 8)))
    session = WholeSession(model, image, memory_budget_bytes=0)
    one, two = (session.ask(WholeImage(), class_index=1, layers=["2"])[0] for _ in range(2))
    assert session.forward_calls == 2 and np.array_equal(one.map, two.map)
    assert torch.equal(session._prepared.tensor, torch.tensor(image.array).float()[None])


def test_bf16_and_inference_mode_keep_their_pass_too():
    model, image, pixels = case((16, 16, 16))
    model.network.float()
    session = WholeSession(model, image, precision="bf16")
    with torch.inference_mode():
        session.ask(WholeImage(), class_index=1, layers=["encoder.1"])
        found = session.ask(pixels, class_index=1, layers=["encoder.1"])
    assert session.forward_calls == 1
    same(found, explain(model, image, pixels, class_index=1, layers=["encoder.1"], precision="bf16"), 2e-2)


def test_a_shortage_of_memory_is_one_sentence_with_the_numbers():
    class Greedy(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv3d(1, 2, 1)

        def forward(self, x):
            if x.shape[-1] == 8 and x.device.type != "meta" and float(x.detach().abs().sum()) > 0:
                torch.empty(2**50)
            return self.conv(x)

    model = PlainModel(Greedy(), ["a", "b"])
    image = Image(np.random.default_rng(0).normal(size=(8, 8, 8)), Grid.from_spacing((8, 8, 8)))
    session = WholeSession(model, image)
    with pytest.raises(MemoryLimitError, match="memory of the machine does not suffice") as caught:
        session.ask(WholeImage(), class_index=1, layers=["conv"])
    assert caught.value.code == "memory" and caught.value.numbers["total_bytes"] == memory_of_machine()[0]
    assert session.recorded == set()
    with pytest.raises(RuntimeError, match="^shapes"), named_shortage("cpu"):
        raise RuntimeError("shapes do not fit")


def test_the_machine_s_memory_is_a_plausible_pair():
    total, free = memory_of_machine()
    assert 0 < free <= total < 2**50


def test_the_levels_behind_the_layer_asked_for_come_along_and_equal_a_question_of_their_own():
    model, image, pixels = case()
    session = WholeSession(model, image)
    plain = session.ask(pixels, class_index=1, layers=["encoder.1"])
    found = session.ask(pixels, class_index=1, layers=["encoder.1"], downstream=True)
    assert [f.layer.name for f in plain] == ["encoder.1"]
    assert [f.layer.name for f in found] == ["encoder.1", "encoder.2", "decoder.0", "decoder.1"]
    assert session.forward_calls == 1
    for f in found:
        (alone,) = explain(model, image, pixels, class_index=1, layers=[f.layer.name])
        assert np.allclose(f.map, alone.map, rtol=1e-6, atol=1e-9 * np.abs(alone.map).max())
