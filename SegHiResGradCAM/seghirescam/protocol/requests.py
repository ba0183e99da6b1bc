"""What the worker can be asked: one class a request, for who asks it, who answers it, and the line between them.

A new request is an entry here and a handler (:mod:`worker.handlers`).  None, as a field that is left out, is the
engine's choice.  Arrays travel as files: ``save(array, what) -> name`` keeps one, ``load(name) -> array`` reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, dataclass_transform

import numpy as np

from .arrays import Load, MessageError, Save
from .display.map_grids import MAP_GRIDS
from .grid import Grid
from .messages import recipe_from_json, recipe_to_json, sets_from_json, sets_to_json
from .question import DEFAULT, ComputeSettings, Question
from .recipes import Recipe

#: the array of a map or label map, and where its cells lie
Cells = tuple[np.ndarray, Grid]
Source = str | list | dict
_FAULT = "This is a fault of ours."
#: kind of a region that is the hottest part of a map; all others are pixel sets
_HOTTEST = "hottest"
#: what tells a line apart, beside the fields
_ENVELOPE = {"id", "do"}


@dataclass(frozen=True, eq=False)
class HottestPart:
    """A region to paint over: the part of a map that holds ``share`` of its evidence, or ``ml`` millilitres of it.

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
        raise MessageError(f"{what} does not fit its grid.", _FAULT)
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
        raise MessageError("No label map was sent.", _FAULT)
    names = [{int(n): name for n, name in one["names"].items()} for one in data]
    return tuple((*_cells(one, load, "A label map"), own) for one, own in zip(data, names, strict=True))


def _show(data: dict) -> Show:
    if data["on"] not in MAP_GRIDS:
        raise MessageError(f"A map cannot be shown on {data['on']!r}.", _FAULT)
    return Show(data["on"], data.get("layer"))


_CELLS = {"travels": (_cells_to_json, _cells)}
_LABELS = {"travels": (_labels_to_json, _labels)}
_REGION = {"travels": (_region_to_json, _region)}
_GRID = {"travels": (lambda grid, save: grid.to_json(), lambda data, load: Grid.from_json(data))}
_SETS = {"travels": (sets_to_json, sets_from_json)}
_SHOW = {
    "travels": (
        lambda show, save: {name: value for name, value in vars(show).items() if value is not None},
        lambda data, load: _show(data),
    )
}
_PLAIN: tuple[Callable, Callable] = (lambda value, save: value, lambda data, load: data)

#: every request by its word
REQUESTS: dict[str, type[Request]] = {}


@dataclass_transform(frozen_default=True, eq_default=False, kw_only_default=True, field_specifiers=(field,))
class Request:
    """Base; what is derived from it is a frozen dataclass. do: its word."""

    do: ClassVar[str] = ""

    def __init_subclass__(cls, do: str = "", **words: Any):
        super().__init_subclass__(**words)
        dataclass(frozen=True, eq=False, kw_only=True)(cls)
        if do:
            cls.do = do
            REQUESTS[do] = cls

    def to_json(self, save: Save | None = None) -> dict[str, Any]:
        """All but the line's number. Raises PixelSetError, MessageError, or what ``save`` raises."""
        told = {"do": self.do}
        for one in fields(self):  # type: ignore[arg-type]
            value = getattr(self, one.name)
            if value is not None:
                told[one.name] = one.metadata.get("travels", _PLAIN)[0](value, save)
        return told


def request_from_json(data: dict, load: Load) -> Request:
    """Raises MessageError for what is no request, lacks a field or has one too many, or what a field's form raises."""
    kind = REQUESTS.get(data["do"])
    if kind is None:
        raise MessageError(f"The worker cannot do {data['do']!r}.", f"It can: {', '.join(REQUESTS)}.")
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(data.keys() - known.keys() - _ENVELOPE)
    if unknown:
        raise MessageError(f"The request '{kind.do}' has no {', '.join(map(repr, unknown))}.", _FAULT)
    try:
        values = {}
        for name, one in known.items():
            if data.get(name) is not None:
                values[name] = one.metadata.get("travels", _PLAIN)[1](data[name], load)
            elif one.default is MISSING:
                raise KeyError(name)
    except KeyError as error:
        raise MessageError(f"The request lacks {error}.", _FAULT) from error
    return kind(**values)


