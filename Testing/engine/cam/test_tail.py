"""What lies behind a layer, re-run on its own: bit-equal to a full forward, or refused with a full forward instead."""

import pytest
import torch
from torch import nn

from engine import toys
from engine.contexts import NETWORKS, network, replaced
from seghirescam.cam.layers.listing import trace
from seghirescam.cam.layers.tail import TOLERANCE, Tail
from seghirescam.cam.passes.capture import as_logits
from seghirescam.protocol.errors import LayerError, MethodError


def full(net, tensor, layer, activation, classes=3):
    """The slow way: a full forward with the layer's output replaced."""
    handle = replaced(net, layer, activation)
    with torch.no_grad():
        found = as_logits(net(tensor.clone()), classes)
    handle.remove()
    return found


def untouched(net, before):
    assert {n: sorted(m.__dict__) for n, m in net.named_modules()} == before
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in net.modules())
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize("dims, kind, inplace", NETWORKS)
def test_i14_every_layer_of_a_toy_network_is_bit_equal(dims, kind, inplace):
    net, image = network(dims, kind, inplace), toys.image(dims)
    before = {n: sorted(m.__dict__) for n, m in net.named_modules()}
    for layer in trace(net, tuple(image.shape), image.dtype):
        tail = Tail(net, image, layer.name)
        other = torch.randn_like(tail.activation)
        assert tail.exact and not tail.full and tail.note == ""
        assert torch.equal(tail.logits, net(image))
        assert torch.equal(tail(tail.activation), tail.logits)
        assert torch.equal(tail(other), full(net, image, layer.name, other))
        pair = tail(torch.cat([tail.activation, other]))
        assert (pair[1:] - full(net, image, layer.name, other)).abs().max() <= TOLERANCE * pair.abs().max()
    untouched(net, before)


def monai_networks():
    nets = pytest.importorskip("monai.networks.nets")
    dyn = {"filters": [4, 6, 8, 10], "kernel_size": [3] * 4, "strides": [1, 2, 2, 2], "upsample_kernel_size": [2] * 3}
    return {
        "DynUNet": (lambda: nets.DynUNet(3, 1, 3, **dyn), 32),
        "DynUNet, residual": (lambda: nets.DynUNet(3, 1, 3, res_block=True, **dyn), 32),
        "DynUNet, deep supervision": (
            lambda: nets.DynUNet(3, 1, 3, deep_supervision=True, deep_supr_num=2, **dyn),
            32,
        ),
        "UNet": (lambda: nets.UNet(3, 1, 3, (4, 8, 16), (2, 2), num_res_units=2), 16),
        "UNet 2D": (lambda: nets.UNet(2, 1, 3, (4, 8, 16), (2, 2), num_res_units=1, norm="BATCH"), 16),
        "SegResNet": (lambda: nets.SegResNet(3, 8, 1, 3), 16),
        "SegResNetDS": (lambda: nets.SegResNetDS(3, 8, 1, 3, norm="INSTANCE", blocks_down=(1, 1, 1)), 16),
        "BasicUNet": (lambda: nets.BasicUNet(3, 1, 3, features=(4, 4, 8, 8, 16, 4)), 32),
        "AttentionUnet": (lambda: nets.AttentionUnet(3, 1, 3, (4, 8, 16), (2, 2)), 16),
        "UNETR": (
            lambda: nets.UNETR(1, 3, (32, 32, 32), feature_size=4, hidden_size=24, mlp_dim=32, num_heads=3),
            32,
        ),
    }


NAMES = (
    *("DynUNet", "DynUNet, residual", "DynUNet, deep supervision", "UNet", "UNet 2D", "SegResNet", "SegResNetDS"),
    *("BasicUNet", "AttentionUnet", "UNETR"),
)


