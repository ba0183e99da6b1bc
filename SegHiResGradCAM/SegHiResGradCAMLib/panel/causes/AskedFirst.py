"""A long question about a map: the worker says what it takes, the user is asked, then it is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ...setup.Translation import _
from ...worker.Job import Job
from ..Needs import ChecksMaps
from ..results.RepeatedQuestion import again, layerOf, whyNotAgain


class AskedFirstNeeds(ChecksMaps, Protocol):
    """What such a question needs of the panel."""

    entered: bool

    def ask(self, question: str) -> bool: ...


class AskedFirst:
    """words: ``words() -> dict`` of what the question says beside the map's own; may raise.  whyNot: why it cannot be
    asked now, "" if it can.  title: what runs, in words.  answered(job, answer): hears the answer."""

    def __init__(
        self,
        panel: AskedFirstNeeds,
        request: str,
        title: str,
        words: Callable[[], dict],
        whyNot: Callable[[], str],
        answered: Callable[[Job, dict], object],
    ):
        self._panel, self._request, self._title = panel, request, title
        self._words, self._whyNot, self._answered = words, whyNot, answered

    def ask(self) -> None:
        """One click."""
        if not self._whyNot():
            self._panel.do(
                self._send,
                f"{self._request}_cost",
                self._costKnown,
                _("{title}: what it takes").format(title=self._title),
            )

    def _costKnown(self, job: Job, answer: dict) -> None:
        panel = self._panel
        node = panel.desk.results.nodeOf(job.what["origin"])
        if node is None:  # removed meanwhile
            return
        if not panel.entered:  # no question pops up over another module
            panel.notices.say(
                _("{title}: not started, because you had left the module. Ask again.").format(title=self._title)
            )
        elif panel.ask(
            _("{title} takes {text}. It can be cancelled. Start it?").format(title=self._title, text=answer["text"])
        ):
            self._start(job)
        else:
            panel.notices.say(_("{title}: not started.").format(title=self._title))

    def _start(self, job: Job) -> None:
        """The user's yes may have come late: the question must still hold."""
        panel = self._panel
        node = panel.desk.results.nodeOf(job.what["origin"])
        why = whyNotAgain(panel.desk.results, node) or self._whyNot()
        if not why and (node is not panel.desk.node or layerOf(node) != job.what["layer"]):
            why = _("Another map is shown now.")
        if why:
            panel.notices.say(_("{title}: not started. {why}").format(title=self._title, why=why))
        else:
            self._send(self._request, self._answered, self._title)

    def _send(self, request: str, answered: Callable, title: str) -> None:
        panel, results = self._panel, self._panel.desk.results
        node = panel.desk.node
        volumes, question = again(results, node)
        what = {"origin": results.origin(node), "layer": layerOf(node)}
        how: dict[str, Any] = {"request": request, "answered": answered, "title": title, "aside": True}
        job = Job(request, tuple(volumes.values()), what, volumes, **how)
        panel.send(job, what["origin"].model, question | self._words())
