"""The numbers behind every map: asked when the panel is idle, never in the way, kept with the map."""

import json

import pytest

import slicer
from mrml.asking import DESCRIPTION, answer, checked, makeCase, makePanel, ready
from SegHiResGradCAMLib.panel.trust.FastCheckLogic import KEY
from SegHiResGradCAMLib.scene.nodes.TrustFacts import trustOf
from SegHiResGradCAMLib.setup.Dependencies import Dependencies

MISSING = Dependencies(packages=("a-package",), sentence="A package is needed.", installable=True)


@pytest.fixture
def case():
    return makeCase()


@pytest.fixture
def panel(mrml):
    return makePanel(mrml, {})


def explained(panel, case, *layers):
    panel.presenter.apply()
    panel.presenter.onAnswer(answer(case, *(layers or ("encoder.2", "decoder.1"))))


def purposes(panel):
    return [sent[0] for sent in panel.engine.sent]


def test_a_shown_map_is_checked_behind_the_panel_which_stays_idle(panel, case):
    p = ready(panel, case)
    explained(panel, case)
    presenter, state = panel.presenter, panel.states[-1]
    purpose, source, volumes, question = panel.engine.sent[-1]
    assert (purpose, source, volumes) == ("check", "demo:honest", {"image": case[0]})
    assert not state.run.busy and state.run.canApply and state.run.applyText == "&Apply" and state.checks.running
    assert state.run.status == "Done in 1.2 s."
    cells, grid = question.pop("map")
    origin = presenter.desk.results.origin(p.result)
    assert cells is origin.maps["encoder.2"].map and grid is origin.maps["encoder.2"].grid
    (recipe,) = question.pop("pixel_sets")
    assert recipe.pixels.whole().voxels == 512
    assert question == {
        "class_index": "Lesion", "score": "logit", "rival": None, "device": None, "codeHash": "",
        "method": "hirescam", "layer": "encoder.2", "tier": "fast",
    }  # fmt: skip
    presenter.checks.onProgress(0.5, "running the network")
    assert panel.states[-1].checks.text == "Checking this map: 50 %, running the network"
    presenter.checks.onAnswer(checked("fast"))
    state = panel.states[-1]
    assert state.checks.text == "" and not state.checks.running and state.trust.verdict == ""
    paragraph = '<p style="margin: {}px 0 0 0"><b>{}</b> <small>{}</small></p>'
    assert state.checks.numbers == (
        paragraph.format(0, "completeness gap: 0.76.", "The map explains 24 % of the score.")
        + paragraph.format(3, "class swap: not measured.", "There is &lt;one&gt; class.")
    )
    assert state.checks.numbersTip.endswith("class swap: not measured. There is <one> class (of 2).")
    assert trustOf(p.result)["fast"]["rows"][0]["value"]["value"] == 0.76
    assert purposes(panel) == ["describe", "explain", "check"]


def test_every_question_of_the_user_goes_first_and_the_check_is_taken_up_again(panel, case):
    ready(panel, case)
    explained(panel, case, "encoder.2")
    presenter = panel.presenter
    presenter.apply()
    assert purposes(panel)[-2:] == ["check", "explain"] and presenter.checks.job is None
    assert panel.states[-1].checks.text == "This map will be checked when nothing else runs."
    presenter.checks.onAnswer(checked("fast"))  # a late word about what was given up
    assert not trustOf(presenter.desk.node)
    presenter.onError("cancelled", "Cancelled.", "")
    assert purposes(panel)[-2:] == ["explain", "check"]
    presenter.checks.onAnswer(checked("fast"))
    assert trustOf(presenter.desk.node) and purposes(panel)[-1] == "check"
    # the latest map first, then the one before it
    explained(panel, case, "encoder.1")
    first = presenter.desk.node
    presenter.apply()
    presenter.onAnswer(answer(case, "encoder.2"))
    assert panel.engine.sent[-1][3]["layer"] == "encoder.2"
    presenter.checks.onAnswer(checked("fast"))
    assert panel.engine.sent[-1][3]["layer"] == "encoder.1"
    presenter.checks.onAnswer(checked("fast"))
    assert trustOf(first) and trustOf(presenter.desk.node)


