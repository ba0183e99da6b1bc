"""A yes to a factory holds for what it imports from its folder and for the functions named then."""

import hashlib
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import seghirescam
from seghirescam.models import open_model, recognise
from seghirescam.protocol.errors import ConsentError, DependencyError, ModelError

ENGINE = Path(seghirescam.__file__).parents[1]
MAIN = """
import helper
from blocks import conv
import blocks.norm as norm, json
def build():
    import late
    return helper.network(conv, norm.SIZE, late.KERNEL)
"""
FILES = {
    "net.py": MAIN,
    "helper.py": "from torch import nn\ndef network(conv, *sizes):\n    return nn.Sequential(conv(*sizes))\n",
    "blocks/__init__.py": "from .conv import conv\n",
    "blocks/conv.py": "from torch import nn\nfrom . import norm\ndef conv(size, kernel):\n"
                      "    return nn.Conv3d(1, size, kernel, padding=kernel // 2)\n",
    "blocks/norm.py": "SIZE = 2\n",
    "late.py": "KERNEL = 3\n",
    "json.py": "raise SystemExit('a library of Python was replaced')\n",
    "unused.py": "raise SystemExit\n",
}  # fmt: skip


@pytest.fixture
def made(tmp_path):
    def make(files=FILES, kernel=3, **words):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        save_file(nn.Sequential(nn.Conv3d(1, 2, kernel)).state_dict(), tmp_path / "weights.safetensors")
        source = {"factory": str(tmp_path / "net.py"), "weights": str(tmp_path / "weights.safetensors")}
        return source | {"classes": ["a", "b"]} | words

    return make


def test_what_lies_beside_the_file_is_imported_and_is_part_of_the_yes(made, tmp_path):
    source = made()
    kind = recognise(source)
    digest = kind.consent_hash(source)
    assert kind.runs_author_code(source) == (
        "Opening this model runs the Python file 'net.py' and 5 beside it ('blocks', 'blocks.conv', 'blocks.norm', "
        f"'helper', 'late') (SHA-256 {digest[:12]}) with all your rights."
    )
    model = kind.open(source, consent=digest)
    assert model.network(torch.zeros(1, 1, 4, 4, 4)).shape == (1, 2, 4, 4, 4)
    assert "helper" not in sys.modules and "blocks" not in sys.modules
    listed = {path.relative_to(tmp_path).as_posix() for path in kind.files(source)}
    assert listed == {*FILES, "weights.safetensors"} - {"json.py", "unused.py"}
    for name in ("helper.py", "blocks/__init__.py", "blocks/norm.py", "late.py"):
        (tmp_path / name).write_text(FILES[name] + "\nopen('canary', 'w')\n", encoding="utf-8")
        assert kind.consent_hash(source) != digest, name
        with pytest.raises(ConsentError, match="Nothing was run") as caught:
            kind.open(source, consent=digest)
        assert caught.value.numbers == {"sha256": kind.consent_hash(source)}
        (tmp_path / name).write_text(FILES[name], encoding="utf-8")
    (tmp_path / "unused.py").write_text("x = 1", encoding="utf-8")
    assert kind.consent_hash(source) == digest
    # a file that is not imported yet is another content once it is
    (tmp_path / "blocks" / "norm.py").unlink()
    assert kind.consent_hash(source) != digest


def test_a_yes_is_to_the_functions_named_then(made):
    source = made({"net.py": MAIN.replace("import helper", "import helper\ndef evil(x=None): open('canary', 'w')")} | {
        name: text for name, text in FILES.items() if name != "net.py"})  # fmt: skip
    kind = recognise(source)
    digest = kind.consent_hash(source)
    for words in ({"function": "evil"}, {"normalise": "evil"}):
        other = source | words
        assert kind.consent_hash(other) != digest and "calls" in kind.runs_author_code(other)
        assert "'evil'" in kind.runs_author_code(other)
        with pytest.raises(ConsentError):
            kind.open(other, consent=digest)
    assert kind.consent_hash(source | {"function": "x", "normalise": "y"}) != kind.consent_hash(
        source | {"function": "y", "normalise": "x"}
    )
    assert kind.consent_hash(source | {"function": "build", "name": "other"}) == digest
    assert not Path("canary").exists()


