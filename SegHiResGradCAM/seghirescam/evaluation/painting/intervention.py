"""Mask out a region, run the network again: the proof of what it used, as far as there is one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property, partial

import numpy as np

from ...cam.logits.score import Score
from ...models.segmentation_model import SegmentationModel
from ...protocol.errors import ModelError
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress
from ...protocol.recipes import Recipe, Segment, View, as_recipe, mask_on, refuse_empty
from ...protocol.sizes import Size
from ...session.answer import draw_notes
from ...session.half_precision import overflow_notes
from ...session.memory import MemoryLimitError
from ...session.opening import open_session
from ...session.prediction import make_and_keep_the_pass
from .painting_over import grown, paint_over, region_on
from .painting_words import sentence
from .regions import Hottest, moved
from .rerun import Rerun, Seen

__all__ = ["Intervention", "Outcome", "Painting", "intervene", "outcome", "paint_in", "paint_over"]


@dataclass(frozen=True)
class Outcome:
    """What the network says about one image. score: its mean over M (in its unit), M weighted, on the model grid.

    voxels, ml: size of the predicted class in the whole image (ml: None in a photo).  dice: of the predicted class with
    M.  Counted on the model grid by :func:`outcome`, on the image's own by :func:`paint_in`.
    """

    score: float
    voxels: int
    ml: float | None
    dice: float


@dataclass(frozen=True)
class Intervention:
    """Before and after a region was masked out; M is the same voxels in both."""

    region_label: str
    pixel_set_label: str
    score_title: str
    unit: str
    before: Outcome
    after: Outcome

    @property
    def change(self) -> float:
        """Mean score over M after minus before; negative: the region had spoken for the class."""
        return self.after.score - self.before.score

    @property
    def flips(self) -> bool:
        """Whether the mean score changed its sign."""
        return (self.before.score > 0) != (self.after.score > 0)

    def to_json(self) -> dict:
        return {**asdict(self), "change": self.change, "flips": self.flips}


def intervene(
    model: SegmentationModel,
    image: Image,
    region: PixelSet,
    pixel_set: PixelSet,
    score: Score,
    *,
    margin_mm: float = 2.0,
    paint: Callable[[Image, PixelSet, float], Image] = paint_over,
    before: Outcome | None = None,
    device: str | None = "cpu",
    progress: Callable[[float, str], None] | None = None,
) -> Intervention:
    """Run the model on the image and on the image with ``region`` masked out, and compare the score on frozen M.

    score: class logit, log-odds or contrast (:mod:`seghirescam.cam.logits.score`).  paint: called with (image, region,
    margin_mm).  before: an outcome already known for this image, M and score, which saves one of two predictions.
    Models of every kind; the network's modes and buffers are left as they were.
    Raises EmptyPixelSetError or PixelSetError for a region or an M without a voxel in the image.
    """
    tell = Progress(progress)
    tell(0.0, "masking out")
    painted = paint(image, region, margin_mm)
    middle = 0.1 if before is not None else 0.55
    if before is None:
        before = outcome(model, image, pixel_set, score, device, tell.part(0.1, 0.55))
    again = {"progress": lambda f, phase: tell(middle + (1 - middle) * f, f"{phase}, masked out")}
    after = outcome(model, painted, pixel_set, score, device, **again)
    names = {info.index: info.name for info in model.classes}
    return Intervention(region.label, pixel_set.label, score.title(names), score.unit, before, after)


def outcome(
    model: SegmentationModel,
    image: Image,
    pixel_set: PixelSet,
    score: Score,
    device: str | None = "cpu",
    progress: Callable[[float, str], None] | None = None,
) -> Outcome:
    """The mean score over M and the predicted segment of the score's class, for one image."""
    region_on(pixel_set, image.grid)
    seen = Rerun(model, device=device).see(image, progress=progress)
    weights, found = seen.weights(pixel_set), seen.predicted(score.class_index)
    voxels = int(np.count_nonzero(found))
    overlap = 2 * float(weights[found].sum()) / (float(weights.sum()) + voxels)
    return Outcome(seen.mean_score(pixel_set, score), voxels, _ml(voxels, seen.grid), overlap)


