"""A path that no kind recognises: what it is, and what to do; read as data, whatever it holds."""

import argparse
import json
import struct
import time
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from seghirescam.models import recognise
from seghirescam.protocol.errors import ModelError

LINE = '{"factory": "net.py", "weights": "%s", "classes": ["background", "tumour"]}'


def network():
    return torch.nn.Sequential(torch.nn.Conv3d(1, 4, 3), torch.nn.BatchNorm3d(4), torch.nn.Conv3d(4, 2, 1))


def told(path):
    with pytest.raises(ModelError) as caught:
        recognise(str(path))
    return caught.value.sentence, caught.value.hint


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt"])
def test_a_bare_state_dict_is_called_so_with_its_tensors_and_the_line_to_write(tmp_path, suffix):
    state = network().state_dict()
    torch.save(state, tmp_path / f"w{suffix}")
    numbers = sum(value.numel() for value in state.values())
    sentence, hint = told(tmp_path / f"w{suffix}")
    assert sentence == (
        f"'w{suffix}' is a state_dict of {len(state)} tensors, {numbers} numbers: weights without their network."
    )
    assert LINE % f"w{suffix}" in hint and "'w.model.json'" in hint
    assert f"'seghirescam init w{suffix}'" in hint
    # and the line is one that is understood
    (tmp_path / "net.py").write_text("def build(): ...", encoding="utf-8")
    (tmp_path / "w.model.json").write_text(LINE % f"w{suffix}", encoding="utf-8")
    kind = recognise(str(tmp_path / "w.model.json"))
    assert [c.name for c in kind.classes(str(tmp_path / "w.model.json"))] == ["background", "tumour"]


