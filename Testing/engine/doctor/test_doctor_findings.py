"""Each thing that is looked at, at its limits; numbers against closed forms."""

import re
import subprocess
import sys
import tomllib
from collections import namedtuple
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch

from seghirescam.doctor import anonymous, disk_room, finding, graphics, interpreter, packages
from seghirescam.doctor.agreement import LEAST_COSINE, TOLERANCE, agreement
from seghirescam.doctor.examine import can_make_a_map
from seghirescam.doctor.small_map import CLASS, LARGEST, LAYER, MODEL, NORM, SCORE, _case, small_map
from seghirescam.doctor.told import verdict

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def versions(**known):
    def version(name):
        if name not in known:
            raise metadata.PackageNotFoundError(name)
        return known[name]

    return version


# ---- the interpreter


@pytest.mark.parametrize(
    ("version", "bits", "status"), [((3, 11, 0), 64, "ok"), ((3, 10, 9), 64, "failed"), ((3, 12, 1), 32, "failed")]
)
def test_the_interpreter(version, bits, status):
    found = interpreter.python(version, bits)
    assert found.status == status and found.stops == (status != "ok") and bool(found.do) == (status != "ok")


def test_the_oldest_python_is_the_projects():
    assert PROJECT["requires-python"] == ">=" + ".".join(map(str, interpreter.OLDEST))


# ---- packages


def test_the_needed_packages_and_their_versions_are_the_projects():
    assert {f"{one.name}>={one.floor}" for one in packages.NEEDED} == set(PROJECT["dependencies"])
    extras = {re.sub(r"\[.*?\]", "", word) for words in PROJECT["optional-dependencies"].values() for word in words}
    assert {f"{one.name}>={one.floor}" for one in packages.OPTIONAL} <= extras


def test_an_old_build_is_too_old_and_a_local_one_counts_as_its_version():
    known = versions(numpy="2.0.0", scipy="1.13.1", torch="2.10.0+cu128", safetensors="0.4.5")
    found = {one.name: one for one in packages.packages(known)}
    assert [found[name].status for name in ("numpy", "scipy", "torch", "safetensors")] == ["ok", "ok", "ok", "failed"]
    assert "0.4.5, too old" in found["safetensors"].said and "safetensors>=0.5" in found["safetensors"].do
    assert packages.packages(versions(torch="2.9.1"))[2].status == "failed"
    assert packages.packages(versions(torch="2.100.0"))[2].status == "ok"


def test_what_is_missing_is_added_up():
    assert packages.missing_bytes(versions(numpy="2.0", scipy="1.13", safetensors="0.5")) == 740_000_000
    assert packages.missing_bytes(versions(numpy="2.0", scipy="1.13", safetensors="0.5"), cuda=True) == 7_000_000_000
    assert packages.missing_bytes(versions(numpy="2.0", torch="2.10", safetensors="0.5")) == 114_000_000


def test_metadata_that_cannot_be_read_is_no_crash():
    def broken(name):
        raise KeyError("Version")

    assert {one.status for one in packages.packages(broken)} == {"missing"}


def _on_disk(name, seen):
    """Bytes of a distribution and of all that it requires, as its own list of files tells."""
    from packaging.requirements import Requirement

    key = re.sub(r"[-_.]+", "-", name).lower()
    try:
        told = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return
    if key in seen:
        return
    seen[key] = sum(file.size or 0 for file in told.files or ())
    for word in told.requires or ():
        needed = Requirement(word)
        if not needed.marker or needed.marker.evaluate({"extra": ""}):
            _on_disk(needed.name, seen)


@pytest.mark.parametrize("one", [*packages.NEEDED, *packages.OPTIONAL], ids=lambda one: one.name)
def test_the_sizes_are_those_of_installed_packages(one):
    base, with_it = {}, {}
    for needed in packages.NEEDED:
        _on_disk(needed.name, base)
    _on_disk(one.name, with_it)
    if one.name.lower() not in with_it:
        pytest.skip(f"{one.name} is not installed")
    if one.name == "torch" and torch.version.cuda:
        pytest.skip("the size is of the build without CUDA")
    own = {"numpy", "scipy", "safetensors", "torch"} - {one.name}
    if one in packages.NEEDED:
        megabytes = sum(size for name, size in with_it.items() if name not in own) / 1e6
    else:
        kept = base.keys() - ({"jinja2"} if one.name == "jinja2" else set())
        megabytes = sum(size for name, size in with_it.items() if name not in kept) / 1e6
    assert abs(megabytes - one.megabytes) <= max(2, 0.35 * one.megabytes), megabytes


