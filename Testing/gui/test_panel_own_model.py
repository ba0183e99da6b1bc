"""One's own model in the panel: weights typed, the description written from there, checked, and the map shown."""

import os
import signal

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from safetensors.torch import save_file

import slicer
from engine.own_network import Payload, by_autograd, her_network
from mrml.asking import RecordingEngine
from mrml.drafts import BARE, MONAI, UNKNOWN, WITH_FILE
from seghirescam.models.descriptions.description_file import read
from stage.builders import addSegmentation, addVolume
from stage.files import readVolume
from stage.gui import choose, click, typeText
from stage.panel import Panel, tipOf

nets = pytest.importorskip("monai.networks.nets")


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    yield opened
    opened.close()


@pytest.fixture
def her(tmp_path):
    """(network, canary) of her own 2D U-Net, whose files lie in the folder."""
    network, canary = her_network(tmp_path)
    return network, canary


def unet_3d(folder, outputs=2):
    torch.manual_seed(1)
    network = nets.UNet(3, 1, outputs, (4, 8, 16), (2, 2), num_res_units=2).eval()
    save_file(network.state_dict(), folder / "w.safetensors")
    return network


def typed(panel, path):
    typeText(panel.ui.modelPathLineEdit, str(path))
    panel.waitIdle()


def form(panel, path):
    """The form for bare weights, opened as a user opens it."""
    typed(panel, path)
    assert panel.ui.errorLabel.text == "" and panel.ui.describeButton.text == "Write a description..."
    click(panel.ui.describeButton)
    panel.waitIdle()


def written(panel):
    click(panel.ui.draftWriteButton)
    panel.waitIdle()


def picture(path):
    """A grey PNG as a volume, placed as Slicer does; the wheel has no reader for it."""
    return addVolume(sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[None], np.diag([-1.0, -1.0, 1.0, 1.0]), "slice")


def maps(panel):
    """{layer: the engine's map on its own cells} of what Apply brought into the scene."""
    panel.applyAndWait()
    assert panel.ui.errorLabel.text == "" and panel.node is not None
    return panel.presenter.desk.results.origin(panel.node).maps


def assert_is(found, expected):
    assert found.map.shape == expected.shape
    assert np.abs(found.map - expected).max() <= 1e-5 * np.abs(expected).max()
    assert float(found.map.sum()) == pytest.approx(float(expected.sum()), rel=1e-4)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_every_field_of_the_form_says_what_is_typed_into_it(panel, tmp_path):
    engine = panel.presenter.engine = RecordingEngine()
    ui, weights, factory = panel.ui, tmp_path / "unet.pth", tmp_path / "net.py"
    weights.write_bytes(b"weights")
    factory.write_text("def build(): ...")
    ui.modelPathLineEdit.currentPath = str(weights)
    assert not ui.describeButton.isVisible() and not ui.draftArea.isVisible()
    panel.presenter.onError("bare_weights", BARE, "")
    assert ui.modelTextLabel.text == BARE and ui.errorLabel.text == ""
    click(ui.describeButton)
    panel.presenter.onAnswer(UNKNOWN)
    assert ui.draftArea.isVisible() and not ui.describeButton.isVisible() and not ui.draftWriteButton.enabled
    assert "Choose the Python file that builds it." in tipOf(ui.draftWriteButton)
    typeText(ui.draftFactoryLineEdit, str(factory))
    panel.presenter.onAnswer(WITH_FILE)
    choose(ui.draftFunctionComboBox, "Other")
    panel.presenter.onAnswer(WITH_FILE)
    choose(ui.draftHeadComboBox, "binary: one channel, one object")
    panel.presenter.onAnswer(WITH_FILE)
    typeText(ui.draftClassesLineEdit, "air, liver")
    typeText(ui.draftChannelsLineEdit, "CT")
    choose(ui.draftActivationComboBox, "sigmoid: it returns probabilities")
    choose(ui.draftAxesComboBox, "x, y, z (as MONAI, nibabel)")
    ui.draftDivisorSpinBox.value = 8
    assert not ui.draftWriteButton.enabled and ui.draftFoundLabel.text.endswith("Fill in the argument width.")
    ui.draftArgumentsText.plainText = "width = 4"
    assert not ui.draftConfirmCheckBox.isVisible()  # nothing is assumed any more
    click(ui.draftWriteButton)
    assert engine.sent[-1] == ("draft", str(weights), {}, {
        "factory": str(factory), "function": "Other", "classes": "air, liver", "channels": "CT",
        "words": {"head": "binary", "activation": "sigmoid", "axes": "xyz", "divisor": 8}, "arguments": ["width=4"],
    })  # fmt: skip
    panel.presenter.onError("cancelled", "Cancelled.", "")
    click(ui.draftCloseButton)
    assert not ui.draftArea.isVisible() and ui.describeButton.isVisible() and names(tmp_path) == ["net.py", "unet.pth"]
    # for weights of MONAI the same form asks other things, and nothing of the last one is left in it
    click(ui.describeButton)
    panel.presenter.onAnswer(MONAI)
    assert (ui.draftClassesLineEdit.text, ui.draftFactoryLineEdit.currentPath) == ("background, class 1", "")
    assert not ui.draftFunctionComboBox.isVisible() and not ui.draftDivisorSpinBox.isVisible()
    click(ui.draftConfirmCheckBox)
    click(ui.draftWriteButton)
    assert engine.sent[-1][3]["words"] == {"axes": "xyz"} and engine.sent[-1][3]["arguments"] == ["strides=[2, 2]"]