def test_millions_are_counted_without_reading_the_values(tmp_path):
    """A sparse file of 8 GB stands for a large checkpoint: its values are never read."""
    torch.save({"state_dict": {"w": torch.zeros(250_000), "b": torch.zeros(7)}, "epoch": 3}, tmp_path / "c.pth")
    assert "a checkpoint with a state_dict of 2 tensors, 0.25 million numbers" in told(tmp_path / "c.pth")[0]
    table = json.dumps({"w": {"dtype": "F32", "shape": [2**31], "data_offsets": [0, 2**33]}}).encode()
    with open(tmp_path / "big.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(table)) + table)
        file.truncate(8 + len(table) + 2**33)
    started = time.perf_counter()
    assert "holds 1 tensors, 2.15e+03 million numbers (safetensors)" in told(tmp_path / "big.safetensors")[0]
    assert time.perf_counter() - started < 2


def test_safetensors_lightning_and_nnunet_checkpoints_are_called_by_their_names(tmp_path):
    state = network().state_dict()
    save_file(state, tmp_path / "w.safetensors")
    assert "holds 9 tensors" in told(tmp_path / "w.safetensors")[0]
    light = {"pytorch-lightning_version": "2.4", "state_dict": state, "hyper_parameters": {"lr": 1e-3}, "epoch": 1}
    torch.save(light, tmp_path / "last.ckpt")
    assert (
        "'last.ckpt' is a checkpoint of PyTorch Lightning with a state_dict of 9 tensors"
        in told(tmp_path / "last.ckpt")[0]
    )
    torch.save(light | {"hyper_parameters": argparse.Namespace(lr=1)}, tmp_path / "objects.ckpt")
    sentence, hint = told(tmp_path / "objects.ckpt")
    assert "PyTorch Lightning with a state_dict of 9 tensors" in sentence
    assert "it also holds Python objects (argparse.Namespace), never loaded" in sentence
    assert LINE % "objects.ckpt" in hint  # as it is: the weights are read without them
    torch.save(
        {"network_weights": state, "trainer_name": "nnUNetTrainer", "init_args": {}}, tmp_path / "checkpoint_final.pth"
    )
    sentence, hint = told(tmp_path / "checkpoint_final.pth")
    assert "checkpoint of nnU-Net v2 (9 tensors" in sentence and "plans.json" in hint


class Canary:
    """Unpickled freely, it writes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("new", [True, False])
def test_a_whole_network_is_named_and_never_unpickled(tmp_path, new):
    torch.save(network(), tmp_path / "whole.pt", _use_new_zipfile_serialization=new)
    sentence, hint = told(tmp_path / "whole.pt")
    assert "'whole.pt' is a whole network saved as Python objects (torch.nn.modules." in sentence
    assert "torch.save(network.state_dict(), 'weights.pth')" in hint
    torch.save({"a": Canary(tmp_path / "ran")}, tmp_path / "bad.pth", _use_new_zipfile_serialization=new)
    assert "it was not loaded" in told(tmp_path / "bad.pth")[0] and not (tmp_path / "ran").exists()


def test_old_checkpoints_damaged_ones_and_single_tensors(tmp_path):
    torch.save(network().state_dict(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert "is a state_dict of 9 tensors" in told(tmp_path / "old.pth")[0]
    (tmp_path / "cut.pth").write_bytes((tmp_path / "old.pth").read_bytes()[:300])
    assert "damaged or cut short" in told(tmp_path / "cut.pth")[0]
    torch.save(network().state_dict(), tmp_path / "new.pth")
    (tmp_path / "short.pth").write_bytes((tmp_path / "new.pth").read_bytes()[:700])
    assert "'short.pth' looks like a file of torch.save, but is damaged or cut short" in told(tmp_path / "short.pth")[0]
    torch.save(torch.zeros(3, 4), tmp_path / "one.pt")
    assert "holds one tensor (3, 4)" in told(tmp_path / "one.pt")[0]
    torch.save({"optimizer": {"lr": 1}, "epoch": 2}, tmp_path / "opt.pt")
    assert "without weights (it holds: epoch, optimizer)" in told(tmp_path / "opt.pt")[0]


def zipped(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "{}")
    return path


def test_what_other_programs_write_is_called_by_its_name(tmp_path):
    v1 = tmp_path / "v1"
    (v1 / "fold_0").mkdir(parents=True)
    (v1 / "plans.pkl").write_bytes(b"\x80\x04.")
    (v1 / "fold_0" / "model_final_checkpoint.model").write_bytes(b"x")
    (v1 / "fold_0" / "model_final_checkpoint.model.pkl").write_bytes(b"\x80\x04.")
    (tmp_path / "tf").mkdir()
    (tmp_path / "tf" / "saved_model.pb").write_bytes(b"\x08\x01")
    (tmp_path / "m.onnx").write_bytes(b"\x08\x08\x12\x07pytorch\x1a")
    (tmp_path / "m.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    (tmp_path / "lfs.pth").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (tmp_path / "page.pth").write_bytes(b"<!DOCTYPE html><html>not found")
    (tmp_path / "none.pt").write_bytes(b"")
    (tmp_path / "v.nii.gz").write_bytes(b"\x1f\x8b")
    (tmp_path / "net.py").write_text("def build(): ...", encoding="utf-8")
    (tmp_path / "several").mkdir()
    torch.save(network().state_dict(), tmp_path / "several" / "best.pth")
    keras = zipped(tmp_path / "m.keras", "config.json", "metadata.json", "model.weights.h5")
    zip2 = zipped(tmp_path / "n.zip", "D/T__P__3d/plans.json", "D/T__P__3d/dataset.json")
    (tmp_path / "cut.zip").write_bytes(zip2.read_bytes()[:-30])
    for path, words, what_to_do in (
        (v1, "a folder of nnU-Net v1", "train it again with v2"),
        (v1 / "fold_0" / "model_final_checkpoint.model", "a file of nnU-Net v1", "train it again"),
        (zip2, "a zipped nnU-Net, and not a whole one", "Unpack it and give the folder"),
        (tmp_path / "cut.zip", "no zip file, or was cut short", "Copy or download it again"),
        (zipped(tmp_path / "o.zip", "plans.pkl", "fold_0/m.model"), "a zipped nnU-Net v1", "v2"),
        (zipped(tmp_path / "p.zip", "a.txt"), "a zip file with 1 files", "Unpack"),
        (keras, "a Keras 3 model", "Only PyTorch"),
        (tmp_path / "m.h5", "an HDF5 file, as Keras", "Only PyTorch"),
        (tmp_path / "tf", "a TensorFlow SavedModel folder", "Only PyTorch"),
        (tmp_path / "m.onnx", "an ONNX program", "torch.export.save"),
        (tmp_path / "lfs.pth", "pointer of Git LFS", "git lfs pull"),
        (tmp_path / "page.pth", "is a web page", "Download"),
        (tmp_path / "none.pt", "is empty (0 bytes)", "again"),
        (tmp_path / "v.nii.gz", "is an image, not a model", "--image"),
        (tmp_path / "net.py", "is Python code", "'net.model.json'"),
        (tmp_path / "several", "it holds best.pth", "Give one of these"),
    ):
        sentence, hint = told(path)
        assert words in sentence and what_to_do in hint, (path.name, sentence, hint)
        assert str(tmp_path) not in sentence + hint


def test_what_other_libraries_trained_is_led_on_to_an_exported_program(tmp_path):
    (tmp_path / "tf").mkdir()
    (tmp_path / "tf" / "saved_model.pb").write_bytes(b"\x08\x01")
    (tmp_path / "m.onnx").write_bytes(b"\x08\x08\x12\x07pytorch\x1a")
    (tmp_path / "m.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    (tmp_path / "m.tflite").write_bytes(b"\0\0\0\0TFL3")
    (tmp_path / "m.pb").write_bytes(b"\x08\x01")
    (tmp_path / "x.model").write_bytes(b"x")
    zipped(tmp_path / "m.keras", "config.json", "metadata.json", "model.weights.h5")
    for name in ("tf", "m.onnx", "m.h5", "m.tflite", "m.pb", "m.keras", "x.model"):
        sentence, hint = told(tmp_path / name)
        assert "'NAME.pt2'" in hint and "\n" not in sentence + hint, name


def test_the_worker_and_so_the_panel_says_the_same(worker, tmp_path):
    torch.save(network().state_dict(), tmp_path / "w.pth")
    answer = worker.ask("describe", model=str(tmp_path / "w.pth"))
    sentence, hint = told(tmp_path / "w.pth")
    assert (answer["code"], answer["sentence"], answer["hint"]) == ("bare_weights", sentence, hint)
