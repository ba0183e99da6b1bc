"""Methods side by side: chosen methods at chosen layers for one case, on one scale.

The scale: a map is carried to the image's grid as a density, its positive part divided by that part's integral.  What
is left is the share of the map's own positive evidence per ml; it integrates to 1 for every method and layer, whatever
its unit, so that any two cells can be compared.  With both signs the map is divided by the integral of its size, so
that its parts for and against together make 1.  The raw maps stay as they are in ``Cell.explanation``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..evaluation.metrics.ground import Ground
from ..models.segmentation_model import SegmentationModel
from ..protocol.display.thresholds import positive
from ..protocol.errors import DependencyError, GradientError, LayerError, MethodError, SegHiResCamError
from ..protocol.explanation import Explanation, LayerInfo
from ..protocol.grid import Grid
from ..protocol.image import Image
from ..protocol.pixel_set import PixelSet
from ..protocol.progress import Progress
from ..protocol.question import DEFAULT_METHOD, MAIN, Question, several
from ..protocol.recipes import Recipe, View, mask_on, refuse_empty
from ..session.answer import AUTO, public_layer
from ..session.context_methods import INPUT, input_layer
from ..session.layer_choice import choose_layers
from ..session.memory import MemoryLimitError
from ..session.understood import Understood

#: word that stands for every registered method
ALL = "all"
#: status of a cell without a map
REFUSED = "refused"
#: what one cell may meet without taking the others with it
_OF_ONE_CELL = (MethodError, LayerError, GradientError, DependencyError, MemoryLimitError)


@dataclass(frozen=True, eq=False)
class Cell:
    """One method at one layer: an explanation, or the sentence by which it was refused.

    seconds: of the pass that made it; together: how many cells that pass made (gradient methods share one).
    """

    method: object
    layer: LayerInfo
    explanation: Explanation | None = None
    refused: str = ""
    hint: str = ""
    seconds: float = 0.0
    together: int = 1

    @property
    def status(self) -> str:
        return self.explanation.status if self.explanation else REFUSED

    @property
    def reason(self) -> str:
        """Why there is nothing to see, in words; "" where there is something."""
        return self.explanation.reason if self.explanation else self.refused


@dataclass(frozen=True, eq=False)
class Comparison:
    """methods: rows.  layers: columns, the image itself ("input") last if a method works there.

    pixels: M on the model grid.  mask: bool, M on the image's grid.  ground: over what chance is counted, there.
    cells: in rows, None where a method has nothing to do with a column (maps on the image itself know no layer).
    class_name, score_title: what was differentiated.
    """

    methods: tuple
    layers: tuple[LayerInfo, ...]
    cells: tuple[tuple[Cell | None, ...], ...]
    pixels: PixelSet
    mask: np.ndarray
    ground: Ground
    class_name: str
    score_title: str

    @property
    def grid(self) -> Grid:
        """The image's."""
        return self.ground.grid

    def __iter__(self):
        """All cells, row by row."""
        return (cell for row in self.cells for cell in row if cell is not None)

    def explanations(self) -> list[Explanation]:
        return [cell.explanation for cell in self if cell.explanation]

    def facts(self, cell: Cell, density: np.ndarray | None = None) -> dict:
        """What a table says about a cell; JSON-able, None where there is no number.

        density: the cell's map on the image's grid, if it is at hand.
        """
        found, layer = cell.explanation, cell.layer
        told = {
            "method": cell.method.name,
            "title": cell.method.title,
            "layer": layer.name,
            "part": layer.part,
            **{key: size and [round(v, 6) for v in size] for key, size in layer.cell_json().items()},
            "status": cell.status,
            **dict.fromkeys(("unit", "score", "total", "completeness", "inside", "chance", "lift")),
            "chance_over": self.ground.over,
            "seconds": round(cell.seconds, 4),
            "cells_in_pass": cell.together,
            "reason": f"{cell.refused} {cell.hint}".strip() if cell.refused else cell.reason,
        }
        if found:
            density = found.resampled_to(self.grid).array if density is None else density
            held = self.ground.share(density, self.mask)
            told |= {
                "unit": found.unit, "score": found.score, "total": found.total,
                # an arbitrary unit is on no scale of the score
                "completeness": found.completeness if cell.method.unit is None else None,
                "inside": held.value, "chance": held.chance, "lift": held.lift,
            }  # fmt: skip
        return told


