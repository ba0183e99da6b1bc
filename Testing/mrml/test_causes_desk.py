"""What mattered, and what flips it: the cost first, then the user, then a table, bars, and a painting in the scene."""

import csv
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

import slicer
from mrml.asking import DESCRIPTION, SHAPE, answer, makeCase, makePanel, ready, value
from SegHiResGradCAMLib import exportOverlay
from SegHiResGradCAMLib.panel.trust.FastCheckLogic import KEY
from SegHiResGradCAMLib.scene.nodes.Attachments import attachedTo
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume
from SegHiResGradCAMLib.scene.volumes.Voxels import Voxels
from stage.builders import addVolume

COST = {"text": "8 predictions, 8 passes of the network", "notes": []}


@pytest.fixture
def case(mrml):
    return makeCase()


@pytest.fixture
def panel(mrml, case):
    made = makePanel(mrml, {KEY: "no"})
    ready(made, case)
    made.presenter.apply()
    made.presenter.onAnswer(answer(case, "encoder.2", "decoder.1"))
    return made


def player(name, adds, share, error=None, ml=None):
    size = None if ml is None else {"voxels": 10, "ml": ml}
    return {
        "name": name, "value": adds, "standard_error": error, "share": value(share), "size": size,
        "pixel_set_inside": None if ml is None else 0.25, "evidence": value(None if ml is None else 0.5),
    }  # fmt: skip


def shared(of, *players):
    told = {
        "of": of, "pixel_set": "segment 'lesion'", "class_name": "lesion", "score_title": "logit of lesion",
        "unit": "logit", "full": 8.0, "none": -2.0, "change": 10.0, "baseline": "zero", "causes": list(players),
        "coalitions": 8, "permutations": 0, "passes": 8, "sentence": "The mean logit is 8.", "notes": [],
    }  # fmt: skip
    return {"causes": told, "notes": ["A note."], "session": {"seconds": 0.5}}


ANATOMY = shared(
    "anatomy",
    player("lesion", 2.0, 0.2, ml=1.5),
    player("other", 9.0, 0.9, ml=3.0),
    player("the rest", -1.0, -0.1, ml=9),
)


def asked(panel, ask, told):
    panel.answers.append(True)
    ask()
    panel.presenter.onAnswer(dict(COST))
    panel.presenter.onAnswer(told)
    return panel.presenter.desk.node


def column(table, name):
    found = table.GetTable().GetColumnByName(name)
    return [found.GetValue(n) for n in range(table.GetNumberOfRows())]


def test_the_cost_is_told_before_anything_runs_and_no_is_respected(panel, case, nodeIds):
    presenter, before = panel.presenter, nodeIds()
    presenter.features["whatMattered"].askAnatomy()
    purpose, source, volumes, question = panel.engine.sent[-1]
    assert (purpose, source, question["of"]) == ("causes_cost", "demo:honest", "anatomy")
    names = [name for _, _, own in question["labels"] for name in own.values()]
    assert sorted(names) == ["lesion", "other"] and list(volumes.values()) == [case[0]]
    assert question["class_index"] == "Lesion" and question["map"][0].shape == (4, 4, 4)
    presenter.onAnswer(dict(COST))
    assert panel.questions == [
        "Sharing the score out among the segments takes 8 predictions, 8 passes of the network. It can be cancelled. "
        "Start it?"
    ]
    assert panel.states[-1].run.status == "Sharing the score out among the segments: not started."
    assert nodeIds() == before and panel.engine.sent[-1][0] == "causes_cost"
    panel.answers.append(True)
    presenter.features["smallestFlip"].search()
    assert panel.engine.sent[-1][0] == "flip_cost"
    presenter.onAnswer({"text": "at most 100 predictions", "notes": []})
    assert panel.engine.sent[-1][0] == "flip" and panel.states[-1].run.busy
    presenter.onError("cancelled", "Cancelled.", "")
    assert panel.states[-1].run.status == "Cancelled. The scene is unchanged." and nodeIds() == before


def test_anatomy_becomes_bars_a_table_and_a_file_beside_the_map(panel, tmp_path):
    node = asked(panel, panel.presenter.features["whatMattered"].askAnatomy, ANATOMY)
    head, *bars = panel.states[-1].whatMattered.text.splitlines()
    assert head == "logit of lesion, mean: 8 as it is, -2 with all replaced (zero). Each adds:"
    assert bars == ["■" * 12 + " other +9 logit", "■" * 3 + " lesion +2 logit", "□ the rest -1 logit"]
    assert panel.states[-1].whatMattered.tip == "The mean logit is 8." and panel.states[-1].run.status.endswith(
        "A note."
    )
    (table,) = attachedTo(node, "anatomy")
    assert column(table, "segment") == ["other", "lesion", "the rest"]
    assert column(table, "adds, logit") == [9.0, 2.0, -1.0] and column(table, "ml") == [3.0, 1.5, 9.0]
    assert column(table, "share of evidence") == [0.5] * 3 and all(map(math.isnan, column(table, "standard error")))
    _, sidecar, *tables = exportOverlay(node, tmp_path / "map.nrrd")
    assert [path.name for path in tables] == ["map_anatomy.csv"]
    with open(tables[0], encoding="utf-8", newline="") as file:
        assert [row["segment"] for row in csv.DictReader(file)] == ["other", "lesion", "the rest"]
    assert json.loads(sidecar.read_text(encoding="utf-8"))["causes"] == [ANATOMY["causes"]]
    # of another layer nothing was asked; asked again, the table is replaced
    panel.presenter.desk.showLayer("decoder.1")
    assert panel.states[-1].whatMattered.text == ""
    panel.presenter.desk.showLayer("encoder.2")
    assert panel.states[-1].whatMattered.text.startswith(head)
    asked(panel, panel.presenter.features["whatMattered"].askAnatomy, ANATOMY)
    assert len(attachedTo(panel.presenter.desk.node, "anatomy")) == 1


