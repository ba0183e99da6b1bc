"""Networks of MONAI by name, arguments and weights: data only, MONAI's own windows and transforms, clear sentences."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.monai_bundles import CT, config, ct_like, monai_tensor, oblique, slow_fusion, write_bundle, write_nifti
from seghirescam import Grid, open_model
from seghirescam.cam.layers.listing import listed_layers
from seghirescam.models import recognise
from seghirescam.protocol.errors import ModelError
from seghirescam.protocol.recipes import WholeImage
from seghirescam.session.explain import explain

pytest.importorskip("monai")
pytest.importorskip("nibabel")
pytest.importorskip("einops")

UNET = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [4, 8], "strides": [2]}
NETWORKS = {
    "UNet": UNET,
    "DynUNet": {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "kernel_size": [3, 3, 3],
                "strides": [1, 2, [2, 2, 1]], "upsample_kernel_size": [2, [2, 2, 1]], "filters": [4, 8, 8],
                "deep_supervision": True},
    "SegResNet": {"init_filters": 8, "in_channels": 1, "out_channels": 2, "blocks_down": [1, 1], "blocks_up": [1]},
    "SegResNetDS": {"init_filters": 8, "in_channels": 1, "out_channels": 2, "blocks_down": [1, 1]},
    "BasicUNet": {"in_channels": 1, "out_channels": 2, "features": [4, 4, 8, 8, 8, 4]},
    "AttentionUnet": {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [4, 8], "strides": [2]},
    "UNETR": {"in_channels": 1, "out_channels": 2, "img_size": [32, 32, 16], "feature_size": 4, "hidden_size": 24,
              "mlp_dim": 24, "num_heads": 2},
    "SwinUNETR": {"img_size": 64, "in_channels": 1, "out_channels": 2, "feature_size": 12},
}  # fmt: skip


def built(name, arguments):
    """MONAI's own network; img_size is what earlier versions wanted for SwinUNETR."""
    from monai.networks import nets

    return getattr(nets, name)(**{k: v for k, v in arguments.items() if (name, k) != ("SwinUNETR", "img_size")}).eval()


@pytest.fixture
def made(tmp_path):
    """A function that writes random weights for a network of MONAI; returns the source."""

    def make(kind="UNet", arguments=None, **words):
        arguments = NETWORKS[kind] if arguments is None else arguments
        torch.manual_seed(3)
        state = built(kind, arguments).state_dict()
        save_file({key: value.clone() for key, value in state.items()}, tmp_path / "w.safetensors")
        return {"monai": kind, "arguments": arguments, "weights": str(tmp_path / "w.safetensors"),
                "classes": ["background", "tumour"], "channels": ["CT"], **words}  # fmt: skip

    return make


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_gives_monai_s_own_logits(made, name):
    source = made(name)
    model = open_model(source)
    shape = {"UNETR": (16, 32, 32), "BasicUNet": (16, 32, 32), "SwinUNETR": (32, 64, 32)}.get(name, (8, 12, 16))
    image = ct_like(Grid.from_spacing(shape))
    image.array[:] /= 100
    prepared = model.prepare(image)
    network = built(name, source["arguments"])
    network.load_state_dict(load_file(source["weights"]))
    with torch.no_grad():
        theirs = network(torch.from_numpy(image.array.transpose(0, 3, 2, 1).copy())[None])[0].numpy()
    assert prepared.valid == shape[::-1] == tuple(prepared.tensor.shape[2:])
    assert np.abs(slow_fusion(model, prepared) - theirs).max() < 1e-5


@pytest.mark.parametrize(
    ("name", "deepest"),
    [("UNet", (4, 4, 4)), ("DynUNet", (4, 4, 2)), ("SegResNet", (4, 4, 4)), ("BasicUNet", (16, 16, 16))],
)
def test_levels_of_the_common_networks_are_listed_from_encoder_to_head(made, name, deepest):
    arguments = NETWORKS[name]
    if name == "UNet":
        arguments = UNET | {"channels": [4, 8, 8], "strides": [2, 2]}
    if name == "SegResNet":
        arguments = arguments | {"blocks_down": [1, 1, 1], "blocks_up": [1, 1]}
    model = open_model(made(name, arguments))
    prepared = model.prepare(ct_like(Grid.from_spacing((32, 32, 32))))
    layers = listed_layers(model.network, prepared.tensor, torch.device("cpu"))
    assert {layer.part for layer in layers} == {"encoder", "bottleneck", "decoder", "head"}
    main = [layer for layer in layers if layer.main]
    assert {layer.stride for layer in main if layer.part == "bottleneck"} == {deepest}
    levels = {layer.stride for layer in main}
    assert {layer.stride for layer in main if layer.part == "encoder"} == levels - {deepest}


def test_windows_are_monai_s_and_the_file_says_them(made, tmp_path):
    from monai.inferers import SlidingWindowInferer

    source = made(window=[8, 12, 8], overlap=0.5, mode="gaussian", sigma_scale=0.2, name="mine")
    path = tmp_path / "mine.model.json"
    path.write_text(json.dumps(source | {"weights": "w.safetensors"}), encoding="utf-8")
    kind = recognise(path)
    assert kind.name == "monai_network" and kind.runs_author_code(path) == ""
    assert kind.requirements(path) == ("monai>=1.6", "safetensors")
    assert [c.name for c in kind.classes(path)] == ["background", "tumour"] and kind.channels(path) == ("CT",)
    assert {p.name for p in kind.files(path)} == {"mine.model.json", "w.safetensors"}
    model = open_model(path)
    assert model.name == "mine"
    prepared = model.prepare(ct_like(oblique((7, 30, 26))))
    inferer = SlidingWindowInferer([8, 12, 8], 1, 0.5, "gaussian", 0.2)
    with torch.no_grad():
        theirs = inferer(prepared.tensor, model.network)[0].numpy()
    assert np.abs(slow_fusion(model, prepared) - theirs).max() < 1e-6 * np.abs(theirs).max()


