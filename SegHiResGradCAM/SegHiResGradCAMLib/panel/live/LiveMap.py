"""The map of the place that was asked about last: one node, whose map is another one with every answer."""

from __future__ import annotations

from typing import Any, Protocol

from ...scene.nodes.Attachments import attachedTo
from ...scene.nodes.Provenance import inputVolumesOf
from ...scene.overlay.OverlayDisplay import settingsOf
from ...scene.views.SliceLayers import hideFromForeground
from ...setup.Translation import _
from ...worker.Job import Job
from ..model.ModelLogic import ModelLogic
from ..Needs import HasParameters
from ..results.ResultLogic import FollowsMaps, ResultLogic
from ..results.Results import Pass
from . import LiveQuestion


class ShowsMaps(HasParameters, Protocol):
    models: ModelLogic

    @property
    def desk(self) -> ResultLogic: ...
    @property
    def checks(self) -> FollowsMaps: ...


class LiveMap:
    """origin: the pass the map came of, None before the first."""

    def __init__(self, panel: ShowsMaps, scene: Any):
        self._panel, self._scene = panel, scene
        self.origin: Pass | None = None
        self._hidden = False

    @property
    def node(self) -> Any:
        """None where there is none, or it was removed."""
        return self._panel.desk.results.nodeOf(self.origin) if self.origin is not None else None

    def layers(self) -> str | list[str]:
        """What to ask for: the layer of the shown map, where it is of this model and method; else the parameters'."""
        panel, desk = self._panel, self._panel.desk
        origin = desk.results.origin(desk.node) if desk.node is not None else None
        p = panel.parameters
        if origin is None or origin.model != panel.models.facts.source or origin.question["methods"] != [p.method]:
            return str(p.layer)
        name = desk.results.shownLayer(desk.node)
        return [name] if any(layer.name == name for layer in origin.layers) else str(p.layer)

    def show(self, job: Job, answer: dict) -> str:
        """Shows an answer in place of the former one; returns what it is about. Raises what addOverlay raises."""
        panel, results, what = self._panel, self._panel.desk.results, job.what
        maps = {one.layer.name: LiveQuestion.named(one, what["place"], what["form"]) for one in answer["explanations"]}
        wanted = answer["explanations"][0].layer.name
        asked = (what["model"], what["question"], tuple(job.volumes), what["stamps"])
        origin = Pass(maps, tuple(answer["layers"]), *asked)
        volumes = [self._scene.GetNodeByID(nodeId) for nodeId in job.volumes.values()]
        results.keep(origin, wanted, answer)
        node = self.node
        if node is not None and inputVolumesOf(node) == volumes and not attachedTo(node):
            results.replace(node, origin, wanted, volumes, what["grid"])
        else:  # the first; or something was found out about the former one, which stays
            node = results.add(origin, wanted, volumes, None, None, what["grid"])
        self.origin = origin
        if self._hidden or panel.parameters.result is not node:
            self._hidden = False
            panel.write(result=node)
            results.showOnly(node)
        return _("{kind}: {place}, in {seconds:.2f} s.").format(
            kind=maps[wanted].class_name, place=maps[wanted].pixel_set_label, seconds=answer["session"]["seconds"]
        )

    def hide(self) -> None:
        """Takes it out of the slice views: the place it is about is not the user's any more."""
        if self.node is not None and settingsOf(self.node).foreground:
            self._hidden = True
            hideFromForeground(self.node)

    def check(self) -> None:
        """Its numbers, as behind any other map."""
        if self.node is not None and self._panel.parameters is not None:
            self._panel.checks.shown(self.node)
            self._panel.checks.follow()
