"""The module's panel as a user has it before them: opened on the stage, with the verbs of a user."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import shiboken6
from PySide6 import QtCore

from stage.gui import choose, click, core, events, loadModule

MODULE = Path(__file__).resolve().parents[2] / "SegHiResGradCAM" / "SegHiResGradCAM.py"
#: a worker imports torch first, on a busy machine with two cores
PATIENCE_MS = 300_000


class Panel:
    """``widget``, ``ui``, ``presenter`` of the real module; ``close()`` as when Slicer quits."""

    def __init__(self):
        self.loaded = loadModule(MODULE)
        self.widget = self.loaded.widget()
        self._column = _Column(self.widget.parent)
        self.waitIdle()

    @property
    def ui(self):
        return self.widget.ui

    @property
    def presenter(self):
        return self.widget.presenter

    @property
    def node(self):
        """The overlay that is shown."""
        return self.presenter.desk.node

    @property
    def results(self) -> list[str]:
        """The lines of the tree of results as they are read: question, method, layer, share, verdict."""
        return [" · ".join((*path, *(leaf.text(column) for column in range(3)))) for path, leaf in self._leaves()]

    @property
    def resultRow(self) -> int:
        """Which of them is marked."""
        return next(n for n, (_path, leaf) in enumerate(self._leaves()) if leaf.isSelected())

    def chooseResult(self, row: int) -> None:
        """Marks one of them, as a click does."""
        self.ui.resultsTree.setCurrentItem(self._leaves()[row][1])
        events.process()

    def _leaves(self) -> list:
        root = self.ui.resultsTree.invisibleRootItem()
        questions = [root.child(n) for n in range(root.childCount())]
        methods = [(one, one.child(n)) for one in questions for n in range(one.childCount())]
        return [((one.text(0), method.text(0)), method.child(n)) for one, method in methods
                for n in range(method.childCount())]  # fmt: skip

    def open(self, control) -> None:
        """Opens the sections in which a control lies."""
        inside, heads = control, []
        while inside is not None and inside is not self.widget.parent:
            if inside.inherits("ctkCollapsibleButton"):
                heads.insert(0, inside)
            inside = inside.parent()
        for head in heads:
            if head.collapsed:
                click(head)
                events.wait(20)

    def openSections(self) -> None:
        """Opens the small sections that are there."""
        for head in [*self.ui.resultSections.children(), *self.ui.panelSections.children()]:
            if head.inherits("ctkCollapsibleButton") and head.isVisible() and head.collapsed:
                click(head)
        events.wait(20)

    def openDemo(self) -> None:
        click(self.ui.demoButton)
        self.waitIdle()

    def apply(self) -> None:
        click(self.ui.applyButton)

    def applyAndWait(self) -> None:
        self.apply()
        self.waitIdle()

    def chooseModel(self, text: str) -> None:
        choose(self.ui.modelComboBox, text)
        self.waitIdle()

    def chooseModelFile(self, path) -> None:
        """Puts a path into the path field, as its browse button does; of a folder until it has been looked at."""
        self.ui.modelPathLineEdit.currentPath = str(path)
        events.waitUntil(lambda: self.presenter.models.facts.source == str(path), 10_000, "the path was taken")
        self.waitIdle()

    def openAdvanced(self) -> None:
        self.open(self.ui.methodComboBox)
        self.waitIdle()

    def waitIdle(self, patience=PATIENCE_MS) -> None:
        events.waitUntil(lambda: not self.presenter.busy, patience, "the panel is idle")
        events.wait(20)
        self.widget.parent.adjustSize()
        _fit(self.widget.parent)
        events.wait(20)

    def waitChecked(self) -> None:
        """Until the numbers that follow a map by themselves are there."""
        events.waitUntil(lambda: self.presenter.checks.job is None, PATIENCE_MS, "the map is checked")
        self.waitIdle()

    def waitComputing(self) -> None:
        """Until the worker has told progress of the running request."""
        events.waitUntil(lambda: self.presenter.busy and self.presenter.job.fraction > 0, PATIENCE_MS, "progress")

    def workerPid(self) -> int:
        """Of the interpreter that computes."""
        return self.presenter.engine.hello.pid

    def close(self) -> None:
        self.loaded.close()


def tipOf(control) -> str:
    """A control's tooltip as it reads (the core has made rich text of it)."""
    return core.shownText(control.toolTip)


