"""The demo networks: ``open_model("demo:honest")``, ``open_model("demo:shortcut")``, or a file of demo.train."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ...cam.logits.heads import NO_ACTIVATION, SOFTMAX
from ...demo.case import FOLDER
from ...protocol.errors import ModelError
from ...protocol.explanation import ClassInfo
from ...protocol.image import Image
from ..segmentation_model import ModelKind, Prepared, SegmentationModel, padded
from . import demo_weights
from .preprocessing import CLASSES, DIVISOR, on_model_grid

_PREFIX = "demo:"
_NAMES = ("honest", "shortcut")
_CLASSES = tuple(ClassInfo(i, name) for i, name in enumerate(CLASSES))


class DemoModel(SegmentationModel):
    """A small 3D U-Net that finds a body in a T1 brain and calls it lesion or look-alike; RAS, 4 mm.

    Give images in any orientation and spacing.  title: "honest" or "shortcut".  norm: "batch" or "instance".
    """

    kind = "demo"
    activation = NO_ACTIVATION
    classes = _CLASSES
    channels = ("T1",)
    spatial_dims = 3
    head = SOFTMAX

    def __init__(self, path: Path):
        about = demo_weights.metadata(path)
        self.title = about["model"]
        self.name = f"{about['model']} ({about['norm']} norm)"
        self.norm = about["norm"]
        self.networks = (demo_weights.load(path),)
        self.weights_hash = hashlib.sha256(Path(path).read_bytes()).hexdigest()

    def prepare(self, image: Image) -> Prepared:
        import torch

        self.check(image)
        array, grid = on_model_grid(image)
        valid = grid.shape
        array, grid, notes = padded(array, grid, DIVISOR)
        return Prepared(torch.tensor(array)[None], grid, valid, notes)


class _DemoKind(ModelKind):
    """Recognises ``demo:<name>`` and weights files of ``dev.py train``; only data are read."""

    name = "demo"
    title = "Demo network"
    order = 10

    def recognises(self, source) -> bool:
        if str(source).startswith(_PREFIX):
            return True
        if not str(source).endswith(".safetensors"):
            return False
        try:
            demo_weights.metadata(Path(source))
        except ModelError:
            return False
        return True

    def requirements(self, source) -> tuple[str, ...]:
        return ("safetensors",)

    def classes(self, source) -> tuple[ClassInfo, ...]:
        return _CLASSES

    def channels(self, source) -> tuple[str, ...]:
        return DemoModel.channels

    def open(self, source, consent: bool = False) -> DemoModel:
        source = str(source)
        if not source.startswith(_PREFIX):
            return DemoModel(Path(source))
        name = source.removeprefix(_PREFIX)
        if name not in _NAMES:
            raise ModelError(f"There is no demo model {name!r}.", f"Choose one of: {', '.join(_NAMES)}.")
        return DemoModel(FOLDER / f"{name}.safetensors")


KIND = _DemoKind()
