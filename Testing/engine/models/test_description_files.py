"""Descriptions in TOML and JSON say the same; a wrong word is named with its line; the published schema agrees."""

import dataclasses
import json
import time

import pytest
import torch
from safetensors.torch import save_file

from seghirescam import open_model
from seghirescam.models import description_words, recognise
from seghirescam.models.architectures.toml_text import Line
from seghirescam.models.descriptions import description_file, word_checks
from seghirescam.models.descriptions.description_file import parsed
from seghirescam.models.factory import factory_model
from seghirescam.models.monai import monai_network
from seghirescam.models.programs import program_description
from seghirescam.protocol.errors import ModelError

SCHEMA = json.loads((description_file.Path(description_file.__file__).parent / "description.schema.json").read_text())
UNET = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [4, 8], "strides": [2]}
FACTORY = {"factory": "net.py", "weights": "w.safetensors", "classes": ["a", "b"]}
NETWORK = {"monai": "UNet", "arguments": UNET, "weights": "w.safetensors", "classes": ["a", "b"]}
FULL = {
    "factory": FACTORY | {
        "function": "build", "arguments": {"width": 4}, "channels": ["CT"], "spatial_dims": 3, "head": "softmax",
        "activation": "none", "axes": "xyz", "output": 0, "divisor": 2, "normalise": "normalise", "name": "x",
        "preprocessing": [{"spacing": [1, 1, 0], "mode": "nearest"}, {"intensity_window": [0, 5], "to": [0, 1]},
        {"z_score": "all"}],
        "requirements": ["monai>=1.6"], "assumed": ["classes"],
    },
    "monai": NETWORK | {
        "channels": ["CT"], "spatial_dims": 3, "head": "softmax", "activation": "none", "axes": "zyx", "output": "out",
        "divisor": 2, "window": [8, 8, 8], "overlap": 0.5, "mode": "gaussian", "sigma_scale": 0.2,
        "padding_mode": "constant", "cval": 0.0, "preprocessing": [{"_target_": "Orientationd", "keys": "image",
        "axcodes": "RAS"}], "name": "x", "assumed": [],
    },
    "program": {
        "name": "x", "classes": ["a", "b"], "channels": ["CT"], "spatial_dims": 3, "head": "softmax",
        "activation": "none", "axes": "zyx", "output": 1, "orientation": "RAS", "spacing_mm": 1.5,
        "intensity": [{"range": [0, 1]}], "window": {"size": [8, 8, 8], "overlap": 0.5, "mode": "gaussian"},
        "divisor": 2, "assumed": [],
    },
}  # fmt: skip
#: form -> (words that make it wrong, the word the sentence is about)
WRONG = [
    ("factory", {"actvation": "none"}, "actvation"), ("factory", {"head": "tanh"}, "head"),
    ("factory", {"activation": "relu"}, "activation"), ("factory", {"axes": "xzy"}, "axes"),
    ("factory", {"output": -1}, "output"), ("factory", {"classes": "ab"}, "classes"),
    ("factory", {"channels": []}, "channels"), ("factory", {"spatial_dims": 4}, "spatial_dims"),
    ("factory", {"divisor": "16"}, "divisor"), ("factory", {"divisor": 0}, "divisor"),
    ("factory", {"arguments": [1]}, "arguments"), ("factory", {"name": 3}, "name"),
    ("factory", {"requirements": [3]}, "requirements"), ("factory", {"assumed": "classes"}, "assumed"),
    ("factory", {"normalise": 1}, "normalise"), ("monai", {"windows": 3}, "windows"),
    ("monai", {"head": "tanh"}, "head"), ("monai", {"classes": [""]}, "classes"),
    ("monai", {"overlap": "x"}, "overlap"),
    ("monai", {"arguments": {"_target_": "os.system"}}, "arguments"), ("monai", {"channels": 7}, "channels"),
    ("factory", {"preprocessing": [{"zscore": "all"}]}, "preprocessing"),
    ("monai", {"preprocessing": [{"min_max": [0]}]}, "preprocessing"),
    ("program", {"preprocessing": {"z_score": "all"}}, "preprocessing"),
    ("program", {"clases": ["a"]}, "clases"), ("program", {"orientation": "LPS"}, "orientation"),
    ("program", {"spacing_mm": 0}, "spacing_mm"), ("program", {"intensity": "minmax"}, "intensity"),
    ("program", {"window": {"overlap": 0.5}}, "window"), ("program", {"divisor": 1.5}, "divisor"),
    ("program", {"window": {"size": [8]}}, "window"),
]  # fmt: skip


def understood(form, words):
    """The code's own reading, of a description whose files are there."""
    kinds = {"factory": factory_model.Description.of, "monai": monai_network.Description.of}
    return kinds[form](words) if form in kinds else program_description.understood(words, "x")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "net.py").write_text("def build(): ...", encoding="utf-8")
    save_file({"a": torch.zeros(1)}, tmp_path / "w.safetensors")
    return tmp_path


def as_toml(words):
    plain = [Line(word, value).text for word, value in words.items()]
    return "# a comment\n" + "".join(plain)


@pytest.mark.parametrize("form", FULL)
def test_toml_and_json_say_the_same(folder, monkeypatch, form):
    monkeypatch.chdir(folder)
    words = FULL[form]
    told = parsed(as_toml(words).encode(), "x.model.toml")
    assert told == words == parsed(json.dumps(words).encode(), "x.model.json")
    assert understood(form, told) == understood(form, words)
    assert [told.line_of(word) for word in words] == list(range(2, 2 + len(words)))
    lines = parsed(json.dumps(words, indent=1).encode(), "x.model.json")
    text = json.dumps(words, indent=1).splitlines()
    for word in words:
        assert text[lines.line_of(word) - 1].startswith(f' "{word}":')


