"""A Python file and its weights: nothing runs without a yes to exactly this content, and weights are only data."""

import hashlib
import json
import os
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from seghirescam import Grid, Image, open_model
from seghirescam.models import recognise
from seghirescam.protocol.errors import ConsentError, DependencyError, ModelError
from seghirescam.protocol.recipes import WholeImage
from seghirescam.session.explain import explain

CODE = """
from pathlib import Path
from torch import nn
Path({canary!r}).write_text("ran", encoding="utf-8")
def build():
    return nn.Sequential(nn.Conv3d(1, 4, 3, stride=2, padding=1), nn.ReLU(), nn.ConvTranspose3d(4, 2, 2, stride=2))
def normalise(array):
    return array / 10
"""


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv3d(1, 4, 3, stride=2, padding=1), nn.ReLU(), nn.ConvTranspose3d(4, 2, 2, stride=2))


@pytest.fixture
def made(tmp_path):
    """A function that writes a factory model; returns its source. canary: exists once the author's code has run."""

    def make(code=CODE, state=None, suffix=".safetensors", **words):
        (tmp_path / "net.py").write_text(code.format(canary=str(tmp_path / "canary")), encoding="utf-8")
        state = network().state_dict() if state is None else state
        weights = tmp_path / f"weights{suffix}"
        save_file(state, weights) if suffix == ".safetensors" else torch.save(state, weights)
        return {"factory": str(tmp_path / "net.py"), "weights": str(weights), "classes": ["a", "b"], **words}

    make.canary = tmp_path / "canary"
    return make


def image():
    return Image(np.random.default_rng(0).normal(size=(8, 8, 8)), Grid.from_spacing((8, 8, 8)))


def test_without_consent_the_author_s_file_leaves_no_trace(made):
    source = made()
    kind = recognise(source)
    assert kind.name == "factory" and kind.requirements(source) == ("safetensors",)
    assert [c.name for c in kind.classes(source)] == ["a", "b"] and kind.channels(source) == ("image",)
    digest = hashlib.sha256(open(source["factory"], "rb").read()).hexdigest()
    assert kind.consent_hash(source) == digest
    assert kind.runs_author_code(source) == (
        f"Opening this model runs the Python file 'net.py' (SHA-256 {digest[:12]}) with all your rights."
    )
    with pytest.raises(ModelError, match="Nothing was run"):
        open_model(source)
    for consent in (False, "", "0" * 64, digest[:12]):
        with pytest.raises(ConsentError, match="Nothing was run") as caught:
            kind.open(source, consent=consent)
        assert caught.value.code == "consent" and caught.value.numbers == {"sha256": digest}
    assert not made.canary.exists()


def test_with_consent_to_this_content_it_opens_and_another_content_asks_again(made, tmp_path):
    source = made(normalise="normalise", head="sigmoid", divisor=2)
    kind = recognise(source)
    digest = kind.consent_hash(source)
    model = kind.open(source, consent=digest)
    assert made.canary.exists() and model.kind == "factory" and model.head == "sigmoid"
    assert model.name == f"network {digest[:8]}" and not model.network.training
    assert all(torch.equal(value, network().state_dict()[key]) for key, value in model.network.state_dict().items())
    assert np.allclose(model.prepare(image()).tensor[0].numpy(), image().array / 10)
    (found,) = explain(model, image(), WholeImage(), class_index="b", layers=["0"])
    assert found.status == "ok" and found.provenance["model_kind"] == "factory"
    (tmp_path / "net.py").write_text("# changed\n" + (tmp_path / "net.py").read_text(encoding="utf-8"))
    with pytest.raises(ConsentError):
        kind.open(source, consent=digest)
    assert open_model(source, consent=True).kind == "factory"


def test_a_small_json_file_says_the_same_with_paths_relative_to_it(made, tmp_path):
    made()
    about = {"factory": "net.py", "weights": "weights.safetensors", "classes": ["a", "b"], "name": "mine"}
    path = tmp_path / "mine.model.json"
    path.write_text(json.dumps(about | {"requirements": ["monai>=1.6"]}), encoding="utf-8")
    kind = recognise(str(path))
    assert kind.requirements(str(path)) == ("monai>=1.6", "safetensors")
    assert open_model(path, consent=True).name == "mine"
    assert {p.name for p in kind.files(path)} == {"net.py", "weights.safetensors", "mine.model.json"}
    for text, match in (
        ("{", "no JSON"), ("[]", "one JSON object"), ('{"factory": "net.py"}', "lacks weights, classes"),
        (json.dumps(about | {"weight": 1}), "'weight' is no word of a model description; did you mean 'weights'"),
        (json.dumps(about | {"classes": "ab"}), "as a list"),
        (json.dumps(about | {"weights": "gone.pt"}), "weights file 'gone.pt' is not there"),
    ):  # fmt: skip
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ModelError, match=match) as caught:
            kind.classes(str(path))
        assert str(tmp_path) not in str(caught.value)
    with pytest.raises(ModelError, match="cannot be read"):
        kind.classes(str(tmp_path / "gone.model.json"))


