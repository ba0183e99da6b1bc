"""The small parts around the presenter: dependencies, installer, consent, the shelf of models, names, places."""

import json
import re
from importlib import metadata

import numpy as np
import pytest

import slicer
from SegHiResGradCAMLib import DisplaySettings, addOverlay, applyDisplay, removeOverlay
from SegHiResGradCAMLib.panel.model.Channels import matchedChannels
from SegHiResGradCAMLib.panel.model.ClassMatch import matchingClass
from SegHiResGradCAMLib.panel.model.ModelList import ModelList
from SegHiResGradCAMLib.panel.model.ModelLogic import droppedPath
from SegHiResGradCAMLib.scene.overlay.StrongestPlace import strongestPlace
from SegHiResGradCAMLib.scene.overlay.VolumeRendering import hideFrom3D, isIn3D, showIn3D
from SegHiResGradCAMLib.scene.segments.SegmentSize import coarsenessWarning, segmentExtentMm
from SegHiResGradCAMLib.setup.Consent import Consent
from SegHiResGradCAMLib.setup.Dependencies import MAC, NO_EXTENSION, TORCH_ON_WINDOWS, Dependencies, isInstalled
from SegHiResGradCAMLib.setup.Installer import Installer
from stage.builders import addSegmentation, addTransform, addVolume, layerGridOf, makeExplanation, obliqueMatrix, spot


def versions(**known):
    def version(name):
        if name not in known:
            raise metadata.PackageNotFoundError(name)
        return known[name]

    return version


ALL = {"torch": "2.13.0+cpu", "safetensors": "0.6.2", "scipy": "1.17.1"}


def test_nothing_is_missing_where_everything_is_installed():
    found = Dependencies.examined(("safetensors",), version=versions(**ALL), system="Linux", machine="x86_64")
    assert found.complete and found.wouldInstall == ()


def test_an_old_torch_counts_as_missing_and_windows_has_a_ceiling():
    old = versions(**{**ALL, "torch": "2.9.1"})
    found = Dependencies.examined(version=old, system="Windows", machine="AMD64")
    assert found.torch == TORCH_ON_WINDOWS and found.installable and "2.10" in found.sentence


def test_only_what_the_model_kind_needs_is_installed():
    found = Dependencies.examined(("monai>=1.6", "torch>=2.4"), version=versions(**ALL), system="Linux", machine="arm")
    assert found.wouldInstall == ("monai>=1.6",) and found.sentence == "This model needs monai."


def test_without_the_extension_the_user_is_sent_to_the_extensions_manager():
    found = Dependencies.examined(hasPyTorchExtension=False, version=versions(), system="Linux", machine="x86_64")
    assert found.sentence == NO_EXTENSION and not found.installable


def test_a_mac_is_told_in_one_sentence_and_nothing_is_offered():
    found = Dependencies.examined(version=versions(torch="2.2.2"), system="Darwin", machine="x86_64")
    assert found.sentence == MAC and not found.installable


def test_markers_and_extras_are_understood():
    assert isInstalled("torch[opt]>=2.10", versions(**ALL))
    assert isInstalled("pywin32>=1; sys_platform == 'no-such-system'", versions())


class Recorder:
    def __init__(self):
        self.calls = []

    def __call__(self, *words):
        self.calls.append(words)


@pytest.fixture
def packages(monkeypatch):
    """Stands in for pip and light-the-torch: calls are recorded, the test ends them by their callbacks."""
    calls = []
    from SegHiResGradCAMLib.setup import Installer as module

    monkeypatch.setattr(
        "SegHiResGradCAMLib.setup.Installer._installPackages", lambda r, log, done: calls.append((r, done))
    )
    monkeypatch.setattr(
        "SegHiResGradCAMLib.setup.Installer._installTorch", lambda r, log, done: calls.append((r, done))
    )
    assert module
    return calls


MISSING = Dependencies("torch>=2.10", ("safetensors>=0.5",), "PyTorch is needed.", True)


def test_nothing_is_installed_without_a_yes(packages):
    done = Recorder()
    Installer().install(MISSING, done)
    assert packages == [] and done.calls[0][0] is False


def test_light_packages_come_first_then_torch_then_the_word(packages):
    done, asked = Recorder(), []
    installer = Installer(lambda question: not asked.append(question))
    installer.install(MISSING, done)
    assert "torch>=2.10" in asked[0] and "safetensors>=0.5" in asked[0]
    assert packages[0][0] == ["safetensors>=0.5", "light-the-torch>=0.7"] and installer.busy
    second = Recorder()
    installer.install(MISSING, second)
    assert second.calls[0][1] == "Another installation is running."
    packages[0][1](0)
    assert packages[1][0] == "torch>=2.10" and installer.busy
    packages[1][1](0)
    assert done.calls[0][0] is True and not installer.busy


