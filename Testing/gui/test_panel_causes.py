"""What mattered and what flips it, in the panel of the demo: the marker, by taking things away; cancel; the cost."""

import json

import pytest

import slicer
from SegHiResGradCAMLib.scene.nodes.Attachments import attachedTo
from stage.gui import click, events
from stage.panel import Panel, tipOf


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    opened.questions = []
    opened.widget.ask = lambda question: opened.questions.append(question) or True
    yield opened
    opened.close()


@pytest.fixture
def demo(panel):
    panel.openDemo()
    panel.applyAndWait()
    panel.waitChecked()
    return panel


def nodes():
    return {node.GetID() for node in slicer.mrmlScene.GetNodes()}


def test_the_sections_stand_closed_and_say_what_they_wait_for(panel):
    ui = panel.ui
    assert ui.whatMatteredSection.collapsed and ui.smallestFlipSection.collapsed
    assert not ui.anatomyCausesButton.enabled and not ui.flipButton.enabled and not ui.causesTextLabel.isVisible()


@pytest.mark.slow
def test_in_the_demo_the_marker_is_what_mattered_to_the_shortcut_network(demo):
    ui, before = demo.ui, nodes()
    assert tipOf(ui.channelCausesButton).startswith("The model looks at one volume")
    demo.open(ui.anatomyCausesButton)
    with events.LoopGap() as gap:
        click(ui.anatomyCausesButton)
        demo.waitIdle()
    assert ui.errorLabel.text == "" and gap.longest < 1.0
    segments = demo.presenter.parameters.segmentation.GetSegmentation().GetNumberOfSegments()
    number = 2 ** (segments + 1)
    (question,) = demo.questions
    assert f"takes {number} predictions, {number} passes of the network" in question and question.endswith("Start it?")
    (table,) = attachedTo(demo.node, "anatomy")
    told = json.loads(table.GetAttribute("SegHiResGradCAM.Causes"))
    assert sum(one["value"] for one in told["causes"]) == pytest.approx(told["full"] - told["none"], abs=1e-5)
    adds = {one["name"]: one["value"] for one in told["causes"]}
    assert ui.causesTextLabel.isVisible() and ui.causesTextLabel.text.splitlines()[1].split()[1] == max(
        adds, key=adds.get
    )
    assert adds["Marker"] == max(value for name, value in adds.items() if name != "Lesion")
    click(ui.removeButton)
    assert not nodes() - before


@pytest.mark.slow
def test_in_the_demo_masking_the_marker_out_is_the_smallest_flip_and_cancelled_the_scene_is_unchanged(demo):
    ui, before = demo.ui, nodes()
    demo.open(ui.flipButton)
    click(ui.flipButton)
    job = lambda: demo.presenter.job  # noqa: E731
    events.waitUntil(lambda: job() and job().purpose == "flip" and job().fraction > 0.1, 120_000, "the search")
    click(ui.applyButton)  # now says Cancel
    demo.waitIdle()
    assert nodes() == before and ui.statusLabel.text.startswith("Cancelled.")
    click(ui.flipButton)
    demo.waitIdle()
    assert ui.errorLabel.text == "" and "at most" in demo.questions[-1]
    (painting,) = attachedTo(demo.node, "painting")
    told = json.loads(painting.GetAttribute("SegHiResGradCAM.Painting"))
    assert told["flip"]["found"] and told["flip"]["left"] < 0.5 and told["flip"]["size"]["ml"] < 60
    assert ui.flipTextLabel.text == told["flip"]["sentence"]
    assert "region" in painting.GetSegmentation().GetSegmentIDs()
