"""Activations and gradients are the true ones, whatever stands behind the layer; nothing stays changed."""

import copy

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from engine import toys
from seghirescam.cam.passes.capture import forward
from seghirescam.protocol.errors import GradientError, LayerError

LAYERS = ["encoder.0", "encoder.1.conv", "encoder.1.norm", "encoder.2", "up.0", "decoder.0.conv", "decoder.1", "head"]


def score(logits, weights, c=1):
    return (logits[0, c] * weights).sum()


def state_of(network):
    return (
        [(n, p.requires_grad, p.grad, p._version, p.data_ptr()) for n, p in network.named_parameters()],
        [(n, b._version, b.data_ptr(), b.clone()) for n, b in network.named_buffers()],
        [(n, m.training, len(m._forward_hooks), len(m._forward_pre_hooks)) for n, m in network.named_modules()],
    )


def assert_same_state(before, after):
    assert before[0] == after[0]
    assert before[2] == after[2]
    for (name, version, pointer, value), (name2, version2, pointer2, value2) in zip(before[1], after[1], strict=True):
        assert (name, version, pointer) == (name2, version2, pointer2)
        assert torch.equal(value, value2)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", ["none", "batch", "instance"])
@pytest.mark.parametrize("pool", [False, True])
def test_activation_and_gradient_equal_plain_autograd_through_an_out_of_place_copy(dims, kind, pool):
    network = toys.make(dims=dims, kind=kind, inplace=True, pool=pool)
    plain = toys.make(dims=dims, kind=kind, inplace=False, pool=pool)
    tensor, weights = toys.image(dims), toys.mask(dims)
    for layer in LAYERS:
        done = forward(network, tensor, [layer])
        gradient = done.gradients(score(done.logits, weights))[layer][0]
        true_a, true_g = toys.slow_truth(plain, tensor, layer, lambda y, w=weights: score(y, w))
        assert (done.activations[layer][0] - true_a).abs().max() < 1e-12, layer
        assert (gradient - true_g).abs().max() <= 1e-10 * max(1, true_g.abs().max()), layer


def test_a_norm_layer_in_front_of_an_in_place_activation_keeps_its_negative_values():
    network = toys.make(kind="instance")
    done = forward(network, toys.image(), ["encoder.1.norm"])
    plain = toys.make(kind="instance", inplace=False)
    truth, _ = toys.slow_truth(plain, toys.image(), "encoder.1.norm", lambda y: y.sum())
    # the in-place activation multiplies negatives by 0.1: an overwritten tensor would end near a tenth of this
    assert done.activations["encoder.1.norm"].min() == truth.min() < -1


def test_all_layers_in_one_pass_equal_one_pass_each_and_the_network_runs_once():
    network = toys.make()
    tensor, weights = toys.image(), toys.mask()
    calls = []
    handle = network.register_forward_hook(lambda *a: calls.append(1))
    together = forward(network, tensor, LAYERS)
    assert len(calls) == 1
    gradients = together.gradients(score(together.logits, weights), keep_graph=True)
    second = together.gradients(score(together.logits, 1 - weights))
    assert len(calls) == 1
    handle.remove()
    for layer in LAYERS:
        alone = forward(network, tensor, [layer])
        assert torch.equal(alone.activations[layer], together.activations[layer])
        assert (alone.gradients(score(alone.logits, weights))[layer] - gradients[layer]).abs().max() < 1e-12
        other = forward(network, tensor, [layer])
        assert (other.gradients(score(other.logits, 1 - weights))[layer] - second[layer]).abs().max() < 1e-12


@pytest.mark.parametrize("situation", ["frozen", "no_grad", "inference_mode", "train_mode"])
def test_frozen_networks_and_callers_without_autograd_get_the_same_gradients(situation):
    tensor, weights = toys.image(), toys.mask()
    network = toys.make()
    done = forward(network, tensor, ["encoder.1"])
    expected = done.gradients(score(done.logits, weights))["encoder.1"]
    if situation == "frozen":
        network.requires_grad_(False)
    if situation == "train_mode":
        network.train()
    mode = {"no_grad": torch.no_grad, "inference_mode": torch.inference_mode}.get(situation, torch.enable_grad)
    with mode():
        inside = tensor.clone()  # an inference tensor in the one case
        done = forward(network, inside, ["encoder.1"])
        with torch.inference_mode(False), torch.enable_grad():
            total = score(done.logits, weights)
        gradient = done.gradients(total)["encoder.1"]
    assert not gradient.is_inference()
    assert torch.equal(gradient, expected)


def test_nothing_is_left_changed_on_the_network():
    network = toys.make()
    network.train()
    network.decoder.eval()
    next(network.parameters()).grad = torch.ones_like(next(network.parameters()))
    network.head.requires_grad_(False)
    network.register_forward_hook(lambda *a: None)
    before, grad_mode = state_of(network), torch.is_grad_enabled()
    done = forward(network, toys.image(), ["encoder.1", "decoder.0"])
    done.gradients(score(done.logits, toys.mask()))
    assert_same_state(before, state_of(network))
    assert torch.is_grad_enabled() == grad_mode


