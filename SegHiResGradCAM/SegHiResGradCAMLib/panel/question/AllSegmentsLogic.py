"""Every segment of a segmentation asked about at once: one request, one forward for all, a result each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from seghirescam.protocol.question import DEFAULT, EACH
from seghirescam.protocol.requests import Show

from ...schedule.Steps import Steps, StepsOf
from ...setup.Translation import _
from ...worker.Job import Job
from ..Controls import FeatureView
from ..Needs import AsksWorker, HasParameters
from ..results.ResultLogic import FollowsMaps, ResultLogic
from ..results.Results import Pass

_TIP = _(
    "Asks about every segment of the segmentation in one forward pass of the network, each with the class of "
    "its name, or all with the class that is chosen below: one result a segment."
)


@dataclass(frozen=True)
class AllSegmentsState:
    """reason: why all segments cannot be asked about, "" if they can."""

    reason: str = ""


class AllSegmentsView(FeatureView):
    """The check box itself is bound to the parameter."""

    def connect(self, allSegments: Any) -> None:
        """Nothing: what is ticked is a parameter."""

    def show(self, state: AllSegmentsState) -> None:
        self._controls.button("allSegmentsCheckBox", state.reason, _TIP)


class AllSegmentsNeeds(AsksWorker, HasParameters, Protocol):
    """What this feature needs of the panel."""

    @property
    def desk(self) -> ResultLogic: ...
    @property
    def checks(self) -> FollowsMaps: ...
    def onProgress(self, fraction: float, phase: str) -> None: ...


class AllSegmentsLogic:
    View = AllSegmentsView

    def __init__(self, panel: AllSegmentsNeeds, scene: Any, later: Callable):
        self._panel, self._scene = panel, scene
        self._steps = Steps(later)

    def state(self) -> AllSegmentsState:
        p = self._panel.parameters
        if p is None or p.pixelSet.needsSegment:
            return AllSegmentsState()
        return AllSegmentsState(
            _("'{label}' is about no segment: choose another set in Explain over.").format(label=p.pixelSet.label())
        )

    def answered(self, job: Job, answer: dict) -> None:
        """The maps have come: they are brought into the scene by and by, and the panel is busy meanwhile."""
        empty = {one["pixel_set"]: one["reason"] for one in answer["left_out"]}
        many = job.what["many"].answered(empty)
        said = _("Done in {seconds:.1f} s, {passesText}. {told}").format(
            seconds=answer["session"]["seconds"], passesText=_passesText(answer["session"]), told=many.told()
        )
        if (answer["on"] or job.what["grid"]) != job.what["grid"]:
            said += _(" The maps are on their layers' cells: as finer ones they would take too much memory together.")
        self._panel.job, job.phase = job, _("adding the maps")
        self._steps.start(self._addSteps(job, answer), lambda made: self._done(made, said), self._notAdded)

    def stop(self) -> bool:
        """Ends the bringing into the scene, which is then as before; False if nothing was being brought."""
        return self._steps.stop()

    def _addSteps(self, job: Job, answer: dict) -> StepsOf[list]:
        """Generator, one overlay a step; returns the nodes.  Stopped, or after an error, the scene is as before."""
        results, what = self._panel.desk.results, job.what
        volumes = [self._scene.GetNodeByID(nodeId) for nodeId in job.volumes.values()]
        segmentation = self._scene.GetNodeByID(what["segmentation"])
        found = _passes(job, answer)
        made: list[Any] = []
        try:
            for n, (place, origin, shown) in enumerate(found):
                self._panel.onProgress(n / len(found), _("adding the maps"))
                yield
                layer = next(iter(origin.maps))
                results.keep(origin, layer, {"shown": shown})
                segmentId, grid = what["many"].asked[place].segmentId, origin.question["show"].on
                made.append(results.add(origin, layer, volumes, segmentation, segmentId, grid, foreground=False))
        except BaseException:  # GeneratorExit too: somebody pressed Cancel
            for node in self._present(made):
                results.remove(node)
            raise
        return self._present(made)

    def _done(self, made: list, said: str) -> None:
        panel = self._panel
        panel.job = None
        if made:  # else all were removed meanwhile
            panel.write(result=made[0])
            panel.notices.guarded(panel.desk.results.showOnly, made[0])
            panel.checks.shown(made[0])
        if not panel.notices.error:
            panel.notices.say(said)
        panel.settle()

    def _notAdded(self, error: Exception) -> None:
        self._panel.job = None
        self._panel.notices.failed(error)
        self._panel.settle()

    def _present(self, nodes: list) -> list:
        """Those that nobody has removed meanwhile."""
        return [node for node in nodes if node.GetScene() is not None]


def _passes(job: Job, answer: dict) -> list[tuple[int, Pass, Any]]:
    """[(place of the pixel set, what came of it as if it had been asked alone, its shown map)]."""
    asked, model = job.what["question"], job.what["model"]
    shown = answer["shown"] if isinstance(answer["shown"], list) else [answer["shown"]]
    show = Show(answer["on"] or asked["show"].on)
    found: dict[int, Pass] = {}
    shows: dict[int, Any] = {}
    for n, (place, one) in enumerate(zip(answer["places"], answer["explanations"], strict=True)):
        if place not in found:
            own = {"pixel_sets": [asked["pixel_sets"][place]], "class_index": asked["class_index"][place], "show": show}
            own["layers"] = DEFAULT if asked["layers"] == EACH else asked["layers"]
            found[place] = Pass({}, tuple(answer["layers"]), model, asked | own, tuple(job.volumes), job.what["stamps"])
            shows[place] = shown[n]
        found[place].maps[one.layer.name] = one
    return [(place, origin, shows[place]) for place, origin in found.items()]


def _passesText(cost: dict) -> str:
    count = cost["forward_calls_now"]
    if not count:
        return _("without running the network again")
    if count == 1:
        return _("1 forward pass for all")
    return _("{count} forward passes for all").format(count=count)