# ---- places


USAGE = namedtuple("usage", "total used free")


def disk(free):
    return lambda folder: USAGE(10**12, 10**12 - free, free)


def test_room_is_asked_for_twice_what_is_missing():
    low, temporary = disk_room.places(740_000_000, disk(1_479_999_999))
    assert low.status == "failed" and low.numbers == {"free_bytes": 1_479_999_999, "needed_bytes": 1_480_000_000}
    assert "1.5 GB are needed" in low.said and low.do.startswith("Free ")
    assert disk_room.places(740_000_000, disk(1_480_000_000))[0].status == "ok"
    assert temporary.status == "failed" and disk_room.places(0, disk(2_000_000_000))[1].status == "ok"


def test_a_disk_that_does_not_answer_is_told():
    def gone(folder):
        raise OSError(19, "No such device")

    assert {one.said for one in disk_room.places(0, gone)} == {"the disk does not answer"}


def test_a_folder_that_may_not_be_written_is_told_only_where_something_is_missing(monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert "you may not write there" in disk_room.places(1, disk(10**10))[0].said
    assert disk_room.places(0, disk(10**10))[0].status == "ok"


def test_windows_path_limit():
    room = disk_room.PATH_LIMIT - disk_room.TORCH_LONGEST - 1
    assert disk_room.long_paths(False, "c" * room, lambda: False)[0].status == "ok"
    (found,) = disk_room.long_paths(False, "c" * (room + 1), lambda: False)
    assert found.status == "failed" and found.numbers["longest"] == 260 and "LongPathsEnabled" in found.do
    assert disk_room.long_paths(False, "c" * 300, lambda: True)[0].status == "ok"
    assert disk_room.long_paths(True, "c" * 300, lambda: False)[0].status == "ok"
    assert disk_room.long_paths(False) == [] or sys.platform == "win32"


def test_the_longest_path_is_that_of_the_wheel():
    told = metadata.distribution("torch")
    if not told.version.startswith("2.13"):
        pytest.skip("measured on torch 2.13")
    local = len(told.version) - len(told.version.split("+")[0])  # the name of the folder holds the build's
    assert max(len(str(file)) for file in told.files) - local <= disk_room.TORCH_LONGEST <= disk_room.PATH_LIMIT


# ---- cards


def test_the_drivers_tool_is_read():
    told = "NVIDIA H200, 570.86.15, 143771, 143000, 9.0\nNVIDIA GeForce GTX 1080, 570.86.15, 8192, 4096, 6.1\n"
    found = graphics.driver(lambda: told)
    assert found.status == "ok" and [one["capability"] for one in found.numbers["cards"]] == ["9.0", "6.1"]
    assert "NVIDIA GeForce GTX 1080, 4.0 of 8.0 GiB free, compute capability 6.1" in found.said


def test_a_driver_that_is_broken_says_so():
    def mismatch():
        text = "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 570.86"
        raise subprocess.CalledProcessError(18, ["nvidia-smi"], output=text, stderr="")

    def hangs():
        raise subprocess.TimeoutExpired("nvidia-smi", 10)

    assert graphics.driver(mismatch).said == "Failed to initialize NVML: Driver/library version mismatch"
    assert graphics.driver(hangs).said == "it does not answer" and graphics.driver(hangs).do
    assert graphics.driver(lambda: "").said == "it sees no card"
    assert graphics.driver(lambda: "[Not Supported]").status in ("ok", "failed")


@pytest.mark.parametrize(
    ("capability", "built_for", "fits"),
    [
        ((8, 9), ["sm_80"], True),  # the same major version, a lower minor one
        ((8, 6), ["sm_89"], False),
        ((9, 0), ["sm_80"], False),
        ((9, 0), ["sm_80", "compute_80"], True),  # PTX is compiled on the spot
        ((6, 1), ["sm_75", "sm_80", "compute_80"], False),
        ((10, 0), ["sm_90a"], False),
        ((9, 0), ["sm_90a"], True),
        ((10, 3), ["sm_100f"], True),
        ((12, 0), ["sm_100f"], False),
        ((12, 1), ["sm_120"], True),
        ((9, 0), [], False),
        ((9, 0), ["gfx90a", "nonsense"], False),
    ],
)
def test_cudas_rules_of_compatibility(capability, built_for, fits):
    assert graphics.has_code(capability, built_for) is fits


# ---- the small map


def test_two_maps_are_compared_by_a_closed_form():
    alike = agreement([3.0, 0.0, -4.0], [3.0, 0.002, -4.0])
    assert alike.difference == pytest.approx(0.002 / 4)
    assert alike.cosine == pytest.approx(25 / (5 * np.sqrt(25 + 0.002**2)), abs=1e-12) and not alike.holds
    assert agreement([1.0, 2.0], [1.0, 2.0]).holds and agreement([0.0], [0.0]).holds
    assert not agreement([0.0], [1e-9]).holds and not agreement([1.0, 2.0], [1.0, np.nan]).holds
    assert agreement([1.0, 0.0], [1.0, 0.99 * TOLERANCE]).holds
    assert not agreement([1.0, 0.0], [1.0, 1.01 * TOLERANCE]).holds
    assert agreement(np.eye(3), -np.eye(3)).cosine == pytest.approx(-1) and LEAST_COSINE < 1
    with pytest.raises(ValueError, match="2 and 3 cells"):
        agreement([1, 2], [1, 2, 3])


def test_the_numbers_that_every_computer_should_find_are_those_of_double_precision():
    from seghirescam import open_model

    image, ball = _case()
    model = open_model(MODEL)
    network = model.networks[0].double().eval()
    kept = {}
    network.get_submodule(LAYER).register_forward_hook(lambda module, given, made: kept.update(a=made))
    logits = network(model.prepare(image).tensor.double())
    index = next(one.index for one in model.classes if one.name == CLASS)
    score = (logits[0, index] * torch.tensor(ball.weights, dtype=torch.float64)).sum()
    (gradient,) = torch.autograd.grad(score, kept["a"])
    expected = (kept["a"] * gradient).sum(dim=1)[0].detach().numpy()
    assert score.item() == pytest.approx(SCORE, rel=1e-5)
    assert np.abs(expected).max() == pytest.approx(LARGEST, rel=1e-5)
    assert np.linalg.norm(expected) == pytest.approx(NORM, rel=1e-5)
    found = small_map("cpu")
    assert found.wrong() == "" and agreement(expected, found.map).holds


# ---- what is said


def test_a_map_can_be_made_only_where_one_was_made_and_nothing_stands_against_it():
    made = finding.Finding("Map on the CPU", "ok", "made", needed=True)
    wrong = finding.Finding("Map on cuda:0", "failed", "differs", "Choose the CPU.", True)
    refused = finding.Finding("Map on cuda:0", "failed", "no kernel", "Choose the CPU.")
    assert can_make_a_map([made]) and can_make_a_map([made, refused])
    assert not can_make_a_map([]) and not can_make_a_map([made, wrong]) and not can_make_a_map([wrong])
    assert verdict([made, refused]) == "Maps can be made here: on the CPU."
    assert verdict([made, wrong]) == "No map can be made here yet: Map on cuda:0, differs."


def test_names_are_hidden_as_words_only():
    text = "torch for jane failed at C:\\Users\\Jane Doe\\lib\\x.dll on WS9, see https://pip.example/jane"
    told = anonymous.without_names(text, {"jane", "ws9"})
    assert told == "torch for <name> failed at <path>/x.dll on <name>, see <address>"
    assert anonymous.without_names("janet, root-7", {"jane"}) == "janet, root-7"
    denied = "[Errno 13] Permission denied: '/tmp/torchinductor_jane'"  # PyTorch's own folder of a user
    assert anonymous.without_names(denied, {"jane"}) == "[Errno 13] Permission denied: '<path>/torchinductor_<name>'"
    assert anonymous.without_names("HTTPS://pip.example/jane", {"jane"}) == "<address>"


def test_sizes():
    assert [finding.size_text(n) for n in (8e7, 5e8, 7e9, 2.5e10)] == ["80 MB", "0.5 GB", "7.0 GB", "25 GB"]
    assert finding.memory_text(2**33) == "8.0 GiB"
