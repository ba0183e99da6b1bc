"""Promises and faults that no file of one feature answers: no network, no leak, no old torch, no place to write."""

import gc
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from engine.cli_cases import ENVIRONMENT, SEGMENTS, VOLUME, factory, left, run, volume
from engine.workers import Model, Running, image
from seghirescam import Grid, Image, PlainModel
from seghirescam.models.weights import state
from seghirescam.protocol.recipes import WholeImage
from seghirescam.session.explain import explain

#: told by Python itself, whoever calls; a socket alone (of a pair, say) is no network
NETWORK = "('socket.connect', 'socket.bind', 'socket.getaddrinfo', 'socket.gethostbyname', 'socket.sendto')"
WATCHED = "sys.addaudithook(lambda event, words: event in {events} and open({told!r}, 'a').write(event + '\\n'))"


def watched(told):
    return WATCHED.format(events=NETWORK, told=str(told))


def test_the_watch_on_the_network_sees_an_attempt(tmp_path):
    told = tmp_path / "told"
    code = f"import socket, sys\n{watched(told)}\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('::', 9))"
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    code = code.replace("'::'", "'127.0.0.1'")
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert set(told.read_text().split()) == {"socket.connect"}


def test_a_command_asks_nobody_on_the_network(tmp_path):
    told = tmp_path / "told"
    words = ["evaluate", "demo:shortcut", "--image", VOLUME, "--segment", f"{SEGMENTS}:Lesion", "--class", "lesion",
             "--layer", "encoder.2", "--out", str(tmp_path / "out")]  # fmt: skip
    code = f"import sys\n{watched(told)}\nfrom seghirescam.cli import main\nsys.exit(main({words!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "evaluation.json").is_file() and not told.exists()


def test_the_worker_asks_nobody_on_the_network_and_opens_no_port(tmp_path):
    told = tmp_path / "told"
    worker = Running(tmp_path / "w", before=watched(told))
    worker.hello()
    assert worker.until(worker.explain(Model(tmp_path / "m"), image()))["explanations"]
    worker.end()
    assert not told.exists()


def test_after_a_hundred_questions_no_hook_and_no_tensor_more_is_there():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(1, 2, 3, padding=1), nn.ReLU(inplace=True), nn.Conv3d(2, 2, 1))
    model, grid = PlainModel(network, ["a", "b"]), Grid.from_spacing((6, 6, 6))
    picture = Image(np.random.default_rng(0).normal(size=(6, 6, 6)), grid)

    def tensors():
        gc.collect()
        return sum(isinstance(thing, torch.Tensor) for thing in gc.get_objects())

    counts = []
    for n in range(100):
        explain(model, picture, WholeImage(), class_index=1, layers=["0", "1"])
        if n in (9, 99):
            counts.append(tensors())
    assert counts[1] <= counts[0]
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    assert not any(getattr(module, name) for module in network.modules() for name in hooks)


def test_a_torch_that_runs_code_from_checkpoints_opens_none(tmp_path, monkeypatch):
    """CVE-2025-32434 and CVE-2026-24747: below the floor not even weights_only is safe."""
    torch.save({"w": torch.zeros(2)}, tmp_path / "w.pt")
    assert state.read_checkpoint(tmp_path / "w.pt")["w"].shape == (2,)
    monkeypatch.setattr(torch, "__version__", "2.9.1+cpu")
    monkeypatch.setattr(torch, "load", lambda *words, **more: pytest.fail("it was loaded"))
    with pytest.raises(state.ModelError, match=r"PyTorch 2\.9\.1\+cpu can run code from a checkpoint"):
        state.read_checkpoint(tmp_path / "w.pt")


@pytest.mark.parametrize("out", ["out", "deep/er/out", "p.nii.gz"])
def test_a_place_where_nothing_can_be_written_is_told_before_the_model_is_opened(capsys, tmp_path, monkeypatch, out):
    source, picture = factory(tmp_path / "m"), volume(tmp_path)
    place = tmp_path / "read-only"
    place.mkdir()
    access = os.access

    def allowed(path, mode, **more):  # root may write everywhere
        return not str(path).startswith(str(place)) and access(path, mode, **more)

    monkeypatch.setattr("os.access", allowed)
    words = ("--image", picture, "--out", place / out)  # and no yes: opening the model would be told
    command = ("predict", source) if out.endswith(".gz") else ("explain", source, "--class", "organ")
    code, told, err = run(capsys, *command, *words, "--json")
    assert code == 2 and "Nothing can be written at the place of" in err and left(place) == []
    assert json.loads(told)["error"]["code"] == "output" and str(tmp_path) not in err
