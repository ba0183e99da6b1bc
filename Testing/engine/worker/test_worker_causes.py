"""Causes and the smallest flip through the worker process: brute force's numbers, the cost before, no file left."""

from itertools import combinations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from engine.workers import Model, balanced, image, sent
from seghirescam.cam.logits.score import ClassLogit
from seghirescam.evaluation.causes.anatomy_causes import anatomy_causes
from seghirescam.evaluation.causes.smallest_flip import SearchLimits, smallest_flip
from seghirescam.models import open_model, recognise
from seghirescam.protocol.arrays import read_array, write_array
from seghirescam.protocol.image import Image
from seghirescam.protocol.messages import recipe_to_json
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session

_CODE = """
from torch import nn
def build():
    return nn.Sequential(nn.Conv3d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv3d(4, 2, 1))
"""


@pytest.fixture
def two(tmp_path):
    """(words of a request about a model of two channels, its network, image, mask)"""
    torch.manual_seed(3)
    network = nn.Sequential(nn.Conv3d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv3d(4, 2, 1)).eval()
    (tmp_path / "net.py").write_text(_CODE, encoding="utf-8")
    save_file(network.state_dict(), tmp_path / "net.safetensors")
    source = {
        "factory": str(tmp_path / "net.py"), "weights": str(tmp_path / "net.safetensors"),
        "classes": ["rest", "lesion"], "channels": ["T1", "T2"],
    }  # fmt: skip
    one, other = image(seed=1), image(seed=2)
    picture = Image(np.concatenate([one.array, other.array]), one.grid)
    mask = np.zeros(one.grid.shape)
    mask[2:5, 2:6, 2:6] = 1
    return {"model": source, "consent_sha256": recognise(source).consent_hash(source)}, network, picture, mask


def words(worker, model, picture, pixels, **more):
    names = iter(f"set_{n}.npy" for n in range(9))
    recipe = recipe_to_json(pixels, lambda array: write_array(worker.folder, next(names), array))
    if len(picture.array) > 1:
        parts = [Image(channel[None], picture.grid) for channel in picture.array]
        first, *rest = [sent(worker, part, f"image_{n}.npy") for n, part in enumerate(parts)]
        told = first | {"more": rest}
    else:
        told = sent(worker, picture)
    return model | {"image": told, "device": "cpu", "class_index": 1, "pixel_sets": [recipe]} | more


def by_hand(network, picture, mask):
    """Shapley values of two players by their definition, baseline zero."""

    def score(*kept):
        array = picture.array.copy()
        for n in {0, 1} - set(kept):
            array[n] = 0
        with torch.no_grad():
            logits = network.double()(torch.tensor(array, dtype=torch.float64)[None])[0, 1].numpy()
        return float(logits[mask > 0].mean())

    value = {kept: score(*kept) for n in range(3) for kept in combinations((0, 1), n)}
    first = ((value[0,] - value[()]) + (value[0, 1] - value[1,])) / 2
    return value[0, 1], value[()], [first, value[0, 1] - value[()] - first]


def test_channels_are_shared_out_as_by_hand_and_the_cost_is_told_without_a_pass(worker, two):
    model, network, picture, mask = two
    asked = words(worker, model, picture, PixelSet(mask, picture.grid, "M"), of="channels", baseline="zero")
    assert worker.ask("causes_cost", **asked)["text"] == "4 predictions, 4 passes of the network"
    progress = []
    told = worker.until(worker.send("causes", **asked), progress=lambda e: progress.append(e["progress"]))
    found = told["causes"]
    full, none, values = by_hand(network, picture, mask)
    assert (found["full"], found["none"]) == pytest.approx((full, none), rel=1e-5)
    assert [one["name"] for one in found["causes"]] == ["T1", "T2"]
    assert [one["value"] for one in found["causes"]] == pytest.approx(values, rel=1e-4, abs=1e-6)
    assert sum(one["value"] for one in found["causes"]) == pytest.approx(found["change"], abs=1e-5)
    assert told["session"]["forward_calls_now"] == found["passes"] == 4
    assert progress == sorted(progress) and len(progress) >= 4


