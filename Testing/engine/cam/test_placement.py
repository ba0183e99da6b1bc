"""Where cells read and write: against the arithmetic of each module, and against cues at known millimetres."""

import numpy as np
import pytest
import torch
from torch import nn

from engine import toys
from engine.grids import oblique
from engine.toys import even
from seghirescam import Grid, Image, PlainModel
from seghirescam.cam.placement.probe import probe
from seghirescam.protocol.recipes import PredictedClass, WholeImage
from seghirescam.session.explain import explain, list_layers


class Chain(nn.Sequential):
    """Modules in a row; the output has the input's size."""

    def forward(self, x):
        y = super().forward(x)
        return x[:, :1] + 0 * y.mean()


@pytest.mark.parametrize(
    ("make", "jump", "start"),
    [  # kernel k, stride s, padding p, dilation d: start = (k-1) d/2 - p (mathematics of strided sampling)
        (lambda: nn.Conv3d(2, 3, 3, stride=2, padding=1), 2, 0.0),
        (lambda: nn.Conv3d(2, 3, 2, stride=2), 2, 0.5),
        (lambda: nn.Conv3d(2, 3, 5, stride=2, padding=1), 2, 1.0),
        (lambda: nn.Conv3d(2, 3, 3, padding=2, dilation=2), 1, 0.0),
        (lambda: nn.Conv3d(2, 4, 3, stride=2, padding=1, groups=2), 2, 0.0),
        (
            lambda: nn.Sequential(nn.Conv3d(2, 3, 3, stride=2, padding=1), nn.Conv3d(3, 3, 3, stride=2, padding=1)),
            4,
            0.0,
        ),
        (lambda: nn.MaxPool3d(2), 2, 0.5),
        (lambda: nn.Sequential(nn.MaxPool3d(2), nn.MaxPool3d(2), nn.MaxPool3d(2)), 8, 3.5),
        (lambda: nn.MaxPool3d(3, stride=2, padding=1), 2, 0.0),
        (lambda: nn.AvgPool3d(2), 2, 0.5),
        (lambda: nn.Sequential(nn.MaxPool3d(4), nn.ConvTranspose3d(2, 2, 2, stride=2)), 2, 0.5),
        (lambda: nn.Sequential(nn.Conv3d(2, 3, 3, stride=2, padding=1), nn.ConvTranspose3d(3, 2, 2, 2)), 1, -0.5),
        (lambda: nn.Sequential(nn.MaxPool3d(2), nn.Upsample(scale_factor=2, mode="trilinear")), 1, 0.0),
        (lambda: nn.Sequential(nn.InstanceNorm3d(2), nn.GELU(), nn.Conv3d(2, 3, 3, stride=2, padding=1)), 2, 0.0),
    ],
)
def test_the_reading_centre_follows_kernel_stride_padding_and_dilation(make, jump, start):
    chain = even(Chain(make()))
    (found,) = probe(_Reaching(chain), 2, (8, 8, 8), ["chain.0#1"]).values()
    assert found.jump == (jump,) * 3
    assert found.reads == pytest.approx((start,) * 3, abs=1e-3)


def test_weights_off_the_kernel_s_middle_move_the_centre():
    conv = nn.Conv3d(1, 1, 3, stride=2, padding=1)
    nn.init.zeros_(conv.weight)
    conv.weight.data[0, 0, 1, 1] = torch.tensor([0.0, 1.0, -3.0])  # the sign does not matter, the place does
    (found,) = probe(_Reaching(nn.Sequential(conv)), 1, (2, 2, 2), ["chain.0#1"]).values()
    assert found.reads == pytest.approx((0.0, 0.0, 0.75), abs=1e-3)


def test_behind_a_concatenation_each_branch_counts_by_its_weights():
    network = even(toys.make())
    network.decoder[0].conv.weight.data[:, 6:] *= 3  # three quarters of the weight on the skip, which reads at 0
    found = probe(network, 1, (4, 4, 4), ["decoder.0#1"])["decoder.0#1"]
    assert found.reads == pytest.approx((-0.25,) * 3, abs=0.01)


