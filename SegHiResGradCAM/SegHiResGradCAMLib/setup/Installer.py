"""Installs what is missing, after a click and a yes: torch as the PyTorch extension does, the rest by slicer.packaging.

Nothing is imported into Slicer afterwards: only the worker, a process of its own, uses these packages.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable

import slicer

from .Dependencies import EXTENSION, TORCH_INSTALLER, Dependencies
from .InstallFailures import whyFailed
from .Translation import _

_WHO = "SegHiResGradCAM"


class Installer:
    """ask: ``ask(question) -> bool``; the default says no.  One installation at a time, without blocking Qt."""

    def __init__(self, ask: Callable = lambda question: False):
        self._ask = ask
        self.busy = False

    def install(
        self, missing: Dependencies, onDone: Callable[[bool, str, str], None], onYes: Callable = lambda: None
    ) -> None:
        """Asks, installs, and calls ``onDone(succeeded, sentence, log)`` on the main thread, also after a refusal.

        onYes: called between the user's yes and the installation.
        """
        if self.busy or not missing.installable:
            onDone(False, _("Another installation is running.") if self.busy else missing.sentence, "")
            return
        listed = "\n".join(f"    {requirement}" for requirement in missing.wouldInstall)
        question = _(
            "These Python packages will be downloaded and installed into Slicer:\n\n{listed}\n\nInstall?"
        ).format(listed=listed)
        if not self._ask(question):
            onDone(False, _("Nothing was installed. The panel stays usable; the model cannot be run without them."), "")
            return
        self.busy = True
        onYes()
        log: list[str] = []

        def finished(returnCode: int) -> None:
            self.busy = False
            if returnCode == 0:
                onDone(True, _("Installed."), "\n".join(log))
            else:
                onDone(False, " ".join(whyFailed(log, returnCode)), "\n".join(log[-200:]))

        def torchNext(returnCode: int) -> None:
            if returnCode == 0 and missing.torch:
                self._guarded(lambda: _installTorch(missing.torch, log.append, finished), log, finished)
            else:
                finished(returnCode)

        first = [*missing.packages, *([TORCH_INSTALLER] if missing.torch else [])]
        self._guarded(lambda: _installPackages(first, log.append, torchNext), log, finished)

    def _guarded(self, start: Callable[[], None], log: list[str], finished: Callable[[int], None]) -> None:
        try:
            start()
        except Exception as error:  # whatever pip or Slicer raises: a failed installation must leave the panel usable
            log.append(f"{type(error).__name__}: {error}")
            finished(1)


def examine(requirements: tuple[str, ...] = ()) -> Dependencies:
    """What is missing in this Slicer. Its module list tells whether the PyTorch extension is there, unloaded."""
    loaded = getattr(slicer.modules, "pytorchutils", None) is not None
    return Dependencies.examined(requirements, loaded, waitsForRestart=not loaded and _isInstalledExtension(EXTENSION))


def _isInstalledExtension(name: str) -> bool:
    """Whether Slicer has it on disk: its modules are there only after the next start."""
    manager = getattr(slicer.app, "extensionsManagerModel", None)  # not in a Slicer that was built without it
    model = manager() if manager is not None else None
    return model is not None and bool(model.isExtensionInstalled(name))


def _installPackages(requirements: list[str], log: Callable[[str], object], done: Callable[[int], None]) -> None:
    import slicer.packaging

    slicer.packaging.pip_install(
        requirements, blocking=False, requester=_WHO, logCallback=log, completedCallback=done
    )  # fmt: skip


def _installTorch(requirement: str, log: Callable[[str], object], done: Callable[[int], None]) -> None:
    # in a process of its own: the extension's installTorch() would freeze the window and import torch into Slicer
    command = [shutil.which("PythonSlicer") or "PythonSlicer", "-m", "light_the_torch", "install", requirement]
    slicer.util.launchConsoleProcess(command, blocking=False, logCallback=log, completedCallback=done)
