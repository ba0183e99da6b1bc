"""What the tree of results and the three lines on trust say; the small pictures of a comparison."""

import numpy as np
import SimpleITK as sitk

import slicer
from mrml.asking import checked, value
from SegHiResGradCAMLib import DisplaySettings, addOverlay
from SegHiResGradCAMLib.panel.Marks import MARKS, verdictMark
from SegHiResGradCAMLib.panel.question.OnlyNodes import onlySegment, onlySegmentation, onlyVolume
from SegHiResGradCAMLib.panel.results.ResultLine import RESULT, SHARE, VERDICT, ResultLine, grouped, inOrder
from SegHiResGradCAMLib.panel.trust.TrustLines import richText, trustLines
from SegHiResGradCAMLib.scene.nodes import AttributeNames
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume
from SegHiResGradCAMLib.scene.results.Thumbnails import SIZE, thumbnailSteps
from SegHiResGradCAMLib.schedule.Steps import finished
from stage.builders import addSegmentation, addVolume, layerGridOf, makeExplanation

FAILS = "not supported by the model"


def line(key, share=None, verdict="", question="why", method="m"):
    return ResultLine(key, question, method, "encoder.1", share, verdict)


def keys(lines):
    return "".join(one.key for one in lines)


def test_lines_are_sorted_by_share_and_verdict_and_what_has_none_is_last():
    lines = [line("a", 0.2, "not judged"), line("b"), line("c", -0.1, "supported"), line("d", 1.3, FAILS)]
    assert keys(inOrder(lines, RESULT, False, MARKS.ranks)) == "abcd"
    assert keys(inOrder(lines, RESULT, True, MARKS.ranks)) == "dcba"
    assert keys(inOrder(lines, SHARE, True, MARKS.ranks)) == "dacb"
    assert keys(inOrder(lines, SHARE, False, MARKS.ranks)) == "cadb"
    assert keys(inOrder(lines, VERDICT, True, MARKS.ranks)) == "cadb"
    assert keys(inOrder(lines, VERDICT, False, MARKS.ranks)) == "dacb"


def test_lines_are_grouped_by_question_and_method():
    lines = [line("a"), line("b", question="other"), line("c", method="n"), line("d")]
    found = grouped(lines)
    assert list(found) == ["why", "other"] and list(found["why"]) == ["m", "n"]
    assert keys(found["why"]["m"]) == "ad" and keys(found["other"]["m"]) == "b"
    assert [one.shareText for one in (line("a", 0.244), line("b", -0.1), line("c"))] == ["24 %", "-10 %", ""]


def test_a_verdict_has_its_mark():
    assert verdictMark("supported") == "✓ supported" and verdictMark(FAILS) == "✗ not supported"
    assert verdictMark("not judged") == "? unclear" and verdictMark("") == ""
    assert len({mark.color for mark in (MARKS.supported, MARKS.unclear, MARKS.notSupported)}) == 3


def row(name, passed=None, number=0.5, title=""):
    return {"name": name, "title": title or name, "value": value(number), "passed": passed, "sentence": f"{name}."}


def test_before_the_full_check_every_line_is_unclear_and_says_its_number():
    rows = [row("context_paint_over", number=17.5, title="Context paint-over"), row("class_swap"), row("cancellation")]
    lines = trustLines({"fast": {"rows": rows}})
    assert [one.mark.word for one in lines] == ["unclear"] * 3
    assert lines[0].text == "? Belongs to this question: unclear"  # the fast check does not ask again
    assert lines[1].text == "? Used by the network: unclear (context paint-over 17.5)"
    assert lines[2].text == "? Model-specific and stable: unclear (class_swap 0.5)"
    assert trustLines({}) == () and richText(()) == ""


def test_the_full_check_s_lines_are_the_engine_s():
    passed = {"made_again": True, "cells_removed": False, "evidence_at_m": True, "randomisation": True}
    rows = [row(name, one) for name, one in passed.items()] + [row("stability", None, 0.25)]
    said = {"belongs": "supported", "used": FAILS, "specific": "not judged"}
    tests = {"belongs": ["made_again"], "used": ["cells_removed"], "specific": ["randomisation", "stability"]}
    told = [
        {"name": name, "title": name, "word": word, "told": f"{name}.", "tests": tests[name]}
        for name, word in said.items()
    ]
    lines = trustLines({"fast": {"rows": [row("context_paint_over")]}, "full": {"rows": rows, "lines": told}})
    assert [one.mark.word for one in lines] == ["supported", "not supported", "unclear"]
    assert lines[0].text == "✓ Belongs to this question: supported (likeness when made again 0.5)"
    assert lines[1].tip == "used." and lines[1].number == "cells_removed 0.5"
    assert lines[2].text == "? Model-specific and stable: unclear (randomisation 0.5)"


def test_names_in_the_lines_are_shown_as_text():
    told = trustLines({"fast": {"rows": [row("class_swap", title="<b>Swap</b>")]}})
    assert "&lt;b&gt;" in richText(told) and "<b>Swap" not in richText(told)
    assert trustLines({"full": checked("full")["trust"]})


