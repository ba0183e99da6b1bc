"""The layer list of MONAI's networks: what a user chooses from are the levels of the network, named and in order."""

import pytest
import torch

from seghirescam.cam.layers.listing import trace
from seghirescam.cam.passes.capture import as_grid, forward, token_cells

nets = pytest.importorskip("monai.networks.nets")

SIZE = (64, 64, 64)


def mains(network):
    return [(x.part, x.name, x.stride[0], x.channels) for x in trace(network.eval(), (1, 1, *SIZE)) if x.main]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_monai_unet():
    """Its last level has one channel a class and no 1x1 head behind it: that level is the head."""
    found = mains(nets.UNet(3, 1, 3, (8, 16, 32, 64), (2, 2, 2), num_res_units=2))
    assert found == [
        ("encoder", "model.0", 2, 8),
        ("encoder", "model.1.submodule.0", 4, 16),
        ("bottleneck", "model.1.submodule.1.submodule.1.submodule", 8, 64),
        ("decoder", "model.1.submodule.1.submodule.2", 4, 16),
        ("decoder", "model.1.submodule.2", 2, 8),
    ]


def test_dynunet():
    network = nets.DynUNet(3, 1, 3, [3] * 4, [1, 2, 2, 2], [2] * 3, filters=[8, 16, 32, 64])
    assert mains(network) == [
        ("encoder", "input_block", 1, 8),
        ("encoder", "downsamples.0", 2, 16),
        ("encoder", "downsamples.1", 4, 32),
        ("bottleneck", "bottleneck", 8, 64),
        ("decoder", "upsamples.0", 4, 32),
        ("decoder", "upsamples.1", 2, 16),
        ("decoder", "upsamples.2", 1, 8),
    ]


def test_segresnet():
    assert mains(nets.SegResNet(init_filters=8, in_channels=1, out_channels=3)) == [
        ("encoder", "down_layers.0", 1, 8),
        ("encoder", "down_layers.1", 2, 16),
        ("encoder", "down_layers.2", 4, 32),
        ("bottleneck", "down_layers.3", 8, 64),
        ("decoder", "up_layers.0", 4, 32),
        ("decoder", "up_layers.1", 2, 16),
        ("decoder", "act_mod", 1, 8),
    ]


def test_unetr():
    """Tokens are the deepest level; what is computed from earlier blocks are skips, not the decoder."""
    network = nets.UNETR(1, 3, SIZE, feature_size=8, hidden_size=96, mlp_dim=96, num_heads=4)
    parts = {}
    for part, name, stride, _ in mains(network):
        parts.setdefault(part, []).append((name, stride))
    assert parts["bottleneck"] == [("vit.norm", 16)]
    assert {"encoder1", "encoder2", "encoder3"} <= {name for name, _ in parts["encoder"]}
    assert parts["decoder"] == [("decoder5", 8), ("decoder4", 4), ("decoder3", 2), ("decoder2", 1)]


def test_swinunetr():
    found = mains(nets.SwinUNETR(1, 3, feature_size=12, depths=(1, 1, 1, 1)))
    assert [(n, s) for p, n, s, _ in found if p == "decoder"] == [
        (f"decoder{i}", 2 ** (i - 1)) for i in (5, 4, 3, 2, 1)
    ]
    assert ("bottleneck", "encoder10", 32, 192) in found
    assert {n for p, n, *_ in found if p == "encoder"} >= {"encoder1", "encoder2", "encoder3", "encoder4"}


def test_tokens_are_a_grid_in_reading_order_and_their_gradients_too():
    """A cue in one corner changes the token of that corner, and HiRes over tokens adds up like any other."""
    size = (32, 32, 32)
    network = nets.UNETR(1, 3, size, feature_size=2, hidden_size=48, mlp_dim=48, num_heads=4).double().eval()
    image = torch.randn(1, 1, *size, dtype=torch.float64)
    name = "vit.patch_embedding"
    done = forward(network, image, [name])
    assert done.activations[name].shape == (1, 48, 2, 2, 2)
    moved = image.clone()
    moved[..., 0:16, 16:32, 0:16] += 1
    difference = (forward(network, moved, [name]).activations[name] - done.activations[name]).abs().sum(dim=1)[0]
    assert difference[0, 1, 0] > 0 and int((difference > 1e-12).sum()) == 1
    gradient = done.gradients(done.logits[0, 1].sum())[name]
    kept = {}

    def leaf(module, inputs, output):
        kept["leaf"] = output.detach().requires_grad_()
        return kept["leaf"].clone()

    handle = dict(network.named_modules())[name].register_forward_hook(leaf)
    (truth,) = torch.autograd.grad(network(image)[0, 1].sum(), kept["leaf"])
    handle.remove()
    assert gradient.shape[1] == 48 and gradient.sum().item() == pytest.approx(truth.sum().item(), rel=1e-9)
    assert torch.allclose(gradient[0].flatten(1).T, truth[0])


def test_token_counts_that_are_no_grid_are_left_alone():
    assert token_cells(64, SIZE) == (4, 4, 4) and token_cells(65, SIZE) == (4, 4, 4)
    assert token_cells(63, SIZE) is None and token_cells(10, (30, 30)) is None
    tokens = torch.arange(2 * 65 * 3.0).reshape(2, 65, 3)
    grid = as_grid(tokens, SIZE)
    assert torch.equal(grid[1, 2].flatten(), tokens[1, 1:, 2])
    odd = torch.zeros(1, 7, 3)
    assert as_grid(odd, SIZE) is odd
