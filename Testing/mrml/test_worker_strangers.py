"""Processes that are not our worker, or do not come up: refused or given up with a reason, and never in the way."""

import sys

import pytest

import seghirescam
from seghirescam.protocol.messages import Failure, Hello, line
from seghirescam.protocol.requests import Describe, Probe


def fake(tmp_path, body):
    """An interpreter that runs ``body`` instead of the worker."""
    path = tmp_path / "fake.py"
    path.write_text(f"import json, os, sys, time\n{body}\n")
    return [sys.executable, str(path)]


def greeting(**words):
    hello = Hello(2**30, seghirescam.__version__, seghirescam.__file__, "3.12", "2.13.0", [])
    return line({"hello": hello.to_json()["hello"] | words}).decode()


@pytest.mark.parametrize(
    "words", [{"version": "0.0.1"}, {"file": "/somewhere/else/seghirescam/__init__.py"}, {"protocol": 99}]
)
def test_a_stray_copy_of_the_engine_is_refused(panels, tmp_path, words):
    panel = panels(fake(tmp_path, f"print({greeting(**words)!r}, flush=True)\ntime.sleep(600)"))
    failure = panel.until(panel.client.ask(Probe))
    assert failure.code == "worker_refused" and "pip uninstall" in failure.hint
    assert panel.hellos == [] and len(panel.lost) == 1 and panel.folders() == []


def test_garbage_is_log_and_an_endless_flood_does_not_hold_the_loop(panels, tmp_path):
    flood = "sys.stdout.write('x' * 1000 + '\\n' + '{\"id\": 1, \"resu\\n'); sys.stderr.write('y' * 1000)"
    panel = panels(fake(tmp_path, f"while True:\n    {flood}"), startSeconds=2.0)
    failure = panel.until(panel.client.ask(Probe))
    assert failure.code == "worker_start" and panel.loop.longest < 1.0
    assert len(panel.client.log) <= 400 and any(text.startswith("xxx") for text in panel.client.log)


def test_garbage_between_answers_changes_nothing(panels, tmp_path):
    body = (
        f"print('hello world'); print({greeting()!r}); print('{{}}'); print(b'\\xff\\xfe'); print('[1, 2]')\n"
        "sys.stdout.flush()\n"
        "for text in sys.stdin:\n"
        "    n = json.loads(text)['id']\n"
        '    print(\'{"id": %d, "result": {"explanations": [{}]}}\' % (n + 100))\n'
        '    print(\'{"id": %d, "resul\' % n)\n'
        "    print('{\"id\": %d, \"result\": %s}' % (n, '{}' if n == 1 else '{\"explanations\": [{}]}'), flush=True)\n"
    )
    panel = panels(fake(tmp_path, body))
    assert panel.until(panel.client.ask(Probe)) == {}
    assert panel.until(panel.client.ask(Probe)).code == "request"  # an answer that lacks its maps
    assert list(panel.results) == [1] and not panel.lost


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("sys.exit(3)", "worker_lost"), ("print('Traceback', file=sys.stderr); sys.exit(1)", "worker_lost"),
        ("time.sleep(600)", "worker_start"),
        (f"print({line(Failure(None, 'dependency', 'No PyTorch.').to_json()).decode()!r}, flush=True)", "dependency"),
    ],
)  # fmt: skip
def test_a_worker_that_does_not_come_up_ends_every_request_with_a_reason(panels, tmp_path, body, code):
    panel = panels(fake(tmp_path, body), startSeconds=1.5)
    numbers = [panel.client.ask(Probe), panel.client.ask(Describe, model="demo:honest")]
    panel.until(*numbers)
    assert {panel.errors[n].code for n in numbers} == {code} and [f.code for f in panel.lost] == [code]
    assert panel.client.state == "off" and panel.folders() == []
    if "Traceback" in body:
        assert "Traceback" in panel.client.log