@pytest.mark.slow
def test_her_2d_unet_and_a_png_from_the_typed_path_to_the_map_of_autograd(panel, her, tmp_path, stageScene):
    network, canary = her
    pixels = np.random.default_rng(2).integers(0, 255, (16, 32), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(pixels), str(tmp_path / "slice.png"))
    volume = picture(tmp_path / "slice.png")
    x = torch.from_numpy(pixels.astype(np.float32))[None, None]
    with torch.no_grad():
        network.outc.bias -= network(x).median()  # so that half of the picture is drawn
    torch.save(network.state_dict(), tmp_path / "unet.pth")
    drawn = network(x)[0, 0].detach().numpy() > 0
    segmentation = addSegmentation(volume, lesion=drawn[None])
    ui, questions = panel.ui, []
    ui.volumeSelector.setCurrentNode(volume)
    panel.presenter.pick(segmentation=segmentation, segmentId="lesion")
    form(panel, tmp_path / "unet.pth")
    assert "weights without their network" in ui.modelTextLabel.text and not ui.describeButton.isVisible()
    assert (
        ui.draftFoundLabel.text.endswith("Choose the Python file that builds it.") and not ui.draftWriteButton.enabled
    )
    typeText(ui.draftFactoryLineEdit, str(tmp_path / "net.py"))
    panel.waitIdle()
    assert ui.draftFoundLabel.text == "Found: UNet of net.py." and ui.draftFunctionComboBox.currentText == "UNet"
    assert (ui.draftClassesLineEdit.text, ui.draftClassesLabel.text) == ("background, object", "Classes *:")
    assert "one output channel: two names" in tipOf(ui.draftClassesLineEdit)
    assert (ui.draftChannelsLineEdit.text, ui.draftChannelsLabel.text) == ("image", "Channels:")
    typeText(ui.draftClassesLineEdit, "background, lesion")
    assert ui.draftClassesLabel.text == "Classes:" and ui.draftAxesLabel.text == "Axes *:"
    panel.widget.ask = lambda question: bool(questions.append(question))
    written(panel)
    assert ui.errorLabel.text == "" and ui.statusLabel.text == "Written: unet.model.toml."
    assert ui.modelComboBox.currentText == "unet.model.toml" and ui.classComboBox.currentText == "lesion"
    assert not ui.draftArea.isVisible() and not ui.describeButton.isVisible()
    # nothing of hers has run, nor does it before a yes
    assert questions == [] and not canary.exists()
    click(ui.feedingButton)
    panel.waitIdle()
    assert len(questions) == 1 and "net.py" in questions[0] and not canary.exists()
    panel.widget.ask = lambda question: True
    click(ui.feedingButton)
    panel.waitIdle()
    assert ui.errorLabel.text == "" and ui.feedingTextLabel.text.startswith("The model fits as it is fed")
    assert "as stated: Dice 1.000" in tipOf(ui.feedingTextLabel) and canary.exists()
    for layer, found in maps(panel).items():
        expected = by_autograd(network, layer, x, torch.from_numpy(drawn.astype(np.float32)), 0)
        assert_is(found, expected[None])


