"""Where layers read and write, measured on a line of voxels: the limit of ever wider bars; and where it must not be.

A bar's sides are borders of the image, whose zeros weaken what lies deep; a line has none.  So the wider the bar, the
nearer it comes to the line.
"""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.placed_networks import NETWORKS, Odd, Rolled, plain_conv_unet
from seghirescam.cam.layers.listing import trace
from seghirescam.cam.passes.positive_means import PositiveMeans
from seghirescam.cam.passes.thin_means import NotThinError, ThinMeans
from seghirescam.cam.placement import probe as probing
from seghirescam.models.model_outputs import reading_of
from seghirescam.models.plain import PlainModel


def on_lines_only(network, channels, strides, axis, targets):
    line = [16 * s if a == axis else 1 for a, s in enumerate(strides)]
    return probing._measured(network, channels, line, axis, targets, ThinMeans(axis, len(strides)))


def on_a_bar_of(across):
    def measure(network, channels, strides, axis, targets):
        shape = [16 * s if a == axis else across * s for a, s in enumerate(strides)]
        return probing._measured(network, channels, shape, axis, targets, PositiveMeans())

    return measure


def furthest(one, other):
    """Largest distance of two answers' places, in voxels."""
    return max(
        abs(a - b)
        for name in one
        for side in ("reads", "writes")
        for a, b in zip(getattr(one[name], side), getattr(other[name], side), strict=True)
    )


def asked_of_the_probe(network, shape, monkeypatch):
    """(channels, largest stride, targets) as the layer list asks for them."""
    asked = []

    def keep(network, *words):
        asked.append(words)
        return {}, ""

    with monkeypatch.context() as patch:
        patch.setattr("seghirescam.cam.layers.listing.from_wiring", lambda *words: None)
        patch.setattr("seghirescam.cam.layers.listing.probed", keep)
        trace(network, shape)
    ((channels, stride, targets),) = asked
    return channels, tuple(stride), list(targets)


def placements(network, asked, measure, monkeypatch):
    """name -> Placement of all layers, measured in one way."""
    with monkeypatch.context() as patch:
        patch.setattr(probing, "_probe_along", measure)
        return probing.probe(network, *asked)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_line_places_the_same_layers_where_ever_wider_bars_would(name, monkeypatch):
    make, shape = NETWORKS[name]
    torch.manual_seed(0)
    network = make().eval()
    asked = asked_of_the_probe(network, (1, 1, *shape), monkeypatch)
    line = placements(network, asked, on_lines_only, monkeypatch)
    errors = []
    for across in (1, 2, 4):
        bar = placements(network, asked, on_a_bar_of(across), monkeypatch)
        assert line and line.keys() == bar.keys()
        assert all(line[layer].jump == bar[layer].jump for layer in bar)
        errors.append(furthest(line, bar))
    assert errors[2] <= 0.75 * errors[1] + 0.002 and errors[2] <= 0.6 * errors[0] + 0.002
    assert errors[2] < 0.15


class Given(nn.Module):
    def forward(self, x):
        return functional.interpolate(functional.interpolate(x, scale_factor=0.5), size=x.shape[2:])


class Swapped(nn.Module):
    def forward(self, x):
        return x.transpose(2, 3)


class Swallowing(nn.Module):
    """A network that catches whatever is raised inside it must not be measured half."""

    def forward(self, x):
        try:
            return torch.roll(x, 1, dims=3)
        except Exception:
            return x


@pytest.mark.parametrize("middle", [Given, Swapped, Rolled, Swallowing])
def test_what_a_line_does_not_show_is_measured_on_the_bar(middle, monkeypatch):
    torch.manual_seed(0)
    network = Odd(middle()).eval()
    with pytest.raises(NotThinError):
        on_lines_only(network, 1, (2, 2, 2), 1, ["middle#1"])
    expected = probing._on_a_bar(network, 1, (2, 2, 2), 1, ["down#1", "middle#1"])
    assert probing._probe_along(network, 1, (2, 2, 2), 1, ["down#1", "middle#1"]) == expected


class Doubling(nn.Module):
    """Two halves of an axis side by side: on a line it has one voxel, and would come back twice as wide."""

    def forward(self, x):
        return torch.cat([x[:, :, :, : x.shape[3] // 2], x[:, :, :, x.shape[3] // 2 :]], dim=3)


def test_what_a_line_leaves_out_is_measured_on_the_bar_as_well():
    torch.manual_seed(0)
    network, targets = Odd(Doubling()).eval(), ["down#1", "up#1"]
    expected = probing._on_a_bar(network, 1, (2, 2, 2), 2, targets)
    assert expected.keys() == set(targets)
    assert probing._probe_along(network, 1, (2, 2, 2), 2, targets) == expected


def test_the_line_costs_a_fraction_of_the_bar_in_values_computed():
    """Counted, not timed: voxels that go through the convolutions."""
    counts = {}
    network = plain_conv_unet().eval()
    for name, measure in (("bar", probing._on_a_bar), ("line", on_lines_only)):
        seen = []
        hooks = [
            m.register_forward_hook(lambda m, i, o, seen=seen: seen.append(math.prod(o.shape[2:])))
            for m in network.modules()
            if isinstance(m, nn.Conv3d)
        ]
        measure(network, 1, (8, 8, 8), 0, ["encoder.stages.3#1"])
        for hook in hooks:
            hook.remove()
        counts[name] = sum(seen)
    assert counts["line"] * 30 < counts["bar"]


class Leaving(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv3d(1, 2, 3, padding=1)

    def forward(self, x):
        raise SystemExit("the author leaves" if self.first(x) is not None else "")


def test_a_forward_that_is_left_takes_its_modes_along_and_is_told_as_it_was_left():
    network = Leaving().eval()
    model = PlainModel(network, ["background", "object"])
    with reading_of(model).on(network):
        with pytest.raises(SystemExit, match="the author leaves"):
            probing.probe(network, 1, (1, 1, 1), ["first#1"])
        assert torch.overrides._get_current_function_mode_stack() == []


def test_batch_and_channels_put_together_are_no_movement_and_tiles_are(monkeypatch):
    class Merged(nn.Module):
        def __init__(self, times):
            super().__init__()
            self.first, self.times = nn.Conv3d(1, 4, 3, padding=1), times

        def forward(self, x):
            y = self.first(x)
            merged = y.reshape(1, -1, *y.shape[2:]).view(y.shape)
            return merged.repeat(1, 1, *self.times)

    torch.manual_seed(0)
    assert on_lines_only(Merged((1, 1, 1)).eval(), 1, (1, 1, 1), 0, ["first#1"])
    with pytest.raises(NotThinError, match="repeat"):
        on_lines_only(Merged((1, 2, 1)).eval(), 1, (1, 1, 1), 0, ["first#1"])
