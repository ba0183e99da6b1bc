"""What deletion on the image costs: which windows, slices and predictions run, and that it can be stopped."""

import json

import numpy as np
import pytest
import torch

from engine import toys
from engine.deletion_cases import a_case, counted, looks_away, organ, probe, to_zero
from engine.windowed_models import CLASSES, case, windows
from engine.windowed_models import GRID as WINDOW_GRID
from engine.windowed_models import model as windowed_model
from seghirescam.cam.logits.score import ClassLogit, Contrast
from seghirescam.evaluation.deletion.blocks import falling
from seghirescam.evaluation.deletion.image_deletion import ImageProbe, cost, deletion_curve, gain_over_random, one_step
from seghirescam.evaluation.painting.rerun import Rerun
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session


def test_one_step_takes_two_predictions_and_a_third_only_where_the_score_is_not_known():
    image, truth = a_case()
    calls = []

    class Counted(Rerun):
        def see(self, *args, **more):
            calls.append(1)
            return super().see(*args, **more)

    args = (image, truth, organ(), ClassLogit(1))
    found = one_step(Counted(looks_away()), *args, removal=to_zero, edge_mm=4)
    assert len(calls) == found.predictions == 3
    known = one_step(Counted(looks_away()), *args, before=found.before, removal=to_zero, edge_mm=4)
    assert len(calls) == 5 and known.predictions == 2
    assert (known.hot, known.random, known.gain) == (found.hot, found.random, found.gain)
    p = probe(edge_mm=4)
    order = falling(p.blocks.mean(truth), 0)
    hot = order[: counted(p.blocks.voxels, order, 0.2)]
    left = truth.sum() - sum(truth[p.blocks.index == n].sum() for n in hot)
    assert found.hot == pytest.approx(0.5 + left, rel=1e-5)
    assert found.before == pytest.approx(0.5 + truth.sum(), rel=1e-5)
    assert found.gain.value == pytest.approx(found.random - found.hot) and found.gain.value > 0
    assert found.fractions == pytest.approx((0.2, 0.2), abs=0.01)
    assert found.gain.unit == "logit" and found.gain.chance == 0.0
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize("folds, mirror", [(1, ()), (2, (1,))])
def test_windows_that_do_not_meet_the_set_are_not_run_and_the_numbers_are_those_of_all(folds, mirror):
    array, mask = case(where=(slice(3, 7), slice(5, 8), slice(2, 5)))
    m = windowed_model(windows(mirror=mirror), folds=folds, kind="none")
    for network in m.networks:
        network.float()
    image, target = Image(array, WINDOW_GRID), PixelSet(mask, WINDOW_GRID, "lesion")
    rerun = Rerun(m)
    density = np.random.default_rng(1).random(WINDOW_GRID.shape)
    p = ImageProbe(rerun, image, target, ClassLogit(1), edge_mm=4.0)
    curve = deletion_curve(p, density, fractions=(0.3,))
    session = open_session(m, image)
    session.prepared()
    everywhere = PixelSet(np.ones(WINDOW_GRID.shape), WINDOW_GRID)
    each, everything = session.runs_around(target), session.runs_around(everywhere)
    assert rerun.forward_calls == 3 * each and each < everything
    assert p.predictions == 3 == cost(1, (0.3,))
    order = falling(p.blocks.mean(density), 0)
    n = counted(p.blocks.voxels, order, 0.3)
    changed = p.removed(np.isin(np.arange(p.blocks.count), order[:n]))
    full = Rerun(m)
    assert curve.logits[1] == pytest.approx(full.see(changed).mean_score(target, ClassLogit(1)), rel=1e-6)
    assert full.forward_calls == everything
    # with Dice only the windows that meet M or the region of interest are run
    region = ImageProbe(rerun, image, target, ClassLogit(1), edge_mm=4.0, dice=True)
    before = rerun.forward_calls
    again = deletion_curve(region, density, fractions=(0.3,))
    assert (rerun.forward_calls - before) == 3 * session.runs_around(region.around) < 3 * everything
    assert again.logits == pytest.approx(curve.logits, rel=1e-6)
    assert again.dice is None or again.dice[0] == 1.0


def test_a_2d_network_goes_through_a_volume_and_only_the_slices_of_the_set_are_run():
    array, mask = case((5, 16, 16), (slice(1, 3), slice(2, 5), slice(3, 6)))
    grid = Grid.from_spacing((5, 16, 16), (3.0, 1.0, 1.0))
    network = toys.make(dims=2, kind="none").float()
    m = PlainModel(network, CLASSES, spatial_dims=2)
    image, target = Image(array, grid), PixelSet(mask, grid, "lesion")
    p = ImageProbe(Rerun(m), image, target, Contrast(1, 0), edge_mm=4.0)
    curve = deletion_curve(p, np.random.default_rng(0).random(grid.shape), fractions=())
    session = open_session(m, image)
    session.prepared()
    assert session.runs_around(target) == 2 and p.rerun.forward_calls == 4
    gone = p.removed(np.ones(p.blocks.count, bool)).array
    with torch.no_grad():
        logits = torch.stack([network(torch.tensor(gone[:, k], dtype=torch.float32)[None])[0] for k in range(5)], dim=1)
    truth = (logits[1] - logits[0])[torch.tensor(mask) > 0].mean()
    assert curve.empty == pytest.approx(float(truth), rel=1e-5)


def test_predictions_are_counted_beforehand_and_shared():
    _, truth = a_case()
    assert cost() == 10 and cost(6) == 50 and cost(13) == 106
    p = probe(edge_mm=4)
    gain_over_random(p, truth, orders=5)
    assert p.predictions <= cost(6)
    assert p.predictions == cost(6)  # enough blocks: no two states are the same
    deletion_curve(p, truth)
    assert p.predictions == cost(6)  # already seen


def test_progress_runs_forward_to_one_and_stops_the_work_with_everything_as_it_was():
    image, truth = a_case()
    network = torch.nn.Sequential(looks_away().network, torch.nn.BatchNorm3d(2)).train()
    model = PlainModel(network, ["background", "object"])
    state = {name: value.clone() for name, value in network.state_dict().items()}
    voxels = image.array.copy()
    told = []
    gain_over_random(probe(model, image), truth, orders=2, progress=lambda f, words: told.append((f, words)))
    assert [f for f, _ in told] == sorted(f for f, _ in told) and told[-1][0] == 1.0
    assert any("removed" in words for _, words in told)

    class Stop(Exception):
        pass

    def stop(fraction, words):
        if fraction > 0.5:
            raise Stop

    for job in (
        lambda: gain_over_random(probe(model, image), truth, progress=stop),
        lambda: one_step(Rerun(model), image, truth, organ(), ClassLogit(1), progress=stop),
    ):
        with pytest.raises(Stop):
            job()
        assert all(module.training and not module._forward_pre_hooks for module in network.modules())
        assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
        assert np.array_equal(image.array, voxels)
