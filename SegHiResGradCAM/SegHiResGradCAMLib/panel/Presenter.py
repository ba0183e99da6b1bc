"""Everything the panel decides, without Qt: what clicks mean, what is asked of the worker, what its answers become."""

from __future__ import annotations

from ..scene.nodes.Attachments import removeOrphans
from ..scene.volumes.ImageReader import voxelStamp
from ..schedule.Later import Soon
from ..setup.Consent import Consent
from ..setup.Dependencies import Dependencies
from ..setup.Installer import InstallLogic
from ..worker.Job import BY_SEGMENT, COMPARE, COST, DESCRIBE, EXPLAIN, FULL, LAYERS, PAINT, PREDICT, Job
from .comparison.ComparisonLogic import ComparisonLogic
from .DemoCase import MODEL, RIVAL, openDemoCase
from .model.Channels import volumesOf
from .model.ModelFacts import READ, ModelFacts
from .model.ModelLogic import ModelLogic
from .Notices import Notices
from .painting.PaintingLogic import PaintingLogic
from .prediction.PredictionLogic import PredictionLogic
from .question import QuestionLogic
from .question.Choices import ScoreChoice
from .results.ResultLogic import ResultLogic
from .segments.SegmentEvidenceLogic import SegmentEvidenceLogic
from .trust.FastCheckLogic import FastCheckLogic
from .trust.TrustLogic import TrustLogic
from .ViewBuilder import viewOf

#: progress that comes faster than this is not shown step by step
PROGRESS_MS = 60


