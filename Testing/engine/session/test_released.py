"""A session's memory goes with the last reference: Python's collector of cycles is switched off, and counted."""

import gc
import tracemalloc
import weakref
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from engine import windowed_models
from engine.cohort_cases import run, small, table
from seghirescam.cohort.settings import FAST, FULL, NONE, Settings
from seghirescam.evaluation.metrics.labels import evidence_by_label_map
from seghirescam.evaluation.metrics.shares import share
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.recipes import WholeImage
from seghirescam.session import memory
from seghirescam.session.interface import Session
from seghirescam.session.opening import open_session


@contextmanager
def uncollected():
    """Tells a list how often somebody collected."""
    gc.collect()
    gc.disable()
    before, counted = gc.get_stats()[2]["collections"], []
    try:
        yield counted
        counted.append(gc.get_stats()[2]["collections"] - before)
    finally:
        gc.enable()


def tensors():
    return sum(issubclass(type(one), torch.Tensor) for one in gc.get_objects())


@pytest.mark.parametrize("tier", [NONE, FAST, pytest.param(FULL, marks=pytest.mark.slow)])
def test_a_cohort_s_sessions_are_gone_without_a_collection(tmp_path, monkeypatch, tier):
    where = small(tmp_path / "plan", 3, 2)
    run(where, tmp_path / "warm", Settings(evaluate=NONE), part=(1, 6))
    sessions, images, real = [], [], Session.__init__

    def opened(self, model, image, **words):
        real(self, model, image, **words)
        sessions.append(weakref.ref(self))
        images.append(weakref.ref(image))

    monkeypatch.setattr(Session, "__init__", opened)
    before = tensors()
    with uncollected() as collections:
        assert run(where, tmp_path / "run", Settings(evaluate=tier)).computed == 12
        assert len(sessions) >= 6 and not [one for one in (*sessions, *images) if one() is not None]
        assert tensors() <= before
    assert collections == [0]
    # among them what raises on its way: maps without evidence
    assert {"ok", "zero_map"} <= {line["share status"] for line in table(tmp_path / "run", "by_label")}


@pytest.mark.parametrize("folds, mirror", [(1, ()), (2, (1,))])
def test_windows_are_gone_too(folds, mirror):
    array, mask = windowed_models.case()
    pixels = PixelSet(mask, windowed_models.GRID)
    model = windowed_models.model(windowed_models.windows(mirror=mirror), folds=folds)
    image = Image(np.asarray(array, np.float32), windowed_models.GRID)
    before = tensors()
    with uncollected() as collections:
        session = open_session(model, image, keep=True)
        first = session.ask(pixels, class_index=1, layers="each")[0].total
        held = [weakref.ref(one) for one in session._passes.held]
        assert session.kept_bytes > 0 and len(held) > 2 and all(one() is not None for one in held)
        session.release()
        assert not [one for one in held if one() is not None] and session.kept_bytes == 0
        assert session.ask(pixels, class_index=1, layers="each")[0].total == first
        one = weakref.ref(session)
        session.release()
        del session
        assert one() is None and tensors() <= before
    assert collections == [0]


def test_what_a_network_ties_in_a_circle_is_collected():
    """Somebody else's: its output holds itself."""

    class Circle(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.down, self.up = torch.nn.Conv3d(1, 2, 3, padding=1), torch.nn.Conv3d(2, 2, 1)

        def forward(self, x):
            found = self.up(torch.relu(self.down(x)))
            found.itself = found
            return found

    model = PlainModel(Circle(), ["background", "lesion"])
    image = Image(np.ones((1, 6, 6, 6), np.float32), Grid.from_spacing((6, 6, 6)))
    with uncollected() as collections:
        session = open_session(model, image, keep=True)
        session.logits()
        session.ask(WholeImage(), class_index=1)
        held = weakref.ref(session._kept.done.logits)
        session.release()
        assert held() is None
    assert collections == [1]


@pytest.mark.parametrize("sign", [1, -1])  # -1: a map without evidence
def test_a_map_s_numbers_hold_no_map(sign):
    shape = (40, 50, 60)
    grid, rng = Grid.from_spacing(shape), np.random.default_rng(0)
    labels = (rng.random(shape) > 0.5).astype(np.uint16)
    kept = []
    with uncollected() as collections:
        tracemalloc.start()
        for _ in range(3):
            density = sign * rng.random(shape)
            kept.append((evidence_by_label_map(density, labels, {1: "one"}, grid), share(density, labels > 0)))
        del density
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    assert held < 0.1 * 8 * np.prod(shape) and collections == [0], held  # one map: 0.96 MB


def test_cuda_and_what_is_still_held_are_collected(monkeypatch):
    calls = []
    monkeypatch.setattr(memory, "free_cached", lambda: calls.append(1))
    there, absent = torch.zeros(1), weakref.ref(torch.zeros(1))
    memory.gone([absent]), memory.gone([])
    assert calls == []
    memory.gone([absent, weakref.ref(there)])
    assert calls == [1]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    memory.gone([absent])
    assert calls == [1, 1]
