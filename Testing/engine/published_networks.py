"""Four brain networks that others trained, with the centre of a head: as files for the engine, and as plain tensors.

The tensor is made with nibabel and numpy as the data's README states it, the network is a plain ``Sequential``; nothing
of the engine takes part in either.
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
from seghirescam.io.volumes import read_volume

DATA = Path(os.environ.get("SEGHIRESCAM_TEST_DATA", "")) / "networks"
NETWORKS = ("meshnet_gwm", "meshnet_gwm20", "meshnet_18", "meshnet_104")
THERE = pytest.mark.skipif(not DATA.is_dir(), reason="SEGHIRESCAM_TEST_DATA names no folder with networks/")
PERCENTILES = {"min-max to 0..1": (0, 100), "5th and 95th percentile to 0..1": (5, 95)}

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
    """One network with the centre of the head. alone: the percentiles are those of the centre, as if it were the whole
    volume, and the description's preprocessing says all there is; else the whole head's, in a function."""

    def __init__(self, name, size, folder, alone=False):
        nibabel = pytest.importorskip("nibabel")
        about = json.loads((DATA / f"{name}.json").read_text())
        head = nibabel.load(DATA.parent / "brain_t1.nii.gz")
        whole = np.asarray(head.dataobj)
        wanted = PERCENTILES[about["input"]["intensity"]]
        start = (256 - size) // 2
        centre = whole[(slice(start, start + size),) * 3]
        low, high = (float(p) for p in np.percentile(centre if alone else whole, wanted))
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
        clip = [] if wanted == (0, 100) else [{"percentile_clip": list(wanted)}]
        self.steps = [{"orientation": "LIA"}, {"spacing": [1, 1, 1]}, *clip, {"min_max": [0, 1]}]
        self.words = {"factory": "net.py", "weights": str(weights), "classes": self.classes, "axes": "xyz"}
        self.words |= {"preprocessing": self.steps} if alone else {"normalise": "normalise"}
        self.description = folder / "net.model.json"
        self.described()

    def described(self, **words):
        """Writes the description, with these words otherwise."""
        self.description.write_text(json.dumps(self.words | words), encoding="utf-8")
        return self

    def opened(self):
        return open_model(self.description, consent=True), read_volume(self.volume)

    def own_labels(self):
        """``[x, y, z]`` of the plain network."""
        with torch.no_grad():
            return self.network(self.tensor)[0].argmax(0).numpy()
