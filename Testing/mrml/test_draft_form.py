"""The form for a description of one's own weights: what is asked, what is said, what stays assumed. No Qt."""

from dataclasses import replace

import pytest

from mrml.asking import makePanel, parameters
from mrml.drafts import BARE, MONAI, UNKNOWN, WITH_FILE, line
from SegHiResGradCAMLib.panel.draft.DraftForm import DraftForm


def test_what_is_asked_is_filled_with_what_was_found_and_marked_where_it_was_assumed():
    fields = DraftForm(MONAI).fields()
    assert {word: one.text for word, one in fields.items() if one.shown} == {
        "classes": "background, class 1", "channels": "image 1, image 2", "head": "", "activation": "", "axes": "",
        "arguments": "strides = [2, 2]",
    }  # fmt: skip
    assert [word for word, one in fields.items() if one.assumed] == ["classes", "channels", "axes", "arguments"]
    assert fields["arguments"].why == "strides: ASSUMED: 2 is usual" and "2 output" in fields["classes"].why
    fields = DraftForm(UNKNOWN).fields()
    assert [word for word, one in fields.items() if one.assumed] == ["classes", "axes", "divisor"]
    assert fields["divisor"].text == "16" and not fields["function"].shown and not fields["arguments"].shown


@pytest.mark.parametrize(
    ("said", "confirmed", "question"),
    [
        ({}, False, {}),
        ({"classes": "background, class 1"}, False, {}),  # typed as it stood: nobody has said more
        ({"classes": "air, liver"}, False, {"classes": "air, liver"}),
        ({"head": "sigmoid", "axes": "zyx"}, False, {"words": {"head": "sigmoid", "axes": "zyx"}}),
        ({"arguments": "strides = [2, 1]\nbias = false\n\n"}, False, {"arguments": ["strides=[2, 1]", "bias=false"]}),
        (
            {"classes": "air, liver"}, True,
            {"classes": "air, liver", "channels": "image 1, image 2", "words": {"axes": "xyz"},
             "arguments": ["strides=[2, 2]"]},
        ),
    ],
)  # fmt: skip
def test_only_what_was_said_or_confirmed_is_stated(said, confirmed, question):
    assert DraftForm(MONAI, said=said, confirmed=confirmed).question() == question


def test_of_a_file_its_function_its_arguments_and_the_divisor_are_asked():
    form = DraftForm(WITH_FILE, factory="/p/net.py")
    assert form.functions() == ("Net", "Other") and form.fields()["function"].text == "Net"
    assert form.fields()["arguments"].text == "width = " and form.missing() == "Fill in the argument width."
    assert not form.fields()["arguments"].assumed  # it is not there at all
    form = form.with_("arguments", "width = 8").with_("divisor", "4")
    assert form.missing() == ""
    assert form.question() == {"factory": "/p/net.py", "arguments": ["width=8"], "words": {"divisor": 4}}
    assert form.with_("function", "Other").beginning() == {"factory": "/p/net.py", "function": "Other"}
    assert replace(form, confirmed=True).question()["words"] == {"axes": "zyx", "divisor": 4}
    assert DraftForm(UNKNOWN).missing() == "Choose the Python file that builds it."
    lost = WITH_FILE | {"fill_in": ["function"], "arguments": []}
    assert DraftForm(lost, "/p/net.py").missing() == "Choose which function or class of the file builds it."
    assert DraftForm(lost, "/p/net.py").with_("function", "Other").missing() == ""
    assert DraftForm(MONAI).with_("classes", " , ").missing() == "Name the classes."


@pytest.fixture
def panel(mrml):
    found = makePanel(mrml, {})
    found.presenter.enter(parameters())
    return found


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "unet.pth"
    path.write_bytes(b"weights")
    return path


def offered(panel, weights):
    panel.presenter.models.pickFound(str(weights))
    panel.presenter.onError("bare_weights", BARE, "the command's hint")
    return panel.states[-1]


def test_it_is_offered_for_bare_weights_alone(panel, weights):
    state = offered(panel, weights)
    assert (state.drafts.offer, state.drafts.offerReason) == ("Write a description...", "")
    assert state.models.text == BARE and state.run.error == ""
    assert panel.presenter.whyNot() == "Choose a volume."
    panel.presenter.models.pick("demo:honest")
    panel.presenter.onError("model", "It is damaged.", "Copy it again.")
    assert panel.states[-1].drafts.offer == "" and panel.states[-1].run.error == "It is damaged. Copy it again."


def test_a_draft_of_weights_that_are_not_chosen_any_more_opens_no_form(panel, weights):
    offered(panel, weights)
    panel.presenter.drafts.begin()
    assert panel.engine.sent[-1] == ("draft", str(weights), {}, {}) and panel.states[-1].run.busy
    panel.presenter.models.pick("demo:honest")
    panel.presenter.onAnswer(MONAI)
    assert not panel.states[-1].drafts.shown and list(weights.parent.iterdir()) == [weights]


