"""No line makes the worker deaf, and it never outlives its stdin: neither while it computes nor after bad lines."""

import io
import json
import threading

import pytest

from engine.workers import Model, Running, image, is_running, waited
from seghirescam.worker import server as worker_file
from seghirescam.worker.server import Worker

REFUSED = {
    "no JSON": b"hello\n",
    "nothing": b"\n",
    "no text": b"\xff\xfe{}\n",
    "half a letter": b'{"id": 1, "do": "probe\xc3"}\n',
    "a list": b"[1, 2]\n",
    "a number": b"5\n",
    "null": b"null\n",
    "a word": b'"id"\n',
    "infinite": b'{"id": Infinity, "do": "probe"}\n',
    "no number": b'{"id": NaN, "do": "probe"}\n',
    "huge": b'{"id": 1e999, "do": "probe"}\n',
    "digits": b'{"id": ' + b"9" * 5000 + b', "do": "probe"}\n',
    "true": b'{"id": true, "do": "probe"}\n',
    "without id": b'{"do": "probe"}\n',
    "brackets": b"[" * 200_000 + b"\n",
    "objects": b'{"id":' * 200_000 + b"\n",
    "too long": b'{"id": 7, "do": "probe", "x": "' + b"x" * 100_000_000 + b'"}\n',
}
#: the request's number is known, so the answer names it
NUMBERED = {
    "cancel nothing": b'{"id": 7, "do": "cancel", "target": null}\n',
    "cancel nobody": b'{"id": 7, "do": "cancel"}\n',
    "cancel infinity": b'{"id": 7, "do": "cancel", "target": 1e999}\n',
    "do a list": b'{"id": 7, "do": ["probe"]}\n',
    "do nothing": b'{"id": 7}\n',
    "do much": b'{"id": 7, "do": "' + b"x" * 1000 + b'"}\n',
}
#: understood, and answered by the job: it cannot be done
ANSWERED = {
    "unknown": b'{"id": 7, "do": "dance"}\n',
    "half a pair": b'{"id": 7, "do": "describe", "model": "/tmp/\\ud800.ts"}\n',
    "a zero": b'{"id": 7, "do": "describe", "model": "a\\u0000b"}\n',
    "a long name": b'{"id": 7, "do": "describe", "model": "' + b"x" * 300 + b'.ts"}\n',
    "a number": b'{"id": 7, "do": "describe", "model": 5}\n',
    "without model": b'{"id": 7, "do": "describe"}\n',
}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    started = Running(tmp_path_factory.mktemp("bad") / "seghirescam-worker-test")
    started.hello()
    yield started
    started.end()


@pytest.mark.parametrize("lines", [REFUSED, NUMBERED, ANSWERED], ids=["refused", "numbered", "answered"])
def test_every_bad_line_gets_an_error_and_the_worker_goes_on(running, lines):
    for what, line in lines.items():
        running.write(line)
        event = running.next()
        while "progress" in event:
            event = running.next()
        assert event["error"]["sentence"] and event["id"] == (None if lines is REFUSED else 7), what
        assert event["error"]["code"] in ("request", "model"), (what, event)
        assert len(json.dumps(event)) < 2000, what
    assert "devices" in running.ask("probe")


def test_a_worker_that_computes_ends_with_its_stdin_also_after_bad_lines(tmp_path):
    started = Running(tmp_path / "seghirescam-worker-end")
    started.hello()
    model = Model(tmp_path / "model", long=60.0)
    started.explain(model, image())
    assert waited(model.inside.exists)
    for line in (REFUSED["infinite"], NUMBERED["cancel nothing"], REFUSED["brackets"]):
        started.write(line)
    started.process.stdin.close()
    assert waited(lambda: not is_running(started.process.pid), 10)
    assert started.process.wait(10) == 0 and not started.folder.exists()


@pytest.mark.parametrize("fault", [RuntimeError, MemoryError, SystemExit])
def test_a_listener_that_fails_itself_ends_the_process(tmp_path, monkeypatch, fault):
    ended = threading.Event()
    monkeypatch.setattr(worker_file.os, "_exit", lambda code: ended.set())

    class Broken(io.BytesIO):
        def readline(self, *size):
            raise fault

    started = Worker(io.BytesIO(), tmp_path / "seghirescam-worker-x")
    with pytest.raises(fault):
        started.listen(Broken())
    assert ended.is_set()


def test_an_unforeseen_fault_in_hearing_one_line_is_answered(tmp_path, monkeypatch):
    out, heard = io.BytesIO(), []
    monkeypatch.setattr(worker_file.os, "_exit", lambda code: heard.append("end"))
    started = Worker(out, tmp_path / "seghirescam-worker-x")
    once = [ZeroDivisionError]
    monkeypatch.setattr(started, "_hear", lambda text: heard.append(1 / (not once.pop()) if once else text))
    started.listen(io.BytesIO(b"one\ntwo\n"))
    assert heard == [b"two\n", "end"] and json.loads(out.getvalue())["error"]["code"] == "request"
