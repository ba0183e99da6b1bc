"""Export picture: the views and a figure in one click; and the page that Export adds to a map's files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from seghirescam.protocol.arrays import DiskError
from seghirescam.protocol.errors import SegHiResCamError

from ...scene.nodes.Provenance import explanationFacts
from ...scene.nodes.TrustFacts import trustOf
from ...scene.overlay.OverlayDisplay import settingsOf
from ...scene.results.PictureFiles import writeTogether
from ...scene.views.ViewPicture import pictureOfViews, writePicture
from ...setup.Translation import _
from ...worker.Job import Job
from ..Controls import FeatureView
from ..Needs import ChecksMaps, ChecksPackages, HasParameters
from ..results.RepeatedQuestion import again, shownMap, whyNotAgain

FIGURES, PAGES = ("matplotlib>=3.8",), ("matplotlib>=3.8", "jinja2>=3.1")
_TIP = _(
    "Writes the views as they are, without the annotations in their corners, and a figure of the map for a paper: two "
    "PNG files in a folder that you choose."
)


class PictureView(FeatureView):
    def connect(self, pictures: Any) -> None:
        """pictures: PictureLogic."""
        self._controls.onClick("pictureButton", lambda: pictures.export(self._controls.chooseFolder))

    def show(self, reason: str) -> None:
        self._controls.button("pictureButton", reason, _TIP)


class PictureNeeds(ChecksMaps, ChecksPackages, HasParameters, Protocol):
    """What this feature needs of the panel."""

    installer: Any

    def stopWork(self) -> None: ...


class PictureLogic:
    View = PictureView

    def __init__(self, panel: PictureNeeds, scene: Any):
        self._panel, self._scene = panel, scene
        self._folder = ""

    def whyNot(self) -> str:
        """Why no figure can be drawn now, "" if it can."""
        panel = self._panel
        return panel.cannotTest() or whyNotAgain(panel.desk.results, panel.desk.node)

    state = whyNot

    def export(self, chooseFolder: Callable) -> None:
        """Asks for a folder, and the worker for the figure; what draws it is installed first, after a yes.

        chooseFolder(former, title) -> path: asks the user; "" is no.
        """
        panel = self._panel
        if self.whyNot():
            return
        missing = panel.examine(FIGURES)
        if missing.sentence:
            panel.installer.install(missing, self._installed, panel.stopWork)
            panel.changed()
            return
        folder = chooseFolder(self._folder, _("Folder for the pictures"))
        if folder:
            self._folder = folder
            views = panel.notices.guarded(pictureOfViews)  # now: another map may be shown when the figure is drawn
            if self.whyNot():  # the event loop has run
                return
            facts = explanationFacts(panel.desk.node)
            stem = f"picture_{facts['class_name']}_{facts['layer']['name']}"
            panel.do(self._send, {"folder": folder, "stem": stem, "views": views}, self._drawn)

    def addPage(self, path: Path) -> None:
        """The page of the shown map, beside its files; nothing where its question is not known or packages lack."""
        panel = self._panel
        if not self.whyNot() and not panel.examine(PAGES).sentence:
            said = panel.notices.status
            what = {"folder": str(path.parent), "stem": path.stem, "said": said}
            panel.notices.guarded(self._send, what, self._paged, True)

    def _send(self, what: dict, answered: Callable, page: bool = False) -> None:
        panel, results = self._panel, self._panel.desk.results
        node = panel.desk.node
        volumes, question = again(results, node)
        settings = settingsOf(node)
        facts = dict(explanationFacts(node))
        if trustOf(node):
            facts["trust"] = trustOf(node)
        question |= {"map": shownMap(results, node), "facts": facts, "share": settings.share}
        question |= {"signed": settings.signed, "page": page}
        origin = results.origin(node)
        how: dict[str, Any] = {"answered": answered, "title": _("Writing the page") if page else _("Drawing")}
        how["aside"] = True
        panel.send(Job("picture", tuple(volumes.values()), what | {"origin": origin}, volumes, **how), origin.model,
                   question)  # fmt: skip

    def _drawn(self, job: Job, answer: dict) -> None:
        png = answer["files"]["figure"]
        views = partial(writePicture, picture=job.what["views"])
        files: dict[str, Callable] = {"_figure.png": partial(_put, data=png), "_views.png": views}
        written = _guarded(partial(writeTogether, job.what["folder"], job.what["stem"], files))
        names = ", ".join(path.name for path in written)
        said = _("Written: {files}.").format(files=names)
        if len(written) < len(files):
            said = _("Written: {files}. There are no views to be written.").format(files=names)
        self._panel.notices.say(said)

    def _paged(self, job: Job, answer: dict) -> None:
        files = {".html": partial(_put, data=answer["files"]["page"])}
        (path,) = _guarded(partial(writeTogether, job.what["folder"], job.what["stem"], files))
        said = _("{former} A page to be read: {file}.").format(former=job.what["said"], file=path.name)
        self._panel.notices.say(said)

    def _installed(self, succeeded: bool, sentence: str, log: str) -> None:
        panel = self._panel
        if succeeded:
            panel.notices.say(_("{done} Press Export picture again.").format(done=sentence))
        else:
            panel.notices.fail(sentence, "", log)
        panel.settle()


def _put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _guarded(write: Callable[[], tuple[Path, ...]]) -> tuple[Path, ...]:
    """Raises DiskError for what the system says."""
    try:
        return write()
    except SegHiResCamError:  # has its sentence: another Slicer is writing there
        raise
    except OSError as error:
        sentence = _("The files could not be written: is the disk full, or the folder read-only?")
        if error.strerror:
            sentence = _("The files could not be written: {reason}.").format(reason=error.strerror)
        raise DiskError(sentence, _("Choose another folder.")) from error
