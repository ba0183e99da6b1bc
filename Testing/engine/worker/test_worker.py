"""The worker as a process: what it says, what it keeps, and how it ends."""

import json
import os
import sys
import time

import numpy as np
import pytest
import torch

import seghirescam
from engine.workers import PATIENCE, Model, Running, cancelled_in_time, image, is_running, waited
from seghirescam import PixelSet, PlainModel
from seghirescam.protocol.arrays import read_array, write_array
from seghirescam.protocol.messages import explanation_from_json, layer_from_json, recipe_to_json
from seghirescam.protocol.recipes import Component, PredictedClass, WholeImage
from seghirescam.session.explain import explain, list_layers

NAME = "Erika_Mustermann"


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("shared") / "seghirescam-worker-test")
    running.greeting = running.hello()
    yield running
    running.end()


@pytest.fixture
def model(tmp_path):
    return Model(tmp_path / "model")


def test_the_first_lines_are_a_sign_of_life_and_a_greeting(worker):
    assert worker.events[0] == {"id": None, "progress": 0.0, "phase": "starting PyTorch"}
    hello = worker.greeting
    assert hello["pid"] == worker.process.pid and hello["version"] == seghirescam.__version__
    assert os.path.samefile(hello["file"], seghirescam.__file__) and hello["torch"] == torch.__version__
    assert hello["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}") and hello["protocol"] == 3
    cpu = hello["devices"][-1]
    assert cpu["device"] == cpu["type"] == "cpu" and 0 < cpu["free_bytes"] <= cpu["total_bytes"]


def test_describing_a_model_runs_nothing_of_it(worker, model):
    before = model.calls()
    told = worker.ask("describe", model=model.source)
    assert told["kind"] == "factory" and told["channels"] == ["image"]
    assert told["classes"] == [{"index": 0, "name": "rest"}, {"index": 1, "name": "lesion"}]
    assert told["consent_sha256"] == model.sha256 and "runs the Python file 'net.py'" in told["runs_author_code"]
    demo = worker.ask("describe", model="demo:honest")
    assert demo["kind"] == "demo" and demo["consent_sha256"] == demo["runs_author_code"] == "" and not demo["missing"]
    refused = worker.until(worker.explain(model, image(), consent_sha256="0" * 64))
    assert refused["code"] == "consent" and refused["numbers"] == {"sha256": model.sha256}
    assert "Nothing was run" in refused["hint"] and model.calls() == before
    source = model.source | {"requirements": ["no-such-library-xyz>=1", "packaging"]}
    told = worker.ask("describe", model=source)
    assert told["requirements"] == ["no-such-library-xyz>=1", "packaging"] and told["missing"] == [
        "no-such-library-xyz>=1"
    ]


def test_layers_and_maps_come_back_as_the_engine_makes_them(worker, model):
    plain = PlainModel(model.network, ["rest", "lesion"], name=f"network {model.sha256[:8]}")
    picture = image()
    name = write_array(worker.folder, "layers_image.npy", picture.array)
    told = worker.ask(
        "layers", model=model.source, consent_sha256=model.sha256,
        image={"array": name, "grid": picture.grid.to_json()},
    )  # fmt: skip
    assert [layer_from_json(layer) for layer in told["layers"]] == list_layers(plain, picture)
    pixels = PixelSet(np.random.default_rng(1).random((8, 8, 8)) < 0.3, picture.grid, "segment 'tumour'")
    wanted = [pixels, Component(PredictedClass()), WholeImage()]
    sent = [recipe_to_json(w, lambda a, n=n: write_array(worker.folder, f"p{n}.npy", a)) for n, w in enumerate(wanted)]
    question = {"class_index": 1, "layers": ["enc1", "dec0"], "methods": ["seg_hires_grad_cam", "seg_grad_cam"]}
    progress = []
    number = worker.explain(model, picture, sent, **question)
    result = worker.until(number, progress=lambda event: progress.append((event["progress"], event["phase"])))
    expected = explain(plain, picture, wanted, **question)
    assert len(result["explanations"]) == len(expected) == 12
    for data, truth in zip(result["explanations"], expected, strict=True):
        found = explanation_from_json(data, lambda array: read_array(worker.folder, array))
        assert found.map.dtype == np.float32 and np.abs(found.map - truth.map).max() <= 1e-6 * np.abs(truth.map).max()
        facts, true = found.to_json(), truth.to_json()
        assert facts["provenance"] | {"model_kind": ""} == true["provenance"] | {"model_kind": ""}
        assert all(facts[key] == true[key] for key in ("layer", "grid", "score_title", "pixel_set", "status", "unit"))
        assert facts["score"] == pytest.approx(true["score"], rel=1e-6) and found.layer == truth.layer
    assert [f for f, _ in progress] == sorted(f for f, _ in progress) and progress[-1] == (1.0, "done")
    assert {"running the network", "differentiating the score"} <= {phase for _, phase in progress}