def test_a_map_of_another_case_is_not_gone_back_to(panel, case):
    ready(panel, case)
    explained(panel, case, "encoder.1")
    panel.presenter.models.pick("demo:shortcut")
    assert panel.presenter.checks.job is None
    panel.presenter.onAnswer(DESCRIPTION)
    assert panel.engine.sent[-1][:2] == ("check", "demo:honest")
    panel.presenter.apply()
    panel.presenter.onAnswer(answer(case, "encoder.2"))
    assert panel.engine.sent[-1][:2] == ("check", "demo:shortcut")
    panel.presenter.checks.onAnswer(checked("fast"))
    assert panel.presenter.checks.job is None and panel.engine.sent[-1][1] == "demo:shortcut"


def test_each_layer_has_its_own_numbers_which_are_asked_for_once(panel, case):
    ready(panel, case)
    explained(panel, case)
    presenter = panel.presenter
    presenter.checks.onAnswer(checked("fast", gap=0.1))
    presenter.desk.showLayer("decoder.1")
    assert panel.engine.sent[-1][3]["layer"] == "decoder.1" and not trustOf(presenter.desk.node)
    assert panel.states[-1].checks.numbers == ""
    presenter.checks.onAnswer(checked("fast", gap=0.2))
    count = len(panel.engine.sent)
    for layer, gap in (("encoder.2", 0.1), ("decoder.1", 0.2)):
        presenter.desk.showLayer(layer)
        assert trustOf(presenter.desk.node)["fast"]["rows"][0]["value"]["value"] == gap
    assert len(panel.engine.sent) == count
    # asked about one layer, answered while another one is shown
    presenter.apply()
    presenter.onAnswer(answer(case, "encoder.2", "decoder.1"))
    presenter.desk.showLayer("decoder.1")
    presenter.checks.onAnswer(checked("fast", gap=0.3))
    assert not trustOf(presenter.desk.node) and panel.engine.sent[-1][3]["layer"] == "decoder.1"
    presenter.desk.showLayer("encoder.2")
    assert trustOf(presenter.desk.node)["fast"]["rows"][0]["value"]["value"] == 0.3


def test_it_can_be_stopped_and_switched_off_for_good(panel, case, mrml):
    p = ready(panel, case)
    explained(panel, case, "encoder.2")
    presenter = panel.presenter
    presenter.checks.stop()
    checks = panel.states[-1].checks
    assert panel.engine.dropped == 1 and checks.text == "Not checked." and not checks.running
    settings = presenter.checks._settings
    presenter.checks.setEveryMap(False)
    assert settings[KEY] == "no" and not panel.states[-1].checks.everyMap
    explained(panel, case, "encoder.1")
    assert purposes(panel)[-1] == "explain"
    presenter.checks.setEveryMap(True)  # the shown map is checked now
    assert settings[KEY] == "yes" and panel.engine.sent[-1][0] == "check"
    presenter.checks.setEveryMap(False)
    assert panel.engine.dropped == 2 and presenter.checks.job is None
    again = makePanel(mrml, settings)
    again.presenter.enter(p)
    assert not again.states[-1].checks.everyMap


def test_a_check_that_fails_says_so_beside_the_map_and_nowhere_else(panel, case):
    ready(panel, case)
    explained(panel, case, "encoder.2")
    panel.presenter.checks.onError("memory", "Too little memory.", "Close something.")
    state = panel.states[-1]
    assert state.checks.text == "Not checked. Too little memory. Close something." and state.run.error == ""
    assert state.run.status == "Done in 1.2 s." and purposes(panel)[-1] == "check" and not state.checks.running
    panel.presenter.apply()
    panel.presenter.onError("cancelled", "", "")
    assert purposes(panel)[-1] == "explain"  # not tried for ever


