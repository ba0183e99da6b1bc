"""A volume in sliding windows: predicted as the model's own inference does, and explained."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from gpu_clock import DEVICE, Clock, forget, timed
from gpu_networks import CLASS_INDEX, CLASSES, Scale, UNet
from seghirescam.models.plain import PlainModel
from seghirescam.models.segmentation_model import Windows
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session


def measure(scale: Scale, clock: Clock) -> dict:
    """{what: times}; "the floor" is a loop that keeps everything on the device, and reads the sums once."""
    widths, window, edge = ((4, 8), 8, 16) if scale.tiny else (scale.cases[-1][1], 128, 256)
    torch.manual_seed(0)
    network, shape = UNet(widths).eval().to(DEVICE), (edge,) * 3
    model = PlainModel(network, list(CLASSES), windows=_windows(window))
    grid = Grid.from_spacing(shape)
    picture = Image(np.random.default_rng(0).normal(size=shape).astype(np.float32), grid)
    weights = np.zeros(shape, np.uint8)
    weights[tuple(slice(edge // 2 - edge // 12 - 1, edge // 2 + edge // 12) for _ in range(3))] = 1
    pixels, rows = PixelSet(weights, grid, "box"), {}
    rows["predict, the floor"], _ = timed(lambda: _floor(network, picture, model.windows), 1)
    for precision, together in (("fp32", 1), ("fp32", None), ("bf16", None)):
        if clock.is_over:
            break
        words = {"device": DEVICE, "precision": precision, "keep": False, "windows_together": together}
        session = open_session(model, picture, **words)
        session.layers()
        named = f"{precision}, {'one window at a time' if together else 'as many as fit'}"
        rows[f"predict, {named}"], _ = timed(lambda s=session: (s.release(), s.logits()), 1)
        ask = lambda s=session: s.ask([pixels], class_index=CLASS_INDEX, layers=[network.bottleneck])  # noqa: E731
        rows[f"explain, {named}"], answers = timed(ask, 1)
        rows[f"explain, {named}"]["windows"] = answers[0].provenance["windows"]["run"]
        session.release()
        forget()
    return rows


def _windows(edge):
    axis = np.exp(-0.5 * ((np.arange(edge) - (edge - 1) / 2) / (edge / 8)) ** 2)
    importance = np.maximum(np.einsum("i,j,k->ijk", axis, axis, axis), 1e-3).astype(np.float32)

    def offsets(shape):
        per_axis = [sorted({*range(0, n - edge, edge // 2), n - edge}) for n in shape]
        return list(itertools.product(*per_axis))

    return Windows((edge,) * 3, offsets, importance)


def _floor(network, picture, windows):
    volume = torch.as_tensor(picture.array)[None].to(DEVICE)
    shape = volume.shape[2:]
    total, weight = (torch.zeros((n, *shape), device=DEVICE) for n in (len(CLASSES), 1))
    importance = torch.as_tensor(windows.importance, device=DEVICE)
    with torch.no_grad():
        for offset in windows.offsets(tuple(shape)):
            place = (slice(None), *(slice(o, o + n) for o, n in zip(offset, windows.size, strict=True)))
            total[place] += network(volume[(slice(None), *place)])[0] * importance
            weight[place] += importance
    return (total / weight).cpu()
