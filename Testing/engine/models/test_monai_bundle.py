"""MONAI bundles opened from data alone: the same tensors, grids, logits and labels as MONAI's own."""

import json
import zipfile

import numpy as np
import pytest
import torch

from engine.monai_bundles import (
    LOADED,
    SIGMOID,
    UNET,
    config,
    ct_like,
    metadata,
    monai_logits,
    monai_tensor,
    oblique,
    parsed,
    sliding,
    slow_fusion,
    write_bundle,
    write_nifti,
)
from seghirescam import Grid, Image, open_model
from seghirescam.models import recognise
from seghirescam.protocol.errors import DependencyError
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain

pytest.importorskip("monai")
pytest.importorskip("nibabel")


def test_a_bundle_of_the_zoo_s_form_needs_no_consent_and_says_what_it_is(tmp_path):
    folder = write_bundle(tmp_path / "tiny")
    kind = recognise(folder)
    assert kind.name == "monai_bundle" and kind.runs_author_code(folder) == ""
    assert kind.requirements(folder) == ("monai>=1.6", "nibabel")
    assert [c.name for c in kind.classes(folder)] == ["background", "liver", "tumour"]
    assert kind.channels(folder) == ("CT",)
    assert {p.name for p in kind.files(folder)} == {"inference.json", "metadata.json", "model.pt"}
    model = open_model(folder)
    assert (model.name, model.kind, model.head) == ("tiny", "monai_bundle", "softmax")
    assert model.windows.size == (16, 16, 16) and not model.network.training
    assert recognise(folder / "configs" / "inference.json").name == "monai_bundle"


@pytest.mark.parametrize("mode", ["constant", "gaussian"])
@pytest.mark.parametrize("overlap", [0.25, 0.5])
def test_windows_fuse_to_the_logits_of_monai_s_own_inferer(tmp_path, mode, overlap):
    folder = write_bundle(tmp_path / "b", config(inferer=sliding((16, 24, 16), overlap, mode), preprocessing=LOADED))
    model = open_model(folder)
    image = ct_like(oblique((13, 37, 30)))  # z is smaller than the window, x and y are not multiples of anything
    prepared = model.prepare(image)
    assert prepared.valid == tuple(prepared.tensor.shape[2:]) == (30, 37, 13)
    ours, theirs = slow_fusion(model, prepared), monai_logits(folder, prepared.tensor[0]).numpy()
    assert np.abs(ours - theirs).max() < 1e-6 * np.abs(theirs).max()
    assert (ours.argmax(0) == theirs.argmax(0)).all() and len(np.unique(theirs.argmax(0))) > 1


@pytest.mark.parametrize("padding", [{"padding_mode": "replicate"}, {"padding_mode": "reflect"}, {"cval": -3.0}])
def test_a_small_volume_is_padded_as_the_inferer_says(tmp_path, padding):
    folder = write_bundle(tmp_path / "b", config(inferer=sliding((16, 16, 24), **padding), preprocessing=LOADED))
    model = open_model(folder)
    grid = Grid.from_spacing((19, 20, 14))
    image = Image(np.random.default_rng(1).normal(size=grid.shape).astype(np.float32), grid)
    prepared = model.prepare(image)
    ours = slow_fusion(model, prepared)
    theirs = monai_logits(folder, torch.from_numpy(image.array.transpose(0, 3, 2, 1).copy())).numpy()
    front = np.rint(prepared.grid.kji(grid.ras((0, 0, 0)))).astype(int)  # where the image starts in the model grid
    inside = ours[(slice(None), *(slice(f, f + n) for f, n in zip(front, theirs.shape[1:], strict=True)))]
    assert np.abs(inside - theirs).max() < 1e-5


def test_preprocessing_equals_monai_s_from_the_file_and_a_cue_stays_at_its_millimetres(tmp_path):
    folder = write_bundle(tmp_path / "b")
    model = open_model(folder)
    image = ct_like(oblique())
    image.array[0, 6, 12, 15] = 3000.0
    cue = image.grid.ras((6, 12, 15))
    theirs = monai_tensor(folder, write_nifti(tmp_path / "image.nii.gz", image))
    prepared = model.prepare(image)
    assert tuple(prepared.tensor.shape[1:]) == tuple(theirs.shape)
    assert np.abs(prepared.tensor[0].numpy() - theirs.numpy()).max() < 1e-5
    assert np.abs(prepared.grid.kji_to_ras - theirs.affine.numpy()).max() < 1e-9
    # the same chain, cropping included, on an even body with one bright voxel; its centre of mass
    image.array[0] = np.where(image.array[0] > -900, 53.5, -1000)
    image.array[0, 6, 12, 15] = 164.0
    prepared = model.prepare(image)
    bright = np.clip(prepared.tensor[0, 0].numpy() - 0.5001, 0, None)
    assert 1 <= np.count_nonzero(bright) <= 8
    where = np.stack(np.meshgrid(*map(np.arange, bright.shape), indexing="ij"), -1)
    centre = (where * bright[..., None]).sum((0, 1, 2)) / bright.sum()
    assert np.abs(centre - prepared.grid.kji(cue)).max() < 0.5


