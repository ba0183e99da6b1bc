"""The paper's setting in one command: a 2D network on a colour picture, and one of two components of its class. Two
networks of other authors; every map against an independent autograd, every component against a flood fill by hand."""

import json
import shlex

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from engine import hugging_faces
from engine.cli_cases import run
from seghirescam.io.volumes import read_volume

SIZE = 64
COMMAND = (
    "explain {model} --image photo.png --class lesion --pixel-set component --at {column} {row} 0 "
    "--method seg_hires_grad_cam --method seg_grad_cam --layer {layer} --out why/ --grid layer --json"
)


def unet_of_monai(folder):
    """(model, network, layer, how the picture goes in and how a map of [x, y] comes back)"""
    nets = pytest.importorskip("monai.networks.nets")
    torch.manual_seed(5)
    network = nets.UNet(2, 3, 4, channels=(4, 8, 16), strides=(2, 2)).eval()
    torch.save(network.state_dict(), folder / "unet.pt")
    about = {
        "monai": "UNet", "weights": "unet.pt", "classes": list(hugging_faces.LABELS.values()),
        "channels": ["red", "green", "blue"], "spatial_dims": 2, "preprocessing": [{"divide": 255}],
        "arguments": {"spatial_dims": 2, "in_channels": 3, "out_channels": 4, "channels": [4, 8, 16],
                      "strides": [2, 2]},
    }  # fmt: skip
    (folder / "unet.model.json").write_text(json.dumps(about), encoding="utf-8")

    def fed(pixels):  # MONAI's order: x, y
        return torch.from_numpy(pixels.astype(np.float32).transpose(2, 1, 0).copy())[None] / np.float32(255)

    return "unet.model.json", network, "model.1.submodule.0", fed, lambda logits: logits.transpose(1, 2)


def segformer(folder):
    transformers = pytest.importorskip("transformers")
    path = hugging_faces.folder("segformer", folder / "segformer", SIZE)
    network = transformers.SegformerForSemanticSegmentation.from_pretrained(path).eval()

    def fed(pixels):  # as its processor says: rescaled, less the mean, by the deviation; 64 x 64 already
        unit = pixels.astype(np.float64) / 255
        done = (unit - np.array([0.4, 0.5, 0.6])) / np.array([0.3, 0.2, 0.25])
        return torch.from_numpy(done.astype(np.float32).transpose(2, 0, 1).copy())[None]

    return "segformer", network, "segformer.stages.2.layer_norm", fed, lambda logits: logits


def logits_of(network, x):
    """``[C, ...]`` at the picture's size."""
    out = network(x)
    if hasattr(out, "logits"):
        out = torch.nn.functional.interpolate(out.logits, size=x.shape[2:], mode="bilinear", align_corners=False)
    return out[0]


def parts_of(mask):
    """Components by flood fill, eight neighbours, as masks, the largest first."""
    left, parts = set(map(tuple, np.argwhere(mask))), []
    while left:
        part, edge = set(), [left.pop()]
        while edge:
            j, i = edge.pop()
            part.add((j, i))
            near = {(j + a, i + b) for a in (-1, 0, 1) for b in (-1, 0, 1)} & left
            left -= near
            edge += near
        one = np.zeros(mask.shape, bool)
        one[tuple(np.array(sorted(part)).T)] = True
        parts.append(one)
    return sorted(parts, key=lambda one: -int(one.sum()))


def by_hand(network, layer, x, back, inside, channel):
    """{method: signed map on the layer's cells, as the network sees them}, and S."""
    kept = {}

    def keep(module, inputs, output):
        kept["a"] = output.detach().clone().requires_grad_()
        return kept["a"].clone()

    handle = network.get_submodule(layer).register_forward_hook(keep)
    logits = back(logits_of(network, x))
    handle.remove()
    score = logits[channel][torch.from_numpy(inside)].double().sum()
    (gradient,) = torch.autograd.grad(score, kept["a"])
    a = kept["a"].detach()
    if a.ndim == 3:  # tokens in reading order
        side = int(a.shape[1] ** 0.5)
        a, gradient = (t.transpose(1, 2).reshape(1, -1, side, side) for t in (a, gradient))
    maps = {
        "seg_hires_grad_cam": (gradient * a).sum(dim=1)[0],
        "seg_grad_cam": (gradient.mean(dim=(2, 3), keepdim=True) * a).sum(dim=1)[0],
    }
    return {name: found.numpy() for name, found in maps.items()}, float(score.detach())