@pytest.mark.parametrize("where", ["before", "behind"])
def test_nothing_is_left_changed_when_the_forward_raises(where):
    network = toys.make()
    network.train()
    block = network.encoder[0] if where == "before" else network.decoder[1]

    def explode(module, inputs):
        raise ValueError("planted")

    handle = block.register_forward_pre_hook(explode)
    before = state_of(network)
    with pytest.raises(ValueError, match="planted"):
        forward(network, toys.image(), ["encoder.1"])
    assert_same_state(before, state_of(network))
    assert torch.is_grad_enabled()
    handle.remove()
    assert forward(network, toys.image(), ["encoder.1"]).logits.shape == (1, 3, 8, 8, 8)


class Counting(nn.Module):
    """Changes a buffer in every forward, in place and by assignment."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.register_buffer("in_place", torch.zeros(1))
        self.register_buffer("assigned", torch.zeros(1))

    def forward(self, x):
        self.in_place += 1
        self.assigned = self.assigned + 1
        return self.conv(x)


def test_buffers_that_a_forward_changes_are_put_back():
    network = Counting()
    forward(network, torch.randn(1, 1, 4, 4), ["conv"])
    assert network.in_place.item() == 0 and network.assigned.item() == 0


class Overwriting(nn.Module):
    """Its Identity returns the very tensor that is overwritten later, behind the hook's back."""

    def __init__(self):
        super().__init__()
        self.conv, self.same, self.head = nn.Conv2d(1, 2, 3, padding=1), nn.Identity(), nn.Conv2d(2, 2, 1)

    def forward(self, x):
        a = self.conv(x)
        b = self.same(a)
        a.mul_(0)
        return self.head(b)


def test_an_activation_overwritten_behind_the_hook_is_kept_by_a_second_pass():
    torch.manual_seed(0)
    network, x = Overwriting(), torch.randn(1, 1, 4, 4)
    done = forward(network, x, ["same"])
    assert torch.equal(done.activations["same"], network.conv(x).detach())
    gradient = done.gradients(done.logits[0, 1].sum())["same"][0]
    assert torch.allclose(gradient, network.head.weight[1].view(2, 1, 1).expand(2, 4, 4))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.idle, self.pair = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 1), Pair()

    def forward(self, x):
        return self.pair(self.conv(torch.tanh(self.conv(x))))[0]


class Pair(nn.Module):
    def forward(self, x):
        return x, x


def test_a_module_called_twice_wants_the_call_named_and_each_call_has_its_own_gradient():
    torch.manual_seed(0)
    network, x = Twice().double(), torch.randn(1, 2, 5, 5, dtype=torch.float64)
    with pytest.raises(LayerError, match=r"called 2 times.*'conv#1' to 'conv#2'"):
        forward(network, x, ["conv"])
    done = forward(network, x, ["conv#1", "conv#2"])
    gradients = done.gradients(done.logits.sum())
    first = network.conv(x)
    leaf = first.detach().requires_grad_()
    (true_first,) = torch.autograd.grad(network.conv(torch.tanh(leaf)).sum(), leaf)
    assert torch.allclose(done.activations["conv#1"], first)
    assert torch.allclose(gradients["conv#1"], true_first)
    assert torch.equal(gradients["conv#2"], torch.ones_like(gradients["conv#2"]))
    alone = forward(network, x, ["conv#2"])  # the second call by itself
    assert torch.equal(alone.gradients(alone.logits.sum())["conv#2"], gradients["conv#2"])


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        ("nowhere", "no layer 'nowhere'"),
        ("idle", "not executed"),
        ("pair", "returns a tuple"),
        ("conv#3", "called only 2"),
        ("", "no layer ''"),
    ],
)
def test_a_layer_that_cannot_be_captured_is_a_clear_error(layer, sentence):
    with pytest.raises(LayerError, match=sentence):
        forward(Twice().double(), torch.randn(1, 2, 5, 5, dtype=torch.float64), [layer])


class Entering(nn.Module):
    def __init__(self, mode, inner):
        super().__init__()
        self.front, self.inner, self.mode = nn.Conv2d(1, 1, 1), inner, mode

    def forward(self, x):
        x = self.front(x)
        with self.mode():
            return self.inner(x)


def test_a_forward_that_enters_inference_mode_or_no_grad_is_a_clear_error():
    x = torch.randn(1, 1, 4, 4)
    for layer in ("front", "inner"):
        with pytest.raises(GradientError, match="enters torch.inference_mode"):
            forward(Entering(torch.inference_mode, nn.Conv2d(1, 2, 1)), x, [layer])
    done = forward(Entering(torch.no_grad, nn.Conv2d(1, 2, 1)), x, ["front"])
    with pytest.raises(GradientError, match="does not depend on the target layer"):
        done.gradients(done.logits.sum())


