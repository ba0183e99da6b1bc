"""The ROAR benchmark in a reduced form: what it removes, what it puts there, what it writes, what it computes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.roar import maps, network, removal, rows_file, table, toy
from benchmarks.roar.rows_file import CONTEXT, HOLES, KEEP, NOTHING, PLAIN, REMOVE, Job, Result
from benchmarks.roar.run import Seed, Settings, plan, prepare, run

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "roar"
SMALL = Settings(seeds=(3,), train_cases=8, test_cases=4, recipe=network.Recipe(steps=2, batch=4))


def quiet(words):
    pass


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_exactly_the_fraction_of_what_may_be_removed_goes(fraction):
    rng = np.random.default_rng(0)
    ranked = removal.order(rng.normal(size=(64, 64)), seed=1)
    body = rng.random((64, 64)) < 0.04
    free = 4096 - np.count_nonzero(body)
    gone = removal.removed(ranked, fraction, body)
    assert np.count_nonzero(gone) == round(fraction * free) and not (gone & body).any()
    kept = removal.removed(ranked, fraction, body, keep=True)
    assert np.array_equal(kept, ~gone & ~body)
    assert np.count_nonzero(removal.removed(ranked, fraction)) == round(fraction * 4096)


def test_pixels_go_by_positive_evidence_and_ties_by_chance():
    density = np.full((1, 8, 8), -5.0)
    density[0, 2, 3], density[0, 7, 7], density[0, 0, 1] = 3, 2, 1
    one, same, other = (removal.order(density, seed) for seed in (1, 1, 2))
    assert one[:3].tolist() == [19, 63, 1] == other[:3].tolist()
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    assert sorted(one) == list(range(64))


def slow_local_mean(image, gone):
    out = image.astype(np.float64)
    for j, i in np.argwhere(gone):
        reach = removal.FIRST_REACH
        while True:
            window = np.s_[max(0, j - reach) : j + reach + 1, max(0, i - reach) : i + reach + 1]
            if (~gone[window]).any():
                out[j, i] = image[window][~gone[window]].astype(np.float64).mean()
                break
            reach *= 2
    return out


@pytest.mark.parametrize("share", [0.1, 0.9, 0.999])
def test_the_replacement_is_the_mean_of_the_nearest_kept_pixels_and_these_stay_bit_for_bit(share):
    rng = np.random.default_rng(4)
    image = rng.normal(size=(32, 32)).astype(np.float32)
    gone = rng.random((32, 32)) < share
    gone[:20, :20] = True
    found = removal.local_mean(image, gone)
    assert np.array_equal(found[~gone], image[~gone]) and found.dtype == np.float32
    assert found == pytest.approx(slow_local_mean(image, gone), abs=1e-6)


def test_a_hole_in_a_constant_is_filled_with_the_constant_and_nothing_kept_gives_zero():
    gone = np.zeros((16, 16), dtype=bool)
    gone[3:12, 4:13] = True
    constant = np.full((16, 16), 7.25, dtype=np.float32)
    assert removal.local_mean(constant, gone) == pytest.approx(constant, abs=1e-6)
    assert not removal.local_mean(constant, np.ones_like(gone)).any()


def test_only_the_patch_tells_the_class():
    cases = toy.make_cases(0, 40)
    assert cases.classes.tolist() == [1, 2] * 20
    patch = np.array([image[cue].mean() for image, cue in zip(cases.images, cases.cues, strict=True)])
    assert (patch[0::2] > 0).all() and (patch[1::2] < 0).all()
    # the patch is the same disc for both classes, outside the body and to its left
    sizes = cases.cues.sum(axis=(1, 2))
    assert abs(sizes[0::2].mean() - sizes[1::2].mean()) < 3 and not (cases.cues & cases.bodies).any()
    for cue, body in zip(cases.cues, cases.bodies, strict=True):
        assert np.argwhere(cue)[:, 1].max() < np.argwhere(body)[:, 1].mean()
    changed = [removal.local_mean(image, cue) for image, cue in zip(cases.images, cases.cues, strict=True)]
    filled = np.array([image[cue].mean() for image, cue in zip(changed, cases.cues, strict=True)])
    assert abs(filled[0::2].mean() - filled[1::2].mean()) < 0.05 * (patch[0::2].mean() - patch[1::2].mean())


def test_the_layer_is_the_default_one_of_these_bodies():
    from seghirescam.models.plain import PlainModel
    from seghirescam.protocol.image import Image
    from seghirescam.protocol.pixel_set import PixelSet
    from seghirescam.session.explain import explain

    torch.manual_seed(0)
    model = PlainModel(network.ToyUNet().eval(), toy.CLASSES, spatial_dims=2, divisor=8)
    cases = toy.make_cases(1, 2)
    for image, body in zip(cases.images, cases.bodies, strict=True):
        (found,) = explain(model, Image(image[None, None], maps.GRID), PixelSet(body[None], maps.GRID), class_index=1)
        assert found.layer.name == maps.LAYER and found.layer.cells == (1, 16, 16)


def test_dice_is_that_of_the_own_class():
    labels, drawn = np.zeros((3, 4, 4), dtype=np.uint8), np.zeros((3, 4, 4), dtype=np.uint8)
    labels[0, :2], labels[1, 0], labels[2, 0] = 1, 2, 1
    drawn[0, 1:3], drawn[1, 0] = 1, 1
    assert network.dice(drawn, labels) == pytest.approx([0.5, 0, 0])


def test_classes_are_told_apart_by_the_margin_inside_the_body():
    labels = np.zeros((4, 4, 4), dtype=np.uint8)
    labels[:2, 0], labels[2:, 0] = 1, 2
    logits = np.zeros((4, 3, 4, 4))
    logits[:, 1, 0] = np.array([3, 1, 1, -2])[:, None]
    logits[:, 2, 2] = 100 * np.arange(4)[:, None]  # outside the bodies: of no account
    # of the four pairs the first is larger in three, equal in one
    assert network.told_apart(logits, labels) == pytest.approx(3.5 / 4)


def test_the_holes_alone_hold_nothing_of_the_image_but_the_body():
    seed = Seed(3, SMALL, None, quiet)
    images, _, gone = seed.changed(Job(CONTEXT, HOLES, "cause", 0.1, 3))
    bodies = seed.train.bodies
    assert gone[seed.test.cues].all() and not gone[seed.test.bodies].any()
    assert np.array_equal(images[bodies], seed.train.images[bodies])
    assert set(np.unique(images[~bodies])) == {0, 1} and (images[seed.train.cues] == 1).all()


def test_the_same_seed_trains_the_same_network():
    cases = toy.make_cases(2, 8)
    one, two = (network.train(cases.images, cases.labels, 5, SMALL.recipe).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_the_blur_stops_where_the_length_is_the_other_maps():
    rng = np.random.default_rng(0)
    sharp, smooth = (maps.blurred(rng.normal(size=(1, 64, 64)), sigma) for sigma in (1, 3))
    found, sigma = maps.matched_blur(sharp, smooth)
    assert 2 < sigma < 4
    assert maps.length(found) == pytest.approx(maps.length(smooth), rel=0.03)
    same, none = maps.matched_blur(smooth, sharp)
    assert none == 0 and np.array_equal(same, smooth)


def test_an_interrupted_run_goes_on_and_gives_the_same_rows(tmp_path):
    jobs = [Job(CONTEXT, REMOVE, row, 0.1, 3) for row in (maps.HIRES, "cause")]
    whole, broken, cache = tmp_path / "whole.csv", tmp_path / "broken.csv", tmp_path / "cache"
    run(prepare(SMALL, whole, None, quiet), jobs, whole, quiet)
    truth = rows_file.read(whole)
    assert list(truth) == [Job("", "", NOTHING, 0.0, 3), *jobs]

    class Stop(Exception):
        pass

    def stop(words):
        if words.startswith("1/2"):
            raise Stop

    with pytest.raises(Stop):
        run(prepare(SMALL, broken, cache, quiet), jobs, broken, stop)
    with broken.open("a") as file:
        file.write("context,remove,cause,0.1,3,0.9")  # a write that was cut off
    said = []
    run(prepare(SMALL, broken, cache, said.append), jobs, broken, said.append)
    assert [words.split()[0] for words in said] == ["2/2"]
    found = rows_file.read(broken)
    assert list(found) == list(truth)
    for job, result in truth.items():
        assert replace(found[job], cpu_s=0) == replace(result, cpu_s=0)
    assert truth[jobs[1]].cause_gone == 1 and truth[jobs[1]].body_gone == 0
    assert truth[jobs[0]].dice == pytest.approx(np.mean(truth[jobs[0]].cases) / 1000, abs=1e-3)


def constructed(seeds, fractions, variant=CONTEXT):
    """Every row drops by a tenth of its place, plus the seed's own hundredths, at every fraction."""
    cases = {seed: np.full(4, 900) for seed in seeds}
    rows = {Job("", "", NOTHING, 0.0, s): Result(0.9, 1, 0, 0, 1, tuple(cases[s])) for s in seeds}
    for seed, extra in zip(seeds, (0.0, 0.01, 0.05), strict=False):
        for place, row in enumerate(maps.ROWS):
            dice = 0.9 - 0.01 * place - extra * (row == maps.HIRES)
            result = Result(dice, 1, 0.5, 0, 1, (round(1000 * dice),) * 4)
            rows |= {Job(variant, REMOVE, row, f, seed): result for f in fractions}
    return rows


