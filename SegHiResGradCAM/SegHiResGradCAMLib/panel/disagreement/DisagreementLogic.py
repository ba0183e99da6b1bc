"""What Compare models does: where do two models disagree about this volume, and what did each look at?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from seghirescam.protocol.question import DEEPEST, EACH

from ...scene.results.DisagreementNodes import disagreementSteps
from ...setup.Translation import _
from ...worker.Job import Job
from ..comparison.ComparisonLogic import MOST_CELLS, ComparisonLogic
from ..model.Channels import volumesOf
from ..model.ModelFacts import READ
from ..Needs import ShownResult
from ..Option import Option
from ..question import QuestionWords
from ..question.Choices import ScoreChoice
from .DisagreementView import DisagreementState, DisagreementView
from .SecondModel import SecondModel, SecondNeeds


class DisagreementNeeds(SecondNeeds, Protocol):
    """What this feature needs of the panel."""

    comparisons: ComparisonLogic

    @property
    def desk(self) -> ShownResult: ...
    def onProgress(self, fraction: float, phase: str) -> None: ...


class DisagreementLogic:
    """second: the second model."""

    View = DisagreementView

    def __init__(self, panel: DisagreementNeeds, scene: Any):
        self._panel, self._scene = panel, scene
        self.second = SecondModel(panel)
        self._found: tuple[tuple, dict] | None = None  # what it is about, and the worker's answer

    def whyNot(self) -> str:
        """Why nothing can be compared now, "" if it can."""
        panel = self._panel
        why = panel.mustWait() or panel.cannotCompute() or panel.models.pathProblem()
        why = why or QuestionWords.whyNotPredicted(panel.parameters, panel.models.facts) or panel.missing.sentence
        return why or self._classMissing() or self.second.whyNot() or self._rivalMissing()

    def state(self) -> DisagreementState:
        p = self._panel.parameters
        if p is None:
            return DisagreementState()
        facts = self.second.take()
        self.second.match()
        names = facts.classes if facts.state == READ else ()
        shown = self._found is not None and self._found[0] == self._about()
        answer = self._found[1] if shown and self._found is not None else None
        return DisagreementState(
            models=self._panel.models.shelf.options(p.secondModel),
            model=p.secondModel,
            classes=tuple(Option(name, name) for name in names),
            className=self.second.className,
            ownClass=bool(names) and self.second.className != p.className,
            reason=self.whyNot(),
            text=said(answer) if answer else "",
            rows="\n".join(_line(row) for row in answer["rows"]) if answer else "",
        )

    def chooseClass(self, name: str) -> None:
        self.second.className = name
        self._panel.changed()

    def compare(self) -> None:
        """Describes the models first where that has not been done; asks for consent where their authors' code runs."""
        if not self.whyNot():
            self._panel.models.onceRead(self._onceSecondRead)
        self._panel.changed()

    def answered(self, job: Job, answer: dict) -> None:
        """The maps have come: they are brought into the scene by and by, and the panel is busy meanwhile."""
        panel = self._panel
        volumes = [self._scene.GetNodeByID(nodeId) for nodeId in job.volumes.values()]
        steps = disagreementSteps(self._scene, answer, volumes, job.what["name"], panel.comparisons.tell)
        panel.comparisons.bring(job, steps, lambda made: self._done(job, made, answer))

    def _onceSecondRead(self) -> None:
        if self.second.take().state == READ:
            self._ask()
        else:
            self.second.describe(then=self._ask)

    def _ask(self) -> None:
        panel, second = self._panel, self.second
        p, model = panel.parameters, panel.models.facts
        if self.whyNot() or not panel.models.agreed() or not second.agreed():
            return
        volumes = {name: node.GetID() for name, node in volumesOf(p, model).items()}
        contrast = p.score is ScoreChoice.CONTRAST
        question: dict[str, Any] = {
            "second_model": second.facts.source,
            "second_class": second.className,
            "method": p.method,
            # a layer's own name is the first model's
            "layers": DEEPEST if p.layer == DEEPEST else EACH,
            "score": p.score.value,
            "rival": p.rivalName if contrast else None,
            "second_rival": p.rivalName if contrast else None,
            "most_cells": MOST_CELLS,
        }
        if second.facts.codeReason:
            question["second_consent_sha256"] = second.facts.codeHash
        question |= QuestionWords.classAsked(p, model) | QuestionWords.where(p, model)
        what = {
            "about": self._about(),
            "name": _("{title} and {title2}: {className}").format(
                title=model.title, title2=second.facts.title, className=p.className
            ),
        }
        how: dict[str, Any] = {"answered": self.answered, "title": _("Comparing two models")}
        panel.send(Job("disagree", tuple(volumes.values()), what, volumes, **how), model.source, question)

    def _done(self, job: Job, made: tuple[Any, list], answer: dict) -> None:
        panel, (table, overlays) = self._panel, made
        self._found = job.what["about"], answer
        if overlays:
            panel.write(result=overlays[0])
            panel.notices.guarded(panel.desk.results.showOnly, overlays[0])
        if not panel.notices.error:
            seconds, maps = answer["session"]["seconds"], len(answer["explanations"])
            text = _("Compared in {seconds:.1f} s: {maps} maps, the sets as segments, and a table, {name}.").format(
                seconds=seconds, maps=maps, name=table.GetName()
            )
            panel.notices.say(" ".join([text, *answer["notes"]]))

    def _about(self) -> tuple:
        p = self._panel.parameters
        volumes = tuple(node.GetID() for node in volumesOf(p, self._panel.models.facts).values() if node is not None)
        return p.model, p.className, p.secondModel, self.second.className, p.method, p.score, p.rivalName, volumes

    def _classMissing(self) -> str:
        facts = self._panel.models.facts
        if facts.state != READ:
            return ""
        if not facts.classes:
            return _("The model says its classes once it has been opened: press Predict.")
        return "" if self._panel.parameters.className in facts.classes else _("Choose the class.")

    def _rivalMissing(self) -> str:
        p = self._panel.parameters
        if p.score is not ScoreChoice.CONTRAST:
            return ""
        for facts in (self._panel.models.facts, self.second.facts):
            if facts.state == READ and p.rivalName not in facts.classes:
                return _("Both models need the rival class of the contrast; {title} has no '{rivalName}'.").format(
                    title=facts.title, rivalName=p.rivalName
                )
        return ""


def said(answer: dict) -> str:
    """Dice and sizes, as a sentence."""
    told = answer["disagreement"]
    sizes = "; ".join(f"{one['name']}: {one['size']}" for one in answer["maps"][0].classes)
    return _("Dice of A ({first}) and B ({second}): {dice:.3f}. {sizes}.").format(
        first=told["models"][0], second=told["models"][1], dice=told["dice"], sizes=sizes
    )


def _line(row: dict) -> str:
    if row["side"] is None:
        return f"{row['title']}: {row['reason']}"
    what = f"{row['title']}, {row['side']}"
    if row["status"] == "refused":
        return f"{what}: {row['reason']}"
    number: Callable = lambda value, form: "-" if value is None else form.format(value)  # noqa: E731
    mean = number(row["score_per_voxel"], "{:.4g}")
    inside = number(row["inside"], "{:.1%}")
    return _("{what}: {mean} {unit} a voxel at {layer}, {inside} inside").format(
        what=what, mean=mean, unit=row["unit"], layer=row["layer"], inside=inside
    )
