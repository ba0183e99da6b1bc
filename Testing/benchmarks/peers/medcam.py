"""medcam (M3d-Cam): inject once, then call the network; a label function says which logits are explained."""

import torch
from medcam import medcam

from agreement import UNIT

from . import Prepared


def prepare(case, row, layers):
    (name,) = layers
    seed = torch.zeros(1, 3, *case.mask.shape)
    seed[:, case.class_index] = case.mask
    network = medcam.inject(case.network, backend="gcam", layer=name, label=lambda _: seed, return_attention=True)
    return Prepared(
        lambda: network(case.image),
        lambda _: {name: network.get_attention_map()},
        UNIT,
        "its first call runs twice (hidden test run)",
    )