class Presenter:
    """One for each panel.

    scene: the MRML scene.  engine: a JobRunner.  settings: mapping that outlives the session.  ask:
    ``ask(question) -> bool``.  installer: an Installer.  onChange: called with the new ViewState after every change.
    examine: ``examine(requirements) -> Dependencies``.  later: ``later(ms, fn)`` calls fn once, from the event loop.
    """

    def __init__(self, scene, engine, settings, ask, installer, onChange, examine, later=lambda ms, fn: fn()):
        self.scene, self.engine, self.installer = scene, engine, installer
        self.examine, self.ask, self._onChange = examine, ask, onChange
        self.consent, self.notices = Consent(settings, ask), Notices()
        self.models, self.desk = ModelLogic(self, scene, settings, later), ResultLogic(self, scene)
        self.predictions, self.comparisons = PredictionLogic(self, scene), ComparisonLogic(self, scene, later)
        self.checks, self.trust = FastCheckLogic(self, settings), TrustLogic(self)
        self.paint, self.segments = PaintingLogic(self, scene, later), SegmentEvidenceLogic(self, scene)
        self.installing, self.soon = InstallLogic(self, installer), Soon(later, PROGRESS_MS, self.changed)
        self.parameters = None
        self.missing = Dependencies()
        self.job: Job | None = None
        self.layersOf: dict[tuple, tuple] = {}
        self._quiet, self.entered = False, False  # entered: the panel is the one that the user sees
        engine.presenter = self

    # the panel and the scene

    def enter(self, parameters) -> None:
        """The panel is open with these parameters (None: there is no scene to work on)."""
        self.entered = parameters is not None
        self.parameters = parameters
        self.models.enter()
        self.missing = self.examine(self.model.requirements)
        if self.entered:
            self.checks.follow()
        self.changed()

    def exit(self) -> None:
        """The user went to another module: what runs may end, then the worker is let go."""
        self.entered = False
        if not self.busy:
            self.checks.giveWay()
            self.engine.close()

    def sceneClosing(self) -> None:
        """Nothing may come back into a scene that is going: the worker is ended."""
        self.comparisons.close()
        self.paint.stop()
        self.checks.forget()
        self.desk.results.clear()
        self.parameters = self.job = None
        self.engine.close()
        self.layersOf.clear()
        self.notices.clear()
        self.changed()

    def cleanup(self) -> None:
        """The panel goes for good."""
        self._onChange = lambda state: None
        self.sceneClosing()

    def sceneChanged(self) -> None:
        """Nodes came or went: an answer without its nodes is not waited for."""
        self.desk.results.forget()
        self.comparisons.sweep()
        removeOrphans(self.scene)
        self.checks.sweep()
        if self.busy and not self.job.hasItsNodes(self.scene):
            self.stopAdding()
            self.engine.close()
            self.job = None
            self.notices.fail("Stopped, because a node that was being explained was removed.", "Choose another one.")
        elif self.busy and self.desk.isGone(self.job):
            self.stopAdding()
            self.engine.drop()
            self.job = None
            self.notices.say("Stopped, because the map that it was about was removed.")
            self.settle()
        self.changed()

    def parametersChanged(self, *event) -> None:
        """A parameter was set: by a control, a script, or the scene (which tells of the event)."""
        if self._quiet or self.parameters is None:
            return
        if self.parameters.model != self.model.key:
            self.models.take()
        self.models.match()
        self.changed()

    def changed(self) -> None:
        self._onChange(viewOf(self))

    def write(self, **fields) -> None:
        """Sets parameters without being told of them."""
        self._quiet = True
        try:
            for name, value in fields.items():
                setattr(self.parameters, name, value)
        finally:
            self._quiet = False

    # what to explain

    def pick(self, **fields) -> None:
        """Sets parameters that a control cannot bind by itself."""
        if self.parameters is not None:
            self.write(**fields)
            self.parametersChanged()

    def openCase(self) -> bool:
        """Loads the demo case into the scene and chooses its volume and its lesion."""
        self.notices.clear()
        loaded = self.notices.guarded(openDemoCase, self.scene) if self.parameters is not None else None
        if loaded is not None:
            volume, segmentation, segmentId = loaded
            self.pick(volume=volume, segmentation=segmentation, segmentId=segmentId)
        return loaded is not None

    def tryDemo(self) -> None:
        """The demo case, and the question that gives the shortcut network away."""
        if self.openCase():
            self.write(score=ScoreChoice.CONTRAST, rivalName=RIVAL)
            self.models.pick(MODEL)
        self.changed()

    # running

    @property
    def model(self) -> ModelFacts:
        return self.models.facts

    @property
    def busy(self) -> bool:
        return self.job is not None

    def cannotCompute(self) -> str:
        """What stands in the way of everything, "" if nothing does."""
        if self.parameters is None:
            return "There is no scene to work on."
        return "Packages are being installed." if self.installer.busy else ""

    def cannotTest(self) -> str:
        """What stands in the way of every test of a map, "" if nothing does."""
        if self.busy:
            return "Wait for what is running, or cancel it."
        return self.cannotCompute() or self.missing.sentence

    def whyNot(self) -> str:
        """Why Apply cannot work now, "" if it can."""
        why = self.cannotCompute() or self.models.pathProblem() or QuestionLogic.whyNot(self.parameters, self.model)
        return why or self.missing.sentence

    def apply(self) -> None:
        """The one button: asks, or cancels what runs."""
        if self.stopAdding():  # its answer was there already
            self.onError("cancelled", "Cancelled.", "")
        elif self.busy:
            self.job.cancelling = True
            self.engine.cancel()
        elif not self.whyNot():
            self.models.onceRead(self._ask)
        self.changed()

    def openHow(self) -> None:
        """The section with the layers was opened: lists them where that needs no question to the user."""
        if self.busy or self.whyNot() or self.model.state != READ or self.layerKey() in self.layersOf:
            return
        if not self.model.codeReason or self.consent.given(self.model.codeHash):
            volumes = self.volumeIds()
            job = Job(LAYERS, tuple(volumes.values()), volumes=volumes)
            self.send(job, self.model.source, QuestionLogic.where(self.parameters, self.model))
            self.changed()

    def send(self, job: Job, source: str, question: dict, listener=None) -> None:
        """Hands a job over; the engine reads its volumes by and by.

        listener: of a job behind the panel, which is not busy meanwhile; one that runs gives way to any other.
        """
        job.what.setdefault("layerKey", self.layerKey())
        if listener is None:
            self.checks.giveWay()
            self.job = job
        volumes = {name: self.scene.GetNodeByID(nodeId) for name, nodeId in job.volumes.items()}
        self.engine.send(job, source, volumes, question, listener)

    def volumeIds(self) -> dict[str, str]:
        """Channel name -> id of its volume; all of them are chosen when something can be asked."""
        chosen = volumesOf(self.parameters, self.model).items() if self.parameters is not None else ()
        return {name: node.GetID() for name, node in chosen if node is not None}

    def agreed(self) -> bool:
        """Whether the model may be opened: the user's yes, where its author's code would run."""
        if not self.model.codeReason or self.consent.request(self.model.codeReason, self.model.codeHash):
            return True
        self.notices.fail("This model runs its author's code, and that was not agreed to.", "Nothing was run.")
        return False

    def layerKey(self) -> tuple:
        """Under which the list of layers is remembered: model and volumes."""
        return self.model.key, *self.volumeIds().values()

    # the worker's answers

    def onProgress(self, fraction: float, phase: str) -> None:
        if self.busy:
            self.job.fraction, self.job.phase = fraction, phase
            self.soon()

    def onAnswer(self, answer: dict) -> None:
        """The result of the last job, see WorkerClient."""
        job, self.job = self.job, None
        if job is not None and job.hasItsNodes(self.scene):
            if "layers" in answer:
                self.layersOf[job.what["layerKey"]] = tuple(answer["layers"])
            hears = {
                DESCRIBE: self.models.described, LAYERS: lambda *words: None, PREDICT: self.predictions.answered,
                COMPARE: self.comparisons.answered, PAINT: self.paint.answered, COST: self.trust.answered,
                FULL: self.trust.answered, BY_SEGMENT: self.segments.answered,
            }  # fmt: skip
            self.notices.guarded(hears.get(job.purpose, self.desk.answered), job, answer)
        self.settle()

    def onError(self, code: str, sentence: str, hint: str, log: str = "") -> None:
        """The last job ended without an answer. log: for the folded details."""
        job, self.job = self.job, None
        self.models.failed(job, code, f"{sentence} {hint}".strip())
        if code == "cancelled":
            self.notices.say("Cancelled. The scene is unchanged.")
        else:
            self.notices.fail(sentence, hint, log)
        self.settle()

    def settle(self) -> None:
        """A job has ended, or goes on by itself."""
        if self.entered:
            self.checks.follow()
        elif not self.busy:
            self.engine.close()
        self.changed()

    def stopAdding(self) -> bool:
        """Ends the bringing of an answer into the scene; False if nothing was being brought."""
        return any([self.comparisons.stop(), self.paint.stop()])

    # inside

    def _ask(self):
        """Consent, then the question."""
        if not self.whyNot() and self.agreed():
            job, question = self.asked(EXPLAIN)
            question["show"] = {"on": self.parameters.grid.value}
            self.send(job, self.model.source, question)

    def asked(self, purpose: str, **others) -> tuple[Job, dict]:
        """(job, question) of the parameters as they are; others: words of the question in place of theirs."""
        p, volumes = self.parameters, self.volumeIds()
        segmentation = p.segmentation if p.pixelSet.needsSegment else None
        question = {"pixelSets": [QuestionLogic.recipe(p)], "layers": p.layer}
        question |= QuestionLogic.words(p, self.model) | others
        what = {
            "segmentation": segmentation.GetID() if segmentation else "",
            "segmentId": p.segmentId if segmentation else None,
            "grid": p.grid.value,
            "model": self.model.source,
            "stamps": tuple(voxelStamp(self.scene.GetNodeByID(nodeId)) for nodeId in volumes.values()),
            "question": question,
        }
        nodes = tuple(filter(None, (*volumes.values(), what["segmentation"])))
        return Job(purpose, nodes, what, volumes), question
