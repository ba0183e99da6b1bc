"""The order in which a network is fed a volume's axes: stated, assumed or MONAI's, and everything in its right place.

The oracle is the twin: the same network with the axes of its kernels reversed, fed z, y, x, must say the same.
"""

import copy
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from engine import programs, toys
from engine.grids import oblique
from seghirescam import PlainModel, open_model
from seghirescam.cli import main
from seghirescam.io.volumes import read_volume, write_volume
from seghirescam.models.monai import monai_network
from seghirescam.models.programs.program import sliding
from seghirescam.models.slice_by_slice import by_slices
from seghirescam.protocol.errors import ModelError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain
from seghirescam.session.opening import open_session
from seghirescam.session.prediction import predicted_labels

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
NAMES = ["background", "lesion", "other"]
METHODS = ["seg_hires_grad_cam", "seg_grad_cam"]


def twin(network):
    """Reversed kernels: fed the reversed image it gives the reversed answer."""
    other = copy.deepcopy(network)
    for weight in other.parameters():
        if weight.ndim > 3:
            weight.data = weight.data.permute(0, 1, *reversed(range(2, weight.ndim))).contiguous()
    return other


def balanced(**settings):
    """A toy U-Net that finds every class somewhere."""
    network = toys.make(**settings)
    dims = settings.get("dims", 3)
    with torch.no_grad():
        image = torch.randn((1, 1, *[16] * dims), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        network.head.bias -= network(image)[0].flatten(1).mean(1)
    return network


def ramped(array):
    """Depends on where a voxel lies along the first of the last two axes."""
    return array + np.arange(array.shape[-2], dtype=np.float32)[:, None] / 10


def ramped_last(array):
    return array + np.arange(array.shape[-1], dtype=np.float32) / 10


def case(shape, grid=None):
    array = np.random.default_rng(5).normal(size=(1, *shape)).astype(np.float32)
    mask = np.zeros(shape)
    mask[shape[0] // 3 : shape[0] // 3 + 4, 4:9, 5:12] = 1
    grid = grid or oblique(shape)
    return Image(array, grid), PixelSet(mask, grid)


def answers(model, image, mask, layer="encoder.1"):
    """Labels on the image's grid, and maps there."""
    model = by_slices(model, image)
    labels, _ = predicted_labels(open_session(model, image), lambda f, words: None)
    found = explain(model, image, mask, class_index=1, methods=METHODS, layers=[layer])
    return labels, [e.resampled_to(image.grid).array for e in found], [e.score for e in found]


def assert_the_same(one, other, image, mask, layer="encoder.1"):
    labels, maps, scores = answers(one, image, mask, layer)
    truth, others, theirs = answers(other, image, mask, layer)
    assert np.array_equal(labels, truth) and len(np.unique(labels)) > 1
    assert scores == pytest.approx(theirs, rel=1e-5)
    for ours, expected in zip(maps, others, strict=True):
        assert np.abs(ours - expected).max() <= 1e-5 * np.abs(expected).max() and np.abs(expected).max() > 0


def test_the_network_sees_what_nibabel_reads(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    image, _ = case((6, 8, 10))
    write_volume(tmp_path / "v.nii.gz", image.array[0], image.grid)
    theirs = np.asarray(nibabel.load(tmp_path / "v.nii.gz").dataobj, np.float32)
    read = read_volume(tmp_path / "v.nii.gz")
    network = nn.Conv3d(1, 2, 1)
    seen = PlainModel(network, ["a", "b"], axes="xyz").prepare(read).tensor
    assert np.array_equal(seen[0, 0].numpy(), theirs)
    assert np.array_equal(PlainModel(network, ["a", "b"]).prepare(read).tensor[0, 0].numpy(), theirs.T)
    slice_grid = image.grid.strided((1, 1, 1), (2, 0, 0), (1, 8, 10))
    one = Image(read.array[:, 2:3], slice_grid)
    flat = PlainModel(nn.Conv2d(1, 2, 1), ["a", "b"], spatial_dims=2, axes="xyz").prepare(one)
    assert np.array_equal(flat.tensor[0, 0].numpy(), theirs[:, :, 2])
    assert flat.grid.ras((0, 9, 7)) == pytest.approx(slice_grid.ras((0, 7, 9)))


@pytest.mark.parametrize("how", ["whole", "padded", "windows", "folds"])
def test_x_y_z_and_the_twin_in_z_y_x_say_the_same(how):
    network, words, others = balanced(), {}, {}
    shape = (12, 16, 20)
    if how == "padded":
        shape, words, others = (11, 14, 17), {"divisor": 8}, {"divisor": 8}
    if how == "windows":
        shape = (11, 14, 17)
        words, others = ({"windows": sliding(size, 0.5, "gaussian")} for size in ((16, 8, 12), (12, 8, 16)))
    if how == "folds":
        torch.manual_seed(7)
        second = toys.make(kind="instance")
        words, others = {"folds": [second]}, {"folds": [twin(second)]}
    image, mask = case(shape)
    one = PlainModel(network, NAMES, axes="xyz", normalise=ramped, **words)
    assert_the_same(one, PlainModel(twin(network), NAMES, normalise=ramped, **others), image, mask)


@pytest.mark.parametrize("shape", [(1, 16, 24), (5, 13, 18)])
def test_2d_networks_see_transposed_slices(shape):
    network = balanced(dims=2)
    image = case((5, *shape[1:]))[0]
    grid = image.grid.strided((1, 1, 1), (0, 0, 0), shape)
    weights = np.zeros(shape)
    weights[: min(3, shape[0]), 4:9, 5:11] = 1
    image, mask = Image(image.array[:, : shape[0]], grid), PixelSet(weights, grid)
    words = {"spatial_dims": 2, "divisor": 8}
    one = PlainModel(network, NAMES, axes="xyz", normalise=ramped, **words)
    assert_the_same(one, PlainModel(twin(network), NAMES, normalise=ramped_last, **words), image, mask)


@pytest.mark.parametrize("how", ["whole", "window", "fixed", "RAS"])
def test_saved_programs(tmp_path, how):
    network, image, mask = balanced(), *case((11, 14, 17))
    words, others = {"divisor": 4}, {"divisor": 4}
    if how == "window":
        words, others = ({"window": {"size": size, "mode": "gaussian"}} for size in ([16, 8, 12], [12, 8, 16]))
    if how == "RAS":
        words = others = {"divisor": 4, "orientation": "RAS", "spacing_mm": 1.5, "intensity": "zscore_nonzero"}
        turned = np.diag([-1.2, 1.1, 2.0, 1.0])[:, [1, 0, 2, 3]]
        image, mask = case((11, 14, 17), Grid((11, 14, 17), turned))
    sizes = [(16, 8, 12), (12, 8, 16)] if how == "fixed" else [(16, 16, 16)] * 2
    models = []
    told = (("xyz", network, words, sizes[0]), ("zyx", twin(network), others, sizes[1]))
    for axes, net, description, size in told:
        tensor = torch.zeros((1, 1, *size), dtype=torch.float64)
        if how in ("fixed", "RAS"):
            path = programs.save_exported(tmp_path / f"{axes}.pt2", net, tensor, multiple=0 if how == "fixed" else 4)
        else:
            path = programs.save_script(tmp_path / f"{axes}.ts", net)
        programs.describe(path, classes=NAMES, axes=axes, **(description if how != "fixed" else {}))
        models.append(open_model(path, consent=True))
    assert (models[0].windows is None) == (how in ("whole", "RAS"))
    assert_the_same(*models, image, mask)


def test_a_2d_program_with_a_window(tmp_path):
    network = balanced(dims=2)
    image, mask = case((4, 13, 18))
    models = []
    for axes, net, size in (("xyz", network, [16, 8]), ("zyx", twin(network), [8, 16])):
        path = programs.save_script(tmp_path / f"{axes}.ts", net)
        programs.describe(path, classes=NAMES, axes=axes, spatial_dims=2, window={"size": size, "overlap": 0.5})
        models.append(open_model(path, consent=True))
    assert_the_same(*models, image, mask)


FACTORY = """
import sys
sys.path.insert(0, {folder!r})
from engine import toys
def build():
    return toys.make().float()
def normalise(array):
    assert array.shape == (1, 17, 14, 11), array.shape  # x, y, z
    return array
"""


def test_a_factory_s_normalise_sees_the_network_s_order(tmp_path):
    (tmp_path / "net.py").write_text(FACTORY.format(folder=str(Path(__file__).parents[2])))
    network = balanced().float()
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    about = {"factory": "net.py", "weights": "w.safetensors", "classes": NAMES, "divisor": 4, "normalise": "normalise"}
    (tmp_path / "a.model.json").write_text(json.dumps(about | {"axes": "xyz"}))
    image, mask = case((11, 14, 17))
    model = open_model(tmp_path / "a.model.json", consent=True)
    assert_the_same(model, PlainModel(twin(network), NAMES, divisor=4), image, mask)
    (tmp_path / "a.model.json").write_text(json.dumps(about | {"axes": "zxy"}))
    with pytest.raises(ModelError, match="axes 'zxy' is unknown"):
        open_model(tmp_path / "a.model.json", consent=True)


@pytest.mark.parametrize("dims", [2, 3])
def test_a_network_of_monai_may_have_been_trained_in_z_y_x(tmp_path, dims):
    nets = pytest.importorskip("monai.networks.nets")
    torch.manual_seed(3)
    arguments = {"spatial_dims": dims, "in_channels": 1, "out_channels": 3, "channels": [4, 8], "strides": [2]}
    network = nets.UNet(**arguments, norm="batch").eval()
    told = []
    for axes, net in ((None, network), ("zyx", twin(network))):
        save_file(net.state_dict(), tmp_path / f"{axes}.safetensors")
        window = [8, 16, 12][:dims]
        about = {
            "monai": "UNet", "arguments": {**arguments, "norm": "batch"}, "classes": NAMES,
            "weights": str(tmp_path / f"{axes}.safetensors"), "window": window[::-1] if axes else window,
            "preprocessing": [{"_target_": "ScaleIntensityd", "keys": "image"}],
        }  # fmt: skip
        told.append(monai_network.KIND.open(about | ({"axes": axes} if axes else {})))
    image, mask = case((11, 14, 18))
    assert_the_same(*told, image, mask, layer="model.0")
    notes = [model.prepare(image).notes[-1] for model in told]
    names = ("x, y, z", "z, y, x") if dims == 3 else ("x, y", "y, x")
    assert notes[0] == (
        f"Axes: the network was fed {names[0]}, MONAI's order "
        '(assumed; state "axes": "zyx" if it was trained otherwise).'
    )
    assert notes[1] == f"Axes: the network was fed {names[1]}, as stated."


def edge_script(path, **settings):
    """Class 1 where the image rises along the tensor's first spatial axis."""
    conv = nn.Conv3d(1, 2, 3, padding=1)
    nn.init.zeros_(conv.weight)
    conv.bias.data = torch.tensor([0.5, 0.0])
    conv.weight.data[1, 0, 0, 1, 1], conv.weight.data[1, 0, 2, 1, 1] = -1, 1
    network = nn.Sequential(conv, nn.Identity(), nn.Conv3d(2, 2, 1))
    network[2].weight.data = torch.eye(2).reshape(2, 2, 1, 1, 1)
    nn.init.zeros_(network[2].bias)
    return programs.save_script(path, network.eval(), **settings)


def step():
    """Rises along x, in the middle: 2 x 20 x 12 voxels see the edge; along z nothing but the border is seen."""
    array = np.zeros((12, 20, 16), np.float32)
    array[:, :, 8:] = 1
    return Image(array, Grid.from_spacing(array.shape))


FORMATS = {
    "inputs": {"image": {"channel_def": {"0": "image"}}},
    "outputs": {"pred": {"channel_def": {"0": "background", "1": "edge"}}},
}


def voxels(model):
    labels, notes = predicted_labels(open_session(model, step()), lambda f, words: None)
    return int((labels == 1).sum()), notes


@pytest.mark.parametrize("metadata", [{"network_data_format": FORMATS}, {"MONAI": "1.6.1"}, {"monai_version": "0.9"}])
def test_what_monai_saved_is_fed_as_monai_feeds_it(tmp_path, metadata):
    extra = {"metadata.json": json.dumps(metadata)}
    path = edge_script(tmp_path / "a.ts", extra=extra)
    found, notes = voxels(open_model(path, consent=True))
    assert found == 480 and any("x, y, z, MONAI's order (assumed" in note for note in notes)
    # a description beside it adds words; the file is still MONAI's
    programs.describe(path, classes=["background", "edge"])
    assert voxels(open_model(path, consent=True))[0] == 480
    programs.describe(path, classes=["background", "edge"], axes="zyx")
    found, notes = voxels(open_model(path, consent=True))
    assert found == 160 and "Axes: the network was fed z, y, x, as stated." in notes


def test_an_exported_program_with_monai_s_metadata(tmp_path):
    network = torch.jit.load(edge_script(tmp_path / "a.ts"))
    conv = nn.Sequential(nn.Conv3d(1, 2, 3, padding=1))
    weight, bias = list(network.state_dict().values())[:2]
    conv[0].load_state_dict({"weight": weight, "bias": bias})
    extra = {"metadata.json": json.dumps({"network_data_format": FORMATS})}
    path = programs.save_exported(tmp_path / "a.pt2", conv.eval(), torch.zeros(1, 1, 16, 20, 12), extra=extra)
    assert voxels(open_model(path, consent=True))[0] == 480


def test_the_result_says_which_order_was_used_and_who_said_so(tmp_path):
    path = edge_script(tmp_path / "a.ts")
    image = step()
    mask = PixelSet(np.ones(image.grid.shape), image.grid)
    words = {"class_index": 1, "layers": ["0"]}
    (assumed,) = explain(open_model(path, consent=True), image, mask, **words)
    assert assumed.provenance["axes"] == {"order": "zyx", "stated": False, "source": "assumed"}
    sentence = (
        'Axes: the network was fed z, y, x (assumed; state "axes": "xyz" if it was trained with MONAI, TorchIO or '
        "nibabel)."
    )
    assert [note for note in assumed.notes if note.startswith("Axes")] == [sentence]
    programs.describe(path, axes="xyz")
    (stated,) = explain(open_model(path, consent=True), image, mask, **words)
    assert stated.provenance["axes"] == {"order": "xyz", "stated": True, "source": "stated"}
    assert "Axes: the network was fed x, y, z, as stated." in stated.notes


def test_a_kind_whose_loader_knows_the_order_has_no_word_about_it():
    from seghirescam.demo.case import load_case

    image, segments = load_case()
    (found,) = explain(open_model("demo:honest"), image, segments["Lesion"], class_index="lesion", layers=["encoder.2"])
    assert "axes" not in found.provenance and not any(note.startswith("Axes") for note in found.notes)


def test_a_sidecar_without_the_word_is_repeated_as_it_was_made(tmp_path):
    path = edge_script(tmp_path / "a.ts", extra={"metadata.json": json.dumps({"network_data_format": FORMATS})})
    image = step()
    write_volume(tmp_path / "v.nii.gz", image.array[0], image.grid)
    words = ["explain", str(path), "--image", str(tmp_path / "v.nii.gz"), "--consent", "--out"]
    asked = ["--class", "edge", "--pixel-set", "whole", "--layer", "0", "--method", "seg_hires_grad_cam"]
    programs.describe(path, classes=["background", "edge"], axes="zyx")
    assert main([*words, str(tmp_path / "old"), *asked]) == 0
    (sidecar,) = (tmp_path / "old").glob("01_*.json")
    facts = json.loads(sidecar.read_text())
    assert facts["provenance"].pop("axes")["order"] == "zyx"  # as sidecars were written before there was a choice
    sidecar.write_text(json.dumps(facts))
    (tmp_path / "a.model.json").unlink()
    assert main([*words, str(tmp_path / "now"), *asked]) == 0
    assert main([*words, str(tmp_path / "again"), "--repeat", str(sidecar)]) == 0
    old, now, again = (next((tmp_path / n).glob("01_*.nii.gz")) for n in ("old", "now", "again"))
    assert old.read_bytes() == again.read_bytes() != now.read_bytes()
    told = json.loads(next((tmp_path / "again").glob("01_*.json")).read_text())
    assert told["provenance"]["axes"] == {"order": "zyx", "stated": False, "source": "sidecar"}
    assert any("as for the sidecar that is repeated; now it would be x, y, z" in note for note in told["notes"])
    # and one that tells, although the description has changed since
    (fresh,) = (tmp_path / "now").glob("01_*.json")
    programs.describe(path, classes=["background", "edge"], axes="zyx")
    assert main([*words, str(tmp_path / "third"), "--repeat", str(fresh)]) == 0
    assert next((tmp_path / "third").glob("01_*.nii.gz")).read_bytes() == now.read_bytes()


def test_predict_on_the_command_line_writes_monai_s_own_labels(tmp_path):
    nibabel, data = pytest.importorskip("nibabel"), pytest.importorskip("monai.data")
    transforms = pytest.importorskip("monai.transforms")
    program = torch.jit.load(edge_script(tmp_path / "plain.ts"))
    data.save_net_with_metadata(program, str(tmp_path / "edge.ts"), meta_values={"network_data_format": FORMATS})
    nibabel.save(nibabel.Nifti1Image(step().array[0].T, np.diag([1.0, 1.2, 2.0, 1.0])), tmp_path / "v.nii.gz")
    theirs = torch.jit.load(tmp_path / "edge.ts")(
        transforms.LoadImage(image_only=True)(tmp_path / "v.nii.gz").as_tensor()[None, None]
    )
    words = ["predict", "edge.ts", "--image", "v.nii.gz", "--consent", "--out", "e.nii.gz"]
    subprocess.run([sys.executable, "-m", "seghirescam", *words], cwd=tmp_path, check=True, capture_output=True)
    ours = np.asarray(nibabel.load(tmp_path / "e.nii.gz").dataobj)
    assert np.array_equal(ours, theirs[0].argmax(0).numpy()) and (ours == 1).sum() == 480
    told = json.loads((tmp_path / "e.json").read_text())
    assert told["axes"] == {"order": "xyz", "stated": False, "source": "MONAI's metadata"}
