"""Slicer's side of the corridor against real processes: nothing waits, nothing is left, everything ends once."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

import seghirescam
from engine.workers import Model, image
from mrml.clients import WHOLE
from seghirescam import Grid, Image, PixelSet
from seghirescam.protocol.display.evidence import Evidence
from seghirescam.protocol.messages import Hello
from seghirescam.protocol.recipes import WholeImage
from seghirescam.protocol.requests import Describe, Explain, Layers, Probe, Resample, Show
from SegHiResGradCAMLib.scene.volumes.Voxels import Voxels
from SegHiResGradCAMLib.setup.Consent import CONSENT_PREFIX
from SegHiResGradCAMLib.worker.WorkerClient import deviceText
from SegHiResGradCAMLib.worker.WorkerFolder import PREFIX

NAME = "Erika_Mustermann"


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
    layers = panel.until(panel.client.ask(Layers, model=model.source, image=picture, codeHash=model.sha256))["layers"]
    assert layers == first["layers"]
    assert panel.until(panel.client.ask(Probe))["recorded"]
    assert panel.until(panel.client.release()) == {} and panel.until(panel.client.ask(Probe))["recorded"] == []
    assert panel.loop.longest < 1.0 and not panel.lost and not panel.errors


def test_the_event_loop_is_never_held_while_a_large_image_is_written_and_computed(panels, tmp_path):
    panel = panels()
    big = Image(np.zeros((96, 512, 512), np.float32), Grid.from_spacing((96, 512, 512)))  # 96 MiB
    slow = Model(tmp_path / "slow", seconds=0.2)
    panel.until(panel.client.ask(Describe, model=slow.source))
    panel.loop.longest = 0.0
    number = panel.client.ask(Layers, model=slow.source, image=big, codeHash="0" * 64)
    assert panel.until(number).code == "consent"  # after the image has been written
    panel.until(panel.ask(slow))
    assert panel.loop.longest < 1.0


def test_the_shown_map_arrives_in_what_is_held_ready_for_it(panels, model):
    panel, picture = panels(hold=Voxels), image(12)
    result = panel.until(panel.ask(model, picture, layers=["enc1", "dec0"], show=Show("input", "dec0")))
    wanted = result["explanations"][1]
    shown, local = result["shown"], wanted.resampled_to(picture.grid).array
    assert shown.layer == "dec0" and shown.unit == "logit/ml" and isinstance(shown.voxels, Voxels)
    assert np.abs(shown.voxels.array - local).max() <= 2e-6 * np.abs(local).max()
    assert shown.evidence.both.holding(0.8) == Evidence.of(shown.voxels.array).both.holding(0.8)
    again = panel.until(
        panel.client.ask(Resample, map=(wanted.map, wanted.grid), unit=wanted.unit, target=picture.grid)
    )["shown"]
    assert np.array_equal(again.voxels.array, shown.voxels.array)
    cells = panel.until(panel.client.ask(Resample, map=(wanted.map, wanted.grid), unit=wanted.unit, target=None))[
        "shown"
    ]
    assert (
        cells.unit == "logit/cell" and np.abs(cells.voxels.array - wanted.map).max() <= 1e-6 * np.abs(wanted.map).max()
    )
    (folder,) = panel.folder.iterdir()
    assert [path.name for path in folder.iterdir()] == ["image_1.npy"]
    # a worker that was ended knows no map: the client sends its own
    panel.client.close()
    assert np.array_equal(
        panel.until(panel.client.ask(Resample, map=(wanted.map, wanted.grid), unit=wanted.unit, target=picture.grid))[
            "shown"
        ].voxels.array,
        again.voxels.array,
    )


def test_consent_is_sent_only_if_it_is_on_record_for_this_content(panels, model, tmp_path):
    settings = {}
    panel = panels(settings=settings)
    told = panel.until(panel.client.ask(Describe, model=model.source))
    assert told["consent_sha256"] == model.sha256 and not panel.client.hasConsent(model.sha256)
    words = {"class_index": 1, "codeHash": model.sha256}
    failure = panel.until(
        panel.client.ask(Explain, model=model.source, image=image(), pixel_sets=[WholeImage()], **words)
    )
    assert failure.code == "consent" and failure.numbers == {"sha256": model.sha256} and model.calls() == 0
    panel.client.giveConsent(model.sha256)
    assert settings == {CONSENT_PREFIX + model.sha256: "yes"}
    assert panel.until(
        panel.client.ask(Explain, model=model.source, image=image(), pixel_sets=[WholeImage()], **words)
    )["explanations"]
    path = Path(model.source["factory"])
    path.write_text("# another\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert (
        panel.until(
            panel.client.ask(Explain, model=model.source, image=image(), pixel_sets=[WholeImage()], **words)
        ).code
        == "consent"
    )
    assert not panel.client.hasConsent("")


def test_unknown_options_and_unsendable_pixel_sets_are_refused(panels, model):
    panel = panels()
    with pytest.raises(TypeError, match="unknown options: colour"):
        panel.client.ask(
            Explain, model=model.source, image=image(), pixel_sets=[WholeImage()], class_index=1, colour="red"
        )
    assert panel.until(panel.ask(model, pixelSets=["segment"])).code == "pixel_set"
    assert panel.until(panel.ask(model, layers=["nowhere"])).code == "layer"
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


def test_the_line_for_the_panel():
    cpu = {"device": "cpu", "type": "cpu", "name": "x", "total_bytes": 1, "free_bytes": 1}
    gpu = cpu | {"device": "cuda:0", "type": "cuda", "name": "NVIDIA RTX 4090", "total_bytes": 24 * 2**30}
    assert deviceText(Hello(1, "", "", "", "2.13.0+cpu", [cpu])) == "PyTorch 2.13 - CPU only: slow"
    broken = cpu | {"problem": "The NVIDIA driver on your system is too old"}
    told = deviceText(Hello(1, "", "", "", "2.13.0", [broken]))
    assert told == "PyTorch 2.13 - CPU only: slow (the GPU's driver does not work with it)"
    assert deviceText(Hello(1, "", "", "", "2.13.0", [gpu, cpu])) == "PyTorch 2.13 - CUDA (NVIDIA RTX 4090, 24 GiB)"
