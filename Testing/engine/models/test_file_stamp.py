"""Weights replaced on disk are noticed, also with the size and times of those before."""

import os
import time

import pytest
import torch

from engine.workers import Model
from seghirescam.models import description, file_stamp, recognise
from seghirescam.worker.jobs import Jobs


def test_another_content_under_the_same_size_and_time_is_another_stamp(tmp_path):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"a" * 100)
    os.utime(path, ns=(10**18, 10**18))
    before = file_stamp.file_stamp(path)
    assert file_stamp.file_stamp(path) == before
    path.write_bytes(b"b" * 100)
    os.utime(path, ns=(10**18, 10**18))
    assert file_stamp.file_stamp(path) != before
    path.write_bytes(b"a" * 100)
    assert file_stamp.file_stamp(path) == before  # the same content is the same model


def test_a_file_at_rest_is_read_once_and_a_fresh_one_again(tmp_path, monkeypatch):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"a" * 100)
    read = []
    content = file_stamp._content
    monkeypatch.setattr(file_stamp, "_content", lambda p: read.append(p) or content(p))
    file_stamp.file_stamp(path)
    file_stamp.file_stamp(path)
    assert len(read) == 2  # it might still be written to within the clock's tick
    monkeypatch.setattr(time, "time", lambda: os.stat(path).st_ctime + 10)
    first = file_stamp.file_stamp(path)
    assert file_stamp.file_stamp(path) == first and len(read) == (3 if os.name != "nt" else 4)
    monkeypatch.setattr(os, "name", "nt")
    file_stamp.file_stamp(path)
    file_stamp.file_stamp(path)
    assert len(read) >= 5  # there the change time is none


@pytest.mark.parametrize("swap", ["written", "replaced"])
def test_the_worker_opens_a_model_anew_whose_weights_were_swapped(tmp_path, swap):
    model = Model(tmp_path / "model")
    weights = next(p for p in recognise(model.source).files(model.source) if p.suffix in (".pt", ".safetensors"))
    os.utime(weights, ns=(10**18, 10**18))
    size = weights.stat().st_size
    jobs = Jobs(tmp_path)
    kept = jobs._model(model.source, True, lambda *words: None)
    assert jobs._model(model.source, True, lambda *words: None) is kept
    data = bytearray(weights.read_bytes())
    at = data.find(kept.networks[0].head.weight.detach().numpy().tobytes())
    other = (-kept.networks[0].head.weight.detach()).numpy()
    data[at : at + other.nbytes] = other.tobytes()
    if swap == "written":
        weights.write_bytes(data)
    else:
        (tmp_path / "new").write_bytes(data)
        os.replace(tmp_path / "new", weights)
    os.utime(weights, ns=(10**18, 10**18))
    assert weights.stat().st_size == size and at > 0
    fresh = jobs._model(model.source, True, lambda *words: None)
    assert fresh is not kept and torch.equal(fresh.networks[0].head.weight.detach(), torch.from_numpy(other))


def test_the_stamp_of_a_model_names_no_time(tmp_path):
    model = Model(tmp_path / "model")
    kind = recognise(model.source)
    before = description.stamp(kind, model.source)
    for path in kind.files(model.source):
        os.utime(path)
    assert description.stamp(kind, model.source) == before and len(before) == 2
