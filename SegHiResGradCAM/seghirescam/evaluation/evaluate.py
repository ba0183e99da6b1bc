"""Everything that can be measured about one explanation, as flat rows: where, used, simple, sane, stable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..protocol.explanation import Explanation
from ..protocol.grid import Grid
from ..protocol.pixel_set import PixelSet
from ..protocol.progress import Progress
from ..protocol.value import Value
from .deletion.gains import Gain, gain_over_random
from .deletion.image_deletion import ImageProbe
from .metrics.explained_case import body_of
from .metrics.ground import Ground, in_pixels
from .metrics.labels import LabelRow, evidence_by_label_maps
from .metrics.location import (
    boundary_share,
    centre_distance,
    mean_distance,
    pointing,
    rank_share,
    share_in,
    within,
    within_area,
)
from .metrics.simplicity import entropy, gini, volume_holding
from .painting.rerun import Rerun
from .trust import full_tier as rules
from .trust.fast_tier import FAST, FULL, Trust, fast
from .trust.trust_case import part

#: of what each number tells
WHERE, USED, SIMPLE, SANE, STABLE = "where", "used", "simple", "sane", "stable"
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
        value = self.value.to_json()
        told = {"value": value["value"], "unit": value["unit"]}
        told |= {key: value[key] for key in ("chance", "lift", "chance_over", "status", "note")}
        own = {"threshold": self.threshold, "passed": self.passed}
        own |= {key: getattr(self, key) for key in ("method", "layer", "group", "metric", "reference")}
        return {key: (told | own)[key] for key in COLUMNS}


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
    session,
    pixels,
    words: dict,
    *,
    references: Mapping[str, PixelSet | np.ndarray] | None = None,
    labels: Sequence[tuple[np.ndarray, Mapping[int, str]]] = (),
    tier: str = FAST,
    curves: bool = False,
    seed: int = 0,
    made: Explanation | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Evaluation:
    """Evaluate the explanation of one question (words as for :func:`fast_tier.fast`) in an open session.

    references: regions on the image's grid, by name (bool, weights or PixelSets); an empty one is answered with that
    status.  labels: label maps on the image's grid with their names.  tier: "fast" or "full".  curves: deletion and
    insertion of the context against random orders, as the full tier's deletion.  made: the explanation, where this
    session has made it already.
    Raises what ``session.ask`` raises, PixelSetError for a region on another grid.
    """
    tell, image = Progress(progress), session.image
    regions = {name: _mask(region, image.grid) for name, region in (references or {}).items()}
    end = 0.6 if curves else 0.95
    judge = rules.full if tier == FULL else fast
    trust = judge(session, pixels, words, sent=made, seed=seed, progress=part(tell, 0.0, end))
    one = trust.explanation
    gains = {} if trust.gain is None else {"deletion": trust.gain}
    if curves:
        gains = _gains(session, trust, words, gains, seed, part(tell, end, 0.95))
    tell(0.95, "measuring the map")
    ground, density = Ground.of(image), one.resampled_to(image.grid).array
    body, found = ground.body, _Table(one, image.grid)
    for name, mask in regions.items():
        _where(found, density, mask, ground, name, one.layer)
    whole = Ground(None, image.grid)
    for share in (0.5, 0.9):
        found.add(SIMPLE, f"v{100 * share:.0f}", whole.told(volume_holding(density, image.grid, share)))
    found.add(SIMPLE, "gini", whole.told(gini(density)))
    found.add(SIMPLE, "entropy", whole.told(entropy(density)))
    _of_trust(found, trust)
    for name, gain in gains.items():
        found.add(USED, f"{name}_gain_score", gain.score, "random orders")
        found.add(USED, f"{name}_gain_logit", gain.logit, "random orders")
        found.add(USED, f"{name}_gain_dice", gain.dice, "random orders")
    by_label = ()
    if labels:
        by_label = tuple(
            evidence_by_label_maps(density, labels, image.grid, body, distances=True, progress=part(tell, 0.96, 1.0))
        )
    tell(1.0, "done")
    return Evaluation(one, tuple(found.rows), by_label, gains, trust, ground)


class _Table:
    def __init__(self, one: Explanation, grid: Grid):
        self.one, self.grid, self.rows = one, grid, []

    def add(self, group, metric, value, reference="", threshold=None, passed=None):
        layer = self.one.layer.name
        if self.grid.is_photo:
            metric, value = metric.removesuffix("_mm") + "_pixels" * metric.endswith("_mm"), in_pixels(value)
        self.rows.append(Measured(self.one.method, layer, group, metric, reference, value, threshold, passed))


def _where(found, density, mask, ground, name, layer):
    grid, body = ground.grid, ground.body

    def add(metric, value):
        found.add(WHERE, metric, ground.told(value), name)

    cell = layer.mm_per_cell or grid.spacing_kji
    half = 0.5 * float(np.linalg.norm(cell))
    add("share", share_in(density, mask, body))
    for tau, value in within(density, mask, grid, body=body).items():
        if tau > 0:
            add(f"share_within_{tau:g}_mm", value)
    add("share_within_area", within_area(density, mask, grid, body=body))
    add("mean_distance", mean_distance(density, mask, grid, body))
    add("centre_distance", centre_distance(density, mask, grid, body))
    add("pointing", pointing(density, mask, grid, body=body))
    add("pointing_half_cell", pointing(density, mask, grid, half, body))
    add("rank_share", rank_share(density, mask, body))
    width = max(2.0, *grid.spacing_kji)
    add("boundary_share", boundary_share(density, mask, grid, width, body))


#: rows of the trust tiers by what they tell
_GROUPS = {
    "context_paint_over": USED, "cancellation": USED, "completeness_gap": USED, "phantom_mass": USED,
    "context_deletion_gain": USED, "evidence_at_m": USED, "class_swap": SANE, "randomisation": SANE,
}  # fmt: skip


def _of_trust(found, trust):
    for row in trust.rows:
        group = _GROUPS.get(row.name, STABLE)
        found.add(group, row.name, row.value, "", row.threshold, row.passed)
    for step in trust.details.get("randomisation", ()):
        name = f"{step['modules']} modules randomised"
        for metric in ("spearman", "ssim"):
            found.add(SANE, f"randomised_{metric}", _value(step[metric]), name)
    for change in trust.details.get("stability", ()):
        found.add(STABLE, f"changed_{change['kind']}", _value(change["change"]), change["text"])
        found.add(STABLE, f"relative_l2_{change['kind']}", _value(change["l2"]), change["text"])


def _value(data):
    known = {key: data[key] for key in ("value", "unit", "status", "chance", "note")}
    return Value(**known, over=data.get("chance_over", ""))


def _gains(session, trust, words, gains, seed, tell):
    """Deletion, if the full tier has not made it, and insertion, on one probe (states are shared)."""
    from ..protocol.errors import PixelSetError
    from ..session.understood import score_of

    score = score_of(session.model, words["class_index"], words.get("score") or "logit", words.get("rival"))
    rerun = Rerun(session.model, device=session.device, precision=session.precision)
    image, density = session.image, trust.explanation.resampled_to(session.image.grid).array
    try:
        probe = ImageProbe(rerun, image, trust.pixels, score, body=body_of(image), dice=True)
    except PixelSetError:
        return gains  # the paint-over's row tells that there is no context
    made = dict(gains)
    kinds = [name for name in ("deletion", "insertion") if name not in made]
    for n, name in enumerate(kinds):
        steps = part(tell, n / len(kinds), (n + 1) / len(kinds))
        insertion = name == "insertion"
        made[name] = gain_over_random(
            probe, density, insertion=insertion, orders=rules.ORDERS, seed=seed, progress=steps
        )
    return made


def _mask(region, grid):
    """The region on the image's grid as bool; an empty one stays empty. Raises PixelSetError."""
    from ..protocol.errors import PixelSetError

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
