"""Networks that draw random numbers in their forward pass: noticed, seeded, repeated, spread over draws."""

import json
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from seghirescam.cam.methods.base import Method
from seghirescam.models.plain import PlainModel
from seghirescam.models.segmentation_model import Windows
from seghirescam.protocol.errors import ModelError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.recipes import PredictedClass
from seghirescam.session import explain as verbs
from seghirescam.session.opening import open_session

LAYER = "first"


class Drawing(nn.Module):
    """conv -> relu -> always-on dropout -> head; how: what draws."""

    def __init__(self, how="dropout", classes=2):
        super().__init__()
        self.first, self.relu = nn.Conv2d(1, 4, 3, padding=1), nn.ReLU()
        self.middle = nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Conv2d(4, classes, 1)
        self.how = how

    def forward(self, x):
        x = self._drawn(self.relu(self.first(x)))
        return self.head(self._drawn(torch.relu(self.middle(x))))

    def _drawn(self, x):
        if self.how == "dropout":
            return F.dropout(x, 0.5, training=True)
        if self.how == "rand":
            return x * torch.rand(x.shape[1])[:, None, None]
        if self.how == "bernoulli":
            return x * torch.bernoulli(torch.full((1, 4, 1, 1), 0.5))
        if self.how == "depth":
            return x if torch.rand(()) < 0.5 else 2 * x
        if self.how == "numpy":
            return x * float(np.random.rand())
        if self.how == "python":
            return x * random.random()
        return x


def network(how="dropout", seed=3, **words):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Drawing(how, **words)


def case(how="dropout", size=12, **words):
    net = network(how)
    grid = Grid((1, size, size), np.eye(4))
    image = Image(np.random.default_rng(0).standard_normal((1, 1, size, size)).astype(np.float32), grid)
    weights = np.zeros(grid.shape, np.float32)
    weights[0, 3:9, 3:9] = 1
    return PlainModel(net, ["a", "b"], spatial_dims=2, **words), image, PixelSet(weights, grid)


def by_hand(net, image, pixels, seed):
    """The map of Seg-HiRes-Grad CAM at ``first`` by plain autograd, of the draw with this seed."""
    kept = {}

    def keep(module, inputs, output):
        output.retain_grad()
        kept["a"] = output

    handle = net.first.register_forward_hook(keep)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        logits = net(torch.from_numpy(image.array[:, 0])[None])
    handle.remove()
    score = (logits[0, 1] * torch.from_numpy(pixels.weights[0])).sum()
    score.backward()
    score = score.detach()
    return (kept["a"] * kept["a"].grad).sum(dim=1)[0].detach().numpy(), float(score)


@pytest.mark.parametrize("how", ["dropout", "rand", "bernoulli", "depth", "numpy", "python"])
def test_a_draw_is_seeded_noticed_and_that_of_plain_autograd(how):
    model, image, pixels = case(how)
    state = np.random.get_state(), random.getstate()
    for seed in (0, 7):
        truth, score = by_hand(network(how), image, pixels, seed)
        np.random.set_state(state[0])
        random.setstate(state[1])
        torch.manual_seed(99)
        before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
        (found,) = verbs.explain(model, image, pixels, class_index=1, layers=LAYER, seed=seed)
        np.testing.assert_allclose(found.map[0], truth, rtol=1e-4, atol=1e-5)
        assert found.score == pytest.approx(score, rel=1e-5)
        assert found.provenance["random_seed"] == seed
        assert any("draws random numbers in its forward pass" in note for note in found.notes)
        assert torch.equal(before[0], torch.get_rng_state())
        assert np.array_equal(before[1], np.random.get_state()[1]) and before[2] == random.getstate()


def test_a_network_that_draws_nothing_is_told_nothing():
    model, image, pixels = case("nothing")
    (found,) = verbs.explain(model, image, pixels, class_index=1, layers=LAYER)
    assert "random_seed" not in found.provenance and not any("random" in note for note in found.notes)
    (many,) = verbs.explain(model, image, pixels, class_index=1, layers=LAYER, draws=5)
    assert np.array_equal(many.map, found.map) and "draws" not in many.provenance
    assert any("drew no random numbers" in note for note in many.notes)


def test_dropout_that_evaluation_switches_off_is_no_draw():
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Dropout(0.5), nn.Conv2d(4, 2, 1)).train()
    _, image, pixels = case()
    (found,) = verbs.explain(PlainModel(net, "ab", spatial_dims=2), image, pixels, class_index=1, layers="0")
    assert "random_seed" not in found.provenance and net.training


def test_the_kept_pass_and_every_verb_belong_to_one_draw():
    model, image, pixels = case()
    session = open_session(model, image, seed=4)
    (first,) = session.ask(pixels, class_index=1, layers=LAYER)
    calls = session.forward_calls
    (second,) = session.ask(pixels, class_index=1, layers=LAYER)
    assert session.forward_calls == calls and np.array_equal(first.map, second.map)
    kept = session.logits()
    fresh = open_session(model, image, seed=4, keep=False)
    assert np.array_equal(kept, fresh.logits())
    (again,) = fresh.ask(pixels, class_index=1, layers=LAYER)
    assert np.array_equal(first.map, again.map)
    assert not np.array_equal(kept, open_session(model, image, seed=5).logits())


