"""A panel whose engine answers at once."""

from __future__ import annotations

from mrml.asking import DESCRIPTION, RecordingEngine, answer


class Answering(RecordingEngine):
    """An engine that answers at once, so that ten rounds take seconds."""

    def __init__(self, panel, case):
        super().__init__()
        self._panel, self._case = panel, case

    def send(self, job, source, volumes=None, question=None, listener=None):
        super().send(job, source, volumes, question, listener)
        told = DESCRIPTION if job.purpose == "describe" else answer(self._case, "encoder.1", "encoder.2")
        self._panel.widget.later(0, lambda: (listener or self._panel.presenter).onAnswer(told))
