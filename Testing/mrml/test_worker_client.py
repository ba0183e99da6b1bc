"""Slicer's side of the corridor against real processes: nothing waits, nothing is left, everything ends once."""

import heapq
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import seghirescam
from engine.workers import Model, image, is_running, waited
from seghirescam import Grid, Image, PixelSet
from seghirescam.messages import Failure, Hello, line
from seghirescam.pixel_sets import WholeImage
from SegHiResGradCAMLib.WorkerClient import CONSENT_PREFIX, WorkerClient, deviceText
from SegHiResGradCAMLib.WorkerFolder import PREFIX

PATIENCE = 120.0
NAME = "Erika_Mustermann"
WHOLE = (WholeImage(),)


class Loop:
    """An event loop as Qt's, with a clock on every call."""

    def __init__(self):
        self.waiting, self.numbers, self.longest = [], itertools.count(), 0.0

    def schedule(self, ms, fn):
        heapq.heappush(self.waiting, (time.monotonic() + ms / 1000, next(self.numbers), fn))

    def run(self, condition, seconds=PATIENCE):
        """Until the condition holds; False if it did not in time."""
        until = time.monotonic() + seconds
        while not condition() and time.monotonic() < until:
            if self.waiting and self.waiting[0][0] <= time.monotonic():
                started = time.monotonic()
                try:
                    heapq.heappop(self.waiting)[2]()
                finally:
                    self.longest = max(self.longest, time.monotonic() - started)
            else:
                time.sleep(0.002)
        return condition()


class Panel:
    """Listens to a client and remembers what it was told."""

    def __init__(self, folder, python=None, **options):
        folder.mkdir(exist_ok=True)
        self.folder, self.loop = folder, Loop()
        options.setdefault("environment", {"OMP_NUM_THREADS": "1"})
        self.client = WorkerClient(self.loop.schedule, python, temporaryFolder=str(folder), **options)
        self.hellos, self.progress, self.results, self.errors, self.lost = [], [], {}, {}, []
        self.client.onHello = self.hellos.append
        self.client.onProgress = lambda *said: self.progress.append(said)
        self.client.onResult = lambda number, result: self._once(self.results, number, result)
        self.client.onError = lambda number, failure: self._once(self.errors, number, failure)
        self.client.onLost = self.lost.append

    def _once(self, store, number, value):
        assert number not in self.results and number not in self.errors, "a request ended twice"
        store[number] = value

    def until(self, *numbers):
        """Runs the loop until these requests have ended; the result or failure of the last."""
        ended = {**self.results, **self.errors}
        assert self.loop.run(lambda: {*numbers} <= {*self.results, *self.errors}), (ended, list(self.client.log))
        return self.results.get(numbers[-1], self.errors.get(numbers[-1]))

    def ask(self, model, picture=None, pixelSets=WHOLE, **words):
        self.client.giveConsent(model.sha256)
        words = {"class_index": 1, "layers": ["enc1"], "codeHash": model.sha256} | words
        return self.client.explain(model.source, picture if picture is not None else image(), pixelSets, **words)

    def folders(self):
        return [path.name for path in self.folder.iterdir()]


@pytest.fixture
def panels(tmp_path):
    """Makes panels that are closed at the end, each with nothing left behind."""
    made = []

    def make(python=None, **options):
        made.append(Panel(tmp_path / f"temporary {len(made)}", python, **options))
        return made[-1]

    threads = threading.active_count()
    yield make
    for panel in made:
        pid = panel.client.hello.pid if panel.client.hello else None
        panel.client.close()
        assert panel.client.state == "off" and panel.folders() == []
        assert pid is None or waited(lambda pid=pid: not is_running(pid))
    assert threading.active_count() == threads


@pytest.fixture
def model(tmp_path):
    return Model(tmp_path / "model")


@pytest.fixture
def launcher(tmp_path):
    """As PythonSlicer: spawns the interpreter, waits for it and returns its code. (words to start it, both pids)"""
    path, pids = tmp_path / "launcher.py", tmp_path / "pids"
    path.write_text(
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, *sys.argv[1:]])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "sys.exit(child.wait())\n"
    )
    return [sys.executable, str(path)], lambda: [int(word) for word in pids.read_text().split()]


