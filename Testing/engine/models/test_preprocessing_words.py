"""The steps of a description's preprocessing: each against numpy, and every voxel and prediction at its place in mm."""

import json

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from seghirescam import Grid, Image, PlainModel, open_model
from seghirescam.models.preprocessing.preprocessing_words import WORDS, steps_of
from seghirescam.protocol.errors import ImageError, ModelError
from seghirescam.protocol.recipes import WholeImage
from seghirescam.session.explain import explain
from seghirescam.session.opening import open_session

pytest.importorskip("monai")

#: an oblique grid that is flipped along I and has J and K swapped: axes and directions cannot be mistaken
SHAPE = (14, 22, 18)


def oblique(shape=SHAPE):
    angle = np.deg2rad(12)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.array([[-1.5, 0, 0], [0, 0, 2.5], [0, -1.1, 0]])
    matrix[:3, 3] = (30, -20, 45)
    return Grid(shape, matrix)


def noise(shape=SHAPE, channels=1, seed=0):
    found = np.random.default_rng(seed).gamma(2.0, 50.0, (channels, *shape)).astype(np.float32)
    found[:, :2] = 0  # a margin that is not looked at by "nonzero"
    return found


def fed(steps, array, grid, **words):
    """(tensor as [C, K, J, I], its grid) for a network that changes nothing, fed slices first."""
    words = {"axes": "zyx", "channels": [f"c{n}" for n in range(len(array))]} | words
    model = PlainModel(nn.Conv3d(len(array), 2, 1), ["a", "b"], preprocessing=steps, **words)
    prepared = model.prepare(Image(array, grid))
    return prepared.tensor[0].numpy(), prepared.grid


def per_channel(function):
    return lambda a: np.stack([function(c.astype(np.float64)) for c in a])


def z_nonzero(c):
    part = c[c != 0]
    return np.where(c != 0, (c - part.mean()) / part.std(), 0)


def clipped(c):
    return np.clip(c, *np.percentile(c, [2, 97.5]))


