"""The verbs: model, image and pixel set as they are at hand, and the question in its own words."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..comparison.compare import Comparison
from ..comparison.two_models.disagreement import Disagreement
from ..evaluation.evaluate import Evaluation
from ..io.colour_images import coloured, takes_colour
from ..models.axes import AS_GIVEN, MONAI, Axes
from ..models.description_words import XYZ
from ..models.segmentation_model import SegmentationModel
from ..protocol.errors import DependencyError, ModelError
from ..protocol.explanation import LayerInfo
from ..protocol.image import Image
from ..protocol.pixel_set import PixelSet
from ..protocol.question import ALL_MIRRORINGS, AUTO, DEFAULT, DEFAULT_METHOD, LOGIT, NO_NOISE, SAMPLES, SIGMA, Question
from ..session.interface import Session
from .as_image import Needs, as_image
from .as_model import input_channels, is_of_monai, opened, spatial_dims, target_of, wrapped
from .as_pixel_set import Noted, as_recipes
from .shown import Explanation, Explanations

#: what a bare module may be told beside its image, see :func:`explain`
MODEL_WORDS = ("classes", "head", "activation", "axes", "output", "normalise", "divisor")


def explain(
    model: Any,
    image: Any,
    pixel_sets: Any = None,
    *,
    target: int | str | Sequence[int | str] | None = None,
    class_index: int | str | Sequence[int | str] | None = None,
    value: Any = None,
    spacing: Sequence[float] | None = None,
    classes: Sequence[str] | Mapping[int, str] | int | None = None,
    head: str | None = None,
    activation: str | None = None,
    axes: str | None = None,
    output: int | str | None = None,
    normalise: Callable | None = None,
    divisor: int | None = None,
    consent: bool = False,
    methods: Any = DEFAULT_METHOD,
    layers: str | Sequence[str] = DEFAULT,
    score: str = LOGIT,
    rival: int | str | Sequence[int | str] | None = None,
    side: str = AUTO,
    device: str | None = None,
    precision: str = "fp32",
    tolerance: float = 0.0,
    seed: int = 0,
    mirroring: str = ALL_MIRRORINGS,
    folds: Sequence[str] = (),
    draws: int = 1,
    noise: str = NO_NOISE,
    noise_samples: int = SAMPLES,
    noise_sigma: float = SIGMA,
    progress: Callable[[float, str], None] | bool | None = None,
) -> Explanations:
    """Why did the network draw that segment? ::

        (found,) = seghirescam.explain(net, image, mask, classes=["background", "tumour"], target="tumour")

    model: a ``torch.nn.Module`` that maps ``[B, C, *spatial]`` to ``[B, classes, *spatial]``; the path of a model or of
    its description ("demo:honest"; consent: yes to running its author's code); or a SegmentationModel.
    image: an array or tensor as the network is fed; a path; a SimpleITK or nibabel image; a list of them, one a
    channel; or an Image.  spacing: mm of an array's voxels along its axes (K, J, I).
    pixel_sets: whose score is explained: a mask or a label map (value: its label, or several), as array, path, image
    object, PixelSet or recipe; a list of them; None: where the class is predicted.
    target: the class, index or name, or a list with one for each pixel set (class_index is the same word).

    For a bare module: classes: names of its output channels in their order, a number, or ``{channel: name}``.  head:
    "softmax", "sigmoid" or "binary".  activation: what it applies last ("none", "sigmoid", "softmax").  axes: "zyx" or
    "xyz", for files ("xyz" for MONAI's own classes).  output: which of several outputs.  normalise: function of
    ``[C, *spatial]``.  divisor: pad to a multiple.  What is not stated is found, and what was assumed stands in the
    notes of every result.

    methods, layers, score, rival, side, draws, noise, noise_samples, noise_sigma, device, precision, tolerance, seed,
    mirroring, folds: see :class:`Question` and :func:`session.explain.explain`.  progress: True for a bar (tqdm), or a
    function of (fraction, phase) that may raise to cancel.

    Returns :class:`Explanations`, ordered by pixel set, layer, method.  Raises the errors of
    :mod:`protocol.errors`; the network is left exactly as it was.
    """
    from ..session.explain import explain as answered

    case = given(
        model, image, pixel_sets, value=value, spacing=spacing, consent=consent, classes=classes, head=head,
        activation=activation, axes=axes, output=output, normalise=normalise, divisor=divisor,
    )  # fmt: skip
    if isinstance(pixel_sets, Question):
        question, note = replace(pixel_sets, pixel_sets=tuple(case.noted)), ""
        words: dict = {"class_index": question.class_index}
    else:
        index, note = target_of(case.model, target, class_index)
        question = case.noted
        words = {
            "class_index": index, "methods": methods, "layers": layers, "score": score, "rival": rival, "side": side,
            "draws": draws, "noise": noise, "noise_samples": noise_samples, "noise_sigma": noise_sigma,
        }  # fmt: skip
    with Telling(progress) as tell:
        found = answered(
            case.model, case.image, question, **words, device=device, precision=precision, tolerance=tolerance,
            seed=seed, mirroring=mirroring, folds=folds, progress=tell,
        )  # fmt: skip
    return case.shown(found, (note,) if note else ())


def list_layers(model: Any, image: Any, **words: Any) -> list[LayerInfo]:
    """All layers that can be explained for this image. model, image, words: as for :func:`explain`."""
    from ..session.explain import list_layers as listed

    case = given(model, image, None, **words)
    return listed(case.model, case.image)


def predict(model: Any, image: Any, target: int | str | None = None, *, class_index=None, **words: Any) -> PixelSet:
    """Where the network chooses a class, on the model grid (padding excluded); may be empty. See :func:`explain`."""
    from ..session.explain import predict as predicted

    case = given(model, image, None, **words)
    return predicted(case.model, case.image, target_of(case.model, target, class_index)[0])


def compare(model: Any, image: Any, pixels: Any = None, *, target=None, class_index=None, **words: Any) -> Comparison:
    """Methods and layers side by side; model, image and pixels as for :func:`explain`.

    words: those of :func:`comparison.compare.compare` (methods, layers, score, ...), and of a bare module.
    """
    from ..comparison.compare import compare as compared

    case, rest = case_and_rest(model, image, pixels, words)
    return compared(case.model, case.image, case.one, class_index=target_of(case.model, target, class_index)[0], **rest)


def evaluate(model: Any, image: Any, pixels: Any = None, *, target=None, class_index=None, **words: Any) -> Evaluation:
    """Is the map faithful? model, image and pixels as for :func:`explain`.

    words: those of :func:`evaluation.evaluate.evaluate` (method, layer, tier, curves, ...), and of a bare module.
    """
    from ..evaluation.evaluate import evaluate as evaluated

    case, rest = case_and_rest(model, image, pixels, words)
    return evaluated(
        case.model, case.image, case.one, class_index=target_of(case.model, target, class_index)[0], **rest
    )


def disagree(
    models: Sequence, image: Any, *, image_b=None, target=None, class_index=None, **words: Any
) -> Disagreement:
    """Where do two models disagree about one case, and what did each look at? ::

        found = seghirescam.disagree(["demo:honest", "demo:shortcut"], image, target="lesion")
        found.dice, found.rows(), found["a_without_b"].asked[1].explanation

    models: A and B, each as for :func:`explain`.  image: for both; image_b: what B is given instead.  target: a class
    of both, or a pair.  words: those of :func:`comparison.two_models.disagree.disagree` (method, layers, score, ...),
    and of bare modules, for both.
    """
    from ..comparison.two_models.disagree import disagree as disagreed
    from ..comparison.two_models.disagree import pair

    if not isinstance(models, (list, tuple)) or len(models) != 2:
        raise ModelError("Two models are compared.", "Give a list of two: A, then B.")
    images = (image, image if image_b is None else image_b)
    cases = [case_and_rest(model, one, None, dict(words)) for model, one in zip(models, images, strict=True)]
    targets, indices = pair(target), pair(class_index)
    classes = [target_of(case.model, targets[n], indices[n])[0] for n, (case, _) in enumerate(cases)]
    both = [case for case, _ in cases]
    return disagreed([one.model for one in both], [one.image for one in both], class_index=classes, **cases[0][1])


def open_session(model: Any, image: Any, **words: Any) -> Session:
    """Ask about one image again and again; model and image as for :func:`explain`. words: of a bare module, ``keep``,
    and the fields of ComputeSettings."""
    from ..session.opening import open_session as session

    case, rest = case_and_rest(model, image, None, words)
    return session(case.model, case.image, **rest)


@dataclass(frozen=True, eq=False)
class Given:
    """The case as the engine takes it. noted: recipes, or None for the predicted class."""

    model: SegmentationModel
    image: Image
    noted: list[Noted] | None

    @property
    def one(self):
        """The one pixel set of a verb that takes one."""
        if self.noted is None:
            return None
        return [one.of for one in self.noted] if len(self.noted) > 1 else self.noted[0].of

    def shown(self, found, notes) -> Explanations:
        each = max(1, len(found) // max(1, len(self.noted or [None])))
        shown = Explanations()
        for number, answer in enumerate(found):
            mask = self.noted[min(number // each, len(self.noted) - 1)].mask if self.noted else None
            shown.append(Explanation.of(replace(answer, notes=(*answer.notes, *notes)), self.image, mask))
        return shown


def given(
    model: Any, image: Any, pixel_sets: Any = None, *, value: Any = None, spacing=None, consent: bool = False,
    **words: Any,
) -> Given:  # fmt: skip
    """What the engine is asked about; nothing runs but a bare module's wiring. Raises what is not understood."""
    unknown = sorted(set(words) - set(MODEL_WORDS))
    if unknown:
        raise TypeError(f"There is no word {unknown[0]!r}. A bare module takes: {', '.join(MODEL_WORDS)}.")
    if isinstance(pixel_sets, Question):
        pixel_sets = list(pixel_sets.pixel_sets)
    known = opened(model, consent=consent, **words)
    if known is not None:
        needs = Needs(known.spatial_dims, len(known.channels), known.channels, known.header_rule)
    else:
        needs = Needs(spatial_dims(model), input_channels(model))
    read = as_image(image, needs, spacing)
    if known is None:
        known = _wrapped(model, read, needs, words)
    elif takes_colour(known.channels):
        read = replace(read, image=coloured(read.image, known.channels))
    recipes = as_recipes(pixel_sets, read.image, value, needs.rule)
    from ..protocol.recipes import PredictedClass

    return Given(known, read.image, [Noted(recipe) for recipe in recipes or [PredictedClass()]])


def _wrapped(network, read, needs, words):
    image = read.image
    dims = needs.dims or (2 if image.grid.shape[0] == 1 else 3)
    if needs.channels not in (None, image.array.shape[0]):
        raise ModelError(
            f"The network takes {needs.channels} input channel(s), the image has {image.array.shape[0]}.",
            "Give one volume for each channel, as a list or as [C, K, J, I]; a grey image for a network of colours "
            "three times: [image, image, image].",
        )
    words = dict(words)
    assumed = XYZ if is_of_monai(network) else None
    order = words.get("axes") or read.axes or assumed
    spatial = image.grid.shape if dims == 3 else image.grid.shape[1:]
    spatial = spatial[::-1] if order == "xyz" else spatial
    model = wrapped(network, (1, image.array.shape[0], *spatial), **words)
    if words.get("axes") is None and read.axes is not None:
        model.axes = Axes(read.axes, AS_GIVEN)
    elif words.get("axes") is None and assumed is not None:
        model.axes = Axes(assumed, MONAI)
    return model


def case_and_rest(model, image, pixels, words):
    """(case, the words that are the verb's own)"""
    own = (*MODEL_WORDS, "value", "spacing", "consent")
    case = given(model, image, pixels, **{word: words.pop(word) for word in own if word in words})
    return case, words


class Telling:
    """Context that gives progress(fraction, phase) or None: the caller's own, or a bar of tqdm that closes."""

    def __init__(self, progress):
        self._given, self._bar = progress, None

    def __enter__(self):
        if self._given is not True:
            return self._given or None
        try:
            tqdm = importlib.import_module("tqdm.auto").tqdm
        except ImportError as error:
            raise DependencyError(
                "tqdm, which draws progress bars, is not installed.",
                "Run: python -m pip install tqdm, or pass a function.",
            ) from error
        self._bar = tqdm(total=100, unit="%", bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}")
        return self._tell

    def _tell(self, fraction, phase):
        self._bar.set_description_str(phase, refresh=False)
        self._bar.update(round(100 * fraction) - self._bar.n)

    def __exit__(self, *_):
        if self._bar is not None:
            self._bar.close()
