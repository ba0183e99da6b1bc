"""The smallest change that flips it: a region searched in the map's order, in the scene with before and after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from ...scene.nodes.Attachments import PAINTING, aboutLayer
from ...scene.nodes.Provenance import explanationFacts
from ...scene.results.PaintingNode import paintingOf
from ...setup.Translation import _
from ...worker.Job import Job
from ..results.RepeatedQuestion import layerOf, shownMap, whyNotAgain
from ..sections.Section import Control, Section
from .AskedFirst import AskedFirst, AskedFirstNeeds
from .CausesView import FlipState, FlipView


class BringsPaintings(Protocol):
    """answered: the masks of a painting have come, and are brought into the scene by and by."""

    def answered(self, job: Job, answer: dict) -> None: ...


class FlipNeeds(AskedFirstNeeds, Protocol):
    """What this feature needs of the panel."""

    @property
    def paint(self) -> BringsPaintings: ...


class SmallestFlip:
    View = FlipView
    section = Section(
        "smallestFlipSection",
        _("What would flip it?"),
        (
            (Control("flipButton", "QPushButton", _("Smallest change that flips it")),),
            (Control("flipTextLabel", "QLabel"),),
        ),
    )

    def __init__(self, panel: FlipNeeds, scene: Any, later: Callable):
        self._panel, self._scene = panel, scene
        #: of searches that found nothing: the map's pass, which goes with its map -> layer -> the sentence
        self._nothing: WeakKeyDictionary[Any, dict[str, str]] = WeakKeyDictionary()
        words: Callable[[], dict] = lambda: {"map": shownMap(panel.desk.results, panel.desk.node)}  # noqa: E731
        self._search = AskedFirst(panel, "flip", _("Searching the smallest flip"), words, self.whyNot, self.answered)

    def whyNot(self) -> str:
        """Why nothing can be searched now, "" if it can."""
        panel = self._panel
        return panel.cannotTest() or whyNotAgain(panel.desk.results, panel.desk.node)

    def state(self) -> FlipState:
        node = self._panel.desk.node
        return FlipState(self.whyNot(), "" if node is None else self.text(node))

    def search(self) -> None:
        self._search.ask()

    def answered(self, job: Job, answer: dict) -> None:
        """Region, before and after come into the scene as of a masking out; that there is no flip is an answer too."""
        found, origin, layer = answer["flip"], job.what["origin"], job.what["layer"]
        self._nothing.get(origin, {}).pop(layer, None)
        node = self._panel.desk.results.nodeOf(origin)
        if node is None:  # removed meanwhile
            return
        if not found["found"]:
            self._nothing.setdefault(origin, {})[layer] = found["sentence"]
            self._panel.notices.say(" ".join([_("No flip was found."), *answer.get("notes", [])]))
            return
        answer["painting"]["flip"] = found
        job.what["name"] = explanationFacts(node)["class_name"]
        self._panel.paint.answered(job, answer)

    def text(self, node: Any) -> str:
        """What the last search about the shown map found, "" before one."""
        origin, layer = self._panel.desk.results.origin(node), layerOf(node)
        nothing = self._nothing.get(origin, {}).get(layer) if origin is not None else None
        if nothing is not None:
            return nothing
        found = [one for one in aboutLayer(node, layer, PAINTING) if "flip" in paintingOf(one)]
        return str(paintingOf(found[-1])["flip"]["sentence"]) if found else ""