VALUES = {
    "percentile_clip": (
        {"percentile_clip": [2, 97.5]},
        per_channel(clipped),
    ),
    "z_score": ({"z_score": "all"}, per_channel(lambda c: (c - c.mean()) / c.std())),
    "z_score nonzero": ({"z_score": "nonzero"}, per_channel(z_nonzero)),
    "min_max": ({"min_max": [-1, 3]}, per_channel(lambda c: -1 + 4 * (c - c.min()) / (c.max() - c.min()))),
    "intensity_window": ({"intensity_window": [20, 120]}, lambda a: np.clip((a - 20.0) / 100, 0, 1)),
    "intensity_window to": (
        {"intensity_window": [20, 120], "to": [-1, 1]},
        lambda a: np.clip((a - 20.0) / 50 - 1, -1, 1),
    ),
    "scale": ({"scale": 0.25}, lambda a: a * 0.25),
    "divide": ({"divide": [255, 2]}, lambda a: a / np.array([255, 2]).reshape(2, 1, 1, 1)),
    "shift": ({"shift": [-3, 7]}, lambda a: a + np.array([-3, 7]).reshape(2, 1, 1, 1)),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_are_numpy_s(name):
    step, replica = VALUES[name]
    array = noise(channels=2)
    found, grid = fed([step], array, oblique())
    assert np.allclose(found, replica(array), rtol=2e-5, atol=2e-5) and grid.same_as(oblique())


def test_every_word_of_values_is_compared():
    assert {w.partition(" ")[0] for w in VALUES} | {"orientation", "spacing", "size", "crop_nonzero"} == set(WORDS)


GEOMETRY = {
    "orientation": [{"orientation": "RAS"}],
    "orientation of files": [{"orientation": "PIR"}],
    "spacing": [{"spacing": [2.0, 1.0, 0]}],
    "size": [{"size": [24, None, 36]}],
    "crop": [{"crop_nonzero": 0}],
    "crop with a margin": [{"crop_nonzero": 1}],
    "all": [{"orientation": "LPS"}, {"crop_nonzero": 0}, {"spacing": [1, 1.3, 2]}, {"size": [40, 36, 40]}],
}


@pytest.mark.parametrize("axes", ["zyx", "xyz"])
@pytest.mark.parametrize("name", GEOMETRY)
def test_every_voxel_shows_what_lies_at_its_place(name, axes):
    """Against linear interpolation of the image at the millimetres of the model grid's voxels."""
    array, grid = noise(), oblique()
    array[:, :, :3] = 0
    smooth = ndimage.gaussian_filter(array[0], 2) * (array[0] != 0)
    found, place = fed(GEOMETRY[name], smooth[None], grid, axes=axes)
    indices = np.stack(np.meshgrid(*map(np.arange, place.shape), indexing="ij"), axis=-1)
    points = grid.kji(place.ras(indices))
    if name == "all":  # two interpolations: near to one
        expected = ndimage.map_coordinates(smooth, np.moveaxis(points, -1, 0), order=1, mode="nearest")
        inner = (slice(2, -2),) * 3
        assert np.corrcoef(found[0][inner].ravel(), expected[inner].ravel())[0, 1] > 0.99
    else:
        expected = ndimage.map_coordinates(smooth, np.moveaxis(points, -1, 0), order=1, mode="nearest")
        assert np.abs(found[0] - expected).max() <= 1e-3 * smooth.max()


def test_sizes_follow_the_words():
    array = noise()
    array[:, :, 20:] = 0
    assert fed([{"size": [24, None, 9]}], array, oblique())[1].shape == (9, 22, 24)
    # I runs along -R, J along -S, K along +A: x = R is I, y = A is K, z = S is J
    turned = fed([{"orientation": "RAS"}], array, oblique())[1]
    assert turned.shape == (22, 14, 18)
    direction = turned.ijk_to_ras[:3, :3] / np.linalg.norm(turned.ijk_to_ras[:3, :3], axis=0)
    assert (np.diag(direction) > 0.97).all()
    spaced = fed([{"orientation": "RAS"}, {"spacing": [1, 2, 3]}], array, oblique())[1]
    assert np.allclose(spaced.spacing_kji, (3, 2, 1), atol=1e-6)
    assert fed([{"crop_nonzero": 0}], array, oblique())[1].shape == (12, 20, 18)
    assert fed([{"crop_nonzero": 1}], array, oblique())[1].shape == (13, 21, 18)
    nearest, _ = fed([{"size": [31, 40, 25], "mode": "nearest"}], array, oblique())
    assert set(np.unique(nearest)) <= set(np.unique(array))


def blob(grid, centre_mm, sigma_mm):
    indices = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    return np.exp(-((grid.ras(indices) - centre_mm) ** 2).sum(-1) / (2 * sigma_mm**2)).astype(np.float32)


def off(weights, place, grid, middle):
    """How far the centroid of weights on ``place`` lies from an index of ``grid``, in its voxels."""
    indices = np.stack(np.meshgrid(*map(np.arange, place.shape), indexing="ij"), axis=-1)
    centroid = (place.ras(indices) * weights[..., None]).sum((0, 1, 2)) / weights.sum()
    return np.abs(grid.kji(centroid) - middle).max()


@pytest.mark.parametrize("windows", [False, True])
@pytest.mark.parametrize("axes", ["zyx", "xyz"])
@pytest.mark.parametrize("name", ["orientation", "spacing", "size", "crop", "all"])
def test_an_analytic_blob_goes_there_and_back(name, axes, windows):
    """Centroids of the image on the model grid, of the map, and of the prediction on the image: 0.05 voxel."""
    from seghirescam.models.monai.monai_parts import windows_of

    grid = oblique((30, 40, 36))
    middle = (14, 19, 17)  # a voxel, so that the ball of voxels around it has its centre there
    array = blob(grid, grid.ras(middle), 6.0)
    array[array < 0.05] = 0  # a background to be cropped
    array *= 100
    network = nn.Sequential(nn.Conv3d(1, 1, 1), nn.Conv3d(1, 2, 1))
    with torch.no_grad():
        network[0].weight.fill_(1)
        network[0].bias.fill_(0)
        network[1].weight.copy_(torch.tensor([-1.0, 1.0]).reshape(2, 1, 1, 1, 1))
        network[1].bias.copy_(torch.tensor([50.0, -50.0]))  # class 1 where the blob is above half
    cut = windows_of({"roi_size": [12, 12, 12], "overlap": 0.5, "mode": "gaussian"})[0] if windows else None
    model = PlainModel(
        network, ["rest", "blob"], preprocessing=GEOMETRY[name], axes=axes, head="softmax", activation="none",
        windows=cut,
    )  # fmt: skip
    image = Image(array[None], grid)
    session = open_session(model, image)
    prepared, logits = session.prepared(), session.logits()
    assert off(prepared.tensor[0, 0].numpy(), prepared.grid, grid, middle) < 0.05
    (found,) = explain(model, image, WholeImage(), class_index="blob", layers=["0"], tolerance=0.0)
    assert off(found.map, found.grid, grid, middle) < 0.05
    assert found.provenance["preprocessing"] == GEOMETRY[name]
    # the way back: half height of a Gaussian is a ball around its centre, somewhat smaller where it was smoothed
    labels, truth = model.labels_on_input(logits, prepared, image), array > 50
    assert off(labels, grid, grid, middle) < 0.05 and off(truth, grid, grid, middle) < 0.05
    assert 2 * (labels.astype(bool) & truth).sum() / (labels.sum() + truth.sum()) > 0.9


def test_2d_slices_and_a_volume_slice_by_slice():
    steps = [{"spacing": [0.5, 1.0]}, {"min_max": [0, 1]}]
    model = PlainModel(nn.Conv2d(1, 2, 1), ["a", "b"], spatial_dims=2, preprocessing=steps, axes="zyx")
    grid = Grid.from_spacing((5, 12, 10), (3.0, 1.0, 1.0), (5, 6, 7))
    array = noise((5, 12, 10))
    one = model.prepare(Image(array[:, 3:4], grid.strided((1, 1, 1), (3, 0, 0), (1, 12, 10))))
    assert one.tensor.shape == (1, 1, 12, 20) or one.tensor.shape == (1, 1, 12, 19)
    session = open_session(model, Image(array, grid))
    prepared = session.prepared()
    assert torch.equal(prepared.tensor[:, :, 3], one.tensor)
    assert np.allclose(prepared.grid.spacing_kji, (3.0, 1.0, 0.5))
    labels = model.labels_on_input(session.logits(), prepared, Image(array, grid))
    assert labels.shape == (5, 12, 10)


def test_flips_within_a_2d_slice_and_slices_out_of_their_plane():
    grid = Grid((1, 4, 6), np.diag([-1.0, -1.0, 2.0, 1.0]))
    array = np.arange(24, dtype=np.float32).reshape(1, 1, 4, 6)
    words = {"spatial_dims": 2, "axes": "zyx"}
    model = PlainModel(nn.Conv2d(1, 2, 1), ["a", "b"], preprocessing=[{"orientation": "RAS"}], **words)
    assert np.array_equal(model.prepare(Image(array, grid)).tensor[0, 0], array[0, 0, ::-1, ::-1])
    model = PlainModel(nn.Conv2d(1, 2, 1), ["a", "b"], preprocessing=[{"orientation": "SAR"}], **words)
    with pytest.raises(ImageError, match="out of their plane"):
        model.prepare(Image(array, grid))


@pytest.mark.parametrize(
    "steps",
    [
        "z_score", {"z_score": "all"}, [{"zscore": "all"}], ["z_score"], [{}], [{"z_score": "some"}], [{"z_score": []}],
        [{"z_score": "all", "min_max": [0, 1]}], [{"z_score": "all", "mode": "nearest"}], [{"orientation": "RAR"}],
        [{"orientation": "ras"}], [{"orientation": ["R", "A", "S"]}], [{"spacing": [1, 1]}], [{"spacing": 1}],
        [{"spacing": [1, 1, -1]}], [{"spacing": [1, 1, float("nan")]}], [{"spacing": [1, 1, 1], "mode": "cubic"}],
        [{"size": [8, 8, 1.5]}], [{"size": [8, 8, True]}], [{"size": [8, 8, 10**9]}], [{"crop_nonzero": -1}],
        [{"crop_nonzero": True}], [{"percentile_clip": [98, 2]}], [{"percentile_clip": [-1, 101]}],
        [{"min_max": [1, 1]}], [{"intensity_window": [5, 5]}], [{"intensity_window": [0, 5], "to": [1]}],
        [{"divide": 0}], [{"divide": [1, 2]}], [{"scale": "2"}], [{"shift": float("inf")}], [{"shift": True}],
    ],
)  # fmt: skip
def test_what_is_no_step_is_refused_by_one_sentence_that_names_the_words(steps):
    with pytest.raises(ModelError) as caught:
        steps_of(steps, 3, 1)
    told = f"{caught.value.sentence} {caught.value.hint}"
    assert len(caught.value.sentence) < 200 and "\n" not in told
    assert "mode" in told or ("preprocessing" in told and any(word in told for word in WORDS))


def test_refusals_of_images():
    photo = Image(noise((1, 8, 8)), Grid.of_photo((1, 8, 8)))
    model = PlainModel(nn.Conv2d(1, 2, 1), ["a", "b"], spatial_dims=2, preprocessing=[{"orientation": "RAS"}])
    with pytest.raises(ImageError, match="photo"):
        model.prepare(photo)
    empty = PlainModel(nn.Conv3d(1, 2, 1), ["a", "b"], preprocessing=[{"crop_nonzero": 0}])
    with pytest.raises(ImageError, match="cropped the whole image away"):
        empty.prepare(Image(np.zeros((1, 8, 8, 8), np.float32), Grid.from_spacing((8, 8, 8))))


def test_a_missing_library_is_one_sentence_with_its_pip_line(monkeypatch):
    import sys

    from seghirescam.protocol.errors import DependencyError

    model = PlainModel(nn.Conv3d(1, 2, 1), ["a", "b"], preprocessing=[{"z_score": "all"}])
    for name in [name for name in sys.modules if name.partition(".")[0] == "monai"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "monai", None)
    with pytest.raises(DependencyError, match="monai") as caught:
        model.prepare(Image(noise(), oblique()))
    assert "pip install" in caught.value.hint


def test_descriptions_of_all_kinds_take_the_words(tmp_path):
    steps = [{"orientation": "RAS"}, {"spacing": [2, 2, 2]}, {"z_score": "nonzero"}]
    network = nn.Conv3d(1, 2, 3, padding=1).eval()
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    (tmp_path / "net.py").write_text("from torch import nn\ndef build():\n    return nn.Conv3d(1, 2, 3, padding=1)\n")
    common = {"classes": ["a", "b"], "preprocessing": steps, "axes": "xyz"}
    (tmp_path / "own.model.json").write_text(json.dumps({"factory": "net.py", "weights": "weights.pt"} | common))
    torch.jit.trace(network, torch.zeros(1, 1, 8, 8, 8)).save(tmp_path / "program.ts")
    (tmp_path / "program.model.json").write_text(json.dumps(common))
    image = Image(noise(), oblique())
    plain = PlainModel(network, ["a", "b"], preprocessing=steps, axes="xyz").prepare(image)
    for name in ("own.model.json", "program.ts"):
        model = open_model(tmp_path / name, consent=True)
        prepared = model.prepare(image)
        assert torch.equal(prepared.tensor, plain.tensor) and prepared.grid.same_as(plain.grid)


def test_a_network_of_monai_takes_the_words(tmp_path):
    from monai.networks.nets import UNet
    from safetensors.torch import save_file

    arguments = {
        "spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [4, 8], "strides": [2], "num_res_units": 0,
    }  # fmt: skip
    torch.manual_seed(0)
    network = UNet(**arguments).eval()
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    steps = [{"spacing": [2, 2, 2]}, {"z_score": "all"}]
    about = {"monai": "UNet", "arguments": arguments, "weights": "weights.safetensors", "classes": ["a", "b"]}
    (tmp_path / "net.model.json").write_text(json.dumps(about | {"preprocessing": steps}))
    image = Image(noise(), oblique())
    prepared = open_model(tmp_path / "net.model.json").prepare(image)
    same = PlainModel(network, ["a", "b"], preprocessing=steps, axes="xyz", divisor=2).prepare(image)
    assert torch.equal(prepared.tensor, same.tensor) and prepared.grid.same_as(same.grid)
    mixed = [{"_target_": "NormalizeIntensity"}, {"z_score": "all"}]
    (tmp_path / "net.model.json").write_text(json.dumps(about | {"preprocessing": mixed}))
    with pytest.raises(ModelError):
        open_model(tmp_path / "net.model.json")


def test_a_program_says_it_in_one_way(tmp_path):
    from seghirescam.models.programs.program_description import understood

    with pytest.raises(ModelError, match="two ways"):
        understood({"preprocessing": [{"z_score": "all"}], "spacing_mm": 1.0}, "it")
