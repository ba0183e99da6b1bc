"""Every segment of a segmentation at once: read into label maps as each is by itself, and asked as the command line."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from mrml.asking import SHAPE, answer, makeCase, makePanel, ready
from seghirescam.cli.segments.which_class import classes_of_segments
from seghirescam.io.label_maps import Label
from seghirescam.protocol.display.map_grids import LAYER
from seghirescam.protocol.errors import PixelSetError
from seghirescam.protocol.explanation import ClassInfo
from seghirescam.protocol.messages import LabelledPixels, sets_from_json, sets_to_json
from seghirescam.protocol.recipes import Component, FalsePositives, Segment
from SegHiResGradCAMLib.panel.question.SegmentClasses import segmentClasses
from SegHiResGradCAMLib.panel.trust.FastCheckLogic import KEY
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume
from SegHiResGradCAMLib.scene.segments import SegmentLabels
from SegHiResGradCAMLib.scene.segments.PixelSetReader import readPixelSet
from SegHiResGradCAMLib.scene.segments.SegmentLabels import boxSteps, manyPixelSteps
from SegHiResGradCAMLib.schedule.Steps import finished
from stage.builders import addSegmentation, addTransform, addVolume, obliqueMatrix

RANDOM = np.random.default_rng(3)


def scattered(label, count=9):
    """One of several sets of voxels that lie among each other and do not overlap."""
    return np.random.default_rng(5).integers(0, count, SHAPE) == label


@pytest.fixture
def volume(mrml):
    made = addVolume(RANDOM.normal(size=SHAPE).astype(np.float32), obliqueMatrix(), "volume")
    addTransform(obliqueMatrix((1, 1, 1), (5, 25, -10), (3, -4, 5)), made)
    return made


def read(node, volume, ids=None):
    """(the pixel sets, {segment id: why it has none})"""
    refused = {}
    ids = ids or list(node.GetSegmentation().GetSegmentIDs())
    return finished(manyPixelSteps(node, volume, ids, refused.__setitem__)), refused


@pytest.mark.parametrize("together", [False, True])
def test_each_segment_is_read_as_by_itself_into_as_few_label_maps_as_overlap(volume, together):
    masks = {f"s{n}": scattered(n) for n in range(9)} | {
        "whole": np.ones(SHAPE, bool),
        "half": scattered(0) | scattered(1),
    }
    node = addSegmentation(volume, **masks, nothing=None)
    if together:
        node.GetSegmentation().CollapseBinaryLabelmaps(False)
    found, refused = read(node, volume)
    assert list(refused) == ["nothing"] and "'nothing'" in refused["nothing"]
    for pixels, (name, mask) in zip(found, masks.items(), strict=False):
        truth = readPixelSet(node, name, volume)
        whole = pixels.boxed().whole()
        assert (whole.weights == truth.weights).all() and (whole.weights == mask).all()
        assert whole.label == truth.label and whole.grid.same_as(truth.grid, 1e-12)
    assert len({id(one.labels) for one in found[:-1]}) == 3  # what overlaps: s0, half, whole
    assert found[-1].inner.sum() == 0


def test_a_segmentation_of_another_geometry_is_read_as_each_by_itself(volume):
    matrix = obliqueMatrix((0.6, 0.6, 0.9), (10, 5, 0), (0, 0, 0))
    matrix[:3, 3] = gridOfVolume(volume).ras((8, 8, 8)) - matrix[:3, :3] @ (15, 15, 4)
    fine = addVolume(np.zeros((30, 30, 30), np.uint8), matrix, "fine")
    masks = {name: RANDOM.random((30, 30, 30)) < 0.4 for name in ("one", "two")}
    far = np.zeros((30, 30, 30), bool)
    far[29, 0, 0] = True
    node = addSegmentation(fine, **masks, far=far)
    found, refused = read(node, volume)
    with pytest.raises(PixelSetError) as alone:
        readPixelSet(node, "far", volume)
    assert refused == {"far": alone.value.sentence}
    for pixels, name in zip(found, masks, strict=False):
        truth = readPixelSet(node, name, volume)
        assert truth.weights.any() and (pixels.boxed().whole().weights == truth.weights).all()


def test_boxes_are_those_of_a_slow_search(monkeypatch):
    monkeypatch.setattr(SegmentLabels, "_BOX_VOXELS", 100)
    labels = RANDOM.integers(0, 2000, (13, 7, 11)).astype(np.uint16)
    labels[labels > 40] = 0
    found = finished(boxSteps(labels, 45))
    assert set(found) == set(np.unique(labels)) - {0}
    for label, (start, shape) in found.items():
        places = np.argwhere(labels == label)
        assert start == tuple(places.min(axis=0)) and shape == tuple(np.ptp(places, axis=0) + 1)


def test_label_maps_over_the_bound_are_refused_before_they_are_made(volume, monkeypatch):
    node = addSegmentation(volume, **{f"s{n}": np.ones(SHAPE, bool) for n in range(4)})
    monkeypatch.setattr(SegmentLabels, "MOST_BYTES", 3 * np.prod(SHAPE))
    with pytest.raises(PixelSetError, match="overlap so much"):
        read(node, volume)
    assert len(read(node, volume, ["s0", "s1", "s2"])[0]) == 3


def test_a_label_map_travels_once_where_that_is_less_and_arrives_as_it_was(volume):
    node = addSegmentation(volume, **{f"s{n}": scattered(n) for n in range(9)}, small=np.zeros(SHAPE, bool))
    found, _ = read(node, volume, [f"s{n}" for n in range(9)])
    forms = [Segment, FalsePositives, Component.asked]
    sets = [forms[n % 3](pixels) for n, pixels in enumerate(found)]
    kept, loads = {}, []

    def save(array, what="pixels"):
        kept[f"{what}_{len(kept)}.npy"] = array
        return f"{what}_{len(kept) - 1}.npy"

    def load(name):
        loads.append(name)
        return kept[name]

    line = json.loads(json.dumps(sets_to_json(sets, save)))
    assert [array.nbytes for array in kept.values()] == [np.prod(SHAPE)]  # one byte a voxel for nine segments
    back = sets_from_json(line, load)
    assert len(loads) == 1
    for one, sent in zip(back, found, strict=True):
        given = getattr(one, one.given)
        given = getattr(given, "pixels", given)
        assert (given.weights == sent.boxed().whole().weights).all() and given.label == sent.label
    kept.clear()  # alone it travels as its box, and so do small ones among a large map
    sets_to_json(sets[:1], save)
    assert [array.shape for array in kept.values()] == [found[0].shape]
    labels = np.zeros((64, 64, 64), np.uint8)
    labels[3, 4, 5], labels[9, 9, 9] = 1, 2
    few = [LabelledPixels(labels, n, s, (1, 1, 1), found[0].grid, "") for n, s in ((1, (3, 4, 5)), (2, (9, 9, 9)))]
    few = [LabelledPixels(labels, x.value, x.start, x.shape, x.grid.strided((1, 1, 1), (0, 0, 0), labels.shape), "")
           for x in few]  # fmt: skip
    kept.clear()
    sets_to_json([Segment(one) for one in few], save)
    assert [array.tolist() for array in kept.values()] == [[[[1]]], [[[1]]]]


@pytest.mark.parametrize("rival", ["", "liver"])
@pytest.mark.parametrize("chosen", ["", "Spleen", "liver"])
def test_who_is_asked_about_which_class_is_what_the_command_line_says(chosen, rival):
    classes = ("background", "liver", "Spleen", "left kidney")
    names = ("LIVER", "spleen", "left_kidney", "Left-Kidney", "tumour", "liver 2")
    model = SimpleNamespace(
        classes=[ClassInfo(n, name) for n, name in enumerate(classes)], class_index=lambda word: _index(classes, word)
    )
    labels = [Label(n + 1, name, 0) for n, name in enumerate(names)]
    found, out = segmentClasses(tuple((str(n + 1), name, name) for n, name in enumerate(names)), chosen, rival, classes)
    words = ([chosen] if chosen else [], [rival] if rival else [], model)
    if not found:  # the command line ends there, the panel says so before
        return
    theirs, left = classes_of_segments(labels, *words)
    assert [(one.segmentId, classes.index(one.className)) for one in found] == [
        (str(one.label.value), one.class_index) for one in theirs
    ]
    assert [(one.name, one.reason) for one in out] == [(one.name, one.reason) for one in left]


def _index(classes, word):
    return word if isinstance(word, int) else classes.index(word)


def panelOf(mrml, case, **fields):
    panel = makePanel(mrml, {KEY: "no"})
    return panel, ready(panel, case, allSegments=True, **fields)


def test_a_single_segment_with_a_class_is_asked_as_the_only_one(mrml):
    panel, _ = panelOf(mrml, makeCase())
    panel.presenter.apply()
    _, _, _, question = panel.engine.sent[-1]
    assert (question["class_index"], question["layers"]) == (["Lesion"], "default")
    assert [one.pixels.label for one in question["pixel_sets"]] == ["segment 'lesion'"]
    case = (panel.presenter.parameters.volume, panel.presenter.parameters.segmentation)
    told = answer(case, "encoder.1", "encoder.2") | {"places": [0, 0], "left_out": [], "shown": None, "on": None}
    panel.presenter.onAnswer(told)
    (node,) = panel.presenter.desk.results.nodes()
    origin = panel.presenter.desk.results.origin(node)
    assert list(origin.maps) == ["encoder.1", "encoder.2"] and origin.question["class_index"] == "Lesion"
    said = panel.states[-1].run.status
    assert said == (
        "Done in 1.2 s, 1 forward pass for all. lesion as Lesion. Left out: other (No class of the model is called so)."
    )


def test_maps_that_stay_on_their_cells_are_said_and_asked_further_there(mrml):
    panel, p = panelOf(mrml, makeCase())
    panel.presenter.pick(className="background")
    panel.presenter.apply()
    _, _, _, question = panel.engine.sent[-1]
    assert (question["class_index"], question["layers"]) == (["background"] * 2, "each")
    told = answer((p.volume, p.segmentation), "encoder.1", "encoder.2")
    told |= {"places": [0, 1], "left_out": [], "shown": [None, None], "on": LAYER}
    panel.presenter.onAnswer(told)
    results = panel.presenter.desk.results
    assert [next(iter(results.origin(node).maps)) for node in results.nodes()] == ["encoder.1", "encoder.2"]
    for node, sent in zip(results.nodes(), question["pixel_sets"], strict=True):
        origin = results.origin(node)
        assert origin.question["pixel_sets"] == [sent] and origin.question["layers"] == "default"
        assert origin.question["show"].on == LAYER and results.target(node, next(iter(origin.maps))) is None
    assert "on their layers' cells" in panel.states[-1].run.status


def test_a_segment_changed_while_all_are_read_ends_the_question(mrml):
    volume, segmentation = makeCase()
    steps = manyPixelSteps(segmentation, volume, ["lesion", "other"], lambda *words: None)
    next(steps)
    segmentation.GetSegmentation().GetSegment("other").SetName("renamed")
    segmentation.GetSegmentation().Modified()
    with pytest.raises(PixelSetError, match="changed while"):
        finished(steps)
