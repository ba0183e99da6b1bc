"""Layers listed without arithmetic, and placed from the wiring alone: the same as by passes of the network."""

import pytest
import torch
from torch import nn

from engine.placed_networks import NETWORKS, Odd, Rolled
from seghirescam.cam.layers import listing
from seghirescam.cam.layers.listing import trace
from seghirescam.cam.passes.uniform_means import UniformMeans, is_uniform
from seghirescam.cam.passes.wiring import WiredMeans
from seghirescam.cam.placement import probe as probing


def make(name):
    build, shape = NETWORKS[name]
    torch.manual_seed(0)
    return build().eval(), (1, 1, *shape)


def by_passes(network, shape, monkeypatch):
    """The layer list as it is where the wiring cannot be walked."""

    class Refusing(WiredMeans):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            raise RuntimeError("not walked")

    with monkeypatch.context() as patch:
        patch.setattr(listing, "WiredMeans", Refusing)
        patch.setattr(listing, "_CACHE", {})
        return trace(network, shape)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_layer_list_is_bit_for_bit_that_of_passes_and_probe(name, monkeypatch):
    network, shape = make(name)
    assert trace(network, shape) == by_passes(network, shape, monkeypatch)


@pytest.mark.parametrize("name", ["nnU-Net, plain", "DynUNet", "UNet", "UNet 2D", "BasicUNet", "our toy"])
def test_the_wiring_places_all_layers_with_one_call_of_the_network_and_no_probe(name, monkeypatch):
    network, shape = make(name)
    calls = []
    network.register_forward_hook(lambda module, inputs, output: calls.append(tuple(output.shape)))
    monkeypatch.setattr(probing, "probe", lambda *words: pytest.fail("the network was probed"))
    layers = trace(network, shape)
    assert len(calls) == 1 and all(layer.placement for layer in layers)


def test_another_network_of_the_architecture_is_placed_by_its_own_weights(monkeypatch):
    one, shape = make("UNet 2D")
    two, _ = make("UNet 2D")
    with torch.no_grad():
        for module in two.modules():
            if isinstance(module, nn.Conv2d):
                module.weight[..., -1] *= 3  # all look further to one side
    places = [[layer.placement for layer in trace(network, shape)] for network in (one, two)]
    assert places[0] != places[1]
    assert trace(two, shape) == by_passes(two, shape, monkeypatch)


def test_an_operation_that_is_not_known_sends_the_network_to_the_probe(monkeypatch):
    torch.manual_seed(0)
    network, asked = Odd(Rolled()).eval(), []

    def keep(*words):
        asked.append(words)
        return {}, ""

    monkeypatch.setattr(listing, "probed", keep)
    trace(network, (1, 1, 8, 8, 8))
    assert len(asked) == 1


class Scaled(nn.Module):
    """Two branches that count by a number: one of a pool that reads to one side, one that reads at its place."""

    def __init__(self, factor):
        super().__init__()
        self.first, self.factor, self.head = nn.Conv2d(1, 2, 1), factor, nn.Conv2d(2, 2, 1)

    def forward(self, x):
        y = self.first(x)
        aside = nn.functional.avg_pool2d(nn.functional.pad(y, (0, 0, 0, 0)), (1, 3), stride=1, padding=(0, 1))
        return self.head((y * self.factor + aside) / 2)


@pytest.mark.parametrize("factor", [0.25, 1, 4])
def test_numbers_that_weigh_branches_count(factor, monkeypatch):
    torch.manual_seed(0)
    network = Scaled(factor).eval()
    assert trace(network, (1, 1, 16, 16)) == by_passes(network, (1, 1, 16, 16), monkeypatch)


class Looking(nn.Module):
    """A forward that goes its way by a number it reads from a value."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)

    def forward(self, x):
        y = self.conv(x)
        return y if float(y.mean()) < 1 else torch.roll(y, 1, dims=2)


def test_a_forward_that_looks_at_its_numbers_is_not_taken_by_its_wiring():
    image = torch.zeros(1, 1, 1, 1).expand(1, 1, 8, 8)
    walk = WiredMeans(image)
    with torch.no_grad(), walk:
        Looking()(image)
    assert walk.wiring.unknown


@pytest.mark.parametrize("words", [(3, 2, 1), (2, 2, 0), (3, 1, 1)])
@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("ceil", [False, True])
def test_shapes_are_those_of_torch(words, size, ceil):
    kernel, stride, padding = words
    uniform, real = torch.zeros(1, 1, 1, 1).expand(1, 3, size, size), torch.zeros(1, 3, size, size)
    layers = [
        nn.Conv2d(3, 5, kernel, stride, padding, dilation=2 if size > 2 * kernel else 1),
        nn.ConvTranspose2d(3, 5, kernel, stride, padding, output_padding=stride - 1),
        nn.MaxPool2d(kernel, stride, padding, ceil_mode=ceil),
        nn.AvgPool2d(kernel, stride, padding, ceil_mode=ceil),
        nn.Upsample(scale_factor=1.7),
    ]
    with torch.no_grad(), UniformMeans():
        found = [layer(uniform) for layer in layers]
    assert [tuple(t.shape) for t in found] == [tuple(layer(real).shape) for layer in layers]
    assert all(is_uniform(t) for t in found)


def test_attention_is_walked_without_its_numbers(monkeypatch):
    nets = pytest.importorskip("monai.networks.nets")
    torch.manual_seed(0)
    network = nets.SwinUNETR(in_channels=1, out_channels=2, feature_size=12, depths=(1, 1, 1, 1)).eval()
    assert trace(network, (1, 1, 32, 32, 32)) == by_passes(network, (1, 1, 32, 32, 32), monkeypatch)
