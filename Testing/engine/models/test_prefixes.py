"""Weights whose names carry what wrappers and training code put in front: taken off where they fit, and told."""

import json

import pytest
import torch
from safetensors.torch import load_file

from engine.cli_cases import factory, volume
from seghirescam import open_model
from seghirescam.io.volumes import read_volume
from seghirescam.models.weights.prefixes import fitted
from seghirescam.models.weights.state import put_into
from seghirescam.protocol.errors import ModelError
from seghirescam.session.explain import explain


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Conv2d(4, 2, 1))


def loaded(state):
    """(whether the network then holds exactly these weights, notes)."""
    source, empty = network(), network()
    with torch.no_grad():
        for value in empty.parameters():
            value.zero_()
    notes = put_into(empty, state(source.state_dict()), "w.pth")
    return all(
        torch.equal(a, b) for a, b in zip(source.state_dict().values(), empty.state_dict().values(), strict=True)
    ), notes


@pytest.mark.parametrize(
    "prefix",
    [
        "model.",
        "_model.",
        "net.",
        "network.",
        "module.",
        "_orig_mod.",
        "module.model.",
        "model._orig_mod.",
        "model.net.",
    ],
)
def test_a_common_prefix_is_taken_off_and_told(prefix):
    same, notes = loaded(lambda state: {prefix + key: value for key, value in state.items()})
    assert same and len(notes) == 1 and f"'{prefix}' was taken off" in notes[0]


def test_names_that_fit_are_left_alone_and_nothing_is_told():
    assert loaded(dict) == (True, ())


def test_wrappers_within_the_names_are_taken_off():
    same, notes = loaded(lambda state: {f"model.{k[0]}._orig_mod{k[1:]}": v for k, v in state.items()})
    assert same and any("torch.compile" in note for note in notes)


def test_weights_of_the_loss_and_other_parts_are_left_out_and_named():
    extra = {"criterion.weight": torch.ones(2), "val_dice.total": torch.zeros(1)}
    same, notes = loaded(lambda state: {f"model.{key}": value for key, value in state.items()} | extra)
    assert (
        same
        and "2 entries of the weights file that are not of this network were left out (criterion.weight" in notes[1]
    )
    same, notes = loaded(lambda state: state | extra)
    assert same and len(notes) == 1 and "criterion.weight, val_dice.total" in notes[0]


def test_two_networks_in_one_file_are_told_apart_only_by_a_known_name():
    state = network().state_dict()
    both = {f"model.{k}": v for k, v in state.items()} | {f"ema_model.{k}": v + 1 for k, v in state.items() if v.ndim}
    found, notes = fitted(both, state)
    assert all(torch.equal(found[key], state[key]) for key in state) and "ema_model.0.weight" in notes[1]
    unclear = {f"{name}.{key}": value for name in ("student", "teacher") for key, value in state.items()}
    with pytest.raises(ModelError, match="do not fit this network"):
        put_into(network(), unclear, "w.pth")


def test_what_does_not_fit_without_the_prefix_stays_refused():
    state = network().state_dict()
    for wrong in (
        {f"model.{k}": v for k, v in state.items() if k != "0.weight"},  # one is missing
        {f"model.{k}": v[:1] if k == "0.weight" else v for k, v in state.items()},  # another shape
        state | {"3.weight": torch.ones(2)},  # a layer more than the network has
    ):
        with pytest.raises(ModelError, match="do not fit this network"):
            put_into(network(), wrong, "w.pth")


@pytest.mark.parametrize("nesting", [("state_dict",), ("model_state_dict",), ("model", "state_dict"), ("network",)])
def test_a_lightning_checkpoint_gives_the_maps_of_the_bare_weights_and_says_so(tmp_path, nesting):
    source, path = factory(tmp_path / "m"), volume(tmp_path)
    image, words = read_volume(path), {"class_index": "organ", "layers": ["down"]}
    (bare,) = explain(open_model(str(source), consent=True), image, **words)
    found = {f"model.{key}": value for key, value in load_file(tmp_path / "m" / "weights.safetensors").items()}
    for key in reversed(nesting):
        found = {key: found, "epoch": 3}
    torch.save(found, tmp_path / "m" / "last.ckpt")
    about = json.loads(source.read_text(encoding="utf-8")) | {"weights": "last.ckpt"}
    source.write_text(json.dumps(about), encoding="utf-8")
    (one,) = explain(open_model(str(source), consent=True), image, **words)
    assert (one.map == bare.map).all() and one.map.any()
    assert any("'model.' was taken off" in note for note in one.notes) and bare.notes == one.notes[1:]
