"""Everything the panel decides, without Qt: its features put together, and what scene, panel and worker tell them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..scene.nodes.Attachments import removeOrphans
from ..scene.results.MaskedVolume import showVolumesOfOrphans
from ..schedule.Later import PROGRESS_MS, Soon
from ..setup.Consent import Consent
from ..setup.Dependencies import Dependencies
from ..setup.Installer import Installer
from ..setup.Translation import _
from ..worker.Job import Job
from ..worker.SetupProcess import SetupProcess
from .comparison.ComparisonLogic import ComparisonLogic
from .comparison.ContactSheet import ContactSheet
from .Controls import WAIT
from .dicom.DicomLogic import DicomLogic
from .disagreement.DisagreementLogic import DisagreementLogic
from .draft.DraftLogic import DraftLogic
from .feeding.FeedingLogic import FeedingLogic
from .linked.EvidenceRowsLogic import EvidenceRowsLogic
from .linked.MaskedLogic import MaskedLogic
from .live.LiveLogic import LiveLogic
from .model.ModelFacts import ModelFacts
from .model.ModelLogic import DESCRIBE, ModelLogic
from .Notices import Notices
from .painting.PaintingLogic import PaintingLogic
from .PanelState import PanelState
from .pictures.PictureLogic import PictureLogic
from .prediction.PredictionLogic import PredictionLogic
from .question.AllSegmentsLogic import AllSegmentsLogic
from .question.QuestionLogic import QuestionLogic
from .recall.RecallLogic import RecallLogic
from .results.ResultLogic import ResultLogic
from .run.InstallLogic import InstallLogic
from .run.RunLogic import RunLogic
from .sections.Sections import sections
from .segments.SegmentEvidenceLogic import SegmentEvidenceLogic
from .setup_check.SetupCheckLogic import SetupCheckLogic
from .trust.FastCheckLogic import FastCheckLogic
from .trust.TrustLogic import TrustLogic


class Presenter:
    """One for each panel.  What a feature needs of it stands in the feature's Protocol, see Needs.

    scene: the MRML scene.  engine: a JobRunner.  settings: mapping that outlives the session.  ask:
    ``ask(question) -> bool``.  installer: an Installer.  onChange: called with the new PanelState after every change.
    examine: ``examine(requirements) -> Dependencies``.  later: ``later(ms, fn)`` calls fn once, from the event loop.
    """

    def __init__(
        self,
        scene: Any,
        engine: Any,
        settings: Any,
        ask: Callable[[str], bool],
        installer: Installer,
        onChange: Callable[[PanelState], object],
        examine: Callable[..., Dependencies],
        later: Callable = lambda ms, fn: fn(),
    ):
        self.scene, self.engine, self.installer = scene, engine, installer
        self.examine, self.ask, self._onChange = examine, ask, onChange
        self.notices, self.parameters, self.missing = Notices(), None, Dependencies()
        self.job: Job | None = None
        self._quiet, self.entered = False, False  # entered: the panel is the one that the user sees
        self._states: dict[str, object] = {}
        self._soon = Soon(later, PROGRESS_MS, lambda: self.changed("run"))
        # the features, by the names of their states
        self.desk = ResultLogic(self, scene)
        self.models = ModelLogic(self, scene, settings, later, Consent(settings, ask))
        self.question = QuestionLogic(self, scene)
        self.allSegments = AllSegmentsLogic(self, scene, later)
        self.run = RunLogic(self, scene)
        self.installing = InstallLogic(self, installer)
        self.predictions = PredictionLogic(self, scene)
        self.drafts = DraftLogic(self)
        self.feeding = FeedingLogic(self)
        self.comparisons = ComparisonLogic(self, scene, later)
        self.sheet = ContactSheet(self, scene, later)
        self.disagreements, self.trust = DisagreementLogic(self, scene), TrustLogic(self)
        self.checks = FastCheckLogic(self, scene, settings, Soon(later, PROGRESS_MS, lambda: self.changed("checks")))
        self.paint = PaintingLogic(self, scene, later)
        self.segments, self.dicom = SegmentEvidenceLogic(self, scene), DicomLogic(self, scene)
        self.live, self.recall = LiveLogic(self, scene, later), RecallLogic(self, scene, settings)
        self.pictures = PictureLogic(self, scene)
        self.rows, self.masked = EvidenceRowsLogic(self, scene), MaskedLogic(self, scene)
        self.setupCheck = SetupCheckLogic(self, SetupProcess(later))
        for name, Logic in sections().items():
            setattr(self, name, Logic(self, scene, later))
        self.features = {name: one for name, one in vars(self).items() if hasattr(one, "View")}
        engine.presenter = self

    # the panel and the scene

    def enter(self, parameters: Any) -> None:
        """The panel is open with these parameters (None: there is no scene to work on)."""
        self.entered = parameters is not None
        self.parameters = parameters
        self.question.chooseOnly(entered=True)
        self.models.enter()
        self.missing = self.examine(self.model.requirements)
        if self.entered:
            self.checks.follow()
        self.changed()

    def exit(self) -> None:
        """The user went to another module: what runs may end, then the worker is let go."""
        self.entered = False
        self.live.stop()
        if not self.busy:
            self.checks.giveWay()
            self.engine.close()

    def sceneClosing(self) -> None:
        """Nothing may come back into a scene that is going: the worker is ended."""
        self.comparisons.close()
        self.allSegments.stop()
        self.paint.stop()
        self.checks.forget()
        self.sheet.close()
        self.live.forget()
        self.desk.results.clear()
        self.parameters = self.job = None
        self.engine.close()
        self.question.layersOf.clear()
        self.notices.clear()
        self.changed()

    def cleanup(self) -> None:
        """The panel goes for good."""
        self._onChange = lambda state: None
        self.setupCheck.stop()
        self.masked.close()
        self.sceneClosing()

    def sceneChanged(self) -> None:
        """Nodes came or went: an answer without its nodes is not waited for."""
        self.desk.results.forget()
        self.comparisons.sweep()
        showVolumesOfOrphans(self.scene)
        removeOrphans(self.scene)
        self.checks.sweep()
        self.question.chooseOnly()
        self.live.sweep()
        if self.job is not None and not self.job.hasItsNodes(self.scene):
            self.stopAdding()
            self.engine.close()
            self.job = None
            said = _("Stopped, because a node that was being explained was removed.")
            self.notices.fail(said, _("Choose another one."))
        elif self.job is not None and self.desk.isGone(self.job):
            self.stopAdding()
            self.engine.drop()
            self.job = None
            self.notices.say(_("Stopped, because the map that it was about was removed."))
            self.settle()
        self.changed()

    def parametersChanged(self, *event: Any) -> None:
        """A parameter was set: by a control, a script, or the scene (which tells of the event)."""
        if self._quiet or self.parameters is None:
            return
        if self.parameters.model != self.model.key:
            self.models.take()
        self.models.match()
        self.live.askAgain()
        self.changed()

    def changed(self, *names: str) -> None:
        """Shows what is new. names: of the features whose states are made anew, all unless given."""
        fresh = names if self._states else ()
        for name in fresh or self.features:
            self._states[name] = self.features[name].state()
        self._onChange(PanelState(fresh=fresh, **self._states))

    def write(self, **fields: Any) -> None:
        """Sets parameters without being told of them."""
        self._quiet = True
        try:
            for name, value in fields.items():
                setattr(self.parameters, name, value)
        finally:
            self._quiet = False

    def pick(self, **fields: Any) -> None:
        """Sets parameters that a control cannot bind by itself."""
        if self.parameters is not None:
            self.write(**fields)
            self.parametersChanged()

    def do(self, action: Callable, *arguments: Any) -> Any:
        """What a click does at once: its return value, None after an error, which is then told."""
        self.notices.clear()
        found = self.notices.guarded(action, *arguments)
        self.changed()
        return found

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
            return _("There is no scene to work on.")
        return _("Packages are being installed.") if self.installer.busy else ""

    def mustWait(self) -> str:
        """Why nothing new can be asked while something runs, "" where nothing does."""
        return WAIT if self.busy else ""

    def cannotTest(self) -> str:
        """What stands in the way of every test of a map, "" if nothing does."""
        return self.mustWait() or self.cannotCompute() or self.missing.sentence

    def whyNot(self) -> str:
        """Why Apply cannot work now, "" if it can."""
        return self.run.whyNot()

    def apply(self) -> None:
        self.run.apply()

    def send(self, job: Job, source: str, question: dict, listener: Any = None) -> None:
        """Hands a job over; the engine reads its volumes by and by.

        listener: of a job behind the panel, which is not busy meanwhile; one that runs gives way to any other.
        """
        if listener is None:
            self.checks.giveWay()
            self.live.giveWay()
            self.job = job
        volumes = {name: self.scene.GetNodeByID(nodeId) for name, nodeId in job.volumes.items()}
        self.engine.send(job, source, volumes, question, listener)

    # the worker's answers

    def onProgress(self, fraction: float, phase: str) -> None:
        if self.job is not None:
            self.job.fraction, self.job.phase = fraction, phase
            self._soon()

    def onAnswer(self, answer: dict) -> None:
        """The result of the last job, see WorkerClient."""
        job, self.job = self.job, None
        if job is not None and job.hasItsNodes(self.scene):
            self.question.remember(job, answer)
            if job.answered is not None:
                self.notices.guarded(job.answered, job, answer)
            self.recall.learn() if job.purpose == DESCRIBE else self.recall.answered(job)
        self.settle()

    def onError(self, code: str, sentence: str, hint: str, log: str = "") -> None:
        """The last job ended without an answer. log: for the folded details."""
        job, self.job = self.job, None
        offered = self.models.failed(job, code, sentence, hint)
        if offered:
            self.notices.clear()
        elif code == "cancelled":
            self.notices.say(_("Cancelled. The scene is unchanged."))
        else:
            self.notices.fail(sentence, hint, log)
        self.settle()

    def settle(self) -> None:
        """A job has ended, or goes on by itself."""
        if self.entered:
            self.live.follow()
            self.checks.follow()
        elif not self.busy:
            self.engine.close()
        self.changed()

    def stopAdding(self) -> bool:
        """Ends the bringing of an answer into the scene; False if nothing was being brought."""
        return any([self.comparisons.stop(), self.allSegments.stop(), self.paint.stop()])

    def stopWork(self) -> None:
        """Whatever runs ends, and the worker with it."""
        self.stopAdding()
        self.setupCheck.stop()
        self.checks.giveWay()
        self.live.giveWay()
        self.engine.close()
        if self.busy:
            self.onError("cancelled", _("Cancelled."), "")