def test_anatomy_stands_beside_the_evidence_of_the_map_that_is_sent(worker, tmp_path):
    picture = image(seed=5)
    model, mask = Model(tmp_path / "model"), np.zeros(picture.grid.shape)
    mask[2:5, 2:6, 2:6] = 1
    pixels, labels = PixelSet(mask, picture.grid, "M"), np.zeros(picture.grid.shape, np.uint8)
    labels[:3], labels[5:, :4] = 1, 2
    heat = np.zeros(picture.grid.shape, np.float32)
    heat[:3], heat[3:5], heat[5:] = 0.25, -1.0, 0.5
    own = {"model": model.source, "consent_sha256": model.sha256}
    grid = picture.grid.to_json()
    asked = words(worker, own, picture, pixels, of="anatomy") | {
        "labels": [{"array": write_array(worker.folder, "labels.npy", labels), "grid": grid, "names": {"1": "liver"}}],
        "map": {"array": write_array(worker.folder, "heat.npy", heat), "grid": grid},
    }
    assert worker.ask("causes_cost", **asked)["text"] == "8 predictions, 8 passes of the network" and not model.calls()
    told = worker.ask("causes", **asked)["causes"]
    session = open_session(open_model(model.source, consent=model.sha256), picture, device="cpu")
    masks = {"liver": labels == 1, "label 2": labels == 2}
    (mine,) = anatomy_causes(session, masks, [pixels.on(session.prepared().grid)], [ClassLogit(1)])
    assert [one["name"] for one in told["causes"]] == ["liver", "label 2", "the rest"]
    for one, own in zip(told["causes"], mine.causes, strict=True):
        assert one["value"] == pytest.approx(own.value, rel=1e-4, abs=1e-6)
    # the positive evidence: 0.25 in 3 of 8 slices, 0.5 in 3 slices, half of which are label 2
    shares = [one["evidence"]["value"] for one in told["causes"]]
    assert shares == pytest.approx([0.75 / 2.25, 0.75 / 2.25, 0.75 / 2.25], rel=1e-6)
    assert sum(one["pixel_set_inside"] for one in told["causes"]) == pytest.approx(1)
    assert told["causes"][0]["pixel_set_inside"] == pytest.approx(1 / 3)


def test_a_flip_is_the_engine_s_with_its_masks_and_its_cost_is_told_before(worker, tmp_path):
    picture = image(seed=5)
    model, mask = balanced(Model(tmp_path / "model"), picture), np.zeros(picture.grid.shape)
    mask[2:5, 2:6, 2:6] = 1
    pixels = PixelSet(mask, picture.grid, "M")
    heat = np.random.default_rng(0).normal(size=picture.grid.shape).astype(np.float32)
    own = {"model": model.source, "consent_sha256": model.sha256}
    asked = words(worker, own, picture, pixels, finest_mm=2.0, most=1.0, predictions=30, anywhere=True, gone=0.5)
    asked["map"] = {"array": write_array(worker.folder, "heat.npy", heat), "grid": picture.grid.to_json()}
    calls, cost = model.calls(), worker.ask("flip_cost", **asked)
    assert cost["text"] == "at most 30 predictions, at most 30 passes of the network" and model.calls() == calls
    told = worker.ask("flip", **asked)
    session = open_session(open_model(model.source, consent=model.sha256), picture, device="cpu")
    limits = SearchLimits(finest_mm=2.0, most=1.0, predictions=30, clearance_mm=None, gone=0.5)
    mine = smallest_flip(session, pixels.on(session.prepared().grid), ClassLogit(1), heat, limits=limits)
    assert mine.found and told["flip"]["found"]
    for key, value in mine.to_json().items():
        same = pytest.approx(value, rel=1e-4, abs=1e-6) if isinstance(value, float) else value
        assert told["flip"][key] == same, key
    assert np.array_equal(read_array(worker.folder, told["region"]["array"]), mine.region.weights > 0)
    before, after = (read_array(worker.folder, told[name]["array"]) for name in ("before", "after"))
    assert told["flip"]["left"] == pytest.approx(after[mask > 0].sum() / before[mask > 0].sum())
    assert told["flip"]["sentence"].startswith("Masking out") and told["painting"]["after"]