def test_without_windows_the_map_of_an_oblique_volume_lies_on_its_own_voxels(made):
    model = open_model(made())
    image = ct_like(oblique((7, 13, 10)))
    prepared = model.prepare(image)
    assert tuple(prepared.tensor.shape[2:]) == (10, 14, 8) and prepared.valid == (10, 13, 7)
    assert np.allclose(prepared.grid.ras((2, 5, 3)), image.grid.ras((3, 5, 2)))
    assert prepared.tensor[0, 0, 2, 5, 3] == image.array[0, 3, 5, 2]
    (found,) = explain(model, image, WholeImage(), class_index="tumour", layers=["model.2"])
    assert found.status == "ok" and found.provenance["model_kind"] == "monai_network"
    assert np.allclose(found.grid.ras((2, 5, 3)), image.grid.ras((3, 5, 2)))


def test_preprocessing_is_the_bundle_s(made, tmp_path):
    chain = [{k: "image" if v == "@image_key" else v for k, v in step.items()} for step in CT[2:]]
    model = open_model(made(preprocessing=chain, window=[16, 16, 16]))
    image = ct_like(oblique())
    theirs = monai_tensor(write_bundle(tmp_path / "b", config()), write_nifti(tmp_path / "i.nii", image))
    prepared = model.prepare(image)
    assert np.abs(prepared.tensor[0].numpy() - theirs.numpy()).max() < 1e-5
    assert np.abs(prepared.grid.kji_to_ras - theirs.affine.numpy()).max() < 1e-9


def test_a_2d_network_takes_axial_slices_in_x_and_y(made):
    arguments = UNET | {"spatial_dims": 2}
    image = ct_like(oblique((5, 13, 10)))
    model = open_model(made(arguments=arguments, window=[8, 8]))
    prepared = model.prepare(image)
    assert tuple(prepared.tensor.shape) == (1, 1, 5, 10, 13) and model.windows.size == (1, 8, 8)
    assert np.allclose(prepared.grid.ras((4, 9, 2)), image.grid.ras((4, 2, 9)))
    assert {start[0] for start in model.windows.offsets((5, 10, 13))} == set(range(5))
    one = open_model(made(arguments=arguments)).prepare(_slice())
    assert tuple(one.tensor.shape) == (1, 1, 10, 14) and one.valid == (1, 10, 13)


def _slice():
    from seghirescam import Image

    return Image(np.random.default_rng(0).normal(size=(1, 13, 10)).astype(np.float32), oblique((1, 13, 10)))


@pytest.mark.parametrize(
    ("words", "match"),
    [({"monai": ""}, "lacks monai"),
     ({"windows": 3}, "'windows' is no word of a model description; did you mean 'window'"),
     ({"monai": "DenseNet121"}, "more than data: DenseNet121 is called"), ({"monai": "os.system"}, "os.system"),
     ({"arguments": UNET | {"dropout": "$__import__('os').system('false')"}}, "more than data: the expression"),
     ({"arguments": {"_target_": "os.system"}}, "names '_target_'"),
     ({"classes": "ab"}, "must hold classes as a list of words, not 'ab'"),
     ({"channels": 7}, "must hold channels as a list of words, not 7"),
     ({"classes": ["a", "b", "c"]}, "returns 2 channel"), ({"channels": ["a", "b"]}, r"takes 1 channel\(s\)"),
     ({"head": "tanh"}, "head 'tanh' is unknown"), ({"weights": "gone.pt"}, "'gone.pt' is not there"),
     ({"window": [8, 8]}, "does not fit a network with 3"), ({"window": 8, "overlap": 1}, "overlap"),
     ({"window": 8, "mode": "median"}, "mode 'median'"), ({"window": 8, "padding_mode": "odd"}, "padding 'odd'"),
     ({"divisor": [2, 2]}, "divisor"),
     ({"preprocessing": [{"_target_": "Lambda", "func": "$print"}]}, "more than data"),
     ({"preprocessing": [{"_target_": "Resized", "keys": "image"}]}, "cannot build the transform Resized"),
     ({"arguments": UNET | {"channels": [4, 16]}}, "do not fit this network")],
)  # fmt: skip
def test_faulty_descriptions_each_have_their_sentence(made, words, match):
    source = made() | words
    with pytest.raises(ModelError, match=match):
        open_model(source)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("UNet", {"channels": (4, 8), "strides": (2,), "act": "LEAKYRELUX"}),
        ("UNet", {"channels": (4, 8), "strides": (2,), "norm": "INSTANCEX"}),
        ("SegResNet", {"act": "RELUX"}),
        ("VNet", {"act": ("RELUX", {"inplace": True})}),
    ],
)
def test_a_norm_or_activation_that_this_monai_does_not_have_is_refused(name, words):
    from seghirescam.models.monai.bundle_config import Component
    from seghirescam.models.monai.monai_parts import build_network
    from seghirescam.protocol.errors import ModelError

    arguments = {"spatial_dims": 2, "in_channels": 1, "out_channels": 2} | words
    with pytest.raises(ModelError, match=f"cannot build the network {name}"):
        build_network(Component(f"monai.networks.nets.{name}", arguments))