def picture(png, tmp_path):
    path = tmp_path / "one.png"
    path.write_bytes(png)
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path))).astype(int)


def test_a_small_picture_shows_the_map_where_it_lies(mrml, tmp_path):
    volume = addVolume(np.zeros((16, 16, 16), np.float32), np.diag([2.0, 2, 2, 1]))
    slicer.util.arrayFromVolume(volume)[:, :8] = 100  # posterior half
    maps = []
    for cell in ((2, 0, 0), (2, 3, 3)):  # k, j, i of 4 x 4 x 4 cells
        cells = np.zeros((4, 4, 4))
        cells[cell] = 3.0
        maps.append(addOverlay(mrml, makeExplanation(cells, layerGridOf(volume)), volume, grid="layer"))
    found = finished(thumbnailSteps(maps, volume))
    # the slow replica: a pixel's voxel, anterior above and right (+R) on the left; the cell whose centre is the nearest
    voxel = [7.5 - 16 * ((n + 0.5) / SIZE - 0.5) for n in range(SIZE)]
    centres = gridOfVolume(maps[0]).ras([[0, n, 0] for n in range(4)])[:, 1] / 2
    cell = np.array([n if abs(centres[n] - one) < 2 else -1 for one in voxel for n in [np.abs(centres - one).argmin()]])
    for node, at in zip(maps, (0, 3), strict=True):
        image = picture(found[node.GetID()], tmp_path)
        assert image.shape == (SIZE, SIZE, 3)
        expected = (cell == at)[:, None] & (cell == at)[None, :]
        assert ((np.ptp(image, axis=-1) > 20) == expected).all()
    middle = SIZE // 2
    assert image[-4, middle].tolist() == [255, 255, 255] and image[middle - 4, middle].tolist() == [0, 0, 0]


def test_a_small_picture_of_both_signs_is_blue_where_the_map_speaks_against_the_class(mrml, tmp_path):
    volume = addVolume(np.zeros((16, 16, 16), np.float32), np.diag([2.0, 2, 2, 1]))
    cells = np.zeros((4, 4, 4))
    cells[2, 0, 0], cells[2, 3, 3] = -4.0, 1.0
    look = DisplaySettings(signed=True)
    one = addOverlay(mrml, makeExplanation(cells, layerGridOf(volume)), volume, grid="layer", settings=look)
    image = picture(finished(thumbnailSteps([one], volume))[one.GetID()], tmp_path)
    blue, red = image[..., 2] - image[..., 0] > 100, image[..., 0] - image[..., 2] > 50
    # over black: the strongest is 0.85 of its colour, a quarter as strong half as opaque
    assert image[blue].tolist() == [[round(255 * 0.85 * c) for c in (0.03, 0.12, 0.7)]] * blue.sum()
    colour = [a + (b - a) / 2 for a, b in zip((1, 0.52, 0.35), (1, 0.25, 0.1), strict=True)]
    assert np.abs(image[red] - [255 * 0.425 * c for c in colour]).max() <= 1 and min(blue.sum(), red.sum()) >= 100
    # anterior above, right on the left: the first cell lies behind and on the left side, the last in front and right
    assert np.argwhere(blue).min() > SIZE // 2 > np.argwhere(red).max()


def test_a_map_that_is_gone_has_no_picture(mrml):
    volume = addVolume(np.ones((8, 8, 8), np.float32), np.diag([2.0, 2, 2, 1]))
    one = makeExplanation(np.ones((2, 2, 2)), layerGridOf(volume))
    maps = [addOverlay(mrml, one, volume, grid="layer") for _n in range(2)]
    steps = thumbnailSteps(maps, volume)
    next(steps)
    mrml.RemoveNode(maps[1])
    assert list(finished(steps)) == [maps[0].GetID()]


def test_only_what_a_user_could_mean_is_chosen(mrml):
    assert onlyVolume(mrml) is None and onlySegmentation(mrml) is None
    volume = addVolume(np.ones((8, 8, 8), np.float32), np.diag([2.0, 2, 2, 1]))
    mask = np.ones((8, 8, 8), bool)
    segmentation = addSegmentation(volume, one=mask)
    addOverlay(mrml, makeExplanation(np.ones((2, 2, 2)), layerGridOf(volume)), volume, grid="layer")
    mrml.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    answer = addSegmentation(volume, two=mask)
    assert onlySegmentation(mrml) is None
    answer.SetAttribute(AttributeNames.OF_COMPARISON, "1")
    assert onlyVolume(mrml) is volume and onlySegmentation(mrml) is segmentation
    assert onlySegment(segmentation) == "one"
    segmentation.GetSegmentation().AddEmptySegment("more")
    assert onlySegment(segmentation) == ""
    addVolume(np.ones((8, 8, 8), np.float32))
    assert onlyVolume(mrml) is None