def test_a_misfit_names_the_first_five_keys_of_each_sort(made):
    state = {f"other.{i}": torch.zeros(1) for i in range(7)} | {"0.weight": torch.zeros(4, 2, 3, 3, 3)}
    source = made(state=state)
    with pytest.raises(ModelError) as caught:
        open_model(source, consent=True)
    text = caught.value.sentence
    assert "3 missing (0.bias, 2.weight, 2.bias)" in text
    assert "7 unexpected (other.0, other.1, other.2, other.3, other.4, ...)" in text
    assert "1 of another shape (0.weight (4, 2, 3, 3, 3) instead of (4, 1, 3, 3, 3))" in text
    assert caught.value.numbers == {"missing": 3, "unexpected": 7, "other_shape": 1}


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod."])
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_the_prefix_of_a_wrapper_is_taken_off(made, prefix, suffix):
    state = {prefix + name: value for name, value in network(1).state_dict().items()}
    model = open_model(made(state=state, suffix=suffix), consent=True)
    assert torch.equal(model.network[0].weight, network(1)[0].weight)


def test_a_state_dict_inside_a_checkpoint_is_found(made):
    state = {"epoch": 3, "state_dict": network(1).state_dict(), "optimizer": {"lr": 0.1}}
    model = open_model(made(state=state, suffix=".pt"), consent=True)
    assert torch.equal(model.network[0].weight, network(1)[0].weight)


class Payload:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


def test_pickled_programs_are_refused_and_do_not_run_even_with_consent(made):
    for state, match in (
        ({"0.weight": Payload(made.canary)}, "holds Python objects"), (network(), "holds Python objects"),
        ([1, 2], "no state_dict"), ({}, "no state_dict"), ({"a": 1}, "no state_dict"),
    ):  # fmt: skip
        source = made(state=state, suffix=".pt")
        with pytest.raises(ModelError, match=match) as caught:
            open_model(source, consent=True)
        assert "state_dict" in caught.value.hint and not made.canary.exists()


def test_torchscript_and_damaged_files_are_refused(made, tmp_path):
    source = made(suffix=".pt")
    path = tmp_path / "weights.pt"
    whole = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(nn.Conv3d(1, 1, 1)).save(str(path))
    with pytest.raises(ModelError, match="TorchScript program"):
        open_model(source, consent=True)
    for content in (b"", b"x" * 100, whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=rf"is damaged \({len(content)} bytes, SHA-256 ") as caught:
            open_model(source, consent=True)
        assert str(tmp_path) not in str(caught.value)
    source = made()
    (tmp_path / "weights.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(ModelError, match=r"is damaged \(100 bytes"):
        open_model(source, consent=True)
    assert not made.canary.exists()  # refused weights are refused before any code runs


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_with_their_name(made, value):
    state = network().state_dict()
    state["2.bias"][0] = value
    with pytest.raises(ModelError, match=r"'2\.bias'.*NaN or infinite"):
        open_model(made(state=state), consent=True)


@pytest.mark.parametrize(
    ("code", "error", "match"),
    [
        ("import nonexistent_library_xyz", DependencyError, "needs 'nonexistent_library_xyz'"),
        ("def build(:", ModelError, "failed: SyntaxError"),
        ("def build(): raise ValueError('no such thing')", ModelError, "failed: ValueError: no such thing"),
        ("def build(): return 3", ModelError, "returned a int, not a torch.nn.Module"),
        ("import sys\nsys.exit(3)", ModelError, "failed: SystemExit"),
        ("x = 1", ModelError, "has no function 'build'"),
    ],
)
def test_a_file_that_does_not_work_ends_in_one_sentence(made, code, error, match):
    with pytest.raises(error, match=match) as caught:
        open_model(made(code=code), consent=True)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [{"requirements": [bad]} for bad in ("monai >= ", "numpy<2", "SimpleITK>=3", "x @ https://somewhere/x.zip", "-r a")]
    + [{"classes": ["a", "A "]}],
)
def test_requirements_that_would_harm_and_classes_that_repeat_are_refused(made, tmp_path, words):
    made()
    path = tmp_path / "mine.model.json"
    about = {"factory": "net.py", "weights": "weights.safetensors", "classes": ["a", "b"]}
    path.write_text(json.dumps(about | words), encoding="utf-8")
    with pytest.raises(ModelError, match="not allowed|same name"):
        recognise(str(path)).requirements(str(path))
