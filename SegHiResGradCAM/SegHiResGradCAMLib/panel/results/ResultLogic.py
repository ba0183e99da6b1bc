"""What the Result section does: which result is shown, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from seghirescam.protocol.arrays import DiskError
from seghirescam.protocol.errors import SegHiResCamError
from seghirescam.protocol.explanation import Explanation

from ...scene.nodes.Provenance import inputVolumesOf
from ...scene.overlay.OverlayDisplay import settingsOf
from ...scene.overlay.StrongestPlace import jumpToStrongestPlace
from ...scene.overlay.VolumeRendering import isIn3D
from ...scene.results.ComparisonNodes import comparisonOf
from ...scene.results.Export import exportToFolder, whyNotExported
from ...setup.Translation import _
from ...worker.Job import Job
from ..Needs import AsksWorker, HasParameters
from .Results import Pass, Results
from .ResultView import ResultState, ResultView
from .ResultWords import facts


class FollowsMaps(Protocol):
    """What is done with a map that has come into the views: its check."""

    def shown(self, node: Any) -> None: ...
    def follow(self) -> None: ...


class RemovesComparisons(Protocol):
    def remove(self, table: Any) -> None: ...


class WritesPages(Protocol):
    def addPage(self, path: Path) -> None: ...


class ResultNeeds(AsksWorker, HasParameters, Protocol):
    """What this feature needs of the panel."""

    @property
    def checks(self) -> FollowsMaps: ...
    @property
    def comparisons(self) -> RemovesComparisons: ...
    @property
    def pictures(self) -> WritesPages: ...


class ResultLogic:
    """results: all of the scene.  node: the one that is shown."""

    View = ResultView

    def __init__(self, panel: ResultNeeds, scene: Any):
        self._panel = panel
        self._scene = scene
        self.results = Results(scene)
        self._folder = ""

    @property
    def node(self) -> Any:
        """The result that is shown, None if there is none."""
        if self._panel.parameters is None:
            return None
        known, wanted = self.results.nodes(), self._panel.parameters.result
        return wanted if wanted in known else known[-1] if known else None

    @property
    def shown(self) -> str:
        """Id of the node that is shown, "" without one."""
        return "" if self.node is None else str(self.node.GetID())

    def isGone(self, job: Job) -> bool:
        """The map that a job is about was removed meanwhile."""
        origin = job.what.get("origin")
        return origin is not None and self.results.nodeOf(origin) is None

    def choose(self, nodeId: str) -> None:
        """Another result of the list comes into the slice views."""
        node = self._scene.GetNodeByID(nodeId)
        if node is not None and node is not self.node:
            self._panel.write(result=node)
            self._panel.do(self.results.showOnly, node)
            self._panel.checks.shown(node)  # of many maps that came together only the first was
            self._panel.checks.follow()
            self._panel.changed("checks")

    def again(self) -> None:
        """Shows the results once more: their order was changed."""
        self._panel.changed("desk")

    def layerAbove(self) -> None:
        self._otherLayer(-1)

    def layerBelow(self) -> None:
        self._otherLayer(1)

    def toggleOverlay(self) -> None:
        """Takes the shown map out of the slice views, or brings it back."""
        if self.node is not None:
            self.setDisplay(foreground=not settingsOf(self.node).foreground)

    def _otherLayer(self, step: int) -> None:
        """The next one of the list of layers; nothing beyond its ends."""
        if self.node is not None:
            names = [option.key for option in self.results.layers(self.node)]
            place = names.index(self.results.shownLayer(self.node)) + step
            if 0 <= place < len(names):
                self.showLayer(names[place])

    def remove(self) -> None:
        """Removes the shown result, a map of a comparison with all of it; the latest other one is shown instead."""
        if self.node is not None:
            self._panel.do(self._remove, self.node)

    def showLayer(self, name: str) -> None:
        """Another layer of the shown result: at hand, or asked for (the network need not run again for it)."""
        node = self.node
        origin = self.results.origin(node) if node is not None else None
        if origin is None or name == self.results.shownLayer(node):
            return
        if name in origin.maps and self.results.isAtHand(node, name):
            self._panel.do(self._show, node, name)
            self._panel.checks.follow()
        elif self._panel.busy:
            self._tell(_("The worker is busy with another question."), _("Wait for its answer, or cancel it."))
        elif name in origin.maps:
            one, target = origin.maps[name], self.results.target(node, name)
            question = {"map": (one.map, one.grid), "unit": one.unit, "target": target}
            how: dict[str, Any] = {"request": "resample", "answered": self._placed, "title": _("Showing another layer")}
            self._send(Job("place", (node.GetID(),), {"layer": name}, **how), "", question)
        else:
            self._compute(node, origin, name)

    def _remove(self, node: Any) -> None:
        table = comparisonOf(node)
        self._panel.write(result=None)
        if table is None:
            self.results.remove(node)
        else:
            self._panel.comparisons.remove(table)
        left = self.results.nodes()
        if left:
            self._panel.write(result=left[-1])
            self.results.showOnly(left[-1])

    def _show(self, node: Any, name: str) -> None:
        new = self.results.showLayer(node, name)
        self._panel.write(result=new)
        self._panel.checks.shown(new)

    def _compute(self, node: Any, origin: Pass, name: str) -> None:
        found = inputVolumesOf(node)
        if len(found) != len(origin.channels):
            self._tell(_("A volume of this result is gone."), _("Its other layers cannot be computed."))
            return
        volumes = {channel: volume.GetID() for channel, volume in zip(origin.channels, found, strict=True)}
        nodes = (*volumes.values(), node.GetID())
        how: dict[str, Any] = {"request": "explain", "answered": self._computed, "title": _("Computing another layer")}
        job = Job("other layer", nodes, {"layer": name}, volumes, **how)
        mains = [layer.name for layer in origin.layers if layer.main]
        show = replace(origin.question["show"], layer=name)
        question = {**origin.question, "layers": mains if name in mains else [name], "show": show}
        self._send(job, origin.model, question)

    def _send(self, job: Job, source: str, question: dict) -> None:
        self._panel.notices.clear()
        self._panel.send(job, source, question)
        self._panel.changed()

    def _computed(self, job: Job, answer: dict) -> None:
        """More layers of a result that is there."""
        origin: Any = self.results.origin(self._scene.GetNodeByID(job.nodeIds[-1]))
        found = {explanation.layer.name: explanation for explanation in answer["explanations"]}
        if _sources(found) != _sources(origin.maps):
            self._tell(_("The volume or the model is not what it was for this result."), _("Ask again."))
            return
        origin.maps.update({name: one for name, one in found.items() if name not in origin.maps})
        self._placed(job, answer)

    def _placed(self, job: Job, answer: dict) -> None:
        """One of its layers on its voxels."""
        node, name = self._scene.GetNodeByID(job.nodeIds[-1]), job.what["layer"]
        origin: Any = self.results.origin(node)
        self.results.keep(origin, name, answer)
        if node is self.node:  # another result may have been picked meanwhile
            self.showLayer(name)

    def answered(self, job: Job, answer: dict) -> None:
        """Maps have come: a new result."""
        found = {explanation.layer.name: explanation for explanation in answer["explanations"]}
        asked = (job.what["model"], job.what["question"], tuple(job.volumes), job.what["stamps"])
        origin = Pass(found, tuple(answer["layers"]), *asked)
        volumes = [self._scene.GetNodeByID(nodeId) for nodeId in job.volumes.values()]
        segmentation = self._scene.GetNodeByID(job.what["segmentation"]) if job.what["segmentation"] else None
        wanted = answer["explanations"][0].layer.name
        self.results.keep(origin, wanted, answer)
        add = (origin, wanted, volumes, segmentation, job.what["segmentId"], job.what["grid"])
        node = self._panel.notices.guarded(self.results.add, *add)
        if node is not None:
            self._panel.write(result=node)
            self._panel.checks.shown(node)
            seconds, again = answer["session"]["seconds"], answer["session"]["forward_calls_now"]
            self._panel.notices.say(
                (
                    _("Done in {seconds:.1f} s.")
                    if again
                    else _("Done in {seconds:.1f} s, without running the network again.")
                ).format(seconds=seconds)
            )

    def setDisplay(self, **changes: Any) -> None:
        """Display settings by name, see DisplaySettings."""
        if self.node is not None:
            self._panel.do(lambda: self.results.setDisplay(self.node, **changes))

    def setIn3D(self, shown: bool) -> None:
        if self.node is not None:
            self._panel.do(self.results.setIn3D, self.node, shown)

    def jump(self) -> None:
        """Moves the slice views to the strongest evidence."""
        if self.node is None:
            return
        place = self._panel.notices.guarded(jumpToStrongestPlace, self.node)
        if place is not None:
            r, a, s = place
            text = _("Most important region: R {r:.0f}, A {a:.0f}, S {s:.0f} mm.").format(r=r, a=a, s=s)
            self._panel.notices.say(text)
        self._panel.changed()

    def export(self, chooseFolder: Callable) -> None:
        """Writes the shown result: voxels, facts, and the tables about it.

        chooseFolder(former) -> path: asks the user; "" is no.
        """
        if whyNotExported(self.node):
            return
        folder = chooseFolder(self._folder)
        if not folder:
            return
        self._folder = folder
        self._panel.notices.clear()
        written = self._panel.notices.guarded(self._written, folder)
        if written is not None:
            *first, last = [path.name for path in written]
            self._panel.notices.say(_("Written: {names} and {last}.").format(names=", ".join(first), last=last))
            self._panel.pictures.addPage(written[0])
        self._panel.changed()

    def state(self) -> ResultState:
        node = self.node
        if node is None:
            return ResultState()
        return ResultState(
            results=self.results.lines(),
            result=node.GetID(),
            facts="\n".join(facts(node)),
            shownLayers=self.results.layers(node),
            shownLayer=self.results.shownLayer(node),
            display=settingsOf(node),
            in3D=isIn3D(node),
            exportReason=whyNotExported(node),
            inComparison=comparisonOf(node) is not None,
        )

    def _written(self, folder: str) -> tuple[Path, ...]:
        try:
            return exportToFolder(self.node, folder)
        except SegHiResCamError:  # has its sentence: another Slicer is writing there
            raise
        except OSError as error:
            reason = error.strerror or _("is the disk full, or the folder read-only?")
            raise DiskError(
                _("The files could not be written: {reason}.").format(reason=reason).replace("?.", "?"),
                _("Choose another folder."),
            ) from error

    def _tell(self, sentence: str, hint: str) -> None:
        self._panel.notices.fail(sentence, hint)
        self._panel.changed()


def _sources(maps: dict[str, Explanation]) -> set[tuple]:
    """What maps were made of: image and weights, by their hashes."""
    return {(one.provenance.get("image_sha256"), one.provenance.get("weights_sha256")) for one in maps.values()}
