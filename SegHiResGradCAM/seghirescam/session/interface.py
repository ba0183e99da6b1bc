"""One model and one image, many questions: what every kind of session answers.

:class:`whole.WholeSession` runs a network on the whole image, :class:`windowed.WindowedSession` a model whose own
inference averages windows, mirrorings or folds; :func:`opening.open_session` chooses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..cam.isolation.network_place import destination
from ..cam.layers.layer import Layer
from ..cam.logits.outputs import Reading
from ..models.model_outputs import notes, output_channels
from ..models.segmentation_model import Prepared, SegmentationModel
from ..protocol.explanation import Explanation, LayerInfo
from ..protocol.image import Image
from ..protocol.pixel_set import PixelSet
from ..protocol.progress import Progress, Tell
from ..protocol.question import DEFAULT, ComputeSettings, Question
from ..protocol.recipes import View
from .answer import public_layers
from .context_methods import refuse
from .half_precision import in_float32, in_full_where_needed, is_reduced, retold
from .noisy_copies import over_noise
from .one_question import whole_question
from .sets.handed import Handed, Receive
from .sets.known_sets import KnownSets, Refused
from .several_draws import over_draws
from .understood import Understood

if TYPE_CHECKING:
    import torch

    from .windows.known_windows import KnownWindows


class Session(ABC):
    """Ask about one image again and again; :class:`question.Question` says what may be asked.

    settings: the fields of :class:`question.ComputeSettings`.  A network that lives elsewhere than on ``device`` is
    moved there and back for every question, and then nothing is kept.  keep=False: every question makes passes of its
    own that record only what it needs.  The network is left as it was after every call; a weight that changed between
    two questions is noticed.  seed: of a network that draws random numbers; every pass, also of another verb, belongs
    to that draw.  Verbs take ``progress(fraction, phase)``, which may raise to cancel.
    """

    def __init__(self, model: SegmentationModel, image: Image, *, keep: bool = True, **settings: Any):
        self.model, self.image, self.keep = model, image, keep
        self.settings = ComputeSettings(**settings)
        self.device, self.precision, self.seed = self.settings.device, self.settings.precision, self.settings.seed
        #: whether passes are computed in less than fp32, and the session in fp32 where that did not reach
        self.reduced = is_reduced(model.networks, self.precision)
        self.wide: Session | None = None
        #: windows seen in other images of this case, which are not run again; None: nothing is known of other images
        self.known_windows: KnownWindows | None = None
        self._prepared: Prepared = None  # type: ignore[assignment]  # until an image is asked about

    # what may be asked

    @whole_question
    def ask(
        self, pixel_sets: Any = None, *, downstream: bool = False, progress: Tell | None = None,
        receive: Receive | None = None, refused: Refused | None = None, **words: Any,
    ) -> list[Explanation]:  # fmt: skip
        """Explanations ordered by pixel set, layer, method. Raises the errors of :mod:`errors`; nothing is left behind.

        pixel_sets: PixelSet, recipe, several of them, None for where the class is predicted; or a whole
        :class:`question.Question`.  words: its other fields.  downstream: after the layers asked for, also the main or
        recorded ones behind the first of them; the backward pass meets them anyway.  receive: gets the explanations
        one by one in the stead of the list, which stays empty; a pixel set's as soon as they are made, so that the maps
        of many need not lie in memory together (several draws, noisy copies, less than fp32, and methods with passes of
        their own give theirs at the end).  refused: told (place, error) of pixel sets that are empty or outside the
        image, which are left out then; without it, in several draws and in noisy copies, they end the question.
        """
        question = Question.of(pixel_sets, **words)
        understood, tell = Understood.of(self.model, question), Progress(progress)
        hand = Handed(receive, refused)
        noise = question.averaged_over
        if question.draws == 1 and noise.is_none and not self.reduced:
            self._answer(understood, tell, downstream, hand)
            return hand.found
        if not noise.is_none:
            found = over_noise(self, understood, noise, downstream, tell)
        elif question.draws != 1:
            found = over_draws(self, understood, question.draws, downstream, tell)
        else:
            found = self.asked(understood, tell, downstream, refused)
        for one in found:
            hand(one)
        return hand.found

    def asked(
        self, question: Understood, tell: Progress, downstream: bool, refused: Refused | None = None
    ) -> list[Explanation]:
        """One draw's answers, inside :meth:`ask`."""

        def work(session: Session) -> list[Explanation]:
            hand = Handed(refused=refused)
            session._answer(question, tell, downstream, hand)
            return hand.found

        found, why = in_full_where_needed(self, work)
        return retold(found, why, self.model)

    @whole_question
    def layers(self, progress: Tell | None = None) -> list[LayerInfo]:
        """All layers that can be explained: stride, channels, cells (of one window), mm per cell, part, placement."""
        tell = Progress(progress)
        prepared = self._prepare(tell)
        return public_layers(self.listed(tell), prepared, self.model.spatial_dims)

    @whole_question
    def logits(self, progress: Tell | None = None, around: PixelSet | None = None) -> np.ndarray:
        """The (fused) logits ``[C, K, J, I]``, float32, on the model grid, padding included.

        around: where windows are averaged only those that meet this set are run; then the logits are exact on the set,
        and nothing elsewhere.
        """
        tell = Progress(progress)
        return in_full_where_needed(self, lambda session: session._logits_now(tell, around))[0]

    @whole_question
    def predict(self, class_index: int | str, progress: Tell | None = None) -> PixelSet:
        """Where the (fused) logits choose a class, on the model grid (padding excluded); may be empty."""
        index, tell = self.model.class_index(class_index), Progress(progress)
        return in_full_where_needed(self, lambda session: session._predict_now(index, tell))[0]

    @whole_question
    def prepared(self, progress: Tell | None = None) -> Prepared:
        """What the network sees of the image."""
        return self._prepare(Progress(progress))

    def estimate(self, pixel_sets: PixelSet | Sequence[PixelSet], layers: str | Sequence[str] = DEFAULT) -> dict:
        """What a question about given sets would take, before anything runs; {} where nothing is cut into windows."""
        return {}

    def check(self, question: Understood, targets: list[Layer] | None = None) -> dict[int, set[str]]:
        """What the methods take, by their place, see :func:`context_methods.refuse`. Nothing is computed."""
        network = self.model.networks[0]
        with self.reading.on(network):
            return self._refuse(question, destination(network, self.device), targets)

    # what is known

    @property
    @abstractmethod
    def reading(self) -> Reading:
        """How the logits are read from what the networks return."""

    @property
    def output_facts(self) -> dict:
        """What was made of the networks' outputs, for the provenance; known once they have run."""
        return self.reading.taken(self.model.networks[0]).facts

    @property
    def output_notes(self) -> tuple[str, ...]:
        """The same in words, with what was assumed."""
        return (*self.reading.taken(self.model.networks[0]).notes, *notes(self.model, self.averaged))

    @abstractmethod
    def listed(self, tell: Progress | None = None) -> list[Layer]:
        """The layers as the method knows them, of the network's input for one pass."""

    @property
    @abstractmethod
    def input_shape(self) -> tuple[int, ...]:
        """Of the network's input for one pass, ``[1, C, *spatial]``; known once the image is prepared."""

    @property
    def averaged(self) -> int:
        """Outputs that are averaged at a voxel, at most: overlapping windows, mirrorings, folds."""
        return 1

    @property
    def runs(self) -> int:
        """Network passes behind one prediction of the whole image."""
        return 1

    def runs_around(self, pixel_set: PixelSet) -> int:
        """Network passes behind one prediction around a set."""
        return 1

    @property
    def tolerance(self) -> float:
        """The share of M's weight whose windows may be left out."""
        return 0.0

    @property
    @abstractmethod
    def recorded(self) -> frozenset[str]:
        """Names of the layers whose passes are kept: further questions about them make no forward call."""

    def holds(self, layer: str, pixel_set: PixelSet) -> bool:
        """Whether a further question about this layer and these voxels costs no forward pass."""
        return layer in self.recorded

    @property
    @abstractmethod
    def kept_bytes(self) -> int:
        """Estimated memory of what is kept."""

    @property
    @abstractmethod
    def forward_calls(self) -> int:
        """Network passes so far."""

    @abstractmethod
    def count(self, calls: int) -> None:
        """Add passes that another session made for this one."""

    @abstractmethod
    def release(self) -> None:
        """Forget what is kept and give its memory back; the next question makes new passes."""

    def is_linear(self, question: Understood) -> bool:
        """Whether the question's score is linear in what the passes give."""
        return question.score.linear

    # other sessions about the same image

    def widened(self) -> Session:
        """This session in fp32, see :mod:`half_precision`."""
        other = self._another(in_float32(self.model), replace(self.settings, precision="fp32"), self.keep)
        other.reduced = False
        return other

    def sibling(self, seed: int) -> Session:
        """A session about the same prepared image with another seed, that keeps nothing."""
        other = self._another(self.model, replace(self.settings, seed=seed), keep=False)
        other._prepared = self._prepared
        return other

    def _another(self, model: SegmentationModel, settings: ComputeSettings, keep: bool) -> Session:
        return type(self)(model, self.image, keep=keep, **asdict(settings))

    # what the kinds share

    def _given(self, question: Understood, hand: Handed) -> KnownSets:
        """The pixel sets that need no prediction. Raises EmptyPixelSetError, PixelSetError."""
        known = KnownSets(len(question.recipes) > 1, hand.refused)
        for i, (recipe, index) in enumerate(zip(question.recipes, question.classes, strict=True)):
            if not recipe.needs_prediction:
                known.resolve(i, recipe, self._view(index))
        if not any(recipe.needs_prediction for recipe in question.recipes):
            known.refuse_none()
        return known

    def _prepare(self, tell: Progress) -> Prepared:
        tell(0.0, "preparing the image")
        if self._prepared is None:
            self._prepared = self.model.prepared(self.image)
        return self._prepared

    def _refuse(self, question: Understood, where: torch.device, targets: list[Layer] | None) -> dict[int, set[str]]:
        tensor = self._prepared.tensor.new_empty(1).expand(self.input_shape)
        channels, linear = output_channels(self.model), self.is_linear(question)
        return refuse(
            question, self.model.head, channels, self.model.networks[0], tensor, where, self.runs, targets, linear
        )

    def _view(self, index: int, decided: Callable[[int], np.ndarray] | None = None) -> View:
        """What recipes may look at. decided(class index): bool [K, J, I], once there is a prediction."""
        prepared = self._prepared
        return View(prepared.grid, prepared.valid, index, self.model.class_name(index), decided)

    @abstractmethod
    def _answer(self, question: Understood, tell: Progress, downstream: bool, hand: Handed) -> None: ...

    @abstractmethod
    def _logits_now(self, tell: Progress, around: PixelSet | None) -> np.ndarray: ...

    @abstractmethod
    def _predict_now(self, index: int, tell: Progress) -> PixelSet: ...
