"""deepbet's second network as a model, and what deepbet's own code feeds it.

Its weights lie in its package (1.0.2: 8.7 MB each); nothing is downloaded.  deepbet's code turns the head to RAS, finds
the brain's box with a first network, and gives the second one that box on 256^3 voxels (nearest neighbours), its values
clipped at two percentiles and normalised.
"""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path

import numpy as np
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image


@cache
def opened(folder: Path):
    """(deepbet's own object, our model of its second program); the program is copied to the folder, beside two words
    that it does not hold itself: its classes and its order of axes."""
    import deepbet
    from deepbet.utils import DATA_PATH
    from seghirescam import open_model

    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(DATA_PATH) / "models" / "model.pt", folder / "program.pt")
    about = {"classes": ["background", "brain"], "axes": "xyz"}
    (folder / "program.model.json").write_text(json.dumps(about), encoding="utf-8")
    return deepbet.BrainExtraction(no_gpu=True), open_model(folder / "program.pt", consent=True)


def fed(bet, head) -> tuple[Image, np.ndarray]:
    """(the second network's input on its own grid in mm, the brain it draws there: bool ``[K, J, I]``).

    bet: of :func:`opened`.  head: a nibabel image.
    """
    import nibabel
    import torch

    turned = nibabel.as_closest_canonical(head)
    program, seen = bet.model, []

    class Recorded(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.program = program  # deepbet asks its network's first parameter where it lives

        def forward(self, x):
            seen.append((x, self.program(x)))
            return seen[-1][1]

    bet.model = Recorded()
    try:
        bet.run_model(np.ascontiguousarray(turned.get_fdata(dtype=np.float32)))
    finally:
        bet.model = program
    ((tensor, answer),) = seen
    scale = np.array([(b.stop - b.start) / n for b, n in zip(bet.bbox, tensor.shape[2:], strict=True)])
    move = np.diag([*scale, 1.0])
    # nearest neighbours: the middle of a cell is the middle of what it was taken from
    move[:3, 3] = [b.start for b in bet.bbox] + scale / 2 - 0.5
    array = np.ascontiguousarray(tensor[0, 0].numpy().T)
    return Image(array[None], Grid(array.shape, turned.affine @ move)), answer[0, 1].numpy().T > 0.5