def test_a_map_that_goes_takes_its_check_along(panel, case, mrml):
    ready(panel, case)
    explained(panel, case, "encoder.2")
    panel.presenter.desk.remove()
    panel.presenter.sceneChanged()
    assert panel.engine.dropped == 1 and panel.presenter.checks.job is None
    explained(panel, case, "encoder.2")
    mrml.RemoveNode(case[0])
    panel.presenter.sceneChanged()
    assert panel.engine.dropped == 2 and panel.states[-1].run.error == ""
    panel.presenter.checks.onAnswer(checked("fast"))
    assert "gone" in panel.presenter.trust.whyNot()


def test_leaving_the_module_ends_the_check_and_coming_back_takes_it_up(panel, case):
    p = ready(panel, case)
    explained(panel, case, "encoder.2")
    panel.presenter.exit()
    assert panel.engine.closed == 1 and panel.presenter.checks.job is None
    panel.presenter.enter(p)
    assert purposes(panel)[-2:] == ["check", "check"]
    panel.presenter.sceneClosing()
    assert panel.presenter.checks.job is None
    panel.presenter.enter(p)
    assert purposes(panel)[-2:] == ["check", "check"]


def test_a_volume_that_was_changed_is_not_checked(panel, case):
    ready(panel, case)
    panel.presenter.apply()
    slicer.util.updateVolumeFromArray(case[0], slicer.util.arrayFromVolume(case[0]) + 1)
    panel.presenter.onAnswer(answer(case, "encoder.2"))
    assert purposes(panel)[-1] == "explain"
    assert (
        panel.presenter.trust.whyNot()
        == panel.presenter.paint.whyNot()
        == ("The volume has changed or moved since this map was made: press Apply again.")
    )


def test_the_numbers_come_back_with_a_saved_scene(panel, case, stageScene, tmp_path):
    ready(panel, case)
    explained(panel, case, "encoder.2")
    panel.presenter.checks.onAnswer(checked("fast"))
    numbers = panel.states[-1].checks.numbers
    path = stageScene.writeMrb(tmp_path / "scene.mrb")
    panel.presenter.sceneClosing()
    stageScene.readMrb(path)
    volume, segmentation = (slicer.util.getNode(name) for name in ("volume", "segmentation"))
    ready(panel, (volume, segmentation))
    state = panel.states[-1]
    assert state.checks.numbers == numbers and state.checks.text == "" and not state.checks.running
    assert (
        state.trust.reason
        == state.paint.reason
        == ("This map came with the scene: press Apply to ask its question again, then test the new map.")
    )
    assert json.loads(panel.presenter.desk.node.GetAttribute("SegHiResGradCAM.Trust"))["fast"]["tier"] == "fast"


def test_no_check_runs_while_packages_are_being_installed_and_it_is_taken_up_again(panel, case, monkeypatch):
    done, states = [], []
    monkeypatch.setattr(
        "SegHiResGradCAMLib.setup.Installer._installPackages",
        lambda packages, log, finished: done.append(finished) or states.append(presenter.engine.closed),
    )
    p, presenter = ready(panel, case), panel.presenter
    explained(panel, case, "encoder.2")
    presenter.missing = MISSING
    presenter.installing.install()  # the user says no
    assert panel.engine.closed == 0 and presenter.checks.job is not None and not done
    presenter.missing = MISSING
    panel.answers.append(True)
    presenter.installing.install()
    assert states == [1] and presenter.checks.job is None  # the worker ended before anything was replaced
    assert panel.states[-1].run.status == "Installing..."
    presenter.enter(p)
    presenter.settle()
    assert purposes(panel)[-1] == "check" and presenter.checks.job is None
    count = len(panel.engine.sent)
    done[0](0)
    assert purposes(panel)[count:] == ["check"] and panel.states[-1].run.status == "Installed."


def test_an_installation_ends_what_the_panel_was_asked_for(panel, case, monkeypatch):
    monkeypatch.setattr("SegHiResGradCAMLib.setup.Installer._installPackages", lambda packages, log, finished: None)
    ready(panel, case)
    panel.presenter.apply()
    panel.presenter.missing = MISSING
    panel.answers.append(True)
    panel.presenter.installing.install()
    assert not panel.states[-1].run.busy and panel.engine.closed == 1 and panel.states[-1].run.status == "Installing..."
