"""What the panel decides, without Qt and without a worker: an engine that records what it is asked stands in."""

from dataclasses import replace

import numpy as np
import pytest

import slicer
from mrml.asking import DESCRIPTION, SHAPE, answer, makeCase, makePanel, parameters, ready
from seghirescam.protocol.requests import Show
from SegHiResGradCAMLib import addOverlay
from SegHiResGradCAMLib.panel.question.Choices import (
    DeviceChoice,
    PassesChoice,
    PixelSetChoice,
    PrecisionChoice,
    ScoreChoice,
)
from SegHiResGradCAMLib.panel.trust.FastCheckLogic import KEY
from SegHiResGradCAMLib.setup.Dependencies import Dependencies
from stage.builders import addVolume, spot


@pytest.fixture
def case():
    return makeCase()


@pytest.fixture
def panel(mrml):
    """Without the check that follows every map by itself: test_trust_desk.py."""
    return makePanel(mrml, {KEY: "no"})


def test_every_missing_piece_is_named_in_turn(panel, case):
    makeCase()  # with two cases in the scene nothing is chosen by itself
    presenter, p = panel.presenter, parameters()
    presenter.enter(p)
    said = [presenter.whyNot()]
    for change in (
        {"volume": case[0]},
        {"segmentation": case[1]},
        {"segmentId": "lesion"},
        {"model": "gone.pt#12345678"},
        {"model": "demo:honest"},
    ):
        for name, value in change.items():
            setattr(p, name, value)
        presenter.parametersChanged()
        said.append(presenter.whyNot())
    assert said == [
        "Choose a volume.",
        "Choose a segmentation, or let the model predict one.",
        "Choose a segment.",
        "Choose a model.",
        "The model's file is not known on this computer: pick it again.",
        "",
    ]
    assert panel.engine.sent == []  # nothing runs without a click


def test_without_a_scene_nothing_works_and_it_says_so(panel):
    panel.presenter.enter(None)
    assert not panel.states[-1].run.canApply and panel.states[-1].run.applyReason == "There is no scene to work on."
    panel.presenter.apply()
    panel.presenter.run.tryDemo()
    assert panel.engine.sent == []


def test_picking_a_model_describes_it_and_matches_the_class(panel, case):
    p = ready(panel, case)
    assert [sent[:2] for sent in panel.engine.sent] == [("describe", "demo:honest")]
    assert p.className == "Lesion"
    assert [option.key for option in panel.states[-1].question.classes] == ["background", "Lesion"]
    panel.presenter.pick(segmentId="other")
    assert p.className == "" and panel.presenter.whyNot() == "Choose the class."
    assert "'other'" in panel.states[-1].question.classText
    panel.presenter.pick(className="background")
    assert panel.presenter.whyNot() == ""
    panel.presenter.parametersChanged()
    assert p.className == "background"  # the user's choice stays until segment or model change
    panel.presenter.pick(segmentId="lesion")
    assert p.className == "Lesion"


def test_a_reloaded_scene_keeps_its_class(panel, case):
    p = parameters(volume=case[0], segmentation=case[1], segmentId="other", model="demo:honest", className="background")
    panel.presenter.enter(p)
    assert panel.states[-1].question.className == "background" and panel.engine.sent == []
    panel.presenter.apply()  # describes first, then asks
    panel.presenter.onAnswer(DESCRIPTION)
    assert [sent[0] for sent in panel.engine.sent] == ["describe", "explain"] and p.className == "background"


def test_a_segment_changed_before_the_model_is_read_is_matched_anew(panel, case):
    p = parameters(volume=case[0], segmentation=case[1], segmentId="other", model="demo:honest", className="background")
    panel.presenter.enter(p)
    panel.presenter.pick(segmentId="lesion")
    panel.presenter.apply()
    panel.presenter.onAnswer(DESCRIPTION)
    assert p.className == "Lesion"


def test_the_question_is_what_the_parameters_say(panel, case):
    ready(panel, case, score=ScoreChoice.CONTRAST, rivalName="background", device=DeviceChoice.CPU, layer="encoder.1")
    panel.presenter.apply()
    purpose, source, volumes, question = panel.engine.sent[-1]
    assert (purpose, source, volumes) == ("explain", "demo:honest", {"image": case[0]})
    (recipe,) = question.pop("pixel_sets")
    assert recipe.pixels.whole().voxels == 512 and recipe.pixels.label == "segment 'lesion'"
    assert question == {
        "class_index": "Lesion", "methods": ["seg_hires_grad_cam"], "score": "contrast", "rival": "background",
        "device": "cpu", "layers": "encoder.1", "codeHash": "", "show": Show("input"),
    }  # fmt: skip