@pytest.mark.parametrize("name", NAMES)
def test_monai_s_networks_are_bit_equal_at_their_main_layers(name):
    make, size = monai_networks()[name]
    torch.manual_seed(0)
    net = make().eval()
    dims = 2 if "2D" in name else 3
    image = torch.randn(1, 1, *[size] * dims)
    before = {n: sorted(m.__dict__) for n, m in net.named_modules()}
    layers = [x for x in trace(net, tuple(image.shape)) if x.main]
    for layer in layers:
        tail = Tail(net, image, layer.name, channels=3)
        other = tail.activation.flip(1) * 1.5
        assert tail.exact and not tail.full and tail.error <= TOLERANCE
        assert torch.equal(tail(other), full(net, image, layer.name, other))
    assert len(layers) >= 2
    untouched(net, before)


def test_a_target_whose_output_is_overwritten_in_place_is_kept_as_it_was():
    net, image = toys.make(kind="instance"), toys.image()
    for layer in ("encoder.1.norm", "encoder.1.conv", "decoder.0.norm"):
        tail = Tail(net, image, layer)
        assert tail.exact
        kept = []
        handle = net.get_submodule(layer).register_forward_hook(lambda m, i, o, kept=kept: kept.append(o.clone()))
        net(image)
        handle.remove()
        assert torch.equal(tail.activation, kept[0])


class Adds(nn.Module):
    """``out += identity``: the glue writes into the outputs of both branches before the target."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two, self.three = (nn.Conv2d(i, 4, 3, padding=1) for i in (1, 4, 4))
        self.target, self.head = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 3, 1)

    def forward(self, x):
        x = self.one(x)
        y = self.two(x)
        x.mul_(0.5)
        y += x
        z = self.target(y)
        y -= 2 * self.three(x)
        z += y
        return self.head(z.relu_())


def test_known_outputs_that_are_written_to_later_are_given_afresh_every_time():
    net, image = Adds().double().eval(), toys.image(2)
    for layer in ("target", "two", "three"):
        tail = Tail(net, image, layer)
        assert tail.exact
        for _ in range(2):
            other = torch.randn_like(tail.activation)
            assert torch.equal(tail(other), full(net, image, layer, other))
        assert torch.allclose(tail(torch.cat([other, tail.activation]))[1:], tail.logits, rtol=1e-12)


class Shared(nn.Module):
    """One activation and one convolution, called several times, inside blocks and beside them."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.act = nn.LeakyReLU(0.1, inplace=True)
        self.first, self.mix, self.head = (
            nn.Conv2d(1, 4, 3, padding=1),
            nn.Conv2d(4, 4, 3, padding=1),
            nn.Conv2d(4, 3, 1),
        )
        self.block = nn.Sequential(self.mix, self.act)

    def forward(self, x):
        x = self.act(self.first(x))
        x = self.block(x)
        x = self.act(self.mix(x) + x)
        return self.head(self.act(self.mix(x)))


def test_modules_that_are_called_several_times_are_told_apart_by_their_calls():
    net, image = Shared().double().eval(), toys.image(2)
    for call in (1, 2, 3):
        tail = Tail(net, image, f"mix#{call}")
        assert tail.exact and not tail.full
        calls, other = [], torch.randn_like(tail.activation)

        def hook(module, inputs, output, calls=calls, call=call, other=other):
            calls.append(1)
            return other.clone() if len(calls) == call else output

        handle = net.mix.register_forward_hook(hook)
        truth = net(image)
        handle.remove()
        assert torch.equal(tail(other), truth)


class Remembers(nn.Module):
    """Keeps state between modules, so that a replay with another activation is wrong: only a full forward is right."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.before, self.target, self.head = nn.Conv2d(1, 4, 1), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 3, 1)
        self.runs = 0

        net = self

        class Counts(nn.Module):
            def forward(self, x):
                net.runs = 1 if net.runs == 0 else 0
                return x * 1.0

        self.counts = Counts()

    def forward(self, x):
        self.runs = 0
        x = self.counts(self.before(x))
        return self.head(self.target(x) * (1 + self.runs))


def test_a_network_that_keeps_state_runs_in_full_and_says_so_or_is_refused():
    net, image = Remembers().double().eval(), toys.image(2)
    tail = Tail(net, image, "target")
    assert tail.full and not tail.exact and tail.error > TOLERANCE
    assert "could not be re-run on its own" in tail.note and "whole network" in tail.note
    other = torch.randn(2, *tail.activation.shape[1:], dtype=torch.float64)
    truth = torch.cat([full(net, image, "target", o[None]) for o in other])
    assert torch.allclose(tail(other), truth, rtol=1e-12)
    before = tail.forwards
    tail(other)
    assert tail.forwards == before + 2 and tail.passes == 3  # the check's own
    with pytest.raises(MethodError, match="could not be re-run"):
        Tail(net, image, "target", fallback=False)


class PerImage(nn.Module):
    """A network whose answer depends on what else is in the batch."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.before, self.target, self.head = nn.Conv2d(1, 4, 1), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 3, 1)

    def forward(self, x):
        x = self.target(self.before(x))
        return self.head(x / x.std())


