"""What is told about methods is data, and a method of another package is known everywhere by its name."""

import json
import subprocess
import sys
import warnings

import pytest

from engine.cli_cases import ENVIRONMENT, run
from engine.evaluate_cases import asking, rows_of, toy
from seghirescam.cam import methods as room
from seghirescam.cam.methods import entry_points, method, methods, names
from seghirescam.cam.methods.base import registered
from seghirescam.cam.methods.method_list import method_list
from seghirescam.protocol.errors import MethodError

TOY = '''
from dataclasses import dataclass
from seghirescam.cam.methods import Method, register

@register
@dataclass(frozen=True)
class Energy(Method):
    """L = sum_k |g_k A_k|."""
    name, title, paper, local = "toy_energy", "Toy energy", "nowhere", True
    about = "L = sum_k |g_k A_k|. Nowhere."
    def map(self, activation, gradient, cell_mm):
        return (gradient * activation).abs().sum(dim=0)
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """make(files, entry points): a distribution called toy-methods on the path, forgotten afterwards."""

    def make(files, entries):
        for name, text in files.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        facts = tmp_path / "toy_methods-1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-methods\nVersion: 1.0\n", encoding="utf-8")
        lines = "\n".join(f"{name} = {module}" for name, module in entries.items())
        (facts / "entry_points.txt").write_text(f"[seghirescam.methods]\n{lines}\n", encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
        forget()

    def forget():
        entry_points.offered.cache_clear()
        entry_points.problems.cache_clear()

    yield make
    monkeypatch.undo()
    forget()
    registered.pop("toy_energy", None)
    for module in ("toy_module", "toy_broken", "toy_empty"):
        sys.modules.pop(module, None)


@pytest.mark.parametrize(
    "code",
    [
        "import json; from seghirescam.cam.methods.method_list import method_list; print(json.dumps(method_list()))",
        "from seghirescam.cli import main; main(['explain', '--help'])",
        "from seghirescam.cli import main; main(['evaluate', '--help'])",
    ],
)
def test_without_docstrings_and_asserts_nothing_changes(code):
    plain, stripped = (
        subprocess.run([sys.executable, *flag, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT)
        for flag in ([], ["-OO"])
    )
    assert plain.stdout == stripped.stdout != ""
    if "json" in code:
        assert json.loads(stripped.stdout) == method_list()


def test_what_is_told_of_a_method_stands_in_its_class():
    for one in method_list():
        kind = methods()[one["name"]]
        assert (one["cost"], one["slow"], one["about"]) == (kind.cost, kind.slow, kind.about)
        # a pass for each channel or step is what slow means
        assert one["slow"] == any(word in kind.cost for word in ("+ K)", "K tail", "steps")), one


def test_a_method_comes_by_entry_point_and_is_evaluated_by_its_name(package, tmp_path, capsys):
    before = names()
    package({"toy_module.py": TOY}, {"toy_energy": "toy_module"})
    assert set(names()) - set(before) == {"toy_energy"} and "toy_module" not in sys.modules
    assert method("toy_energy").title == "Toy energy" and "toy_energy" in methods()
    told = next(one for one in method_list() if one["name"] == "toy_energy")
    assert told["cost"] == "1 F + 1 B" and not told["slow"] and told["about"] == "L = sum_k |g_k A_k|. Nowhere."
    out = tmp_path / "out"
    code, _, err = run(capsys, *asking(*toy(tmp_path / "case")), "--method", "toy_energy", "--out", out)
    assert code == 0, err
    assert {row["method"] for row in rows_of(out / "metrics.csv")} == {"toy_energy"}
    out = tmp_path / "compared"
    words = ["compare", *asking(*toy(tmp_path / "case"))[1:-4], "--device", "cpu", "--layer", "down", "--out", out]
    code, _, err = run(capsys, *words, "--method", "toy_energy,seg_grad_cam")
    assert code == 0, err
    assert {row["method"] for row in rows_of(out / "table.csv")} == {"toy_energy", "seg_grad_cam"}


def test_a_broken_entry_point_is_one_sentence_and_breaks_nothing_else(package, tmp_path, capsys):
    files = {"toy_module.py": TOY, "toy_broken.py": "raise OSError('/data/somebody')", "toy_empty.py": ""}
    package(files, {"toy_energy": "toy_module", "toy_broken": "toy_broken", "toy_empty": "toy_empty"})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = methods()
        methods()
    assert "toy_energy" in found and not {"toy_broken", "toy_empty"} & set(found)
    sentences = [str(one.message) for one in caught]
    assert sorted(sentences) == [
        "The method 'toy_broken' of the package 'toy-methods' cannot be loaded (OSError).",
        "The package 'toy-methods' offers the method 'toy_empty' and registers none.",
    ]
    assert [one["name"] for one in method_list()] and len(found) == len(method_list())
    with pytest.raises(MethodError, match=r"'toy_broken' of the package 'toy-methods' cannot be loaded"):
        room.method("toy_broken")
    code, _, err = run(capsys, *asking(*toy(tmp_path / "c")), "--method", "toy_broken", "--out", tmp_path / "out")
    assert code == 2 and "cannot be loaded (OSError)" in err and "somebody" not in err
    assert not (tmp_path / "out").exists()