def test_channels_are_asked_about_where_there_are_several(mrml, panel, case):
    reason = panel.states[-1].whatMattered.channelsReason
    assert reason == "The model looks at one volume: there is no other to share the score with."
    panel.presenter.features["whatMattered"].askChannels()
    assert panel.engine.sent[-1][0] == "explain"
    made = makePanel(mrml, {KEY: "no"})
    other = addVolume(np.zeros(SHAPE, np.float32), np.diag([2.0, 2, 2, 1]))
    case[0].SetName("T1"), other.SetName("T2")  # the panel finds them by their names
    ready(made, case, DESCRIPTION | {"channels": ["T1", "T2"]})
    made.presenter.apply()
    made.presenter.onAnswer(answer(case, "encoder.2"))
    node = asked(
        made,
        made.presenter.features["whatMattered"].askChannels,
        shared("channels", player("T1", 1.0, 0.1, 0.25), player("T2", 9.0, 0.9)),
    )
    assert made.engine.sent[-1][3]["of"] == "channels" and "labels" not in made.engine.sent[-1][3]
    assert made.states[-1].whatMattered.text.splitlines()[1:] == ["■" * 12 + " T2 +9 logit", "■ T1 +1 ± 0.25 logit"]
    (table,) = attachedTo(node, "channels")
    assert column(table, "channel") == ["T2", "T1"] and column(table, "standard error")[1] == 0.25


def flip(volume, found):
    told = {"found": found, "sentence": "Painting over 3 ml is enough." if found else "No flip was found (…)."}
    if not found:
        return {"flip": told, "notes": [], "session": {"seconds": 0.5}}
    masks = {}
    for n, name in enumerate(("region", "before", "after")):
        voxels = Voxels(SHAPE, np.uint8)
        voxels.array[...] = 0
        voxels.array[n : n + 2] = name != "after"
        masks[name] = SimpleNamespace(voxels=voxels, grid=gridOfVolume(volume))
    facts = {"region": "smallest region found", "sentence": "Painting over the smallest region found.", "flips": True}
    return {"flip": told, "painting": facts, "notes": [], "session": {"seconds": 0.5}, **masks}


def test_a_flip_comes_with_region_before_and_after_and_none_is_said(panel, case):
    node = asked(panel, panel.presenter.features["smallestFlip"].search, flip(case[0], found=False))
    assert panel.states[-1].smallestFlip.text == "No flip was found (…)." and attachedTo(node) == []
    assert panel.engine.sent[-1][3]["map"][0].shape == (4, 4, 4)
    asked(panel, panel.presenter.features["smallestFlip"].search, flip(case[0], found=True))
    (painting,) = attachedTo(node, "painting")
    assert list(painting.GetSegmentation().GetSegmentIDs()) == ["region", "before"]
    assert panel.states[-1].smallestFlip.text == "Painting over 3 ml is enough."
    assert panel.states[-1].paint.text == "Painting over the smallest region found."
    panel.presenter.desk.showLayer("decoder.1")
    assert panel.states[-1].smallestFlip.text == ""


def test_an_answer_without_its_map_and_a_yes_for_another_map_change_nothing(panel, nodeIds):
    presenter = panel.presenter
    panel.answers.append(True)
    presenter.features["whatMattered"].askAnatomy()
    presenter.desk.showLayer("decoder.1")
    before, sent = nodeIds(), len(panel.engine.sent)
    presenter.onAnswer(dict(COST))
    assert panel.states[-1].run.status.endswith("not started. Another map is shown now.")
    assert nodeIds() == before and len(panel.engine.sent) == sent
    panel.answers.append(True)
    presenter.features["whatMattered"].askAnatomy()
    presenter.exit()
    presenter.onAnswer(dict(COST))
    assert panel.states[-1].run.status.endswith("because you had left the module. Ask again.")
    node = presenter.desk.node
    slicer.mrmlScene.RemoveNode(node)
    presenter.sceneChanged()
    assert panel.states[-1].whatMattered.text == panel.states[-1].smallestFlip.text == ""
