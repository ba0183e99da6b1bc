"""The floor: the network's plain forward, no gradient, no map."""

import contextlib

import torch

from . import Prepared


def forward(case, precision):
    """One forward as inference does it."""
    autocast = torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else contextlib.nullcontext()
    with torch.no_grad(), autocast:
        return case.network(case.image)


def prepare(case, row, layers):
    return Prepared(lambda: forward(case, row.precision), lambda _: {}, "")
