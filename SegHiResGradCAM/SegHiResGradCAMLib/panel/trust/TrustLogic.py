"""Is the map faithful? The full check on a click, which states its cost first; tables and curves of what was found."""

from __future__ import annotations

from typing import Any, Protocol

from ...scene.nodes.Attachments import NUMBERS, aboutLayer
from ...scene.nodes.TrustFacts import FAST, FULL, trustOf, verdictText, writeTrust
from ...scene.overlay.Legend import updateLegend
from ...scene.overlay.OverlayDisplay import settingsOf
from ...scene.results.TrustTables import addCurves, addNumbers, chartOf, showChart
from ...setup.Translation import _
from ...worker.Job import Job
from ..Needs import ChecksMaps
from ..results.RepeatedQuestion import again, layerOf, methodOf, shownMap, whyNotAgain
from .TrustView import TrustState, TrustView

_ANOTHER_LAYER = _("Another layer is shown now: ask for its full check.")


class TrustNeeds(ChecksMaps, Protocol):
    """What this feature needs of the panel."""

    entered: bool

    def ask(self, question: str) -> bool: ...


class TrustLogic:
    View = TrustView

    def __init__(self, panel: TrustNeeds):
        self._panel = panel

    def whyNot(self) -> str:
        """Why the full check cannot be asked for now, "" if it can."""
        panel = self._panel
        return panel.cannotTest() or whyNotAgain(panel.desk.results, panel.desk.node)

    def checkFully(self) -> None:
        """Asks the worker first what it would cost, then the user."""
        if not self.whyNot():
            node = self._panel.desk.node
            self._panel.notices.clear()
            how = {"request": "trust_cost", "answered": self._costKnown, "title": _("Estimating the full check")}
            self.send(self.jobFor("cost of the full check", node, **how), node, FULL)
        self._panel.changed()

    def state(self) -> TrustState:
        node = self._panel.desk.node
        if node is None:
            return TrustState()
        noNumbers = "" if trustOf(node) else _("There are no numbers yet: let the map be checked.")
        noCurves = "" if self.chart() is not None else _("The curves come with the full check.")
        return TrustState(verdictText(node), self.whyNot(), noNumbers, noCurves)

    def _checked(self, job: Job, answer: dict) -> None:
        if self._panel.desk.results.nodeOf(job.what["origin"]) is not None:  # else removed meanwhile
            self.keep(job, answer)
            # the verdict stands beside the map
            self._panel.notices.say(" ".join([_("Checked fully."), *answer.get("notes", [])]))

    def _costKnown(self, job: Job, answer: dict) -> None:
        notices, node = self._panel.notices, self._panel.desk.results.nodeOf(job.what["origin"])
        if node is None:  # removed meanwhile
            return
        if layerOf(node) != job.what["layer"]:
            notices.say(_ANOTHER_LAYER)
        elif not self._panel.entered:  # no question pops up over another module
            notices.say(_("The full check was not started, because you had left the module: ask for it again."))
        elif self._panel.ask(
            _("The full check of this map takes {text}. It can be cancelled. Start it?").format(
                text=answer["cost"]["text"]
            )
        ):
            self._start(job)
        else:
            notices.say(_("The full check was not started."))

    def addTable(self) -> None:
        """The numbers of the shown map as a table node."""
        panel, node = self._panel, self._panel.desk.node
        if node is not None and trustOf(node):
            panel.notices.clear()
            made = panel.notices.guarded(addNumbers, node, trustOf(node), layerOf(node))
            if made is not None:
                panel.notices.say(_("Table: {name}.").format(name=made.GetName()))
        panel.changed()

    def chart(self) -> Any:
        """The chart of the shown map's curves, None without one."""
        node = self._panel.desk.node
        return chartOf(node, layerOf(node)) if node is not None else None

    def showCurves(self) -> None:
        """The one thing that changes the layout."""
        if self.chart() is not None:
            self._panel.do(showChart, self.chart())

    def _start(self, job: Job) -> None:
        """The user's yes may have come late: the question must still hold."""
        panel, results = self._panel, self._panel.desk.results
        node = results.nodeOf(job.what["origin"])
        why = panel.cannotTest() or whyNotAgain(results, node)
        if not why and layerOf(node) != job.what["layer"]:
            why = _ANOTHER_LAYER
        if why:
            panel.notices.say(_("The full check was not started. {why}").format(why=why))
        else:
            how = {"request": "trust", "answered": self._checked, "title": _("Checking fully")}
            self.send(self.jobFor("full check", node, **how), node, FULL)

    # for both checks

    def jobFor(self, purpose: str, node: Any, **how: Any) -> Job:
        """A job about the shown map; it needs the volumes, while its answer finds the node by the pass it came of."""
        results = self._panel.desk.results
        volumes = again(results, node)[0]
        what = {"origin": results.origin(node), "layer": layerOf(node)}
        return Job(purpose, tuple(volumes.values()), what, volumes, aside=True, **how)

    def send(self, job: Job, node: Any, tier: str, listener: Any = None) -> None:
        results = self._panel.desk.results
        question = again(results, node)[1]
        question |= {"method": methodOf(node), "layer": layerOf(node), "tier": tier, "map": shownMap(results, node)}
        self._panel.send(job, job.what["origin"].model, question, listener)

    def keep(self, job: Job, answer: dict) -> None:
        """What was found about a map, whether it is still shown or not; the full check brings its tables along."""
        origin, layer, told = job.what["origin"], job.what["layer"], answer["trust"]
        checks = origin.checks.setdefault(layer, {})
        checks[told["tier"]] = told
        node = self._panel.desk.results.nodeOf(origin)
        if node is None:
            return
        if layerOf(node) == layer:
            self.write(node)
        if told["tier"] != FAST or aboutLayer(node, layer, NUMBERS):
            addNumbers(node, checks, layer)
        if told.get("curves"):
            addCurves(node, told["curves"], layer)

    def write(self, node: Any) -> None:
        """Brings node and legend up to date with what is known about the map that the node shows."""
        checks = self._panel.desk.results.origin(node).checks.get(layerOf(node), {})
        if checks or trustOf(node):
            writeTrust(node, checks)
            updateLegend(node, settingsOf(node))
