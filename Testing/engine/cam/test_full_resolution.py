"""Networks without strides: layers told apart, and chosen, by how far their cells read and act."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from engine import toys
from seghirescam.cam.layers.default_layer import default_layer
from seghirescam.cam.layers.listing import trace
from seghirescam.cli import main
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain, list_layers

DILATIONS = (1, 2, 4, 8, 4, 2, 1)


def dilated(dims, dilations=DILATIONS, classes=2, pool=False):
    """Convolutions of 3 with these dilations, each with its activation, and a 1x1 head."""
    torch.manual_seed(0)
    layers, channels = [], 1
    for d in dilations:
        layers += [toys.conv(dims, channels, 3, 3, padding=d, dilation=d), nn.ReLU()]
        channels = 3
    return nn.Sequential(*layers, toys.conv(dims, 3, classes, 1)).eval()


def expected(dilations):
    """(reads, acts) of every layer in closed form: 1 + twice the dilations before it, and behind it."""
    sums = np.cumsum([2 * d for d in dilations])
    return [(int(1 + s), int(1 + sums[-1] - s)) for s in sums for _ in (0, 1)]


@pytest.mark.parametrize("dims", [2, 3])
def test_receptive_fields_are_one_plus_twice_the_dilations(dims):
    listed = trace(dilated(dims), (1, 1, *[32] * dims))
    found = [(x.reach.reads[0], x.reach.acts[0]) for x in listed if not x.is_head]
    assert found == expected(DILATIONS)
    assert all(len(set(x.reach.reads)) == 1 and len(x.reach.reads) == dims for x in listed if not x.is_head)


def test_receptive_fields_beyond_the_first_bar_and_of_other_kernels():
    far = dilated(2, (32, 64, 1))
    assert [x.reach.reads[0] for x in trace(far, (1, 1, 16, 16)) if x.reach][::2] == [65, 193, 195]

    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.wide, self.narrow = nn.Conv2d(1, 2, (1, 7), padding=(0, 3)), nn.Conv2d(1, 2, (5, 1), padding=(2, 0))
            self.pool, self.join = nn.MaxPool2d(3, 1, 1), nn.Conv2d(4, 2, 3, padding=1)
            self.head = nn.Conv2d(2, 2, 1)

        def forward(self, x):
            return self.head(self.join(torch.cat([self.wide(x), self.pool(self.narrow(x))], dim=1)))

    found = {x.name: x.reach and (x.reach.reads, x.reach.acts) for x in trace(Branches().eval(), (1, 1, 16, 16))}
    assert found["wide"] == ((1, 7), (3, 3)) and found["narrow"] == ((5, 1), (5, 5))
    assert found["pool"] == ((7, 3), (3, 3)) and found["join"] == ((9, 9), (1, 1)) and found["head"] is None


def test_the_default_reads_no_more_than_it_acts_on_and_half_the_set_at_most():
    listed = trace(dilated(3), (1, 1, 32, 32, 32))
    # reads 3, 7, 15, 31, 39, 43, 45; acts 43, 39, 31, 15, 7, 3, 1: the encoder ends with the third activation
    assert [x.name for x in listed if x.main] == ["1", "3", "5", "7", "13"]
    assert [x.part for x in listed] == ["encoder"] * 6 + ["decoder"] * 8 + ["head"]
    for extent, name in ((32, "5"), (100, "5"), (29, "3"), (14, "3"), (13, "1"), (6, "1")):
        layer, text = default_layer(listed, (extent,) * 3)
        assert layer.name == name, extent
        assert "chosen by its receptive field" in text and "smaller than twice" not in text
    layer, text = default_layer(listed, (5, 32, 32))
    assert (
        layer.name == "1" and "reads 3 x 3 x 3 voxels and acts on 43 x 43 x 43; the pixel set spans 5 x 32 x 32" in text
    )
    assert "smaller than twice" in text


def test_the_map_of_the_default_layer_leaves_the_segment_and_says_why_it_was_chosen():
    network = dilated(2)
    image = Image(np.random.default_rng(0).random((1, 48, 48)).astype(np.float32), Grid.from_spacing((1, 48, 48)))
    mask = np.zeros((1, 48, 48))
    mask[0, 16:32, 16:32] = 1
    model = PlainModel(network, ["a", "b"], spatial_dims=2)
    (found,) = explain(model, image, PixelSet(mask, image.grid, "s"), class_index=1)
    assert found.layer.name == "3" and found.layer.field == (1, 7, 7) and found.layer.acts_on == (1, 39, 39)
    assert any("chosen by its receptive field" in note for note in found.notes)
    assert np.abs(found.map[mask == 0]).sum() > 0.1 * np.abs(found.map).sum()
    (deepest,) = explain(model, image, PixelSet(mask, image.grid, "s"), class_index=1, layers="deepest")
    assert deepest.layer.name == "5"  # the last that has read no more than it acts on
    (last,) = explain(model, image, PixelSet(mask, image.grid, "s"), class_index=1, layers=["13"])
    assert np.abs(last.map[mask == 0]).sum() == 0


def test_one_resolution_that_is_not_the_image_s_counts_in_voxels():
    class Quarter(nn.Module):
        def __init__(self):
            super().__init__()
            self.patch, self.a = nn.Conv2d(1, 3, 4, stride=4), nn.Conv2d(3, 3, 3, padding=1)
            self.b, self.head = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 2, 1)

        def forward(self, x):
            return self.head(self.b(self.a(self.patch(x))))

    listed = {x.name: x for x in trace(Quarter().eval(), (1, 1, 32, 32))}
    assert [listed[n].reach.reads for n in ("patch", "a", "b")] == [(4, 4), (12, 12), (20, 20)]
    # in voxels of the image: the first two act on 20 + 3 and 12 + 3 voxels through the bilinear enlargement
    assert [listed[n].part for n in ("patch", "a", "b")] == ["encoder", "encoder", "decoder"]
    assert default_layer(list(listed.values()), (30, 30))[0].name == "a"


def test_networks_with_levels_keep_their_rule():
    listed = trace(toys.make(), (1, 1, 16, 16, 16), torch.float64)
    assert all(x.reach is None for x in listed)
    assert default_layer(listed, (8, 8, 8))[1] == ""


def test_the_command_shows_how_far_a_cell_sees(tmp_path, capsys):
    import SimpleITK as sitk

    (tmp_path / "net.py").write_text(
        "import torch\n\n\ndef build():\n    return torch.nn.Sequential(*[m for d in (1, 2, 4) for m in ("
        "torch.nn.Conv3d(1, 1, 3, padding=d, dilation=d), torch.nn.ReLU())], torch.nn.Conv3d(1, 2, 1))\n"
    )
    scope = {}
    exec((tmp_path / "net.py").read_text(), scope)
    torch.save(scope["build"]().state_dict(), tmp_path / "w.pth")
    (tmp_path / "m.model.json").write_text(json.dumps({"factory": "net.py", "weights": "w.pth", "classes": ["a", "b"]}))
    sitk.WriteImage(sitk.GetImageFromArray(np.random.rand(16, 16, 16).astype(np.float32)), str(tmp_path / "x.nii.gz"))
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((16, 16, 16), np.uint8)), str(tmp_path / "s.nii.gz"))
    words = ["layers", tmp_path / "m.model.json", "--image", tmp_path / "x.nii.gz", "--consent"]
    assert main([*map(str, words), "--segment", str(tmp_path / "s.nii.gz")]) == 0
    text, told = capsys.readouterr()
    assert "chosen by its receptive field" in told
    assert "a cell sees" in text and "3 x 3 x 3" in text and "7 x 7 x 7" in text
    assert any(line.startswith("*") and " 1 " in line for line in text.splitlines())


DATA = Path(os.environ.get("SEGHIRESCAM_TEST_DATA", "")) / "networks"


@pytest.mark.skipif(not (DATA / "meshnet_gwm.json").is_file(), reason="SEGHIRESCAM_TEST_DATA names no networks")
def test_a_published_meshnet_is_explained_in_its_middle_and_not_before_its_head():
    load = pytest.importorskip("safetensors.torch").load_file
    about = json.loads((DATA / "meshnet_gwm.json").read_text())
    made = []
    for layer in about["layers"]:
        if layer["kind"] == "conv3d":
            made.append(
                nn.Conv3d(
                    layer["in"], layer["out"], layer["kernel"], padding=layer["padding"], dilation=layer["dilation"]
                )
            )
        else:
            made.append({"relu": nn.ReLU, "elu": nn.ELU}[layer["kind"]]())
    network = nn.Sequential(*made)
    network.load_state_dict(load(DATA / "meshnet_gwm.safetensors"))
    shape = (24, 24, 24)
    model = PlainModel(network.eval(), about["classes"])
    listed = list_layers(model, Image(np.zeros(shape, np.float32), Grid.from_spacing(shape)))
    sums, fields = 1, []
    for layer in about["layers"]:
        sums += layer.get("dilation", 0) * (layer.get("kernel", 1) - 1)
        fields.append((sums,) * 3)
    assert [x.field for x in listed if x.part != "head"] == fields[: len(fields) - 1]
    chosen, _ = default_layer(trace(network, (1, 1, *shape)), (100, 100, 100))
    total = fields[-1][0]
    assert chosen.reach.reads[0] <= chosen.reach.acts[0] and chosen.reach.acts[0] > total / 2
