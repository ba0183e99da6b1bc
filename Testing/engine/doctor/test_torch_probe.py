"""What is said of devices: a map against the CPU's, a card that PyTorch does not use, a process that dies on a card."""

import dataclasses

import numpy as np
import pytest
import torch

from seghirescam.doctor import torch_probe
from seghirescam.doctor.examine import _unfinished
from seghirescam.doctor.small_map import small_map


@pytest.fixture(scope="module")
def made():
    return small_map("cpu")


def test_a_map_as_the_cpus_is_ok_with_its_numbers(made):
    found = torch_probe.gpu_map("cpu", [made])  # the same question once more
    assert found.status == "ok" and not found.stops
    assert found.numbers["difference"] == 0 and found.numbers["cosine"] == pytest.approx(1, abs=1e-12)
    assert "differs by 0.0e+00 of its largest value (allowed: 0.0001), cosine 1.0000000" in found.said


@pytest.mark.parametrize(("off", "status"), [(0.9e-4, "ok"), (1.1e-4, "failed")])
def test_the_tolerance_decides_and_a_wrong_card_stops_everything(made, off, status):
    other = made.map.astype(np.float64).copy()
    other[3, 3, 3] += off * np.abs(made.map).max()
    largest = np.abs(other).max()
    found = torch_probe.gpu_map("cpu", [dataclasses.replace(made, map=other)])
    assert found.status == status and found.stops == (status == "failed")
    assert found.numbers["difference"] == pytest.approx(off * np.abs(made.map).max() / largest, rel=1e-6)


def test_a_map_without_one_of_the_cpu_is_not_called_ok():
    assert torch_probe.gpu_map("cpu", []).status == "failed"


def test_a_device_that_is_not_there_is_one_sentence():
    if torch.cuda.is_available():
        pytest.skip("there is a card here")
    found = torch_probe.gpu_map("cuda:0", [])
    assert found.status == "failed" and found.said == "No CUDA device is available." and found.do and not found.stops


def test_a_card_that_this_build_does_not_use_is_told():
    if torch.cuda.is_available() or torch.version.cuda:
        pytest.skip("this PyTorch is built for cards")
    found = torch_probe.cuda(1, [])
    assert found.status == "failed" and "built for the CPU only" in found.said and "CUDA build" in found.do
    assert torch_probe.cuda(0, []).said == "no card: the CPU computes, slower"


def test_a_map_that_is_not_that_of_other_computers_is_kept_from_all_comparisons(made, monkeypatch):
    monkeypatch.setattr("seghirescam.doctor.small_map.SCORE", made.score * 1.0021)
    kept = []
    found = torch_probe.cpu_map(kept)
    assert found.status == "failed" and found.stops and kept == []
    assert found.said.startswith("it is not the map of other computers: its score is -728.5")


@pytest.mark.parametrize(
    ("name", "stops"),
    [("Map on cuda:0", False), ("Card cuda:1", False), ("CUDA", False), ("Map on the CPU", True), ("PyTorch", True)],
)
def test_a_process_that_dies_on_a_card_leaves_the_cpu(name, stops):
    assert _unfinished(name, "the process ended with code -11", "Update its driver.").stops is stops
