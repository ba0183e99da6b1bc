"""A scene saved at fifty random moments: whatever is read again, the panel lists it, and can take it away."""

import random
from collections import Counter

import pytest

import slicer
from mrml.asking import DESCRIPTION, RecordingEngine, answer, makeCase, value
from SegHiResGradCAMLib import isOverlay
from SegHiResGradCAMLib.scene.nodes.Attachments import attachedTo
from SegHiResGradCAMLib.scene.results.ComparisonNodes import comparisonOf
from stage.gui import events
from stage.panel import Panel

MOMENTS = 50
OURS = "SegHiResGradCAM."
pytestmark = pytest.mark.slow


@pytest.fixture
def panel(stageScene):
    stageScene.addSliceViews()
    opened = Panel()
    opened.widget.ask = lambda question: True
    yield opened
    opened.close()
    stageScene.removeSliceViews()


def kinds():
    """How many nodes of which class there are; the file of a volume counts for nobody."""
    names = [node.GetClassName() for node in slicer.mrmlScene.GetNodes()]
    return Counter(name for name in names if not name.endswith("StorageNode"))


def ours():
    """Nodes that carry a fact of ours, without the user's own (the segmentation remembers its model)."""
    return [
        node for node in slicer.mrmlScene.GetNodes()
        if any(name.startswith(OURS) for name in node.GetAttributeNames())
        and not node.IsA("vtkMRMLScriptedModuleNode") and not node.IsA("vtkMRMLSliceCompositeNode")
        and not (node.IsA("vtkMRMLSegmentationNode") and node.GetName() == "drawn")
    ]  # fmt: skip


def listed(panel):
    """The results in the list, and all that goes with them."""
    results = panel.presenter.desk.results.nodes()
    found = list(results)
    for node in results:
        found += [*attachedTo(node), comparisonOf(node)]
        found += [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
        found += [one.GetColorNode() for one in found if one is not None and one.IsA("vtkMRMLDisplayNode")]
    return found


def reopened(panel, scene, path):
    panel.loaded.exit()
    scene.readMrb(path)
    events.wait(20)
    panel.loaded.enter()
    events.wait(30)


class Answering(RecordingEngine):
    """An engine whose answers come after a while; only the last question is answered, as the real one does it."""

    def __init__(self, panel, case, chance):
        super().__init__()
        self._panel, self._case, self._chance, self._last = panel, case, chance, 0

    def send(self, job, source, volumes=None, question=None, listener=None):
        super().send(job, source, volumes, question, listener)
        self._last += 1
        number, told = self._last, self._answer(job)
        who = listener or self._panel.presenter
        answered = lambda: who.onAnswer(told) if number == self._last else None  # noqa: E731
        self._panel.widget.later(self._chance.uniform(0, 60), answered)

    def drop(self):
        self._last += 1

    close = drop

    def cancel(self):
        self.drop()
        self._panel.widget.later(5, lambda: self._panel.presenter.onError("cancelled", "Cancelled.", ""))

    def _answer(self, job):
        if job.purpose == "describe":
            return DESCRIPTION
        told = answer(self._case, "encoder.1", "encoder.2", "decoder.1")
        if job.purpose == "compare":
            words = {"title": "method", "layer": "encoder.1", "status": "ok", "unit": "logit"}
            words |= {"reason": "", "left_out": ""}
            numbers = dict.fromkeys(("total", "score", "completeness", "inside", "chance", "lift", "seconds"), 0.5)
            row = words | numbers | {"mm_per_cell_kji": [8.0, 8.0, 8.0]}
            told["explanations"] *= 8
            told["rows"] = [row | {"map": n} for n in range(len(told["explanations"]))]
        if job.purpose == "by segment":
            share = value(0.5, chance=0.25)
            row = {"name": "lesion", "ml": 1.0, "voxels": 512, "share_of_image": 0.1, "share": share,
                   "density": share, "distance": value(3.0, "mm")}  # fmt: skip
            told = {"rows": [row], "notes": []}
        return told


def test_no_saved_moment_holds_a_node_that_the_panel_neither_lists_nor_removes(panel, stageScene, tmp_path):
    case, chance = makeCase(), random.Random(5)
    case[0].CreateDefaultDisplayNodes()  # else the views make one of their own
    case[1].SetName("drawn")
    crosshair = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCrosshairNode")
    crosshair.SetCrosshairRAS(16, 16, 16)
    panel.presenter.engine = Answering(panel, case, chance)
    panel.presenter.checks.setEveryMap(False)
    panel.ui.volumeSelector.setCurrentNode(case[0])
    panel.presenter.pick(segmentation=case[1], segmentId="lesion")
    panel.presenter.models.pick("demo:honest")
    panel.waitIdle()
    first = stageScene.writeMrb(tmp_path / "first.mrb")
    saved, done = [], Counter()

    def move():
        crosshair.SetCrosshairRAS(*(chance.uniform(2, 28) for _ in range(3)))

    def removeAll():
        while panel.presenter.desk.results.nodes():
            panel.presenter.desk.remove()
            events.waitUntil(lambda: not panel.presenter.comparisons._removing.running, 30_000, "removed")

    actions = {
        "apply": lambda: panel.presenter.apply(),  # or Cancel
        "compare": lambda: panel.presenter.comparisons.compare(),
        "follow": lambda: panel.presenter.live.setOn(not panel.presenter.live.on),
        "move": move,
        "remove": lambda: panel.presenter.desk.remove(),
        "segments": lambda: panel.presenter.segments.ask(),
        "share": lambda: panel.presenter.desk.setDisplay(share=chance.uniform(0.3, 0.99)),
        "wait": panel.waitIdle,
    }
    names = list(actions)
    while len(saved) < MOMENTS:
        if len(saved) % 10 == 9:  # however quick the machine is: the next moment follows an empty list
            panel.presenter.live.stop()
            panel.presenter.stopWork()
            removeAll()
            saved.append(stageScene.writeMrb(tmp_path / f"{len(saved)}.mrb"))
            continue
        name = chance.choice([*names, "move", "move", "wait", "apply", "compare"])
        actions[name]()
        done[name] += 1
        events.wait(chance.choice((0, 3, 20, 60, 150)))
        if chance.random() < 0.6:
            saved.append(stageScene.writeMrb(tmp_path / f"{len(saved)}.mrb"))
    assert set(done) == set(actions), done
    panel.presenter.live.stop()
    panel.presenter.stopWork()
    panel.waitIdle()
    reopened(panel, stageScene, first)
    assert panel.presenter.desk.results.nodes() == []
    bare, found = kinds(), Counter()
    for path in saved:
        reopened(panel, stageScene, path)
        left = [node.GetName() for node in ours() if node not in listed(panel)]
        assert left == [], (path.name, left)
        results = panel.presenter.desk.results.nodes()
        assert len(panel.presenter.desk.state().results) == len(results)
        assert [node for node in slicer.mrmlScene.GetNodes() if isOverlay(node)] == results
        found[min(len(results), 2)] += 1
        removeAll()
        events.wait(30)
        assert kinds() == bare, (path.name, kinds() - bare, bare - kinds())
    assert all(found[n] for n in range(3)), found  # moments with no, one and several results were among them
