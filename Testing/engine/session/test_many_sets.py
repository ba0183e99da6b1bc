"""Pixel sets of different classes in one question: the answers are the single questions', the passes are of one."""

import numpy as np
import pytest
import torch

from engine import toys
from engine.toy_cases import case as whole_case
from engine.windowed_models import CLASSES, GRID, SHAPE, case, model, slow_gradients, windows
from seghirescam.cam.placement.windows import Seeds, WindowPlan
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.errors import ClassError, EmptyPixelSetError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.question import Question
from seghirescam.protocol.recipes import FalseNegatives, PredictedClass, WholeImage
from seghirescam.session.explain import explain
from seghirescam.session.opening import open_session
from seghirescam.session.sets.known_sets import KnownSets

BOXES = (
    (slice(3, 7), slice(5, 10), slice(6, 12)),
    (slice(0, 3), slice(0, 5), slice(10, 20)),
    (slice(8, 12), slice(9, 16), slice(0, 6)),
)
#: class and rival of each box
PAIRS = ((1, 0), (2, 1), (1, 2))


def sets():
    found = []
    for n, box in enumerate(BOXES):
        mask = np.zeros(SHAPE)
        mask[box] = 1
        found.append(PixelSet(mask, GRID, f"set {n}"))
    return found


def singles(m, image, many, **words):
    """The same questions one by one, each in a session of its own."""
    found, calls = [], 0
    for n, pixels in enumerate(many):
        rival = {"rival": PAIRS[n][1]} if words.get("score") == "contrast" else {}
        session = open_session(m, image, keep=False, precision=words.get("precision", "fp32"))
        own = {k: v for k, v in words.items() if k != "precision"}
        found += session.ask(pixels, class_index=PAIRS[n][0], **rival, **own)
        calls += session.forward_calls
    return found, calls


def same(found, truth):
    """Windows are added up in another order, so that the last bit may differ."""
    assert len(found) == len(truth)
    for one, other in zip(found, truth, strict=True):
        facts = ("class_index", "score_title", "pixel_set_label", "method", "status", "side")
        assert [getattr(one, name) for name in facts] == [getattr(other, name) for name in facts]
        assert one.layer.name == other.layer.name and one.grid.same_as(other.grid)
        assert one.provenance == other.provenance and len(one.notes) == len(other.notes)
        assert one.score == pytest.approx(other.score, rel=1e-6)
        assert np.abs(one.map - other.map).max() <= 1e-6 * np.abs(other.map).max()


@pytest.mark.parametrize("folds, mirror", [(1, ()), (2, (1,))])
@pytest.mark.parametrize("score", ["logit", "contrast", "log_odds"])
def test_windows_are_run_once_for_all_classes_and_every_map_is_the_single_question_s(folds, mirror, score):
    array, _ = case()
    m, image, many = model(windows(mirror=mirror), folds=folds), Image(array, GRID), sets()
    words = {"score": score, "layers": ["encoder.2", "decoder.1"], "methods": ["seg_hires_grad_cam", "seg_grad_cam"]}
    rivals = {"rival": [rival for _, rival in PAIRS]} if score == "contrast" else {}
    session = open_session(m, image, keep=False)
    found = session.ask(many, class_index=[index for index, _ in PAIRS], **rivals, **words)
    truth, _ = singles(m, image, many, **words)
    same(found, truth)
    plan = WindowPlan.of(m.windows, SHAPE)
    met = {offset for pixels in many for offset in Seeds.of(plan, pixels.weights).touched}
    predicting = len(plan.offsets) if score == "log_odds" else 0
    runs = len(plan.flips) * folds
    # the passes of a prediction serve the windows that meet a set
    assert session.forward_calls == (predicting or len(met)) * runs