def test_bf16_and_a_preview_go_with_every_request_about_the_case(panel, case):
    ready(panel, case, precision=PrecisionChoice.BF16, passes=PassesChoice.PREVIEW)
    panel.presenter.apply()
    question = panel.engine.sent[-1][3]
    assert (question["precision"], question["mirroring"], question["folds"]) == ("bf16", "none", ["first"])
    ready(panel, case)
    panel.presenter.apply()
    assert not {"precision", "mirroring", "folds"} & panel.engine.sent[-1][3].keys()


def test_a_rival_is_needed_for_a_contrast_and_is_not_the_class(panel, case):
    p = ready(panel, case, score=ScoreChoice.CONTRAST)
    assert "rival" in panel.presenter.whyNot() and panel.states[-1].question.rivalEnabled
    p.rivalName = "Lesion"
    assert panel.presenter.whyNot() == "A class cannot be its own rival."


@pytest.mark.parametrize("choice", list(PixelSetChoice))
def test_every_pixel_set_can_be_asked_for(panel, case, choice):
    ready(panel, case, pixelSet=choice)
    panel.presenter.apply()
    (recipe,) = panel.engine.sent[-1][3]["pixel_sets"]
    names = ["Segment", "PredictedClass", "SegmentAndPredicted", "Component", "FalsePositives", "FalseNegatives"]
    assert type(recipe).__name__ == [*names, "WholeImage"][list(PixelSetChoice).index(choice)]


TWO = {**DESCRIPTION, "channels": ["CT", "PET"]}


def test_channels_are_matched_by_name_or_listed_and_never_guessed(panel, case):
    p = ready(panel, case, TWO)  # the volume that was chosen says no channel's name
    assert p.volume is None and panel.presenter.whyNot() == "Choose the volumes for CT, PET."
    assert panel.presenter.predictions.whyNot() == panel.presenter.whyNot()
    assert panel.states[-1].models.channels == ("CT", "PET")
    panel.presenter.pick(volume=case[0])
    assert panel.presenter.whyNot() == "Choose the volume for PET."
    panel.presenter.pick(channel2=case[0])
    assert panel.presenter.whyNot() == "" and panel.states[-1].models.channelText == "CT and PET are the same volume."


def test_volumes_go_to_the_channels_their_names_say_and_may_be_changed(panel, case, mrml):
    case[0].SetName("PET of today")
    ct = addVolume(np.ones(SHAPE, np.float32), np.diag([2.0, 2, 2, 1]), "head_CT")
    addOverlay(mrml, spot(case[0], (1, 2, 3))[0], case[0]).SetName("CT")  # a result is no input
    p = ready(panel, case, TWO)
    assert (p.volume, p.channel2) == (ct, case[0])  # the volume chosen first was the second channel's
    panel.presenter.apply()
    assert panel.engine.sent[-1][2] == {"CT": ct, "PET": case[0]}
    panel.presenter.onError("cancelled", "", "")
    panel.presenter.pick(volume=case[0], channel2=ct)  # the user knows better
    panel.presenter.models.describe()
    panel.presenter.onAnswer(TWO)
    assert (p.volume, p.channel2) == (case[0], ct)
    panel.presenter.models.pick("demo:shortcut")
    panel.presenter.onAnswer(TWO)
    assert (p.volume, p.channel2) == (ct, case[0])  # another model: by name again


def test_a_reloaded_scene_keeps_its_channels(panel, case):
    p = parameters(
        volume=case[0], channel2=case[0], segmentation=case[1], segmentId="lesion", model="demo:honest",
        className="Lesion",
    )  # fmt: skip
    panel.presenter.enter(p)
    panel.presenter.apply()
    panel.presenter.onAnswer(TWO)
    assert panel.engine.sent[-1][:3] == ("explain", "demo:honest", {"CT": case[0], "PET": case[0]})


def test_more_channels_than_selectors_is_said(panel, case):
    ready(panel, case, {**DESCRIPTION, "channels": [f"c{n}" for n in range(9)]})
    assert panel.presenter.whyNot() == "This model looks at 9 volumes at once; the panel can give it 6."


