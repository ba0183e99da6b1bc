"""Everything that can be measured about one explanation, as flat rows: where, used, simple, sane, stable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..cam.methods import Method
from ..models.segmentation_model import SegmentationModel
from ..protocol.errors import PixelSetError
from ..protocol.explanation import Explanation
from ..protocol.grid import Grid
from ..protocol.image import Image
from ..protocol.pixel_set import PixelSet
from ..protocol.progress import Progress
from ..protocol.question import AUTO, DEFAULT, DEFAULT_METHOD, LAYER_WORDS, LOGIT
from ..protocol.recipes import PredictedClass, Recipe
from ..protocol.value import Value
from ..session.interface import Session
from ..session.opening import open_session
from ..session.understood import score_of
from .deletion.gains import Gain, gain_over_random
from .metrics.ground import Ground, in_pixels
from .metrics.labels import LabelRow, evidence_by_label_maps
from .metrics.registry import MAP, REGION, MapOnImage, metrics
from .painting.rerun import Rerun
from .trust.full_tier import TIERS, probe_of
from .trust.rows import FAST, MADE_AGAIN, RANDOMISATION, STABILITY, SWAP, Trust
from .trust.trust_case import score_words
from .trust.verdict_limits import ORDERS

#: of what each number of a check tells; metrics have groups of their own
USED, SANE, STABLE = "used", "sane", "stable"
_SANE = (MADE_AGAIN, SWAP, RANDOMISATION)
COLUMNS = (
    "method", "layer", "group", "metric", "reference", "value", "unit", "chance", "lift", "chance_over", "status",
    "threshold", "passed", "note",
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """One row of the table. reference: what it is measured against, "" where there is none."""

    method: str
    layer: str
    group: str
    metric: str
    reference: str
    value: Value
    threshold: float | None = None
    passed: bool | None = None

    def to_json(self) -> dict:
        told = self.value.to_json() | {"threshold": self.threshold, "passed": self.passed}
        told |= {key: getattr(self, key) for key in ("method", "layer", "group", "metric", "reference")}
        return {key: told[key] for key in COLUMNS}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """explanation: what was measured.  labels: evidence by label, empty where no label map was given.

    gains: deletion and insertion against random orders, where they were asked for or made by the full tier.  ground:
    over what chance was counted.
    """

    explanation: Explanation
    rows: tuple[Measured, ...]
    labels: tuple[LabelRow, ...]
    gains: dict[str, Gain]
    trust: Trust
    ground: Ground

    def value(self, metric: str, reference: str | None = None) -> Value:
        return next(r.value for r in self.rows if r.metric == metric and reference in (None, r.reference))


def evaluate(
    model: SegmentationModel,
    image: Image,
    pixels: Recipe | PixelSet | None = None,
    *,
    class_index: int | str,
    method: str | Method = DEFAULT_METHOD,
    layer: str = DEFAULT,
    score: str = LOGIT,
    rival: int | str | None = None,
    side: str = AUTO,
    device: str | None = None,
    precision: str = "fp32",
    **more,
) -> Evaluation:
    """Is the map faithful? All that can be measured about one explanation; arguments as in :func:`explain.explain`.

    pixels: one set; default: where the class is predicted.  layer: a name, "default" or "deepest".  more: references,
    labels, tier, curves, seed and progress of :func:`evaluate_in`.
    """
    session = open_session(model, image, device=device, precision=precision)
    words = {
        "class_index": class_index, "methods": [method], "layers": layer if layer in LAYER_WORDS else [layer],
        "score": score, "rival": rival, "side": side,
    }  # fmt: skip
    return evaluate_in(session, PredictedClass() if pixels is None else pixels, words, **more)


def evaluate_in(
    session: Session,
    pixels,
    words: dict,
    *,
    references: Mapping[str, PixelSet | np.ndarray] | None = None,
    labels: Sequence[tuple[np.ndarray, Mapping[int, str]]] = (),
    tier: str = FAST,
    curves: bool = False,
    seed: int = 0,
    made: Explanation | tuple[np.ndarray, Grid] | None = None,
    origin_known: bool = True,
    progress: Callable[[float, str], None] | None = None,
) -> Evaluation:
    """Evaluate the explanation of one question (words as for :func:`fast_tier.fast`) in an open session.

    references: regions on the image's grid, by name (bool, weights or PixelSets); an empty one is answered with that
    status.  labels: label maps on the image's grid with their names.  tier: "fast" or "full".  curves: deletion and
    insertion of the context against random orders, as the full tier's deletion.  made: the explanation, where this
    session has made it already, or a (map, grid) that is judged in its place.  origin_known: False in the full tier for
    a map from anywhere, see :func:`full_tier.full`.
    Raises what ``session.ask`` raises, PixelSetError for a region on another grid.
    """
    tell, image = Progress(progress), session.image
    regions = {name: _mask(region, image.grid) for name, region in (references or {}).items()}
    end = 0.6 if curves else 0.95
    more = {} if origin_known or tier == FAST else {"origin_known": False}
    trust = TIERS[tier](session, pixels, words, sent=made, seed=seed, progress=tell.part(0.0, end), **more)
    one = trust.explanation
    gains = {} if trust.gain is None else {"deletion": trust.gain}
    if curves:
        gains = _gains(session, trust, words, gains, seed, tell.part(end, 0.95))
    tell(0.95, "measuring the map")
    ground, whole, found = Ground.of(image), Ground(None, image.grid), _Table(one, image.grid)
    cell = one.layer.mm_per_cell or image.grid.spacing_kji
    seen = MapOnImage(one.resampled_to(image.grid).array, image.grid, 0.5 * float(np.linalg.norm(cell)))
    for name, mask in regions.items():
        found.measure(metrics(REGION), replace(seen, region=mask, body=ground.body), ground, name)
    found.measure(metrics(MAP), seen, whole)
    _of_trust(found, trust)
    for name, gain in gains.items():
        for of, value, _ in gain.each:
            found.add(USED, f"{name}_gain_{of}", value, "random orders")
    by_label = ()
    if labels:
        by_label = evidence_by_label_maps(
            seen.density, labels, image.grid, ground.body, distances=True, progress=tell.part(0.96, 1.0)
        )
    tell(1.0, "done")
    return Evaluation(one, tuple(found.rows), tuple(by_label), gains, trust, ground)


class _Table:
    def __init__(self, one: Explanation, grid: Grid):
        self.one, self.grid, self.rows = one, grid, []

    def measure(self, several, seen, ground, reference=""):
        for metric in several:
            for name, value in metric.rows(seen).items():
                self.add(metric.group, name, ground.told(value), reference)

    def add(self, group, metric, value, reference="", threshold=None, passed=None):
        layer = self.one.layer.name
        if self.grid.is_photo:
            metric, value = metric.removesuffix("_mm") + "_pixels" * metric.endswith("_mm"), in_pixels(value)
        self.rows.append(Measured(self.one.method, layer, group, metric, reference, value, threshold, passed))


def _of_trust(found, trust):
    for row in trust.rows:
        group = STABLE if row.name.startswith(STABILITY) else SANE if row.name in _SANE else USED
        found.add(group, row.name, row.value, "", row.threshold, row.passed)
    for step in trust.steps or ():
        for metric in ("spearman", "ssim"):
            found.add(SANE, f"randomised_{metric}", getattr(step, metric), f"{step.modules} modules randomised")
    for change in trust.changes or ():
        found.add(STABLE, f"changed_{change.kind}", change.change, change.text)
        found.add(STABLE, f"relative_l2_{change.kind}", change.l2, change.text)


def _gains(session, trust, words, gains, seed, tell):
    """Deletion, if the full tier has not made it, and insertion, on one probe (states are shared)."""
    image, score = session.image, score_of(session.model, **score_words(words))
    probe = probe_of(session, trust.pixels, score, Rerun.of(session))
    if isinstance(probe, Value):
        return gains  # the paint-over's row tells that there is no context
    made, density = dict(gains), trust.explanation.resampled_to(image.grid).array
    kinds = [name for name in ("deletion", "insertion") if name not in made]
    for n, name in enumerate(kinds):
        steps = tell.part(n / len(kinds), (n + 1) / len(kinds))
        made[name] = gain_over_random(
            probe, density, insertion=name == "insertion", orders=ORDERS, seed=seed, progress=steps
        )
    return made


def _mask(region, grid):
    """The region on the image's grid as bool; an empty one stays empty. Raises PixelSetError."""
    if isinstance(region, PixelSet):
        if region.is_empty:
            return np.zeros(grid.shape, dtype=bool)
        weights = region.on(grid).weights
        mask = weights >= 0.5
        return mask if mask.any() else weights > 0
    mask = np.asarray(region)
    if mask.shape != grid.shape:
        raise PixelSetError(
            f"The region has shape {mask.shape}, the image {grid.shape}.", "Give it on the image's grid, or a PixelSet."
        )
    return mask > 0