@pytest.mark.slow
def test_a_3d_unet_of_monai_and_a_nifti_from_the_typed_path_to_the_map_of_autograd(panel, tmp_path):
    network = unet_3d(tmp_path)
    values = np.random.default_rng(3).normal(size=(8, 12, 16)).astype(np.float32)
    picture = sitk.GetImageFromArray(values)
    picture.SetSpacing((1.0, 1.5, 2.0))
    sitk.WriteImage(picture, str(tmp_path / "ct.nii.gz"))
    volume = readVolume(slicer.mrmlScene, tmp_path / "ct.nii.gz", "ct")
    # MONAI feeds x, y, z
    x = torch.from_numpy(slicer.util.arrayFromVolume(volume).transpose(2, 1, 0).copy())[None, None]
    logits = network(x)[0].detach().numpy()
    drawn = (logits[1] > logits[0]).transpose(2, 1, 0)
    assert 0.1 < drawn.mean() < 0.9
    ui = panel.ui
    ui.volumeSelector.setCurrentNode(volume)
    panel.presenter.pick(segmentation=addSegmentation(volume, liver=drawn), segmentId="liver")
    form(panel, tmp_path / "w.safetensors")
    assert ui.draftFoundLabel.text == "Found: MONAI UNet." and not ui.draftFunctionComboBox.isVisible()
    assert not ui.draftDivisorSpinBox.isVisible() and ui.draftAxesComboBox.currentText == "x, y, z (assumed)"
    assert ui.draftArgumentsText.plainText == 'strides = [2, 2]\nnorm = "INSTANCE"'
    assert ui.draftArgumentsLabel.text == "Arguments *:" and "2 is usual" in tipOf(ui.draftArgumentsText)
    typeText(ui.draftClassesLineEdit, "background, liver")
    click(ui.draftConfirmCheckBox)
    written(panel)
    assert ui.errorLabel.text == "" and ui.modelTextLabel.text.startswith("MONAI network with weights, 2 classes")
    about = read(tmp_path / "w.model.toml")
    assert about["axes"] == "xyz" and about["arguments"]["strides"] == [2, 2] and "assumed" not in about
    click(ui.feedingButton)
    panel.waitIdle()
    assert ui.errorLabel.text == "" and ui.feedingTextLabel.text.startswith("The model fits as it is fed")
    weights = torch.from_numpy(drawn.transpose(2, 1, 0).astype(np.float32).copy())
    for layer, found in maps(panel).items():  # its cells lie along x, y, z, as the network was fed
        assert_is(found, by_autograd(network, layer, x, weights, 1))
        assert not any("Assumed when" in note for note in found.notes)


def test_what_holds_code_or_is_damaged_is_one_sentence_and_nothing_is_offered(panel, her, tmp_path):
    torch.save({"w": Payload(her[1])}, tmp_path / "evil.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "unet.pth").read_bytes()[:700])
    before, ui = names(tmp_path), panel.ui
    for name, sentence in (("evil.pth", "it was not loaded"), ("cut.pth", "is damaged or cut short")):
        typed(panel, tmp_path / name)
        assert sentence in ui.errorLabel.text and not ui.describeButton.isVisible(), ui.errorLabel.text
    # damaged after it was looked at
    typed(panel, tmp_path / "unet.pth")
    (tmp_path / "unet.pth").write_bytes((tmp_path / "cut.pth").read_bytes())
    click(ui.describeButton)
    panel.waitIdle()
    assert ui.errorLabel.text.startswith("'unet.pth' ") and "damaged" in ui.errorLabel.text
    assert not ui.draftArea.isVisible() and names(tmp_path) == before and not her[1].exists()


@pytest.mark.slow
def test_a_draft_that_is_cancelled_or_whose_worker_dies_leaves_nothing_and_can_be_asked_again(panel, tmp_path):
    unet_3d(tmp_path)
    before, ui = names(tmp_path), panel.ui
    typed(panel, tmp_path / "w.safetensors")
    # the first draft of a worker imports MONAI, which takes seconds
    click(ui.describeButton)
    panel.waitComputing()
    os.kill(panel.workerPid(), signal.SIGKILL)
    panel.waitIdle()
    assert "ended" in ui.errorLabel.text and "Traceback" not in ui.errorLabel.text
    assert not ui.draftArea.isVisible() and names(tmp_path) == before
    click(ui.describeButton)
    assert ui.errorLabel.text == "" and ui.applyButton.text == "C&ancel" and not ui.describeButton.enabled
    panel.waitComputing()
    click(ui.applyButton)
    panel.waitIdle()
    assert ui.statusLabel.text.startswith("Cancelled.") and ui.errorLabel.text == ""
    assert not ui.draftArea.isVisible() and names(tmp_path) == before
    click(ui.describeButton)
    panel.waitIdle()
    choose(ui.draftAxesComboBox, "z, y, x (as SimpleITK)")
    typeText(ui.draftClassesLineEdit, "air, liver, bone")
    written(panel)
    assert "returns 2 channel(s), and 3 class(es) were named" in ui.errorLabel.text
    assert ui.draftClassesLineEdit.text == "air, liver, bone" and names(tmp_path) == before
    typeText(ui.draftClassesLineEdit, "air, liver")
    (tmp_path / "w.model.toml").write_text("mine")
    written(panel)
    assert ui.errorLabel.text.startswith("'w.model.toml' exists already, and stays.")
    assert (tmp_path / "w.model.toml").read_text() == "mine" and ui.draftArea.isVisible()
    (tmp_path / "w.model.toml").unlink()
    written(panel)
    assert ui.errorLabel.text == "" and names(tmp_path) == sorted([*before, "w.model.toml"])
    about = read(tmp_path / "w.model.toml")
    assert (about["axes"], about["classes"]) == ("zyx", ["air", "liver"])
    assert about["assumed"] == ["arguments.strides", "arguments.norm"]