@pytest.mark.parametrize(("form", "wrong", "word"), WRONG)
@pytest.mark.parametrize("ending", ["toml", "json"])
def test_a_wrong_word_is_named_with_its_line(folder, monkeypatch, form, wrong, word, ending):
    monkeypatch.chdir(folder)
    words = {**FULL[form], **wrong}
    text = as_toml(words) if ending == "toml" else json.dumps(words, indent=1)
    name = f"x.model.{ending}"
    with pytest.raises(ModelError) as caught:
        understood(form, parsed(text.encode(), name))
    line = 2 + list(words).index(word) if ending == "toml" else parsed(text.encode(), name).line_of(word)
    assert caught.value.sentence.startswith(f"Line {line} of '{name}': ") and word in caught.value.sentence
    assert caught.value.hint


def test_the_nearest_word_is_offered_where_one_is_near():
    with pytest.raises(ModelError) as caught:
        understood("program", parsed(b'\n\nname = "x"\n\nactvation = "none"\n', "x.model.toml"))
    assert caught.value.sentence == (
        "Line 5 of 'x.model.toml': 'actvation' is no word of a model description; did you mean 'activation'?"
    )
    with pytest.raises(ModelError, match="'qqq' is no word of a model description. Known words: activation, "):
        understood("program", {"qqq": 1})


def test_the_schema_and_the_code_know_the_same_words():
    forms = SCHEMA["$defs"]
    unread = description_file.UNREAD
    for form, known, needed in (
        ("factory", {f.name for f in dataclasses.fields(factory_model.Description)}, factory_model.NEEDED),
        ("monai", {f.name for f in dataclasses.fields(monai_network._Words)}, monai_network.NEEDED),
        ("program", program_description.WORDS, ()),
    ):
        assert set(forms[form]["properties"]) == set(known) | unread, form
        assert tuple(forms[form].get("required", ())) == needed and forms[form]["additionalProperties"] is False
    for word, allowed in description_words._ALLOWED.items():
        assert set(forms["shared"]["properties"][word]["enum"]) == set(allowed)
    assert all("description" in told for told in forms["shared"]["properties"].values())


def test_right_descriptions_are_valid_and_wrong_ones_refused_by_schema_and_code_alike(folder, monkeypatch):
    jsonschema = pytest.importorskip("jsonschema")
    monkeypatch.chdir(folder)
    check = jsonschema.Draft202012Validator(SCHEMA)
    check.check_schema(SCHEMA)
    for form, words in FULL.items():
        assert check.is_valid(words), list(check.iter_errors(words))
        understood(form, words)
    for words in (FACTORY, NETWORK, {}):
        assert check.is_valid(words)
    for form, wrong, _ in WRONG:
        words = {**FULL[form], **wrong}
        assert not check.is_valid(words), words
        with pytest.raises(ModelError):
            understood(form, words)
    for form in ("factory", "monai"):
        for word in SCHEMA["$defs"][form]["required"][1:]:
            words = {key: value for key, value in FULL[form].items() if key != word}
            assert not check.is_valid(words), word
            with pytest.raises(ModelError, match=f"lacks {word}"):
                understood(form, words)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = ", "is no TOML file: Invalid value"), ("a = 2020-01-01", "holds a date or a time"),
        ("a" + ".a" * 40_000 + " = 1", "nested too deeply"), ('"a"' + '."a"' * 20_000 + " = 1", "nested too deeply"),
        ("a = " + "[" * 5_000 + "]" * 5_000, "nested too deeply"),
        ("a = " + "[" * 150 + "]" * 150, "nested too deeply"),
        ("#" * 200_001, "which no description needs"), ("a = 1\na = 2", "no TOML file"), ("\xff", "no TOML file"),
    ],
)  # fmt: skip
def test_toml_that_would_take_long_or_is_none_is_refused_soon(text, sentence):
    started = time.process_time()
    with pytest.raises(ModelError, match=sentence):
        parsed(text.encode("latin-1"), "x.model.toml")
    assert time.process_time() - started < 2


def test_a_description_in_toml_opens_as_its_json_does(tmp_path):
    pytest.importorskip("monai")
    from monai.networks.nets import UNet

    torch.manual_seed(0)
    save_file(UNet(**UNET).state_dict(), tmp_path / "w.safetensors")
    (tmp_path / "a.model.toml").write_text(as_toml(NETWORK), encoding="utf-8")
    (tmp_path / "a.model.json").write_text(json.dumps(NETWORK), encoding="utf-8")
    one, other = open_model(tmp_path / "a.model.toml"), open_model(tmp_path / "a.model.json")
    assert recognise(tmp_path / "a.model.toml").name == "monai_network" and one.weights_hash == other.weights_hash
    assert [c.name for c in one.classes] == ["a", "b"] and one.loading == other.loading == ()


def test_consent_is_asked_again_when_what_the_function_is_called_with_changes(folder):
    words = {**FACTORY, "factory": str(folder / "net.py"), "weights": str(folder / "w.safetensors")}
    kind = recognise(words)
    plain, wide = kind.consent_hash(words), kind.consent_hash(words | {"arguments": {"width": 8}})
    assert len({plain, wide, kind.consent_hash(words | {"arguments": {"width": 9}})}) == 3
    assert "with width=8 with all your rights" in kind.runs_author_code(words | {"arguments": {"width": 8}})


def test_what_was_assumed_is_one_sentence():
    assert word_checks.assumed_note(()) == ()
    (told,) = word_checks.assumed_note(["classes", "arguments.strides"])
    assert "not confirmed since: classes, arguments.strides." in told
