"""What mattered and what flips it, as typed in Python: the engine's answers for arrays and modules."""

import numpy as np
import pytest
import torch

import seghirescam
from engine.cause_cases import CHANNELS, SCORES, case, formula_model
from seghirescam.evaluation.causes.anatomy_causes import anatomy_causes
from seghirescam.evaluation.causes.channel_causes import channel_causes
from seghirescam.evaluation.causes.smallest_flip import SearchLimits
from seghirescam.protocol.errors import ImageError, LayerError, PixelSetError
from seghirescam.session.opening import open_session

CLASSES = ["rest", "lesion", "look-alike"]
SPACING = (2.0, 1.0, 1.5)


def test_channels_of_a_model_and_of_arrays():
    image, pixels = case()
    mine = channel_causes(open_session(formula_model(), image), [pixels], [SCORES["contrast"]], baseline="zero")[0]
    words = {"score": "contrast", "rival": "look-alike", "target": "lesion", "baseline": "zero"}
    (found,) = seghirescam.causes(formula_model(), image, pixels, **words)
    assert found.to_json() == mine.to_json() and [one.name for one in found.causes] == list(CHANNELS)
    other, _ = case(seed=4)
    (array,) = seghirescam.causes(
        formula_model(), image.array, pixels.weights, spacing=SPACING, target=1, other=other.array
    )
    theirs = channel_causes(
        open_session(formula_model(), image), [pixels], [SCORES["logit"]], baseline="other", other=other
    )[0]
    assert [one.value for one in array.causes] == pytest.approx([one.value for one in theirs.causes], rel=1e-5)


def test_anatomy_by_names_and_by_a_label_map():
    image, pixels = case()
    labels = np.zeros(image.grid.shape, np.uint8)
    labels[:, :4], labels[:, 6:] = 1, 2
    masks = {"front": labels == 1, "back": labels == 2}
    session = open_session(formula_model(), image)
    mine = anatomy_causes(session, masks, [pixels], [SCORES["logit"]])[0]
    by_name = {"class_index": 1}
    (found,) = seghirescam.causes(formula_model(), image, pixels, segments=masks, **by_name)
    assert [one.value for one in found.causes] == pytest.approx([one.value for one in mine.causes])
    assert [one.name for one in found.causes] == ["front", "back", "the rest"]
    assert "No map stands beside the causes." in found.notes[-1] and not found.causes[0].evidence.ok
    with pytest.raises(LayerError):  # one that was named is asked for
        seghirescam.causes(formula_model(), image, pixels, segments=masks, layer="deepest", **by_name)
    (again,) = seghirescam.causes(formula_model(), image, pixels, segments=labels, **by_name)
    assert [one.name for one in again.causes] == ["label 1", "label 2", "the rest"]
    assert [one.value for one in again.causes] == [one.value for one in found.causes]
    with pytest.raises(ImageError, match="label map has shape"):
        seghirescam.causes(formula_model(), image, pixels, segments=labels[:4], **by_name)
    with pytest.raises(TypeError, match="no word 'segment'"):
        seghirescam.causes(formula_model(), image, pixels, segment=labels, **by_name)


def test_a_flip_of_a_bare_module():
    """The object is where the neighbour ten voxels on is bright."""
    looks = torch.nn.Conv3d(1, 2, (1, 1, 21), padding=(0, 0, 10))
    with torch.no_grad():
        looks.weight.zero_()
        looks.weight[1, 0, 0, 0, 20] = 1
        looks.bias[:] = torch.tensor([0.2, 0.5])
    network = torch.nn.Sequential(torch.nn.AvgPool3d(1), looks)
    mask = np.zeros((4, 8, 32), bool)
    mask[:, 2:6, 2:10] = True
    cue = np.roll(mask, 10, axis=2)
    array = np.where(cue, 5.0, -1.0).astype(np.float32)
    words = {"classes": ["rest", "object"], "target": "object", "spacing": (2, 2, 2), "method": "input_x_gradient"}
    pytest.importorskip("captum")
    limits = SearchLimits(finest_mm=4.0, predictions=40)
    told = []
    flip = seghirescam.smallest_flip(network, array, mask, **words, limits=limits, before=told.append)
    assert (
        flip.found and flip.becomes == "rest" and told == ["at most 40 predictions, at most 40 passes of the network"]
    )
    assert np.count_nonzero((flip.region.weights > 0) & cue) >= 0.8 * flip.region.voxels
    away = seghirescam.smallest_flip(network, array, mask, **words, limits=limits, within=~cue & ~mask)
    assert not away.found
    with pytest.raises(PixelSetError, match="one pixel set"):
        seghirescam.smallest_flip(network, array, [mask, cue], **words)


def test_smoothgrad_in_python():
    network = torch.nn.Sequential(torch.nn.Conv3d(4, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv3d(4, 3, 1))
    image, pixels = case()
    words = {"class_index": 1, "classes": CLASSES, "noise": "smoothgrad", "noise_samples": 3, "spacing": SPACING}
    (found,) = seghirescam.explain(network, image.array, pixels.weights, **words)
    assert found.provenance["noise"]["samples"] == 3 and "SmoothGrad" in found.title()
