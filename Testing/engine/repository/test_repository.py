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
    [
        *[([], 2, [True, True, False]), (["--full"], 2, [True, True, False, False, False])],
        *[(["-n", "0"], 2, [False]), ([], 1, [False])],
    ],
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
    # every test is in exactly one part: the engine's, the panel's, what measures time; with --full the slow ones, too
    alone, panel = ({f"--ignore={place}" for place in places} for places in (dev.ALONE, dev.PANEL))
    if len(told) > 1:
        engines, panels, measuring, *slow = map(set, told)
        assert {"not slow", *alone, *panel} <= engines and {"not slow", *alone, *dev.PANEL} <= panels - panel
        assert set(dev.ALONE) <= measuring and not measuring & (alone | set(dev.PANEL))
        assert ("not slow" in measuring) == ("--full" not in words) and len(slow) == 2 * ("--full" in words)
    if len(told) == 5:
        assert {"slow", *alone, *panel} <= slow[0] and {"slow", *alone, *dev.PANEL} <= slow[1] - panel
    assert all((ROOT / place).exists() for place in (*dev.ALONE, *dev.PANEL))


def test_what_measures_by_the_clock_runs_alone(dev):
    """An event loop's gap leaves out what other processes took; what is measured otherwise must have the machine."""
    clocks = re.compile(
        r"monotonic\(\)|perf_counter\(\)|process_time\(\)|cancelled_in_time\(|loop\.longest|thirty_kills"
    )
    # asserts nothing about seconds: a loop that gives up, the pause of a poll
    others = {"Testing/gui/test_panel_all_segments.py"}
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in dev.PANEL
        for path in (ROOT / folder).glob("test_*.py")
        if clocks.search(path.read_text(encoding="utf-8"))
    }
    assert found - others <= set(dev.ALONE), found - others - set(dev.ALONE)


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
