"""Which input image mattered, and which anatomy? The score shared out by taking parts of the image away."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from ...scene.nodes import AttributeNames
from ...scene.nodes.Attachments import ANATOMY, CHANNELS
from ...scene.nodes.Provenance import inputVolumesOf
from ...scene.results.CausesTable import addCauses, causesOf
from ...scene.results.SegmentEvidence import labelSteps
from ...setup.Translation import _
from ...worker.Job import Job
from ..Needs import HasParameters
from ..results.RepeatedQuestion import layerOf, shownMap, whyNotAgain
from ..sections.Section import Control, Section
from .AskedFirst import AskedFirst, AskedFirstNeeds
from .CausesView import CausesState, CausesView

#: characters of the longest bar, and how many players the panel shows; the table has all
_BAR, _NAMED = 12, 6


class CausesNeeds(AskedFirstNeeds, HasParameters, Protocol):
    """What this feature needs of the panel."""


class WhatMattered:
    View = CausesView
    section = Section(
        "whatMatteredSection",
        _("What mattered?"),
        (
            (
                Control("channelCausesButton", "QPushButton", _("Which input image?")),
                Control("anatomyCausesButton", "QPushButton", _("Which anatomy?")),
            ),
            (Control("causesTextLabel", "QLabel"),),
        ),
    )

    def __init__(self, panel: CausesNeeds, scene: Any, later: Callable):
        self._panel, self._scene = panel, scene
        self._leftOut: list[str] = []
        self._channels = AskedFirst(
            panel, "causes", _("Sharing the score out among the volumes"), lambda: {"of": CHANNELS},
            self.whyNotChannels, self.answered,
        )  # fmt: skip
        self._anatomy = AskedFirst(
            panel, "causes", _("Sharing the score out among the segments"), self._anatomyWords, self.whyNotAnatomy,
            self.answered,
        )  # fmt: skip

    def whyNotChannels(self) -> str:
        """Why the channels cannot be asked about now, "" if they can."""
        panel = self._panel
        why = panel.cannotTest() or whyNotAgain(panel.desk.results, panel.desk.node)
        if why or len(panel.desk.results.origin(panel.desk.node).channels) > 1:
            return why
        return _("The model looks at one volume: there is no other to share the score with.")

    def whyNotAnatomy(self) -> str:
        """Why the segments cannot be asked about now, "" if they can."""
        panel = self._panel
        why = panel.cannotTest() or whyNotAgain(panel.desk.results, panel.desk.node)
        if why:
            return why
        segmentation = self._segmentation()
        if segmentation is None or not segmentation.GetSegmentation().GetNumberOfSegments():
            return _("Choose a segmentation with segments (in Inputs).")
        return ""

    def state(self) -> CausesState:
        node = self._panel.desk.node
        if node is None:
            return CausesState(self.whyNotChannels(), self.whyNotAnatomy())
        found = [one for of in (CHANNELS, ANATOMY) if (one := causesOf(node, of, layerOf(node)))]
        text, tip = ("\n\n".join(map(of, found)) for of in (_bars, lambda one: one["sentence"]))
        return CausesState(self.whyNotChannels(), self.whyNotAnatomy(), text, tip)

    def askChannels(self) -> None:
        self._channels.ask()

    def askAnatomy(self) -> None:
        self._anatomy.ask()

    def answered(self, job: Job, answer: dict) -> None:
        """A table beside the map, and bars in the panel."""
        node = self._panel.desk.results.nodeOf(job.what["origin"])
        if node is None:  # removed meanwhile
            return
        told = answer["causes"]
        table = addCauses(node, told, job.what["layer"])
        leftOut = self._leftOut if told["of"] == ANATOMY else []
        self._panel.notices.say(
            " ".join([_("Table: {name}.").format(name=table.GetName()), *leftOut, *answer.get("notes", [])])
        )

    def _anatomyWords(self) -> dict:
        node, self._leftOut = self._panel.desk.node, []
        labels = partial(labelSteps, self._segmentation(), inputVolumesOf(node)[0], self._leftOut)
        return {"of": ANATOMY, "labels": labels, "map": shownMap(self._panel.desk.results, node)}

    def _segmentation(self) -> Any:
        """The chosen one, else the one that the map is about."""
        return self._panel.parameters.segmentation or self._panel.desk.node.GetNodeReference(
            AttributeNames.SEGMENTATION_ROLE
        )


def _bars(told: dict) -> str:
    """A line a player, the largest first; what speaks against the class has a hollow bar."""
    rows = sorted(told["causes"], key=lambda one: -one["value"])
    longest = max((abs(one["value"]) for one in rows), default=0.0)
    if not longest or rows[0]["share"]["value"] is None:
        return str(told["sentence"])
    head = _("{title}, mean: {full:.3g} as it is, {none:.3g} with all replaced ({baseline}). Each adds:").format(
        title=told["score_title"], full=told["full"], none=told["none"], baseline=told["baseline"]
    )
    return "\n".join([head, *(_line(one, longest, told["unit"]) for one in _shown(rows))])


def _shown(rows: list[dict]) -> list[dict]:
    """Those with the largest effect, in either direction."""
    kept = sorted(rows, key=lambda one: -abs(one["value"]))[:_NAMED]
    return [one for one in rows if one in kept]


def _line(one: dict, longest: float, unit: str) -> str:
    bar = ("\u25a0" if one["value"] >= 0 else "\u25a1") * max(1, round(_BAR * abs(one["value"]) / longest))
    error = "" if one["standard_error"] is None else f" \u00b1 {one['standard_error']:.2g}"
    return f"{bar} {one['name']} {one['value']:+.3g}{error} {unit}".rstrip()
