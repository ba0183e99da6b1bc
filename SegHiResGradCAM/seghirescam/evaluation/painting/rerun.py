"""The model again, on changed images of one case: what every intervention is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ...cam.logits.score import Score, decide
from ...models import model_outputs
from ...models.segmentation_model import SegmentationModel
from ...protocol.grid import Grid
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...session.opening import open_session
from ...session.windows.known_windows import KnownWindows
from .painting_over import region_on


@dataclass(frozen=True, eq=False)
class Seen:
    """Logits ``[C, K, J, I]`` (float32) of one image, the model grid they stand on, and its part without padding.

    around: the set around which they are valid; None: everywhere.  lost_logit: they are the logarithm of a softmax's
    probabilities, from which no single class's logit can be told.
    """

    logits: np.ndarray
    grid: Grid
    valid: tuple[int, int, int]
    head: str
    around: PixelSet | None = None
    lost_logit: bool = False

    @staticmethod
    def of(session, around: PixelSet | None = None, progress: Callable[[float, str], None] | None = None) -> Seen:
        """What an open session says about its image; nothing is computed that it has kept."""
        logits = session.logits(progress, around)
        prepared = session.prepared()
        lost = model_outputs.is_lost(session.model)
        return Seen(logits, prepared.grid, prepared.valid, session.model.head, around, lost)

    def mean_score(self, pixel_set: PixelSet, score: Score) -> float:
        """S / |M|: the score's mean over M (weighted), in its unit; M frozen, brought to this grid.

        Raises ClassError for a score that the model's probabilities do not determine.
        """
        if self.lost_logit and score.name == "logit":
            raise model_outputs.lost_logit()
        weights = self.weights(pixel_set)
        values = score.values(torch.from_numpy(self.logits)[None], self.head)[0].double().numpy()[self._inside]
        values = np.where(weights > 0, values, 0)  # infinite logits outside M have no part in it
        return float((weights * values).sum() / weights.sum())

    def weights(self, pixel_set: PixelSet) -> np.ndarray:
        """m ``[K, J, I]``, float64, without the padding."""
        return region_on(pixel_set, self.grid).weights[self._inside].astype(np.float64)

    def predicted(self, class_index: int) -> np.ndarray:
        """Bool ``[K, J, I]`` without the padding: where the model chooses the class."""
        return decide(torch.from_numpy(self.logits)[None], class_index, self.head)[0].numpy()[self._inside]

    def chosen_within(self, pixel_set: PixelSet, class_index: int) -> float:
        """The weight of M where the model chooses the class; only M's voxels are looked at."""
        weights = self.weights(pixel_set)
        inside = weights > 0
        logits = torch.from_numpy(np.ascontiguousarray(self.logits[(slice(None), *self._inside)][:, inside]))
        return float(weights[inside][decide(logits[None], class_index, self.head)[0].numpy()].sum())

    @property
    def _inside(self):
        return tuple(slice(n) for n in self.valid)


class Rerun:
    """Runs one model on many images. device, precision: as for :class:`interface.Session`.  forward_calls: so far.

    Every kind of model: windows, mirrorings and folds are fused as its own inference does.  The network is left as it
    was.  remember: images that are asked about around one and the same set differ in places; windows that are fed what
    they were fed before are not run again.
    """

    def __init__(
        self, model: SegmentationModel, *, device: str | None = None, precision: str = "fp32", remember: bool = False
    ):
        self.model, self.device, self.precision = model, device, precision
        self.forward_calls = 0
        self._known = KnownWindows() if remember else None

    @property
    def spared(self) -> int:
        """Window passes that were not run because nothing had changed in them."""
        return self._known.spared if self._known else 0

    @staticmethod
    def of(session, remember: bool = False) -> Rerun:
        """That of an open session."""
        return Rerun(session.model, device=session.device, precision=session.precision, remember=remember)

    def see(
        self,
        image: Image,
        around: PixelSet | None = None,
        progress: Callable[[float, str], None] | None = None,
    ) -> Seen:
        """around: only these voxels are asked about, so that only the windows that meet them run."""
        words = {"device": self.device, "precision": self.precision, "memory_budget_bytes": 0, "keep": False}
        session = open_session(self.model, image, **words)
        session.known_windows = self._known
        try:
            return Seen.of(session, around, progress)
        finally:
            self.forward_calls += session.forward_calls
            session.release()