def test_a_further_question_on_the_same_case_makes_no_forward_call(worker, model):
    first = worker.until(worker.explain(model, image()))
    assert first["session"]["forward_calls_now"] == 1 and first["session"]["device"] == "cpu"
    assert set(first["session"]["recorded"]) == {"enc0", "enc1", "dec0"} and first["session"]["kept_bytes"] > 0
    calls = model.calls()
    for words in (
        {"pixel_sets": [{"kind": "predicted"}]},
        {"class_index": 0},
        {"layers": ["dec0"]},
        {"side": "writing"},
    ):
        again = worker.until(worker.explain(model, image(), **words))["session"]
        assert again["forward_calls_now"] == 0 and again["forward_calls"] == 1 and model.calls() == calls, words
    assert worker.ask("probe")["recorded"] == ["dec0", "enc0", "enc1"]
    other = worker.until(worker.explain(model, image(seed=1)))
    assert other["session"]["forward_calls_now"] == 1 and model.calls() == calls + 1
    small = worker.until(worker.explain(model, image(), memory_budget_bytes=1000))
    assert small["session"]["recorded"] == [] and "was not kept" in " ".join(small["explanations"][0]["facts"]["notes"])
    assert worker.ask("release") == {} and worker.ask("probe")["model"] is None


def test_what_libraries_print_is_log_and_never_an_answer(worker, tmp_path):
    model = Model(tmp_path / "chatty", chatty=True)
    result = worker.until(worker.explain(model, image()))
    assert [e["facts"]["layer"]["name"] for e in result["explanations"]] == ["enc1", "dec0"]  # the level behind it too
    assert waited(lambda: b"native library says hello" in worker.log and b'{"id": 1, "result": {}}' in worker.log)
    assert b"native library" not in worker.raw


def test_requests_that_make_no_sense_are_answered_and_the_worker_goes_on(worker, model):
    for line in (b"garbage\n", b"[]\n", b'{"id": "x"}\n', b"\xff\xfe\n", b"\n"):
        worker.write(line)
        while "error" not in (event := worker.next()):
            pass
        assert event["id"] is None and event["error"]["code"] == "request"
    for words, code in (
        ({"do": "dance"}, "request"), ({"do": "explain"}, "request"), ({"do": "describe", "model": "x.xyz"}, "model"),
    ):  # fmt: skip
        error = worker.ask(**words)
        assert error["code"] == code and error["sentence"] and "\n" not in error["sentence"]
    for words, code in (
        ({"pixel_sets": [{"kind": "circle"}]}, "request"), ({"pixel_sets": [{"kind": "voxel"}]}, "request"),
        ({"pixel_sets": [{"kind": "voxel", "ras": [500, 0, 0]}]}, "pixel_set"), ({"class_index": 7}, "class"),
        ({"layers": ["nowhere"]}, "layer"), ({"methods": ["cam"]}, "method"), ({"precision": "fp8"}, "model"),
        ({"image": {"array": "../image.npy", "grid": image().grid.to_json()}}, "request"),
        ({"image": {"array": "gone.npy", "grid": image().grid.to_json()}}, "request"),
    ):  # fmt: skip
        error = worker.until(worker.explain(model, image(), **words))
        assert error["code"] == code and "Traceback" not in json.dumps(error), words
    assert worker.until(worker.explain(model, image()))["explanations"]


def test_author_s_code_that_leaves_does_not_take_the_worker_along(worker, tmp_path):
    error = worker.until(worker.explain(Model(tmp_path / "leaving", raises=1), image()))
    assert error["code"] == "unexpected" and "SystemExit" in error["sentence"] and "log" in error["hint"]
    assert waited(lambda: b"the author leaves" in worker.log)
    assert worker.ask("probe")["devices"]


def test_a_model_file_that_vanishes_or_changes_is_noticed(worker, model, tmp_path):
    assert worker.until(worker.explain(model, image()))["explanations"]
    weights = tmp_path / "model" / "weights.pt"
    state = torch.load(weights, weights_only=True)
    state["head.bias"] += 1
    torch.save(state, weights)
    os.utime(weights, (1, 1))
    changed = worker.until(worker.explain(model, image()))
    assert changed["session"]["forward_calls_now"] == 1
    weights.unlink()
    error = worker.until(worker.explain(model, image()))
    assert error["code"] == "model" and error["sentence"] == "The model's weights file 'weights.pt' is not there."