class OfACase(Request):
    """A model, an image, and how to compute. image: as it lies in the folder (on its way there: an Image, or several).

    consent_sha256: of the author's code that the user agreed to.  device: None is the best there is, and the CPU where
    its memory does not suffice.  The others as in :class:`question.ComputeSettings`.
    """

    model: Source
    image: Any
    consent_sha256: str | None = None
    device: str | None = None
    precision: str | None = None
    deterministic: bool | None = None
    memory_budget_bytes: int | None = None
    tolerance: float | None = None
    random_seed: int | None = None
    mirroring: str | None = None
    folds: list[str] | None = None

    @property
    def settings(self) -> ComputeSettings:
        return ComputeSettings(**_given(self, ComputeSettings) | {"seed": self.random_seed or 0})


class AboutPixelSets(OfACase):
    """What is asked about pixel sets, in the words of :class:`question.Question`. pixel_sets: also of BoxedPixels or
    LabelledPixels."""

    pixel_sets: tuple[Recipe, ...] = field(metadata=_SETS)
    class_index: int | str
    score: str | None = None
    rival: int | str | None = None
    side: str | None = None

    @property
    def words(self) -> dict[str, Any]:
        """The fields of a Question that were given, without the pixel sets."""
        return {name: value for name, value in _given(self, Question).items() if name != "pixel_sets"}

    def pixel_set(self, what: str) -> Recipe:
        """The only one. Raises MessageError with ``what`` is about one."""
        if len(self.pixel_sets) != 1:
            raise MessageError(f"{what} is about one pixel set.", _FAULT)
        return self.pixel_sets[0]


def _given(request: Request, form: Any) -> dict[str, Any]:
    found = {one.name: getattr(request, one.name, None) for one in fields(form)}
    return {name: value for name, value in found.items() if value is not None}


class Describe(Request, do="describe"):
    """Result: kind, kind_title, classes, channels, requirements, missing, runs_author_code, consent_sha256."""

    model: Source


class Layers(OfACase, do="layers"):
    """Result: layers (list of LayerInfo) for this image."""


class Estimate(OfACase, do="estimate"):
    """Result: windows, of_windows, forward_passes, window_bytes of a question; {} where a model cuts no windows."""

    pixel_sets: tuple[Recipe, ...] = field(metadata=_SETS)
    layers: str | list[str] | None = None
    class_index: int | str | None = None


class Explain(AboutPixelSets, do="explain"):
    """Result: explanations (list of Explanation), layers (list of LayerInfo), session (what it cost and kept), and with
    ``show`` the ``shown`` of :class:`Resample`; places: of the pixel set that each explanation is about; left_out: of
    several pixel sets those that are empty, by their place, and why.  Of several sets every map is shown: ``shown`` is
    a list then, and ``on`` says on which grid, the layer's cells where all together would take too much memory.
    class_index, rival: of all pixel sets, or one for each."""

    class_index: int | str | list[int | str]  # type: ignore[assignment]
    rival: int | str | list[int | str] | None = None  # type: ignore[assignment]
    methods: list[str] | None = None
    layers: str | list[str] | None = None
    noise: str | None = None
    noise_samples: int | None = None
    noise_sigma: float | None = None
    draws: int | None = None
    show: Show | None = field(default=None, metadata=_SHOW)


class Compare(AboutPixelSets, do="compare"):
    """Result: rows (dicts, one a method and layer; ``map``: its place among the explanations, or None), explanations,
    layers, session. methods: names or "cheap", layers: names or "main"; most_cells: larger maps are measured but do not
    travel."""

    methods: str | list[str]
    layers: str | list[str] | None = None
    most_cells: int | None = None


class Disagree(OfACase, do="disagree"):
    """Result: disagreement (dice, models, classes, passes), rows (dicts, one a set and model; ``map``: its place among
    the explanations, or None), explanations, maps (the sets as a label map on the image, with classes as of
    prediction.label_maps), notes, session.

    model is A and second_model B, which is given the same image.  second_class, second_rival: where B calls them
    otherwise.  layers: a word.  most_cells: larger maps are measured but do not travel.
    """

    second_model: Source
    second_consent_sha256: str | None = None
    class_index: int | str
    second_class: int | str | None = None
    method: str | None = None
    layers: str | None = None
    score: str | None = None
    rival: int | str | None = None
    second_rival: int | str | None = None
    most_cells: int | None = None


