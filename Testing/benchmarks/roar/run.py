"""ROAR and KAR on the toy task: `python Testing/benchmarks/roar` (hours in results/roar/roar.json; resumable).

For every seed (images, weights and order of training all come from it): train on unchanged images, make every row's map
of every training and test image with that network, then for every row and fraction replace the most important pixels in
both sets, train again from scratch with the same seed, and measure Dice on the test images changed in the same way.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from . import maps, network, removal, toy
from .rows_file import CONTEXT, HOLES, KEEP, NOTHING, PLAIN, REMOVE, Job, Result, append, read

FRACTIONS = (0.1, 0.3, 0.5, 0.7, 0.9)
KEPT = (0.1, 0.3)


@dataclass(frozen=True)
class Settings:
    """What every number depends on beside the code."""

    seeds: tuple[int, ...] = (0, 1, 2)
    train_cases: int = 256
    test_cases: int = 100
    recipe: network.Recipe = field(default_factory=network.Recipe)

    def to_json(self) -> dict:
        task = {name: getattr(toy, name) for name in dir(toy) if name.isupper()}
        rest = {"layer": maps.LAYER, "fixed_sigma": maps.FIXED_SIGMA, "first_reach": removal.FIRST_REACH}
        net = {"widths": network.WIDTHS, "class_weight": network.CLASS_WEIGHT}
        whole = {**asdict(self), "task": task, "network": net, **rest}
        return json.loads(json.dumps(whole))


def plan(settings: Settings, rows: Iterable[str] = maps.ROWS) -> list[Job]:
    """Every training in the order of its worth; whole fractions come first."""
    parts = [
        (CONTEXT, REMOVE, FRACTIONS),
        (CONTEXT, HOLES, FRACTIONS[:1]),
        (PLAIN, REMOVE, FRACTIONS),
        (CONTEXT, KEEP, KEPT),
    ]
    return [
        Job(variant, mode, row, fraction, seed)
        for variant, mode, fractions in parts
        for fraction in fractions
        for seed in settings.seeds
        for row in rows
    ]


class Seed:
    """One seed's images and, when they are first asked for, its plain network's Dice and every row's orders."""

    def __init__(self, seed: int, settings: Settings, cache: Path | None, tell: Callable[[str], None]):
        self.seed, self.settings, self.cache, self.tell = seed, settings, cache, tell
        # sets that share no case with each other, nor with those the task was fixed on (10100 and 20100 on)
        self.train = toy.make_cases(10_000 + seed, settings.train_cases)
        self.test = toy.make_cases(20_000 + seed, settings.test_cases)
        self._orders = None

    def orders(self) -> tuple[dict, dict, dict, Result]:
        """(orders of the training images by row, of the test images, facts about the maps, plain Result)."""
        if self._orders is None:
            self._orders = self._stored() or self._made()
        return self._orders

    def changed(self, job: Job) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(training images, test images, which pixels of the test images went) of one job."""
        images, gone = [], None
        for cases, ranked in zip((self.train, self.test), self.orders()[:2], strict=True):
            shields = cases.bodies if job.variant == CONTEXT else [None] * len(cases)
            gone = np.stack([
                removal.removed(rank, job.fraction, shield, job.mode == KEEP)
                for rank, shield in zip(ranked[job.row], shields, strict=True)
            ])  # fmt: skip
            if job.mode == HOLES:
                images.append(np.where(cases.bodies, cases.images, gone.astype(np.float32)))
            else:
                images.append(np.stack([removal.local_mean(*pair) for pair in zip(cases.images, gone, strict=True)]))
        return *images, gone

    def result(self, job: Job) -> Result:
        """Replace, train, test."""
        self.orders()
        started = time.process_time()
        train, test, gone = self.changed(job)
        trained = network.train(train, self.train.labels, self.seed, self.settings.recipe)
        return self._judged(trained, test, gone, started)

    def _judged(self, trained, images, gone, started):
        logits, test = network.logits_of(trained, images), self.test
        found = network.dice(logits.argmax(axis=1), test.labels)
        known = network.told_apart(logits, test.labels)
        shares = [float(gone[mask].mean()) for mask in (test.cues, test.bodies)]
        cases = tuple(np.rint(1000 * found).astype(int))
        return Result(float(found.mean()), known, *shares, time.process_time() - started, cases)

    def _made(self):
        self.tell(f"seed {self.seed}: training on unchanged images")
        started = time.process_time()
        trained = network.train(self.train.images, self.train.labels, self.seed, self.settings.recipe)
        nothing = np.zeros(self.test.images.shape, dtype=bool)
        plain = self._judged(trained, self.test.images, nothing, started)
        self.tell(f"seed {self.seed}: Dice {plain.dice:.3f}; making the maps")
        first, _ = maps.orders(trained, self.train, self.seed)
        second, facts = maps.orders(trained, self.test, 1000 + self.seed)
        if self.cache:
            self.cache.mkdir(parents=True, exist_ok=True)
            arrays = {f"train/{k}": v for k, v in first.items()} | {f"test/{k}": v for k, v in second.items()}
            words = json.dumps([self.settings.to_json(), facts, asdict(plain)], default=int)
            part = self.cache / f"part-{self.seed}.npz"
            np.savez(part, words=words, **arrays)
            os.replace(part, self._path)
        return first, second, facts, plain

    @property
    def _path(self):
        return self.cache / f"orders-{self.seed}.npz"

    def _stored(self):
        if not self.cache or not self._path.exists():
            return None
        with np.load(self._path) as stored:
            settings, facts, plain = json.loads(str(stored["words"]))
            if settings != self.settings.to_json():
                return None
            sets = [{row: stored[f"{part}/{row}"] for row in maps.ROWS} for part in ("train", "test")]
        plain["cases"] = tuple(plain["cases"])
        return *sets, facts, Result(**plain)


def prepare(
    settings: Settings, path: Path, cache: Path | None = None, tell: Callable[[str], None] = print
) -> list[Seed]:
    """Every seed with its orders, made or read from the cache folder; the plain trainings' rows are in the CSV."""
    done = read(path)
    seeds = [Seed(seed, settings, cache, tell) for seed in settings.seeds]
    for own in seeds:
        if (job := Job("", "", NOTHING, 0.0, own.seed)) not in done:
            append(path, job, own.orders()[-1])
    return seeds


def run(seeds: list[Seed], jobs: Iterable[Job], path: Path, tell: Callable[[str], None] = print) -> None:
    """Do the jobs that the CSV at ``path`` does not hold yet. tell may raise to stop: what is done stays."""
    done, jobs = read(path), list(jobs)
    by_number = {own.seed: own for own in seeds}
    missing = [job for job in jobs if job not in done]
    started = time.time()
    for number, job in enumerate(missing, 1):
        result = by_number[job.seed].result(job)
        append(path, job, result)
        left = (time.time() - started) / number * (len(missing) - number) / 60
        tell(
            f"{len(jobs) - len(missing) + number}/{len(jobs)} {job.variant} {job.mode} {job.row} {job.fraction:g} "
            f"seed {job.seed}: Dice {result.dice:.3f}, cause gone {result.cause_gone:.2f}; {left:.0f} min left"
        )
