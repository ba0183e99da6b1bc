"""What the repository promises about itself: sizes, licences, pins, and nothing that names people or machines."""

import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def tracked():
    done = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=False, cwd=ROOT)
    return [ROOT / line for line in done.stdout.splitlines()] or [p for p in ROOT.rglob("*") if p.is_file()]


def test_the_demo_s_files_are_five_megabytes_together_at_most():
    demo = ROOT / "SegHiResGradCAM" / "seghirescam" / "demo"
    assert sum(path.stat().st_size for path in demo.rglob("*") if "__pycache__" not in path.parts) <= 5_000_000


def test_torch_is_pinned_alone_and_first_and_everything_else_exactly():
    assert 'TORCH = "torch==2.13.0"' in (ROOT / "dev.py").read_text(encoding="utf-8")
    for name in ("demo.txt", "docs.txt", "test.txt", "constraints.txt"):
        for line in (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith(("#", "-r")):
                assert re.fullmatch(r"[A-Za-z0-9_.-]+==[\w.]+", line), f"{name}: {line}"
                assert not line.startswith("torch")


def test_the_version_is_written_in_one_place():
    import seghirescam

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "seghirescam.__version__"}
    assert f"## {seghirescam.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_no_file_names_a_home_folder():
    for path in tracked():
        if path.suffix in {".py", ".md", ".toml", ".txt", ".json", ".csv"} and path.exists() and path != Path(__file__):
            assert not re.search(r"/(home|root|Users)/\w", path.read_text(encoding="utf-8")), path


@pytest.fixture
def dev():
    spec = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("words", "cores", "processes"),
    [([], 2, [True, False]), (["--full"], 2, [True, False, False]), (["-n", "0"], 2, [False]), ([], 1, [False])],
)
def test_two_processes_where_nothing_else_is_asked_and_what_measures_time_afterwards(
    dev, monkeypatch, words, cores, processes
):
    monkeypatch.setattr(dev, "environment", lambda kind: "python")
    monkeypatch.setattr(dev.os, "cpu_count", lambda: cores)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    told = []
    monkeypatch.setattr(dev, "run", lambda words, first=(): told.append(words) or len(told) % 2)
    assert dev.main(["test", *words]) == 1  # the first fails: the second runs nevertheless, and does not hide it
    assert ["loadfile" in one for one in told] == processes
    if len(told) > 1:
        rooms = {f"--ignore={folder}" for folder in dev.ALONE}
        assert {"not slow", *rooms} <= set(told[0]) and set(dev.ALONE) <= set(told[-1])
        assert ("not slow" in told[-1]) == ("--full" not in words)
    if len(told) == 3:
        assert {"slow", *rooms} <= set(told[1])
    assert all((ROOT / place).exists() for place in dev.ALONE)


def test_another_slicer_core_is_tested_with_the_vtk_that_it_pins(dev, tmp_path):
    for name, version, requires in (
        ("slicer-core", "5.12.4.0", ("vtk==9.6.0", 'x>1; extra == "y"')),
        ("vtk", "1", ("z",)),
    ):
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        (folder / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {one}" for one in requires)]) + "\n\n")
    assert dev.pins_of(tmp_path, "slicer-core") == ["vtk==9.6.0"]
