"""A trained-model folder is read as data: what could run code is refused and named, what is missing is named."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import nnunet_maker as maker
from seghirescam import Grid, Image, open_model
from seghirescam.models import recognise
from seghirescam.models.nnunet import nnunet_files
from seghirescam.models.nnunet.nnunet_files import TrainedModel
from seghirescam.protocol.errors import ClassError, ImageError, ModelError, SegHiResCamError

pytest.importorskip("nnunetv2")

BROKEN = "3d_cascade_fullres"


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("nnunet")
    plans, dataset = maker.planned(root, channels=2)
    plans["configurations"][BROKEN] = {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"}
    return maker.trained(root, plans, dataset, folds=(0, 1), steps=0), root, plans, dataset


@pytest.fixture
def folder(original, tmp_path):
    """A copy to spoil."""
    return Path(shutil.copytree(original[0], tmp_path / original[0].name))


class Payload:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def change(path, **words):
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **words}))


def change_checkpoint(path, change):
    found = torch.load(path, weights_only=False)
    change(found)
    torch.save(found, path)


def refused(source, *parts):
    with pytest.raises(ModelError) as caught:
        open_model(source)
    for part in parts:
        assert part in str(caught.value), str(caught.value)
    return caught.value


def test_the_four_questions_are_answered_without_torch_and_nnunetv2(folder):
    code = f"""