class _Column(QtCore.QObject):
    """Slicer's module column scrolls: whatever comes into the panel, nothing is squeezed to fit."""

    def __init__(self, top):
        super().__init__(top)
        self._top, self._later = top, QtCore.QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._fit)
        top.installEventFilter(self)

    def eventFilter(self, watched, event):
        if event.type() == QtCore.QEvent.Type.LayoutRequest:
            self._later.start(0)
        return False

    def _fit(self):
        if shiboken6.isValid(self._top):
            _fit(self._top)


def _fit(top):
    """As high as the panel wants to be at the column's width."""
    layout = top.layout()
    if layout is not None and layout.hasHeightForWidth():
        top.resize(top.width, max(layout.totalHeightForWidth(top.width), 40))


_NETWORK = """
import time
import torch

class Slow(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv3d(1, 4, 3, padding=1)
        self.down = torch.nn.Conv3d(4, 8, 3, padding=1, stride=2)
        self.up = torch.nn.Upsample(scale_factor=2)
        self.last = torch.nn.Conv3d(8, {classes}, 1)
        self.waits = torch.nn.ModuleList(Wait() for n in range({waits}))

    def forward(self, x):
        for wait in self.waits:
            x = wait(x)
        return self.last(self.up(torch.relu(self.down(torch.relu(self.first(x))))))

class Wait(torch.nn.Module):
    def forward(self, x):
        if x.device.type != "meta":
            time.sleep(0.1)
        return x * 1.0

def build():
    {extra}
    return Slow()
"""


def writeModel(folder: Path, classes=("background", "lesion"), waits: int = 0, extra: str = "pass") -> Path:
    """A small network as Python file, weights and description; waits: tenths of a second a pass takes."""
    from safetensors.numpy import save_file

    random = np.random.default_rng(7)
    shapes = {"first": (4, 1, 3, 3, 3), "down": (8, 4, 3, 3, 3), "last": (len(classes), 8, 1, 1, 1)}
    weights = {f"{name}.weight": random.normal(size=shape).astype(np.float32) * 0.3 for name, shape in shapes.items()}
    weights |= {f"{name}.bias": np.zeros(shape[0], dtype=np.float32) for name, shape in shapes.items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "weights.safetensors")
    text = _NETWORK.format(classes=len(classes), waits=waits, extra=extra)
    (folder / "net.py").write_text(text, encoding="utf-8")
    about = {"factory": "net.py", "weights": "weights.safetensors", "classes": list(classes), "divisor": 2}
    path = folder / "small.model.json"
    path.write_text(json.dumps(about), encoding="utf-8")
    return path


_THRESHOLD = """
import torch

class Threshold(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv3d({channels}, {channels}, 1)
        self.last = torch.nn.Conv3d({channels}, {classes}, 1)

    def forward(self, x):
        return self.last(torch.relu(self.first(x)))

def build():
    return Threshold()
"""


def writeThresholdModel(folder: Path, weights, threshold: float, channels=("image",), classes=("background", "lesion")):
    """A network that says class 1 where sum_c weights_c x_c exceeds the threshold (x >= 0), and no further class."""
    from safetensors.numpy import save_file

    count = len(channels)
    last = np.zeros((len(classes), count, 1, 1, 1), np.float32)
    last[1, :, 0, 0, 0] = weights
    bias = np.full(len(classes), -1e6, np.float32)
    bias[:2] = 0, -threshold
    state = {
        "first.weight": np.eye(count, dtype=np.float32).reshape(count, count, 1, 1, 1),
        "first.bias": np.zeros(count, np.float32), "last.weight": last, "last.bias": bias,
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    save_file(state, folder / "weights.safetensors")
    (folder / "net.py").write_text(_THRESHOLD.format(channels=count, classes=len(classes)), encoding="utf-8")
    about = {
        "factory": "net.py", "weights": "weights.safetensors", "classes": list(classes), "channels": list(channels),
    }  # fmt: skip
    path = folder / "threshold.model.json"
    path.write_text(json.dumps(about), encoding="utf-8")
    return path
