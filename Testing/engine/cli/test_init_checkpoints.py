"""Checkpoints of training code with Python objects in them: ``init`` reads their tensors, and nothing of them runs."""

import argparse
import collections
import os
import pathlib

import numpy as np
import pytest
import torch

from engine.cli_cases import run, volume
from engine.own_network import her_network
from seghirescam import open_model
from seghirescam.io.volumes import read_volume
from seghirescam.models.descriptions.description_file import read


class Config(dict):
    """As Lightning's AttributeDict: a dict of a class of its own."""


class Node:
    """As OmegaConf's nodes: state beside an untyped content, and a default dict."""

    def __init__(self, value):
        self._content = collections.defaultdict(dict, {"a": value})
        self._metadata = {"object_type": dict, "ref_type": pathlib.Path}


class Acts:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


OBJECTS = {
    "namespace": argparse.Namespace(lr=1e-3, data=pathlib.PurePosixPath("/data")),
    "attribute dict": Config(lr=1e-3, more=Config(width=4)),
    "nodes": Node(Node(3)),
    "all of them": [argparse.Namespace(a=Config(b=1)), Node(Config()), Config(c=Node(1))],
}


def checkpoint(network, objects, prefix="model."):
    state = {prefix + name: value for name, value in network.state_dict().items()}
    return {"pytorch-lightning_version": "2.5.0", "epoch": 3, "state_dict": state, "hyper_parameters": objects}


@pytest.mark.parametrize("kind", OBJECTS)
def test_a_lightning_checkpoint_with_objects_becomes_a_model_from_its_weights_alone(capsys, tmp_path, kind):
    nets = pytest.importorskip("monai.networks.nets")
    torch.manual_seed(3)
    network = nets.BasicUNet(3, 1, 2, (4, 4, 8, 8, 8, 4)).eval()
    torch.save(checkpoint(network, OBJECTS[kind]), tmp_path / "last.ckpt")
    code, out, err = run(capsys, "init", tmp_path / "last.ckpt", "--classes", "background,liver")
    assert code == 0, err
    assert "Found: MONAI BasicUNet." in out
    text = (tmp_path / "last.model.toml").read_text(encoding="utf-8")
    assert "It also holds Python objects (" in text and "never loaded" in text
    model = open_model(tmp_path / "last.model.toml")
    assert any("also holds Python objects" in note for note in model.loading)
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 1, 32, 32, 32)).astype(np.float32))
    with torch.no_grad():
        assert torch.equal(model.network(x), network(x))


def test_her_own_network_in_such_a_checkpoint_and_its_file(capsys, tmp_path):
    network, canary = her_network(tmp_path)
    torch.save({"model_state_dict": network.state_dict(), "args": OBJECTS["namespace"]}, tmp_path / "best.pt")
    words = ("init", tmp_path / "best.pt", "--factory", tmp_path / "net.py", "--classes", "background,lesion")
    code, out, err = run(capsys, *words)
    assert code == 0, err
    assert "Found: UNet of net.py." in out and not canary.exists()
    assert read(tmp_path / "best.model.toml")["arguments"] == {"in_channels": 1, "out_channels": 1}
    code, _, err = run(
        capsys, "explain", tmp_path / "best.model.toml", "--image", volume(tmp_path, shape=(2, 16, 32)), "--class",
        "lesion", "--pixel-set", "whole", "--layer", "down", "--consent", "--out", tmp_path / "why", "--grid", "layer",
    )  # fmt: skip
    assert code == 0, err
    (found,) = (tmp_path / "why").glob("01_*.nii.gz")
    assert np.abs(read_volume(found).array).max() > 0


@pytest.mark.parametrize("place", ["beside", "within", "as weights"])
def test_what_would_run_is_refused_with_its_sentence_and_does_not_run(capsys, tmp_path, place):
    network = torch.nn.Conv2d(1, 2, 3)
    canary = tmp_path / "ran"
    acts = Acts(canary)
    found = {
        "beside": lambda: checkpoint(network, acts),
        "within": lambda: checkpoint(network, argparse.Namespace(deep=[Config(x=acts)])),
        "as weights": lambda: {"state_dict": {"conv.weight": acts}},
    }[place]()
    torch.save(found, tmp_path / "evil.ckpt")
    code, out, err = run(capsys, "init", tmp_path / "evil.ckpt")
    assert code == 2 and out == "" and "holds Python objects" in err and "Traceback" not in err
    assert not canary.exists() and [path.name for path in tmp_path.iterdir()] == ["evil.ckpt"]


def test_a_whole_network_saved_as_an_object_is_no_table_of_weights(capsys, tmp_path):
    torch.save(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3)), tmp_path / "whole.pth")
    code, _, err = run(capsys, "init", tmp_path / "whole.pth")
    assert code == 2 and "a whole network saved as Python objects" in err and "save the weights alone" in err
