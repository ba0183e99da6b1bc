"""How a request's fields travel that are more than plain values: maps, label maps, regions, grids, pixel sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..arrays import Load, MessageError, Save
from ..display.map_grids import MAP_GRIDS
from ..grid import Grid
from ..messages import recipe_from_json, recipe_to_json, sets_from_json, sets_to_json
from ..recipes import Recipe

#: the array of a map or label map, and where its cells lie
Cells = tuple[np.ndarray, Grid]
FAULT = "This is an internal error."
#: kind of a region that is the most important region of a map; all others are pixel sets
_HOTTEST = "hottest"


@dataclass(frozen=True, eq=False)
class HottestPart:
    """A region to mask out: the part of a map that holds ``share`` of its evidence, or ``ml`` millilitres of it.

    outside: of the evidence that lies outside the pixel set, with a distance.
    """

    map: Cells
    share: float | None = None
    outside: bool = False
    ml: float | None = None


@dataclass(frozen=True)
class Show:
    """Which of the maps is wanted for display, the first by default. on: a kind of :mod:`map_grids`."""

    on: str
    layer: str | None = None


# how fields travel that are more than plain values: (to JSON, from JSON)


def _cells_to_json(cells: tuple, save: Save) -> dict:
    return {"grid": cells[1].to_json(), "array": save(cells[0], "map")}


def _cells(data: dict, load: Load, what: str = "The map") -> Cells:
    array, grid = load(data["array"]), Grid.from_json(data["grid"])
    if array.shape != grid.shape:
        raise MessageError(f"{what} does not fit its grid.", FAULT)
    return array, grid


def _region_to_json(region: Recipe | HottestPart, save: Save) -> dict:
    if not isinstance(region, HottestPart):
        return recipe_to_json(region, save)
    told = {"kind": _HOTTEST, "map": _cells_to_json(region.map, save), "share": region.share, "outside": region.outside}
    return told if region.ml is None else told | {"ml": region.ml}


def _region(data: dict, load: Load) -> Recipe | HottestPart:
    if data.get("kind") != _HOTTEST:
        return recipe_from_json(data, load)
    return HottestPart(_cells(data["map"], load), data.get("share"), bool(data.get("outside")), data.get("ml"))


def _labels_to_json(labels: Iterable[tuple], save: Save) -> list[dict]:
    """labels: [(label map, its Grid, {label: name})]."""
    return [_cells_to_json(one, save) | {"names": {str(n): name for n, name in one[2].items()}} for one in labels]


def _labels(data: list[dict], load: Load) -> tuple:
    if not data:
        raise MessageError("No label map was sent.", FAULT)
    names = [{int(n): name for n, name in one["names"].items()} for one in data]
    return tuple((*_cells(one, load, "A label map"), own) for one, own in zip(data, names, strict=True))


def _show(data: dict) -> Show:
    if data["on"] not in MAP_GRIDS:
        raise MessageError(f"A map cannot be shown on {data['on']!r}.", FAULT)
    return Show(data["on"], data.get("layer"))


CELLS = {"travels": (_cells_to_json, _cells)}
LABELS = {"travels": (_labels_to_json, _labels)}
REGION = {"travels": (_region_to_json, _region)}
GRID = {"travels": (lambda grid, save: grid.to_json(), lambda data, load: Grid.from_json(data))}
SETS = {"travels": (sets_to_json, sets_from_json)}
SHOW = {
    "travels": (
        lambda show, save: {name: value for name, value in vars(show).items() if value is not None},
        lambda data, load: _show(data),
    )
}
PLAIN: tuple[Callable, Callable] = (lambda value, save: value, lambda data, load: data)
