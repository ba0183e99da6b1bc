"""What is missing is installed, after a click and a yes; the worker ends before anything is replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ...setup.Installer import Installer
from ...setup.Translation import _
from ..Controls import FeatureView
from ..model.ModelLogic import ModelLogic
from ..Needs import AsksWorker, ChecksPackages, HasParameters


@dataclass(frozen=True)
class InstallState:
    text: str = ""
    offered: bool = False


class InstallView(FeatureView):
    def connect(self, installing: Any) -> None:
        """installing: InstallLogic."""
        self._controls.onClick("installButton", installing.install)

    def show(self, state: InstallState) -> None:
        self._controls.show("installArea", bool(state.text))
        self._controls.set("installLabel", "text", state.text)
        self._controls.show("installButton", state.offered)


class InstallNeeds(AsksWorker, HasParameters, ChecksPackages, Protocol):
    """What this feature needs of the panel."""

    models: ModelLogic

    def stopWork(self) -> None: ...


class InstallLogic:
    View = InstallView

    def __init__(self, panel: InstallNeeds, installer: Installer):
        self._panel, self._installer = panel, installer

    @property
    def busy(self) -> bool:
        return self._installer.busy

    def install(self) -> None:
        """Installs what is missing, after asking."""
        self._installer.install(self._panel.missing, self._installed, self._yes)
        self._panel.changed()

    def state(self) -> InstallState:
        panel = self._panel
        if panel.parameters is None:
            return InstallState()
        text = panel.missing.sentence if panel.models.facts.key else ""
        return InstallState(text, panel.missing.installable and not self._installer.busy)

    def _yes(self) -> None:
        self._panel.stopWork()  # Windows replaces no library that a process has loaded
        self._panel.notices.say(_("Installing..."))

    def _installed(self, succeeded: bool, sentence: str, log: str) -> None:
        panel = self._panel
        panel.missing = panel.examine(panel.models.facts.requirements)
        if succeeded:
            panel.notices.say(sentence)
        else:
            panel.notices.fail(sentence, "", log)
        panel.settle()
