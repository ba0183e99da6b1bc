"""Evidence by segment: segments of every kind as label maps in patient space, and the answer as a table."""

import csv
import math

import numpy as np
import pytest
import vtk

import slicer
from mrml.asking import SHAPE, answer, makePanel, ready, value
from seghirescam.protocol.errors import PixelSetError
from SegHiResGradCAMLib import exportOverlay
from SegHiResGradCAMLib.panel.trust.FastCheckLogic import KEY
from SegHiResGradCAMLib.scene.nodes.Attachments import attachedTo
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume, matrixFromArray
from SegHiResGradCAMLib.scene.results.SegmentEvidence import labelSteps
from SegHiResGradCAMLib.schedule.Steps import finished
from stage.builders import addSegmentation, addTransform, addVolume, obliqueMatrix


def box(low, high):
    mask = np.zeros(SHAPE, bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


ORGANS = {
    "lesion": box((4, 4, 4), (12, 12, 12)),
    "vessel": box((2, 6, 6), (14, 9, 8)),  # through the lesion
    "bone": box((0, 0, 0), (3, 3, 3)),
}


@pytest.fixture
def case(mrml):
    """A turned volume under a transform; its segmentation has overlapping segments."""
    volume = addVolume(np.random.default_rng(1).normal(size=SHAPE).astype(np.float32), obliqueMatrix(), "volume")
    addTransform(obliqueMatrix((1, 1, 1), (5, 25, -10), (3, -4, 5)), volume)
    return volume, addSegmentation(volume, **ORGANS)


@pytest.fixture
def panel(mrml, case):
    made = makePanel(mrml, {KEY: "no"})
    ready(made, case)
    made.presenter.apply()
    made.presenter.onAnswer(answer(case, "encoder.2", "decoder.1"))
    return made


def ownVoxels(labels, volume):
    """{name: bool [K, J, I]}; all label maps lie on the volume's voxels."""
    assert all(grid.same_as(gridOfVolume(volume), 1e-9) and array.shape == SHAPE for array, grid, _ in labels)
    return {name: array == label for array, _, names in labels for label, name in names.items()}


def test_every_segment_travels_whole_also_where_segments_overlap(case):
    labels = finished(labelSteps(case[1], case[0], []))
    assert len(labels) >= 2 and all(array.dtype == np.uint8 for array, _, _ in labels)
    found = ownVoxels(labels, case[0])
    assert set(found) == set(ORGANS)
    for name, mask in ORGANS.items():
        assert (found[name] == mask).all(), name


def test_segments_that_share_a_labelmap_travel_together_and_what_was_deleted_does_not(case):
    segmentation = case[1].GetSegmentation()
    segmentation.CollapseBinaryLabelmaps(False)
    together = finished(labelSteps(case[1], case[0], []))
    assert len(together) == 2 and sorted(len(names) for _, _, names in together) == [1, 2]
    segmentation.RemoveSegment("bone")
    assert set(ownVoxels(finished(labelSteps(case[1], case[0], [])), case[0])) == {"lesion", "vessel"}


def test_names_that_occur_twice_are_numbered_and_nothing_drawn_is_refused(case):
    segmentation = case[1].GetSegmentation()
    segmentation.GetSegment("bone").SetName("lesion")
    assert set(ownVoxels(finished(labelSteps(case[1], case[0], [])), case[0])) == {"lesion", "vessel", "lesion (2)"}
    empty = addSegmentation(case[0], one=None)
    with pytest.raises(PixelSetError, match="No segment of this segmentation has a voxel"):
        finished(labelSteps(empty, case[0], []))


def test_a_segment_that_is_only_a_surface_is_converted(case):
    node = addSegmentation(case[0], lesion=ORGANS["lesion"])
    name = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    node.CreateClosedSurfaceRepresentation()
    node.GetSegmentation().SetSourceRepresentationName(name)
    node.GetSegmentation().RemoveRepresentation(
        slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    )
    found = ownVoxels(finished(labelSteps(node, case[0], [])), case[0])["lesion"]
    assert 2 * (found & ORGANS["lesion"]).sum() / (found.sum() + ORGANS["lesion"].sum()) > 0.9


def test_segments_of_another_geometry_are_sampled_and_those_outside_are_named(case):
    """A finer, turned segmentation without the volume's transform: balls about the volume's middle, one in another."""
    grid = gridOfVolume(case[0])
    middle, matrix = grid.ras((8, 8, 8)), obliqueMatrix((0.6, 0.6, 0.9), (10, 5, 0), (0, 0, 0))
    matrix[:3, 3] = middle - matrix[:3, :3] @ (20, 20, 20)
    fine = addVolume(np.zeros((40, 40, 40), np.uint8), matrix, "fine")

    def ball(source, radius):
        places = source.ras(np.moveaxis(np.indices(source.shape), 0, -1))
        return np.linalg.norm(places - middle, axis=-1) < radius

    far = np.zeros((40, 40, 40), bool)
    far[0, 0, 0] = True
    masks = {"inner": ball(gridOfVolume(fine), 4.0), "outer": ball(gridOfVolume(fine), 6.0), "far": far}
    node, leftOut = addSegmentation(fine, **masks), []
    found = ownVoxels(finished(labelSteps(node, case[0], leftOut)), case[0])
    assert set(found) == {"inner", "outer"} and leftOut == ["The segment 'far' lies outside the volume."]
    for name, radius in (("inner", 4.0), ("outer", 6.0)):
        wanted = ball(grid, radius)
        assert wanted.sum() > 50
        assert 2 * (found[name] & wanted).sum() / (found[name].sum() + wanted.sum()) > 0.9, name


def test_a_labelmap_that_covers_only_a_part_lands_where_it_is(case):
    """As Slicer stores what was imported: cut to what is drawn, reaching beyond the volume on one side."""
    small = addVolume(np.zeros((6, 6, 6), np.uint8), np.eye(4), "small")
    local = obliqueMatrix() @ np.array([[1, 0, 0, 12], [0, 1, 0, 3], [0, 0, 1, -2], [0, 0, 0, 1]], float)
    small.SetIJKToRASMatrix(matrixFromArray(local))
    small.SetAndObserveTransformNodeID(case[0].GetTransformNodeID())
    mask = np.zeros((6, 6, 6), bool)
    mask[1:5, 1:5, 1:6] = True
    node = addSegmentation(small, organ=mask)
    found = ownVoxels(finished(labelSteps(node, case[0], [])), case[0])["organ"]
    wanted = np.zeros(SHAPE, bool)
    wanted[0:3, 4:8, 13:16] = True
    assert (found == wanted).all()


def test_a_segmentation_beside_a_cropped_volume_is_named_and_not_measured(case):
    """The volume was cropped to a part that the label map does not reach, along each axis and to either side."""
    for axis in range(3):
        for shift in (-20, -16, 16, 20):
            matrix = obliqueMatrix()
            matrix[:3, 3] += shift * matrix[:3, axis]
            cropped = addVolume(np.zeros(SHAPE, np.float32), matrix, "cropped")
            cropped.SetAndObserveTransformNodeID(case[0].GetTransformNodeID())
            leftOut = []
            with pytest.raises(PixelSetError, match="has a voxel in the volume"):
                finished(labelSteps(case[1], cropped, leftOut))
            assert sorted(leftOut) == [f"The segment '{name}' lies outside the volume." for name in sorted(ORGANS)]
    matrix = obliqueMatrix()
    matrix[:3, 3] += 4 * matrix[:3, 2]  # K from 4 on: the bone's label map, K 0..2, lies beside it
    case[0].SetIJKToRASMatrix(matrixFromArray(matrix))
    small = addVolume(np.zeros((3, 3, 3), np.uint8), obliqueMatrix(), "small")
    small.SetAndObserveTransformNodeID(case[0].GetTransformNodeID())
    node, leftOut = addSegmentation(small, bone=np.ones((3, 3, 3), bool)), []
    with pytest.raises(PixelSetError):
        finished(labelSteps(node, case[0], leftOut))
    assert leftOut == ["The segment 'bone' lies outside the volume."]


def test_a_segments_name_is_no_formula_in_the_file(panel, tmp_path):
    panel.presenter.segments.ask()
    names = ["=HYPERLINK(1)", "+1", "-lesion", "@x", "\tx", "\rx", "lesion"]
    panel.presenter.onAnswer({"rows": [row(name, 4.0, 0.25, 0.5, -2.0, 3.5) for name in names], "notes": []})
    (table,) = attachedTo(panel.presenter.desk.node)
    table.GetTable().GetColumnByName("ml").SetName("=ml")
    with open(exportOverlay(panel.presenter.desk.node, tmp_path / "map.nrrd")[2], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [one["segment"] for one in rows] == [
        "'=HYPERLINK(1)", "'+1", "'-lesion", "'@x", "'\tx", "' x", "lesion",
    ]  # fmt: skip
    assert rows[0]["'=ml"] == "4.0" and rows[0]["evidence per ml over the body's mean"] == "-2.0"  # a number stays one


def row(name, ml, share, chance, density, distance):
    status = "ok" if share is not None else "empty_reference"
    even = value(share, chance=chance, status=status) | {"chance_over": "body" if chance else ""}
    told = {"name": name, "voxels": 4096, "ml": ml, "share_of_image": 0.25, "share": even}
    return told | {"density": value(density, status=status), "distance": value(distance, "mm", status=status)}


ROWS = [
    row("lesion", 4.1, 0.25, 0.125, 2.0, 3.5),
    row("vessel", 0.5, 0.5, 0.1, 5.0, 1.5),
    row("tiny", 0.0, None, None, None, None),
    row("elsewhere", 90.0, 0.25, 0.7, 0.4, 0.0),
]


def test_the_answer_is_a_table_beside_the_map_a_sentence_and_a_file(panel, case, tmp_path):
    presenter = panel.presenter
    assert panel.states[-1].segments.reason == "" and panel.states[-1].segments.text == ""
    presenter.segments.ask()
    purpose, _, volumes, question = panel.engine.sent[-1]
    # the volume goes along: chance is counted in its body
    assert purpose == "by segment" and list(volumes.values()) == [case[0]] and len(question["labels"]) >= 2
    cells, grid = question["map"]
    one = presenter.desk.results.origin(presenter.desk.node).maps["encoder.2"]
    assert cells is one.map and grid is one.grid
    presenter.onAnswer({"rows": ROWS, "notes": []})
    assert panel.states[-1].segments.text == "Evidence: 50 % vessel, 25 % lesion, 25 % elsewhere."
    (table,) = attachedTo(presenter.desk.node)
    columns = {table.GetColumnName(n): table.GetTable().GetColumn(n) for n in range(table.GetNumberOfColumns())}
    assert list(columns) == [
        "segment", "ml", "voxels", "share of image", "share", "chance over body", "lift over body",
        "evidence per ml over the body's mean", "mean distance, mm", "status",
    ]  # fmt: skip
    assert columns["lift over body"].GetValue(1) == 5.0 and math.isnan(columns["share"].GetValue(2))
    assert columns["status"].GetValue(2) == "empty_reference" and columns["mean distance, mm"].GetValue(0) == 3.5
    paths = exportOverlay(presenter.desk.node, tmp_path / "map.nrrd")
    assert [path.name for path in paths] == ["map.nrrd", "map.json", "map_segments.csv"]
    with open(paths[2], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[1]["segment"] == "vessel" and float(rows[1]["lift over body"]) == 5.0 and rows[2]["share"] == ""
    presenter.segments.ask()
    presenter.onAnswer({"rows": ROWS[:1], "notes": []})
    (table,) = attachedTo(presenter.desk.node)  # the former one is replaced
    assert table.GetNumberOfRows() == 1


def test_a_map_that_was_moved_or_came_with_the_scene_is_measured_where_it_is_now(panel, case, stageScene, tmp_path):
    node = panel.presenter.desk.node
    panel.presenter.desk.results.origin(node).maps["encoder.2"].provenance["image_grid"] = gridOfVolume(
        case[0]
    ).to_json()
    matrix = np.eye(4)
    matrix[0, 3] = 100
    case[0].GetParentTransformNode().SetMatrixTransformToParent(matrixFromArray(matrix))
    panel.presenter.segments.ask()
    voxels, grid = panel.engine.sent[-1][3]["map"]
    assert (voxels == slicer.util.arrayFromVolume(node)).all() and grid.same_as(gridOfVolume(node), 1e-9)
    panel.presenter.onError("cancelled", "", "")
    path = stageScene.writeMrb(tmp_path / "scene.mrb")
    panel.presenter.sceneClosing()
    stageScene.readMrb(path)
    ready(panel, (slicer.util.getNode("volume"), slicer.util.getNode("segmentation")))
    panel.presenter.segments.ask()
    voxels, grid = panel.engine.sent[-1][3]["map"]
    assert voxels.shape == SHAPE and grid.same_as(gridOfVolume(panel.presenter.desk.node), 1e-9)
    panel.presenter.onAnswer({"rows": ROWS, "notes": []})
    assert panel.states[-1].segments.text.startswith("Evidence: 50 % vessel")


def test_without_segments_it_says_what_to_do(panel, case, mrml):
    panel.presenter.pick(segmentation=None, segmentId="")
    assert panel.states[-1].segments.reason == ""  # the map's own segmentation
    mrml.RemoveNode(case[1])
    panel.presenter.sceneChanged()
    assert panel.states[-1].segments.reason == "Choose a segmentation with segments (in Inputs)."
    count = len(panel.engine.sent)
    panel.presenter.segments.ask()
    assert len(panel.engine.sent) == count


def test_another_layer_chosen_meanwhile_stops_nothing_and_the_table_is_about_what_was_asked(panel, case):
    presenter = panel.presenter
    presenter.segments.ask()
    presenter.desk.showLayer("decoder.1")  # another node shows the result now
    presenter.sceneChanged()
    assert panel.states[-1].run.busy and panel.states[-1].run.error == "" and panel.engine.dropped == 0
    presenter.onAnswer({"rows": ROWS, "notes": []})
    (table,) = attachedTo(presenter.desk.node)
    assert table.GetAttribute("SegHiResGradCAM.OfLayer") == "encoder.2" and panel.states[-1].segments.text == ""
    presenter.desk.showLayer("encoder.2")
    assert panel.states[-1].segments.text == "Evidence: 50 % vessel, 25 % lesion, 25 % elsewhere."


def test_without_its_result_or_its_segmentation_the_work_stops_and_the_worker_stays_where_it_can(panel, case, mrml):
    presenter = panel.presenter
    presenter.segments.ask()
    presenter.desk.remove()
    closed = panel.engine.closed
    presenter.sceneChanged()
    assert not panel.states[-1].run.busy and (panel.engine.dropped, panel.engine.closed) == (1, closed)
    assert panel.states[-1].run.status == "Stopped, because the map that it was about was removed."
    presenter.apply()
    presenter.onAnswer(answer(case, "encoder.2"))
    presenter.segments.ask()
    mrml.RemoveNode(case[1])
    presenter.sceneChanged()
    assert not panel.states[-1].run.busy and panel.engine.closed == closed + 1
    assert panel.states[-1].run.error.startswith("Stopped, because a node that was being explained was removed.")


def test_a_result_without_voxels_or_bent_is_a_sentence_and_nothing_is_asked(panel, case, mrml):
    node, count = panel.presenter.desk.node, len(panel.engine.sent)
    bent = mrml.AddNewNodeByClass("vtkMRMLTransformNode", "bent")
    bent.SetAndObserveTransformToParent(vtk.vtkThinPlateSplineTransform())
    former = node.GetTransformNodeID()
    node.SetAndObserveTransformNodeID(bent.GetID())
    panel.presenter.sceneChanged()
    assert panel.states[-1].segments.reason == (
        "The result is under a non-linear transform. Harden the transform (Data module, right click), or remove it."
    )
    panel.presenter.segments.ask()
    node.SetAndObserveTransformNodeID(former)
    node.SetAndObserveImageData(None)
    panel.presenter.sceneChanged()
    assert panel.states[-1].segments.reason == "This result has lost its voxels: press Apply again."
    panel.presenter.segments.ask()
    assert len(panel.engine.sent) == count and not panel.states[-1].run.busy


def edited(table, how):
    inner = table.GetTable()
    if how == "missing":
        inner.RemoveColumnByName("segment")
    elif how == "renamed":
        inner.GetColumnByName("share").SetName("Anteil")
    else:
        words = vtk.vtkStringArray()
        words.SetName("share")
        for _ in range(inner.GetNumberOfRows()):
            words.InsertNextValue("a lot")
        inner.RemoveColumnByName("share")
        inner.AddColumn(words)


@pytest.mark.parametrize("how", ["missing", "renamed", "words"])
def test_a_table_that_somebody_edited_has_no_sentence_and_stops_nothing(panel, how):
    panel.presenter.segments.ask()
    panel.presenter.onAnswer({"rows": ROWS, "notes": []})
    edited(attachedTo(panel.presenter.desk.node)[0], how)
    panel.presenter.sceneChanged()
    assert panel.states[-1].segments.text == "" and panel.states[-1].run.error == ""


def test_a_table_that_cannot_be_made_leaves_the_former_one(panel, nodeIds):
    panel.presenter.segments.ask()
    panel.presenter.onAnswer({"rows": ROWS, "notes": []})
    before, text = nodeIds(), panel.states[-1].segments.text
    panel.presenter.segments.ask()
    panel.presenter.onAnswer({"rows": [*ROWS, row("odd", "a lot", 0.5, 0.5, 1.0, 1.0)], "notes": []})
    assert panel.states[-1].run.error.startswith("Internal error in the module.")
    assert nodeIds() == before and panel.states[-1].segments.text == text