def test_a_planted_name_is_found_in_nothing_the_worker_says_or_logs(tmp_path):
    worker = Running(tmp_path / NAME / "seghirescam-worker-x")
    worker.hello()
    said = len(worker.raw)
    model = Model(tmp_path / NAME / f"{NAME} CT" / "model")
    raising = Model(tmp_path / NAME / "r", raises=1)
    bad = [{"kind": "voxel", "ras": [500, 0, 0]}]
    assert worker.until(worker.explain(model, image()))["explanations"]
    assert worker.until(worker.explain(model, image(), bad))["code"] == "pixel_set"
    assert worker.until(worker.explain(raising, image()))["code"] == "unexpected"
    for source in (str(tmp_path / NAME / "a.xyz"), str(tmp_path / NAME / "gone.model.json"), {"factory": f"/{NAME}/x"}):
        assert worker.ask("describe", model=source)["code"] == "model"
    assert worker.ask("describe", model=model.source)["kind"] == "factory"
    (tmp_path / NAME / f"{NAME} CT" / "model" / "weights.pt").unlink()
    assert worker.until(worker.explain(model, image()))["code"] == "model"
    worker.end()
    assert NAME.encode() not in worker.raw[said:] and b"Traceback" in worker.log
    assert NAME.encode() not in worker.log, worker.log.decode()


def test_cancel_stops_a_slow_network_and_the_worker_goes_on(tmp_path):
    worker = Running(tmp_path / "w")
    worker.hello()
    slow = Model(tmp_path / "slow", seconds=1.0)

    def attempt():
        number = worker.explain(slow, image())
        queued = worker.explain(slow, image())
        while "listing" not in (event := worker.next()).get("phase", "") and "running" not in event.get("phase", ""):
            pass
        started = time.monotonic()
        worker.send("cancel", target=queued)
        worker.send("cancel", target=number)
        assert worker.until(number)["code"] == "cancelled"
        seconds = time.monotonic() - started
        assert worker.until(queued)["code"] == "cancelled"
        return seconds

    assert cancelled_in_time(attempt)
    assert not list((tmp_path / "w").glob("map_*"))
    assert worker.ask("probe")["recorded"] == []
    worker.end()


def test_the_end_of_stdin_ends_the_worker_at_once_with_its_folder(tmp_path):
    folder = tmp_path / "seghirescam-worker-e"
    worker = Running(folder)
    worker.hello()
    long = Model(tmp_path / "long", long=600.0)
    worker.explain(long, image())
    assert waited(long.inside.exists)
    worker.process.stdin.close()
    assert worker.process.wait(timeout=PATIENCE) == 0
    assert not folder.exists() and not is_running(worker.process.pid)


def test_shutdown_answers_and_ends_and_a_foreign_folder_stays(tmp_path):
    folder = tmp_path / "somebody's own"
    worker = Running(folder)
    worker.hello()
    assert worker.ask("shutdown") == {}
    assert worker.process.wait(timeout=PATIENCE) == 0 and folder.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_full_disk_is_an_error_that_leaves_no_half_file(tmp_path):
    worker = Running(tmp_path / "w", before="import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))")
    worker.hello()
    model = Model(tmp_path / "model")
    error = worker.until(worker.explain(model, image(16), layers=["dec0"]))  # a map of 16 KiB
    assert error["code"] == "disk" and error["sentence"] == "The arrays could not be written: File too large."
    assert not [p.name for p in (tmp_path / "w").iterdir() if p.name.startswith("map_")]
    assert worker.until(worker.explain(model, image(8), layers=["enc1"]))["explanations"]  # maps of 1/4 and 2 KiB
    mixed = worker.until(worker.explain(model, image(16), layers=["enc1", "dec0"]))
    assert mixed["code"] == "disk"
    assert len([p.name for p in (tmp_path / "w").iterdir() if p.name.startswith("map_")]) == 2
    shown = worker.until(
        worker.explain(model, image(16), layers=["enc1"], show={"on": "input"})
    )  # the map fits, 16 KiB
    assert shown["code"] == "disk"
    assert len([p.name for p in (tmp_path / "w").iterdir() if p.name.startswith("map_")]) == 2
    worker.end()


def test_an_idle_worker_gives_memory_back(tmp_path):
    worker = Running(tmp_path / "w", "--idle-seconds", "0.2")
    worker.hello()
    model = Model(tmp_path / "model")
    assert worker.until(worker.explain(model, image()))["session"]["recorded"]
    time.sleep(1.0)
    told = worker.ask("probe")
    assert told["recorded"] == [] and told["kept_bytes"] == 0 and told["model"] == "factory"
    assert worker.until(worker.explain(model, image()))["session"]["forward_calls_now"] == 1
    worker.end()


@pytest.mark.parametrize(
    ("code", "match"),
    [
        ("raise ModuleNotFoundError('No module named torch', name='torch')", "PyTorch is not installed."),
        ("raise ImportError('numpy ABI')", "installed but cannot be loaded (ImportError)"),
    ],
)
def test_without_a_usable_torch_the_worker_says_so_and_ends(tmp_path, code, match):
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "torch.py").write_text(code, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path / "fake"), str(os.path.dirname(os.path.dirname(seghirescam.__file__)))])
    worker = Running(tmp_path / "w", environment={"PYTHONPATH": path})
    while "error" not in (event := worker.next()):
        pass
    assert event["id"] is None and event["error"]["code"] == "dependency" and match in event["error"]["sentence"]
    assert worker.process.wait(timeout=PATIENCE) == 0