import sys
from seghirescam.models import recognise
kind = recognise({str(folder)!r})
assert kind.name == "nnunet" and kind.requirements({str(folder)!r}) == ("nnunetv2>=2.5",)
assert kind.runs_author_code({str(folder)!r}) == "" and kind.channels({str(folder)!r}) == ("CT", "T2")
assert [c.name for c in kind.classes({str(folder)!r})] == ["background", "body", "core"]
assert [p.name for p in kind.files({str(folder)!r})] == ["plans.json", "dataset.json"] + 2 * ["checkpoint_final.pth"]
assert not {{"torch", "nnunetv2", "nibabel", "SimpleITK", "scipy"}} & set(sys.modules), sys.modules
"""
    engine = Path(nnunet_files.__file__).parents[3]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=engine)


def test_a_checkpoint_with_a_payload_is_refused_by_name_and_nothing_runs(folder, tmp_path):
    canary = tmp_path / "canary"
    checkpoint = folder / "fold_1" / "checkpoint_final.pth"
    change_checkpoint(checkpoint, lambda c: c.update(logging=Payload(canary)))
    error = refused(folder, "fold_1/checkpoint_final.pth", "system", "it was not opened")
    assert "Nothing was run" in error.hint and not canary.exists()
    # the same in the format before torch 1.6
    torch.save({"network_weights": Payload(canary)}, checkpoint, _use_new_zipfile_serialization=False)
    refused(folder, "it was not opened")
    assert not canary.exists()
    torch.load(checkpoint, weights_only=False)
    assert canary.exists()  # it would have run


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("network_class_name", "canary_module.Network"),
        ("network_class_name", "dynamic_network_architectures.architectures.unet.nn.Module"),
        ("conv_op", "os.system"),
        ("nonlin", "canary_module.Act"),
        ("norm_op", "torch.nn.modules.instancenorm.InstanceNorm3d.canary_module"),
        ("preprocessor_name", "CanaryPreprocessor"),
        ("resampling_fn_data", "load_json"),
        ("normalization_schemes", "CanaryNormalization"),
        ("label_manager", "recursive_find_python_class"),
        ("image_reader_writer", "CanaryIO"),
    ],
)
def test_plans_that_name_foreign_code_are_refused_and_it_is_listed_not_imported(
    where, name, folder, tmp_path, monkeypatch
):
    (tmp_path / "canary_module.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    plans = json.loads((folder / "plans.json").read_text(encoding="utf-8"))
    settings = plans["configurations"]["3d_fullres"]
    if where in ("label_manager", "image_reader_writer"):
        plans[where] = name
    elif where in settings:
        settings[where] = [name] if where == "normalization_schemes" else name
    elif where == "network_class_name":
        settings["architecture"][where] = name
    else:
        settings["architecture"]["arch_kwargs"][where] = name
    (folder / "plans.json").write_text(json.dumps(plans), encoding="utf-8")
    error = refused(folder, f"{where}: {name}", "not nnU-Net's own")
    assert "Nothing was imported" in error.hint
    assert not (tmp_path / "canary").exists() and "canary_module" not in sys.modules


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("nonlin", "torch.nn.LeakyReLUX"),
        ("nonlin", "torch.nn.modules.activation.LeakyRelu"),
        ("norm_op", "torch.nn.InstanceNorm4d"),
        ("conv_op", "torch.nn.Conv5d"),
        ("dropout_op", "torch.nn.Dropout9d"),
    ],
)
def test_plans_that_name_a_class_which_is_not_there_are_refused(where, name, folder):
    plans = json.loads((folder / "plans.json").read_text(encoding="utf-8"))
    plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"][where] = name
    (folder / "plans.json").write_text(json.dumps(plans), encoding="utf-8")
    refused(folder, f"'{name}' as {where}", f"without {where}", "no such class is installed")


def test_a_foreign_name_in_an_inherited_configuration_is_found(original):
    _, _, plans, _ = original
    plans = json.loads(json.dumps(plans))
    plans["configurations"]["3d_fullres"]["architecture"]["network_class_name"] = "a.B"
    plans["configurations"]["mine"] = {"inherits_from": "3d_fullres", "batch_size": 4}
    assert nnunet_files.foreign_names(plans, nnunet_files.resolved(plans, "mine")) == ["network_class_name: a.B"]
    plans["configurations"]["mine"]["inherits_from"] = "mine"
    with pytest.raises(ModelError, match="no usable configuration 'mine'"):
        nnunet_files.resolved(plans, "mine")


@pytest.mark.parametrize("size", [0, 3, 900, 20_000])
def test_a_truncated_or_empty_checkpoint_is_damaged(size, folder):
    checkpoint = folder / "fold_0" / "checkpoint_final.pth"
    checkpoint.write_bytes(checkpoint.read_bytes()[:size])
    assert refused(folder, "is damaged", f"({size} bytes").numbers == {"bytes": size}


def test_missing_files_are_named(folder):
    (folder / "plans.json").rename(folder / "was_plans.json")
    refused(folder, "lacks 'plans.json'")
    (folder / "was_plans.json").rename(folder / "plans.json")
    (folder / "dataset.json").rename(folder / "was_dataset.json")
    refused(folder, "lacks 'dataset.json'")
    (folder / "was_dataset.json").rename(folder / "dataset.json")
    refused({"nnunet": str(folder), "folds": [0, 3]}, "lacks 'fold_3/checkpoint_final.pth'", "folds 0, 1")
    refused({"nnunet": folder, "checkpoint": "checkpoint_best.pth"}, "checkpoint_best.pth", "checkpoint_final.pth")
    for fold in ("fold_0", "fold_1"):
        shutil.rmtree(folder / fold)
    refused(folder, "lacks 'fold_*/checkpoint_final.pth'", "Copy the whole folder")
    refused({"nnunet": folder / "elsewhere"}, "lacks 'plans.json'")


def test_words_that_mean_nothing_are_refused(folder):
    refused({"nnunet": folder, "fold": 0}, "unknown words fold")
    for words in ({"folds": ["../0"]}, {"checkpoint": "../x.pth"}, {"folds": "best"}):
        refused({"nnunet": folder, **words}, "must name folds by number")
    for content in ("{", "[]"):
        (folder / "plans.json").write_text(content, encoding="utf-8")
        refused(folder, "'plans.json'")
    (folder / "plans.json").write_text("{}", encoding="utf-8")
    refused(folder, "lacks dataset_name, configurations")


@pytest.mark.parametrize(
    ("file", "words", "sentence"),
    [
        ("plans.json", {"configurations": []}, "lacks configurations by name"),
        ("plans.json", {"configurations": {}}, "no usable configuration '3d_fullres'"),
        ("plans.json", {"transpose_forward": [0, 0, 1]}, "no axis order"),
        ("dataset.json", {"labels": {"background": 0, "a": "one"}}, "no numbers"),
        ("dataset.json", {"labels": {"body": 1}}, "could not open"),
        ("dataset.json", {"labels": []}, "lacks labels or channel_names"),
        ("dataset.json", {"channel_names": {"first": "CT"}}, "lacks labels or channel_names"),
    ],
)
def test_files_of_another_shape_end_in_one_sentence(file, words, sentence, folder):
    change(folder / file, **words)
    with pytest.raises(SegHiResCamError, match=sentence):
        open_model(folder).prepare(Image(np.ones((2, 8, 8, 8)), Grid.from_spacing((8, 8, 8), (1, 3, 1))))
    plans = json.loads((folder / "plans.json").read_text(encoding="utf-8"))
    for architecture in ("x", {}, {"arch_kwargs": [], "_kw_requires_import": []}):
        with pytest.raises(ModelError, match="incomplete"):
            nnunet_files.foreign_names(plans, {"architecture": architecture})


def test_weights_that_do_not_fit_are_refused_with_the_first_five_names(folder):
    plans = json.loads((folder / "plans.json").read_text(encoding="utf-8"))
    kwargs = plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]
    kwargs["features_per_stage"] = [5, 8, 16, 16]
    (folder / "plans.json").write_text(json.dumps(plans), encoding="utf-8")
    error = refused(folder, "'fold_0/checkpoint_final.pth' do not fit", "of another shape", "instead of (5,")
    assert error.numbers["other_shape"] > 5 and str(error).count("instead of") == 5
    kwargs["n_conv_per_stage"] = [2, 1, 1, 1]
    (folder / "plans.json").write_text(json.dumps(plans), encoding="utf-8")
    assert refused(folder, "missing (").numbers["missing"] > 0
    change_checkpoint(folder / "fold_0" / "checkpoint_final.pth", lambda c: c.pop("network_weights"))
    refused(folder, "fold_0/checkpoint_final.pth", "no network_weights")


def test_weights_that_are_not_finite_are_refused(folder):
    name = "encoder.stages.0.0.convs.0.conv.weight"
    change_checkpoint(folder / "fold_1" / "checkpoint_final.pth", lambda c: c["network_weights"][name].fill_(np.nan))
    refused(folder, name, "fold_1/checkpoint_final.pth", "NaN")


def test_the_second_stage_of_a_cascade_says_what_it_needs(original):
    _, root, plans, dataset = original
    # nnU-Net's trainer for a cascade wants the first stage's predictions; its checkpoint differs in the name alone
    folder = maker.trained(root, {**plans, "plans_name": "cascade"}, dataset, mirror=None, steps=0)
    change_checkpoint(folder / "fold_0" / "checkpoint_final.pth", lambda c: c["init_args"].update(configuration=BROKEN))
    refused(folder, f"'{BROKEN}' is the second stage of a cascade", "'3d_lowres'", "segmentation")


def test_wrong_channels_and_classes_are_refused_before_any_work(original):
    model = open_model(original[0])
    with pytest.raises(ImageError, match=r"expects 2 channel\(s\) \(CT, T2\), the image has 1"):
        model.prepare(Image(np.ones((8, 8, 8)), Grid.from_spacing((8, 8, 8))))
    with pytest.raises(ImageError, match="single slice"):
        model.prepare(Image(np.ones((2, 1, 8, 8)), Grid.from_spacing((1, 8, 8))))
    with pytest.raises(ClassError, match="no class 'liver'.*0 = background, 1 = body, 2 = core"):
        model.class_index("liver")
    with pytest.raises(ImageError, match="nothing is left"):  # one voxel of 0.1 mm
        thin = Grid.from_spacing((2, 20, 20), (0.1, 2, 1))
        model.prepare(Image(np.random.default_rng(0).normal(size=(2, 2, 20, 20)), thin))


def test_old_and_wrapped_checkpoints_open_to_the_same_network(folder, original):
    state = open_model({"nnunet": folder, "folds": 0}).networks[0].state_dict()

    def same():
        ours = open_model({"nnunet": folder, "folds": 0}).networks[0].state_dict()
        return all(torch.equal(ours[key], value) for key, value in state.items())

    path = folder / "fold_0" / "checkpoint_final.pth"
    for prefix in ("module.", "_orig_mod."):
        wrapped = {prefix + key: value for key, value in state.items()}
        change_checkpoint(path, lambda c, wrapped=wrapped: c.update(network_weights=wrapped))
        assert same()
    found = torch.load(path, weights_only=False)
    torch.save(found, path, _use_new_zipfile_serialization=False)  # before torch 1.6: cannot be mapped
    assert not zipfile.is_zipfile(path) and same()


def test_numpy_numbers_of_numpy_1_and_2_are_let_through(folder):
    path = folder / "fold_0" / "checkpoint_final.pth"
    change_checkpoint(path, lambda c: c.update(_best_ema=np.float32(0.25), more=[np.int64(3), np.bool_(True)]))
    other = {b"numpy._core.multiarray": b"numpy.core.multiarray", b"numpy.core.multiarray": b"numpy._core.multiarray"}
    for renamed in (False, True):
        if renamed:  # as written by the other major version of numpy: only the module's name in the pickle differs
            with zipfile.ZipFile(path) as archive:
                members = {name: archive.read(name) for name in archive.namelist()}
            with zipfile.ZipFile(path, "w") as archive:
                for name, content in members.items():
                    if name.endswith("data.pkl"):
                        before = next(key for key in other if key in content)
                        content = _with_global(content, before, other[before])
                    archive.writestr(name, content)
        assert len(open_model({"nnunet": folder, "folds": [0]}).networks) == 1


def _with_global(content, before, after):
    """Protocol 2 writes a global as 'c<module>\\n<name>\\n': no length to keep."""
    assert b"c" + before + b"\nscalar\n" in content
    return content.replace(b"c" + before + b"\nscalar\n", b"c" + after + b"\nscalar\n")


def test_a_trainer_nobody_knows_and_the_fold_all_open(original, tmp_path):
    _, _, plans, dataset = original
    folder = maker.trained(tmp_path, plans, dataset, folds=("all",), steps=0, trainer="TrainerOfAFriend", mirror=(0,))
    assert "TrainerOfAFriend" in folder.name
    model = open_model(folder)
    assert model.windows.mirror_axes == (0,) and len(model.networks) == 1


def test_plans_from_before_2_3_build_the_same_network(folder):
    plans = json.loads((folder / "plans.json").read_text(encoding="utf-8"))
    settings = plans["configurations"]["3d_fullres"]
    state = open_model({"nnunet": folder, "folds": 0}).networks[0].state_dict()
    kwargs = settings.pop("architecture")["arch_kwargs"]
    settings.update(
        UNet_class_name="PlainConvUNet",
        UNet_base_num_features=4,
        unet_max_num_features=16,
        n_conv_per_stage_encoder=kwargs["n_conv_per_stage"],
        n_conv_per_stage_decoder=kwargs["n_conv_per_stage_decoder"],
        num_pool_per_axis=[2, 3, 3],
        pool_op_kernel_sizes=kwargs["strides"],
        conv_kernel_sizes=kwargs["kernel_sizes"],
    )
    (folder / "plans.json").write_text(json.dumps(plans), encoding="utf-8")
    ours = open_model({"nnunet": folder, "folds": 0}).networks[0].state_dict()
    assert all(torch.equal(ours[key], value) for key, value in state.items())
    settings["UNet_class_name"] = "os.system"
    (folder / "plans.json").write_text(json.dumps(plans), encoding="utf-8")
    refused(folder, "UNet_class_name: os.system")


def test_old_residual_plans_name_a_module_that_has_moved(tmp_path):
    plans, dataset = maker.planned(tmp_path, residual=True)
    folder = maker.trained(tmp_path, plans, dataset, steps=0)
    architecture = plans["configurations"]["3d_fullres"]["architecture"]
    architecture["network_class_name"] = "dynamic_network_architectures.architectures.residual_unet.ResidualEncoderUNet"
    (folder / "plans.json").write_text(json.dumps(plans), encoding="utf-8")
    assert type(open_model(folder).networks[0]).__name__ == "ResidualEncoderUNet"


def test_what_is_no_trained_model_is_not_recognised(folder, original, tmp_path):
    raw = original[1] / "raw" / "Dataset777_Toy"  # dataset.json, but nothing trained
    (tmp_path / "empty").mkdir()
    for source in (raw, tmp_path / "empty", tmp_path / "nothing", "demo:honest", {"factory": "x"}):
        assert not nnunet_kind().recognises(source)
    for source in (folder, folder / "fold_0", str(folder / "plans.json"), {"nnunet": "x"}):
        assert recognise(source).name == "nnunet"
    several = tmp_path / "Dataset777_Toy"
    for name in ("A__B__2d", "A__B__3d_fullres"):
        shutil.copytree(folder, several / name)
    refused(several, "holds 2 trained models", "A__B__2d, A__B__3d_fullres")
    shutil.rmtree(several / "A__B__2d")
    assert TrainedModel.of(several).folder.name == "A__B__3d_fullres"


def nnunet_kind():
    from seghirescam.models.nnunet.nnunet_model import KIND

    return KIND


@pytest.mark.parametrize("checkpoint", ["**", "[", "a/b", "x" * 300, "a\0b", "\ud800", 5, ["x"], "../x.pth"])
def test_a_checkpoint_that_is_no_name_of_a_file_ends_in_one_sentence(tmp_path, checkpoint):
    place = tmp_path / "T__P__3d_fullres"
    (place / "fold_0").mkdir(parents=True)
    with pytest.raises(ModelError, match="checkpoint by its file name|The model lacks"):
        TrainedModel.of({"nnunet": str(place), "checkpoint": checkpoint}).checkpoints()


def test_folds_in_other_writing_are_no_numbers(tmp_path):
    place = tmp_path / "T__P__3d_fullres"
    for fold in ("10", "9", "²", "٣", "1" * 200):
        (place / f"fold_{fold}").mkdir(parents=True)
        (place / f"fold_{fold}" / "checkpoint_final.pth").write_bytes(b"x")
    assert [p.parent.name for p in TrainedModel.of(place).checkpoints()] == ["fold_9", "fold_10"]