def shown(density: np.ndarray, grid: Grid, signed: bool = False) -> np.ndarray:
    """A density on the common scale, float32: its positive part, which then integrates to 1 (0 if nothing is positive).

    signed: both signs, whose size integrates to 1.  Values that are not finite count as 0.
    """
    finite = np.nan_to_num(density, nan=0.0, posinf=0.0, neginf=0.0)
    evidence = finite if signed else positive(finite)
    whole = float(np.abs(evidence).sum(dtype=np.float64)) * grid.voxel_volume
    return (evidence / np.float64(whole)).astype(np.float32) if whole > 0 else np.zeros(evidence.shape, np.float32)


def all_methods() -> list[str]:
    """Names of all registered methods: the paper's first, those that work on layers, those on the image itself."""
    from ..cam.methods import methods

    def place(cls):
        return cls.at_input, cls.name != DEFAULT_METHOD, cls.needs_context, cls.name

    return [cls.name for cls in sorted(methods().values(), key=place)]


def compare(
    model: SegmentationModel,
    image: Image,
    pixels: Recipe | PixelSet | None = None,
    *,
    class_index: int | str,
    methods=ALL,
    layers: str | Sequence[str] = MAIN,
    score: str = "logit",
    rival: int | str | None = None,
    side: str = AUTO,
    device: str | None = None,
    precision: str = "fp32",
    tolerance: float = 0.0,
    progress: Callable[[float, str], None] | None = None,
) -> Comparison:
    """Methods x layers for one pixel set (default: the prediction); arguments as in :func:`explain.explain`.

    methods: "all", or names and Method instances.  Every map is :func:`explain.explain`'s, bit for bit; all gradient
    methods at all layers share one forward pass.  A method that cannot work at a layer, or fails there, leaves its
    sentence in the cell.  Raises what is wrong with the question as a whole (class, pixel set, layers, unknown
    methods) before anything expensive.  progress may raise to cancel.
    """
    from ..models.slice_by_slice import by_slices
    from ..session.opening import open_session

    model = by_slices(model, image)
    session = open_session(model, image, device=device, precision=precision, keep=False, tolerance=tolerance)
    return compare_in(
        session, pixels, class_index=class_index, methods=methods, layers=layers, score=score, rival=rival, side=side,
        progress=progress,
    )  # fmt: skip


def compare_in(session, pixels=None, *, methods=ALL, layers=MAIN, progress=None, **words) -> Comparison:
    """:func:`compare` in a session that is open already. words: the other fields of :class:`question.Question`."""
    wanted = all_methods() if methods == ALL else several(methods)
    asked = Question.of(pixels, methods=wanted, layers=layers, **words)
    question = Understood.of(session.model, asked)
    if len({m.name for m in question.methods}) < len(question.methods):
        raise MethodError("A method was named twice.", "Name each method once.")
    work = _Work(session, question, progress)
    return work.done(words | {"class_index": question.classes[0]})


