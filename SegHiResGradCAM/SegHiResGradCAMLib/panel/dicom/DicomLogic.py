"""What Export to DICOM does: the shown map and its regions, written by the worker into the study of their series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import slicer
from seghirescam.protocol.privacy import DICOM_SENTENCE

from ...scene.nodes import AttributeNames
from ...scene.nodes.Geometry import gridOfVolume
from ...scene.nodes.Provenance import explanationFacts, inputVolumesOf
from ...scene.results.DicomSource import addToDatabase, filesOfSeries, hasDatabase, whyNoSeries
from ...scene.results.Export import whyNotExported
from ...worker.Job import Job
from ..Controls import FeatureView
from ..Needs import ChecksMaps, HasParameters

#: writes DICOM objects, in the worker's Python, which is Slicer's
HIGHDICOM = "highdicom>=0.27"
_TIP = f"Writes this map and the regions of its evidence as DICOM objects of the volume's study. {DICOM_SENTENCE}"
_DENSITY = "/ml"


@dataclass(frozen=True)
class DicomState:
    """reason: why it cannot be written now."""

    reason: str = ""


class DicomView(FeatureView):
    def connect(self, dicom: Any) -> None:
        """dicom: DicomLogic."""
        self._controls.onClick("dicomButton", lambda: dicom.export(self._controls.chooseFolder))

    def show(self, state: DicomState) -> None:
        self._controls.button("dicomButton", state.reason, _TIP)


class DicomNeeds(ChecksMaps, HasParameters, Protocol):
    """What this feature needs of the panel."""

    installer: Any
    ask: Callable[[str], bool]

    def examine(self, requirements: tuple[str, ...]) -> Any: ...
    def mustWait(self) -> str: ...
    def stopWork(self) -> None: ...


class DicomLogic:
    View = DicomView

    def __init__(self, panel: DicomNeeds):
        self._panel = panel
        self._folder = ""

    def whyNot(self) -> str:
        """Why it cannot be written now, "" if it can."""
        panel, node = self._panel, self._panel.desk.node
        why = panel.mustWait() or panel.cannotCompute() or whyNotExported(node)
        return why or whyNoSeries(next(iter(inputVolumesOf(node)), None))

    def state(self) -> DicomState:
        return DicomState() if self._panel.desk.node is None else DicomState(self.whyNot())

    def export(self, chooseFolder: Callable) -> None:
        """Says what DICOM objects carry, asks for a folder, and has the worker write.

        chooseFolder(former) -> path: asks the user; "" is no.
        """
        panel = self._panel
        if self.whyNot():
            return
        missing = panel.examine((HIGHDICOM,))
        if missing.sentence:
            panel.installer.install(missing, self._installed, panel.stopWork)
            panel.changed()
            return
        if not panel.ask(f"{DICOM_SENTENCE}\n\nWrite them?"):
            return
        folder = chooseFolder(self._folder)
        if folder:
            self._folder = folder
            panel.do(self._send, folder)

    def answered(self, job: Job, answer: dict) -> None:
        """Offers Slicer's DICOM database, where there is one."""
        panel, names = self._panel, answer["files"]
        said = f"Written: {' and '.join(names)}."
        if hasDatabase() and panel.ask("Add the new DICOM objects to Slicer's DICOM database, too?"):
            addToDatabase(Path(job.what["folder"]) / name for name in names)
            said += " They are in Slicer's DICOM database."
        panel.notices.say(said)

    def _send(self, folder: str) -> None:
        panel, node = self._panel, self._panel.desk.node
        volume = inputVolumesOf(node)[0]
        files = filesOfSeries(volume)
        if not files:
            panel.notices.fail("Slicer's DICOM database has lost a slice of the series.", "Import the series again.")
            return
        array, grid, per = self._map(node)
        question = {
            "map": (array, grid), "per": per, "facts": explanationFacts(node), "files": files,
            "volume": gridOfVolume(volume), "folder": folder,
        }  # fmt: skip
        how: dict[str, Any] = {"answered": self.answered, "title": "Writing DICOM"}
        panel.send(Job("write_dicom", (node.GetID(), volume.GetID()), {"folder": folder}, **how), "", question)

    def _map(self, node: Any) -> tuple:
        """(voxels, grid, per): the layer's own cells where they are at hand, else the voxels of the node."""
        results = self._panel.desk.results
        origin = results.origin(node)
        if origin is not None:
            one = origin.maps[results.shownLayer(node)]
            return one.map, one.grid, ""
        unit = node.GetAttribute(AttributeNames.PREFIX + "Unit") or ""
        per = _DENSITY[1:] if unit.endswith(_DENSITY) else ""
        return slicer.util.arrayFromVolume(node).copy(), gridOfVolume(node), per

    def _installed(self, succeeded: bool, sentence: str, log: str) -> None:
        panel = self._panel
        if succeeded:
            panel.notices.say(f"{sentence} Press Export to DICOM again.")
        else:
            panel.notices.fail(sentence, "", log)
        panel.settle()