@dataclass(frozen=True, eq=False)
class Painting:
    """An intervention in an open session, with what can be shown of it; masks bool ``[K, J, I]`` on the image's grid.

    region: as chosen; painted: what was changed, the margin included; both on the image's grid.  image: masked out.
    pixels: M on the model grid; mask: M on the image's.  predicted: the class before and after.  covered: the share of
    M's weight that was itself masked out.  control: the region's shape masked out elsewhere, None where it was not
    asked for or has no place (then a note says so).  forward_calls: of the re-runs.
    """

    found: Intervention
    class_name: str
    region: PixelSet
    painted: PixelSet
    margin_mm: float
    image: Image
    pixels: PixelSet
    mask: np.ndarray
    predicted: tuple[np.ndarray, np.ndarray]
    covered: float
    control: Outcome | None
    forward_calls: int
    notes: tuple[str, ...]

    def sizes(self) -> dict[str, Size]:
        """On the image's grid: the region, what was masked out, M, and the predicted class before and after."""
        grid = self.image.grid
        masks = {"pixel set": self.mask, f"predicted {self.class_name}": self.predicted[0]}
        masks |= {"after masking out": self.predicted[1]}
        region = {"region": Size.of_set(self.region), "masked out": Size.of_set(self.painted)}
        return region | {name: Size.of(mask, grid) for name, mask in masks.items()}

    def _millilitres(self):
        if self.image.grid.is_photo:
            return {"margin_pixels": self.margin_mm}
        return {"region_ml": self.region.ml, "painted_ml": self.painted.ml, "margin_mm": self.margin_mm}

    def to_json(self) -> dict:
        """Numbers, labels and the sentence for people."""
        told = self.found.to_json()
        told |= {"region": told.pop("region_label"), "pixel_set": told.pop("pixel_set_label")}
        return told | {
            "class_name": self.class_name,
            "sizes": {name: size.to_json() for name, size in self.sizes().items()},
            **self._millilitres(),
            "pixel_set_painted": self.covered,
            "control": None if self.control is None else asdict(self.control),
            "sentence": sentence(self),
        }