class _Work:
    """One comparison on its way."""

    def __init__(self, session, question, progress):
        self.session, self.question, self.tell = session, question, Progress(progress)
        self.model, self.image = session.model, session.image
        from ..models.model_outputs import settle

        self.tell(0.0, "preparing the image")
        session.layers(lambda fraction, phase: self.tell(0.0, phase))
        self.prepared = session.prepared()
        self.shape = session.input_shape
        (recipe,) = question.recipes
        self.pixels = self._resolved(recipe)
        self.mask = mask_on(self.image.grid, recipe, self.pixels)
        self.listed = session.listed()
        settle(self.model)
        self.targets, _ = choose_layers(self.listed, question.layers, self.pixels, self.model.spatial_dims)
        self.found: dict[tuple[str, str], Cell] = {}

    def done(self, words) -> Comparison:
        methods = self.question.methods
        layers = [*self.targets] if any(not m.at_input for m in methods) else []
        if any(m.at_input for m in methods):
            layers.append(input_layer(self.shape))
        self.public = {x.name: public_layer(x, self.prepared, self.model.spatial_dims) for x in layers}
        pairs = [(m, x) for m in methods for x in layers if m.at_input == (x.name == INPUT)]
        pairs = [pair for pair in pairs if self._accepted(*pair)]
        plain = [pair for pair in pairs if not pair[0].needs_context]
        jobs = [plain] if plain else []
        jobs += [[pair] for pair in pairs if pair[0].needs_context]
        for n, job in enumerate(jobs):
            part = [0.1 + 0.9 * (n + k) / len(jobs) for k in (0, 1)]
            name = "all gradient methods" if job is plain else f"{job[0][0].title} at {job[0][1].name}"
            self._ask(job, words, lambda f, phase, a=part[0], b=part[1], x=name: self.tell(a + (b - a) * f, x))
        self.tell(1.0, "done")
        rows = tuple(tuple(self.found.get((m.name, x.name)) for x in layers) for m in methods)
        columns = tuple(self.public[x.name] for x in layers)
        name = self.model.class_name(self.question.classes[0])
        title = self.question.score.title({c.index: c.name for c in self.model.classes})
        return Comparison(methods, columns, rows, self.pixels, self.mask, Ground.of(self.image), name, title)

    def _resolved(self, recipe):
        index = self.question.classes[0]
        view = View(
            self.prepared.grid, self.prepared.valid, index, self.model.class_name(index),
            lambda wanted: self.session.predict(wanted, lambda f, phase: self.tell(0.1 * f, phase)).weights > 0,
        )  # fmt: skip
        return refuse_empty(recipe.resolve(view))

    def _accepted(self, method, layer) -> bool:
        """Whether the method works there; if not, its sentence stands in the cell. Nothing is computed."""
        one = replace(self.question, methods=(method,), layers=(layer.name,))
        try:
            self.session.check(one, None if method.at_input else [layer])
        except _OF_ONE_CELL as error:
            self._refused(method, layer, error, 0.0)
            return False
        return True

    def _refused(self, method, layer, error: SegHiResCamError, seconds):
        place = self.public[layer.name]
        self.found[(method.name, layer.name)] = Cell(
            method, place, None, error.sentence or str(error), error.hint, seconds
        )

    def _ask(self, pairs, words, tell):
        """Answer method-layer pairs in one go where they are all pairs of some methods with some layers, else in parts.

        What fails together is asked again in parts, so that one pair's fault stays its own.
        """
        methods = list(dict.fromkeys(m for m, _ in pairs))
        layers = list({x.name: x for _, x in pairs}.values())
        if len(methods) * len(layers) > len(pairs):
            for method in methods:
                self._ask([pair for pair in pairs if pair[0] is method], words, tell)
            return
        started = time.perf_counter()
        # maps on the image know no layer; the word costs nothing
        names = MAIN if layers[0].name == INPUT else [x.name for x in layers]
        try:
            answers = self.session.ask(self.pixels, methods=methods, layers=names, progress=tell, **words)
        except _OF_ONE_CELL as error:
            if len(pairs) == 1:
                self._refused(*pairs[0], error, time.perf_counter() - started)
                return
            if isinstance(error, MemoryLimitError):
                raise
            parts = layers if len(layers) > 1 else methods
            for part in parts:
                self._ask([pair for pair in pairs if part in pair], words, tell)
            return
        seconds, by_name = time.perf_counter() - started, {m.name: m for m in methods}
        for answer in answers:
            key = (answer.method, answer.layer.name)
            self.found[key] = Cell(by_name[answer.method], answer.layer, answer, seconds=seconds, together=len(answers))
