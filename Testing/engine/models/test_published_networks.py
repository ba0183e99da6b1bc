"""Four brain networks that others trained: their labels through a description, and what holds for norm-free nets.

The expected tensor is made with nibabel and numpy as the data's README states it, the expected labels by a plain
``Sequential``; nothing of the engine takes part in either.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from seghirescam import open_model
from seghirescam.cam.methods.full_grad import SegFullGrad
from seghirescam.evaluation.trust.layer_numbers import phantom_mass
from seghirescam.io.volumes import read_volume
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session

DATA = Path(os.environ.get("SEGHIRESCAM_TEST_DATA", "")) / "networks"
NETWORKS = ("meshnet_gwm", "meshnet_gwm20", "meshnet_18", "meshnet_104")
#: how many classes the 96^3 centre shows at least; with the axes in another order meshnet_18 loses most of them
SEEN = {"meshnet_gwm": 3, "meshnet_gwm20": 3, "meshnet_18": 18, "meshnet_104": 60}
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="SEGHIRESCAM_TEST_DATA names no folder with networks/")

FACTORY = """
import numpy as np
from torch import nn
LAYERS = {layers}
LOW, HIGH = {bounds}  # of the whole volume
def build():
    return nn.Sequential(*(
        nn.Conv3d(x["in"], x["out"], x["kernel"], dilation=x["dilation"], padding=x["padding"], bias=x["bias"])
        if x["kind"] == "conv3d" else {{"relu": nn.ReLU, "elu": nn.ELU}}[x["kind"]]()
        for x in LAYERS
    ))
def normalise(array):
    return np.clip((array - np.float32(LOW)) / np.float32(HIGH - LOW), 0, 1)
"""


class Case:
    """One network with the centre of the head: as files for the engine, as a tensor and a Sequential of its own."""

    def __init__(self, name, size, folder):
        nibabel = pytest.importorskip("nibabel")
        about = json.loads((DATA / f"{name}.json").read_text())
        head = nibabel.load(DATA.parent / "brain_t1.nii.gz")
        whole = np.asarray(head.dataobj)
        wanted = {"min-max to 0..1": (0, 100), "5th and 95th percentile to 0..1": (5, 95)}[about["input"]["intensity"]]
        low, high = (float(p) for p in np.percentile(whole, wanted))
        start = (256 - size) // 2
        centre = whole[(slice(start, start + size),) * 3]
        move = np.eye(4)
        move[:3, 3] = start
        self.volume = folder / "centre.nii.gz"
        nibabel.save(nibabel.Nifti1Image(centre, head.affine @ move), self.volume)
        scaled = np.clip((centre.astype(np.float32) - np.float32(low)) / np.float32(high - low), 0, 1)
        self.tensor = torch.from_numpy(scaled)[None, None]  # x, y, z
        self.classes = about["classes"]
        self.network = nn.Sequential()
        for n, layer in enumerate(about["layers"]):
            shape = (layer.get("in"), layer.get("out"), layer.get("kernel"))
            words = {word: layer.get(word) for word in ("dilation", "padding", "bias")}
            kinds = {"relu": nn.ReLU, "elu": nn.ELU}
            self.network.append(nn.Conv3d(*shape, **words) if n % 2 == 0 else kinds[layer["kind"]]())
        weights = DATA / f"{name}.safetensors"
        self.network.load_state_dict(load_file(weights))
        (folder / "net.py").write_text(FACTORY.format(layers=about["layers"], bounds=(low, high)), encoding="utf-8")
        words = {"factory": "net.py", "weights": str(weights), "classes": self.classes, "normalise": "normalise"}
        self.description = folder / "net.model.json"
        self.description.write_text(json.dumps(words | {"axes": "xyz"}), encoding="utf-8")

    def opened(self):
        return open_model(self.description, consent=True), read_volume(self.volume)


def answered(name, size, folder):
    """(our logits [C, x, y, z], our labels [x, y, z], the network's own logits)."""
    case = Case(name, size, folder)
    with torch.no_grad():
        truth = case.network(case.tensor)[0].numpy()
    model, image = case.opened()
    session = open_session(model, image)
    logits = session.logits()
    labels = model.labels_on_input(logits, session.prepared(), image)
    assert torch.equal(session.prepared().tensor, case.tensor)
    assert [c.name for c in model.classes] == case.classes
    return logits, labels.transpose(2, 1, 0), truth


@pytest.mark.parametrize("name", NETWORKS)
def test_the_logits_are_the_network_s_own(name, tmp_path):
    logits, labels, truth = answered(name, 24, tmp_path)
    assert np.abs(logits - truth).max() <= 1e-5 * np.abs(truth).max()
    assert np.array_equal(labels, truth.argmax(0))


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_the_labels_are_the_network_s_own_on_the_96_centre(name, tmp_path):
    _, labels, truth = answered(name, 96, tmp_path)
    assert np.array_equal(labels, truth.argmax(0)) and len(np.unique(labels)) >= SEEN[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_what_holds_exactly_for_networks_without_normalisation(name, tmp_path):
    case = Case(name, 24, tmp_path)
    model, image = case.opened()
    session = open_session(model, image)
    labels = session.logits().argmax(0)
    index = int(np.bincount(labels.ravel()).argmax())
    pixels = PixelSet(labels == index, session.prepared().grid)
    # S, by the plain network
    with torch.no_grad():
        logits = case.network(case.tensor)[0].double()
    score = float(logits[index][torch.from_numpy(labels == index)].sum())
    (found,) = session.ask(pixels, class_index=index, methods=[SegFullGrad(form="signed")])
    assert found.total == pytest.approx(score, rel=1e-5)
    assert abs(found.provenance["gap"]) < 1e-5
    for layer in ("3", str(len(case.network) - 2)):
        (found,) = session.ask(pixels, class_index=index, layers=[layer])
        mass = phantom_mass(session, found, pixels, epsilons=(0.0, 1e-6))
        assert mass[0.0].value == 0 and mass[1e-6].value < 1e-6
