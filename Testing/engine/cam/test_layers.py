"""The layer list on wirings that confuse lists: wrappers, aliases, shared modules, supervision heads, odd sizes."""

import pytest
import torch
from torch import nn

from engine import toys
from engine.toys import even
from seghirescam.cam.layers.default_layer import default_layer
from seghirescam.cam.layers.listing import trace
from seghirescam.protocol.errors import ModelError


def names(network, shape, main=True):
    return [layer.name for layer in trace(network, shape, torch.float64) if layer.main or not main]


class Nested(nn.Module):
    """A level around an inner network, as MONAI's UNet is built: down, inner, cat, up."""

    def __init__(self, inner, channels, inner_channels):
        super().__init__()
        self.down = nn.Conv2d(channels, inner_channels, 3, stride=2, padding=1)
        self.inner = inner
        self.up = nn.ConvTranspose2d(2 * inner_channels, channels, 2, 2)

    def forward(self, x):
        x = self.down(x)
        return self.up(torch.cat([x, self.inner(x)], dim=1))


def test_modules_that_wrap_deeper_levels_are_no_layers():
    deep = Nested(nn.Sequential(nn.Conv2d(4, 4, 3, stride=1, padding=1)), 2, 4)
    network = nn.Sequential(nn.Conv2d(1, 1, 1), Nested(deep, 1, 2), nn.Conv2d(1, 3, 1)).double()
    listed = {layer.name: layer for layer in trace(network, (1, 1, 16, 16), torch.float64)}
    assert list(listed) == ["0", "1.down", "1.inner.down", "1.inner.inner", "1.inner.up", "1.up", "2"]
    assert [listed[n].stride for n in ("1.down", "1.inner.down")] == [(2, 2), (4, 4)]
    assert listed["2"].is_head and listed["1.inner.inner"].part == "bottleneck"


def test_an_in_place_activation_and_the_norm_before_it_are_two_layers_although_one_tensor():
    listed = {layer.name: layer for layer in trace(toys.make(), (1, 1, 8, 8, 8), torch.float64)}
    assert "encoder.0.norm" in listed and listed["encoder.0"].aliases == ["encoder.0.act"]


def test_every_call_of_a_shared_module_is_listed_by_its_number():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.act = nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 1), nn.ReLU()

        def forward(self, x):
            return self.act(self.b(self.act(self.a(x))))

    found = names(Shared().double(), (1, 1, 8, 8), main=False)
    assert found == ["a", "act#1", "b", "act#2"]


def test_deep_supervision_heads_are_heads():
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.down, self.head1 = nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.Conv2d(4, 3, 1)
            self.up, self.head0 = nn.ConvTranspose2d(4, 4, 2, 2), nn.Conv2d(4, 3, 1)

        def forward(self, x):
            low = self.down(x)
            high = self.up(low)
            return [self.head0(high), self.head1(low)]

    listed = {layer.name: layer.part for layer in trace(Deep().double(), (1, 1, 8, 8), torch.float64)}
    assert listed == {"down": "bottleneck", "head1": "head", "up": "decoder", "head0": "head"}


def test_strides_are_right_for_sizes_they_do_not_divide():
    layers = trace(nn.Sequential(*[_halving() for _ in range(3)], _back()).double(), (1, 1, 21, 37), torch.float64)
    found = {layer.name: (layer.cells, layer.stride) for layer in layers}
    assert found["2"] == ((3, 5), (8, 8))


def _halving():
    return nn.Conv2d(1, 1, 3, stride=2, padding=1)


def _back():
    class Back(nn.Module):
        def forward(self, x):
            # a stand-in for a decoder that crops to the image: 8 x up, then the first rows and columns
            up = nn.functional.interpolate(x, scale_factor=8)
            return up[..., : {24: 21}.get(up.shape[-2], up.shape[-2]), : {40: 37}.get(up.shape[-1], up.shape[-1])]

    return Back()


def test_anisotropic_strides_are_kept_apart():
    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.Conv3d(1, 2, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
            self.up = nn.ConvTranspose3d(2, 2, (1, 2, 2), (1, 2, 2))

        def forward(self, x):
            return self.up(self.down(x))

    listed = trace(even(Flat()).double(), (1, 1, 6, 8, 8), torch.float64)
    assert listed[0].stride == (1, 2, 2) and listed[0].placement.reads == (0.0, 0.0, 0.0)
    assert listed[0].placement.writes == (0.0, 0.5, 0.5)


def test_the_default_rule_on_a_plain_list():
    listed = trace(toys.make(), (1, 1, 16, 16, 16), torch.float64)
    assert default_layer(listed, (8, 8, 8)) == (next(x for x in listed if x.name == "encoder.2"), "")
    thin, warning = default_layer(listed, (16, 16, 3))  # thin along one axis: its cells decide
    assert thin.name == "encoder.0" and not warning
    tiny, warning = default_layer(listed, (1, 9, 9))
    assert tiny.name == "encoder.0" and "smaller than two cells" in warning


def test_a_network_without_levels_is_encoder_as_long_as_it_reads_no_more_than_it_acts_on():
    flat = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 2, 1))
    listed = trace(flat.double(), (1, 1, 8, 8), torch.float64)
    assert [(layer.name, layer.part, layer.main) for layer in listed] == [
        ("0", "encoder", False), ("1", "encoder", True), ("2", "decoder", True), ("3", "head", False),
    ]  # fmt: skip
    assert default_layer(listed, (6, 6))[0].name == "1"  # test_full_resolution.py


class Gated(nn.Module):
    """A strided level with a squeeze-and-excite gate and a pad in front of it."""

    def __init__(self):
        super().__init__()
        self.pad, self.down = nn.ConstantPad2d(1, 0.0), nn.Conv2d(1, 4, 3, stride=2)
        self.pool, self.gate = nn.AdaptiveAvgPool2d(1), nn.Sequential(nn.Conv2d(4, 4, 1), nn.Sigmoid())
        self.up = nn.ConvTranspose2d(4, 2, 2, 2)

    def forward(self, x):
        y = self.down(self.pad(x))
        return self.up(y * self.gate(self.pool(y)))


def test_gates_pads_and_pools_to_a_fixed_size_are_no_layers_and_a_gate_does_not_stop_the_placement():
    listed = trace(even(Gated()).double(), (1, 1, 32, 32), torch.float64)
    assert [(layer.name, layer.stride, layer.part) for layer in listed] == [
        ("down", (2, 2), "bottleneck"), ("up", (1, 1), "head"),
    ]  # fmt: skip
    assert listed[0].placement.reads == (0.0, 0.0)


def test_a_size_the_network_cannot_take_is_an_error_with_that_size():
    with pytest.raises(ModelError, match=r"does not run on an image of \(7, 8, 8\) voxels.*set divisor"):
        trace(toys.make(), (1, 1, 7, 8, 8), torch.float64)


def test_the_list_follows_the_network_when_a_weight_or_a_module_changes():
    network = even(toys.make())
    before = trace(network, (1, 1, 8, 8, 8), torch.float64)
    assert trace(network, (1, 1, 8, 8, 8), torch.float64) is before
    with torch.no_grad():
        network.encoder[1].conv.weight[..., 2] *= 3
    after = {layer.name: layer for layer in trace(network, (1, 1, 8, 8, 8), torch.float64)}
    assert after["encoder.1"].placement.reads[2] == pytest.approx(0.4, abs=1e-3)  # (-1 + 0 + 3) / 5
