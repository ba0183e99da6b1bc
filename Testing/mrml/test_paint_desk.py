"""Painting over: what is offered, what is asked, and what stands in the scene afterwards, voxel by voxel."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

import slicer
from mrml.asking import SHAPE, answer, makePanel, ready
from SegHiResGradCAMLib import exportOverlay
from SegHiResGradCAMLib.panel.trust.FastCheckLogic import KEY
from SegHiResGradCAMLib.scene.nodes.Attachments import attachedTo
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume
from SegHiResGradCAMLib.scene.volumes.Voxels import Voxels
from stage.builders import addSegmentation, addTransform, addVolume, obliqueMatrix

SENTENCE = "Painting over the hottest part (3.2 ml): the mean logit falls from 5.1 to -0.4."


@pytest.fixture
def case(mrml):
    """A turned volume under a transform, segments 'lesion' and 'marker'."""
    volume = addVolume(np.random.default_rng(1).normal(size=SHAPE).astype(np.float32), obliqueMatrix(), "volume")
    addTransform(obliqueMatrix((1, 1, 1), (5, 25, -10), (3, -4, 5)), volume)
    lesion, marker = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    lesion[4:12, 4:12, 4:12] = marker[1:3, 13:15, 2:5] = True
    return volume, addSegmentation(volume, lesion=lesion, marker=marker)


@pytest.fixture
def panel(mrml, case):
    made = makePanel(mrml, {KEY: "no"})
    ready(made, case)
    made.presenter.apply()
    made.presenter.onAnswer(answer(case, "encoder.2", "decoder.1"))
    return made


def painted(volume, named="hottest part", sentence=SENTENCE, **masks):
    """A paint answer; masks not given are empty."""
    found = {"region": np.zeros(SHAPE, bool), "before": np.zeros(SHAPE, bool), "after": np.zeros(SHAPE, bool)} | masks
    arrays = {}
    for name, mask in found.items():
        voxels = Voxels(SHAPE, np.uint8)
        voxels.array[...] = mask
        arrays[name] = SimpleNamespace(voxels=voxels, grid=gridOfVolume(volume))
    facts = {"region": named, "sentence": sentence, "region_ml": 3.2, "change": -5.5, "flips": True}
    return {"painting": facts, "notes": ["A note."], "session": {"seconds": 0.5}, **arrays}


def box(low, high):
    mask = np.zeros(SHAPE, bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def paintings(node):
    return attachedTo(node, "painting")


def test_the_hottest_part_comes_first_then_what_is_coloured_then_boxes_and_other_segments(panel, mrml):
    options = {option.key: option.text for option in panel.states[-1].paint.regions}
    assert options == {
        "hottest": "Most important region (50 %)", "outside": "Most important outside (50 %)",
        "shown": "Coloured region (80 %)",
        "segment:marker": "Segment: marker",
    }  # fmt: skip
    assert panel.states[-1].paint.region == "hottest" and panel.states[-1].paint.reason == ""
    roi = mrml.AddNewNodeByClass("vtkMRMLMarkupsROINode", "bead")
    panel.presenter.sceneChanged()
    assert panel.states[-1].paint.regions[3].text == "ROI: bead"
    panel.presenter.paint.choose(panel.states[-1].paint.regions[3].key)
    assert panel.states[-1].paint.region == f"roi:{roi.GetID()}"
    mrml.RemoveNode(roi)
    panel.presenter.sceneChanged()
    assert panel.states[-1].paint.region == "hottest"  # what was chosen is gone
    panel.presenter.desk.setDisplay(share=0.5)
    assert "shown" not in [option.key for option in panel.states[-1].paint.regions]


def test_the_question_is_the_maps_own_with_the_chosen_region(panel, case, mrml):
    origin = panel.presenter.desk.results.origin(panel.presenter.desk.node)
    for key, share, outside in (("hottest", 0.5, False), ("outside", 0.5, True), ("shown", 0.8, False)):
        panel.presenter.paint.choose(key)
        panel.presenter.paint.paint()
        purpose, source, volumes, question = panel.engine.sent[-1]
        assert (purpose, source, volumes) == ("paint", "demo:honest", {"image": case[0]})
        region = question.pop("region")
        (cells, grid), wanted, away = region.map, region.share, region.outside
        assert cells is origin.maps["encoder.2"].map and grid is origin.maps["encoder.2"].grid
        assert (wanted, away) == (share, outside)
        (recipe,) = question.pop("pixel_sets")
        assert recipe.pixels.whole().voxels == 512
        assert question == {
            "class_index": "Lesion", "score": "logit", "rival": None, "device": None, "codeHash": "", "margin_mm": 2.0,
        }  # fmt: skip
        assert panel.states[-1].run.busy and "Masking out" in panel.states[-1].run.status
        panel.presenter.onError("cancelled", "Cancelled.", "")
    panel.presenter.paint.choose("segment:marker")
    panel.presenter.paint.paint()
    assert panel.engine.sent[-1][3]["region"].pixels.whole().voxels == 12


def test_a_box_is_where_the_scene_shows_it_turned_and_moved(panel, case, mrml):
    roi = mrml.AddNewNodeByClass("vtkMRMLMarkupsROINode", "bead")
    roi.SetCenter(1, 2, 3)
    roi.SetSize(4, 5, 6)
    matrix = obliqueMatrix((1, 1, 1))
    addTransform(matrix, roi)
    panel.presenter.paint.choose(f"roi:{roi.GetID()}")
    panel.presenter.paint.paint()
    found = panel.engine.sent[-1][3]["region"]
    centre = np.eye(4)
    centre[:3, 3] = 1, 2, 3
    assert found.size_mm == (4, 5, 6) and np.abs(found.box_to_ras - matrix @ centre).max() < 1e-9


def test_what_was_painted_and_drawn_stands_in_the_scene_where_it_was_to_the_voxel(panel, case, mrml):
    volume = case[0]
    masks = {
        "region": box((0, 2, 3), (5, 9, 16)),
        "before": box((4, 4, 4), (12, 12, 12)),
        "after": box((5, 5, 5), (7, 8, 9)),
    }
    panel.presenter.paint.paint()
    panel.presenter.onAnswer(painted(volume, **masks))
    state = panel.states[-1]
    assert state.paint.text == SENTENCE and state.run.status == "Masked out in 0.5 s. A note." and not state.run.busy
    (node,) = paintings(panel.presenter.desk.node)
    segmentation = node.GetSegmentation()
    assert [segmentation.GetSegment(i).GetName() for i in segmentation.GetSegmentIDs()] == [
        "Masked out", "lesion before", "lesion after",
    ]  # fmt: skip
    for name, mask in masks.items():
        found = slicer.util.arrayFromSegmentBinaryLabelmap(node, name, volume)
        assert (found.astype(bool) == mask).all(), name
    assert node.GetTransformNodeID() == volume.GetTransformNodeID()
    assert not node.GetDisplayNode().GetVisibility2DFill()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(mrml)
    places = [hierarchy.GetItemParent(hierarchy.GetItemByDataNode(one)) for one in (node, panel.presenter.desk.node)]
    assert places[0] == places[1]


def test_an_exported_map_says_what_became_of_it_when_it_was_painted_over(panel, case, tmp_path):
    panel.presenter.paint.paint()
    panel.presenter.onAnswer(painted(case[0], before=box((4, 4, 4), (6, 6, 6))))
    _, sidecar = exportOverlay(panel.presenter.desk.node, tmp_path / "map.nrrd")
    (told,) = json.loads(sidecar.read_text(encoding="utf-8"))["painted_over"]
    assert told["sentence"] == SENTENCE and told["change"] == -5.5


def test_a_segment_that_disappears_is_no_segment(panel, case):
    panel.presenter.paint.paint()
    panel.presenter.onAnswer(painted(case[0], region=box((0, 0, 0), (2, 2, 2)), before=box((4, 4, 4), (6, 6, 6))))
    (node,) = paintings(panel.presenter.desk.node)
    assert list(node.GetSegmentation().GetSegmentIDs()) == ["region", "before"]


def test_asked_again_it_is_replaced_other_regions_stay_and_all_go_with_the_result(panel, case, nodeIds, mrml):
    before = nodeIds()
    for region in ("hottest part", "hottest part", "segment 'marker'"):
        panel.presenter.paint.paint()
        panel.presenter.onAnswer(painted(case[0], region, f"About {region}.", before=box((1, 1, 1), (2, 3, 4))))
    node = panel.presenter.desk.node
    assert len(paintings(node)) == 2 and panel.states[-1].paint.text == "About segment 'marker'."
    panel.presenter.desk.showLayer("decoder.1")  # it stays with the result and says what it was about
    assert panel.states[-1].paint.text == "About segment 'marker'. (Asked of the map of encoder.2.)"
    panel.presenter.paint.paint()
    assert panel.engine.sent[-1][3]["region"].map[0].max() == 2.0  # the map that is shown now
    panel.presenter.onAnswer(painted(case[0], before=box((1, 1, 1), (2, 3, 4))))
    assert len(paintings(panel.presenter.desk.node)) == 3 and panel.states[-1].paint.text == SENTENCE
    panel.presenter.desk.remove()
    assert len(nodeIds() - before) == 0 and not [
        n for n in mrml.GetNodes() if n.GetAttribute("SegHiResGradCAM.Painting")
    ]


def test_cancelled_while_it_runs_or_while_it_comes_the_scene_is_unchanged(mrml, case, nodeIds):
    later = []
    made = makePanel(mrml, {KEY: "no"}, later=lambda ms, fn: later.append(fn))
    ready(made, case)
    made.presenter.apply()
    made.presenter.onAnswer(answer(case, "encoder.2"))
    before = nodeIds()
    made.presenter.paint.paint()
    made.presenter.apply()
    assert made.engine.cancelled == 1
    made.presenter.onError("cancelled", "Cancelled.", "")
    assert nodeIds() == before and made.states[-1].paint.text == ""
    steps = made.presenter.paint._steps
    steps.start(iter_forever(), lambda value: None, lambda error: None)  # as with a large volume
    assert made.presenter.stopAdding() and not steps.running and nodeIds() == before


def iter_forever():
    while True:
        yield


def test_gone_volumes_and_results_are_a_clear_sentence_or_nothing(panel, case, mrml, nodeIds):
    case[1].GetSegmentation().RemoveSegment("lesion")  # M is known: it can still be asked about
    panel.presenter.sceneChanged()
    assert panel.states[-1].paint.reason == ""
    panel.presenter.paint.paint()
    panel.presenter.desk.remove()
    before = nodeIds()
    panel.presenter.onAnswer(painted(case[0], before=box((1, 1, 1), (2, 3, 4))))
    assert nodeIds() == before and not panel.states[-1].run.busy and panel.states[-1].run.error == ""
    panel.presenter.apply()
    assert "Choose a segment." in panel.states[-1].run.applyReason
    panel.presenter.pick(segmentId="marker")
    panel.presenter.pick(className="Lesion")
    panel.presenter.apply()
    panel.presenter.onAnswer(answer(case, "encoder.2"))
    mrml.RemoveNode(case[0])
    panel.presenter.sceneChanged()
    assert panel.states[-1].paint.reason == "The volume of this map is gone: it cannot be looked at again."
    count = len(panel.engine.sent)
    panel.presenter.paint.paint()
    assert len(panel.engine.sent) == count


def test_a_moved_volume_is_asked_about_again_first(panel, case):
    node = panel.presenter.desk.node
    origin = panel.presenter.desk.results.origin(node)
    for one in origin.maps.values():
        one.provenance["image_grid"] = gridOfVolume(case[0]).to_json()
    assert panel.presenter.paint.whyNot() == ""
    case[0].SetAndObserveTransformNodeID(None)
    assert panel.presenter.paint.whyNot() == (
        "The volume has changed or moved since this map was made: press Apply again."
    )


def test_it_comes_back_with_a_saved_scene(panel, case, stageScene, tmp_path):
    masks = {"region": box((0, 2, 3), (5, 9, 16)), "before": box((4, 4, 4), (12, 12, 12))}
    panel.presenter.paint.paint()
    panel.presenter.onAnswer(painted(case[0], **masks))
    path = stageScene.writeMrb(tmp_path / "scene.mrb")
    panel.presenter.sceneClosing()
    stageScene.readMrb(path)
    volume = slicer.util.getNode("volume")
    ready(panel, (volume, slicer.util.getNode("segmentation")))
    panel.presenter.sceneChanged()
    assert panel.states[-1].paint.text == SENTENCE
    (node,) = paintings(panel.presenter.desk.node)
    for name, mask in masks.items():
        assert (slicer.util.arrayFromSegmentBinaryLabelmap(node, name, volume).astype(bool) == mask).all()


def seen(mrml):
    """The regions whose outlines are drawn."""
    found = [node for node in mrml.GetNodes() if node.GetAttribute("SegHiResGradCAM.Painting")]
    return [json.loads(n.GetAttribute("SegHiResGradCAM.Painting"))["region"] for n in found if n.GetDisplayVisibility()]


def test_only_the_last_painting_of_the_map_that_is_shown_is_drawn(panel, case, mrml):
    presenter, mask = panel.presenter, box((1, 1, 1), (2, 3, 4))
    first = presenter.desk.node
    for region in ("first", "second"):
        presenter.paint.paint()
        presenter.onAnswer(painted(case[0], region, before=mask))
        assert seen(mrml) == [region]
    presenter.desk.showLayer("decoder.1")
    assert seen(mrml) == []
    presenter.paint.paint()
    presenter.onAnswer(painted(case[0], "third", before=mask))
    assert seen(mrml) == ["third"]
    presenter.apply()
    presenter.onAnswer(answer(case, "encoder.2"))
    assert seen(mrml) == []
    presenter.paint.paint()
    presenter.onAnswer(painted(case[0], "fourth", before=mask))
    assert seen(mrml) == ["fourth"]
    presenter.desk.choose(next(o.key for o in panel.states[-1].desk.results if o.key != presenter.desk.node.GetID()))
    assert seen(mrml) == [] and presenter.desk.node is not first


def test_a_painting_that_cannot_be_attached_leaves_the_former_one(panel, case, nodeIds, monkeypatch):
    presenter, mask = panel.presenter, box((1, 1, 1), (2, 3, 4))
    presenter.paint.paint()
    presenter.onAnswer(painted(case[0], before=mask))
    before = nodeIds()

    def refuse(*words):
        raise RuntimeError("no place")

    monkeypatch.setattr("SegHiResGradCAMLib.scene.results.PaintingNode.attach", refuse)
    presenter.paint.paint()
    presenter.onAnswer(painted(case[0], sentence="Another one.", before=mask))
    assert panel.states[-1].run.error.startswith("Internal error") and panel.states[-1].paint.text == SENTENCE
    assert nodeIds() == before
