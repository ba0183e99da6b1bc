"""The metrics of one map, by key. A new one is one file in this folder, or elsewhere, that calls :func:`register`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...protocol.grid import Grid
from ...protocol.value import Value

#: of what a metric tells
WHERE, SIMPLE = "where", "simple"
#: what it needs: a region, for which it is answered region by region over the body; or the map alone, over the volume
REGION, MAP = "region", "map"


@dataclass(frozen=True, eq=False)
class MapOnImage:
    """What a metric may look at. density: signed ``[K, J, I]`` on the image's grid.  half_cell: half the diagonal of
    the layer's cell, mm.  region, body: bool, None where there is none."""

    density: np.ndarray
    grid: Grid
    half_cell: float
    region: np.ndarray | None = None
    body: np.ndarray | None = None


@dataclass(frozen=True)
class Metric:
    """key: its row's name.  title: in words.  unit: of its values, "" for shares.  measure: its Value of a map; or
    several by their rows' names, where they cost one."""

    key: str
    title: str
    unit: str
    needs: str
    measure: Callable[[MapOnImage], Value | dict[str, Value]]
    group: str = WHERE

    def rows(self, seen: MapOnImage) -> dict[str, Value]:
        """By the name of their row."""
        found = self.measure(seen)
        return {self.key: found} if isinstance(found, Value) else found


registered: dict[str, Metric] = {}


def register(*metrics: Metric) -> None:
    registered.update({metric.key: metric for metric in metrics})


def metrics(needs: str | None = None) -> list[Metric]:
    """All of them, or those with that need, in the order of their rows."""
    package = __package__
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        importlib.import_module(f"{package}.{module.name}")
    return [metric for metric in registered.values() if needs in (None, metric.needs)]
