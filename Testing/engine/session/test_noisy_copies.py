"""SmoothGrad, SmoothGrad-squared, VarGrad: against Captum's NoiseTunnel, against plain loops, seeded, undisturbing."""

import random

import numpy as np
import pytest
import torch

from engine import toys, windowed_models
from engine.windowed_models import case
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.errors import MethodError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.recipes import PredictedClass
from seghirescam.session.explain import explain
from seghirescam.session.noisy_copies import noisy, sigma_of_channels
from seghirescam.session.opening import open_session

KINDS = ("smoothgrad", "smoothgrad_squared", "vargrad")
CAPTUMS = dict(zip(KINDS, ("smoothgrad", "smoothgrad_sq", "vargrad"), strict=True))
N, SIGMA, SEED = 4, 0.15, 11


def small(dims, channels=2):
    shape = (1, 12, 16) if dims == 2 else (8, 12, 16)
    grid = Grid.from_spacing(shape, (3.0, 1.0, 1.5))
    array = (
        np.random.default_rng(5).normal(size=(channels, *shape)) * np.array([1.0, 30.0])[:channels, None, None, None]
    )
    mask = np.zeros(shape)
    mask[:, 4:8, 5:11] = 1
    model = PlainModel(
        toys.make(dims=dims, channels=channels), ["a", "b", "c"], channels=["x", "y"][:channels], spatial_dims=dims
    )
    return model, Image(array, grid), PixelSet(mask, grid, "set")


def own_words(function):
    """Captum asks for what lies behind its own decorator."""
    function.__wrapped__ = function
    return function


def ask(model, image, pixels, kind, **more):
    words = {"noise": kind, "noise_samples": N, "noise_sigma": SIGMA, "seed": SEED} | more
    return explain(model, image, pixels, class_index=1, **words)[0]


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["seg_hires_grad_cam", "saliency", "input_x_gradient"])
def test_it_equals_captum_s_noise_tunnel(monkeypatch, dims, kind, method):
    captum = pytest.importorskip("captum.attr")
    model, image, pixels = small(dims)
    found = ask(model, image, pixels, kind, methods=method, layers=["encoder.1"])
    network = model.networks[0]
    prepared = open_session(model, image).prepared()
    tensor = prepared.tensor
    weights = torch.tensor(pixels.weights if dims == 3 else pixels.weights[0], dtype=torch.float64)

    def score(x):
        return (network(x)[:, 1] * weights).flatten(1).sum(dim=1)

    class Summed:
        """Captum's attribution, its channels summed as a map's are."""

        is_delta_supported = False
        multiplies_by_inputs = False

        def __init__(self):
            own = {
                "seg_hires_grad_cam": lambda: captum.LayerGradientXActivation(score, network.encoder[1]),
                "saliency": lambda: captum.Saliency(score),
                "input_x_gradient": lambda: captum.InputXGradient(score),
            }
            self.own, self.forward_func = own[method](), score

        def has_convergence_delta(self):
            return False

        @own_words
        def attribute(self, inputs, **words):
            return self.own.attribute(inputs).detach().sum(dim=1, keepdim=True)

    # the same noise: Captum asks torch for it
    sigmas = sigma_of_channels(prepared, SIGMA)
    waiting = [noisy(prepared, sigmas, SEED, n) - tensor for n in range(N)]
    monkeypatch.setattr(torch, "normal", lambda *given, **words: waiting.pop(0))
    theirs = (
        captum.NoiseTunnel(Summed())
        .attribute(tensor, nt_type=CAPTUMS[kind], nt_samples=N, nt_samples_batch_size=1, stdevs=1.0)[0, 0]
        .numpy()
    )
    assert not waiting
    theirs = theirs if dims == 3 else theirs[None]
    assert found.map == pytest.approx(theirs, rel=1e-4, abs=1e-5 * float(np.abs(theirs).max()))


def test_in_windows_mirrorings_and_folds_it_is_the_average_over_noisy_volumes():
    model = windowed_models.model(windowed_models.windows(step=(8, 8, 8), mirror=(2,)), folds=2)
    array, mask = case()
    image, pixels = Image(array, windowed_models.GRID), PixelSet(mask, windowed_models.GRID, "lesion")
    prepared = open_session(model, image).prepared()
    sigma, maps = SIGMA * (array.max() - array.min()), []
    for n in range(2):
        copy = noisy(prepared, [sigma], SEED, n)[0].numpy()
        (one,) = explain(model, Image(copy, image.grid), pixels, class_index=1, layers=["encoder.2"])
        maps.append(one.map.astype(np.float64))
    slow = {
        "smoothgrad": np.mean(maps, axis=0), "smoothgrad_squared": np.mean(np.square(maps), axis=0),
        "vargrad": np.var(maps, axis=0),
    }  # fmt: skip
    for kind in KINDS:
        found = ask(model, image, pixels, kind, layers=["encoder.2"], noise_samples=2)
        assert found.map == pytest.approx(slow[kind], rel=1e-4, abs=1e-5 * float(np.abs(slow[kind]).max()))


