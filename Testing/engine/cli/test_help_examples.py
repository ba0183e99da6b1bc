"""The examples that the commands' help prints run as they stand, and the words of the shipped case mean its files."""

import io
import json
import shlex

import pytest

from engine.doc_snippets import LONG
from engine.own_network import her_network
from seghirescam.cli import main, parser
from seghirescam.cli.console import Console
from seghirescam.demo.case import SEGMENTATION_FILE, VOLUME_FILE
from seghirescam.protocol.errors import ModelError

BY_NAME = {module.__name__.rpartition(".")[2]: module for module in parser.COMMANDS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("examples")


def words_of(name):
    """As a shell splits them: a line goes on behind a backslash."""
    return shlex.split(BY_NAME[name].EXAMPLE.replace("\\\n", " "))


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in LONG else n for n in sorted(BY_NAME)])
def test_the_example_of_a_command_runs_as_it_stands(name, folder, monkeypatch, capsys):
    pytest.importorskip("SimpleITK"), pytest.importorskip("matplotlib")
    monkeypatch.chdir(folder)
    if name in ("figure", "report") and not (folder / "why").exists():
        assert main(words_of("explain")[1:]) == 0
        capsys.readouterr()
    if name == "stats" and not (folder / "cohort").exists():
        pytest.importorskip("statsmodels")
        assert main(words_of("cohort")[1:]) == 0
        capsys.readouterr()
    if name == "export" and not (folder / "ct_series").exists():
        pytest.importorskip("highdicom")
        from engine.dicom_cases import as_series

        # the shipped case as a scanner would have sent it, explained under the name that the example has
        as_series(VOLUME_FILE, folder / "ct_series")
        words = words_of("explain")
        words[words.index("demo:case")] = "ct_series"
        words[words.index("why/")] = "why_dicom/"
        assert main([*words[1:], "--grid", "layer"]) == 0
        capsys.readouterr()
    if name == "init":
        her_network(folder)
    if name == "explain" and (folder / "why").exists():
        return
    words = words_of(name)
    assert words[0] == "seghirescam"
    words = ["why_dicom/" if (name, word) == ("export", "why/") else word for word in words]
    assert main([*words[1:], "--quiet"]) == 0
    assert capsys.readouterr().out


def test_the_shipped_case_by_its_words():
    words = ["evaluate", "demo:honest", "--image", "demo:case", "--segment", "demo:case:Lesion", "--class", "lesion"]
    words += ["--labels", "demo:case", "--reference", "demo:case:Marker", "--out", "x"]
    options = parser.understood(words)
    assert options.image == [str(VOLUME_FILE)] and options.segment == f"{SEGMENTATION_FILE}:Lesion"
    assert options.labels == [str(SEGMENTATION_FILE)] and options.reference == [f"{SEGMENTATION_FILE}:Marker"]
    options = parser.understood(["layers", "m", "--image", "T1=demo:case", "--image", "demo:cases"])
    assert options.image == [f"T1={VOLUME_FILE}", "demo:cases"]


@pytest.mark.parametrize("shell", parser.SHELLS)
def test_completion_is_a_script_with_every_command(shell, capsys):
    pytest.importorskip("shtab")
    with pytest.raises(SystemExit) as ended:
        main(["--print-completion", shell])
    script = capsys.readouterr().out
    assert ended.value.code == 0 and all(name in script for name in BY_NAME) and "pixel-set" in script.replace("_", "-")


def test_completion_without_its_package_says_which_line_brings_it(monkeypatch, capsys):
    import sys

    monkeypatch.setitem(sys.modules, "shtab", None)
    with pytest.raises(SystemExit) as ended:
        main(["--print-completion", "bash"])
    assert ended.value.code == 2 and "pip install shtab" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("error_out, shown", [(Terminal(), True), (io.StringIO(), False)])
def test_only_a_users_own_terminal_shows_paths(error_out, shown):
    answer = io.StringIO()
    Console(answer, error_out, as_json=True).failed(ModelError("'/scans/anna/net.pt' is damaged.", "Copy it again."))
    assert ("/scans/anna" in error_out.getvalue()) == shown
    assert "anna" not in answer.getvalue() and json.loads(answer.getvalue())["error"]["code"] == "model"