def paint_in(
    session,
    region: Recipe | PixelSet | Hottest,
    wanted: Recipe | PixelSet,
    score: Score,
    *,
    margin_mm: float = 2.0,
    control: bool = False,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Painting:
    """:func:`intervene` in an open session, whose prediction of the unchanged image is used if it has been kept.

    region, wanted (M): pixel sets or recipes; what the model predicts is its prediction of the unchanged image.  Sizes
    and Dice are counted on the image's grid, from the masks that :func:`Painting` hands out.  control: paint the same
    shape over once more at a random place (``seed``) outside M and the region; one more prediction.
    Raises what :func:`intervene` raises, what can be refused before the network runs, and ModelError for an answer
    that is not finite.
    """
    region = region if isinstance(region, Hottest) else as_recipe(region)
    painter = _Painter(session, region, as_recipe(wanted), score, margin_mm, Progress(progress))
    return painter.done(control, seed)


class _Painter:
    """One painting on its way."""

    def __init__(self, session, region, wanted, score, margin_mm, tell):
        self.session, self.region, self.wanted, self.tell = session, region, wanted, tell
        self.score, self.index, self.margin_mm = score, score.class_index, margin_mm
        self.model, self.image = session.model, session.image
        self.calls, self.notes = 0, []

    def done(self, control, seed) -> Painting:
        self.tell(0.0, "preparing the image")
        prepared = self.session.prepared()
        self.notes += prepared.notes
        view = View(prepared.grid, prepared.valid, self.index, self.model.class_name(self.index), self._decided)
        # what needs no prediction is refused before there is one
        region = self._region(view) if self._can_be_placed else None
        pixels = refuse_empty(self.wanted.resolve(view))
        mask = mask_on(self.image.grid, self.wanted, pixels)
        weights = (self.wanted.pixels if isinstance(self.wanted, Segment) else pixels).on(self.image.grid).weights
        region = region or self._region(view, np.maximum(mask, weights) > 0)
        painted = grown(region, self.image.grid, self.margin_mm)
        image = paint_over(self.image, painted, progress=lambda f, phase: self.tell(0.4, phase))
        place = moved(painted, np.maximum(weights, mask), self.image, seed) if control else None
        if control and place is None:
            self.notes.append("No control: the region's shape fits nowhere else beside the pixel set.")
        first, end = 0.45, 0.7 if place else 1.0
        count = partial(self._outcome, pixels=pixels, weights=weights.astype(np.float64))
        before, found = count(self.session, self._unchanged)
        self.notes += self.session.output_notes
        after, left = self._again(count, image, partial(self._told, first, end, ", masked out"))
        other = None
        if place is not None:
            phase = partial(self._told, end, 1.0, ", control")
            other, _ = self._again(count, paint_over(self.image, place, progress=phase), phase)
        covered = float((weights * painted.weights).sum(dtype=np.float64) / weights.sum(dtype=np.float64))
        if covered > 0:
            self.notes.append(
                f"Part of {pixels.label} was itself masked out: that alone changes what is found there, whatever "
                "the surroundings say."
            )
        self.notes += (*draw_notes(self.model.networks), *overflow_notes(self.session))
        names = {info.index: info.name for info in self.model.classes}
        title = self.score.title(names)
        changed = Intervention(region.label, pixels.label, title, self.score.unit, before, after)
        self.tell(1.0, "done")
        return Painting(
            changed, names[self.index], region, painted, self.margin_mm, image, pixels, mask, (found, left), covered,
            other, self.calls, tuple(self.notes),
        )  # fmt: skip

    def _told(self, start, end, more, fraction, phase):
        self.tell(start + (end - start) * fraction, phase + more)

    @cached_property
    def _unchanged(self) -> Seen:
        """The prediction of the image as it is: the kept one, or one that is kept if the session keeps any."""
        progress = partial(self._told, 0.0, 0.4, "")
        if self.session.keep and self.model.windows is None and len(self.model.networks) == 1:
            make_and_keep_the_pass(self.session, progress)
        return Seen.of(self.session, progress=progress)

    def _decided(self, index):
        seen = self._unchanged
        found = np.zeros(seen.grid.shape, dtype=bool)
        found[tuple(slice(n) for n in seen.valid)] = seen.predicted(index)
        return found

    @property
    def _can_be_placed(self):
        """Whether the region depends neither on the prediction nor on M."""
        return not (self.region.outside if isinstance(self.region, Hottest) else self.region.needs_prediction)

    def _region(self, view, mask=None) -> PixelSet:
        """On the image's grid; places and boxes are taken there, finer than on the model's."""
        grid = self.image.grid
        if isinstance(self.region, Hottest):
            return self.region.around(mask, grid, self.margin_mm)
        here = view if self.region.needs_prediction else View(grid, grid.shape, self.index, view.class_name)
        return region_on(self.region.resolve(here), grid)

    def _again(self, count, image, progress):
        """The same of another image; where the kept pass takes the memory that this needs, it is given up."""
        try:
            return self._fresh(count, image, progress)
        except MemoryLimitError:
            if not self.session.kept_bytes:
                raise
        self.session.release()  # outside the handler, whose traceback would keep tensors alive
        return self._fresh(count, image, progress)

    def _fresh(self, count, image, progress):
        words = {"device": self.session.device, "precision": self.session.precision}
        other = open_session(self.model, image, memory_budget_bytes=0, keep=False, **words)
        try:
            return count(other, Seen.of(other, progress=progress))
        finally:
            self.calls += other.forward_calls
            other.release()

    def _outcome(self, session, seen, *, pixels, weights):
        """(Outcome, the predicted class on the image's grid)."""
        labels = self.model.labels_on_input(seen.logits, session.prepared(), session.image)
        found = labels == self.index if labels.ndim == 3 else labels[self.index]
        score, voxels = seen.mean_score(pixels, self.score), int(np.count_nonzero(found))
        if not math.isfinite(score):
            raise ModelError("The model's answer is not finite.", "Check the image, or use --precision fp32.")
        dice = 2 * float(weights[found].sum()) / (float(weights.sum()) + voxels)
        return Outcome(score, voxels, _ml(voxels, session.image.grid), dice), found


def _ml(voxels, grid):
    return None if grid.is_photo else voxels * grid.voxel_ml