def test_an_answer_becomes_a_result_and_other_layers_are_at_hand(panel, case, mrml):
    p = ready(panel, case)
    panel.presenter.apply()
    assert (
        panel.states[-1].run.busy and panel.states[-1].run.applyText == "C&ancel" and not panel.states[-1].run.editable
    )
    panel.presenter.onProgress(0.4, "running the network")
    assert panel.states[-1].run.fraction == 0.4 and "running the network" in panel.states[-1].run.status
    panel.presenter.onAnswer(answer(case, "encoder.2", "decoder.1"))
    state = panel.states[-1]
    assert not state.run.busy and state.run.status == "Done in 1.2 s." and state.desk.result == p.result.GetID()
    assert [option.key for option in state.desk.shownLayers] == ["encoder.1", "encoder.2", "decoder.1"]
    assert slicer.util.arrayFromVolume(p.result).max() > 0 and state.desk.shownLayer == "encoder.2"
    first, count = p.result, mrml.GetNumberOfNodes()
    panel.presenter.desk.showLayer("decoder.1")
    assert panel.states[-1].desk.shownLayer == "decoder.1" and p.result is not first
    assert mrml.GetNumberOfNodes() == count and len(panel.engine.sent) == 2  # nothing was asked
    panel.presenter.desk.showLayer("encoder.1")
    assert panel.engine.sent[-1][0] == "other layer"
    assert panel.engine.sent[-1][3]["layers"] == ["encoder.1", "encoder.2", "decoder.1"]
    panel.presenter.onAnswer(answer(case, "encoder.1", "encoder.2", "decoder.1", forwards=0))
    assert panel.states[-1].desk.shownLayer == "encoder.1" and mrml.GetNumberOfNodes() == count


def test_an_answer_without_a_home_is_dropped(panel, case, mrml):
    ready(panel, case)
    panel.presenter.apply()
    mrml.RemoveNode(case[0])
    count = mrml.GetNumberOfNodes()
    panel.presenter.sceneChanged()
    assert panel.engine.closed == 1 and not panel.states[-1].run.busy and "removed" in panel.states[-1].run.error
    panel.presenter.onAnswer(answer(case, "encoder.2"))
    assert mrml.GetNumberOfNodes() == count


def test_a_failure_is_a_sentence_with_folded_details(panel, case):
    ready(panel, case)
    panel.presenter.apply()
    panel.presenter.onError("memory", "Too little memory.", "Choose a deeper layer.", "log line")
    state = panel.states[-1]
    assert (state.run.error, state.run.details) == ("Too little memory. Choose a deeper layer.", "log line")
    assert state.run.canApply and not state.run.busy


def test_a_fault_of_our_own_is_told_and_logged_not_raised(panel, case, monkeypatch, caplog):
    ready(panel, case)
    panel.presenter.apply()
    broken = answer(case, "encoder.2")
    broken["explanations"][0] = replace(broken["explanations"][0], grid=None)
    panel.presenter.onAnswer(broken)
    assert panel.states[-1].run.error.startswith("Internal error in the module.")
    assert "SegHiResGradCAM failed" in caplog.text and not panel.states[-1].run.busy


def test_cancel_asks_the_engine_and_waits_for_its_word(panel, case):
    ready(panel, case)
    panel.presenter.apply()
    panel.presenter.apply()
    assert panel.engine.cancelled == 1 and panel.states[-1].run.status == "Cancelling..."
    assert not panel.states[-1].run.canApply
    panel.presenter.onError("cancelled", "Cancelled.", "")
    assert panel.states[-1].run.status == "Cancelled. The scene is unchanged." and panel.states[-1].run.canApply


def test_author_code_needs_a_yes_that_is_remembered(panel, case):
    described = {**DESCRIPTION, "kind": "factory", "runs_author_code": "Runs net.py.", "consent_sha256": "ab" * 32}
    ready(panel, case, described)
    panel.presenter.apply()
    assert "not agreed" in panel.states[-1].run.error and panel.engine.sent[-1][0] == "describe"
    panel.answers.append(True)
    panel.presenter.apply()
    assert panel.engine.sent[-1][0] == "explain" and panel.engine.sent[-1][3]["codeHash"] == "ab" * 32
    panel.presenter.onError("memory", "No.", "")
    panel.presenter.apply()
    assert len(panel.questions) == 2 and "Runs net.py." in panel.questions[0]


def test_changed_code_is_described_and_asked_for_again(panel, case):
    described = {**DESCRIPTION, "runs_author_code": "Runs net.py.", "consent_sha256": "ab" * 32}
    ready(panel, case, described)
    panel.answers.append(True)
    panel.presenter.apply()
    panel.presenter.onError("consent", "The code changed.", "")
    panel.presenter.apply()
    assert panel.engine.sent[-1][0] == "describe"
    panel.presenter.onAnswer({**described, "consent_sha256": "cd" * 32})
    assert len(panel.questions) == 2 and "not agreed" in panel.states[-1].run.error


def test_a_description_that_failed_is_the_reason_until_another_model_is_picked(panel, case):
    p = parameters(volume=case[0], segmentation=case[1], segmentId="lesion")
    panel.presenter.enter(p)
    panel.presenter.models.pick("demo:honest")
    panel.presenter.onError("model", "It is damaged.", "Make it again.")
    assert panel.presenter.whyNot() == "It is damaged. Make it again."
    panel.presenter.models.pick("demo:shortcut")
    panel.presenter.onAnswer(DESCRIPTION)
    assert panel.presenter.whyNot() == ""


