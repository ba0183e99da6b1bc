"""Starts the check and keeps what it says; nothing of the scene or of the panel's other work is touched."""

from __future__ import annotations

from typing import Protocol

from ...setup.Installer import Installer
from ...setup.Translation import _
from ...worker.SetupProcess import SetupProcess
from .SetupCheckView import SetupCheckState, SetupCheckView


class SetupCheckNeeds(Protocol):
    """What this feature needs of the panel."""

    installer: Installer

    def changed(self, *names: str) -> None: ...


class SetupCheckLogic:
    View = SetupCheckView

    def __init__(self, panel: SetupCheckNeeds, process: SetupProcess):
        self._panel, self._process = panel, process
        self._text = self._now = ""

    def toggle(self) -> None:
        """Starts, or stops what runs."""
        if self._process.running:
            self.stop()
        else:
            self._text, self._now = "", "starting"
            self._process.start(self._onProgress, self._onEnd)
        self._panel.changed("setupCheck")

    def close(self) -> None:
        """The text is read."""
        self._text = ""
        self._panel.changed("setupCheck")

    def stop(self) -> None:
        """Ends what runs, silently."""
        self._process.stop()
        self._now = ""

    def state(self) -> SetupCheckState:
        reason = _("Packages are being installed.") if self._panel.installer.busy else ""
        return SetupCheckState(reason, self._process.running, self._now, self._text)

    def _onProgress(self, name: str) -> None:
        self._now = name
        self._panel.changed("setupCheck")

    def _onEnd(self, answer: dict, sentence: str) -> None:
        self._now = ""
        self._text = answer["text"] if answer else sentence
        self._panel.changed("setupCheck")
