"""A real worker process at the end of two pipes, and a factory model whose author's code misbehaves on request."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import torch

from seghirescam import Grid, Image
from seghirescam.models import recognise
from seghirescam.protocol.arrays import write_array

ROOT = Path(__file__).parents[2]
#: nothing here takes that long; on a crowded machine it may take much longer than usual
PATIENCE = 120.0

CODE = """
import os, time
import torch
from pathlib import Path
from torch import nn

CALLS = Path({calls!r})
SECONDS = {seconds!r}
LONG = {long!r}
CHATTY = {chatty!r}
RAISES = {raises!r}

class Step(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner
    def forward(self, x):
        if x.shape[1] > 1 and torch.is_tensor(x):
            time.sleep(SECONDS)
        return self.inner(x)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc0 = Step(nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.ReLU()))
        self.enc1 = Step(nn.Sequential(nn.Conv3d(4, 6, 3, stride=2, padding=1), nn.ReLU()))
        self.up = Step(nn.ConvTranspose3d(6, 4, 2, stride=2))
        self.dec0 = Step(nn.Sequential(nn.Conv3d(8, 4, 3, padding=1), nn.ReLU()))
        self.head = nn.Conv3d(4, 2, 1)
    def forward(self, x):
        with open(CALLS, "a") as file:
            file.write("x")
        if CHATTY:
            print('{{"id": 1, "result": {{}}}}', flush=True)
            os.write(1, b"native library says hello\\n")
        if RAISES and CALLS.stat().st_size > RAISES:
            raise SystemExit("the author leaves")
        if LONG:
            CALLS.with_name("inside").write_text("x", encoding="utf-8")
            time.sleep(LONG)
        a = self.enc0(x)
        return self.head(self.dec0(torch.cat([self.up(self.enc1(a)), a], 1)))

def build():
    torch.manual_seed(0)
    return Net()
"""


#: what is promised of Cancel, and what a busy machine may add
CANCEL_SECONDS, MARGIN_SECONDS = 2.0, 0.5


def cancelled_in_time(attempt) -> bool:
    """attempt() -> seconds from Cancel to its end; once more where something else held the machine up."""
    return any(attempt() <= CANCEL_SECONDS + MARGIN_SECONDS for _ in range(2))


class Model:
    """Writes a factory model into ``folder``; options: seconds, long, chatty, raises (see CODE)."""

    def __init__(self, folder: Path, **options):
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"seconds": 0.0, "long": 0.0, "chatty": False, "raises": 0} | options
        self.counter = folder / "calls"
        self.inside = folder / "inside"
        code = CODE.format(calls=str(self.counter), **settings)
        (folder / "net.py").write_text(code, encoding="utf-8")
        names = {}
        exec(compile(code, "net.py", "exec"), names)
        torch.save(names["build"]().state_dict(), folder / "weights.pt")
        self.network = names["build"]().eval()
        self.source = {
            "factory": str(folder / "net.py"), "weights": str(folder / "weights.pt"), "classes": ["rest", "lesion"],
        }  # fmt: skip
        self.sha256 = recognise(self.source).consent_hash(self.source)

    def calls(self) -> int:
        return self.counter.stat().st_size if self.counter.exists() else 0


class Running:
    """The worker as a client sees it. events: all parsed lines; log: stderr."""

    def __init__(self, folder: Path, *words: str, before: str = "", environment=None):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-u", "-P", "-m", "seghirescam.worker"]
        if before:
            start = f"import runpy, sys\n{before}\nrunpy.run_module('seghirescam.worker', run_name='__main__')"
            command = [sys.executable, "-u", "-c", start]
        env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        env |= {"PYTHONPATH": str(ROOT / "SegHiResGradCAM"), "OMP_NUM_THREADS": "1"} | (environment or {})
        self.process = subprocess.Popen(
            [*command, "--folder", str(folder), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=folder, env=env,
        )  # fmt: skip
        self.lines: queue.Queue = queue.Queue()
        self.events, self.log, self.raw = [], b"", b""
        self._number = 0
        self._threads = [threading.Thread(target=t, daemon=True) for t in (self._read, self._read_log)]
        for thread in self._threads:
            thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.raw += line
            self.lines.put(json.loads(line.decode("ascii")))
        self.lines.put(None)

    def _read_log(self):
        for line in self.process.stderr:
            self.log += line

    def next(self):
        """The next line of the worker, None at its end."""
        event = self.lines.get(timeout=PATIENCE)
        self.events.append(event)
        return event

    def hello(self):
        while "hello" not in (event := self.next()):
            pass
        return event["hello"]

    def send(self, do: str, **words) -> int:
        self._number += 1
        self.write(json.dumps({"id": self._number, "do": do, **words}).encode() + b"\n")
        return self._number

    def write(self, line: bytes):
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def until(self, number: int, *, progress=None):
        """The end of a request: its result or error. progress: called with every progress event on the way."""
        while True:
            event = self.next()
            assert event is not None, self.log.decode()
            if event.get("id") == number and ("result" in event or "error" in event):
                return event.get("result", event.get("error"))
            if progress and event.get("id") == number:
                progress(event)

    def ask(self, do: str, **words):
        return self.until(self.send(do, **words))

    def explain(self, model: Model, picture: Image, pixel_sets=None, **words):
        """Sends an explain request; returns its number."""
        if pixel_sets is None:
            pixel_sets = ({"kind": "whole_image"},)
        name = write_array(self.folder, "image.npy", picture.array)
        request = {
            "model": model.source, "consent_sha256": model.sha256, "pixel_sets": list(pixel_sets), "class_index": 1,
            "image": {"array": name, "grid": picture.grid.to_json()}, "layers": ["enc1"],
        }  # fmt: skip
        return self.send("explain", **request | words)

    def end(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.wait(timeout=PATIENCE)
        for thread in self._threads:
            thread.join(timeout=PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()


def image(size=8, seed=0) -> Image:
    array = np.random.default_rng(seed).normal(size=(size,) * 3).astype(np.float32)
    return Image(array, Grid.from_spacing((size,) * 3, (2.0, 1.0, 1.0)))


def waited(condition, seconds=PATIENCE) -> bool:
    """Whether a condition came true in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


def is_running(pid: int) -> bool:
    """False also for a process that has ended and waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def balanced(model, picture):
    """The model with a bias at which it says "lesion" in half of the picture."""
    with torch.no_grad():
        logits = model.network(torch.tensor(picture.array)[None])[0]
        model.network.head.bias[0] += (logits[1] - logits[0]).median()
    torch.save(model.network.state_dict(), model.source["weights"])
    return model


def sent(worker, picture, name="image.npy"):
    return {"array": write_array(worker.folder, name, picture.array), "grid": picture.grid.to_json()}
