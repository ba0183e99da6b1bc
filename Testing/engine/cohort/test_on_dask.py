"""The cohort on dask.distributed: the same bytes, one loading a worker, nothing left; what its processes survive."""

import http.client
import os
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from engine.cohort_cases import cohort, left, network, patient, plan, run, small, table, tables
from seghirescam.cohort.join import join
from seghirescam.cohort.running.on_dask import Elsewhere, OnDask, SchedulerError
from seghirescam.cohort.running.run import Report
from seghirescam.protocol.errors import DependencyError

pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")


def descendants():
    return psutil.Process().children(recursive=True)


def gone(before):
    """Processes that are still there ten seconds later; Python's own tracker of resources lives as long as we do."""
    _, alive = psutil.wait_procs([one for one in descendants() if one not in before], timeout=10)
    return [one for one in alive if "resource_tracker" not in " ".join(one.cmdline())]


def test_a_scheduler_that_is_not_there_and_packages_that_are_not(tmp_path, monkeypatch):
    where = small(tmp_path, 1, 1)
    monkeypatch.setattr("seghirescam.cohort.running.on_dask._CONNECT_SECONDS", 1)
    with pytest.raises(SchedulerError, match="No scheduler answers"):
        run(where, tmp_path / "run", engine=OnDask(elsewhere=Elsewhere("tcp://127.0.0.1:9", insecure=True)))
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(DependencyError, match=r"seghirescam\[cohort\]"):
        run(where, tmp_path / "run", engine=OnDask(2))
    assert run(where, tmp_path / "run").computed == 2


def slowly(folder, cases, seconds):
    """A plan of two models whose passes take so long that every worker gets some; not where COHORT_QUICK is set, which
    the models' content does not know."""
    where = small(folder, cases, 2)
    for n in range(2):
        network(
            folder,
            f"net{n}",
            seed=n,
            forward=f"import time; time.sleep(0 if os.environ.get('COHORT_QUICK') else {seconds})",
        )
    return where


@pytest.mark.slow  # each starts processes with torch
def test_workers_give_the_same_bytes_load_each_model_once_and_leave_nothing(tmp_path):
    where = slowly(tmp_path / "plan", 6, 0.5)
    one = run(where, tmp_path / "one")
    before = descendants()
    seen = []
    several = run(where, tmp_path / "several", engine=OnDask(4), tell=lambda report: seen.append(report.finished))
    assert tables(tmp_path / "one") == tables(tmp_path / "several")
    assert (several.computed, several.passes) == (one.computed, one.passes) == (24, 12)
    assert len(several.loads) == 4 and max(several.loads.values()) <= 2
    assert seen == sorted(seen) and left(tmp_path / "several") == [] and gone(before) == []
    folders = [tmp_path / f"part{k}" for k in (1, 2, 3)]
    for k, folder in enumerate(folders, start=1):
        run(where, folder, part=(k, 3), engine=OnDask(2) if k == 3 else None)
    joined = cohort(where, tmp_path / "joined")
    joined.begin()
    assert join(joined.run, folders) == 24
    joined.write(Report())
    assert tables(tmp_path / "one") == tables(tmp_path / "joined")


@pytest.mark.slow
def test_the_embedded_cluster_listens_on_the_loopback_only_and_speaks_tls(tmp_path):
    with OnDask(1).open() as engine:
        assert engine._client.scheduler.address.startswith("tls://127.0.0.1:")
        from distributed import Scheduler

        # what dask keeps of messages and transitions, for whoever looks into it, does not grow with a cohort
        assert {one.transition_log.maxlen for one in Scheduler._instances if one.workers} == {100}
        places = {
            (place.laddr.ip, place.laddr.port)
            for one in [psutil.Process(), *descendants()]
            for place in one.net_connections()
            if place.status == psutil.CONN_LISTEN
        }
        assert places and {ip for ip, _ in places} <= {"127.0.0.1", "::1"}
        for _, port in places:  # none shows a page, or tells anything to whoever has no certificate
            for page in ("/status", "/info/main/workers.html", "/metrics", "/json/counts.json", "/health"):
                with pytest.raises((OSError, http.client.HTTPException)):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=5).read()