def test_the_form_writes_the_answer_beside_the_weights_and_opens_it(panel, weights):
    offered(panel, weights)
    panel.presenter.drafts.begin()
    panel.presenter.onAnswer(MONAI)
    state = panel.states[-1].drafts
    assert state.shown and state.found == "Found: MONAI UNet." and state.marked and state.reason == ""
    assert [option.text for option in state.options["axes"]] == [
        "x, y, z (assumed)", "z, y, x (as SimpleITK)", "x, y, z (as MONAI, nibabel)",
    ]  # fmt: skip
    panel.presenter.drafts.say("classes", "air, liver")
    panel.presenter.drafts.write()
    assert panel.engine.sent[-1] == ("draft", str(weights), {}, {"classes": "air, liver"})
    assert list(weights.parent.iterdir()) == [weights]
    panel.presenter.onAnswer(MONAI | {"files": {"unet_network.py": "code", "unet.model.toml": "text"}})
    described = weights.with_name("unet.model.toml")
    assert described.read_text() == "text" and weights.with_name("unet_network.py").read_text() == "code"
    assert panel.engine.sent[-1][:2] == ("describe", str(described))
    assert panel.presenter.models.path == str(described) and not panel.states[-1].drafts.shown
    keys = [option.tip for option in panel.states[-1].models.models]
    assert str(described) in keys and str(weights) not in keys  # what is no model is not kept in the list


def test_a_description_that_is_there_is_opened_and_never_replaced(panel, weights):
    described = weights.with_name("unet.model.toml")
    offered(panel, weights)
    panel.presenter.drafts.begin()
    panel.presenter.onAnswer(MONAI)
    panel.presenter.drafts.say("classes", "air, liver")
    described.write_text("mine")  # meanwhile
    panel.presenter.drafts.write()
    said = line("classes", ["air", "liver"], "As stated")
    stated = [said if one["word"] == "classes" else one for one in MONAI["lines"]]
    panel.presenter.onAnswer(MONAI | {"lines": stated, "assumed": ["channels"]})
    state = panel.states[-1]
    assert state.run.error == (
        "'unet.model.toml' exists already, and stays. Move it away, or copy the weights into a folder of your own."
    )
    assert described.read_text() == "mine" and len(list(weights.parent.iterdir())) == 2
    assert state.drafts.shown and state.drafts.fields["classes"].text == "air, liver"
    panel.presenter.drafts.write()  # what was said is said again
    assert panel.engine.sent[-1][3] == {"classes": "air, liver"}
    panel.presenter.onError("cancelled", "Cancelled.", "")
    panel.presenter.drafts.close()
    assert panel.states[-1].drafts.offer == "Open unet.model.toml"
    panel.presenter.drafts.begin()
    assert panel.engine.sent[-1][:2] == ("describe", str(described))


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_asked(panel, weights, monkeypatch):
    offered(panel, weights)
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write everywhere
    sent = len(panel.engine.sent)
    panel.presenter.drafts.begin()
    assert panel.states[-1].run.error.startswith("Nothing can be written in the folder of 'unet.model.toml'. ")
    assert len(panel.engine.sent) == sent and not panel.states[-1].drafts.shown


def test_what_others_follow_from_is_drafted_anew_and_what_was_said_stays(panel, weights, tmp_path):
    offered(panel, weights)
    drafts = panel.presenter.drafts
    drafts.begin()
    panel.presenter.onAnswer(UNKNOWN)
    assert panel.states[-1].drafts.reason == "Choose the Python file that builds it."
    drafts.say("classes", "air, liver")
    sent = len(panel.engine.sent)
    drafts.pickFactory(str(tmp_path / "ne"))
    assert len(panel.engine.sent) == sent
    drafts.write()  # nothing: the reason stands
    assert len(panel.engine.sent) == sent
    (tmp_path / "net.py").write_text("def build(): ...")
    drafts.pickFactory(f"file://{tmp_path}/net.py")  # dropped
    assert panel.engine.sent[-1][3] == {"factory": str(tmp_path / "net.py")}
    panel.presenter.onAnswer(WITH_FILE)
    state = panel.states[-1].drafts
    assert state.fields["classes"].text == "air, liver" and state.found.endswith("Fill in the argument width.")
    drafts.say("head", "binary")
    assert panel.engine.sent[-1][3] == {"factory": str(tmp_path / "net.py"), "words": {"head": "binary"}}
    panel.presenter.onError("worker_lost", "The engine ended.", "Ask again.")
    assert panel.states[-1].run.error == "The engine ended. Ask again." and panel.states[-1].drafts.shown
    drafts.say("arguments", "width = 9")
    drafts.say("function", "Other")
    panel.presenter.onAnswer(WITH_FILE)
    assert panel.states[-1].drafts.fields["arguments"].text == "width = "  # another function's is not kept
    drafts.say("arguments", "width = 3")
    drafts.write()
    assert panel.engine.sent[-1][3] == {
        "factory": str(tmp_path / "net.py"), "function": "Other", "words": {"head": "binary"}, "classes": "air, liver",
        "arguments": ["width=3"],
    }  # fmt: skip
