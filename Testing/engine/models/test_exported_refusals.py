"""Exported programs that are refused, in one sentence, before any of them runs."""

import hashlib
import warnings

import pytest
import torch
from torch import nn

from engine import programs
from seghirescam import open_model
from seghirescam.models import recognise
from seghirescam.models.programs import exported
from seghirescam.protocol.errors import ConsentError, LayerError, ModelError


def test_consent_holds_for_one_content_and_is_asked_before_torch_sees_the_file(free, monkeypatch):
    _, path = free
    monkeypatch.setattr(torch.export, "load", lambda *a, **k: pytest.fail("torch was given the file"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    kind = recognise(path)
    assert kind.consent_hash(path) == digest
    assert kind.runs_author_code(path) == (
        f"Exported programs are code: opening 'free.pt2' (SHA-256 {digest[:12]}) runs what it holds, "
        "with all your rights."
    )
    for consent in (False, "", "0" * 64, digest[:12]):
        with pytest.raises(ConsentError, match="Nothing was run") as caught:
            kind.open(path, consent=consent)
        assert caught.value.numbers == {"sha256": digest}
    with pytest.raises(ModelError, match="Nothing was run"):
        open_model(path)
    monkeypatch.undo()
    assert kind.open(path, consent=digest).name == "my liver"


@pytest.mark.parametrize("memoised", [False, True])
def test_a_payload_in_the_sample_inputs_is_refused_with_its_name_even_with_consent(fixed, tmp_path, memoised):
    canary, path = tmp_path / "canary", tmp_path / "bad.pt2"
    path.write_bytes(fixed[1].read_bytes())
    data = programs.memoised(canary) if memoised else programs.torch_saved((programs.Payload(canary),))
    programs.rewritten(path, lambda name, old: data if "/sample_inputs/" in name else old)
    kind = recognise(path)
    for ask in (lambda: kind.runs_author_code(path), lambda: kind.open(path, consent=True), lambda: kind.open(path)):
        with pytest.raises(ModelError, match=r"posix\.system"):
            ask()
    assert not canary.exists()
    with warnings.catch_warnings():  # torch alone runs it
        warnings.simplefilter("ignore")
        try:
            torch.export.load(path)
        except Exception:
            pass
    assert canary.exists()


def test_files_that_are_no_program_end_in_one_sentence(fixed, tmp_path):
    content = fixed[1].read_bytes()
    path = tmp_path / "bad.pt2"
    for bad in (b"", b"x" * 50, content[: len(content) // 2]):
        path.write_bytes(bad)
        kind = recognise(path)
        for ask in (kind.classes, kind.runs_author_code, lambda p, kind=kind: kind.open(p, consent=True)):
            with pytest.raises(ModelError, match=rf"is damaged \({len(bad)} bytes") as caught:
                ask(path)
            assert str(tmp_path) not in str(caught.value)
    path.write_bytes(content)
    programs.rewritten(path, lambda name, old: None if "/models/" in name else old)
    with pytest.raises(ModelError, match="no graph of torch.export"):
        recognise(path).classes(path)
    path.write_bytes(content)
    programs.rewritten(path, lambda name, old: b"9" if name.endswith("archive_version") else old)
    with pytest.raises(ModelError, match="cannot read the program 'bad.pt2'"):
        recognise(path).open(path, consent=True)
    path.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        exported.KIND.classes(path)


def test_other_kinds_keep_their_files(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.pt")
    (tmp_path / "x.safetensors").write_bytes(b"x")
    for source in (tmp_path / "weights.pt", tmp_path / "x.safetensors", tmp_path, {"factory": "x"}, "demo:honest"):
        assert not exported.KIND.recognises(source)


class Odd(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.how, self.conv, self.drop = how, nn.Conv3d(1, 2, 1), nn.Dropout(0.5)

    def forward(self, x, other=None):
        if self.how == "two":
            return self.conv(x) + other
        if self.how == "none":
            return x * 2
        if self.how == "label":
            return self.conv(x).argmax(1)
        return self.drop(self.conv(x))


@pytest.mark.parametrize(
    ("how", "shape", "match"),
    [
        ("two", (1, 1, 8, 8, 8), "takes 2 input"), ("none", (1, 1, 8, 8, 8), "no step whose activation"),
        ("label", (1, 1, 8, 8, 8), "returns whole numbers"), ("train", (1, 1, 8, 8, 8), "saved in training mode"),
        ("plain", (2, 1, 8, 8, 8), "2 images at a time"),
    ],
)  # fmt: skip
def test_programs_that_cannot_be_explained_say_why(tmp_path, how, shape, match):
    tensor = torch.zeros(shape)
    network = Odd(how).train(how == "train")
    inputs = (tensor, tensor) if how == "two" else (tensor,)
    torch.export.save(torch.export.export(network, inputs), tmp_path / "a.pt2")
    with pytest.raises((ModelError, LayerError), match=match) as caught:
        exported.KIND.open(tmp_path / "a.pt2", consent=True)
    assert caught.value.hint


def test_weights_that_are_not_finite_are_named(tmp_path):
    network = nn.Sequential(nn.Conv3d(1, 2, 1)).eval()
    network[0].bias.data[0] = float("nan")
    programs.save_exported(tmp_path / "a.pt2", network, torch.zeros(1, 1, 8, 8, 8))
    with pytest.raises(ModelError, match=r"'0\.bias'.*NaN"):
        exported.KIND.open(tmp_path / "a.pt2", consent=True)


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ({"clases": ["a"]}, "Line 1 of '.*': 'clases' is no word of a model description; did you mean 'classes'"),
        ({"classes": ["a", "A", "b"]}, "same name"),
        ({"classes": "abc"}, "as a list"), ({"classes": ["a", "b"]}, "3 output channel.*need 2"),
        ({"channels": ["CT", "PET"]}, "takes 1 channel.*names 2"), ({"spatial_dims": 2}, "says 2D"),
        ({"spatial_dims": 4}, "is unknown"), ({"head": "relu"}, "is unknown"), ({"orientation": "LPS"}, "is unknown"),
        ({"spacing_mm": 0}, "must be positive"), ({"spacing_mm": "1"}, "no number"), ({"divisor": 0}, "divisor"),
        ({"intensity": "minmax"}, "intensity 'minmax' is unknown"), ({"intensity": {"range": [3, 1]}}, "is empty"),
        ({"intensity": ["none", "none"]}, "2 intensity entries for 1"),
        ({"window": {"overlap": 0.5}}, "must hold size"),
        ({"window": {"size": [8, 8, 8]}}, "not the size the program takes"),
        ({"window": {"size": [16, 16]}}, "does not fit a 3D"),
        ({"window": {"size": [16] * 3, "overlap": 1}}, "overlap"),
        ({"window": {"size": [16] * 3, "mode": "x"}}, "is unknown"),
    ],
)  # fmt: skip
def test_descriptions_that_do_not_fit_are_refused(fixed, tmp_path, words, match):
    path = tmp_path / "a.pt2"
    path.write_bytes(fixed[1].read_bytes())
    programs.describe(path, **words)
    with pytest.raises(ModelError, match=match):
        exported.KIND.open(path, consent=True)