def test_normalised_intensities_and_several_channels_equal_monai_s(tmp_path):
    chain = [*LOADED, {"_target_": "Orientationd", "keys": "image", "axcodes": "LPS"},
             {"_target_": "Spacingd", "keys": ["image"], "pixdim": "@spacing", "mode": "bilinear"},
             {"_target_": "NormalizeIntensityd", "keys": "image", "nonzero": True, "channel_wise": True}]  # fmt: skip
    network = UNET | {"in_channels": "$len(@modalities)"}
    about = config(network, chain, modalities=["T1", "FLAIR"], spacing="$[2.0, @thick / 2, 1.0 if @thick > 1 else 9]",
                   thick=3.0, postprocessing=SIGMOID)  # fmt: skip
    folder = write_bundle(tmp_path / "b", about, metadata(("core", "whole", "enhancing"), ("T1", "FLAIR")))
    model = open_model(folder)
    assert model.channels == ("T1", "FLAIR") and model.head == "sigmoid"
    assert [c.name for c in model.classes] == ["core", "whole", "enhancing"]
    image = ct_like(oblique(), channels=2)
    theirs = monai_tensor(folder, write_nifti(tmp_path / "image.nii", image))
    prepared = model.prepare(image)
    assert np.abs(prepared.tensor[0].numpy() - theirs.numpy()).max() < 1e-5
    assert np.abs(prepared.grid.kji_to_ras - theirs.affine.numpy()).max() < 1e-9


def test_the_way_back_agrees_with_monai_s_invertd(tmp_path):
    from monai.data import MetaTensor
    from monai.transforms import Invertd

    folder = write_bundle(tmp_path / "b")
    model = open_model(folder)
    image = ct_like(oblique((16, 34, 30)))
    prepared = model.prepare(image)
    # a smooth prediction: random weights would be noise, whose resampling says nothing
    where = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in prepared.valid], indexing="ij"))
    radius = np.sqrt((where**2).sum(0))
    logits = np.stack([8 * radius - 4, 2 - 6 * np.abs(radius - 0.45), 4 - 9 * radius]).astype(np.float32)
    ours = model.labels_on_input(logits, prepared, image)
    chain = parsed(folder).get_parsed_content("preprocessing")
    data = chain({"image": write_nifti(tmp_path / "image.nii.gz", image)})
    data["pred"] = MetaTensor(torch.from_numpy(logits), affine=data["image"].affine)
    inverse = Invertd("pred", chain, orig_keys="image", nearest_interp=False, to_tensor=True)
    theirs = inverse(data)["pred"].numpy()
    # where MONAI has cropped the volume away its inverse is all zeros, ours says background
    seen = np.abs(theirs).max(0) > 0
    theirs = np.where(seen, theirs.argmax(0), 0).transpose(2, 1, 0)
    assert theirs.shape == ours.shape == image.grid.shape and set(np.unique(ours)) == {0, 1, 2}
    assert (ours == theirs).mean() > 0.998  # half a voxel of shift: 0.984


def test_a_binary_head_is_one_channel_with_a_background(tmp_path):
    about = config(classes=1, postprocessing=SIGMOID, preprocessing=LOADED)
    model = open_model(write_bundle(tmp_path / "b", about, metadata(("tumour",))))
    assert model.head == "binary" and [c.name for c in model.classes] == ["background", "tumour"]


def test_a_simple_inferer_runs_in_one_piece_padded_to_what_the_network_takes(tmp_path):
    about = config(inferer={"_target_": "SimpleInferer"}, preprocessing=LOADED)
    folder = write_bundle(tmp_path / "b", about)
    model = open_model(folder)
    assert model.windows is None
    prepared = model.prepare(ct_like(Grid.from_spacing((12, 17, 18))))
    assert tuple(prepared.tensor.shape) == (1, 1, 20, 20, 12) and prepared.valid == (18, 17, 12)
    assert any("padded from (18, 17, 12)" in note for note in prepared.notes)
    whole = model.prepare(ct_like(Grid.from_spacing((12, 16, 20))))
    assert np.abs(slow_fusion(model, whole) - monai_logits(folder, whole.tensor[0]).numpy()).max() < 1e-6