def test_the_gain_is_a_difference_of_drops_with_students_interval_over_the_seeds():
    part = table.Part(constructed((0, 1, 2), (0.1, 0.3)), CONTEXT, REMOVE)
    place = maps.ROWS.index("cause")
    assert part.drop[place] == pytest.approx(np.full((2, 3), 0.01 * place))
    plain = part.difference("cause", maps.GRAD)
    assert plain.seeds == pytest.approx((0.01 * (place - 1),) * 2) == plain.cases
    ours = part.difference(maps.HIRES, maps.GRAD)
    half = 4.302653 * 0.0264575 / 3**0.5  # t of two degrees of freedom; the deviation of 0, 1 and 5 hundredths
    assert ours.mean == pytest.approx(-0.01 + 0.02)
    assert ours.seeds == pytest.approx((0.01 - half, 0.01 + half), rel=1e-5)


def test_a_fraction_that_is_not_complete_is_in_no_number():
    rows = constructed((0, 1, 2), (0.1, 0.3))
    del rows[Job(CONTEXT, REMOVE, "edges", 0.3, 2)]
    part = table.Part(rows, CONTEXT, REMOVE)
    assert part.fractions == [0.1] and part.drop.shape == (len(maps.ROWS), 1, 3)
    assert table.Part(rows, PLAIN, REMOVE).fractions == []


def test_the_plan_holds_every_row_fraction_and_seed_once():
    jobs = plan(Settings())
    assert len(set(jobs)) == len(jobs) == len(maps.ROWS) * 3 * (5 + 1 + 5 + 2)
    assert {job.mode for job in jobs[-6:]} == {KEEP}


def test_the_committed_table_is_that_of_the_committed_rows():
    about = json.loads((RESULTS / "roar.json").read_text())
    found = rows_file.read(RESULTS / "roar.csv")
    assert about["settings"] == Settings().to_json() and about["trainings"] == len(found)
    assert (RESULTS / "table.md").read_text() == table.markdown(found, about)
