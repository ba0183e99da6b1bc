"""From bare weights to the first right map in two commands; nothing of the author runs on the way there."""

import json
import os
import pty
import sys

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from safetensors.torch import save_file
from torch import nn

from engine.cli_cases import ENVIRONMENT, run, volume
from engine.own_network import Payload, by_autograd, her_network
from seghirescam import open_model
from seghirescam.io.volumes import read_volume
from seghirescam.models.descriptions.description_file import read


def explained(capsys, folder, source, image, layer, name, *words):
    asked = ("--class", name, "--pixel-set", "whole", "--layer", layer, "--grid", "layer", "--json")
    code, out, err = run(
        capsys, "explain", source, "--image", image, *asked, "--out", folder / "why", *words
    )  # fmt: skip
    assert code == 0, err
    (result,) = json.loads(out)["results"]
    return read_volume(folder / "why" / result["map"]).array[0], result


def test_her_2d_unet_from_weights_and_file_to_its_map_in_two_commands(capsys, tmp_path):
    network, canary = her_network(tmp_path)
    image = tmp_path / "slice.png"
    pixels = np.random.default_rng(2).integers(0, 255, (16, 32), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(pixels), str(image))
    weights = tmp_path / "unet.pth"
    code, out, err = run(capsys, "init", weights, "--factory", tmp_path / "net.py", "--classes", "background,lesion")
    assert code == 0, err
    assert "Found: UNet of net.py." in out and "unet.model.toml" in out and "Assumed" not in out
    assert not canary.exists()
    found, result = explained(capsys, tmp_path, tmp_path / "unet.model.toml", image, "down", "lesion", "--consent")
    x = torch.from_numpy(pixels.astype(np.float32))[None, None]
    expected = by_autograd(network, "down", x, torch.ones(16, 32), 0)
    assert found.shape == (1, 8, 16) and np.abs(found[0] - expected).max() <= 1e-6 * np.abs(expected).max()
    assert result["total"] == pytest.approx(float(expected.sum()), rel=1e-5)
    assert not any("Assumed when" in note for note in result["notes"])


