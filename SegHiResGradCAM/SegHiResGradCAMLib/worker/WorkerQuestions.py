"""What the worker can be asked in this panel: one method a job, each returns the request's number at once.

What the words mean and what the result holds stands in :mod:`seghirescam.protocol.requests`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seghirescam.protocol import requests
from seghirescam.protocol.explanation import Explanation
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.requests import Source

from .ChannelImages import Images


class WorkerQuestions:
    """The asking half of WorkerClient, which has ``ask(kind, codeHash, **fields)``.

    image: Image, or ChannelImages; pass the same objects as long as the case is the same, and they are not written
    again.  pixelSets: PixelSets or recipes of protocol.recipes.  codeHash: consent_sha256 of the description, sent if
    consent is on record.  Words that are left out or None are the engine's choice.
    """

    ask: Callable[..., int]

    def describe(self, source: Source) -> int:
        return self.ask(requests.Describe, model=source)

    def layers(self, source: Source, image: Images, **words: Any) -> int:
        return self.ask(requests.Layers, model=source, image=image, **words)

    def explain(self, source: Source, image: Images, pixelSets: Any, **words: Any) -> int:
        """show: {"on": "input" or "layer", "layer": its name, default the first}."""
        words["show"] = requests.Show(**words["show"]) if words.get("show") else None
        return self.ask(requests.Explain, model=source, image=image, pixel_sets=pixelSets, **words)

    def compare(self, source: Source, image: Images, pixelSets: Any, **words: Any) -> int:
        return self.ask(requests.Compare, model=source, image=image, pixel_sets=pixelSets, **words)

    def estimate(self, source: Source, image: Images, pixelSets: Any, **words: Any) -> int:
        return self.ask(requests.Estimate, model=source, image=image, pixel_sets=pixelSets, **words)

    def predict(self, source: Source, image: Images, **words: Any) -> int:
        return self.ask(requests.Predict, model=source, image=image, **words)

    def paint(self, source: Source, image: Images, pixelSets: Any, *, region: Any, **words: Any) -> int:
        """region: a recipe, or (a map's cells, its Grid, share, outside), see requests.HottestPart."""
        if isinstance(region, tuple):
            region = requests.HottestPart(region[:2], *region[2:])
        return self.ask(requests.Paint, model=source, image=image, pixel_sets=pixelSets, region=region, **words)

    def trust(self, source: Source, image: Images, pixelSets: Any, **words: Any) -> int:
        return self.ask(requests.Trust, model=source, image=image, pixel_sets=pixelSets, **words)

    def trustCost(self, source: Source, image: Images, pixelSets: Any, **words: Any) -> int:
        return self.ask(requests.TrustCost, model=source, image=image, pixel_sets=pixelSets, **words)

    def bySegment(self, map: Any, labels: Any, image: Images | None = None) -> int:
        return self.ask(requests.BySegment, map=map, labels=labels, image=image)

    def resample(self, explanation: Explanation, target: Grid | None) -> int:
        cells = explanation.map, explanation.grid
        return self.ask(requests.Resample, map=cells, unit=explanation.unit, target=target)

    def probe(self) -> int:
        return self.ask(requests.Probe)


def refuseUnknown(kind: Any, words: dict) -> None:
    """Raises TypeError: a misspelt word would be the engine's choice, silently."""
    unknown = words.keys() - kind.__dataclass_fields__.keys()
    if unknown:
        raise TypeError(f"unknown options: {', '.join(sorted(unknown))}")