def test_a_2d_network_goes_through_the_slices_of_monai_s_slice_inferer(tmp_path):
    network = {"_target_": "UNet", "spatial_dims": 2, "in_channels": 1, "out_channels": 3, "channels": [4, 8],
               "strides": [2]}  # fmt: skip
    inferer = {"_target_": "SliceInferer", "roi_size": [16, 16], "spatial_dim": 1, "overlap": 0.5, "mode": "gaussian"}
    chain = [*LOADED, {"_target_": "ScaleIntensityd", "keys": "image"}]
    folder = write_bundle(tmp_path / "b", config(network, chain, inferer))
    model = open_model(folder)
    image = ct_like(oblique((14, 9, 26)))
    prepared = model.prepare(image)
    assert tuple(prepared.tensor.shape) == (1, 1, 9, 26, 14) and model.windows.size == (1, 16, 16)
    theirs = monai_tensor(folder, write_nifti(tmp_path / "i.nii", image))
    assert np.abs(prepared.tensor[0].numpy() - np.moveaxis(theirs.numpy(), 2, 1)).max() < 1e-6
    logits = np.moveaxis(monai_logits(folder, theirs).numpy(), 2, 1)
    assert np.abs(slow_fusion(model, prepared) - logits).max() < 1e-5
    assert np.allclose(prepared.grid.ras((3, 20, 5)), image.grid.ras((5, 3, 20)))


def test_a_zip_and_a_yaml_bundle_are_the_same_model(tmp_path):
    yaml = pytest.importorskip("yaml")
    folder = write_bundle(tmp_path / "b")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for path in folder.rglob("*"):
            archive.write(path, f"b/{path.relative_to(folder).as_posix()}")
    about = folder / "configs" / "inference.json"
    expected = open_model(folder).weights_hash
    packed = open_model(tmp_path / "b.zip")
    assert packed.weights_hash == expected and packed.windows.size == (16, 16, 16)
    (folder / "configs" / "inference.yaml").write_text(yaml.safe_dump(json.loads(about.read_text(encoding="utf-8"))))
    about.unlink()
    assert recognise(folder).requirements(folder) == ("monai>=1.6", "nibabel", "pyyaml")
    assert open_model(folder).weights_hash == expected


def test_without_monai_the_questions_are_answered_and_opening_names_the_command(tmp_path, monkeypatch):
    import sys

    folder = write_bundle(tmp_path / "b")
    for name in [n for n in sys.modules if n.partition(".")[0] == "monai"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "monai", None)
    assert len(recognise(folder).classes(folder)) == 3
    with pytest.raises(DependencyError, match="needs 'monai', which is not installed.*pip install 'monai>=1.6'"):
        open_model(folder)


def test_argmax_after_sigmoid_means_exclusive_classes(tmp_path):
    both = [{"_target_": "Activationsd", "keys": "pred", "sigmoid": True},
            {"_target_": "AsDiscreted", "keys": "pred", "argmax": [True, False]}]  # fmt: skip
    assert open_model(write_bundle(tmp_path / "b", config(postprocessing=both))).head == "softmax"
    off = [{"_target_": "Activationsd", "keys": "pred", "softmax": False, "sigmoid": True}]
    assert open_model(write_bundle(tmp_path / "c", config(postprocessing=off))).head == "sigmoid"


def test_the_map_of_a_bundle_sums_the_windows_to_the_score_of_monai_s_logits(tmp_path):
    folder = write_bundle(tmp_path / "b", config(inferer=sliding((16, 16, 16), 0.5, "gaussian")))
    model = open_model(folder)
    image = ct_like(oblique((16, 34, 30)))
    prepared = model.prepare(image)
    weights = np.zeros(prepared.grid.shape, dtype=np.float32)
    weights[5:9, 8:14, 6:12] = 1
    logits = monai_logits(folder, prepared.tensor[0]).numpy()
    (found,) = explain(model, image, PixelSet(weights, prepared.grid, "box"), class_index="liver", layers=["model.0"])
    assert found.score == pytest.approx(float(logits[1][weights > 0].sum(dtype=np.float64)), rel=1e-6)
    assert found.status == "ok" and found.provenance["model_kind"] == "monai_bundle"