def test_where_a_batch_is_more_than_its_items_they_are_run_one_by_one():
    net, image = PerImage().double().eval(), toys.image(2)
    tail = Tail(net, image, "target")
    assert not tail.full and tail.exact
    other = torch.randn(3, *tail.activation.shape[1:], dtype=torch.float64)
    assert torch.equal(tail(other), torch.cat([full(net, image, "target", o[None]) for o in other]))


class Containers(nn.Module):
    """Modules that return lists and dictionaries, which the network then changes."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)

        class Levels(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(1, 4, 3, padding=1)

            def forward(self, x):
                return {"all": [self.conv(x), 2 * self.conv(x)], "name": "levels"}

        self.levels, self.target, self.head = Levels(), nn.Conv2d(4, 4, 1), nn.Conv2d(8, 3, 1)

    def forward(self, x):
        found = self.levels(x)
        x = self.target(found["all"].pop())
        found["all"].append(x)
        return self.head(torch.cat(found["all"], dim=1))


def test_containers_are_given_as_copies():
    net, image = Containers().double().eval(), toys.image(2)
    tail = Tail(net, image, "target")
    other = torch.randn_like(tail.activation)
    for _ in range(2):
        assert torch.equal(tail(other), full(net, image, "target", other))
    assert tail.exact


def test_the_gradient_through_the_tail_is_the_network_s():
    net, weights = toys.make(kind="instance"), toys.mask()
    a, g = toys.slow_truth(
        toys.make(kind="instance", inplace=False), toys.image(), "encoder.1", lambda y: (y[0, 1] * weights).sum()
    )
    tail = Tail(net, toys.image(), "encoder.1")
    leaf = tail.activation.clone().requires_grad_()
    (found,) = torch.autograd.grad((tail(leaf)[0, 1] * weights).sum(), leaf)
    assert torch.allclose(found[0], g, rtol=1e-9, atol=1e-12 * float(g.abs().max())) and torch.equal(leaf[0], a)
    assert all(p.grad is None for p in net.parameters())


def test_the_network_is_as_it_was_also_after_a_failure():
    net, image = toys.make(), toys.image()
    own = net.encoder[0].forward
    net.encoder[0].forward = own  # a forward of the user's own, on the instance
    before = {n: sorted(m.__dict__) for n, m in net.named_modules()}
    tail = Tail(net, image, "encoder.2")
    with pytest.raises(RuntimeError):
        tail(torch.zeros(1, 5, 2, 2, 2, dtype=torch.float64))
    assert net.encoder[0].__dict__["forward"] is own
    del net.encoder[0].forward
    before["encoder.0"].remove("forward")
    untouched(net, before)
    with pytest.raises(LayerError, match="no layer 'nowhere'"):
        Tail(net, image, "nowhere")
    with pytest.raises(LayerError, match="not executed"):
        Tail(net, image, "encoder.2#2")
    untouched(net, before)


def test_the_check_is_made_once_a_network_and_again_when_a_weight_changes():
    net, image = toys.make(), toys.image()
    first, second = (Tail(net, image, "encoder.2") for _ in range(2))
    assert (first.forwards, first.passes) == (2, 3) and (second.forwards, second.passes) == (1, 0)
    with torch.no_grad():
        net.head.weight.mul_(2)
    assert Tail(net, image, "encoder.2").forwards == 2
