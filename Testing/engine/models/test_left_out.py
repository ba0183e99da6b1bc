"""Checkpoints of training code (Lightning's): weights read without the Python objects beside them, which never run."""

import argparse
import collections
import functools
import json
import os

import pytest
import torch

from seghirescam import open_model
from seghirescam.protocol.errors import ModelError

CODE = """
from torch import nn
def build():
    return nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.Conv3d(4, 2, 1))
"""


def network(seed=1):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Conv3d(1, 4, 3, padding=1), torch.nn.BatchNorm3d(4), torch.nn.Conv3d(4, 2, 1))


class Settings(dict):
    """As OmegaConf's and Lightning's AttributeDict: a dict of a class of its own."""


class Node:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return touched, (self.path,)


def touched(path):
    with open(path, "w", encoding="utf-8"):
        return path


class Shell(Node):
    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def lightning(prefix, **words):
    """What Lightning's Trainer writes."""
    state = collections.OrderedDict((prefix + name, value) for name, value in network().state_dict().items())
    state["criterion.weight"] = torch.ones(2)
    return {
        "epoch": 3, "global_step": 40, "pytorch-lightning_version": "2.4.0", "state_dict": state, "loops": {},
        "callbacks": {}, "optimizer_states": [{"state": {}, "param_groups": []}], "lr_schedulers": [], **words,
    }  # fmt: skip


def described(tmp_path, checkpoint, name="last.ckpt"):
    torch.save(checkpoint, tmp_path / name)
    (tmp_path / "net.py").write_text(CODE, encoding="utf-8")
    path = tmp_path / "last.model.json"
    path.write_text(json.dumps({"factory": "net.py", "weights": name, "classes": ["background", "lesion"]}))
    return str(path)


@pytest.mark.parametrize("prefix", ["model.", "net.", "module.", "model.module.", "_orig_mod.", "unet.", ""])
@pytest.mark.parametrize("name", ["last.ckpt", "last.pt"])
def test_a_lightning_checkpoint_with_a_factory(tmp_path, prefix, name):
    checkpoint = lightning(prefix, hyper_parameters={"lr": 1e-3, "channels": [16, 32]})
    model = open_model(described(tmp_path, checkpoint, name), consent=True)
    for key, value in network().state_dict().items():
        assert torch.equal(model.network.state_dict()[key], value)
    assert any("criterion.weight" in note for note in model.loading)
    assert not any("Python objects" in note for note in model.loading)


@pytest.mark.parametrize(
    "objects",
    [
        argparse.Namespace(lr=1e-3, path=Settings(a=1)),
        Settings(lr=1e-3, nested={"b": Settings()}),
        {"optimizer": functools.partial(torch.optim.Adam, lr=1e-3), "loss": torch.nn.CrossEntropyLoss()},
        [collections.Counter("ab"), torch.nn.Conv2d],
    ],
    ids=["namespace", "dict of its own", "partial and loss", "others"],
)
def test_objects_beside_the_weights_are_left_out_and_said(tmp_path, objects):
    model = open_model(described(tmp_path, lightning("model.", hyper_parameters=objects)), consent=True)
    for key, value in network().state_dict().items():
        assert torch.equal(model.network.state_dict()[key], value)
    assert any("also holds Python objects" in note and "only its weights were read" in note for note in model.loading)


def test_nothing_of_them_runs_and_what_acts_is_refused(tmp_path):
    canary = tmp_path / "ran"
    source = described(tmp_path, lightning("model.", hyper_parameters={"node": Node(str(canary))}))
    model = open_model(source, consent=True)
    assert not canary.exists() and torch.equal(model.network[0].weight, network()[0].weight)
    for hostile in (Shell(str(canary)), {"deep": [Shell(str(canary))]}):
        source = described(tmp_path, lightning("model.", hyper_parameters=hostile))
        with pytest.raises(ModelError, match="holds Python objects"):
            open_model(source, consent=True)
        assert not canary.exists()


def test_weights_that_are_objects_themselves_stay_refused(tmp_path):
    checkpoint = lightning("model.")
    checkpoint["state_dict"]["model.0.weight"] = Settings()
    for found in (checkpoint, network(), {"network": network()}):
        with pytest.raises(ModelError, match="holds Python objects"):
            open_model(described(tmp_path, found), consent=True)
