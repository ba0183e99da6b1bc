"""What the DICOM buttons do: the shown map written by the worker into its study, and maps that come back opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import slicer
from seghirescam.protocol.display.map_grids import LAYER, map_grid
from seghirescam.protocol.privacy import DICOM_SENTENCE

from ...scene.nodes import AttributeNames
from ...scene.nodes.Geometry import gridOfVolume
from ...scene.nodes.Provenance import explanationFacts, inputVolumesOf
from ...scene.overlay.Overlay import addOverlay
from ...scene.overlay.ShownMap import isSmall
from ...scene.results.DicomSource import addToDatabase, filesOfSeries, hasDatabase, instancesOf, whyNoSeries
from ...scene.results.Export import whyNotExported
from ...setup.Translation import _
from ...worker.Job import Job
from ..Controls import FeatureView
from ..Needs import ChecksMaps, ChecksPackages, HasParameters
from ..results.RepeatedQuestion import again, whyNotAgain

#: writes DICOM objects, in the worker's Python, which is Slicer's
HIGHDICOM = "highdicom>=0.27"
_TIP = _(
    "Writes this map, what it was asked about and the regions of its evidence as DICOM objects of the "
    "volume's study. {DICOM_SENTENCE}"
).format(DICOM_SENTENCE=DICOM_SENTENCE)
_OPEN_TIP = _("Shows parametric maps of ours in a folder that explain this volume, with their colours and legend.")
_DENSITY = "/ml"


@dataclass(frozen=True)
class DicomState:
    """isOfDicom: the shown map's volume was loaded from DICOM.  reason: why it cannot be written now.

    isFromDicom: the chosen volume was.  openReason: why no map can be opened.
    """

    isOfDicom: bool = False
    reason: str = ""
    isFromDicom: bool = False
    openReason: str = ""


class DicomView(FeatureView):
    def connect(self, dicom: Any) -> None:
        """dicom: DicomLogic."""
        self._controls.onClick("dicomButton", lambda: dicom.export(self._controls.chooseFolder))
        self._controls.onClick("dicomOpenButton", lambda: dicom.open(self._controls.chooseFolder))

    def show(self, state: DicomState) -> None:
        self._controls.show("dicomSection", state.isOfDicom or state.isFromDicom)
        self._controls.show("dicomButton", state.isOfDicom)
        self._controls.button("dicomButton", state.reason, _TIP)
        self._controls.show("dicomOpenButton", state.isFromDicom)
        if state.isFromDicom:
            self._controls.button("dicomOpenButton", state.openReason, _OPEN_TIP)


class DicomNeeds(ChecksMaps, ChecksPackages, HasParameters, Protocol):
    """What this feature needs of the panel."""

    installer: Any
    ask: Callable[[str], bool]

    def mustWait(self) -> str: ...
    def stopWork(self) -> None: ...


class DicomLogic:
    View = DicomView

    def __init__(self, panel: DicomNeeds, scene: Any):
        self._panel, self._scene = panel, scene
        self._folder = ""

    def whyNot(self) -> str:
        """Why it cannot be written now, "" if it can."""
        panel, node = self._panel, self._panel.desk.node
        why = panel.mustWait() or panel.cannotCompute() or whyNotExported(node)
        return why or whyNoSeries(_explained(node))

    def state(self) -> DicomState:
        panel = self._panel
        if panel.parameters is None:
            return DicomState()
        node, may = panel.desk.node, panel.mustWait() or panel.cannotCompute()
        chosen = bool(instancesOf(panel.parameters.volume))
        if node is None:
            return DicomState(isFromDicom=chosen, openReason=may)
        return DicomState(bool(instancesOf(_explained(node))), self.whyNot(), chosen, may)

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
        if not panel.ask(_("{sentence}\n\nWrite them?").format(sentence=DICOM_SENTENCE)):
            return
        folder = chooseFolder(self._folder)
        if folder:
            self._folder = folder
            panel.do(self._send, folder)

    def open(self, chooseFolder: Callable) -> None:
        """Maps in a folder become results of the chosen volume."""
        panel = self._panel
        volume = panel.parameters.volume if panel.parameters is not None else None
        if volume is None or not instancesOf(volume) or panel.mustWait() or panel.cannotCompute():
            return
        folder = chooseFolder(self._folder, _("Folder with DICOM parametric maps"))
        if folder:
            self._folder = folder
            how: dict[str, Any] = {"answered": self.opened, "title": _("Opening DICOM maps")}
            question = {"folder": folder, "instances": instancesOf(volume)}
            panel.do(panel.send, Job("read_dicom", (volume.GetID(),), **how), "", question)

    def opened(self, job: Job, answer: dict) -> None:
        """As results of a scene that was opened again: each with its one layer."""
        panel, found = self._panel, answer["explanations"]
        volume = self._scene.GetNodeByID(job.nodeIds[0])
        for explanation in found:
            kind = panel.parameters.grid.value
            fine = isSmall(explanation, map_grid(kind, explanation.grid, gridOfVolume(volume)))
            node = addOverlay(self._scene, explanation, volume, grid=kind if fine else LAYER)
            panel.write(result=node)
        panel.desk.results.showOnly(panel.desk.node)
        others = answer["of_others"]
        said = (_("Opened: {count} map.") if len(found) == 1 else _("Opened: {count} maps.")).format(count=len(found))
        panel.notices.say(
            _("{said} {others} of other series or makers left out.").format(said=said, others=others)
            if others
            else said
        )

    def answered(self, job: Job, answer: dict) -> None:
        """Offers Slicer's DICOM database, where there is one."""
        panel, names = self._panel, answer["files"]
        said = _("Written: {names}.").format(names=" and ".join(names))
        if hasDatabase() and panel.ask(_("Add the new DICOM objects to Slicer's DICOM database, too?")):
            addToDatabase(Path(job.what["folder"]) / name for name in names)
            said += _(" They are in Slicer's DICOM database.")
        panel.notices.say(" ".join(filter(None, [said, job.what["why"], *answer["notes"]])))

    def _send(self, folder: str) -> None:
        panel, node = self._panel, self._panel.desk.node
        volume = inputVolumesOf(node)[0]
        files = filesOfSeries(volume)
        if not files:
            panel.notices.fail(
                _("Slicer's DICOM database has lost a slice of the series."), _("Import the series again.")
            )
            return
        array, grid, per = self._map(node)
        question = {"map": (array, grid), "facts": explanationFacts(node), "files": files, "folder": folder}
        how: dict[str, Any] = {"answered": self.answered, "title": _("Writing DICOM")}
        why = panel.missing.sentence or whyNotAgain(panel.desk.results, node)
        what = {
            "folder": folder,
            "why": why and _("Without its question: {reason}").format(reason=why[0].lower() + why[1:]),
        }
        nodes = (node.GetID(), volume.GetID())
        if why:
            own = {"per": per, "volume": gridOfVolume(volume)}
            panel.send(Job("write_dicom", nodes, what, **how), "", question | own)
            return
        volumes, asked = again(panel.desk.results, node)
        how |= {"request": "write_asked_dicom", "aside": True}
        source = panel.desk.results.origin(node).model
        panel.send(Job("write_dicom", (*nodes, *volumes.values()), what, volumes, **how), source, asked | question)

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
            panel.notices.say(_("{sentence} Press Export to DICOM again.").format(sentence=sentence))
        else:
            panel.notices.fail(sentence, "", log)
        panel.settle()


def _explained(node: Any) -> Any:
    """The volume that a map explains, None where it is gone."""
    return next(iter(inputVolumesOf(node)), None)