def test_several_classes_in_windows_are_the_definition():
    array, _ = case()
    m, many = model(windows()), sets()
    plan = WindowPlan.of(m.windows, SHAPE)
    found = open_session(m, Image(array, GRID)).ask(
        many, class_index=[a for a, _ in PAIRS], rival=[b for _, b in PAIRS], score="contrast", layers=["encoder.1"]
    )
    for one, pixels, (own, rival) in zip(found, many, PAIRS, strict=True):
        seed = torch.zeros((3, *SHAPE), dtype=torch.float64)
        seed[own] += torch.tensor(pixels.weights)
        seed[rival] -= torch.tensor(pixels.weights)
        score, parts = slow_gradients(m, array, plan, "encoder.1", seed)
        assert one.score == pytest.approx(score, rel=1e-6)
        stride = one.layer.stride
        slow = np.zeros([-(-n // s) for n, s in zip(SHAPE, stride, strict=True)])
        for _, offset, _, a, g in parts:
            place = tuple(slice(o // s, o // s + n) for o, s, n in zip(offset, stride, a.shape[1:], strict=True))
            slow[place] += (a * g).sum(dim=0).numpy()
        reads = np.array(one.layer.reads if one.side == "reading" else one.layer.writes)
        low = np.round((GRID.kji(one.grid.ras((0, 0, 0))) - reads) / np.array(stride)).astype(int)
        box = tuple(slice(o, o + n) for o, n in zip(low, one.map.shape, strict=True))
        assert np.abs(one.map - slow[box]).max() <= 1e-5 * np.abs(slow).max()
        slow[box] = 0
        assert np.abs(slow).max() <= 1e-12


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("keep", [True, False])
def test_one_pass_answers_all_classes_of_a_whole_image(dims, keep):
    m = PlainModel(toys.make(dims=dims), CLASSES, spatial_dims=dims)
    grid = Grid.from_spacing((1, 16, 16) if dims == 2 else (8, 16, 16))
    rng = np.random.default_rng(0)
    image = Image(rng.normal(size=grid.shape), grid)
    many = [PixelSet(rng.random(grid.shape) < 0.3, grid, f"set {n}") for n in range(3)]
    words = {"layers": ["encoder.2", "decoder.1"], "methods": ["seg_hires_grad_cam", "seg_ablation_cam"]}
    session = open_session(m, image, keep=keep)
    found = session.ask(many, class_index=[a for a, _ in PAIRS], **words)
    truth, _ = singles(m, image, many, **words)
    for one, other in zip(found, truth, strict=True):
        assert (one.layer.name, one.method, one.score_title) == (other.layer.name, other.method, other.score_title)
        assert one.score == pytest.approx(other.score, rel=1e-6)
        assert np.abs(one.map - other.map).max() <= 1e-6 * np.abs(other.map).max()
    plain = open_session(m, image, keep=keep)
    plain.ask(many, class_index=[a for a, _ in PAIRS], layers=words["layers"])
    assert plain.forward_calls == 1


@pytest.mark.parametrize("name", ["seg_ablation_cam", "seg_full_grad"])
def test_methods_with_passes_of_their_own_answer_every_class_in_windows(name):
    array, _ = case()
    m, image, many = model(windows()), Image(array, GRID), sets()
    words = {"layers": ["encoder.2"], "methods": [name]}
    found = open_session(m, image, keep=False).ask(many, class_index=[a for a, _ in PAIRS], **words)
    truth, _ = singles(m, image, many, **words)
    for one, other in zip(found, truth, strict=True):
        assert one.score == pytest.approx(other.score, rel=1e-6) and one.score_title == other.score_title
        assert np.abs(one.map - other.map).max() <= 1e-6 * np.abs(other.map).max()


def test_in_bf16_every_answer_is_the_single_question_s():
    array, _ = case()
    m, image, many = model(windows()), Image(array, GRID), sets()
    m.networks[0].float()
    session = open_session(m, image, keep=False, precision="bf16")
    found = session.ask(many, class_index=[a for a, _ in PAIRS], layers=["encoder.2"])
    truth, _ = singles(m, image, many, layers=["encoder.2"], precision="bf16")
    same(found, truth)


def test_each_set_has_the_layer_it_would_have_alone_in_the_same_passes():
    array, _ = case()
    m, image = model(windows()), Image(array, GRID)
    small = np.zeros(SHAPE)
    small[5:7, 8:10, 8:10] = 1
    many = [WholeImage(), PixelSet(small, GRID, "small")]
    session = open_session(m, image, keep=False)
    found = session.ask(many, class_index=[1, 2], layers="each")
    truth = [explain(m, image, one, class_index=n)[0] for n, one in enumerate(many, start=1)]
    assert found[0].layer.name != found[1].layer.name
    same(found, truth)
    assert session.forward_calls == len(WindowPlan.of(m.windows, SHAPE).offsets)


def test_one_set_goes_with_every_class_and_without_one_each_class_with_its_prediction():
    m, image, pixels = whole_case()
    found = open_session(m, image).ask(pixels, class_index=[1, 2], layers=["encoder.2"])
    assert [one.class_index for one in found] == [1, 2]
    assert {one.provenance["pixel_set_sha256"] for one in found} == {pixels.content_hash}
    assert len(Question(class_index=[1, 2, 0]).pixel_sets) == 3


@pytest.mark.parametrize(
    "words, sentence",
    [
        ({"class_index": [1, 2]}, "2 classes were named for 3 pixel set(s)."),
        ({"class_index": []}, "0 classes"),
        ({"class_index": 1, "score": "contrast", "rival": [0, 2]}, "2 rivals were named for 3 pixel set(s)."),
    ],
)
def test_numbers_that_do_not_fit_are_refused(words, sentence):
    with pytest.raises(ClassError, match=sentence[:12]) as refused:
        Question(pixel_sets=sets(), **words)
    assert sentence in str(refused.value)


# what is shared, held and given up


def test_answers_are_handed_over_set_by_set_and_the_list_stays_empty():
    array, _ = case()
    for m in (model(windows()), PlainModel(toys.make(), CLASSES)):
        image, got = Image(array, GRID), []
        session = open_session(m, image)
        words = {"class_index": [a for a, _ in PAIRS], "layers": ["encoder.2", "decoder.1"]}
        assert session.ask(sets(), receive=got.append, **words) == []
        same(got, open_session(m, image).ask(sets(), **words))


def test_sets_whose_maps_do_not_fit_together_are_asked_in_groups_and_it_is_said():
    array, _ = case()
    m, image, many = model(windows()), Image(array, GRID), sets()
    words = {"class_index": [a for a, _ in PAIRS], "layers": ["decoder.1"]}
    free = open_session(m, image, keep=False)
    truth = free.ask(many, **words)
    tight = open_session(m, image, keep=False, working_bytes=1)
    found = tight.ask(many, **words)
    for one, other in zip(found, truth, strict=True):
        assert np.abs(one.map - other.map).max() <= 1e-6 * np.abs(other.map).max()
    plan = WindowPlan.of(m.windows, SHAPE)
    met = [len(Seeds.of(plan, pixels.weights).touched) for pixels in many]
    assert tight.forward_calls == sum(met) > free.forward_calls
    assert any("The 3 pixel sets were asked in 3 groups" in note for note in found[0].notes)
    assert not any("groups" in note for one in truth for note in one.notes)


def test_channel_weights_of_all_windows_take_one_forward_each_where_the_activations_can_be_held():
    array, mask = case()
    m, image = model(windows(mirror=(0, 2)), folds=2), Image(array, GRID)
    words = {"class_index": 1, "layers": ["encoder.1"], "methods": "seg_grad_cam"}
    held = open_session(m, image, keep=False)
    (one,) = held.ask(PixelSet(mask, GRID), **words)
    twice = open_session(m, image, keep=False, working_bytes=1)
    (other,) = twice.ask(PixelSet(mask, GRID), **words)
    assert np.array_equal(one.map, other.map) and one.score == other.score and one.numbers == other.numbers
    assert twice.forward_calls == 2 * held.forward_calls
    assert any("The network ran twice" in note for note in other.notes)
    assert not any("twice" in note for note in one.notes)


@pytest.mark.parametrize(
    "recipe, index", [(PredictedClass(), 1), (FalseNegatives(sets()[0]), 2)], ids=["predicted", "missed"]
)
@pytest.mark.parametrize("folds, mirror", [(1, ()), (2, (1,))])
def test_the_passes_of_a_prediction_serve_the_question_about_it(recipe, index, folds, mirror):
    array, _ = case()
    m, image = model(windows(mirror=mirror), folds=folds), Image(array, GRID)
    session = open_session(m, image, keep=False)
    found = session.ask(recipe, class_index=index)
    frugal = open_session(m, image, keep=False, memory_budget_bytes=0)
    truth = frugal.ask(recipe, class_index=index)
    same(found, truth)
    plan = WindowPlan.of(m.windows, SHAPE)
    everything = len(plan.offsets) * len(plan.flips) * folds
    met = len(Seeds.of(plan, recipe.resolve(session._seen(index)).weights).touched) * len(plan.flips) * folds
    assert frugal.forward_calls == everything + met
    if isinstance(recipe, PredictedClass):
        assert session.forward_calls == everything
    assert session.kept_bytes == 0 and not session.recorded


def test_a_shortage_while_explaining_keeps_the_finished_prediction(monkeypatch):
    array, _ = case()
    m, image = model(windows()), Image(array, GRID)
    session = open_session(m, image, keep=False, windows_together=2)
    whole = session.logits()
    session.layers()
    before = session.forward_calls
    fail = [torch.OutOfMemoryError("CUDA out of memory")]
    own = m.networks[0].forward

    def forward(x):
        if fail:
            raise fail.pop()
        return own(x)

    monkeypatch.setattr(m.networks[0], "forward", forward)
    (found,) = session.ask(class_index=1, layers=["encoder.2"])
    assert any("Went on with one window at a time" in note for note in found.notes)
    plan = WindowPlan.of(m.windows, SHAPE)
    met = len(Seeds.of(plan, session.predict(1).weights).touched)
    assert session.forward_calls - before <= met + 1  # the one that failed
    assert np.array_equal(session.logits(), whole)


@pytest.mark.parametrize("windowed", [True, False])
@pytest.mark.parametrize("layers", ["each", "default", ["encoder.2"]])
def test_an_empty_set_among_many_is_told_and_the_others_are_answered(windowed, layers):
    array, mask = case()
    m = model(windows()) if windowed else PlainModel(toys.make(), CLASSES)
    image, told = Image(array, GRID), {}
    full = PixelSet(mask, GRID, "full")
    many = [PixelSet(np.zeros(SHAPE), GRID, "nothing"), full, PredictedClass()]
    session = open_session(m, image)
    found = session.ask(many, class_index=[1, 1, 1], layers=layers, refused=lambda n, error: told.update({n: error}))
    truth = open_session(m, image).ask(many[1:], class_index=[1, 1], layers=layers)
    same(found, truth)
    assert list(told) == [0] and "nothing" in str(told[0])
    with pytest.raises(EmptyPixelSetError):
        session.ask(many, class_index=[1, 1, 1], layers=layers)
    with pytest.raises(EmptyPixelSetError, match="None of the pixel sets"):
        session.ask(many[:1], class_index=1, layers=layers, refused=lambda n, error: None)


def test_the_public_verb_takes_a_class_for_each_pixel_set():
    import seghirescam

    m, image, pixels = whole_case()
    found = seghirescam.explain(m, image, [pixels, pixels], target=[1, 2], layers=["encoder.2"])
    truth = [explain(m, image, pixels, class_index=n, layers=["encoder.2"])[0] for n in (1, 2)]
    assert [one.class_index for one in found] == [1, 2]
    assert all(np.array_equal(one.map, other.map) for one, other in zip(found, truth, strict=True))


def test_of_many_sets_a_bit_a_voxel_of_the_box_is_kept_and_each_look_gives_the_set():
    random = np.random.default_rng(4)
    hard, soft, nothing = random.random(SHAPE) < 0.3, random.random(SHAPE).astype(np.float32), np.zeros(SHAPE)
    soft[:, :4] = 0
    known = KnownSets(boxed=True)
    for n, weights in enumerate((hard, soft, nothing)):
        known[n] = PixelSet(weights, GRID, f"set {n}", notes=("a note",))
        again = known[n]
        assert (again.weights == weights).all() and (again.label, again.notes) == (f"set {n}", ("a note",))
    cells = int(np.prod(SHAPE))
    assert known.nbytes <= cells / 8 + 1 + 4 * cells * (SHAPE[1] - 4) / SHAPE[1] + 1
