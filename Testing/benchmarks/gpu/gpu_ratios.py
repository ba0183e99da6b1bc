"""What an explanation costs in forward passes, and in memory, beside the tools one would use instead."""

from __future__ import annotations

import copy
import time

import torch
from gpu_clock import DEVICE, Clock, synchronise, timed
from gpu_networks import CLASS_INDEX, Case, Scale
from seghirescam.cam.isolation.fp32_rounding import fp32_rounding
from seghirescam.session.explain import explain
from seghirescam.session.opening import open_session


def measure(scale: Scale, clock: Clock) -> dict:
    """{case: {forward, listing_s, layer: {who: times and ``forwards``}}}; all in fp32 without TF32."""
    found: dict = {}
    for name, widths, edge in scale.cases:
        case = Case.of(widths, edge)
        case.network.to(DEVICE)
        rows = found[name] = {}
        with fp32_rounding():
            rows["forward"] = forward = _forward(case, scale)
        started = time.perf_counter()
        open_session(case.model, case.picture, keep=False, device=DEVICE).layers()
        synchronise()
        rows["listing_s"] = round(time.perf_counter() - started, 3)
        for where, layer in (("bottleneck", case.network.bottleneck), ("late", case.network.late)):
            for who, work in (("ours", _ours(case, layer)), *_peers(case, layer)):
                if clock.is_over:
                    return found
                rows[f"{where}: {who}"] = _row(work, scale, forward["median_s"])
    return found


def _row(work, scale, forward):
    if work is None:
        return {"not measured": "not installed"}
    try:
        with fp32_rounding():
            row, _ = timed(work, scale.times)
    except Exception as error:  # a peer that cannot do it, or has no memory left
        return {"not measured": f"{type(error).__name__}: {str(error)[:160]}"}
    return row | {"forwards": round(row["median_s"] / forward, 2)}


def _forward(case, scale):
    image = case.image.to(DEVICE)

    def once():
        with torch.no_grad():
            case.network(image)

    return timed(once, scale.times)[0]


def _ours(case, layer):
    model, picture, pixels = case.model, case.picture, case.pixels
    return lambda: explain(model, picture, [pixels], class_index=CLASS_INDEX, layers=[layer], device=DEVICE)


def _peers(case, layer):
    """[(who, work, or None where it is not installed)]; their image lies on the device already, ours does not."""
    # a copy: MONAI leaves its hooks on the network, and ours would pay for them
    image, mask, network = case.image.to(DEVICE), case.mask.to(DEVICE), copy.deepcopy(case.network)

    def captum():
        from captum.attr import LayerGradientXActivation

        def score(batch):
            return (network(batch)[:, CLASS_INDEX] * mask).flatten(1).sum(dim=1)

        method = LayerGradientXActivation(score, network.get_submodule(layer))
        return lambda: method.attribute(image).sum(dim=1)

    def torchcam():
        from torchcam.methods import GradCAM

        def work():
            with GradCAM(network, layer) as extractor:
                target = lambda sample: (sample[CLASS_INDEX] * mask).sum()  # noqa: E731
                return extractor(scores=network(image), targets=target, normalized=False)[0]

        return work

    def monai():
        from monai.visualize import GradCAM

        class Scores(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.network = network

            def forward(self, batch):
                return (self.network(batch) * mask).flatten(2).sum(dim=2)

        method = GradCAM(nn_module=Scores(), target_layers=f"network.{layer}")
        return lambda: method.compute_map(image, class_idx=CLASS_INDEX)

    found = []
    for make in (captum, torchcam, monai):
        try:
            found.append((make.__name__, make()))
        except ImportError:
            found.append((make.__name__, None))
    return found
