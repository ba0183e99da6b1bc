"""How often the host waits for a GPU does not depend on how many windows, mirrorings, layers and sets there are."""

import numpy as np
import pytest
import torch

from engine import toys
from engine.host_reads import counted
from engine.windowed_models import CLASSES, GRID, SHAPE, case, windows
from seghirescam.cam.isolation import host_copies
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session

ONE_LAYER, ALL_LAYERS = ["encoder.1"], ["encoder.1", "encoder.2", "decoder.0", "decoder.1"]


def sets(count):
    found = []
    for n in range(count):
        mask = np.zeros(SHAPE)
        mask[3 + n : 6 + n, 6:12, 6:16] = 1
        found.append(PixelSet(mask, GRID))
    return found


def asked(wanted, layers, count, folds=1, **words):
    """(reads of one question, forward passes)"""
    networks = [toys.make(seed=n).float() for n in range(folds)]
    model = PlainModel(networks[0], CLASSES, windows=wanted, folds=networks[1:])
    settings = {name: words.pop(name) for name in ("precision",) if name in words}
    session = open_session(model, Image(case()[0], GRID), keep=False, **settings)
    session.layers()
    with counted() as reads:
        session.ask(sets(count), class_index=1, layers=layers, **words)
    return reads, session.forward_calls


FEW, MANY = windows(size=(12, 16, 16), step=(12, 16, 16)), windows(step=(8, 8, 6))
WORDS = [{}, {"methods": "seg_grad_cam"}, {"precision": "bf16"}]


@pytest.mark.parametrize("words", WORDS)
def test_reads_do_not_grow_with_windows_mirrorings_layers_and_sets(words):
    few, fewer = asked(FEW, ONE_LAYER, 1, **words)
    many, more = asked(MANY, ALL_LAYERS, 3, **words)
    mirrored, most = asked(windows(step=(8, 8, 6), mirror=(0,)), ALL_LAYERS, 3, **words)
    assert fewer < more < most and few.total > 0
    assert many.total <= few.total, (few.where, many.where)
    assert mirrored.total == many.total, (many.where, mirrored.where)


def test_reads_of_a_whole_image_do_not_grow_with_layers_and_sets():
    few, many = asked(None, ONE_LAYER, 1)[0], asked(None, ALL_LAYERS, 3)[0]
    assert 0 < many.total == few.total, (few.where, many.where)


def test_reads_grow_with_folds_only_by_what_each_fold_s_network_takes():
    counts = [asked(wanted, ALL_LAYERS, 3, folds=2)[0].total for wanted in (FEW, MANY)]
    assert counts[0] == counts[1]


def test_a_prediction_is_read_once_however_many_windows_there_are():
    found = []
    for wanted in (FEW, MANY):
        model = PlainModel(toys.make().float(), CLASSES, windows=wanted)
        session = open_session(model, Image(case()[0], GRID))
        session.layers()
        with counted() as reads:
            session.logits()
        found.append(reads)
    assert found[0].where["to_host"] == found[1].where["to_host"] and found[0].total == found[1].total


def test_what_is_collected_is_done_in_order_and_read_before_it_takes_much_memory(monkeypatch):
    monkeypatch.setitem(host_copies.MOST_BYTES, "cpu", 40)
    collected, done = host_copies.Collected(), []
    for n in range(7):
        collected.put(torch.full((4,), float(n)), then=lambda values: done.append(float(values[0])))
    assert done == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    collected.flush()
    assert done == [float(n) for n in range(7)]


def test_maps_are_the_same_bits_whether_they_are_read_together_or_one_by_one(monkeypatch):
    def maps():
        model = PlainModel(toys.make().float(), CLASSES, windows=windows(step=(4, 8, 5), mirror=(0,)))
        session = open_session(model, Image(case()[0], GRID), keep=False)
        methods = ["seg_hires_grad_cam", "seg_grad_cam"]
        return session.ask(sets(2), class_index=1, layers=ALL_LAYERS, methods=methods)

    together = maps()
    monkeypatch.setitem(host_copies.MOST_BYTES, "cpu", 0)
    for one, other in zip(together, maps(), strict=True):
        assert np.array_equal(one.map, other.map) and one.score == other.score and one.notes == other.notes
