"""What a context method is handed: one network, one input, one frozen pixel set, and ways to ask for the score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import torch

from ..isolation.finite import doubled, inside_only
from ..isolation.random_draws import drew
from ..logits.score import Score
from ..passes.capture import as_logits
from .layer import Layer
from .tail import Tail

Cells = tuple[tuple[float, ...], Sequence[float]]


@dataclass(eq=False)
class Context:
    """One question for one method. Everything runs on the device of ``tensor``, with the network in evaluation mode.

    network; tensor: its input ``[1, C, *spatial]``.  layer: a :class:`layer.Layer`, or that of the input itself.
    listed: all layers.  score, head: as in :mod:`score`.  weights: m ``[*spatial]``, frozen.  cell_mm: of the layer.
    classes: output channels.  place: layer -> (position of cell 0, stride) in input voxels per axis.  together: how
    many items a batch may hold.  tell: ``(fraction of this method, words)``, raises to cancel.
    forwards, tails: runs made so far, in items.
    """

    network: torch.nn.Module
    tensor: torch.Tensor
    layer: Layer
    listed: list
    score: Score
    head: str
    weights: torch.Tensor
    cell_mm: tuple[float, ...]
    classes: int
    place: Callable[[Layer], Cells]
    together: int = 1
    tell: Callable[[float, str], None] = lambda fraction, words: None
    autocast: torch.dtype | None = None
    share: dict = field(default_factory=dict)
    forwards: int = 0

    @property
    def m_total(self) -> float:
        """|M|, the sum of the weights."""
        weights = self.weights if self.weights.device.type == "cuda" else self.weights.cpu().double()
        return float(weights.sum(dtype=torch.float64))

    @property
    def on(self):
        """A new autocast context."""
        device = self.tensor.device.type
        return torch.autocast(device, dtype=self.autocast) if self.autocast else nullcontext()

    def per_item(self, logits: torch.Tensor) -> torch.Tensor:
        """S of every item ``[B]`` of logits ``[B, C, *spatial]``; keeps the graph, at least float32."""
        logits = logits.float() if logits.dtype.itemsize < 4 else logits
        values = self.score.values(inside_only(logits, self.weights), self.head)
        return (values * self.weights.to(values.dtype)).flatten(1).sum(dim=1)

    def scores(self, logits: torch.Tensor) -> torch.Tensor:
        """S of every item ``[B]``, summed in float64, without a graph; a GPU's stay there."""
        logits = logits.detach()
        logits = logits.float() if logits.dtype.itemsize < 4 else logits
        values = self.score.values(inside_only(logits, self.weights), self.head)
        return doubled(values, self.weights).flatten(1).sum(dim=1, dtype=torch.float64)

    @property
    def logits(self) -> torch.Tensor:
        """Of the unchanged input ``[1, C, *spatial]``, computed once and without a graph."""
        if "logits" not in self.share:
            tail = self.share.get(("tail", self.layer.name))
            self.share["logits"] = tail.logits if tail else self.forward(self.tensor)
        return self.share["logits"]

    @property
    def activation(self) -> torch.Tensor:
        """Of the layer ``[1, K, *cells]``, without a graph: that of the tail if there is one, else by one forward."""
        key = ("activation", self.layer.name)
        if ("tail", self.layer.name) in self.share:
            return self.share[("tail", self.layer.name)].activation
        if key not in self.share:
            name, _, wanted = self.layer.name.partition("#")
            kept, calls = [], 0

            def keep(module, inputs, output):
                nonlocal calls
                calls += 1
                if calls == int(wanted or 1):
                    kept.append(output.detach().clone())  # a copy: what is behind may work in place

            handle = self.network.get_submodule(name).register_forward_hook(keep)
            try:
                logits = self.forward(self.tensor)
            finally:
                handle.remove()
            self.share.setdefault("logits", logits)
            self.share[key] = kept[0]
        return self.share[key]

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Logits of other inputs ``[B, C, *spatial]``, without a graph; a copy: networks may work in place."""
        if len(batch) > 1 and drew([self.network]):  # a draw must not depend on what else is in the batch
            return torch.cat([self.forward(one) for one in batch.split(1)])
        self.forwards += len(batch)
        with torch.no_grad(), self.on:
            return as_logits(self.network(batch.clone()), self.classes)

    @property
    def tail(self) -> Tail:
        """What lies behind the layer; recorded once, shared by the methods of a layer."""
        key = ("tail", self.layer.name)
        if key not in self.share:
            # the outputs known of another layer are not needed any more
            for old in [k for k in self.share if isinstance(k, tuple) and k[0] == "tail"]:
                del self.share[old]
            self.tell(0.0, "recording what lies before the layer")
            tail = Tail(self.network, self.tensor, self.layer.name, channels=self.classes, on=lambda: self.on)
            self.share[key] = tail
            self.share.setdefault("logits", tail.logits)
        return self.share[key]

    def tail_scores(self, activations: Iterable[torch.Tensor], count: int, words: str) -> torch.Tensor:
        """S ``[count]`` (float64, CPU) of activations ``[K, *cells]``, in batches; cancelled between them."""
        return self._in_batches(self.tail, activations, count, words)

    def forward_scores(self, inputs: Iterable[torch.Tensor], count: int, words: str) -> torch.Tensor:
        """The same for inputs ``[C, *spatial]`` and full forwards."""
        return self._in_batches(self.forward, inputs, count, words)

    def _in_batches(self, run, items, count, words):
        found, waiting = [], []

        def flush():
            self.tell(len(found) / max(1, count), f"{words} {len(found) + 1} of {count}")
            with torch.no_grad():
                found.extend(self._fitting(run, torch.stack(waiting)))
            waiting.clear()

        for item in items:
            waiting.append(item)
            if len(waiting) == self.together:
                flush()
        if waiting:
            flush()
        return torch.stack(found).cpu() if found else torch.zeros(0, dtype=torch.float64)

    def _fitting(self, run, batch):
        """Scores of a batch; smaller batches from then on where the memory does not suffice."""
        found, first = [], 0
        while first < len(batch):
            part = batch[first : first + self.together]
            try:
                found += self.scores(run(part))
            except torch.OutOfMemoryError:
                if len(part) == 1:
                    raise
                self.together = max(1, len(part) // 2)
                continue
            first += len(part)
        return found
