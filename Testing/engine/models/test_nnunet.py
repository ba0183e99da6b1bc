"""nnU-Net models opened here predict what nnU-Net's own predictor predicts, and every voxel keeps its place."""

import contextlib
import io

import nibabel
import numpy as np
import pytest
import torch

from engine import nnunet_maker as maker
from seghirescam import Image, open_model
from seghirescam.cam.layers.listing import listed_layers
from seghirescam.session.opening import open_session

pytest.importorskip("nnunetv2")

#: name -> (planning words, training words)
VARIANTS = {
    "3d_fullres": ({}, {"mirror": None}),
    "mirrored folds": ({}, {"folds": (0, 1), "mirror": (0, 2)}),
    "2d": ({}, {"configuration": "2d", "mirror": (0, 1)}),
    "regions, two channels": ({"labels": maker.REGIONS, "channels": 2}, {"mirror": None}),
    "residual encoder": ({"residual": True}, {"mirror": (1,)}),
    "lowres, SimpleITK": ({"reader": "SimpleITKIO"}, {"configuration": "3d_lowres", "mirror": None}),
}


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    """A function: variant name -> (trained-model folder, plans, dataset.json), made once."""
    made, planned = {}, {}

    def make(name):
        if name not in made:
            planning, training = VARIANTS[name]
            key = str(planning)
            if key not in planned:
                root = tmp_path_factory.mktemp("nnunet")
                planned[key] = root, *maker.planned(root, **planning)
                # as users write further configurations by hand
                planned[key][1]["configurations"]["3d_lowres"] = {
                    "inherits_from": "3d_fullres",
                    "data_identifier": "lowres",
                    "spacing": [3.4, 1.9, 1.7],
                }
            root, plans, dataset = planned[key]
            if "folds" in training:  # a trainer's folder holds one model
                plans = {**plans, "plans_name": "nnUNetFoldsPlans"}
            made[name] = maker.trained(root, plans, dataset, **training), plans, dataset
        return made[name]

    return make


def oblique_image(channels=1, seed=11):
    grid = maker.oblique((34, 26, 30), (1.6, 2.1, 1.3), order=(2, 0, 1), flips=(-1, 1, -1))
    return maker.scene(grid, seed, channels)


def library_prediction(folder, image, tmp_path, **predictor):
    """nnU-Net's own: (preprocessed array, logits on the model grid, label map on the image's grid), through files."""
    from nnunetv2.inference.export_prediction import export_prediction_from_logits
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    with contextlib.redirect_stdout(io.StringIO()):
        theirs = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False, **predictor)
        theirs.initialize_from_trained_model_folder(str(folder), None)
        array, properties = theirs.plans_manager.image_reader_writer_class().read_images(
            maker.write_nifti(tmp_path, image)
        )
        data, _, properties = theirs.configuration_manager.preprocessor_class(verbose=False).run_case_npy(
            array, None, properties, theirs.plans_manager, theirs.configuration_manager, theirs.dataset_json
        )
        logits = theirs.predict_logits_from_preprocessed_data(torch.from_numpy(data))
        export_prediction_from_logits(
            logits, properties, theirs.configuration_manager, theirs.plans_manager, theirs.dataset_json,
            str(tmp_path / "out"), num_threads_torch=1,
        )  # fmt: skip
    written = nibabel.load(tmp_path / "out.nii.gz")
    assert np.allclose(written.affine, image.grid.ijk_to_ras, atol=1e-4)
    return data, logits.float().numpy(), np.asarray(written.dataobj).T


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_prediction_is_nnunet_s_own(variant, model_folder, tmp_path):
    folder, _, dataset = model_folder(variant)
    model = open_model(folder)
    image, _ = oblique_image(len(model.channels))
    data, theirs, written = library_prediction(folder, image, tmp_path)

    prepared = model.prepare(image)
    assert np.array_equal(prepared.tensor[0].numpy(), data)  # reading and preprocessing, to the bit
    assert prepared.valid == prepared.grid.shape == data.shape[1:]
    ours = maker.fused(model, prepared)
    difference = np.abs(ours - theirs)
    assert np.median(difference) <= 1e-3 and np.median(np.abs(ours)) > 0.1
    found = model.labels_on_input(ours, prepared, image)
    if model.head == "sigmoid":
        painted = np.zeros(image.grid.shape, dtype=np.uint8)
        for value, mask in zip(dataset["regions_class_order"], found, strict=True):
            painted[mask] = value
        assert found.dtype == bool
        found = painted
    else:
        assert found.dtype == np.uint8
    assert found.shape == image.grid.shape and (found == written).mean() >= 0.9999
    assert set(np.unique(found)) == {0, 1, 2}  # a prediction worth comparing


