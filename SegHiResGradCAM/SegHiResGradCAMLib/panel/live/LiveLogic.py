"""Asks about the place the user points at: with every move where that is followed, or once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from seghirescam.protocol.errors import EmptyPixelSetError, PixelSetError
from seghirescam.protocol.requests import Show

from ...scene.pointing.Pointer import CROSSHAIR, Place, Pointer, pointers
from ...scene.pointing.WatchedVolumes import WatchedVolumes
from ...scene.volumes.ImageReader import voxelStamp
from ...setup.Translation import _
from ...worker.Job import Job
from ..model.Channels import volumesOf
from ..model.ModelFacts import READ
from ..model.ModelLogic import ModelLogic
from ..Needs import AsksWorker, ChecksPackages
from ..Option import Option
from ..question import QuestionWords
from ..results.ResultLogic import FollowsMaps
from . import LiveQuestion
from .LiveMap import LiveMap, ShowsMaps
from .LiveQuestion import VOXEL
from .LiveView import LiveState, LiveView

#: moves that come faster than this become one question
PAUSE_SECONDS = 0.03
#: what an answered place changes in the panel
_SHOWN = ("live", "desk", "checks", "trust", "paint", "segments")
_ANOTHER = _("Another model was chosen: tick it again.")
#: errors that are about the place only
_OF_PLACE = (PixelSetError.code, EmptyPixelSetError.code)


class ChecksInTurn(FollowsMaps, Protocol):
    def giveWay(self) -> None: ...


class LiveNeeds(AsksWorker, ShowsMaps, ChecksPackages, Protocol):
    """What this feature needs of the panel."""

    models: ModelLogic

    @property
    def checks(self) -> ChecksInTurn: ...
    def mustWait(self) -> str: ...


class LiveLogic:
    """The question is no job of the panel, which is not busy meanwhile.  There is one at a time: a newer place takes
    its turn and no former answer is shown, so that the map is always that of the place it names.  on: moves are
    followed.  job: the question that runs.
    """

    View = LiveView

    def __init__(self, panel: LiveNeeds, scene: Any, later: Callable):
        self._panel, self._scene, self._later = panel, scene, later
        self._pointer = Pointer(scene, self._moved)
        self._volumes = WatchedVolumes(self.askAgain)
        self._key, self._form = CROSSHAIR, VOXEL
        self._wanted: Place | None = None  # the place that has no answer yet
        self._last: Place | None = None
        self._map = LiveMap(panel, scene)
        self._turn, self._sent, self._waits, self._said = 0, 0.0, False, ""
        self.on = False
        self.job: Job | None = None

    # what the user does

    def setOn(self, on: bool) -> None:
        """Begins to follow, with the place as it is; or ends that."""
        if not on:
            self.stop()
            self._settled()
        elif not self.whyNot():
            self._panel.models.onceRead(self._begin)
        self._panel.changed()

    def askHere(self) -> None:
        """Asks once about the place as it is."""
        if not self.whyNot():
            self._panel.models.onceRead(self._once)
        self._panel.changed()

    def choosePointer(self, key: str) -> None:
        """What is followed: a key of ``pointers``."""
        self._key, self._last = key, None
        if self.on:
            self._pointer.follow(key)
            self._moved()
        self._panel.changed("live")

    def chooseForm(self, form: str) -> None:
        """VOXEL or PART, see LiveQuestion."""
        self._form = form
        self.askAgain()
        self._panel.changed("live")

    # what the panel tells

    def whyNot(self) -> str:
        """Why no place can be asked about now, "" if one can."""
        panel = self._panel
        why = panel.mustWait() or panel.cannotCompute() or panel.models.pathProblem()
        return why or LiveQuestion.whyNot(panel.parameters, panel.models.facts) or panel.missing.sentence

    def askAgain(self) -> None:
        """The question is another one, or what is asked about: the place that is followed is asked about anew."""
        if self.on:
            self._watch()
            self._last = None
            self._moved()

    def giveWay(self) -> None:
        """Something else is asked of the worker: a place that has no answer yet is asked about afterwards."""
        self.job = None

    def follow(self) -> None:
        """The panel may be idle: what waits is asked."""
        if self._wanted is not None and self.job is None and not self._panel.busy:
            self._askSoon()

    def sweep(self) -> None:
        """Nodes came or went: who is gone is not followed."""
        if self._key not in pointers(self._scene):
            self.choosePointer(CROSSHAIR)
        elif self.on and not self._pointer.observed:  # the crosshair has come
            self.choosePointer(self._key)
        if self.job is not None and not self.job.hasItsNodes(self._scene):
            self._drop()
            self.stop()

    def stop(self) -> None:
        """Nobody is followed any more, and nothing waits for an answer."""
        self.on, self._wanted, self._last = False, None, None
        self._pointer.follow(None)
        self._volumes.follow(())
        self._drop()

    def forget(self) -> None:
        """The scene goes, or the worker."""
        self.job = None
        self.stop()
        self._map.origin, self._said, self._key = None, "", CROSSHAIR

    def state(self) -> LiveState:
        found = pointers(self._scene)
        options = tuple(Option(key, text[0].upper() + text[1:]) for key, text in found.items())
        key = self._key if self._key in found else CROSSHAIR
        title = _("Follow {pointer}").format(pointer=found[key])
        return LiveState(
            self.on, title, options, key, self._form, self._pointer.isBox(key),
            "" if self.on else self.whyNot(), self._said,
        )  # fmt: skip

    @property
    def holdsWorker(self) -> bool:
        """Whether the worker is kept free for places."""
        return self.on or self.holdsAQuestion

    @property
    def holdsAQuestion(self) -> bool:
        """Whether a place has no answer yet."""
        return self._wanted is not None or self.job is not None

    # the worker's answers

    def onProgress(self, fraction: float, phase: str) -> None:
        """Nothing to be seen: the map itself comes soon."""

    def onAnswer(self, answer: dict) -> None:
        job, self.job = self.job, None
        if job is None or not job.hasItsNodes(self._scene):
            return
        if job.what["turn"] != self._turn:
            self.follow()  # the user has moved on: it is not shown
            return
        self._wanted = None
        self._said = self._panel.notices.guarded(self._map.show, job, answer) or ""
        self._panel.changed(*_SHOWN, *(("run",) if self._panel.notices.error else ()))
        self._settled()

    def onError(self, code: str, sentence: str, hint: str, log: str = "") -> None:
        """Said where the place is; a map of another place is not left in the views."""
        job, self.job = self.job, None
        if job is not None and job.what["turn"] != self._turn:
            self.follow()
            return
        self._wanted = None
        self._map.hide()
        if code in _OF_PLACE:
            self._said = f"{sentence} {hint}".strip()
        else:
            self.stop()
            self._panel.models.failed(job, code, sentence, hint)
            self._panel.notices.fail(sentence, hint, log)
        self._panel.changed()
        self._settled()

    # asking

    def _begin(self) -> None:
        if not self.whyNot() and self._panel.models.agreed():
            self.on = True
            self._pointer.follow(self._key)
            self._watch()
            self._last = None
            self._moved()

    def _watch(self) -> None:
        p = self._panel.parameters
        self._volumes.follow(() if p is None else volumesOf(p, self._panel.models.facts).values())

    def _once(self) -> None:
        if not self.whyNot() and self._panel.models.agreed():
            self._want(self._panel.notices.guarded(self._pointer.place, self._key))

    def _moved(self) -> None:
        place = self._panel.notices.guarded(self._pointer.place)
        if place != self._last:
            self._last = place
            self._want(place)

    def _want(self, place: Place | None) -> None:
        self._wanted = place
        self._turn += 1
        if place is None:  # or it cannot be looked at, which has been told; a map of another place is not left
            self._said = "" if self._panel.notices.error else _("It is nowhere in the views yet.")
            self._map.hide()
            self._panel.changed("live", "desk", "run")
        else:
            self._askSoon()

    def _askSoon(self) -> None:
        """At once, or after a pause where the last question was just asked."""
        if not self._waits:
            self._waits = True
            self._later(max(0.0, 1000 * (self._sent + PAUSE_SECONDS - time.monotonic())), self._ask)

    def _ask(self) -> None:
        """The newest place, in place of a former one that has no answer yet."""
        self._waits = False
        panel, place = self._panel, self._wanted
        if place is None or panel.parameters is None or panel.busy:
            return
        p, model = panel.parameters, panel.models.facts
        why = self.whyNot() or ("" if model.state == READ and panel.models.mayOpen() else _ANOTHER)
        if why:  # the model or the class is another one since it was ticked
            self._wanted, self._said = None, why
            self._map.hide()
            panel.changed("live")
            return
        volumes = {name: node.GetID() for name, node in volumesOf(p, model).items() if node is not None}
        show = Show(p.grid.value)
        question = {"pixel_sets": [LiveQuestion.recipeAt(place, self._form)], "layers": self._map.layers()}
        question |= QuestionWords.words(p, model) | {"show": show}
        stamps = tuple(voxelStamp(self._scene.GetNodeByID(nodeId)) for nodeId in volumes.values())
        what = {
            "turn": self._turn, "place": place, "form": self._form, "grid": p.grid.value, "model": model.source,
            "stamps": stamps, "question": question,
        }  # fmt: skip
        how: dict[str, Any] = {"request": "explain", "title": _("Asking about a place")}
        self.job = Job("live", tuple(volumes.values()), what, volumes, **how)
        self._sent = time.monotonic()
        panel.checks.giveWay()
        panel.send(self.job, model.source, question, self)

    def _settled(self) -> None:
        """Nothing is followed any more: the last map is checked as any other."""
        if not self.on and self.job is None:
            self._map.check()

    def _drop(self) -> None:
        if self.job is not None:
            self._panel.engine.drop()
        self.job = None
