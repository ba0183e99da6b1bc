"""A request with a button: its entry in the table is all that stands between a feature's job and the worker."""

from types import SimpleNamespace

import pytest

from seghirescam.protocol.requests import REQUESTS, Request
from SegHiResGradCAMLib.panel.JobRunner import JobRunner
from SegHiResGradCAMLib.worker.Job import Job


@pytest.fixture
def toy():
    """A new entry of the table, gone afterwards."""

    class Toy(Request, do="toy"):
        """Result: nothing."""

        colour: str

    yield Toy
    del REQUESTS["toy"]


def test_a_job_is_asked_by_the_name_and_the_fields_of_its_request_and_its_feature_hears_the_answer(toy):
    asked, heard = [], []
    client = SimpleNamespace(ask=lambda kind, **fields: asked.append((kind, fields)) or 7, log=[], hello=None)
    runner = JobRunner(lambda: client, lambda ms, fn: fn())
    listener = SimpleNamespace(
        onAnswer=heard.append, onProgress=lambda *words: None, onError=lambda *words: pytest.fail(str(words))
    )
    job = Job("painting it red", request="toy", aside=True)
    runner.send(job, "demo:honest", {}, {"colour": "red"}, listener)
    assert asked == [(toy, {"model": "demo:honest", "colour": "red"})] and job.number == 7
    client.onResult(7, {"done": True})
    assert heard == [{"done": True}]
