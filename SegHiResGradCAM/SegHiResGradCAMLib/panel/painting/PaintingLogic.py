"""What Mask out and re-run does: would the model still say so without that part of the image?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ...scene.nodes import AttributeNames
from ...scene.nodes.Provenance import explanationFacts
from ...scene.results.PaintingNode import addPainting, hidePaintings, latestPainting, paintingOf, paintingSteps
from ...schedule.Steps import Steps
from ...setup.Translation import _
from ...worker.Job import Job
from ..Controls import FeatureView
from ..Needs import ChecksMaps, HasParameters
from ..Option import Option
from ..results.RepeatedQuestion import again, layerOf, whyNotAgain
from .PaintingRegion import HOTTEST, regionOf, regionOptions

#: how far around the region is painted over too, so that no rim of it is left
MARGIN_MM = 2.0


_TIP = _(
    "Replaces that part of the image by its surroundings and runs the network again: does the segment stay? "
    "The masked-out part and the segments before and after come into the scene."
)


@dataclass(frozen=True)
class PaintingState:
    """regions, region: what can be masked out.  reason: why nothing can now.  text: what came of it."""

    regions: tuple[Option, ...] = ()
    region: str = ""
    reason: str = ""
    text: str = ""


class PaintingView(FeatureView):
    def connect(self, paint: Any) -> None:
        """paint: PaintingLogic."""
        self._controls.onChoice("paintComboBox", paint.choose)
        self._controls.onClick("paintButton", paint.paint)

    def show(self, state: PaintingState) -> None:
        self._controls.fill("paintComboBox", state.regions, state.region)
        self._controls.button("paintButton", state.reason, _TIP)
        self._controls.say("paintTextLabel", state.text)


class PaintingNeeds(ChecksMaps, HasParameters, Protocol):
    """What this feature needs of the panel."""


class PaintingLogic:
    View = PaintingView

    def __init__(self, panel: PaintingNeeds, scene: Any, later: Callable):
        self._panel, self._scene = panel, scene
        self._steps = Steps(later)
        self._chosen = HOTTEST

    def options(self) -> tuple:
        """What can be masked out."""
        return regionOptions(self._scene, self._panel.desk.node, self._panel.parameters.segmentation)

    @property
    def chosen(self) -> str:
        """The key of the chosen option, the hottest part where what was chosen is gone."""
        return self._chosen if self._chosen in [option.key for option in self.options()] else HOTTEST

    def choose(self, key: str) -> None:
        self._chosen = key
        self._panel.changed()

    def whyNot(self) -> str:
        """Why nothing can be masked out now, "" if it can."""
        panel = self._panel
        return panel.cannotTest() or whyNotAgain(panel.desk.results, panel.desk.node)

    def text(self, node: Any) -> str:
        """The sentence of the last painting that goes with a map, "" without one."""
        found = latestPainting(node)
        if found is None:
            return ""
        of = found.GetAttribute(AttributeNames.OF_LAYER)
        return paintingOf(found)["sentence"] + (
            "" if of == layerOf(node) else _(" (Asked of the map of {of}.)").format(of=of)
        )

    def state(self) -> PaintingState:
        node = self._panel.desk.node
        if node is None:
            return PaintingState()
        return PaintingState(self.options(), self.chosen, self.whyNot(), self.text(node))

    def paint(self) -> None:
        """One click: the region goes to the worker, its answer comes as a sentence and as segments to be seen."""
        if not self.whyNot():
            self._panel.do(self._send)

    def answered(self, job: Job, answer: dict) -> None:
        """The masks are cut to what is drawn by and by, and the panel is busy meanwhile."""
        panel, name = self._panel, job.what["name"]
        panel.job, job.phase = job, _("adding the segments")
        steps = paintingSteps(self._scene, answer, self._volume(job), name)
        self._steps.start(steps, lambda node: self._read(job, answer, node), self._failed)

    def stop(self) -> bool:
        """Ends the bringing into the scene, which is then as before; False if nothing was being brought."""
        return self._steps.stop()

    def _send(self) -> None:
        panel, results = self._panel, self._panel.desk.results
        node = panel.desk.node
        region = regionOf(self.chosen, self._scene, results, node, panel.parameters.segmentation)
        volumes, question = again(results, node)
        name = explanationFacts(node)["class_name"]
        what = {"origin": results.origin(node), "layer": layerOf(node), "name": name}
        question |= {"region": region, "margin_mm": MARGIN_MM}
        how: dict[str, Any] = {"answered": self.answered, "title": _("Masking out"), "aside": True}
        panel.send(Job("paint", tuple(volumes.values()), what, volumes, **how), what["origin"].model, question)

    def _read(self, job: Job, answer: dict, node: Any) -> None:
        panel = self._panel
        panel.job = None
        overlay = panel.desk.results.nodeOf(job.what["origin"])
        if overlay is not None and job.hasItsNodes(self._scene):  # else it was removed meanwhile
            facts = answer["painting"] | {"notes": answer.get("notes", [])}
            add = (self._scene, node, facts, self._volume(job), overlay, job.what["layer"])
            made = panel.notices.guarded(addPainting, *add)
            if made is not None:
                hidePaintings(panel.desk.node, but=made)
                panel.notices.say(
                    " ".join(
                        [
                            _("Masked out in {seconds:.1f} s.").format(seconds=answer["session"]["seconds"]),
                            *facts["notes"],
                        ]
                    )
                )
        panel.settle()

    def _failed(self, error: Exception) -> None:
        self._panel.job = None
        self._panel.notices.failed(error)
        self._panel.settle()

    def _volume(self, job: Job) -> Any:
        return self._scene.GetNodeByID(job.nodeIds[0])