def test_a_question_through_a_real_worker_and_a_second_one_without_a_forward_call(panels, model):
    panel = panels()
    picture = image(12)
    pixels = PixelSet(np.random.default_rng(1).random((12, 12, 12)) < 0.3, picture.grid, "segment 'tumour'")
    assert panel.client.state == "off"
    number = panel.ask(model, picture, [pixels], layers=["enc1", "dec0"])
    assert panel.client.state == "starting"
    first = panel.until(number)
    (hello,) = panel.hellos
    assert hello.pid != os.getpid() and hello.version == seghirescam.__version__ and panel.client.hello is hello
    assert [(e.layer.name, e.pixel_set_label) for e in first["explanations"]] == [
        ("enc1", "segment 'tumour'"), ("dec0", "segment 'tumour'"),
    ]  # fmt: skip
    assert all(e.map.dtype == np.float32 and e.map.any() for e in first["explanations"])
    assert {"enc0", "enc1", "dec0", "head"} <= {layer.name for layer in first["layers"]}
    assert first["session"]["forward_calls_now"] == 1 and panel.client.state == "ready"
    fractions = [f for n, f, _ in panel.progress if n == number]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0 and panel.progress[0][0] is None
    (folder,) = panel.folder.iterdir()
    files = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert list(files) == ["image_1.npy"] and folder.name.startswith(PREFIX)
    assert sys.platform == "win32" or folder.stat().st_mode & 0o077 == 0
    calls = model.calls()
    again = panel.until(panel.ask(model, picture, WHOLE, class_index=0, layers=["dec0"]))
    assert again["session"]["forward_calls_now"] == 0 and model.calls() == calls
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == files  # written once
    layers = panel.until(panel.client.layers(model.source, picture, codeHash=model.sha256))["layers"]
    assert layers == first["layers"]
    assert panel.until(panel.client.probe())["recorded"]
    assert panel.until(panel.client.release()) == {} and panel.until(panel.client.probe())["recorded"] == []
    assert panel.loop.longest < 1.0 and not panel.lost and not panel.errors


def test_the_event_loop_is_never_held_while_a_large_image_is_written_and_computed(panels, tmp_path):
    panel = panels()
    big = Image(np.zeros((96, 512, 512), np.float32), Grid.from_spacing((96, 512, 512)))  # 96 MiB
    slow = Model(tmp_path / "slow", seconds=0.2)
    panel.until(panel.client.describe(slow.source))
    panel.loop.longest = 0.0
    number = panel.client.layers(slow.source, big, codeHash="0" * 64)
    assert panel.until(number).code == "consent"  # after the image has been written
    panel.until(panel.ask(slow))
    assert panel.loop.longest < 1.0


def test_consent_is_sent_only_if_it_is_on_record_for_this_content(panels, model, tmp_path):
    settings = {}
    panel = panels(settings=settings)
    told = panel.until(panel.client.describe(model.source))
    assert told["consent_sha256"] == model.sha256 and not panel.client.hasConsent(model.sha256)
    words = {"class_index": 1, "codeHash": model.sha256}
    failure = panel.until(panel.client.explain(model.source, image(), [WholeImage()], **words))
    assert failure.code == "consent" and failure.numbers == {"sha256": model.sha256} and model.calls() == 0
    panel.client.giveConsent(model.sha256)
    assert settings == {CONSENT_PREFIX + model.sha256: "yes"}
    assert panel.until(panel.client.explain(model.source, image(), [WholeImage()], **words))["explanations"]
    path = Path(model.source["factory"])
    path.write_text("# another\n" + path.read_text())
    assert panel.until(panel.client.explain(model.source, image(), [WholeImage()], **words)).code == "consent"
    assert not panel.client.hasConsent("")


def test_unknown_options_and_unsendable_pixel_sets_are_refused(panels, model):
    panel = panels()
    with pytest.raises(TypeError, match="unknown options: colour"):
        panel.client.explain(model.source, image(), [WholeImage()], class_index=1, colour="red")
    assert panel.until(panel.ask(model, pixelSets=["segment"])).code == "pixel_set"
    assert panel.until(panel.ask(model, layers=["nowhere"])).code == "layer"
    assert panel.until(panel.ask(model))["explanations"]


