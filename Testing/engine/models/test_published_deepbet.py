"""deepbet's two brain-extraction programs, which end in their own softmax: labels and maps as its own code would have.

deepbet (MIT) is a test dependency. What its networks are given is what its own ``run_model`` gives them; the expected
labels are what its programs return then; the expected maps come from an eager network of the same weights.
"""

import numpy as np
import pytest
import torch
from torch import nn

from engine.published_deepbet import HEAD, opened, own_run
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain
from seghirescam.session.opening import open_session

pytestmark = [
    pytest.mark.skipif(not HEAD.is_file(), reason="SEGHIRESCAM_TEST_DATA names no folder with brain_t1.nii.gz"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
#: our name -> the eager module whose output it is
LAYERS = {"down1#3": "down1", "down3#3": "down3", "up1#3": "up1", "tp_conv1": "tp_conv1", "conv": "conv"}


def act(*parts):
    return nn.Sequential(*parts, nn.ReLU())


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        norm = nn.InstanceNorm3d
        self.double_conv = nn.Sequential(
            nn.Conv3d(inputs, outputs, 3, stride, 1, bias=False), norm(outputs), nn.ReLU(),
            nn.Conv3d(outputs, outputs, 3, 1, 1, bias=False), norm(outputs),
        )  # fmt: skip
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv3d(inputs, outputs, 1, stride, bias=False), norm(outputs))

    def forward(self, x):
        return torch.relu(self.double_conv(x) + (self.downsample(x) if hasattr(self, "downsample") else x))


class Down(nn.Sequential):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.block1, self.block2 = Block(inputs, outputs, stride), Block(outputs, outputs)


class Up(nn.Sequential):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        few, norm = inputs // 4, nn.InstanceNorm3d
        self.conv1 = act(nn.Conv3d(inputs, few, 1, bias=False), norm(few))
        self.tp_conv = act(nn.ConvTranspose3d(few, few, 3, stride, 1, stride - 1, bias=False), norm(few))
        self.conv2 = act(nn.Conv3d(few, outputs, 1, bias=False), norm(outputs))


class LinkNet(nn.Module):
    """The programs' network without its softmax, read off their graphs."""

    def __init__(self):
        super().__init__()
        norm = nn.InstanceNorm3d
        self.init = nn.Sequential(
            nn.Conv3d(1, 16, 7, 2, 3, bias=False), norm(16), nn.ReLU(), nn.MaxPool3d(3, stride=2, padding=1)
        )
        for n, (inputs, outputs, stride) in enumerate(((16, 16, 1), (16, 32, 2), (32, 64, 2), (64, 128, 2))):
            self.add_module(f"down{n}", Down(inputs, outputs, stride))
            self.add_module(f"up{3 - n}", Up(outputs, inputs, stride))
        self.tp_conv1 = act(nn.ConvTranspose3d(16, 8, 3, 2, 1, 1), norm(8))
        self.conv = act(nn.Conv3d(8, 8, 3, 1, 1), norm(8))
        self.tp_conv2 = nn.ConvTranspose3d(8, 2, 2, 2)

    def forward(self, x):
        first = self.init(x)
        one = self.down0(first)
        two = self.down1(one)
        three = self.down2(two)
        x = self.up0(self.down3(three)) + three
        x = self.up2(self.up1(x) + two) + one
        return self.tp_conv2(self.conv(self.tp_conv1(self.up3(x) + first)))


@pytest.fixture(scope="module")
def ran():
    return own_run((128, 128, 128))


def assert_own_labels(file, tensor, answer, folder):
    model, image = opened(file, tensor, folder)
    session = open_session(model, image)
    labels = model.labels_on_input(session.logits(), session.prepared(), image)
    assert torch.equal(session.prepared().tensor, tensor)
    theirs = (answer[0, 1] > 0.5).numpy()
    assert 0.05 < theirs.mean() < 0.95
    assert (labels.transpose(2, 1, 0) == theirs).mean() >= 0.999


@pytest.mark.parametrize("name", ["bbox_model", "model"])
def test_labels(ran, tmp_path, name):
    assert_own_labels(*ran[name], tmp_path)


@pytest.mark.slow
def test_labels_at_the_size_of_its_own(tmp_path):
    assert_own_labels(*own_run((256, 256, 256))["model"], tmp_path)


@pytest.mark.parametrize("name", ["bbox_model", "model"])
def test_maps_are_those_of_the_logit(ran, tmp_path, name):
    file, tensor, answer = ran[name]
    # a part of it, so that instance norms and gradients take seconds
    tensor = tensor[..., 32:96, 32:96, 32:96].contiguous()
    eager = LinkNet().eval()
    program = torch.jit.load(file)
    eager.load_state_dict(dict(program.named_parameters()))
    with torch.no_grad():
        answer = program(tensor)
        assert torch.allclose(eager(tensor).softmax(1), answer, atol=1e-4)
    inside = answer[0, 1] > 0.5
    kept = {}
    for ours, theirs in LAYERS.items():
        eager.get_submodule(theirs).register_forward_hook(lambda m, i, out, ours=ours: kept.update({ours: out}))
    logit = eager(tensor)[0, 1]
    gradients = torch.autograd.grad(logit[inside].sum(), list(kept.values()))
    expected = {n: (a * g).sum(1)[0].detach().numpy() for (n, a), g in zip(kept.items(), gradients, strict=True)}

    model, image = opened(file, tensor, tmp_path)
    # M on the image's grid: K, J, I
    pixels = PixelSet(inside.numpy().transpose(2, 1, 0), image.grid)
    found = explain(model, image, pixels, class_index="brain", layers=list(LAYERS))
    assert [e.layer.name for e in found] == list(LAYERS)
    for e in found:
        truth = expected[e.layer.name]
        cosine = (e.map * truth).sum() / np.sqrt((e.map**2).sum() * (truth**2).sum())
        assert cosine >= 0.999, e.layer.name
        assert np.linalg.norm(e.map) == pytest.approx(np.linalg.norm(truth), rel=1e-2)
        assert e.score == pytest.approx(float(logit[inside].detach().sum()), rel=1e-3)