class _Reaching(nn.Module):
    """Let the probed layer reach the output (a layer that does not has no place to write)."""

    def __init__(self, chain):
        super().__init__()
        self.chain = chain

    def forward(self, x):
        y = self.chain[0](x)
        return x[:, :1] + nn.functional.interpolate(y[:, :1], size=x.shape[2:], mode="nearest")


@pytest.mark.parametrize("dims", [2, 3])
def test_a_strided_encoder_reads_at_u_s_and_writes_at_u_s_plus_half_a_cell(dims):
    network = even(toys.make(dims=dims))
    found = probe(network, 1, (4,) * dims, ["encoder.2#1", "decoder.0#1", "decoder.1#1"])
    assert found["encoder.2#1"].jump == (4.0,) * dims
    assert found["encoder.2#1"].reads == pytest.approx((0.0,) * dims, abs=1e-3)
    assert found["encoder.2#1"].writes == pytest.approx((1.5,) * dims, abs=1e-3)
    assert found["decoder.0#1"].writes == pytest.approx((0.5,) * dims, abs=1e-3)
    # half from the level below (-1 through the transposed convolution's two phases), half from the skip at 0
    assert found["decoder.0#1"].reads == pytest.approx((-0.5,) * dims, abs=0.02)
    assert found["decoder.1#1"].writes == pytest.approx((0.0,) * dims, abs=1e-3)


def test_a_max_pool_encoder_reads_and_writes_at_the_cells_middle():
    found = probe(even(toys.make(pool=True)), 1, (4, 4, 4), ["encoder.1#1", "encoder.2#1", "decoder.0#1"])
    assert found["encoder.1#1"].reads == pytest.approx((0.5,) * 3, abs=1e-3)
    assert found["encoder.2#1"].reads == pytest.approx((1.5,) * 3, abs=1e-3)
    assert found["encoder.2#1"].writes == pytest.approx((1.5,) * 3, abs=1e-3)
    assert found["decoder.0#1"].reads == pytest.approx((0.5,) * 3, abs=1e-3)


def test_the_probe_leaves_weights_modes_and_hooks_alone():
    network = toys.make()
    network.train()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    probe(network, 1, (4, 4, 4), ["encoder.2#1"])
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert all(m.training and not m._forward_hooks for m in network.modules())
    assert all(p.grad is None for p in network.parameters())


def _cube(profile):
    line = torch.tensor(profile, dtype=torch.float64)
    line = line / line.sum()
    return line[:, None, None] * line[:, None] * line


class CueNet(nn.Module):
    """An encoder of positive weights whose deepest features are written back shifted: the cause is not the effect.

    Nothing is random: each convolution is a smooth positive kernel, each level halves by stride or by max-pooling; the
    transposed convolutions write 2^3 blocks; the skip (if any) is added by concatenation.  ``shift`` voxels along every
    axis lie between the cue and the segment it makes.  profile: of the encoder's kernels along every axis.
    """

    def __init__(self, levels, pool, shift, skip, profile=(1.0, 2.0, 1.0)):
        super().__init__()
        smooth = _cube([1.0, 2.0, 1.0])
        kernel = _cube(profile)
        self.encoder, self.up, self.decoder = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for _ in range(levels):
            conv = nn.Conv3d(1, 1, 3, stride=1 if pool else 2, padding=1, bias=False).double()
            conv.weight.data.copy_(kernel[None, None])
            self.encoder.append(
                nn.Sequential(nn.MaxPool3d(2), conv, nn.ReLU()) if pool else nn.Sequential(conv, nn.ReLU())
            )
            up = nn.ConvTranspose3d(1, 1, 2, 2, bias=False).double()
            up.weight.data.fill_(1.0)
            self.up.append(up)
            mix = nn.Conv3d(2 if skip else 1, 1, 3, padding=1, bias=False).double()
            mix.weight.data.copy_(smooth[None, None].expand(1, 2 if skip else 1, 3, 3, 3))
            self.decoder.append(nn.Sequential(mix, nn.ReLU()))
        self.shift, self.skip = shift, skip

    def forward(self, x):
        skips = [x]
        for block in self.encoder:
            skips.append(block(skips[-1]))
        x = skips.pop()
        for up, mix in zip(self.up, self.decoder, strict=True):
            x, skip = up(x), skips.pop()
            x = mix(torch.cat([x, skip], dim=1) if self.skip else x)
        x = torch.roll(x, (self.shift,) * 3, dims=(2, 3, 4))
        return torch.cat([-x, x], dim=1)