def test_cancel_is_polite_first_and_the_worker_stays(panels, tmp_path):
    panel = panels(cancelSeconds=60)
    slow = Model(tmp_path / "slow", seconds=0.5)
    panel.until(panel.client.describe(slow.source))
    pid = panel.client.hello.pid
    number, waiting = panel.ask(slow), panel.ask(slow)
    assert panel.loop.run(lambda: any(n == number for n, _, _ in panel.progress))
    panel.client.cancel()
    assert panel.client.state == "cancelling"
    panel.until(number, waiting)
    assert [panel.errors[n].code for n in (number, waiting)] == ["cancelled"] * 2
    assert panel.until(panel.client.probe()) and panel.client.hello.pid == pid and not panel.lost


def test_a_request_that_has_not_been_sent_is_cancelled_without_starting_anything(panels, model):
    panel = panels()
    number = panel.ask(model)
    panel.client.cancel(number)
    assert panel.until(number).code == "cancelled"
    assert panel.client.state == "off" and panel.hellos == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX process groups; Windows uses taskkill /T")
def test_cancel_ends_the_whole_tree_behind_a_launcher_and_the_next_request_starts_anew(
    panels, launcher, tmp_path, model
):
    panel = panels(launcher[0], cancelSeconds=0.5)
    long = Model(tmp_path / "long", long=600.0)
    number = panel.ask(long)
    assert panel.loop.run(long.inside.exists)
    pids = launcher[1]()
    assert panel.client.hello.pid == pids[1] and all(map(is_running, pids))
    other = panel.client.probe()  # waits behind the long one; it goes to the next worker
    panel.client.cancel(number)
    started = time.monotonic()
    assert panel.until(number).code == "cancelled"
    assert time.monotonic() - started < 10
    assert waited(lambda: not any(map(is_running, pids))), "the computation goes on"
    assert panel.until(other)["devices"] and panel.client.hello.pid not in pids
    assert panel.until(panel.ask(model))["explanations"] and not panel.lost
    assert len(panel.folders()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("victim", ["worker", "launcher", "both"])
def test_a_killed_worker_is_told_once_and_leaves_nothing(panels, launcher, tmp_path, model, victim):
    panel = panels(launcher[0])
    long = Model(tmp_path / "long", long=600.0)
    number, other = panel.ask(long), panel.client.probe()
    assert panel.loop.run(long.inside.exists)
    pids = launcher[1]()
    for pid in {"worker": pids[1:], "launcher": pids[:1], "both": pids}[victim]:
        os.kill(pid, signal.SIGKILL)
    panel.until(number, other)
    assert {panel.errors[n].code for n in (number, other)} == {"worker_lost"} and len(panel.lost) == 1
    assert panel.lost[0].hint and "Traceback" not in str(panel.lost[0])
    assert waited(lambda: not any(map(is_running, pids))) and panel.folders() == []
    assert panel.until(panel.ask(model))["explanations"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_worker_that_the_system_killed_says_that_memory_may_be_short(panels, tmp_path):
    panel = panels()
    long = Model(tmp_path / "long", long=600.0)
    number = panel.ask(long)
    assert panel.loop.run(long.inside.exists)
    os.kill(panel.client.hello.pid, signal.SIGKILL)
    failure = panel.until(number)
    assert "for want of memory" in failure.sentence and failure.numbers == {"exit_code": -9}


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
    failure = panel.until(panel.client.probe())
    assert failure.code == "worker_refused" and "pip uninstall" in failure.hint
    assert panel.hellos == [] and len(panel.lost) == 1 and panel.folders() == []


def test_garbage_is_log_and_an_endless_flood_does_not_hold_the_loop(panels, tmp_path):
    flood = "sys.stdout.write('x' * 1000 + '\\n' + '{\"id\": 1, \"resu\\n'); sys.stderr.write('y' * 1000)"
    panel = panels(fake(tmp_path, f"while True:\n    {flood}"), startSeconds=2.0)
    failure = panel.until(panel.client.probe())
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
    assert panel.until(panel.client.probe()) == {}
    assert panel.until(panel.client.probe()).code == "request"  # an answer that lacks its maps
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
    numbers = [panel.client.probe(), panel.client.describe("demo:honest")]
    panel.until(*numbers)
    assert {panel.errors[n].code for n in numbers} == {code} and [f.code for f in panel.lost] == [code]
    assert panel.client.state == "off" and panel.folders() == []
    if "Traceback" in body:
        assert "Traceback" in panel.client.log


def test_what_cannot_be_started_or_written_is_an_error_and_the_client_stays_usable(panels, model, tmp_path):
    panel = panels(str(tmp_path / "no such python"))
    assert panel.until(panel.client.probe()).code == "worker_start" and panel.folders() == []
    panel = panels()
    panel.until(panel.client.probe())
    (folder,) = panel.folder.iterdir()
    folder.rename(tmp_path / "moved")  # the folder for temporary files is gone
    failure = panel.until(panel.ask(model))
    assert failure.code == "disk" and failure.sentence == "The arrays could not be written: No such file or directory."
    (tmp_path / "moved").rename(folder)
    assert panel.until(panel.ask(model))["explanations"]


def test_close_is_silent_also_from_a_callback_and_a_callback_that_raises_stops_nothing(panels, model):
    panel = panels()
    number = panel.ask(model)
    panel.client.onHello = lambda hello: panel.client.close()
    assert panel.loop.run(lambda: panel.client.state == "off" and not panel.loop.waiting)
    assert number not in panel.results and number not in panel.errors and panel.folders() == []
    panel.client.onHello = lambda hello: 1 / 0
    number = panel.ask(model)
    with pytest.raises(ZeroDivisionError):
        panel.until(number)
    assert panel.until(number)["explanations"]


def test_a_planted_name_travels_in_no_message_and_no_file_name(panels, tmp_path):
    panel = panels()
    model = Model(tmp_path / NAME / "model")
    picture = image()
    pixels = PixelSet(np.ones((8, 8, 8)), picture.grid, "segment 'tumour'")
    result = panel.until(panel.ask(model, picture, [pixels]))
    facts = [explanation.to_json() for explanation in result["explanations"]]
    (folder,) = panel.folder.iterdir()
    names = [path.name for path in folder.iterdir()]
    Path(model.source["weights"]).unlink()
    failure = panel.until(panel.ask(model, picture, [pixels]))
    assert failure.code == "model"
    for said in (facts, result["session"], names, failure, panel.progress, list(panel.client.log)):
        assert NAME not in str(said), said


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_when_slicer_dies_the_worker_and_its_folder_go_too(tmp_path):
    (tmp_path / "t").mkdir()
    script = f"""
import sys, time
sys.path[:0] = {[str(Path(seghirescam.__file__).parents[1]), str(Path(__file__).parents[1])]!r}
import types
package = types.ModuleType("SegHiResGradCAMLib")  # without the MRML side
package.__path__ = [sys.path[0] + "/SegHiResGradCAMLib"]
sys.modules["SegHiResGradCAMLib"] = package
from SegHiResGradCAMLib.WorkerClient import WorkerClient
calls = []
client = WorkerClient(lambda ms, fn: calls.append(fn), temporaryFolder={str(tmp_path / "t")!r})
client.onHello = lambda hello: print(hello.pid, flush=True)
client.probe()
while True:
    calls.pop(0)() if calls else None
    time.sleep(0.01)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    pid = int(process.stdout.readline())
    assert is_running(pid) and list((tmp_path / "t").iterdir())
    process.kill()
    process.wait()
    process.stdout.close()
    assert waited(lambda: not is_running(pid)) and waited(lambda: not list((tmp_path / "t").iterdir()))


def test_the_line_for_the_panel():
    cpu = {"device": "cpu", "type": "cpu", "name": "x", "total_bytes": 1, "free_bytes": 1}
    gpu = cpu | {"device": "cuda:0", "type": "cuda", "name": "NVIDIA RTX 4090", "total_bytes": 24 * 2**30}
    assert deviceText(Hello(1, "", "", "", "2.13.0+cpu", [cpu])) == "PyTorch 2.13 - CPU only: slow"
    assert deviceText(Hello(1, "", "", "", "2.13.0", [gpu, cpu])) == "PyTorch 2.13 - CUDA (NVIDIA RTX 4090, 24 GiB)"
