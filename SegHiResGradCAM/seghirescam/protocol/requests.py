"""What the worker can be asked: one class a request, for who asks it, who answers it, and the line between them.

A new request is an entry here and a handler (:mod:`worker.handlers`).  None, as a field that is left out, is the
engine's choice.  Arrays travel as files: ``save(array, what) -> name`` keeps one, ``load(name) -> array`` reads it.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, dataclass_transform

from .arrays import Load, MessageError, Save
from .grid import Grid
from .question import DEFAULT, ComputeSettings, Question
from .recipes import Recipe
from .wire.request_fields import CELLS, FAULT, GRID, LABELS, PLAIN, REGION, SETS, SHOW, Cells, HottestPart, Show

Source = str | list | dict
#: what tells a line apart, beside the fields
_ENVELOPE = {"id", "do"}

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
                told[one.name] = one.metadata.get("travels", PLAIN)[0](value, save)
        return told


def request_from_json(data: dict, load: Load) -> Request:
    """Raises MessageError for what is no request, lacks a field or has one too many, or what a field's form raises."""
    kind = REQUESTS.get(data["do"])
    if kind is None:
        raise MessageError(f"The worker cannot do {data['do']!r}.", f"It can: {', '.join(REQUESTS)}.")
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(data.keys() - known.keys() - _ENVELOPE)
    if unknown:
        raise MessageError(f"The request '{kind.do}' has no {', '.join(map(repr, unknown))}.", FAULT)
    try:
        values = {}
        for name, one in known.items():
            if data.get(name) is not None:
                values[name] = one.metadata.get("travels", PLAIN)[1](data[name], load)
            elif one.default is MISSING:
                raise KeyError(name)
    except KeyError as error:
        raise MessageError(f"The request lacks {error}.", FAULT) from error
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

    pixel_sets: tuple[Recipe, ...] = field(metadata=SETS)
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
            raise MessageError(f"{what} is about one pixel set.", FAULT)
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

    pixel_sets: tuple[Recipe, ...] = field(metadata=SETS)
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
    show: Show | None = field(default=None, metadata=SHOW)


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

    control: also mask out the same shape elsewhere.
    """

    region: Recipe | HottestPart = field(metadata=REGION)
    margin_mm: float | None = None
    control: bool | None = None


class Trust(AboutPixelSets, do="trust"):
    """Result: trust (tier, verdict, verdict_sentence, cost, lines, rows, curves), notes, session.

    tier: "fast" or "full".  map: the map that is judged, where there is one already.
    """

    tier: str
    method: str
    layer: str | None = None
    map: Cells | None = field(default=None, metadata=CELLS)

    @property
    def words(self) -> dict[str, Any]:
        return super().words | {"methods": [self.method], "layers": [self.layer] if self.layer else DEFAULT}


class TrustCost(Trust, do="trust_cost"):
    """Result: cost (forwards, text) of what :class:`Trust` would do for the same words."""


class Causes(AboutPixelSets, do="causes"):
    """Result: causes (Causes.to_json of evaluation/causes: what each player adds, a sentence), notes, session.

    of: "channels" or "anatomy", with labels as of :class:`BySegment`.  map: the map whose evidence stands beside the
    anatomy's causes.  baseline, permutations, draw_seed: as in evaluation/causes.
    """

    of: str
    map: Cells | None = field(default=None, metadata=CELLS)
    labels: tuple | None = field(default=None, metadata=LABELS)
    baseline: str | None = None
    permutations: int | None = None
    draw_seed: int | None = None


class CausesCost(Causes, do="causes_cost"):
    """Result: text, what :class:`Causes` would take for the same words; nothing runs but what finding M takes."""


class Flip(AboutPixelSets, do="flip"):
    """Result: flip (facts, with a sentence), notes, session, and where one was found painting, region, before, after as
    of :class:`Paint`.

    map: in whose order regions are masked out.  finest_mm, gone, most, predictions, clearance_mm, anywhere (the pixel
    set may be masked out, too): the limits of evaluation/causes/smallest_flip.
    """

    map: Cells = field(metadata=CELLS)
    finest_mm: float | None = None
    gone: float | None = None
    most: float | None = None
    predictions: int | None = None
    clearance_mm: float | None = None
    anywhere: bool | None = None


class FlipCost(Flip, do="flip_cost"):
    """Result: text, what :class:`Flip` would take at most; nothing runs but what finding M takes."""


class Masked(AboutPixelSets, do="masked"):
    """Result: masked (voxels of the first channel and grid), fraction, notes, session: the image as the full check's
    deletion curve saw it when the first ``fraction`` of what may be removed was removed in the map's order, and the
    share of whole blocks that this is.

    method, layer, map: as of :class:`Trust`.
    """

    method: str
    fraction: float
    layer: str | None = None
    map: Cells | None = field(default=None, metadata=CELLS)

    @property
    def words(self) -> dict[str, Any]:
        return super().words | {"methods": [self.method], "layers": [self.layer] if self.layer else DEFAULT}


class Picture(AboutPixelSets, do="picture"):
    """Result: files (name -> bytes as uint8): "figure", a PNG of slices through the strongest place, and with ``page``
    "page", HTML with everything within; notes, session.

    map: the layer's cells.  facts: all that an Explanation tells but its voxels, with ``trust`` where there is one.
    share, signed: as the map is shown.
    """

    map: Cells = field(metadata=CELLS)
    facts: dict
    share: float | None = None
    signed: bool | None = None
    page: bool | None = None


class Check(OfACase, do="check"):
    """Result: check (Feeding.to_json of evaluation/feeding: rows, verdict, ...), notes, session.

    segment: what the model should draw of a class.
    """

    segment: Recipe = field(metadata=REGION)
    class_index: int | str


class BySegment(Request, do="by_segment"):
    """Result: rows, one a segment (name, voxels, ml, share, density, distance: values as JSON), notes.

    labels: ((label map, its Grid, {label: name}), ...), several where segments overlap; the rows stand on the grid of
    the first.  image: the one explained, in whose body chance is counted; without it over the whole volume.
    """

    map: Cells = field(metadata=CELLS)
    labels: tuple = field(metadata=LABELS)
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

    map: Cells = field(metadata=CELLS)
    unit: str
    target: Grid | None = field(default=None, metadata=GRID)


class WriteDicom(Request, do="write_dicom"):
    """Result: files (names). A map, and the regions of its evidence, as DICOM objects of the series that it explains.

    map: cells that hold their contribution, or a density.  per: "ml" of a density, "" of cells.  facts: all that an
    Explanation tells but its voxels.  files: of the series' slices, on this machine.  volume: the grid of what was
    explained, which must be the series'.  folder: where the objects go; it is there.
    """

    map: Cells = field(metadata=CELLS)
    per: str
    facts: dict
    files: list[str]
    volume: Grid = field(metadata=GRID)
    folder: str


class WriteAskedDicom(AboutPixelSets, do="write_asked_dicom"):
    """As :class:`WriteDicom`, with the pixel set as a segment and the question in the map; notes in the result: why one
    of them is not there. image: what was explained, of which nothing but the pixel set is computed anew."""

    map: Cells = field(metadata=CELLS)
    facts: dict
    files: list[str]
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