@pytest.fixture(params=[unet_of_monai, segformer], ids=["MONAI UNet", "SegFormer"])
def case(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = np.moveaxis(hugging_faces.photo((SIZE, SIZE)).array[:, 0], 0, -1)
    sitk.WriteImage(sitk.GetImageFromArray(pixels.copy(), isVector=True), "photo.png")
    return (*request.param(tmp_path), pixels)


@pytest.mark.parametrize("which", [0, 1])
def test_each_of_two_predicted_components_by_one_command_is_the_map_by_hand(case, tmp_path, capsys, which):
    model, network, layer, fed, back, pixels = case
    x = fed(pixels)
    with torch.no_grad():
        labels = back(logits_of(network, x)).argmax(dim=0).numpy()
    parts = parts_of(labels == 1)
    assert len(parts) >= 2 and parts[1].sum() >= 4, [int(part.sum()) for part in parts]
    row, column = np.argwhere(parts[which])[0]
    name = f"model.{layer}" if model == "segformer" else layer
    words = shlex.split(COMMAND.format(model=model, column=column, row=row, layer=name))
    code, out, err = run(capsys, *words)
    assert code == 0, err
    expected, score = by_hand(network, layer, x, back, parts[which], 1)
    results = json.loads(out)["results"]
    assert {one["method"] for one in results} == set(expected)
    for result in results:
        assert result["pixel_set_size"]["pixels"] == int(parts[which].sum())
        assert result["score"] == pytest.approx(score, rel=2e-4)
        found, truth = read_volume(tmp_path / "why" / result["map"]).array[0, 0], expected[result["method"]]
        # a map file lies as the picture does; the network of MONAI saw x, y
        found = found if np.abs(found - truth).max() < np.abs(found.T - truth).max() else found.T
        np.testing.assert_allclose(found, truth, rtol=1e-3, atol=2e-4 * np.abs(truth).max())
    written = read_volume(tmp_path / "why" / results[0]["pixel_set_file"]).array[0, 0]
    assert np.array_equal(written > 0, parts[which])


def test_a_segment_of_two_components_gives_the_largest_and_the_one_that_is_pointed_at(case, tmp_path, capsys):
    model, network, layer, fed, back, pixels = case
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[5:20, 8:24] = 1
    mask[40:50, 30:60] = 1
    sitk.WriteImage(sitk.GetImageFromArray(mask), "drawn.png")
    x, name = fed(pixels), f"model.{layer}" if model == "segformer" else layer
    large, small = parts_of(mask > 0)
    for inside, at in ((large, ()), (small, ("--at", "10", "10", "0"))):
        words = ("explain", model, "--image", "photo.png", "--segment", "drawn.png", "--class", "vessel")
        more = ("--pixel-set", "component", *at, "--layer", name, "--out", "why", "--overwrite", "--grid", "layer")
        code, out, err = run(capsys, *words, *more, "--json")
        assert code == 0, err
        (result,) = json.loads(out)["results"]
        expected, score = by_hand(network, layer, x, back, inside, 2)
        assert result["score"] == pytest.approx(score, rel=2e-4)
        found, truth = read_volume(tmp_path / "why" / result["map"]).array[0, 0], expected["seg_hires_grad_cam"]
        found = found if np.abs(found - truth).max() < np.abs(found.T - truth).max() else found.T
        np.testing.assert_allclose(found, truth, rtol=1e-3, atol=2e-4 * np.abs(truth).max())
    code, _, err = run(capsys, *words, "--pixel-set", "component", "--at", "60", "5", "0", "--out", "other")
    assert code == 2 and "No component of" in err and "pixels of the point" in err