def test_a_failed_installation_is_told_and_can_be_tried_again(packages, monkeypatch):
    done = Recorder()
    installer = Installer(lambda question: True)
    installer.install(MISSING, done)
    packages[0][1](1)
    assert done.calls[0][0] is False and "failed" in done.calls[0][1] and not installer.busy

    def broken(*words):
        raise RuntimeError("pip is gone")

    monkeypatch.setattr("SegHiResGradCAMLib.setup.Installer._installPackages", broken)
    installer.install(MISSING, done)
    assert "pip is gone" in done.calls[1][2] and not installer.busy


def test_consent_is_bound_to_the_content_and_outlives_the_session():
    settings, asked = {}, []
    consent = Consent(settings, lambda question: not asked.append(question))
    assert not consent.given("aa") and consent.request("Runs net.py.", "aa") and consent.given("aa")
    assert Consent(settings).request("Runs net.py.", "aa") and len(asked) == 1
    assert not Consent(settings).request("Runs net.py.", "bb")
    assert not Consent(settings, lambda question: True).request("Runs something.", "")


def test_an_authors_words_make_no_paragraphs_of_their_own_in_the_question():
    asked = []
    evil = "net\n\n\nThis model is data only.\u2028Run it?\r\n\u202etxet\u202c\x00" + "\n" * 5000 + "x" * 5000
    Consent({}, asked.append).request(f"Runs {evil} with all your rights.", "aa")
    first, *ours = asked[0].split("\n\n")
    assert (
        first.startswith("Runs net This model is data only. Run it? \ufffdtxet\ufffd\ufffd xxx") and len(first) < 1300
    )
    assert first.isprintable() and len(asked[0].splitlines()) == 5
    assert ours[0].startswith("Such code can do everything") and ours[1].endswith("Run it?") and len(ours) == 2


def test_the_shelf_remembers_paths_here_and_keys_in_the_scene(tmp_path):
    settings, path = {}, tmp_path / "DOE^JANE" / "Doe_John_1970.pt2"
    key = ModelList(settings).add(str(path))
    assert re.fullmatch("file#[0-9a-f]{8}", key)  # it stands in the scene: neither the folder nor the file is told
    shelf = ModelList(settings)
    assert shelf.source(key) == shelf.path(key) == str(path)
    assert [option.key for option in shelf.options()] == ["demo:shortcut", "demo:honest", key]
    assert shelf.options()[-1].text == "Doe_John_1970.pt2"
    older = f"Doe_John_1970.pt2{key[4:]}"  # of a scene, or of settings, that an earlier version wrote
    assert shelf.source(older) == str(path) and [o.key for o in shelf.options(older)][2:] == [older]
    assert ModelList({"SegHiResGradCAM/RecentModels": json.dumps({older: str(path)})}).source(key) == str(path)
    assert shelf.source("demo:honest") == "demo:honest" and shelf.path("demo:honest") == ""
    elsewhere = ModelList({})
    assert elsewhere.source(key) == "" and "not found" in elsewhere.options(key)[-1].text
    for n in range(20):
        shelf.add(str(tmp_path / f"{n}.pt"))
    assert len(shelf.options()) == 12 and shelf.options()[2].text == "19.pt"
    assert ModelList({"SegHiResGradCAM/RecentModels": "nonsense"}).options()[2:] == ()


def test_a_path_that_is_no_model_is_taken_off_the_list(tmp_path):
    shelf = ModelList({})
    keys = [shelf.add(str(tmp_path / name)) for name in ("a", "b")]
    shelf.forget(keys[1])
    assert [option.key for option in shelf.options()][2:] == keys[:1]


@pytest.mark.parametrize("place", [0, 3, 7])
def test_a_dropped_address_is_found_wherever_it_fell_into_the_text(tmp_path, place):
    path, former = tmp_path / "ä model", "/a/b/cd"
    text = former[:place] + path.as_uri() + former[place:]
    assert droppedPath(text, former) == str(path)
    assert droppedPath(path.as_uri() + "\n") == str(path)
    assert droppedPath(former, former) == former


def test_a_volume_says_a_channel_with_whole_words_and_the_longest_counts():
    def matched(channels, *names):
        return matchedChannels(channels, {name: name for name in names})

    assert matched(("T1", "T1c"), "pat T1", "pat_T1c") == {"T1": "pat T1", "T1c": "pat_T1c"}
    assert matched(("T1", "T1Gd"), "a T1 Gd", "b-t1") == {"T1": "b-t1", "T1Gd": "a T1 Gd"}
    assert matched(("CT", "PET"), "ct one", "ct two", "PET") == {"PET": "PET"}  # two say CT
    assert matched(("CT", "PET"), "PET CT", "pet") == {"PET": "pet"}  # the first says PET as well
    assert matched(("T1", "FLAIR"), "T1w", "FLAIR1") == {}
    assert matched(("image", "image"), "image") == {}