def test_the_mean_of_several_draws_and_their_spread():
    model, image, pixels = case()
    (found,) = verbs.explain(model, image, pixels, class_index=1, layers=LAYER, seed=2, draws=4)
    maps, scores = zip(*(by_hand(network(), image, pixels, seed) for seed in (2, 3, 4, 5)), strict=True)
    mean = np.mean(maps, axis=0)
    np.testing.assert_allclose(found.map[0], mean, rtol=1e-4, atol=1e-5)
    assert found.score == pytest.approx(np.mean(scores), rel=1e-5)
    facts = found.provenance["draws"]
    assert facts["count"] == 4 and facts["seeds"] == [2, 3, 4, 5]
    spread = np.sqrt(sum(np.linalg.norm(one - mean) ** 2 for one in maps) / 3) / np.linalg.norm(mean)
    assert facts["map_spread"] == pytest.approx(spread, rel=1e-3)
    assert facts["score_spread"] == pytest.approx(np.std(scores, ddof=1), rel=1e-4)
    assert any("mean of 4 draws" in note and f"{100 * spread:.3g} %" in note for note in found.notes)
    assert not any("one draw" in note for note in found.notes)


def test_m_is_that_of_the_first_draw_in_all_draws():
    model, image, _ = case()
    first = open_session(model, image, seed=1).predict(1)
    (found,) = open_session(model, image, seed=1).ask(PredictedClass(), class_index=1, layers=LAYER, draws=3)
    (given,) = open_session(model, image, seed=1).ask(first, class_index=1, layers=LAYER, draws=3)
    assert np.array_equal(found.map, given.map) and found.pixel_set_label == "predicted b"


@pytest.mark.parametrize("draws", [0, -1, 2.5, True])
def test_a_number_of_draws_that_is_none_is_refused(draws):
    model, image, pixels = case()
    with pytest.raises(ModelError, match="number of draws"):
        verbs.explain(model, image, pixels, class_index=1, layers=LAYER, draws=draws if draws is not True else 0)


def windowed(how="dropout", folds=0):
    size = (1, 8, 8)

    def offsets(shape):
        return [(k, j, i) for k in range(shape[0]) for j in (0, 4) for i in (0, 4)]

    ramp = np.outer(np.arange(1, 9), np.arange(1, 9))[None].astype(np.float32)
    windows = Windows(size, offsets, ramp, mirror_axes=(2,))
    return case(how, windows=windows, folds=[network(how, seed=10 + n) for n in range(folds)])


def windows_by_hand(model, image, seed):
    """The fused logits: every run with its own seed, seed + 1009 * its number."""
    total, weight = np.zeros((2, 1, 12, 12)), np.zeros((1, 12, 12))
    places = model.windows.offsets((1, 12, 12))
    number = 0
    for net in model.networks:
        for flip in (False, True):
            for _, j, i in places:
                patch = torch.from_numpy(image.array[:, :, j : j + 8, i : i + 8][:, 0].copy())[None]
                with torch.random.fork_rng(), torch.no_grad():
                    torch.manual_seed(seed + 1009 * number)
                    logits = net(patch.flip(3) if flip else patch)
                logits = (logits.flip(3) if flip else logits)[0, :, None].double().numpy()
                total[:, :, j : j + 8, i : i + 8] += logits * model.windows.importance
                number += 1
                if net is model.networks[0] and not flip:
                    weight[:, j : j + 8, i : i + 8] += model.windows.importance
    return total / weight / (2 * len(model.networks))


@pytest.mark.parametrize("together", [1, 3])
def test_every_run_of_a_windowed_model_has_its_own_draw(together):
    model, image, pixels = windowed(folds=1)
    session = open_session(model, image, seed=6, windows_together=together)
    truth = windows_by_hand(model, image, 6)
    (found,) = session.ask(pixels, class_index=1, layers=LAYER)
    np.testing.assert_allclose(session.logits(), truth, rtol=1e-4, atol=1e-5)
    assert found.score == pytest.approx(float((truth[1] * pixels.weights).sum()), rel=1e-4)
    assert found.provenance["random_seed"] == 6
    # a set that meets fewer windows is answered by the same draws
    some = PixelSet(np.where(np.arange(12) < 4, pixels.weights, 0).astype(np.float32), pixels.grid)
    (part,) = open_session(model, image, seed=6).ask(some, class_index=1, layers=LAYER)
    assert part.score == pytest.approx(float((truth[1] * some.weights).sum()), rel=1e-4)


