"""The small map that every computer should make alike: the demo's honest network about a ball in a textured ball.

Everything is computed from formulas, so that nothing but the engine and its needed packages is tried.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

MODEL, CLASS, LAYER = "demo:honest", "lesion", "encoder.2"
#: cells of 4 mm, the network's own grid: nothing is resampled
_SIZE, _MM = 32, 4.0
#: score (logit), and the map's largest absolute value and Euclidean norm (logit), computed in float32 on a CPU
SCORE, LARGEST, NORM = -728.5267, 0.592074, 1.074123
#: of those three; other CPUs add up in another order
TOLERANCE = 1e-3


@dataclass(frozen=True)
class SmallMap:
    """map: array of the layer's cells, logit.  seconds: with the network's loading."""

    map: Any
    score: float
    seconds: float

    def wrong(self) -> str:
        """Which number is not what it is elsewhere, "" if all are."""
        import numpy as np

        found = {
            "score": (self.score, SCORE),
            "largest value": (float(np.abs(self.map).max()), LARGEST),
            "norm": (float(np.linalg.norm(self.map.ravel())), NORM),
        }
        for name, (value, expected) in found.items():
            if not abs(value - expected) <= TOLERANCE * abs(expected):
                return f"its {name} is {value:.6g}, on other computers {expected:.6g}"
        return ""


def small_map(device: str) -> SmallMap:
    """The question asked on "cpu", "cuda:0", ... Raises what the engine raises."""
    from ..models import open_model
    from ..session.devices import move
    from ..session.explain import explain

    started = time.monotonic()
    image, ball = _case()
    model = open_model(MODEL)
    for network in model.networks:
        move(network, device)
    (found,) = explain(model, image, ball, class_index=CLASS, layers=LAYER, device=device)
    return SmallMap(found.map, float(found.score), time.monotonic() - started)


def _case():
    import numpy as np

    from ..protocol.grid import Grid
    from ..protocol.image import Image
    from ..protocol.pixel_set import PixelSet

    k, j, i = np.indices((_SIZE,) * 3, dtype=np.float64)
    middle = (_SIZE - 1) / 2
    head = (k - middle) ** 2 + (j - middle) ** 2 + (i - middle) ** 2 < (0.42 * _SIZE) ** 2
    ball = (k - 16) ** 2 + (j - 16) ** 2 + (i - 10) ** 2 < 3.2**2
    voxels = head * (700 + 100 * np.sin(k / 3) * np.cos(j / 4) * np.sin(i / 5)) + 200.0 * ball
    grid = Grid.from_spacing((_SIZE,) * 3, (_MM,) * 3)
    return Image(voxels.astype(np.float32), grid), PixelSet(ball, grid, "ball")