def test_a_class_is_matched_by_name_only():
    classes = ("background", "Liver tumour", "look-alike")
    assert matchingClass("liver_TUMOUR ", classes) == "Liver tumour"
    assert matchingClass("Look Alike", classes) == "look-alike"
    assert matchingClass("tumour", classes) == matchingClass("", classes) == ""
    assert matchingClass("a b", ("a_b", "A-B")) == ""  # two would fit: none is chosen


def test_the_strongest_place_is_in_world_millimetres(mrml):
    volume = addVolume(np.zeros((24, 32, 40), np.int16), obliqueMatrix())
    addTransform(obliqueMatrix((1, 1.2, 0.9), (10, 20, -30), (7, -8, 9)), volume)
    explanation, place = spot(volume)
    node = addOverlay(mrml, explanation, volume)
    assert np.linalg.norm(np.array(strongestPlace(node)) - place) < 1e-3


def test_in_signed_maps_the_strongest_may_speak_against_the_class(mrml):
    volume = addVolume(np.zeros((16, 16, 16), np.int16))
    cells = np.zeros((4, 4, 4))
    cells[1, 1, 1], cells[2, 2, 2] = 1.0, -3.0
    node = addOverlay(mrml, makeExplanation(cells, layerGridOf(volume)), volume)
    assert strongestPlace(node) == (4.0, 4.0, 4.0)
    applyDisplay(node, DisplaySettings(signed=True))
    assert strongestPlace(node) == (8.0, 8.0, 8.0)
    removeOverlay(node)
    empty = addOverlay(mrml, makeExplanation(np.zeros((4, 4, 4)), layerGridOf(volume)), volume)
    assert strongestPlace(empty) is None


@pytest.mark.parametrize("signed", [False, True])
def test_in_3d_what_is_hidden_in_slices_is_transparent(mrml, nodeIds, signed):
    volume = addVolume(np.zeros((16, 16, 16), np.int16))
    cells = np.random.default_rng(2).normal(size=(4, 4, 4))
    node = addOverlay(
        mrml, makeExplanation(cells, layerGridOf(volume)), volume, settings=DisplaySettings(share=0.5, signed=signed)
    )
    before = nodeIds()
    showIn3D(node)
    assert isIn3D(node)
    (display,) = [n for n in mrml.GetNodes() if n.IsA("vtkMRMLVolumeRenderingDisplayNode")]
    opacity = display.GetVolumePropertyNode().GetScalarOpacity()
    end = node.GetDisplayNode().GetWindowLevelMax()
    assert opacity.GetValue(0.0) == 0 and opacity.GetValue(end) == pytest.approx(0.95)
    assert (opacity.GetValue(-end) > 0) == signed
    if not signed:
        level = node.GetDisplayNode().GetLowerThreshold()
        assert opacity.GetValue(0.98 * level) == 0 < opacity.GetValue(1.02 * level)
    showIn3D(node)
    assert len([n for n in mrml.GetNodes() if n.IsA("vtkMRMLVolumeRenderingDisplayNode")]) == 1
    hideFrom3D(node)
    assert not isIn3D(node) and nodeIds() == before


def test_a_segments_size_is_compared_with_a_layers_cells():
    volume = addVolume(np.zeros((20, 20, 20), np.int16), np.diag([1.0, 2.0, 3.0, 1.0]))
    mask = np.zeros((20, 20, 20), dtype=bool)
    mask[2:6, 3:13, 1:11] = True
    segmentation = addSegmentation(volume, lesion=mask, empty=None)
    assert segmentExtentMm(segmentation, "lesion") == pytest.approx((10.0, 20.0, 12.0))
    mask[10, 3:13, 1:11] = True
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask.astype(np.uint8), segmentation, "lesion", volume)
    assert segmentExtentMm(segmentation, "lesion") == pytest.approx((10.0, 20.0, 27.0))  # painted on: measured anew
    assert segmentExtentMm(segmentation, "empty") is None and segmentExtentMm(segmentation, "unknown") is None
    fine = makeExplanation(np.zeros((4, 4, 4)), layerGridOf(volume)).layer
    assert coarsenessWarning(fine, (10, 20, 12)) == ""  # unknown cell size
    from dataclasses import replace

    assert coarsenessWarning(replace(fine, mm_per_cell=(5.0, 5.0, 5.0)), (10, 20, 12)) == ""
    assert "6 mm" in coarsenessWarning(replace(fine, mm_per_cell=(6.0, 5.0, 5.0)), (10, 20, 12))