def test_the_answer_is_about_the_image_and_tells_its_noise():
    model, image, pixels = small(3)
    (plain,) = explain(model, image, pixels, class_index=1, layers=["encoder.1"])
    found = ask(model, image, pixels, "smoothgrad", layers=["encoder.1"])
    assert found.score == plain.score and found.unit == "logit" and found.grid.same_as(plain.grid)
    told = found.provenance["noise"]
    spans = np.ptp(image.array.reshape(2, -1), axis=1)
    assert (told["kind"], told["samples"], told["sigma"], told["seed"]) == ("smoothgrad", N, SIGMA, SEED)
    assert told["sigma_of_channels"] == pytest.approx((SIGMA * spans).tolist(), rel=1e-6)
    assert "SmoothGrad" in found.title() and "4 noisy copies" in found.notes[-1]
    assert told["score_sd"] > 0 and found.numbers["noise_spread"].value > 0
    squared = ask(model, image, pixels, "smoothgrad_squared", layers=["encoder.1"])
    assert squared.unit == "arbitrary" and squared.completeness is None and (squared.map >= 0).all()
    assert not np.array_equal(found.map, plain.map)


def test_of_a_linear_network_the_mean_gradient_is_the_gradient():
    """Its gradient does not depend on the image: SmoothGrad of saliency is saliency, VarGrad is zero."""
    model, image, pixels = small(3)
    linear = torch.nn.Sequential(torch.nn.Conv3d(2, 4, 3, padding=1), torch.nn.Conv3d(4, 3, 1)).double()
    model = PlainModel(linear, ["a", "b", "c"], channels=["x", "y"], activation="none", head="softmax")
    plain = explain(model, image, pixels, class_index=1, methods="saliency")[0]
    assert ask(model, image, pixels, "smoothgrad", methods="saliency").map == pytest.approx(plain.map, rel=1e-6)
    var = ask(model, image, pixels, "vargrad", methods="saliency")
    assert np.abs(var.map).max() <= 1e-9 * np.abs(plain.map).max() ** 2


def test_a_seed_gives_the_same_bits_and_nobodys_generators_are_touched():
    model, image, pixels = small(3)
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    first = ask(model, image, pixels, "smoothgrad")
    assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[2]
    assert np.array_equal(np.random.get_state()[1], states[1])
    torch.manual_seed(99)
    assert np.array_equal(ask(model, image, pixels, "smoothgrad").map, first.map)
    assert not np.array_equal(ask(model, image, pixels, "smoothgrad", seed=12).map, first.map)


def test_what_is_predicted_of_the_image_is_asked_of_all_copies_and_passes_are_counted():
    model, image, _ = small(3)
    session = open_session(model, image, seed=SEED, keep=False)
    (found,) = session.ask(
        PredictedClass(), class_index=1, layers=["encoder.1"], noise="smoothgrad", noise_samples=N, noise_sigma=SIGMA
    )
    frozen = session.predict(1)
    again = ask(model, image, frozen, "smoothgrad", layers=["encoder.1"])
    assert found.map == pytest.approx(again.map, rel=1e-5, abs=1e-6 * float(np.abs(again.map).max()))
    assert found.provenance["pixel_set_voxels"] == frozen.voxels
    assert session.forward_calls >= N + 1


def test_padding_gets_no_noise():
    model = PlainModel(toys.make(), ["a", "b", "c"], divisor=8)
    image = Image(np.random.default_rng(0).normal(size=(6, 8, 10)), Grid.from_spacing((6, 8, 10), (1.0, 1.0, 1.0)))
    prepared = open_session(model, image).prepared()
    copy = noisy(prepared, [1.0], 0, 0)
    changed = (copy != prepared.tensor)[0, 0].numpy()
    assert prepared.valid == (6, 8, 10) and changed[:6, :8, :10].all()
    assert changed.sum() == 6 * 8 * 10 and copy.shape[2:] == (8, 8, 16)


def test_bad_noise_is_refused_before_any_pass():
    model, image, pixels = small(3)
    session = open_session(model, image)
    for wrong, words in (
        ({"noise": "salt"}, "Unknown noise"),
        ({"noise": "vargrad", "noise_samples": 1}, "from 2 to"),
        ({"noise": "smoothgrad", "noise_samples": 0}, "from 1 to"),
        ({"noise": "smoothgrad", "noise_sigma": 0.0}, "above 0"),
        ({"noise": "smoothgrad", "noise_sigma": float("nan")}, "above 0"),
        ({"noise": "smoothgrad", "draws": 3}, "together"),
    ):
        with pytest.raises(MethodError, match=words):
            session.ask(pixels, class_index=1, **wrong)
    assert session.forward_calls == 0
    flat = Image(np.ones_like(image.array), image.grid)
    with pytest.raises(MethodError, match="constant"):
        ask(model, flat, pixels, "smoothgrad")
