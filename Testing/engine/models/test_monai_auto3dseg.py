"""Auto3DSeg models in one file: read as data, the training's own preprocessing, MONAI's own windows."""

import os

import numpy as np
import pytest
import torch

from engine.auto3dseg import CONFIG, NETWORK, network_of, write
from engine.monai_bundles import ct_like, oblique, slow_fusion, write_nifti
from seghirescam import open_model
from seghirescam.models import recognise
from seghirescam.protocol.errors import ModelError

pytest.importorskip("monai")
pytest.importorskip("nibabel")


def theirs(path, keys, config):
    """Transforms as the training lists them, from files, and the logits of the script's inferer."""
    from monai.inferers import SlidingWindowInfererAdapt
    from monai.transforms import (
        Compose,
        ConcatItemsd,
        CropForegroundd,
        EnsureTyped,
        Lambdad,
        LoadImaged,
        NormalizeIntensityd,
        Orientationd,
        ResampleToMatchd,
        ScaleIntensityRanged,
        Spacingd,
    )

    pixdim = np.array(config["resample_resolution"])
    chain = [LoadImaged(keys, ensure_channel_first=True, dtype=None), EnsureTyped(keys, dtype=torch.float),
             Orientationd(keys, axcodes="RAS")]  # fmt: skip
    if len(keys) == 1:
        chain.append(CropForegroundd("image", "image", margin=10, allow_smaller=True))
    chain.append(Spacingd("image", list(pixdim), mode=["bilinear"], dtype=torch.float,
                          min_pixdim=pixdim * 0.75, max_pixdim=pixdim * 1.25))  # fmt: skip
    chain += [ResampleToMatchd(key, key_dst="image", dtype=np.float32) for key in keys[1:]]
    low, high = config["intensity_bounds"]
    chain += [ScaleIntensityRanged("image", low, high, -1, 1, clip=False),
              Lambdad("image", func=lambda x: torch.sigmoid(x))]  # fmt: skip
    chain += [NormalizeIntensityd(key, nonzero=True, channel_wise=True) for key in keys[1:]]
    chain += [ConcatItemsd(keys, name="image")] if len(keys) > 1 else []
    tensor = Compose(chain)(path)["image"]
    inferer = SlidingWindowInfererAdapt(roi_size=config["roi_size"], sw_batch_size=1, overlap=0.625, mode="gaussian")
    with torch.no_grad():
        return tensor, inferer(tensor[None].as_tensor(), network_of(config))[0].numpy()


def test_the_file_says_what_it_is_and_predicts_as_auto3dseg(tmp_path):
    path = write(tmp_path / "model.pt")
    kind = recognise(path)
    assert kind.name == "auto3dseg" and kind.runs_author_code(path) == ""
    assert [c.name for c in kind.classes(path)] == ["background", "liver", "tumour"] and kind.channels(path) == ("CT",)
    model = open_model(path)
    assert (model.head, model.windows.size, model.kind) == ("softmax", (16, 24, 16), "auto3dseg")
    image = ct_like(oblique())
    prepared = model.prepare(image)
    tensor, logits = theirs({"image": write_nifti(tmp_path / "i.nii.gz", image)}, ["image"], CONFIG)
    assert np.abs(prepared.tensor[0].numpy() - tensor.numpy()).max() < 1e-5
    assert np.abs(prepared.grid.kji_to_ras - tensor.affine.numpy()).max() < 1e-9
    ours = slow_fusion(model, prepared)
    assert np.abs(ours - logits).max() < 1e-4 and (ours.argmax(0) == logits.argmax(0)).mean() >= 0.9999


def test_further_images_are_normalised_each_in_its_own_way(tmp_path):
    config = CONFIG | {"network": NETWORK | {"in_channels": 2}, "extra_modalities": {"image2": "mri"}, "sigmoid": True,
                       "class_names": [{"name": "organ", "index": [1, 2]}, {"name": "mass", "index": [2]},
                                       {"name": "cyst", "index": [3]}]}  # fmt: skip
    path = write(tmp_path / "model.pt", config)
    model = open_model(path)
    assert model.channels == ("CT", "image2") and model.head == "sigmoid"
    assert [c.name for c in model.classes] == ["organ", "mass", "cyst"]
    image = ct_like(oblique(), channels=2)
    files = {}
    for n, key in enumerate(("image", "image2")):
        files[key] = write_nifti(tmp_path / f"{key}.nii", type(image)(image.array[n : n + 1], image.grid))
    tensor, _ = theirs(files, list(files), config)
    assert np.abs(model.prepare(image).tensor[0].numpy() - tensor.numpy()).max() < 1e-5


def test_a_label_table_beside_the_file_names_the_classes(tmp_path):
    path = write(tmp_path / "model.pt", CONFIG | {"class_names": None})
    assert [c.name for c in recognise(path).classes(path)] == ["background", "class 1", "class 2"]
    (tmp_path / "labels.csv").write_text("LabelValue,Name,Terminology\n2,vein,x\n1,artery,y\n", encoding="utf-8")
    assert [c.name for c in open_model(path).classes] == ["background", "artery", "vein"]
    assert {p.name for p in recognise(path).files(path)} == {"model.pt", "labels.csv"}


class Payload:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


def test_dangerous_and_faulty_files_each_have_their_sentence(tmp_path):
    canary = tmp_path / "canary"
    code = {"_target_": "os.system", "command": f"touch {canary}"}
    state = network_of(CONFIG).state_dict()
    for config, match in (
        (CONFIG | {"network": code}, "more than data: os.system is called"),
        (CONFIG | {"network": NETWORK | {"act": f"$__import__('os').system('touch {canary}')"}}, "more than data"),
        (CONFIG | {"extra": Payload(canary)}, "holds Python objects"),
        (CONFIG | {"normalize_mode": "odd"}, "normalisation 'odd'"),
        (CONFIG | {"network": NETWORK | {"init_filters": 16}}, "do not fit this network"),
        (CONFIG | {"custom_data_transforms": ["x"]}, "transforms of its own"),
    ):
        path = write(tmp_path / "bad.pt", config, state)
        assert recognise(path).name == "auto3dseg"
        for consent in (False, True):
            with pytest.raises(ModelError, match=match):
                open_model(path, consent=consent)
        assert not canary.exists()
