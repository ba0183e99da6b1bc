"""What Slicer and the worker say to each other: one JSON object a line, arrays as .npy files in a private folder.

Standard library and numpy only: both sides import this file.  To the worker: ``{"id": 3, "do": ..., ...}``, see
:mod:`requests`.  From the worker: ``hello`` once, then for a request any number of ``progress`` and one ``result`` or
``error``.  A line that is none of these is log.  Nothing here names a file of the user: arrays lie under neutral names,
images and weights are told apart by hash.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import MessageError
from .boxed_pixel_set import BoxedPixelSet, LabelBox
from .errors import SegHiResCamError
from .explanation import USUAL_UNIT, Explanation, LayerInfo
from .grid import Grid
from .pixel_set import PixelSet
from .recipes import FORMS, Recipe, as_recipe
from .untrusted import json_value

if TYPE_CHECKING:
    from .arrays import Load, Save

#: raised when a message changes its meaning; the client refuses a worker that speaks another one
PROTOCOL = 3


@dataclass(frozen=True)
class Hello:
    """The worker is there. pid: of the interpreter itself (a launcher has another one).  file: of the package it runs.

    devices: [{"device": "cuda:0", "type", "name", "total_bytes", "free_bytes"}], the CPU last.  methods: what can be
    asked for, [{"name", "title", "cost", "slow", "about"}], see method_list.
    """

    pid: int
    version: str
    file: str
    python: str
    torch: str
    devices: list
    methods: list = field(default_factory=list)
    protocol: int = PROTOCOL

    def to_json(self) -> dict:
        return {"hello": {f.name: getattr(self, f.name) for f in fields(self)}}


@dataclass(frozen=True)
class Progress:
    """fraction 0..1 never falls within a request. id: None while the worker itself starts."""

    id: int | None
    fraction: float
    phase: str

    def to_json(self) -> dict:
        return {"id": self.id, "progress": round(self.fraction, 4), "phase": self.phase}


@dataclass(frozen=True)
class Result:
    """The end of a request that succeeded."""

    id: int
    data: dict

    def to_json(self) -> dict:
        return {"id": self.id, "result": self.data}


@dataclass(frozen=True)
class Failure:
    """The end of a request that did not: see :mod:`errors` for what the four parts mean."""

    id: int | None
    code: str
    sentence: str
    hint: str = ""
    numbers: dict = field(default_factory=dict)

    @staticmethod
    def of(request: int | None, error: SegHiResCamError) -> Failure:
        return Failure(request, error.code, error.sentence, error.hint, error.numbers)

    def to_json(self) -> dict:
        error = {"code": self.code, "sentence": self.sentence, "hint": self.hint, "numbers": self.numbers}
        return {"id": self.id, "error": error}


Event = Hello | Progress | Result | Failure


def line(message: dict) -> bytes:
    """ASCII, ends in a newline, numbers with a point in every locale; NaN and infinity become null."""
    return json.dumps(_finite(message), allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"


def event(text: bytes | str) -> Event | None:
    """What a line from the worker says; None for a line that is no event."""
    try:
        data = json_value(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    except ValueError:
        return None
    if not isinstance(data, dict):
        return None
    try:
        if "hello" in data:
            return Hello(**data["hello"])
        if "progress" in data:
            return Progress(data["id"], float(data["progress"]), str(data["phase"]))
        if "result" in data:
            return Result(int(data["id"]), dict(data["result"]))
        if "error" in data:
            return Failure(data["id"], **{k: data["error"][k] for k in ("code", "sentence", "hint", "numbers")})
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return None


@dataclass(frozen=True, eq=False)
class BoxedPixels:
    """A pixel set as it travels: a segment is small, its volume is not.

    inner: weights [K, J, I] of a box, uint8 where they are 0 and 1; all others are 0.  start: its first index.
    """

    inner: np.ndarray
    start: tuple[int, int, int]
    grid: Grid
    label: str

    @staticmethod
    def of(pixels: PixelSet) -> BoxedPixels:
        inside = pixels.weights != 0
        spans = [np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
        if not spans[0].size:
            return BoxedPixels(np.zeros((1, 1, 1), np.uint8), (0, 0, 0), pixels.grid, pixels.label)
        inner = pixels.weights[tuple(slice(s[0], s[-1] + 1) for s in spans)]
        hard = ((inner == 0) | (inner == 1)).all()
        k, j, i = (int(s[0]) for s in spans)
        return BoxedPixels(inner.astype(np.uint8) if hard else inner, (k, j, i), pixels.grid, pixels.label)

    def whole(self) -> PixelSet:
        """With the weights of all voxels. Raises as :meth:`held`."""
        held = self.held()
        return PixelSet(held.weights, held.grid, held.label)

    def held(self) -> PixelSet:
        """The set, of which no more than the box is kept. Raises MessageError if that does not lie in the grid."""
        inner = self.inner
        box = zip(self.start, inner.shape, self.grid.shape, strict=True) if inner.ndim == 3 else ((-1, 0, 0),)
        if any(first < 0 or count < 1 or first + count > size for first, count, size in box):
            raise MessageError("The voxels of a pixel set do not fit its grid.", "This is an internal error.")
        return BoxedPixelSet.of(inner, self.start, self.grid, self.label)


@dataclass(frozen=True, eq=False)
class LabelledPixels:
    """A pixel set that lies with others in one label map: ``labels`` [K, J, I] on ``grid``, where they are ``value``.

    start, shape: the box around it.  Together with the others it travels as the label map, alone as its box.
    """

    labels: np.ndarray
    value: int
    start: tuple[int, ...]
    shape: tuple[int, ...]
    grid: Grid
    label: str

    def boxed(self) -> BoxedPixels:
        """Raises MessageError where the box does not lie in the label map."""
        return BoxedPixels(np.asarray(self._inner()), self.start, self.grid, self.label)  # type: ignore[arg-type]

    def held(self) -> PixelSet:
        """The set, of which nothing is kept but the label map. Raises as :meth:`boxed`."""
        return BoxedPixelSet.of(self._inner(), self.start, self.grid, self.label)

    def _inner(self) -> LabelBox:
        box = tuple(slice(first, first + count) for first, count in zip(self.start, self.shape, strict=True))
        fits = min(self.start) >= 0 and min(self.shape) > 0 and self.labels[box].shape == tuple(self.shape)
        if self.labels.shape != self.grid.shape or not fits:
            raise MessageError("The box of a pixel set does not lie in its label map.", "This is an internal error.")
        return LabelBox(self.labels[box], self.value)


def sets_to_json(sets: Iterable[Recipe], save: Save) -> list[dict]:
    """As :func:`recipe_to_json`; those that lie in label maps travel as these where that takes fewer bytes."""
    sets = [as_recipe(one) for one in sets]
    labelled = [given for given in map(_given, sets) if isinstance(given, LabelledPixels)]
    maps = {id(one.labels): one.labels for one in labelled}
    if sum(one.nbytes for one in maps.values()) >= sum(math.prod(one.shape) for one in labelled):
        return [recipe_to_json(one, save) for one in sets]
    names = {key: save(labels, "labels") for key, labels in maps.items()}
    return [recipe_to_json(one, save, names) for one in sets]


def recipe_to_json(wanted: Recipe | PixelSet, save: Save, label_maps: Mapping[int, str] | None = None) -> dict:
    """``save(array) -> name`` keeps the voxels of a pixel set. Raises PixelSetError, or what ``save`` raises.

    label_maps: id of a label map that travels -> its name.
    """
    recipe = as_recipe(wanted)
    if FORMS.get(recipe.kind) is not type(recipe):
        raise MessageError(f"A {type(recipe).__name__} cannot be sent to the worker.", "Resolve it to a PixelSet.")
    data: dict = {"kind": recipe.kind}
    for f in fields(recipe):  # type: ignore[arg-type]
        value = getattr(recipe, f.name)
        if f.name != recipe.given:
            data[f.name] = _plain(value)
        elif isinstance(value, Recipe):
            data[f.name] = recipe_to_json(value, save, label_maps)
        elif isinstance(value, LabelledPixels) and label_maps:
            place = {"start": list(value.start), "grid": value.grid.to_json(), "label": value.label}
            inside = {"value": value.value, "shape": list(value.shape)}
            data[f.name] = {"array": label_maps[id(value.labels)], **inside, **place}
        else:
            value = value.boxed() if isinstance(value, LabelledPixels) else value
            boxed = value if isinstance(value, BoxedPixels) else BoxedPixels.of(value)
            place = {"start": list(boxed.start), "grid": boxed.grid.to_json(), "label": boxed.label}
            data[f.name] = {"array": save(boxed.inner), **place}
    return data


def recipe_from_json(data: dict, load: Load) -> Recipe:
    """``load(name) -> array``. Raises MessageError, GeometryError or PixelSetError."""
    if not isinstance(data, dict) or data.get("kind") not in FORMS:
        raise MessageError("A pixel set of an unknown kind was asked for.", f"Known: {', '.join(FORMS)}.")
    form = FORMS[data["kind"]]
    try:
        values = {f.name: data[f.name] for f in fields(form) if f.name in data}  # type: ignore[arg-type]
        given = values.get(form.given)
        if given is not None:
            values[form.given] = recipe_from_json(given, load) if "kind" in given else _held(given, load)
        return form(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})
    except (KeyError, TypeError) as error:
        raise MessageError(f"The pixel set '{data['kind']}' lacks something: {error}.", "") from error


def _given(recipe: Recipe) -> Any:
    """The voxels that were given with a recipe, or with the one that it is made of; None without any."""
    value: Any = recipe
    while isinstance(value, Recipe):
        value = getattr(value, value.given) if value.given else None
    return value


def sets_from_json(data: list[dict], load: Load) -> tuple[Recipe, ...]:
    """As :func:`recipe_from_json`; a label map of several sets is loaded once."""
    load = functools.cache(load)
    return tuple(recipe_from_json(one, load) for one in data)


def _held(pixels: dict, load: Load) -> PixelSet:
    array, start, grid = load(pixels["array"]), tuple(pixels["start"]), Grid.from_json(pixels["grid"])
    if "value" in pixels:
        return LabelledPixels(array, pixels["value"], start, tuple(pixels["shape"]), grid, str(pixels["label"])).held()
    return BoxedPixels(array, start, grid, str(pixels["label"])).held()


def layer_to_json(layer: LayerInfo) -> dict:
    return {f.name: _plain(getattr(layer, f.name)) for f in fields(layer)}


def layer_from_json(data: dict) -> LayerInfo:
    words: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
    return LayerInfo(**words)


def explanation_to_json(explanation: Explanation, array: str) -> dict:
    """array: the file that holds the map."""
    return {"array": array, "facts": explanation.to_json(), "layer": layer_to_json(explanation.layer)}


def explanation_from_json(data: dict, load: Load) -> Explanation:
    """The explanation as the engine made it; ``load(name) -> array``."""
    facts = data["facts"]
    same = ("unit", "method", "method_title", "class_index", "class_name", "score_title", "side", "status", "reason")
    return Explanation(
        map=load(data["array"]),
        grid=Grid.from_json(facts["grid"]),
        score=math.nan if facts["score"] is None else facts["score"],
        layer=layer_from_json(data["layer"]),
        pixel_set_label=facts["pixel_set"],
        notes=tuple(facts["notes"]),
        provenance=facts["provenance"],
        score_unit=facts.get("score_unit", USUAL_UNIT),
        **{name: facts[name] for name in same},
    )


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