def test_what_cannot_be_asked_is_one_sentence_and_leaves_no_file(worker, tmp_path):
    picture = image(seed=5)
    model, mask = Model(tmp_path / "model"), np.zeros(picture.grid.shape)
    mask[2:5, 2:6, 2:6] = 1
    own = {"model": model.source, "consent_sha256": model.sha256}
    asked = words(worker, own, picture, PixelSet(mask, picture.grid, "M"))
    full = np.ones(picture.grid.shape, np.uint8)
    grid = picture.grid.to_json()
    labels = [{"array": write_array(worker.folder, "full.npy", full), "grid": grid, "names": {"1": "all"}}]
    empty = [{"array": write_array(worker.folder, "none.npy", 0 * full), "grid": grid, "names": {}}]
    heat = {"array": write_array(worker.folder, "heat.npy", full.astype(np.float32)), "grid": grid}
    against = {"array": write_array(worker.folder, "against.npy", -full.astype(np.float32)), "grid": grid}
    few = np.zeros(picture.grid.shape, np.uint8)
    few[:4], few[4:, :4] = 1, 2
    some = [{"array": write_array(worker.folder, "few.npy", few), "grid": grid, "names": {}}]
    before = {path.name for path in worker.folder.iterdir()}
    for do, more, code, sentence in (
        ("causes", {"of": "channels"}, "image", "no other to share"),
        ("causes", {"of": "weather"}, "request", "not shared out among"),
        ("causes", {"of": "anatomy"}, "request", "Segments are sent"),
        ("causes", {"of": "anatomy", "labels": labels}, "pixel_set", "covers the whole image"),
        ("causes", {"of": "anatomy", "labels": empty}, "empty_pixel_set", "No segment holds"),
        ("causes", {"of": "anatomy", "labels": some, "baseline": "magic"}, "image", "Unknown baseline"),
        ("flip", {"map": heat, "predictions": 0}, "method", "at least one prediction"),
        ("flip", {"map": heat, "anywhere": True, "clearance_mm": 3.0}, "method", "exclude each other"),
        ("flip", {"map": heat, "clearance_mm": 99.0}, "pixel_set", "may be masked out"),
        ("flip", {"map": against}, "method", "it gives no order"),
    ):
        for verb in (do, f"{do}_cost"):
            told = worker.ask(verb, **asked | more)
            assert (told["code"], sentence in told["sentence"]) == (code, True), told
    assert not model.calls() and {path.name for path in worker.folder.iterdir()} == before

    # what is predicted of a class that is drawn nowhere: one pass tells, and no search begins
    nowhere = asked | {"pixel_sets": [{"kind": "predicted"}], "class_index": 1}
    never = Model(tmp_path / "never")
    state = never.network.state_dict()
    state["head.bias"] = torch.tensor([50.0, -50.0])
    torch.save(state, tmp_path / "never" / "weights.pt")
    source = {"model": never.source, "consent_sha256": recognise(never.source).consent_hash(never.source)}
    for do, more in (("causes", {"of": "anatomy", "labels": some}), ("flip", {"map": heat})):
        for verb in (do, f"{do}_cost"):
            told = worker.ask(verb, **nowhere | source | more)
            assert told["code"] == "empty_pixel_set" and "has no voxel" in told["sentence"], told

    slow = Model(tmp_path / "slow", seconds=0.2)
    again = asked | {"model": slow.source, "consent_sha256": slow.sha256, "of": "anatomy", "labels": some}
    number = worker.send("causes", **again)
    stopped = []

    def stop(event):
        if slow.calls() > 2 and not stopped:
            stopped.append(worker.send("cancel", target=number))

    assert worker.until(number, progress=stop)["code"] == "cancelled" and stopped and slow.calls() < 8
    assert {path.name for path in worker.folder.iterdir()} == before
