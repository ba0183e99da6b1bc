"""A few numbers behind every map, asked for when nobody asks for anything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from ...scene.nodes.TrustFacts import FAST, numbersText, numbersTip, trustOf
from ...schedule.Later import Soon
from ...setup.Translation import _
from ...worker.Job import Job
from ..Needs import ChecksMaps
from ..results.RepeatedQuestion import layerOf, whyNotAgain
from ..results.Results import Pass
from .TrustLines import trustLines
from .TrustLogic import TrustLogic
from .TrustView import FastCheckState, FastCheckView

KEY = "SegHiResGradCAM/CheckEveryMap"


class HoldsWorker(Protocol):
    @property
    def holdsWorker(self) -> bool: ...


class FastCheckNeeds(ChecksMaps, Protocol):
    """What this feature needs of the panel."""

    trust: TrustLogic

    @property
    def live(self) -> HoldsWorker: ...


class FastCheckLogic:
    """The check is no job of the panel, which is not busy meanwhile: it waits until the panel is idle, gives way to
    every question of the user, and is taken up again afterwards.  job: the one that runs, None.  settings: remembers
    whether every map is checked.
    """

    View = FastCheckView

    def __init__(self, panel: FastCheckNeeds, scene: Any, settings: Any, progress: Soon):
        self._panel, self._scene, self._settings, self._progress = panel, scene, settings, progress
        self._waiting: list[tuple] = []  # (pass, layer), the latest last
        self._failures: WeakKeyDictionary[Pass, dict[str, str]] = WeakKeyDictionary()  # by layer
        self.job: Job | None = None

    @property
    def everyMap(self) -> bool:
        return self._settings.get(KEY, "yes") != "no"

    def setEveryMap(self, on: bool) -> None:
        """Remembered in the settings; on checks the shown map now, off stops a running check."""
        self._settings[KEY] = "yes" if on else "no"
        if on:
            self.shown(self._panel.desk.node)
            self.follow()
        else:
            self.stop()
        self._panel.changed()

    def shown(self, node: Any) -> None:
        """A map has come into the views: what is known about it is written to its node, else it waits for its check."""
        origin = self._panel.desk.results.origin(node) if node is not None else None
        if origin is None:
            return
        layer = layerOf(node)
        self._panel.trust.write(node)
        # to go back to another case would cost the next question of this one what the worker keeps for it
        self._waiting = [one for one in self._waiting if _case(one[0]) == _case(origin)]
        if self.everyMap and FAST not in origin.checks.get(layer, {}) and not self._runs(origin, layer):
            self._waiting = [*(one for one in self._waiting if one != (origin, layer)), (origin, layer)]

    def follow(self) -> None:
        """The panel may be idle: the latest map that waits is checked, unless packages are being installed."""
        results = self._panel.desk.results
        panel = self._panel
        if panel.busy or panel.cannotCompute() or panel.live.holdsWorker:
            return
        while self._waiting and self.job is None:
            origin, layer = self._waiting[-1]
            node = results.nodeOf(origin)
            if node is None or layerOf(node) != layer or whyNotAgain(results, node):
                self._waiting.pop()
                continue
            self.job = self._panel.trust.jobFor("check", node, request="trust")
            self._panel.trust.send(self.job, node, FAST, self)

    def giveWay(self) -> None:
        """Something else is asked of the worker, or nothing more: a check that runs waits again."""
        self.job = None

    def stop(self) -> None:
        """The user's: ends the check that runs, and those that wait."""
        self._drop()
        self._waiting.clear()
        self._panel.changed()

    def sweep(self) -> None:
        """Nodes came or went: a check of a map that is gone is not waited for."""
        panel, job = self._panel, self.job
        if job is not None and (not job.hasItsNodes(self._scene) or panel.desk.isGone(job)):
            self._drop()
            self.follow()

    def forget(self) -> None:
        """The scene goes."""
        self.job = None
        self._waiting.clear()
        self._failures.clear()

    # the worker's answers

    def onProgress(self, fraction: float, phase: str) -> None:
        if self.job is not None:
            self.job.fraction, self.job.phase = fraction, phase
            self._progress()

    def onAnswer(self, answer: dict) -> None:
        self._ended(lambda job: self._panel.trust.keep(job, answer))

    def onError(self, code: str, sentence: str, hint: str, log: str = "") -> None:
        """Said where the numbers would be: the map itself is there."""
        self._ended(
            lambda job: self._failures.setdefault(job.what["origin"], {}).__setitem__(
                job.what["layer"], _("Not checked. {sentence} {hint}").format(sentence=sentence, hint=hint).strip()
            )
        )

    def text(self, node: Any) -> str:
        """What is going on about the shown map's check, "" when it has been checked."""
        origin = self._panel.desk.results.origin(node)
        if origin is None or trustOf(node):
            return ""
        layer = layerOf(node)
        if self.job is not None and self._runs(origin, layer):
            return _("Checking this map: {percent:.0f} %, {phase}").format(
                percent=100 * self.job.fraction, phase=self.job.phase
            )
        if (origin, layer) in self._waiting:
            return _("This map will be checked when nothing else runs.")
        return self._failures.get(origin, {}).get(layer, _("Not checked."))

    def state(self) -> FastCheckState:
        node, running = self._panel.desk.node, self.job is not None
        if node is None:
            return FastCheckState(self.everyMap, running)
        said = numbersText(node), numbersTip(node), trustLines(trustOf(node))
        return FastCheckState(self.everyMap, running, self.text(node), *said)

    def _ended(self, do: Callable[[Job], None]) -> None:
        job, self.job = self.job, None
        if job is not None:
            self._waiting = [one for one in self._waiting if one != (job.what["origin"], job.what["layer"])]
            self._panel.notices.guarded(do, job)
            self._panel.settle()

    def _drop(self) -> None:
        if self.job is not None:
            self._panel.engine.drop()
        self.job = None

    def _runs(self, origin: Pass, layer: str) -> bool:
        return self.job is not None and (self.job.what["origin"], self.job.what["layer"]) == (origin, layer)


def _case(origin: Pass) -> tuple:
    return origin.model, origin.stamps, origin.question.get("device")
