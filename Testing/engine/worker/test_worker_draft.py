"""Drafting a description through the worker process: the command's own text, nothing run, nothing written."""

import pytest
import torch
from safetensors.torch import save_file

from engine.library_shapes import resnet, unet_decoder
from engine.own_network import Payload, her_network
from seghirescam.cli import main
from seghirescam.models.descriptions.description_file import parsed


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_it_is_the_text_that_the_command_writes_and_nothing_is_run_or_written(worker, tmp_path):
    _, canary = her_network(tmp_path)
    weights, factory = str(tmp_path / "unet.pth"), str(tmp_path / "net.py")
    before = left(tmp_path)
    found = worker.ask("draft", model=weights, factory=factory)
    assert found["network"] == "UNet of net.py" and found["functions"] == ["UNet"] and found["runs_code"]
    assert found["fill_in"] == [] and found["assumed"] == ["classes"]
    said = {
        "classes": "background, lesion", "words": {"axes": "xyz", "divisor": 2, "head": "binary"},
        "arguments": ["width=4"], "function": "UNet",
    }  # fmt: skip
    stated = worker.ask("draft", model=weights, factory=factory, **said)
    assert left(tmp_path) == before and not canary.exists()
    words = ("--classes", "background,lesion", "--axes", "xyz", "--divisor", "2", "--head", "binary")
    words += ("--argument", "width=4", "--function", "UNet", "--factory", factory)
    for answer, more in ((found, ("--factory", factory)), (stated, words)):
        assert main(["init", weights, *more, "--no-questions"]) == 0
        written = tmp_path / "unet.model.toml"
        assert answer["files"] == {"unet.model.toml": written.read_text(encoding="utf-8")}
        written.unlink()
    assert not canary.exists()


def test_a_network_of_a_library_comes_with_its_python_file_and_its_assumed_words_can_be_said(worker, tmp_path):
    shapes = resnet((2, 2, 2, 2), False, "encoder.", stem=1)
    shapes |= unet_decoder((256, 128, 64, 32, 16), (64, 64, 128, 256, 512))
    shapes |= {"segmentation_head.0.weight": (2, 16, 3, 3), "encoder.layer1.0.conv1.weight": (65, 64, 3, 3)}
    # a tensor of one number that is seen as many: the file stays small
    torch.save({name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}, tmp_path / "w.pth")
    found = worker.ask("draft", model=str(tmp_path / "w.pth"))
    assert list(found["files"]) == ["w_network.py", "w.model.toml"] and "factory.encoder_name" in found["assumed"]
    ((line),) = found["arguments"]
    assert (line["word"], line["value"], line["asleep"]) == ("encoder_name", "resnet34", False)
    assert line["why"].startswith("ASSUMED: this encoder is not known by its weights.")
    stated = worker.ask("draft", model=str(tmp_path / "w.pth"), arguments=["encoder_name=tu-mine"])
    assert stated["arguments"] == [] and "encoder_name='tu-mine'" in stated["files"]["w_network.py"]
    about = parsed(stated["files"]["w.model.toml"].encode(), "w.model.toml")
    assert about["factory"] == "w_network.py" and about["assumed"] == ["classes"]
    assert left(tmp_path) == ["w.pth"]


def test_what_cannot_be_drafted_is_one_sentence_without_a_path_and_nothing_runs(worker, tmp_path):
    network, canary = her_network(tmp_path)
    torch.save({"w": Payload(canary)}, tmp_path / "evil.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "unet.pth").read_bytes()[:700])
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    (tmp_path / "broken.py").write_text("def build(:\n")
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    before = left(tmp_path)
    her = {"model": "unet.pth", "factory": "net.py"}
    for asked, sentence in (
        ({"model": "evil.pth"}, "'evil.pth' is a checkpoint that holds Python objects"),
        ({"model": "cut.pth"}, "damaged or cut short"),
        ({"model": "cut.safetensors"}, "is no safetensors file, or damaged"),
        ({"model": "gone.pth"}, "'gone.pth' is not there"),
        ({"model": "unet.pth", "factory": "gone.py"}, "The Python file 'gone.py' is not there"),
        ({"model": "unet.pth", "factory": "broken.py"}, "'broken.py' is no Python file that can be read (line 1)"),
        (her | {"classes": "a, b, c"}, "returns 1 channel(s), and 3 class(es) were named"),
        (her | {"channels": "CT, PET"}, "takes 1 channel(s), and 2 were named"),
        (her | {"arguments": ["deep=2"]}, "'UNet' takes no argument 'deep'"),
        (her | {"arguments": ["width"]}, "The argument 'width' is not NAME=VALUE"),
        (her | {"function": "Net"}, "'net.py' defines no 'Net'"),
        (her | {"classes": "a, A"}, "Two classes of the description have the same name"),
        (her | {"words": {"head": "hard"}}, "The head 'hard' is unknown"),
    ):
        paths = {w: str(tmp_path / v) if w in ("model", "factory") else v for w, v in asked.items()}
        answer = worker.ask("draft", **paths)
        assert sentence in answer["sentence"] and answer["code"] == "model", answer
        assert answer["hint"] and str(tmp_path) not in answer["sentence"] + answer["hint"]
    answer = worker.ask("draft", model="demo:honest")
    assert "is a model already" in answer["sentence"]
    assert left(tmp_path) == before and not canary.exists()
    assert str(tmp_path) not in worker.log.decode()


def test_only_weights_that_lack_no_more_than_a_description_are_told_as_such(worker, tmp_path):
    network, canary = her_network(tmp_path)
    state = network.state_dict()
    save_file(state, tmp_path / "w.safetensors")
    torch.save({"pytorch-lightning_version": "2.4", "state_dict": state, "epoch": 1}, tmp_path / "l.ckpt")
    torch.save({"network_weights": state, "trainer_name": "nnUNetTrainer"}, tmp_path / "nnunet.pth")
    torch.save({"w": Payload(canary)}, tmp_path / "evil.pth")
    torch.save({"epoch": 1}, tmp_path / "empty.pth")
    torch.save(torch.zeros(3), tmp_path / "one.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "unet.pth").read_bytes()[:700])
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    bare = {"unet.pth", "w.safetensors", "l.ckpt"}
    for name in bare | {"nnunet.pth", "evil.pth", "empty.pth", "one.pth", "cut.pth", "cut.safetensors", "net.py"}:
        answer = worker.ask("describe", model=str(tmp_path / name))
        assert (answer["code"] == "bare_weights") == (name in bare), answer
    assert not canary.exists()


@pytest.mark.parametrize("model", [7, ["a"], {"weights": "w.pth"}])
def test_what_is_no_path_is_refused(worker, model):
    assert worker.ask("draft", model=model)["code"] == "model"