SHAPE, SPACING = (32, 48, 40), (3.0, 0.8, 1.1)


def cue_case(network, voxel, grid):
    array = np.zeros(SHAPE)
    array[voxel] = 1.0
    return PlainModel(network, ["background", "object"]), Image(array, grid)


def error_in_cells(explanation, cue_ras):
    """Distance of the hottest cells' centre from the cue, in cells per axis, (K, J, I)."""
    hot = np.argwhere(explanation.map >= explanation.map.max() * (1 - 1e-9))
    return np.abs(explanation.grid.kji(cue_ras) - hot.mean(axis=0))


#: kernel profile -> largest error in cells; an even two-tap kernel before a max-pool lets two cells see a cue alike
LIMITS = {(1.0, 2.0, 1.0): 0.5 + 1e-6, (0.0, 2.0, 2.0): 0.6}


@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("profile", LIMITS)
def test_a_bright_cue_at_a_known_millimetre_is_found_within_half_a_cell(pool, levels, profile):
    grid = oblique(SHAPE, SPACING)
    network = CueNet(levels, pool, shift=0, skip=False, profile=profile)
    rng = np.random.default_rng(levels)
    for _ in range(6):
        voxel = tuple(int(rng.integers(10, n - 12)) for n in SHAPE)
        model, image = cue_case(network, voxel, grid)
        cue = grid.ras(voxel)
        (found,) = explain(model, image, WholeImage(), class_index=1, layers=[f"encoder.{levels - 1}"])
        assert found.side == "reading" and found.layer.placement == "probed"
        assert error_in_cells(found, cue).max() <= LIMITS[profile]
        if np.count_nonzero(found.map >= found.map.max() * (1 - 1e-3)) == 1:
            # on the image's grid too, unless cells tie: the density's maximum lies within half a cell of the cue
            placed = found.resampled_to(grid).array
            peak = np.argwhere(placed >= placed.max() * (1 - 1e-6)).mean(axis=0)
            assert np.abs(peak - voxel).max() <= LIMITS[profile] * 2**levels + 0.51


LAYERS = ["encoder.0", "encoder.1", "decoder.0", "decoder.1"]


def mean_errors(pool, skip, shift):
    """layer -> (reading error, writing error), mean distance in voxels from the map's centre of mass to the cue."""
    grid = Grid.from_spacing(SHAPE)
    network = CueNet(2, pool, shift, skip)
    rng = np.random.default_rng(0)
    sums: dict[str, list] = {}
    for _ in range(12):
        voxel = tuple(int(rng.integers(12, n - 16)) for n in SHAPE)
        model, image = cue_case(network, voxel, grid)
        for side in ("reading", "writing"):
            for e in explain(model, image, PredictedClass(), class_index=1, layers=LAYERS, side=side):
                centre = (np.argwhere(e.map > 0) * e.map[e.map > 0][:, None]).sum(axis=0) / e.map[e.map > 0].sum()
                miss = np.abs(grid.kji(e.grid.ras(centre)) - voxel).mean()
                sums.setdefault(e.layer.name, {}).setdefault(side, []).append(miss)
    return {name: (np.mean(v["reading"]), np.mean(v["writing"])) for name, v in sums.items()}