def test_a_3d_unet_of_monai_from_its_weights_alone(capsys, tmp_path):
    pytest.importorskip("monai")
    from monai.networks.nets import UNet

    torch.manual_seed(1)
    network = UNet(3, 1, 2, (4, 8, 16), (2, 2), num_res_units=2).eval()
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    image = volume(tmp_path, shape=(8, 12, 16))
    code, out, err = run(capsys, "init", tmp_path / "w.safetensors", "--classes", "background,liver", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["network"] == "MONAI UNet" and not told["runs_code"] and not told["fill_in"]
    assert told["assumed"] == ["arguments.strides", "arguments.norm"]
    layer = "model.1.submodule.0"
    found, result = explained(capsys, tmp_path, tmp_path / "w.model.toml", image, layer, "liver")
    x = torch.from_numpy(read_volume(image).array.astype(np.float32).transpose(0, 3, 2, 1).copy())[None]
    expected = by_autograd(network, layer, x, torch.ones(16, 12, 8), 1)
    found = found if found.shape == expected.shape else found.transpose(2, 1, 0)
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
    # what was assumed is said with the result, until somebody takes it off the list
    (note,) = [n for n in result["notes"] if n.startswith("Assumed when the model's description was written")]
    assert "arguments.strides, arguments.norm" in note
    path = tmp_path / "w.model.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('assumed = ["', '# assumed = ["'), encoding="utf-8")
    assert not any("Assumed" in note for note in open_model(path).loading)


def test_each_assumed_word_has_its_comment_and_stands_on_the_list(capsys, tmp_path):
    pytest.importorskip("monai")
    from monai.networks.nets import UNet

    torch.save(UNet(2, 2, 3, (4, 8), (2,), act="RELU").state_dict(), tmp_path / "w.pth")
    assert run(capsys, "init", tmp_path / "w.pth")[0] == 0
    lines = (tmp_path / "w.model.toml").read_text(encoding="utf-8").splitlines()
    marked, comment = [], ""
    for line in lines[3:]:
        if line.startswith("#"):
            comment += line
        elif line:
            word = line.partition(" =")[0]
            marked += [word] if "ASSUMED" in comment else []
            comment = ""
        else:
            comment = ""
    listed = read(tmp_path / "w.model.toml")["assumed"]
    assert marked == ["classes", "channels", "strides", "norm", "act"]
    assert [word.rpartition(".")[2] for word in listed] == marked


def test_stated_words_are_written_as_stated_and_wrong_ones_refused_before_anything_is_written(capsys, tmp_path):
    pytest.importorskip("monai")
    from monai.networks.nets import UNet

    torch.save(UNet(3, 1, 2, (4, 8, 16), (2, 1)).state_dict(), tmp_path / "w.pth")
    for words, sentence in (
        (("--classes", "a,b,c"), "returns 2 channel(s), and 3 class(es) were named"),
        (("--channels", "CT,PET"), "takes 1 channel(s), and 2 were named"),
        (("--argument", "strides"), "is not NAME=VALUE"),
        (("--classes", "a,A"), "Two classes of the description have the same name"),
        (("--factory", tmp_path / "gone.py"), "'gone.py' is not there"),
    ):
        code, _, err = run(capsys, "init", tmp_path / "w.pth", *words)
        assert code == 2 and sentence in err, err
        assert sorted(p.name for p in tmp_path.iterdir()) == ["w.pth"]
    code, out, _ = run(
        capsys, "init", tmp_path / "w.pth", "--argument", "strides=[2,1]", "--axes", "zyx", "--head", "sigmoid",
        "--name", "mine", "--out", tmp_path / "o" / "a.model.toml", "--json",
    )  # fmt: skip
    assert code == 0 and json.loads(out)["assumed"] == ["classes", "arguments.norm"]
    about = read(tmp_path / "o" / "a.model.toml")
    assert about["arguments"]["strides"] == [2, 1] and about["weights"] == "../w.pth"
    assert (about["axes"], about["head"], about["name"]) == ("zyx", "sigmoid", "mine")
    model = open_model(tmp_path / "o" / "a.model.toml")
    assert model.network.strides == [2, 1] and model.name == "mine"


def test_what_is_there_is_never_replaced_and_what_is_a_model_needs_nothing(capsys, tmp_path):
    her_network(tmp_path)
    words = ("init", tmp_path / "unet.pth", "--factory", tmp_path / "net.py")
    assert run(capsys, *words)[0] == 0
    text = (tmp_path / "unet.model.toml").read_text(encoding="utf-8")
    (tmp_path / "unet.model.toml").write_text(text + "# mine\n", encoding="utf-8")
    code, _, err = run(capsys, *words)
    assert code == 2 and "'unet.model.toml' exists already, and stays" in err
    assert (tmp_path / "unet.model.toml").read_text(encoding="utf-8").endswith("# mine\n")
    code, out, _ = run(capsys, "init", tmp_path / "unet.model.toml")
    assert code == 0 and "is a model already (Python file and weights): nothing has to be written" in out
    code, out, _ = run(capsys, "init", "demo:honest")
    assert code == 0 and "is a model already" in out


def test_pickles_and_what_is_no_weights_file_end_in_a_sentence_and_nothing_runs(capsys, tmp_path):
    canary = tmp_path / "canary"
    torch.save({"w": Payload(canary)}, tmp_path / "evil.pth")
    torch.save({"state_dict": {}, "epoch": 3}, tmp_path / "empty.pth")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    (tmp_path / "image.nii.gz").write_bytes(b"\x1f\x8b1")
    torch.save({"conv1.weight": torch.zeros(4, 3, 7, 7), "fc.weight": torch.zeros(10, 4)}, tmp_path / "class.pth")
    for name, sentence in {
        "evil.pth": "holds Python objects", "empty.pth": "without weights", "cut.safetensors": "damaged",
        "image.nii.gz": "is an image, not a model", "gone.pth": "is not there",
        "class.pth": "a classification network",
    }.items():  # fmt: skip
        code, _, err = run(capsys, "init", tmp_path / name)
        assert code == 2 and sentence in err and "Traceback" not in err, err
    assert not canary.exists() and not list(tmp_path.glob("*.toml"))


def test_weights_nobody_knows_give_a_skeleton_that_says_what_to_fill_in(capsys, tmp_path):
    torch.save(nn.Sequential(nn.Conv3d(2, 4, 3), nn.Conv3d(4, 3, 1)).state_dict(), tmp_path / "odd.pth")
    code, out, _ = run(capsys, "init", tmp_path / "odd.pth")
    assert code == 0 and "To be filled in there: factory." in out
    about = read(tmp_path / "odd.model.toml")
    assert (len(about["channels"]), len(about["classes"]), about["spatial_dims"]) == (2, 3, 3)
    code, out, _ = run(capsys, "models", tmp_path / "odd.model.toml")
    line = about.line_of("factory")
    assert code == 2 and f"Line {line} of 'odd.model.toml': The model's factory file 'network.py' is not there" in out


def test_on_a_terminal_what_cannot_be_told_is_asked(tmp_path):
    pytest.importorskip("monai")
    from monai.networks.nets import UNet

    torch.save(UNet(2, 1, 2, (4, 8, 16), (2, 2)).state_dict(), tmp_path / "w.pth")
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        os.execve(sys.executable, [sys.executable, "-m", "seghirescam", "init", "w.pth"], _with_path())
    os.write(terminal, b"background, tumour\n[2, 1]\n\nsize=32,32 z_score=all\n")
    told = b""
    try:
        while piece := os.read(terminal, 4096):
            told += piece
    except OSError:  # the terminal's end
        pass
    assert os.waitpid(child, 0)[1] == 0, told
    about = read(tmp_path / "w.model.toml")
    assert about["classes"] == ["background", "tumour"] and about["arguments"]["strides"] == [2, 1]
    assert about["assumed"] == ["arguments.norm"] and b"Enter leaves" in told
    assert about["preprocessing"] == [{"size": [32, 32]}, {"z_score": "all"}]


def _with_path():
    import seghirescam

    return {**ENVIRONMENT, "PYTHONPATH": os.path.dirname(os.path.dirname(seghirescam.__file__))}
