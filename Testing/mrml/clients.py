"""A client with an event loop of its own and somebody who listens to it."""

from __future__ import annotations

import heapq
import itertools
import time

from engine.workers import image
from seghirescam.protocol.recipes import WholeImage
from seghirescam.protocol.requests import Explain
from SegHiResGradCAMLib.worker.WorkerClient import WorkerClient

PATIENCE = 120.0
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
        picture = picture if picture is not None else image()
        return self.client.ask(Explain, model=model.source, image=picture, pixel_sets=pixelSets, **words)

    def folders(self):
        return [path.name for path in self.folder.iterdir()]