def test_parameters_created_in_inference_mode_are_a_clear_error():
    with torch.inference_mode():
        network = nn.Sequential(nn.Conv2d(1, 1, 1))
    with pytest.raises(GradientError, match=r"'0.weight' was created inside torch.inference_mode"):
        forward(network, torch.randn(1, 1, 4, 4), ["0"])


class SideBranch(nn.Module):
    def __init__(self):
        super().__init__()
        self.main, self.side = nn.Conv2d(1, 2, 1), nn.Conv2d(1, 2, 1)

    def forward(self, x):
        self.side(x)
        return self.main(x)


def test_a_layer_without_influence_on_the_score_is_named():
    done = forward(SideBranch(), torch.randn(1, 1, 4, 4), ["side", "main"])
    with pytest.raises(GradientError, match="'side' has no influence"):
        done.gradients(done.logits.sum())


class Checkpointed(nn.Module):
    def __init__(self, reentrant):
        super().__init__()
        self.front, self.back = nn.Conv2d(1, 3, 3, padding=1), toys.Block(2, 3, 2, kind="batch")
        self.reentrant = reentrant

    def forward(self, x):
        return checkpoint(self.back, self.front(x), use_reentrant=self.reentrant)


def test_reentrant_checkpointing_is_a_clear_error():
    network, x = Checkpointed(True).eval(), torch.randn(1, 1, 5, 5)
    done = forward(network, x, ["front"])
    with pytest.raises(GradientError, match="reentrant checkpointing.*use_reentrant=False"):
        done.gradients(done.logits[0, 1].sum())


def test_checkpointing_in_the_tail_gives_the_same_gradient():
    torch.manual_seed(0)
    network, x = Checkpointed(False).double().eval(), torch.randn(1, 1, 5, 5, dtype=torch.float64)
    done = forward(network, x, ["front"])
    plain = copy.deepcopy(network)
    leaf = plain.front(x).detach().requires_grad_()
    (truth,) = torch.autograd.grad(plain.back(leaf)[0, 1].sum(), leaf)
    assert torch.allclose(done.gradients(done.logits[0, 1].sum())["front"], truth)


def test_a_network_with_several_outputs_is_explained_by_the_largest():
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 1)

        def forward(self, x):
            y = self.conv(x)
            return [y[..., ::2, ::2], y]

    assert forward(Deep(), torch.randn(1, 1, 4, 4), ["conv"]).logits.shape == (1, 2, 4, 4)


def test_some_of_the_recorded_layers_give_the_same_gradients_as_all():
    network = toys.make()
    tensor, weights = toys.image(), toys.mask()
    done = forward(network, tensor, LAYERS)
    every = done.gradients(score(done.logits, weights), keep_graph=True)
    for names in (["encoder.2"], ["decoder.0.conv", "up.0"], ["decoder.1", "encoder.0"]):
        found = {}
        done.differentiate(
            score(done.logits, weights), lambda name, a, g, found=found: found.update({name: g}), True, names
        )
        assert set(found) == set(names)
        assert all(torch.equal(found[name], every[name]) for name in names)


class TwoBranches(nn.Module):
    def __init__(self):
        super().__init__()
        self.a1, self.a2 = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)
        self.b1, self.b2 = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)
        self.aux, self.head = nn.Conv2d(2, 2, 1), nn.Conv2d(4, 2, 1)

    def forward(self, x):
        a, b = self.a2(torch.relu(self.a1(x))), self.b2(torch.relu(self.b1(x)))
        self.aux(b)
        return self.head(torch.cat([a, b], dim=1))


def test_layers_on_parallel_branches_are_captured_together():
    torch.manual_seed(0)
    network, x = TwoBranches().double(), torch.randn(1, 1, 6, 6, dtype=torch.float64)
    names = ["a1", "a2", "b1", "b2"]
    together = forward(network, x, names)
    gradients = together.gradients(together.logits[0, 1].sum())
    for name in names:
        alone = forward(network, x, [name])
        assert torch.allclose(alone.gradients(alone.logits[0, 1].sum())[name], gradients[name], atol=1e-14)
    more = forward(network, x, [*names, "aux"])
    found = {}
    more.differentiate(
        more.logits[0, 1].sum(), lambda n, a, g: found.update({n: g}), keep_graph=True, optional=frozenset({"aux"})
    )
    assert set(found) == set(names)
    with pytest.raises(GradientError, match="'aux' has no influence"):
        more.gradients(more.logits[0, 1].sum())


def test_among_several_outputs_those_with_the_right_number_of_channels_come_first():
    class Several(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(1, 5, 1), nn.Conv2d(5, 2, 1)

        def forward(self, x):
            features = self.conv(x)
            return features, self.head(features), None, features.mean()

    x = torch.randn(1, 1, 4, 4)
    assert forward(Several(), x, ["conv"], channels=2).logits.shape == (1, 2, 4, 4)