@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("shift", [0, 4])
def test_the_reading_side_finds_the_cue_on_analytic_networks(pool, skip, shift):
    """The measurement behind the default up to the bottleneck: the reading side is never the worse one.

    It holds behind the bottleneck too where, as here, all weight lies on the path that carries the cue; trained
    decoders mix paths, which is why they are placed where they write (test_explain.py).

    shift: voxels between the cue and the segment it makes; the writing side follows the segment.
    """
    errors = mean_errors(pool, skip, shift)
    print(
        f"\npool={pool} skip={skip}: " + ", ".join(f"{n} reads {r:.2f} writes {w:.2f}" for n, (r, w) in errors.items())
    )
    for name, (reading, writing) in errors.items():
        assert reading <= writing + 0.05, name
        assert reading < 1.0, name
    if not pool:
        assert errors["encoder.1"][1] > 1.0  # the writing side misses by (s-1)/2 = 1.5 voxels


class FixedSize(nn.Module):
    """Takes one size only, so that nothing smaller can be run; turns: whether a step no wiring understands follows."""

    def __init__(self, turns):
        super().__init__()
        self.conv, self.head, self.turns = nn.Conv2d(1, 2, 3, stride=2, padding=1), nn.Conv2d(2, 2, 1), turns

    def forward(self, x):
        if x.shape[-1] != 20 or x.shape[-2] != 20:
            raise ValueError("only 20 x 20")
        x = self.conv(x)
        x = torch.roll(x, 1, dims=3) if self.turns else x
        return nn.functional.interpolate(self.head(x), scale_factor=2)


def explained(network, side="auto"):
    torch.manual_seed(0)
    model = PlainModel(network, ["a", "b"], spatial_dims=2)
    image = Image(np.random.default_rng(0).normal(size=(1, 20, 20)), Grid.from_spacing((1, 20, 20)))
    (found,) = explain(model, image, WholeImage(), class_index=1, layers=["conv"], side=side)
    return found


def test_where_nothing_can_be_measured_the_corners_are_aligned_and_the_map_says_so():
    found = explained(FixedSize(turns=True))
    assert found.layer.placement == "assumed" and found.layer.stride == (1, 2, 2)
    assert np.allclose(found.grid.ras((0, 0, 0)), (0.5, 0.5, 0))
    assert any("could not be measured" in note for note in found.notes)


def test_a_network_of_one_size_is_placed_by_its_wiring():
    """By hand: a cell u of the strided convolution reads around 2 u; the enlarging writes it to 2 u and 2 u + 1."""
    network = FixedSize(turns=False)
    nn.init.ones_(network.conv.weight)  # all taps alike: a cell's reading centre is its middle tap
    for side, place in (("reading", 0.0), ("writing", 0.5)):
        found = explained(network, side)
        assert found.layer.placement == "probed" and found.layer.stride == (1, 2, 2)
        assert np.allclose(found.grid.ras((0, 0, 0)), (place, place, 0), atol=1e-6)


def test_the_layer_list_tells_stride_channels_cells_and_millimetres():
    model = PlainModel(toys.make(), ["a", "b", "c"])
    image = Image(np.random.default_rng(0).normal(size=(16, 8, 8)), Grid.from_spacing((16, 8, 8), (3.0, 1.0, 0.5)))
    layers = {layer.name: layer for layer in list_layers(model, image)}
    deepest = layers["encoder.2"]
    assert (deepest.stride, deepest.cells, deepest.channels, deepest.part) == ((4, 4, 4), (4, 2, 2), 8, "bottleneck")
    assert deepest.mm_per_cell == (12.0, 4.0, 2.0)
    assert str(deepest) == "encoder.2 (bottleneck, stride 4 x 4 x 4, 8 channels, 4 x 2 x 2 cells of 12 x 4 x 2 mm)"
    mains = [layer.name for layer in layers.values() if layer.main]
    assert mains == ["encoder.0", "encoder.1", "encoder.2", "decoder.0", "decoder.1"]
    assert layers["head"].part == "head" and not layers["head"].main
    assert layers["decoder.1"].part == "decoder"
