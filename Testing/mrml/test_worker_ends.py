"""Requests that are cancelled and workers that die: told once, the whole process tree ended, nothing left."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import seghirescam
from engine.workers import Model, cancelled_in_time, image, is_running, waited
from seghirescam import Grid
from seghirescam.models import recognise
from seghirescam.protocol.requests import Describe, Probe, Resample
from SegHiResGradCAMLib.worker import WorkerClient
from SegHiResGradCAMLib.worker.WorkerFolder import WorkerFolder
from SegHiResGradCAMLib.worker.WorkerLink import WorkerLink


def test_cancel_is_polite_first_and_the_worker_stays(panels, tmp_path):
    panel = panels(cancelSeconds=60)
    slow = Model(tmp_path / "slow", seconds=0.5)
    panel.until(panel.client.ask(Describe, model=slow.source))
    pid = panel.client.hello.pid
    number, waiting = panel.ask(slow), panel.ask(slow)
    assert panel.loop.run(lambda: any(n == number for n, _, _ in panel.progress))
    panel.client.cancel()
    assert panel.client.state == "cancelling"
    panel.until(number, waiting)
    assert [panel.errors[n].code for n in (number, waiting)] == ["cancelled"] * 2
    assert panel.until(panel.client.ask(Probe)) and panel.client.hello.pid == pid and not panel.lost


def test_a_patient_cancel_never_ends_the_process_and_the_next_request_comes_through(panels, tmp_path):
    panel = panels(cancelSeconds=0.0)  # whoever is not patient ends the process at once
    slow = Model(tmp_path / "slow", seconds=0.3)
    panel.until(panel.client.ask(Describe, model=slow.source))
    pid = panel.client.hello.pid
    number = panel.ask(slow)
    assert panel.loop.run(lambda: any(n == number for n, _, _ in panel.progress))
    panel.client.cancel(number, patient=True)
    waiting = panel.ask(slow)
    assert panel.until(number, waiting)["explanations"] and panel.errors[number].code == "cancelled"
    assert panel.client.hello.pid == pid and not panel.lost


def test_what_was_cancelled_patiently_ends_with_the_worker_that_another_cancel_ends(panels, tmp_path, monkeypatch):
    links = []
    monkeypatch.setattr(WorkerClient, "WorkerLink", lambda *words: links.append(WorkerLink(*words)) or links[-1])
    panel = panels(cancelSeconds=0.0)
    slow = Model(tmp_path / "slow", seconds=3.0)  # says nothing for longer than anybody waits
    panel.until(panel.client.ask(Describe, model=slow.source))
    first = panel.ask(slow)
    assert panel.loop.run(lambda: any(n == first for n, _, _ in panel.progress))
    panel.client.cancel(first, patient=True)
    second = panel.ask(slow)
    assert panel.loop.run(lambda: panel.client._requests[second].isWorkersTurn)
    panel.client.cancel()
    panel.until(first, second)
    assert [panel.errors[n].code for n in (first, second)] == ["cancelled"] * 2
    assert panel.client.state == "off" and not panel.client._requests and len(links) == 1
    panel.loop.run(lambda: False, seconds=0.3)  # nothing starts a worker for nobody
    assert panel.client.state == "off" and len(links) == 1 and not panel.lost


def test_a_request_that_has_not_been_sent_is_cancelled_without_starting_anything(panels, model):
    panel = panels()
    number = panel.ask(model)
    panel.client.cancel(number)
    assert panel.until(number).code == "cancelled"
    assert panel.client.state == "off" and panel.hellos == []


def large(panel):
    """A map of 64 MB on its way to the panel: the number of the request, its answer heard but not yet read."""
    source = image(8)
    explanation = panel.until(panel.ask(Model(panel.folder.parent / "small"), source))["explanations"][0]
    number = panel.client.ask(
        Resample,
        map=(explanation.map, explanation.grid),
        unit=explanation.unit,
        target=Grid.from_spacing((256, 256, 256), (0.1, 0.1, 0.1)),
    )
    request = panel.client._requests[number]
    assert panel.loop.run(lambda: request.answer is not None and request.steps is not None)
    return number


def test_a_request_whose_answer_is_being_read_is_cancelled_at_once_and_its_files_go(panels):
    panel = panels(cancelSeconds=60)
    number = large(panel)
    pid = panel.client.hello.pid
    panel.client.cancel(number)
    assert panel.until(number).code == "cancelled"
    (folder,) = panel.folder.iterdir()
    assert not [path.name for path in folder.iterdir() if path.name.startswith("map_")]
    assert panel.until(panel.client.ask(Probe)) and panel.client.hello.pid == pid and not panel.lost


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_worker_that_dies_while_its_answer_is_read_is_told_and_leaves_nothing(panels):
    panel = panels()
    number = large(panel)
    os.kill(panel.client.hello.pid, signal.SIGKILL)
    ended = panel.until(number)
    # either all of it had been read by then, or nothing comes
    assert getattr(ended, "code", "") == "worker_lost" or ended["shown"].voxels.array.shape == (256, 256, 256)
    assert panel.loop.run(lambda: panel.client.state == "off") and panel.folders() == []
    assert panel.until(panel.client.ask(Probe))


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX process groups; Windows uses taskkill /T")
def test_cancel_ends_the_whole_tree_behind_a_launcher_and_the_next_request_starts_anew(
    panels, launcher, tmp_path, model
):
    panel = panels(launcher[0])  # with the time that users have
    long = Model(tmp_path / "long", long=600.0)

    def attempt():
        long.inside.unlink(missing_ok=True)
        number = panel.ask(long)
        assert panel.loop.run(long.inside.exists)
        pids = launcher[1]()
        assert panel.client.hello.pid == pids[1] and all(map(is_running, pids))
        other = panel.client.ask(Probe)  # waits behind the long one; it goes to the next worker
        panel.client.cancel(number)
        started = time.monotonic()
        assert panel.until(number).code == "cancelled"
        assert waited(lambda: not any(map(is_running, pids))), "the computation goes on"
        seconds = time.monotonic() - started
        assert panel.until(other)["devices"] and panel.client.hello.pid not in pids
        return seconds

    assert cancelled_in_time(attempt)
    assert panel.until(panel.ask(model))["explanations"] and not panel.lost
    assert len(panel.folders()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("victim", ["worker", "launcher", "both"])
def test_a_killed_worker_is_told_once_and_leaves_nothing(panels, launcher, tmp_path, model, victim):
    panel = panels(launcher[0])
    long = Model(tmp_path / "long", long=600.0)
    number, other = panel.ask(long), panel.client.ask(Probe)
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


def test_what_cannot_be_started_or_written_is_an_error_and_the_client_stays_usable(panels, model, tmp_path):
    panel = panels(str(tmp_path / "no such python"))
    assert panel.until(panel.client.ask(Probe)).code == "worker_start" and panel.folders() == []
    panel = panels()
    panel.until(panel.client.ask(Probe))
    (folder,) = panel.folder.iterdir()
    folder.rename(tmp_path / "moved")
    folder.write_text("no folder", encoding="utf-8")
    failure = panel.until(panel.ask(model))
    assert failure.code == "disk" and failure.sentence == "The arrays could not be written: File exists."
    folder.unlink()
    (tmp_path / "moved").rename(folder)
    assert panel.until(panel.ask(model))["explanations"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no folder that is in use")
@pytest.mark.parametrize("what", ["folder", "files"])
def test_a_private_folder_that_is_cleaned_under_a_running_client_is_made_anew(panels, model, what):
    panel, source = panels(), image(8)
    assert panel.until(panel.ask(model, source))["explanations"]
    pid, (folder,) = panel.client.hello.pid, panel.folder.iterdir()
    for _ in range(2):
        if what == "folder":
            shutil.rmtree(folder)
        else:
            for path in folder.iterdir():
                path.unlink()
        answer = panel.until(panel.ask(model, source))
        assert answer["explanations"][0].map.shape, answer
        assert panel.client.hello.pid == pid and not panel.lost and folder.stat().st_mode & 0o777 == 0o700
        WorkerFolder(str(panel.folder)).remove()  # another client's sweep: it is held again
        assert folder.is_dir()


def test_the_next_client_removes_the_folder_of_a_killed_one_and_no_living_one_s(tmp_path):
    code = (
        "import sys, time; from seghirescam.protocol.writing.private_folders import PrivateFolder\n"
        "folder = PrivateFolder('seghirescam-worker-', sys.argv[1]); (folder.path / 'image_1.npy').touch()\n"
        "print(folder.path.name, flush=True); time.sleep(600)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(seghirescam.__file__).parents[1])}
    words = [sys.executable, "-c", code, str(tmp_path)]
    dead, living = (
        subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path) for _ in range(2)
    )
    names = [child.stdout.readline().strip() for child in (dead, living)]
    (tmp_path / "seghirescam-worker-of-an-earlier-version").mkdir()
    dead.kill()
    dead.wait()
    folder = WorkerFolder(str(tmp_path))
    kept = {"seghirescam-worker-of-an-earlier-version", names[1], folder.path.name}
    assert {path.name for path in tmp_path.iterdir()} == kept
    folder.remove()
    living.kill()
    living.wait()
    for child in (dead, living):
        child.stdout.close()


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
from SegHiResGradCAMLib.worker.WorkerClient import WorkerClient
from seghirescam.protocol.requests import Probe
calls = []
client = WorkerClient(lambda ms, fn: calls.append(fn), temporaryFolder={str(tmp_path / "t")!r})
client.onHello = lambda hello: print(hello.pid, flush=True)
client.ask(Probe)
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


def test_after_a_lost_gpu_the_next_process_takes_what_waits(panels, tmp_path, model):
    panel = panels()
    losing = Model(tmp_path / "losing", raises=1)
    file = Path(losing.source["factory"])
    lost = 'raise RuntimeError("CUDA error: an illegal memory access was encountered")'
    file.write_text(
        file.read_text(encoding="utf-8").replace('raise SystemExit("the author leaves")', lost), encoding="utf-8"
    )
    losing.sha256 = recognise(losing.source).consent_hash(losing.source)
    number, other = panel.ask(losing), panel.ask(model)
    failure = panel.until(number)
    assert failure.code == "device_lost" and "cannot use it again" in failure.sentence and failure.hint
    assert panel.until(other)["explanations"] and len(panel.hellos) == 2
    assert [one.code for one in panel.lost] == ["device_lost"] and len(panel.folders()) == 1