def test_windows_asked_together_first_give_the_same_logits():
    model, image, _ = windowed()
    together = open_session(model, image, windows_together=4).logits()
    np.testing.assert_allclose(together, windows_by_hand(model, image, 0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", [case, windowed])
@pytest.mark.parametrize("method", ["seg_ablation_cam", "input_x_gradient"])
def test_methods_with_passes_of_their_own_repeat(method, make):
    maps = []
    for _ in range(2):
        model, image, pixels = make()
        torch.manual_seed(len(maps))
        (found,) = verbs.explain(model, image, pixels, class_index=1, methods=method, layers=LAYER)
        maps.append(found)
    assert np.array_equal(maps[0].map, maps[1].map) and maps[0].provenance["random_seed"] == 0
    (plain,) = verbs.explain(model, image, pixels, class_index=1, layers=LAYER)
    assert maps[0].score == pytest.approx(plain.score, rel=1e-6)


def test_the_tail_behind_a_layer_draws_what_the_whole_network_draws():
    from seghirescam.cam.isolation.random_draws import seeded
    from seghirescam.cam.isolation.undisturbed import undisturbed
    from seghirescam.cam.layers.tail import Tail

    net = network()
    x = torch.randn(1, 1, 12, 12)
    with undisturbed(net), torch.no_grad(), seeded(8):
        whole = net(x)
        tail = Tail(net, x, "middle")
        assert tail.error == 0 and not tail.full and torch.equal(tail(tail.activation), whole)
        pair = tail(torch.cat([tail.activation, tail.activation]))
    assert torch.equal(pair[0], whole[0]) and torch.equal(pair[1], whole[0])


def test_evaluation_and_painting_see_one_draw():
    from seghirescam.cam.logits.score import ClassLogit
    from seghirescam.evaluation.painting.rerun import Rerun

    model, image, pixels = case()
    rerun = Rerun(model)
    scores = {rerun.see(image).mean_score(pixels, ClassLogit(1)) for _ in range(3)}
    assert len(scores) == 1
    (found,) = verbs.explain(model, image, pixels, class_index=1, layers=LAYER)
    assert found.score / pixels.weights.sum() == pytest.approx(scores.pop(), rel=1e-5)


def test_methods_that_draw_themselves_are_not_taken_for_the_network():
    class Noisy(Method):
        name, title = "noisy_test", "Noisy"

        def map(self, a, g, cell_mm):
            torch.rand(3)
            return (a * g).sum(dim=0)

    model, image, pixels = case("nothing")
    (found,) = verbs.explain(model, image, pixels, class_index=1, methods=Noisy(), layers=LAYER)
    assert "random_seed" not in found.provenance


def test_a_cancelled_pass_gives_the_generators_back():
    model, image, pixels = case()
    torch.manual_seed(1)
    before = torch.get_rng_state()

    def stop(fraction, phase):
        if phase == "running the network":
            raise KeyError("stop")

    with pytest.raises(KeyError):
        verbs.explain(model, image, pixels, class_index=1, layers=LAYER, progress=stop)
    assert torch.equal(before, torch.get_rng_state()) and not model.network._forward_hooks


FACTORY = """
import torch, torch.nn as nn, torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.head = nn.Conv3d(1, 4, 3, padding=1), nn.Conv3d(4, 2, 1)
    def forward(self, x):
        return self.head(F.dropout(torch.relu(self.first(x)), 0.5, training=True))

def build():
    return Net()
"""


def test_the_command_line_repeats_a_draw_and_tells_the_spread(tmp_path):
    from seghirescam.cli import main
    from seghirescam.io.volumes import write_volume

    (tmp_path / "drawing.py").write_text(FACTORY)
    spec: dict = {}
    exec(FACTORY, spec)
    torch.save(spec["Net"]().state_dict(), tmp_path / "weights.pt")
    about = {"factory": "drawing.py", "weights": "weights.pt", "classes": ["background", "b"]}
    (tmp_path / "net.model.json").write_text(json.dumps(about))
    grid = Grid((8, 8, 8), np.eye(4))
    write_volume(tmp_path / "x.nii.gz", np.random.default_rng(0).standard_normal(grid.shape).astype(np.float32), grid)
    source = str(tmp_path / "net.model.json")
    words = ["explain", source, "--consent", "--image", str(tmp_path / "x.nii.gz"), "--device", "cpu"]
    asked = ["--class", "b", "--pixel-set", "whole", "--layer", "first", "--random-seed", "3", "--draws", "3"]
    assert main([*words, *asked, "--out", str(tmp_path / "a")]) == 0
    (sidecar,) = list((tmp_path / "a").glob("01_*.json"))
    facts = json.loads(sidecar.read_text())
    assert facts["provenance"]["random_seed"] == 3 and facts["provenance"]["draws"]["count"] == 3
    assert facts["request"]["question"]["random_seed"] == 3 and facts["request"]["question"]["draws"] == 3
    torch.manual_seed(17)
    assert main([*words, "--repeat", str(sidecar), "--out", str(tmp_path / "b")]) == 0
    for one in (tmp_path / "a").iterdir():
        assert one.read_bytes() == (tmp_path / "b" / one.name).read_bytes(), one.name
    assert main([*words, *asked[:6], "--out", str(tmp_path / "c")]) == 0
    assert "random_seed" not in json.loads(next((tmp_path / "c").glob("01_*.json")).read_text())["request"]["question"]