def test_a_folder_called_as_a_library_hides_it_only_with_a_module_in_it(made, tmp_path):
    text = "import numpy.linalg\nfrom plain import part\ndef build():\n    numpy.linalg.norm\n    return part.net()\n"
    part = "from torch import nn\ndef net(): return nn.Sequential(nn.Conv3d(1, 2, 3))\n"
    source = made({"net.py": text, "plain/part.py": part, "numpy/data.txt": ""})
    assert recognise(source).open(source, consent=True).network is not None
    assert {p.name for p in recognise(source).files(source)} == {"net.py", "weights.safetensors", "part.py"}


def test_a_file_alone_keeps_its_own_sha256(made, tmp_path):
    source = made(
        {"net.py": "from torch import nn\nimport numpy\ndef build(): return nn.Sequential(nn.Conv3d(1, 2, 3))\n"}
    )
    expected = hashlib.sha256((tmp_path / "net.py").read_bytes()).hexdigest()
    assert recognise(source).consent_hash(source) == expected
    assert open_model(source, consent=True).name == f"network {expected[:8]}"


def test_two_models_with_a_helper_each_do_not_meet(made, tmp_path):
    made()
    one, two = made(), tmp_path / "two"
    two.mkdir()
    for name, text in FILES.items():
        (two / name).parent.mkdir(exist_ok=True)
        (two / name).write_text(text.replace("KERNEL = 3", "KERNEL = 1"), encoding="utf-8")
    save_file(nn.Sequential(nn.Conv3d(1, 2, 1)).state_dict(), two / "weights.safetensors")
    other = one | {"factory": str(two / "net.py"), "weights": str(two / "weights.safetensors")}
    models = [open_model(source, consent=True) for source in (one, other, one)]
    assert [m.network[0].kernel_size[0] for m in models] == [3, 1, 3]


def test_imports_that_cannot_be_seen_beforehand_do_not_find_the_folder(made, tmp_path, monkeypatch):
    text = "import importlib\ndef build(): return importlib.import_module('hid' + 'den').build()\n"
    source = made({"net.py": text, "hidden.py": "open('canary', 'w')\n"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend("")
    importlib.invalidate_caches()
    with pytest.raises(DependencyError, match="needs 'hidden'"):
        open_model(source, consent=True)
    assert not Path("canary").exists() and str(tmp_path) in sys.path


@pytest.mark.parametrize("word", ["function", "normalise", "head", "name", "factory", "weights", "divisor"])
@pytest.mark.parametrize("value", [[1], {"a": 1}, 1.5, True])
def test_words_of_another_type_are_refused(made, word, value):
    with pytest.raises(ModelError, match=rf"must hold {word} as|The {word} .* is unknown"):
        recognise(source := made() | {word: value}).classes(source)


def test_the_current_folder_is_searched_for_no_module(tmp_path):
    """Planted libraries, some of which Python itself would import from there with -m."""
    for name in ("__future__", "argparse", "json", "numpy", "torch", "yaml", "typing", "dataclasses"):
        (tmp_path / f"{name}.py").write_text("open('canary', 'w')\n", encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ENGINE)}
    for words in (
        ["-m", "seghirescam", "models", "--json", "demo:honest"],
        ["-P", "-m", "seghirescam.worker", "--help"],
    ):
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        assert not (tmp_path / "canary").exists(), words
    assert "worker" in done.stdout
    said = subprocess.run(
        [sys.executable, "-m", "seghirescam", "models", "--json", "demo:honest"], cwd=ENGINE, capture_output=True,
        text=True, check=True, env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )  # fmt: skip
    assert json.loads(said.stdout)["models"][0]["kind"] == "demo"  # the engine's own folder as the current one


def test_the_client_starts_the_worker_without_its_folder_on_the_path(tmp_path, monkeypatch):
    from collections import deque

    from SegHiResGradCAMLib.worker import WorkerLink

    begun = []
    monkeypatch.setattr(WorkerLink, "WorkerProcess", lambda command, *rest: begun.append(command))
    WorkerLink.WorkerLink(["python"], {}, str(tmp_path), deque())
    assert begun[0][:5] == ["python", "-u", "-P", "-m", "seghirescam.worker"]
