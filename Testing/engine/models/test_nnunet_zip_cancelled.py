"""Unpacking takes as long as the file is large: it is told, and Cancel or Ctrl-C between two pieces leaves nothing."""

import io
import json
import os
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from engine.cli_cases import ENVIRONMENT
from engine.workers import PATIENCE, ROOT
from seghirescam import Grid
from seghirescam.io.volumes import write_volume
from seghirescam.models import recognise
from seghirescam.models.nnunet import unpacking
from seghirescam.protocol.arrays import write_array
from seghirescam.protocol.errors import CancelledError

NAME = "Dataset777_Toy/nnUNetTrainer__nnUNetPlans__3d_fullres"
DATASET = {"labels": {"background": 0, "body": 1}, "channel_names": {"0": "CT"}, "file_ending": ".nii.gz"}
#: of each fold's checkpoint, in bytes; nothing of it is ever opened here
LARGE = 3_000_000


@pytest.fixture
def release(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGHIRESCAM_CACHE", str(tmp_path / "cache" / "deep"))
    path = tmp_path / "release.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{NAME}/plans.json", "{}")
        archive.writestr(f"{NAME}/dataset.json", json.dumps(DATASET))
        for fold in range(2):
            content = np.random.default_rng(fold).bytes(LARGE)
            archive.writestr(f"{NAME}/fold_{fold}/checkpoint_final.pth", content)
    return path


def test_it_tells_how_much_is_there_and_never_falls_back(release, monkeypatch):
    monkeypatch.setattr(unpacking, "_PIECE", 500_000)
    told = []
    with pytest.raises(Exception, match="plans.json"):  # unpacked; then nnU-Net's loader finds no plans in it
        recognise(str(release)).open_told(str(release), progress=lambda share, phase: told.append((share, phase)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(told) == 2 + 2 * (LARGE // 500_000)
    assert told[-1][1] == "unpacking the model, 6 of 6 MB" and "3 of 6 MB" in told[7][1]
    # a second time nothing is unpacked, and nothing told
    told.clear()
    with pytest.raises(Exception, match="plans.json"):
        recognise(str(release)).open_told(str(release), progress=lambda share, phase: told.append(share))
    assert told == []


@pytest.mark.parametrize("error", [CancelledError("Cancelled."), KeyboardInterrupt(), RuntimeError("a caller's own")])
@pytest.mark.parametrize("at", [0.3, 0.51, 0.9])
def test_whatever_stops_it_between_two_pieces_comes_out_and_leaves_nothing(release, tmp_path, monkeypatch, error, at):
    monkeypatch.setattr(unpacking, "_PIECE", 500_000)

    def tell(share, phase):
        if share >= at:
            assert list((tmp_path / "cache").rglob("checkpoint_final.pth"))  # something lies there by now
            raise error

    with pytest.raises(type(error)) as raised:
        recognise(str(release)).open_told(str(release), progress=tell)
    assert raised.value is error
    assert sorted(p.name for p in tmp_path.iterdir()) == ["release.zip"]


def test_what_was_there_before_stays(release, tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "_PIECE", 500_000)
    other = tmp_path / "cache" / "deep" / "nnunet" / "another" / "plans.json"
    other.parent.mkdir(parents=True)
    other.write_text("{}")

    def tell(share, phase):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recognise(str(release)).open_told(str(release), progress=tell)
    assert [p for p in (tmp_path / "cache").rglob("*") if p.is_file()] == [other]


class Heard(io.BytesIO):
    """Where a worker speaks to; presses Cancel when it hears that a model is being unpacked."""

    worker = None

    def write(self, text):
        found = json.loads(text)
        if "unpacking" in str(found.get("phase", "")):
            self.worker.cancelled.add(7)
        return super().write(text)


def test_the_workers_cancel_is_heard_while_it_unpacks(release, tmp_path, monkeypatch):
    from seghirescam.worker.jobs import Jobs
    from seghirescam.worker.server import Worker

    monkeypatch.setattr(unpacking, "_PIECE", 500_000)
    folder = tmp_path / "worker"
    folder.mkdir()
    grid = Grid.from_spacing((4, 4, 4))
    write_array(folder, "image.npy", np.zeros((1, 4, 4, 4), np.float32))
    heard = Heard()
    worker = heard.worker = Worker(heard, folder)
    image = {"array": "image.npy", "grid": grid.to_json()}
    monkeypatch.chdir(tmp_path)  # the worker goes into its folder
    worker._serve(Jobs(folder), {"id": 7, "do": "layers", "model": str(release), "image": image})
    told = [json.loads(line) for line in heard.getvalue().splitlines()]
    assert told[-1]["error"]["code"] == "cancelled", told[-1]
    assert any("unpacking the model" in str(one.get("phase")) for one in told)
    assert not (tmp_path / "cache").exists() and 7 not in worker.cancelled


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is a signal")
def test_ctrl_c_on_the_command_line_while_it_unpacks_is_130_and_leaves_nothing(release, tmp_path):
    """The real command in a process of its own, and a real signal when two thirds are there."""
    write_volume(tmp_path / "v.nii.gz", np.zeros((6, 6, 6), np.float32), Grid.from_spacing((6, 6, 6)))
    code = (
        "import os, signal, sys\n"
        "from seghirescam.cli import main\n"
        "from seghirescam.models.nnunet import unpacking\n"
        "unpacking._PIECE, counted = 65536, unpacking._Counted.__call__\n"
        "def pressed(self, more):\n"
        "    counted(self, more)\n"
        "    if self._done > 4_000_000:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "unpacking._Counted.__call__ = pressed\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    words = ("explain", release, "--image", tmp_path / "v.nii.gz", "--class", "body", "--out", tmp_path / "why")
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, timeout=PATIENCE,
        env=ENVIRONMENT | {"PYTHONPATH": str(ROOT / "SegHiResGradCAM")},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Cancelled. Nothing was written.\n")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["release.zip", "v.nii.gz"]
