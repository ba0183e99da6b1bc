"""TotalSegmentator's tasks from its weights folder.

The folders and networks here are emulated: real nnU-Net models of a few channels under TotalSegmentator's names.  What
TotalSegmentator does around nnU-Net is repeated here with nibabel, scipy and nnU-Net's predictor on files.
"""

import contextlib
import io
import json
import shutil

import nibabel
import numpy as np
import pytest
import torch
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from scipy import ndimage

from engine import nnunet_maker as maker
from seghirescam import Grid, Image, open_model
from seghirescam.models import recognise
from seghirescam.models.nnunet.totalsegmentator_tasks import TASKS, step_of, task_of
from seghirescam.protocol.errors import ModelError

pytest.importorskip("nnunetv2")

NAME = "nnUNetTrainerNoMirroring__nnUNetPlans__3d_fullres"
#: data set folder -> class names
FOLDERS = {
    "Dataset297_TotalSegmentator_total_3mm_1559subj": ("spleen", "liver"),
    "Dataset291_TotalSegmentator_part1_organs_1559subj": ("spleen", "liver"),
    "Dataset292_TotalSegmentator_part2_vertebrae_1532subj": ("sacrum", "vertebrae_L5"),
    "Dataset293_TotalSegmentator_part3_cardiac_1559subj": ("heart", "aorta"),
    "Dataset294_TotalSegmentator_part4_muscles_1559subj": ("humerus_left", "spinal_cord"),
    "Dataset295_TotalSegmentator_part5_ribs_1559subj": ("rib_left_1", "sternum"),
    "Dataset008_HepaticVessel": ("liver_vessels", "liver_tumor"),
}
VOXEL = 2.2


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The weights folder, emulated."""
    root = tmp_path_factory.mktemp("totalsegmentator")
    plans, dataset = maker.planned(root)
    # isotropic, as all its plans are; the axes stay as they lie
    settings = plans["configurations"]["3d_fullres"]
    settings["spacing"] = [VOXEL] * 3
    plans.update(transpose_forward=[0, 1, 2], transpose_backward=[0, 1, 2])
    model = maker.trained(root, plans, dataset, mirror=(0, 1, 2))
    folder = root / ".totalsegmentator" / "nnunet" / "results"
    for name, classes in FOLDERS.items():
        shutil.copytree(model, folder / name / NAME)
        labels = {"background": 0, classes[0]: 1, classes[1]: 2}
        (folder / name / NAME / "dataset.json").write_text(json.dumps({**dataset, "labels": labels}), encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def in_place(weights, monkeypatch):
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(weights))


def their_way(folder, image, tmp_path, resample, step):
    """TotalSegmentator 2.18 for one network: canonical, change_spacing to int32, nnU-Net, and back. (labels, logits)"""
    from nnunetv2.inference.export_prediction import export_prediction_from_logits
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    original = nibabel.Nifti1Image(image.array[0].T.astype(np.float64), image.grid.ijk_to_ras)
    given = nibabel.as_closest_canonical(original)
    if resample:
        zoom = np.array(given.header.get_zooms()) / np.array([resample] * 3)
        data = ndimage.zoom(given.get_fdata(), zoom, mode="nearest", order=3).astype(np.int32)
        affine = given.affine.copy()
        affine[:3, :3] /= zoom
        taken = nibabel.Nifti1Image(data, affine)
    else:
        taken = given
    nibabel.save(taken, tmp_path / "s01_0000.nii.gz")
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = nnUNetPredictor(step, True, False, device=torch.device("cpu"), allow_tqdm=False)
        theirs.initialize_from_trained_model_folder(str(folder), (0,))
        array, properties = theirs.plans_manager.image_reader_writer_class().read_images(
            [str(tmp_path / "s01_0000.nii.gz")]
        )
        data, _, properties = theirs.configuration_manager.preprocessor_class(verbose=False).run_case_npy(
            array, None, properties, theirs.plans_manager, theirs.configuration_manager, theirs.dataset_json
        )
        logits = theirs.predict_logits_from_preprocessed_data(torch.from_numpy(data))
        export_prediction_from_logits(
            logits, properties, theirs.configuration_manager, theirs.plans_manager, theirs.dataset_json,
            str(tmp_path / "s01"), num_threads_torch=1,
        )  # fmt: skip
    labels = np.asarray(nibabel.load(tmp_path / "s01.nii.gz").dataobj)
    if resample:
        labels = ndimage.zoom(labels, np.array(given.shape) / labels.shape, mode="nearest", order=0).astype(np.uint8)
    back = ornt_transform(axcodes2ornt("RAS"), io_orientation(original.affine))
    return (
        data,
        logits.float().numpy(),
        np.asarray(nibabel.Nifti1Image(labels, given.affine).as_reoriented(back).dataobj).T,
    )


@pytest.mark.parametrize(
    ("source", "folder", "resample", "step"),
    [
        ("totalsegmentator:total_fast", "Dataset297_TotalSegmentator_total_3mm_1559subj", VOXEL, 0.8),
        ("totalsegmentator:liver_vessels", "Dataset008_HepaticVessel", None, 0.5),
    ],
)
def test_the_prediction_is_what_totalsegmentator_makes_of_this_network(
    source, folder, resample, step, weights, tmp_path
):
    image, _ = maker.scene(maker.oblique((34, 26, 30), (1.6, 2.1, 1.3), 20, (2, 0, 1), (-1, 1, -1)), 11)
    image = Image(image.array + 0.4, image.grid)  # so that cutting to integers matters
    model = open_model(source)
    data, theirs, labels = their_way(weights / folder / NAME, image, tmp_path, resample, step)
    prepared = model.prepare(image)
    assert np.array_equal(prepared.tensor[0].numpy(), data)
    ours = maker.fused(model, prepared)
    assert np.median(np.abs(ours - theirs)) <= 1e-3
    found = model.labels_on_input(ours, prepared, image)
    assert found.shape == labels.shape and (found == labels).mean() >= 0.9999 and set(np.unique(found)) == {0, 1, 2}
    assert model.kind == "totalsegmentator" and model.windows.mirror_axes == ()
    assert (len(prepared.notes) == 1 and "crops" in prepared.notes[0]) == (resample is None)


def test_a_bright_cue_lies_where_the_model_grid_says_and_comes_back(weights):
    model = open_model("totalsegmentator:297")
    grid = maker.oblique((42, 25, 44), (1.6, 2.1, 1.3), 20, (2, 0, 1), (-1, 1, -1))
    cue = grid.ras(np.array(grid.shape) * (0.4, 0.58, 0.63))
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    distance = np.linalg.norm(grid.ras(index) - cue, axis=-1)
    array = 100 + 400 * np.exp(-(distance**2) / 50)
    array[:3] = array[-4:] = array[:, :, :5] = 0
    image = Image(array, grid)
    prepared = model.prepare(image)
    where = np.stack(np.meshgrid(*[np.arange(n) for n in prepared.grid.shape], indexing="ij"), axis=-1)
    seen = prepared.tensor[0, 0].numpy().astype(float)
    weight = np.clip(seen - (seen.max() + np.median(seen)) / 2, 0, None)
    found = (where * weight[..., None]).sum(axis=(0, 1, 2)) / weight.sum()
    assert np.abs(found - prepared.grid.kji(cue)).max() < 0.1
    assert abs(prepared.grid.spacing_kji[0] - VOXEL) < 0.15
    near = 9 - np.linalg.norm(prepared.grid.ras(where) - cue, axis=-1)
    labels = model.labels_on_input(np.stack([near * 0, near - 99, near]).astype(np.float32), prepared, image)
    assert np.abs(np.argwhere(labels == 2).mean(axis=0) - grid.kji(cue)).max() < 0.5


def test_a_task_of_several_networks_asks_for_a_class_or_a_part(weights):
    with pytest.raises(ModelError, match="made of 5 networks; one has to be chosen") as caught:
        open_model("totalsegmentator:total")
    assert "'totalsegmentator:293' (TotalSegmentator_part3_cardiac_1559subj)" in caught.value.hint
    for source in ("totalsegmentator:total/heart", "totalsegmentator:total/293", "totalsegmentator:293"):
        model = open_model(source)
        assert [c.name for c in model.classes] == ["background", "heart", "aorta"]
        assert model.name == "TotalSegmentator total (Dataset293_TotalSegmentator_part3_cardiac_1559subj)"
    with pytest.raises(ModelError, match="not exactly one of them has the class 'background'"):
        open_model("totalsegmentator:total/background")


def test_folders_are_recognised_inside_the_weights_folder_only(weights, tmp_path, monkeypatch):
    dataset = weights / "Dataset008_HepaticVessel"
    for source in (dataset, dataset / NAME, dataset / NAME / "fold_0", {"totalsegmentator": "liver_vessels"}):
        assert recognise(source).name == "totalsegmentator"
        assert [c.name for c in recognise(source).classes(source)] == ["background", "liver_vessels", "liver_tumor"]
        assert recognise(source).channels(source) == ("CT",) and len(recognise(source).files(source)) == 3
    monkeypatch.delenv("TOTALSEG_WEIGHTS_PATH")
    assert recognise(dataset).name == "totalsegmentator"  # ~/.totalsegmentator/nnunet/results of whichever home
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(weights.parents[1]))
    assert open_model("totalsegmentator:8").task == "liver_vessels"
    other = tmp_path / "nnUNet_results" / "Dataset008_HepaticVessel"
    shutil.copytree(dataset, other)
    assert recognise(other).name == "nnunet"


def test_weights_that_are_not_there_say_how_to_get_them_and_nothing_is_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path / "none"))
    for source, task in (("totalsegmentator:body", "body"), ("totalsegmentator:total/liver", "total")):
        with pytest.raises(ModelError, match="are not in TotalSegmentator's weights folder") as caught:
            open_model(source)
        assert (
            f"totalseg_download_weights -t {task}" in caught.value.hint and "Nothing is downloaded" in caught.value.hint
        )
        assert str(tmp_path) not in str(caught.value)
    with pytest.raises(ModelError, match="no task 'totale'"):
        open_model("totalsegmentator:totale")
    assert not (tmp_path / "none").exists()


def test_only_fold_0_is_used_unless_the_task_says_otherwise(weights, tmp_path, monkeypatch):
    folder = tmp_path / "results"
    for name in ("Dataset299_body_1559subj", "Dataset315_thoraxCT"):
        shutil.copytree(weights / "Dataset008_HepaticVessel", folder / name)
        shutil.copytree(folder / name / NAME / "fold_0", folder / name / NAME / "fold_1")
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(folder))
    assert len(open_model("totalsegmentator:body").networks) == 1
    assert len(open_model("totalsegmentator:pleural_pericard_effusion").networks) == 2
    assert len(open_model({"totalsegmentator": "body", "folds": [0, 1]}).networks) == 2


def test_an_image_that_already_has_the_voxel_size_is_left_as_it_is(weights):
    model = open_model("totalsegmentator:297")
    grid = Grid.from_spacing((20, 21, 22), (VOXEL,) * 3)
    image = Image(np.random.default_rng(0).normal(200, 50, grid.shape), grid)
    plain = open_model({"nnunet": weights / "Dataset297_TotalSegmentator_total_3mm_1559subj"})
    # the plans' voxel size has no single-precision twin: what a NIfTI file would say is compared
    assert model.prepare(image).grid.shape == plain.prepare(image).grid.shape == (20, 21, 22)


def test_the_table_of_tasks_is_consistent():
    assert task_of(297) == "total_fast" and task_of(12345) == ""
    assert {t for t in TASKS if step_of(t) == 0.8} == {t for t in TASKS if t.startswith("total")}
    numbers = [n for task in TASKS.values() for n in task.datasets]
    assert len(numbers) == len(set(numbers)) and all(task.datasets for task in TASKS.values())
