"""Questions about a model whose own inference averages windows, mirrorings or folds: the maps of all runs added up.

Only windows that meet the pixel set are run; the others have gradient zero.  With the pixel set given and a score that
is linear in the logits nothing else is computed; otherwise the fused prediction is made first, once an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from ..cam.layers.layer import Layer
from ..cam.logits.outputs import Reading
from ..cam.logits.score import decide
from ..cam.placement.windows import Seeds
from ..models import model_outputs
from ..models.model_outputs import reading_of
from ..models.segmentation_model import SegmentationModel
from ..protocol.errors import PixelSetError
from ..protocol.image import Image
from ..protocol.pixel_set import PixelSet
from ..protocol.progress import Progress
from ..protocol.question import DEFAULT, several
from ..protocol.recipes import PredictedClass, refuse_empty
from .interface import Session
from .memory import MemoryLimitError, free_cached, gone, memory_of_machine, watched
from .one_question import whole_question
from .sets.set_groups import SHARE
from .window_passes import Known, Settings, SharedDrawsError, WindowPasses
from .windows.question_estimate import estimated
from .windows.windowed_question import WindowedQuestion

if TYPE_CHECKING:
    import numpy as np

    from ..cam.placement.windows import Offset
    from ..models.segmentation_model import Prepared
    from ..protocol.question import ComputeSettings
    from ..protocol.recipes import View
    from .sets.handed import Handed
    from .understood import Understood


class WindowedSession(Session):
    """A session about a model with windows, mirroring or folds.

    tolerance: the share of M's weight that windows at M's rim may be left out for (0: none; at 0.01 a third to five
    sixths of the windows ran in the benchmark).  windows_together: None chooses by the GPU's free memory, 1 on the CPU.
    working_bytes: what a question may take of the machine's memory for maps that are being added up and for activations
    that wait; None is half of what is free.  Pixel sets whose maps do not fit together are asked in groups.  Where the
    GPU's memory does not suffice, the run goes on with fewer windows at a time, then in bf16, then on the CPU, and the
    notes say which.
    """

    def __init__(
        self,
        model: SegmentationModel,
        image: Image,
        *,
        keep: bool = True,
        windows_together: int | None = None,
        working_bytes: int | None = None,
        **settings: Any,
    ):
        super().__init__(model, image, keep=keep, **settings)
        if not 0 <= self.tolerance < 1:
            raise PixelSetError(
                f"The tolerance must be at least 0 and below 1, got {self.tolerance}.", "0.01 is usual."
            )
        self.windows_together, self.working_bytes = windows_together, working_bytes
        self._passes: WindowPasses = None  # type: ignore[assignment]  # until the image is prepared

    @property
    def reading(self) -> Reading:
        return self._passes.reading if self._passes else reading_of(self.model)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self._passes.window_shape

    @property
    def averaged(self) -> int:
        return self._passes.averaged if self._passes else 1

    @property
    def runs(self) -> int:
        return len(self._passes.plan.offsets) * self._passes.runs

    def runs_around(self, pixel_set: PixelSet) -> int:
        weights = pixel_set.on(self._prepare(Progress()).grid).weights
        return len(Seeds.of(self._passes.plan, weights).touched) * self._passes.runs

    @property
    def tolerance(self) -> float:
        return self.settings.tolerance

    @property
    def forward_calls(self) -> int:
        return self._passes.calls if self._passes else 0

    def count(self, calls: int) -> None:
        self._passes.calls += calls

    @property
    def recorded(self) -> frozenset[str]:
        return self.wide.recorded if self.wide else self._passes.layers if self._passes else frozenset()

    def holds(self, layer: str, pixel_set: PixelSet) -> bool:
        if layer not in self.recorded or self._passes is None:
            return False
        weights = pixel_set.on(self._prepared.grid).weights
        return self._passes.holds(Seeds.of(self._passes.plan, weights, self.tolerance).touched)

    @property
    def kept_bytes(self) -> int:
        return self.wide.kept_bytes if self.wide else self._passes.nbytes if self._passes else 0

    def release(self) -> None:
        if self.wide:
            self.wide.release()
        if self._passes:
            dropped = watched(*self._passes.held)
            self._passes.release()
            gone(dropped)

    def listed(self, tell: Progress | None = None) -> list[Layer]:
        return self._passes.listed()

    @whole_question
    def estimate(self, pixel_sets: PixelSet | Sequence[PixelSet], layers: str | Sequence[str] = DEFAULT) -> dict:
        """Windows, groups, forward passes and memory, see :func:`question_estimate.estimated`."""
        prepared = self._prepare(Progress())
        return estimated(self, self._passes, prepared, several(pixel_sets), layers, self._working)

    @property
    def _working(self) -> int:
        stated = self.working_bytes
        return int(SHARE * memory_of_machine()[1]) if stated is None else stated

    def is_linear(self, question: Understood) -> bool:
        """Whether the score is the average of the windows' scores."""
        return model_outputs.is_linear(self.model, question.score, self.averaged)

    def _another(self, model: SegmentationModel, settings: ComputeSettings, keep: bool) -> Session:
        other = super()._another(model, settings, keep)
        assert isinstance(other, WindowedSession)
        other.windows_together, other.working_bytes = self.windows_together, self.working_bytes
        return other

    def _prepare(self, tell: Progress) -> Prepared:
        prepared = super()._prepare(tell)
        if self._passes is None:
            self._passes = WindowPasses(self.model, prepared, self.keep, self.settings.memory_budget_bytes)
            self._passes.reduced = self.reduced
        return prepared

    def _logits_now(self, tell: Progress, around: PixelSet | None) -> np.ndarray:
        prepared = self._prepare(tell)
        with torch.inference_mode(False):
            if around is not None and self._passes.logits is None:
                weights = refuse_empty(around.on(prepared.grid)).weights
                met = tuple(Seeds.of(self._passes.plan, weights).touched)
                if self.known_windows:
                    self.known_windows.about(self._passes, weights)
                known = self.known_windows.seen if self.known_windows else None
                return self._fused(tell, 1.0, offsets=met, known=known).numpy()
            return self._fused(tell, 1.0).numpy().copy()  # the kept one stays as it is

    def _predict_now(self, index: int, tell: Progress) -> PixelSet:
        self._prepare(tell)
        with torch.inference_mode(False):
            self._fused(tell, 1.0)
        return PredictedClass().resolve(self._seen(index))

    def _answer(self, question: Understood, tell: Progress, downstream: bool, hand: Handed) -> None:
        self._prepare(tell)
        passes = self._passes
        asking = WindowedQuestion(self, passes, self._seen, question, downstream, hand, self._working)
        settings = self._settings
        notes: tuple[str, ...] = ()
        try:
            while True:
                try:
                    return asking.answer(tell, settings, notes)
                except SharedDrawsError:
                    self.release()
                except MemoryLimitError as error:
                    passes.forget()  # a finished prediction stays
                    free_cached()
                    smaller = settings.smaller(self.model)
                    if smaller is None:
                        raise
                    settings, what = smaller
                    notes = (*notes, f"{error.sentence} Went on {what}.")
        finally:
            passes.end_question()

    def _fused(
        self, tell: Progress, end: float, offsets: tuple[Offset, ...] | None = None, known: Known | None = None
    ) -> torch.Tensor:
        """The fused logits, asked for by themselves; on a shortage of memory with smaller settings."""
        smaller = self._settings
        while True:
            try:
                return self._passes.fuse(smaller, tell, end, offsets, known=known)
            except SharedDrawsError:
                self._passes.release()
            except MemoryLimitError:
                less = smaller.smaller(self.model)
                if less is None:
                    raise
                smaller = less[0]

    @property
    def _settings(self) -> Settings:
        return Settings(self.device, self.precision, self.windows_together)

    def _seen(self, index: int) -> View:
        """The view with the prediction in it."""
        logits = self._passes.logits
        return self._view(index, lambda wanted: decide(logits[None], wanted, self.model.head)[0].numpy())  # type: ignore[index]