class Paint(AboutPixelSets, do="paint"):
    """Result: painting (facts, with a sentence), region, before, after (each voxels and grid), notes, session.

    control: also paint the same shape over elsewhere.
    """

    region: Recipe | HottestPart = field(metadata=_REGION)
    margin_mm: float | None = None
    control: bool | None = None


class Trust(AboutPixelSets, do="trust"):
    """Result: trust (tier, verdict, verdict_sentence, cost, rows, curves), notes, session.

    tier: "fast" or "full".  map: the map that is judged, where there is one already.
    """

    tier: str
    method: str
    layer: str | None = None
    map: Cells | None = field(default=None, metadata=_CELLS)

    @property
    def words(self) -> dict[str, Any]:
        return super().words | {"methods": [self.method], "layers": [self.layer] if self.layer else DEFAULT}


class TrustCost(Trust, do="trust_cost"):
    """Result: cost (forwards, text) of what :class:`Trust` would do for the same words."""


class Check(OfACase, do="check"):
    """Result: check (Feeding.to_json of evaluation/feeding: rows, verdict, ...), notes, session.

    segment: what the model should draw of a class.
    """

    segment: Recipe = field(metadata=_REGION)
    class_index: int | str


class BySegment(Request, do="by_segment"):
    """Result: rows, one a segment (name, voxels, ml, share, density, distance: values as JSON), notes.

    labels: ((label map, its Grid, {label: name}), ...), several where segments overlap; the rows stand on the grid of
    the first.  image: the one explained, in whose body chance is counted; without it over the whole volume.
    """

    map: Cells = field(metadata=_CELLS)
    labels: tuple = field(metadata=_LABELS)
    image: Any = None


class Predict(OfACase, do="predict"):
    """Result: maps (each with labels, held, and classes as of prediction.label_maps), facts, notes, session."""


class Draft(Request, do="draft"):
    """Result: a model description drafted from weights, of which nothing runs and nothing is written: files (name ->
    text, the description last), lines and arguments (each word, value, why, asleep), network, fill_in, assumed, pip,
    runs_code, functions (of the author's file).

    model: path of the weights.  factory: of the Python file that builds the network, which is only read.  classes,
    channels: names with commas between them; words: head, activation, axes, divisor; arguments: NAME=VALUE, each; of
    these what the user states.
    """

    model: str
    factory: str | None = None
    function: str | None = None
    classes: str | None = None
    channels: str | None = None
    words: dict | None = None
    arguments: list[str] | None = None


class Resample(Request, do="resample"):
    """Result: shown (voxels, unit, evidence), the map on the voxels of ``target``; without it on its own cells."""

    map: Cells = field(metadata=_CELLS)
    unit: str
    target: Grid | None = field(default=None, metadata=_GRID)


class WriteDicom(Request, do="write_dicom"):
    """Result: files (names). A map, and the regions of its evidence, as DICOM objects of the series that it explains.

    map: cells that hold their contribution, or a density.  per: "ml" of a density, "" of cells.  facts: all that an
    Explanation tells but its voxels.  files: of the series' slices, on this machine.  volume: the grid of what was
    explained, which must be the series'.  folder: where the objects go; it is there.
    """

    map: Cells = field(metadata=_CELLS)
    per: str
    facts: dict
    files: list[str]
    volume: Grid = field(metadata=_GRID)
    folder: str


class ReadDicom(Request, do="read_dicom"):
    """Result: explanations, of the parametric maps of ours in a folder that explain one of these slices, and
    of_others: how many explain something else.

    instances: the slices' SOP instance UIDs.
    """

    folder: str
    instances: list[str]


class Probe(Request, do="probe"):
    """Result: devices with free memory, what is kept."""


class Release(Request, do="release"):
    """Let the worker forget its model and give memory back."""


class Cancel(Request, do="cancel"):
    """End the request with the number ``target``, at its next word of progress."""

    target: int


class Shutdown(Request, do="shutdown"):
    """End the process."""