@pytest.mark.slow
def test_a_question_that_kills_its_process_every_time_is_a_row_and_the_others_go_on(tmp_path):
    network(tmp_path, "dies", forward="os.kill(os.getpid(), signal.SIGKILL)"), network(tmp_path, "lives")
    rows = []
    for n in range(2):
        name = patient(tmp_path, n)
        rows += [{"images": f"{name}.nii.gz", "model": "lives.model.json", "target": t} for t in ("organ", "lesion")]
    rows.append({"images": f"{name}.nii.gz", "model": "dies.model.json", "target": "lesion"})
    where = plan(tmp_path, rows)
    report = run(where, tmp_path / "run", engine=OnDask(2))
    # what a dead process had written stands, also where dask asked again for what it had told
    assert (report.finished, report.failed) == (4, 1)
    (line,) = [line for line in table(tmp_path / "run") if line["status"] == "failed"]
    assert line["error"] == "process_ended" and line["plan row"] == "5"
    assert "The process ended each of the 3 times" in line["sentence"]


@pytest.mark.slow
def test_a_scheduler_with_processes_of_its_own_by_tls(tmp_path):
    from distributed.security import Security

    where = small(tmp_path / "plan", 2, 1)
    security = Security.temporary()
    for name, text in (("cert", security.tls_client_cert), ("key", security.tls_client_key)):
        (tmp_path / f"{name}.pem").write_text(text)
    pems = {"ca": tmp_path / "cert.pem", "certificate": tmp_path / "cert.pem", "key": tmp_path / "key.pem"}
    words = ["--tls-ca-file", pems["ca"], "--tls-cert", pems["certificate"], "--tls-key", pems["key"]]
    file = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    started = [
        subprocess.Popen(
            [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--protocol", "tls", "--no-dashboard",
             "--scheduler-file", file, *words], **quiet,
        ),
        subprocess.Popen(
            [*dask, "worker", "--scheduler-file", file, "--nthreads", "1", "--nworkers", "2", "--no-dashboard",
             "--host", "127.0.0.1", "--local-directory", tmp_path, *words], **quiet,
        ),
    ]  # fmt: skip
    try:
        while not file.exists():
            time.sleep(0.1)
        address = __import__("json").loads(file.read_text())["address"]
        there = Elsewhere(address, **{name: str(path) for name, path in pems.items()})
        for _ in range(100):
            try:
                report = run(where, tmp_path / "far", engine=OnDask(elsewhere=there))
                break
            except SchedulerError as error:  # its workers are on their way
                assert "no worker" in str(error)
                time.sleep(1)
        assert report.computed == 4
        run(where, tmp_path / "here")
        assert tables(tmp_path / "far") == tables(tmp_path / "here")
    finally:
        for one in started:
            one.send_signal(signal.SIGINT)
        for one in started:
            one.wait(timeout=60)


@pytest.mark.slow  # ten runs that are killed, some minutes of one core
def test_killed_at_ten_random_moments_nothing_is_lost_and_nothing_done_twice(tmp_path, monkeypatch):
    """The run itself and single workers of four, by turns."""
    import random

    where, slow = slowly(tmp_path / "plan", 40, 1.0), dict(os.environ)
    monkeypatch.setenv("COHORT_QUICK", "1")  # here, while those that are killed take their time
    run(where, tmp_path / "whole")
    rng, out, finished = random.Random(0), tmp_path / "run", {}
    words = [sys.executable, "-m", "seghirescam", "cohort", where, "--out", out, "--evaluate", "none", "--consent"]
    for turn in range(10):
        child = subprocess.Popen(
            list(map(str, [*words, "--workers", "4"])), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=slow | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        before = len(finished)
        while child.poll() is None and len(list(out.glob("questions/*/*.json"))) <= before:
            time.sleep(0.05)
        family = psutil.Process(child.pid).children(recursive=True)
        time.sleep(rng.random() / 2)
        assert child.poll() is None
        if turn % 2:
            rng.choice([one for one in family if "multiprocessing.spawn" in " ".join(one.cmdline())]).kill()
            time.sleep(rng.random())
        child.kill()
        child.wait()
        assert psutil.wait_procs(family, timeout=30)[1] == []
        now = states(out)
        assert all(now[path] == state for path, state in finished.items())
        finished = now
    assert 10 <= len(finished) < 160
    report = run(where, out)
    assert (report.finished, report.failed, report.computed) == (160, 0, 160 - len(finished)) and left(out) == []
    now = states(out)
    assert all(now[path] == state for path, state in finished.items()) and len(now) == 160
    assert tables(out) == tables(tmp_path / "whole")


def states(out):
    """What tells that a finished question was not written again."""
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.glob("questions/*/*.json")}