def test_the_windows_are_nnunet_s_and_mirroring_is_mapped_to_the_volume_s_axes(model_folder):
    from nnunetv2.inference.sliding_window_prediction import compute_gaussian, compute_steps_for_sliding_window

    volume = open_model(model_folder("mirrored folds")[0])
    assert volume.windows.size == (16, 16, 16) and volume.windows.mirror_axes == (0, 2)
    assert len(volume.networks) == 2 and volume.name == "Dataset777_Toy 3d_fullres, 2 folds"
    theirs = compute_gaussian((16, 16, 16), 1 / 8, 10, device=torch.device("cpu")).float().numpy()
    assert np.array_equal(volume.windows.importance, theirs) and theirs.min() > 0
    steps = compute_steps_for_sliding_window((16, 21, 40), (16, 16, 16), 0.5)
    assert sorted(volume.windows.offsets((16, 21, 40))) == [
        (k, j, i) for k in steps[0] for j in steps[1] for i in steps[2]
    ]

    slices = open_model(model_folder("2d")[0])
    assert (
        slices.spatial_dims == 2
        and slices.windows.size == (1, 16, 16)
        and slices.windows.importance.shape == (1, 16, 16)
    )
    assert slices.windows.mirror_axes == (1, 2)  # the network's axes 0, 1 are J, I of the volume
    assert slices.windows.offsets((2, 16, 24)) == [(0, 0, 0), (0, 0, 8), (1, 0, 0), (1, 0, 8)]


@pytest.mark.parametrize("variant", ["mirrored folds", "2d"])
def test_the_engine_s_own_session_fuses_the_same_logits(variant, model_folder):
    model = open_model(model_folder(variant)[0])
    image, _ = oblique_image()
    reference = maker.fused(model, model.prepare(image))
    assert np.allclose(open_session(model, image).logits(), reference, atol=1e-4)


def test_folds_checkpoint_and_mirroring_can_be_chosen_and_name_the_weights(model_folder):
    folder = model_folder("mirrored folds")[0]
    both, second = open_model(folder), open_model({"nnunet": str(folder), "folds": [1], "mirroring": False})
    assert len(second.networks) == 1 and second.windows.mirror_axes == ()
    key = "encoder.stages.0.0.convs.0.conv.weight"
    states = [network.state_dict()[key] for network in (*both.networks, *second.networks)]
    assert torch.equal(states[1], states[2]) and not torch.equal(states[0], states[1])
    assert not any(network.training for network in both.networks)
    for inside in ("plans.json", "fold_1", "fold_1/checkpoint_final.pth"):  # what a user may pick
        picked = open_model(folder / inside)
        assert len(picked.networks) == (1 if "fold" in inside else 2)
        assert (picked.weights_hash == second.weights_hash) == ("fold" in inside)


def test_regions_are_sigmoid_channels_under_their_names_without_background_and_ignore(model_folder):
    model = open_model(model_folder("regions, two channels")[0])
    assert model.head == "sigmoid" and [(c.index, c.name) for c in model.classes] == [(0, "whole"), (1, "core")]
    assert model.channels == ("CT", "T2")
    labels = open_model(model_folder("3d_fullres")[0])
    assert labels.head == "softmax" and [c.name for c in labels.classes] == ["background", "body", "core"]


def test_an_image_smaller_than_the_patch_is_predicted_as_nnunet_pads_it(model_folder, tmp_path):
    folder = model_folder("3d_fullres")[0]
    model = open_model(folder)
    image, _ = maker.scene(maker.oblique((13, 20, 9), (1.1, 2.4, 1.2)), 3, margin=(0, 0, 0))
    data, theirs, written = library_prediction(folder, image, tmp_path)
    prepared = model.prepare(image)
    assert min(prepared.valid) < 16 and np.array_equal(prepared.tensor[0].numpy(), data)
    ours = maker.fused(model, prepared)
    assert np.median(np.abs(ours - theirs)) <= 1e-3
    assert (model.labels_on_input(ours, prepared, image) == written).mean() >= 0.999


def test_a_uniform_image_gives_a_finite_tensor(model_folder):
    model = open_model(model_folder("3d_fullres")[0])
    grid = maker.oblique((20, 20, 20), (1, 2, 1))
    for value in (0.0, 7.0):
        assert torch.isfinite(model.prepare(Image(np.full((20, 20, 20), value), grid)).tensor).all()


@pytest.mark.parametrize("variant", ["3d_fullres", "2d", "residual encoder"])
def test_the_layers_are_listed_level_by_level(variant, model_folder):
    model = open_model(model_folder(variant)[0])
    size = model.windows.size[3 - model.spatial_dims :]
    layers = listed_layers(model.networks[0], torch.zeros(1, 1, *size), torch.device("cpu"))
    mains = [(layer.name, layer.part, layer.stride, layer.channels) for layer in layers if layer.main]
    flat = model.spatial_dims == 2
    strides = [(1, 1), (2, 2), (4, 4), (8, 8)] if flat else [(1, 1, 1), (1, 2, 2), (2, 4, 4), (4, 8, 8)]
    features = [4, 8, 16, 16]
    assert mains == [
        *((f"encoder.stages.{i}", "encoder", strides[i], features[i]) for i in range(3)),
        ("encoder.stages.3", "bottleneck", strides[3], 16),
        *((f"decoder.stages.{i}", "decoder", strides[2 - i], features[2 - i]) for i in range(3)),
    ]
    assert [(layer.name, layer.channels) for layer in layers if layer.part == "head"] == [("decoder.seg_layers.2", 3)]
    up = [layer.name for layer in layers if layer.name.startswith("decoder.transpconvs")]
    assert up == [f"decoder.transpconvs.{i}" for i in range(3)]
