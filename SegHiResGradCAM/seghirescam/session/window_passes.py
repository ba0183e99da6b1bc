"""The network passes of a windowed question: cutting, batching, keeping, fusing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..cam.isolation.host_copies import to_device, to_host
from ..cam.isolation.network_place import destination, device_of, placed, stamp
from ..cam.isolation.random_draws import drew, seeded
from ..cam.isolation.undisturbed import undisturbed
from ..cam.layers.listing import listed_layers
from ..cam.passes import capture
from ..cam.passes.forwards import own_words
from ..cam.placement.windows import Fused, WindowPlan
from ..models.model_outputs import (
    check_classes,
    log_of_average,
    output_channels,
    reading_of,
    refuse_suspected,
    window_values,
)
from ..models.segmentation_model import Prepared, SegmentationModel
from ..protocol.question import BF16, FP32
from .half_precision import Overflow
from .hardware.precisions import Precision, is_half
from .memory import budget, estimate, estimate_prediction, memory_of, named_shortage

if TYPE_CHECKING:
    from ..cam.placement.windows import Offset
    from ..protocol.progress import Progress

#: logits of a group of windows (passes, fold, group, flip, how those are run that are not known)
Known = Callable[..., torch.Tensor]
#: whether a window's pass is worth keeping, by its offset and logits
Meets = Callable[["Offset", torch.Tensor], bool]
#: the largest number of windows that go through the network together, on a GPU
MOST_TOGETHER = 8
#: of a GPU's free memory, for the fused prediction
FUSED_SHARE = 0.4


class SharedDrawsError(Exception):
    """Several windows went together through a network that draws random numbers, as it turned out: begin again."""


@dataclass(frozen=True)
class Settings:
    """Where and how windows run; together: windows at a time, None chooses."""

    device: str | None
    precision: str
    together: int | None

    def computed(self, where: torch.device) -> Precision:
        """What is computed in on that device."""
        return Precision.on(where, self.precision)

    def smaller(self, model: SegmentationModel) -> tuple[Settings, str] | None:
        """(settings that take less memory, what they are in words), or None."""
        where = destination(model.networks[0], self.device)
        on_gpu = where.type == "cuda"
        if self.together != 1 and (on_gpu or self.together is not None):
            return Settings(self.device, self.precision, 1), "with one window at a time"
        if not is_half(self.precision):
            half = Precision.on(where, BF16).name
            return Settings(self.device, half, 1), f"in {half}"
        if not on_gpu:
            return None
        return Settings("cpu", FP32, 1), "on the CPU"


class WindowPasses:
    """All passes over one prepared image.

    plan: its windows.  runs: mirrorings times folds.  calls: network passes made so far.  logits: the fused prediction
    once it was made; average: the probabilities it is the logarithm of, where probabilities are averaged.  layers,
    nbytes: which layers' passes are kept, and their estimated memory.
    """

    def __init__(self, model: SegmentationModel, prepared: Prepared, keep: bool, budget_bytes: int | None):
        self.model, self.prepared = model, prepared
        tensor = prepared.tensor
        self._volume = tensor if tensor.ndim == 5 else tensor[:, :, None]
        self.plan = WindowPlan.of(model.windows, tuple(self._volume.shape[2:]))
        self.runs = len(self.plan.flips) * len(model.networks)
        #: outputs that are averaged at a voxel, at most; 1: windows that do not overlap, and nothing is averaged
        covered = len(self.plan.offsets) * int(np.prod(self.plan.size))
        self.averaged = self.runs * (1 if covered == int(np.prod(self.plan.shape)) else len(self.plan.offsets))
        self.calls = 0
        self.reading = reading_of(model)
        self._keeps, self._budget = keep, budget_bytes
        self.reduced = False
        self.release()

    def release(self) -> None:
        """Forget what is kept."""
        self.logits: torch.Tensor | None = None
        self.average: torch.Tensor | None = None
        self._made_with: list[list[tuple]] | None = None
        self._overflow = Overflow()
        self.forget()

    @property
    def held(self) -> list:
        """What holds the memory of all that is kept."""
        passes = [passed for _, passed, _ in self._kept.values()]
        tensors = [self.logits, self.average, *(passed.logits for passed in passes)]
        return [*passes, *(tensor for tensor in tensors if tensor is not None)]

    def end_question(self) -> None:
        """Forget passes that were kept for one question only."""
        if not self._keeps:
            self.forget()

    def forget(self) -> None:
        """Forget the passes that are kept; a prediction stays."""
        self._kept: dict[tuple, tuple] = {}
        self.layers: frozenset[str] = frozenset()
        self.nbytes = 0

    @property
    def window_shape(self) -> tuple[int, ...]:
        """Of the network's input for one window, ``[1, C, *spatial]``."""
        shape = self.plan.size if self.model.spatial_dims == 3 else self.plan.size[1:]
        return (1, self.prepared.tensor.shape[1], *shape)

    def listed(self) -> list:
        """cam.layers.trace for one window."""
        network = self.model.networks[0]
        with self.reading.on(network):
            return listed_layers(network, self._like_a_window("cpu"), device_of(network))

    def _like_a_window(self, where: torch.device | str) -> torch.Tensor:
        """Of a window's shape, without its memory."""
        return self.prepared.tensor.new_empty(1, device=where).expand(self.window_shape)

    def need(self, names: Collection[str]) -> int:
        """Estimated bytes of one window's pass that records these layers."""
        voxels, itemsize = int(np.prod(self.plan.size)), max(4, self.prepared.tensor.dtype.itemsize)
        return estimate(self.listed(), names, voxels, len(self.model.classes), itemsize)

    def need_to_predict(self) -> int:
        """Estimated bytes of one window's pass that records nothing."""
        voxels, itemsize = int(np.prod(self.plan.size)), max(4, self.prepared.tensor.dtype.itemsize)
        return estimate_prediction(self.listed(), voxels, output_channels(self.model), itemsize)

    def each(
        self, offsets: Iterable[Offset], names: list[str], settings: Settings, tell: Progress, start: float, end: float,
        phase: str,
    ) -> Generator[tuple[int, tuple[Offset, ...], tuple[int, ...], capture.Pass, bool]]:  # fmt: skip
        """Yields (fold, group of offsets, flip, Pass, is it kept) over all runs of these windows.

        names: layers to record.  The passes of a fold and mirroring follow one another.
        """
        offsets, steps, done = list(offsets), len(offsets) * self.runs, 0
        where = destination(self.model.networks[0], settings.device)
        together = self._together(settings, where, names)
        for fold, network in enumerate(self.model.networks):
            reading = self.reading.on(network)
            with undisturbed(network), placed(network, settings.device) as (_, at_home), reading:
                stamps = stamp(network) if (self._keeps or self._kept) and at_home else None
                for flip in self.plan.flips:
                    for first in range(0, len(offsets), together):
                        group = tuple(offsets[first : first + together])
                        a, b = (start + (end - start) * n / steps for n in (done, done + len(group)))
                        with tell.during(network, a, b, f"{phase}, window {done + 1} of {steps}"):
                            passed, kept = self._passed(
                                fold,
                                network,
                                group,
                                flip,
                                names,
                                settings,
                                where,
                                stamps if self._keeps else None,
                                stamps,
                            )
                        yield fold, group, flip, passed, kept
                        done += len(group)
        self._overflow.refuse()

    def _passed(
        self, fold: int, network: torch.nn.Module, group: tuple[Offset, ...], flip: tuple[int, ...], names: list[str],
        settings: Settings, where: torch.device, stamps: list[tuple] | None, known: list[tuple] | None = None,
        meets: Meets | None = None,
    ) -> tuple[capture.Pass, bool]:  # fmt: skip
        """(the pass, whether it is kept). stamps: of the weights, where a new pass may be kept; known: for a kept one.
        meets: whether it is worth keeping, by its window and logits."""
        key = (fold, group, flip, settings.precision)
        if key in self._kept and self._kept[key][0] == known and self._kept[key][2].issuperset(names):
            return self._kept[key][1], True
        self.calls += 1
        batch, channels = self.batch(group, flip, where), output_channels(self.model)
        with self.place(fold, flip, group[0]):
            passed = capture.forward(network, batch, names, autocast=settings.computed(where).dtype, channels=channels)
        self._refuse_shared_draws(group)
        check_classes(self.model, passed.logits)
        self._overflow.look(self, passed.logits)
        if stamps is None or not (meets is None or any(meets(offset, passed.logits.detach()) for offset in group)):
            return passed, False
        return passed, self._keep(key, stamps, passed, names, where)

    def has_room(self, names: Collection[str], settings: Settings, where: torch.device) -> bool:
        """Whether passes that record these layers can be kept from a prediction: one window at a time, one at least."""
        return self._together(settings, where, names) == 1 and self.need(set(names)) <= self._limit(where)

    def keep_only(self, offsets: Iterable[Offset]) -> None:
        """Forget the kept passes of other windows."""
        wanted = set(offsets)
        for key in [key for key in self._kept if wanted.isdisjoint(key[1])]:
            self.nbytes -= len(key[1]) * self.need(self._kept.pop(key)[2])

    def _limit(self, where: torch.device) -> int:
        return budget(where) if self._budget is None else self._budget

    def holds(self, offsets: Iterable[Offset]) -> bool:
        """Whether the passes of these windows are kept, in every mirroring and fold."""
        there = {(fold, offset, flip) for fold, group, flip, _ in self._kept for offset in group}
        runs = [(fold, flip) for fold in range(len(self.model.networks)) for flip in self.plan.flips]
        return all((fold, offset, flip) in there for fold, flip in runs for offset in offsets)

    def _keep(
        self, key: tuple, stamps: list[tuple], passed: capture.Pass, names: Collection[str], where: torch.device
    ) -> bool:
        """Keep a pass if it fits into the budget; another choice of layers forgets those kept so far."""
        if not self.layers.issuperset(names) or key in self._kept:
            self.forget()
            self.layers = frozenset(names)
        need = len(key[1]) * self.need(set(names))
        if self.nbytes + need > self._limit(where):
            return False
        self._kept[key] = stamps, passed, frozenset(names)
        self.nbytes += need
        return True

    def fuse(
        self, settings: Settings, tell: Progress, end: float, offsets: Sequence[Offset] | None = None,
        record: Sequence[str] = (), meets: Meets | None = None, known: Known | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """The fused logits ``[C, K, J, I]``, float32, made once as long as no weight changes.

        offsets: of some windows only; then the logits are right where no other window reaches, and are not kept.
        record: layers whose passes a question will need; those that ``meets`` approves are kept within the budget.
        known: windows of other images of the same case; one that has been seen there is not run again.
        """
        made_with = [stamp(network) for network in self.model.networks]
        if self.logits is not None and self._made_with == made_with:
            return self.logits
        where = destination(self.model.networks[0], settings.device)
        channels = output_channels(self.model)
        fused: Fused | None = None  # made with the first pass: it may settle how many channels there are
        some, done = offsets is not None, 0
        offsets = self.plan.offsets if offsets is None else offsets
        steps = len(offsets) * self.runs
        together = self._together(settings, where, ())
        with named_shortage(where):
            for fold, network in enumerate(self.model.networks):
                borrowed = undisturbed(network), placed(network, settings.device), self.reading.on(network)
                cast = settings.computed(where).cast(where)
                with borrowed[0], borrowed[1] as (_, at_home), borrowed[2], torch.no_grad(), cast:
                    stamps = stamp(network) if record and at_home else None
                    for flip in self.plan.flips:
                        for first in range(0, len(offsets), together):
                            group = offsets[first : first + together]
                            phase = f"predicting, window {done + 1} of {steps}"
                            a, b = end * done / steps, end * (done + len(group)) / steps
                            with tell.during(network, a, b, phase):
                                if stamps is None:
                                    again = partial(
                                        self._predicted, fold, network, flip=flip, where=where, channels=channels
                                    )
                                    logits = known(self, fold, group, flip, again) if known else again(tuple(group))
                                else:
                                    run = fold, network, tuple(group), flip, list(record), settings, where, stamps
                                    with own_words(network, self._like_a_window(where)):
                                        logits = self._passed(*run, stamps, meets)[0].logits.detach()
                            values = window_values(self.model, self.averaged)
                            logits = logits if values is None else values(logits)
                            fused = fused or self._fused(where)
                            logits = logits if self.model.spatial_dims == 3 else logits.unsqueeze(-3)
                            for offset, found in zip(group, logits, strict=True):
                                fused.add(found, offset, flip)
                            done += len(group)
        refuse_suspected(self.model)
        self._overflow.refuse()
        assert fused is not None
        with named_shortage(where):
            (found,), average = to_host([fused.logits()]), None
        if window_values(self.model, self.averaged) is not None:
            average, found = found, log_of_average(self.model, found)
        if not some:
            self.logits, self.average, self._made_with = found, average, made_with
        return found

    def _predicted(
        self, fold: int, network: torch.nn.Module, group: tuple[Offset, ...], flip: tuple[int, ...],
        where: torch.device, channels: int,
    ) -> torch.Tensor:  # fmt: skip
        """The logits of one group, without a graph; inside no_grad and the settings' context."""
        self.calls += 1
        with self.place(fold, flip, group[0]):
            batch = self.batch(group, flip, where)
            with own_words(network, batch):
                logits = capture.as_logits(network(batch), channels)
        self._refuse_shared_draws(group)
        check_classes(self.model, logits)
        self._overflow.look(self, logits)
        return logits

    def _fused(self, where: torch.device) -> Fused:
        """On the device where that leaves more than half of its free memory to the passes, else in RAM."""
        channels = output_channels(self.model)
        if where.type == "cuda" and 4 * channels * int(np.prod(self.plan.shape)) < FUSED_SHARE * memory_of(where)[1]:
            try:
                return Fused(self.plan, channels, self.runs, where)
            except torch.OutOfMemoryError:  # not in one piece
                pass
        return Fused(self.plan, channels, self.runs)

    def fitting(
        self, settings: Settings, names: Collection[str], where: torch.device
    ) -> tuple[Settings, tuple[str, ...]]:
        """bf16 (fp16) and one window at a time where one window's pass would not fit into the free memory in fp32."""
        need, free = self.need(set(names)), memory_of(where)[1]
        if is_half(settings.precision) or need <= 0.9 * free:
            return settings, ()
        why = f"One window's pass takes about {need / 2**30:.1f} GiB and {free / 2**30:.1f} GiB are free"
        half = Precision.on(where, BF16).name
        return Settings(settings.device, half, 1), (f"{why}: computed in {half}, one window at a time.",)

    def place(self, fold: int, flip: tuple[int, ...], offset: Offset) -> AbstractContextManager:
        """Context: every run of a network that draws random numbers has a draw of its own, whichever runs are made."""
        plan = self.plan
        run = (fold * len(plan.flips) + list(plan.flips).index(flip)) * len(plan.offsets)
        return seeded(place=run + list(plan.offsets).index(offset))

    def _refuse_shared_draws(self, group: Sequence[Offset]) -> None:
        """What a window draws must not depend on which others go with it."""
        if len(group) > 1 and drew(self.model.networks):
            raise SharedDrawsError

    def _together(self, settings: Settings, where: torch.device, names: Collection[str]) -> int:
        """Windows at a time: on a GPU as many as half of the free memory holds; one where the network draws."""
        if drew(self.model.networks):
            return 1
        if settings.together:
            return settings.together
        if where.type != "cuda":
            return 1
        need = self.need(set(names)) if names else self.need_to_predict()
        return max(1, min(MOST_TOGETHER, int(0.5 * memory_of(where)[1] // max(1, need))))

    def batch(self, group: Sequence[Offset], flip: tuple[int, ...], where: torch.device) -> torch.Tensor:
        """``[B, C, *spatial]`` on the device."""
        patches = torch.cat([self.plan.cut(self._volume, offset, flip) for offset in group])
        return to_device(patches if self.model.spatial_dims == 3 else patches[:, :, 0], where)
