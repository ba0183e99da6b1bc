"""A network with the score behind it, as libraries want it that differentiate a module."""

from __future__ import annotations

import torch

from .capture import as_logits


class ScoredNetwork(torch.nn.Module):
    """``[B]`` for images ``[B, C, *spatial]``; tells how many of ``steps`` are done.  context: as methods get it."""

    def __init__(self, context):
        super().__init__()
        self.network, self._context = context.network, context
        self.training = False
        self.steps = self._done = 0

    def forward(self, images):
        context = self._context
        context.forwards += len(images)
        if self.steps:
            context.tell(min(1.0, self._done / self.steps), f"integrating, step {self._done + 1} of {self.steps}")
            self._done += len(images)
        return context.per_item(as_logits(context.network(images.clone()), context.classes))