def test_another_model_picked_while_the_first_is_read_is_read_next(panel, case):
    panel.presenter.enter(parameters(volume=case[0], segmentation=case[1], segmentId="lesion"))
    panel.presenter.models.pick("demo:honest")
    panel.presenter.models.pick("demo:shortcut")
    panel.presenter.onAnswer(DESCRIPTION)
    assert [sent[1] for sent in panel.engine.sent] == ["demo:honest", "demo:shortcut"]
    assert panel.presenter.model.source == "demo:shortcut"


def test_leaving_frees_the_worker_when_it_has_answered(panel, case):
    ready(panel, case)
    panel.presenter.apply()
    panel.presenter.exit()
    assert panel.engine.closed == 0
    panel.presenter.onAnswer(answer(case, "encoder.2"))
    assert panel.engine.closed == 1


def test_an_idle_panel_frees_the_worker_at_once_and_a_closing_scene_always(panel, case):
    p = ready(panel, case)
    panel.presenter.exit()
    assert panel.engine.closed == 1
    panel.presenter.enter(p)
    panel.presenter.apply()
    panel.presenter.sceneClosing()
    assert panel.engine.closed == 2 and not panel.states[-1].run.busy
    panel.presenter.cleanup()
    count = len(panel.states)
    panel.presenter.changed()
    assert len(panel.states) == count  # nobody is told any more


def test_missing_packages_disable_apply_and_offer_what_can_be_done(panel, case):
    missing = Dependencies("torch>=2.10", (), "PyTorch is needed.", True)
    panel.presenter.examine = lambda requirements=(): missing
    p = parameters(volume=case[0], segmentation=case[1], segmentId="lesion")
    panel.presenter.enter(p)
    panel.presenter.models.pick("demo:honest")
    state = panel.states[-1]
    assert state.run.applyReason == state.installing.text == "PyTorch is needed." and state.installing.offered
    assert panel.engine.sent == []
    panel.presenter.installing.install()
    assert "Nothing was installed" in panel.states[-1].run.error and "torch>=2.10" in panel.questions[0]


def test_too_coarse_a_layer_is_warned_of(panel, case):
    p = ready(panel, case)
    panel.presenter.question.openAdvanced()
    assert panel.engine.sent[-1][0] == "layers"
    layers = answer(case)["layers"]
    coarse = replace(layers[1], name="deep", mm_per_cell=(16.0, 16.0, 16.0))
    panel.presenter.onAnswer({"layers": [*layers, coarse]})
    panel.presenter.pick(layer="encoder.2")
    assert panel.states[-1].question.layerWarning == ""  # 16 mm segment, 8 mm cells
    panel.presenter.pick(layer="deep")
    assert "16 mm" in panel.states[-1].question.layerWarning
    p.pixelSet = PixelSetChoice.WHOLE_IMAGE
    panel.presenter.parametersChanged()
    assert panel.states[-1].question.layerWarning == ""


def test_a_removed_result_brings_the_one_before_it_back(panel, case, nodeIds):
    p = ready(panel, case)
    before = nodeIds()
    for name in ("encoder.1", "encoder.2"):
        panel.presenter.apply()
        panel.presenter.onAnswer(answer(case, name))
    assert len(panel.states[-1].desk.results) == 2
    panel.presenter.desk.setDisplay(share=0.5)
    panel.presenter.desk.remove()
    assert panel.states[-1].desk.shownLayer == "encoder.1" and p.result.GetID() == panel.states[-1].desk.result
    panel.presenter.desk.remove()
    assert panel.states[-1].desk.results == () and nodeIds() == before


def test_a_model_that_does_not_say_its_classes_is_opened_by_predicting_and_described_again(panel, case):
    from types import SimpleNamespace

    from SegHiResGradCAMLib.scene.volumes.Voxels import Voxels

    p = ready(panel, case, {**DESCRIPTION, "classes": [], "channels": []})
    assert "press Predict" in panel.presenter.whyNot() and "press Predict" in panel.states[-1].question.classText
    assert "classes known after opening" in panel.states[-1].models.text
    assert panel.presenter.predictions.whyNot() == ""
    panel.presenter.predictions.predict()
    assert panel.engine.sent[-1][0] == "predict"
    labels = Voxels(SHAPE, np.uint8)
    labels.array[4:6] = 1
    told = [{"index": 1, "name": "class 1", "value": 1, "voxels": int((labels.array == 1).sum()), "ml": 1.0}]
    maps = [SimpleNamespace(labels=labels, classes=told)]
    panel.presenter.onAnswer({"maps": maps, "facts": {}, "notes": [], "session": {"seconds": 1.0}})
    assert panel.engine.sent[-1][0] == "describe"
    named = [{"index": 0, "name": "class 0"}, {"index": 1, "name": "class 1"}]
    panel.presenter.onAnswer({**DESCRIPTION, "classes": named})
    assert p.className == "class 1" and panel.presenter.whyNot() == ""
