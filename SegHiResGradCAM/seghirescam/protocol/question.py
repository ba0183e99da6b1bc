"""What is asked about a pixel set, and how it is computed: one form from the click to the gradient.

A field is default, check, JSON, request and command-line option at once.  ``metadata["option"]`` holds the words of its
option (:mod:`cli.question_options` makes them); a field without it is no option.
"""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from .errors import ClassError, LayerError, MethodError, ModelError, PixelSetError
from .recipes import PredictedClass, Recipe, as_recipe

#: the paper's own
DEFAULT_METHOD = "seg_hires_grad_cam"
#: words that stand for layers instead of a name
DEFAULT, DEEPEST, MAIN, EACH = LAYER_WORDS = ("default", "deepest", "main", "each")
#: what is summed over the pixel set
LOGIT, LOG_ODDS, CONTRAST = SCORES = ("logit", "log_odds", "contrast")
#: by which centre a cell is placed: where it looks, or where it acts; encoder and bottleneck where they read, decoder
#: and heads where they write (branches that read at different places meet there)
AUTO, READING, WRITING = SIDES = ("auto", "reading", "writing")
#: float32; products rounded to TF32 on GPUs that have it; autocast to bf16 (fp16 on a GPU without it), or to fp16
FP32, TF32, BF16, FP16 = PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
#: which of a model's mirrorings are run; and the word for the first of its folds
ALL_MIRRORINGS, NO_MIRRORING = MIRRORINGS = ("all", "none")
FIRST_FOLD = "first"
#: more draws are a mistake of typing
MOST_DRAWS = 1000
#: how maps are averaged over noisy copies of the image
NO_NOISE, SMOOTHGRAD, SQUARED, VARGRAD = NOISES = ("none", "smoothgrad", "smoothgrad_squared", "vargrad")
#: as the papers write them, behind a method's title
TITLES = {SMOOTHGRAD: "SmoothGrad", SQUARED: "SmoothGrad-squared", VARGRAD: "VarGrad"}
#: the paper's: 10 to 20 % noise, and little change beyond 50 copies
SAMPLES, SIGMA = 25, 0.1
MOST_SAMPLES = 10_000


_RIVAL = "why the class and not this one? (--score contrast); in explain repeatable, SEGMENT=CLASS"
_CLASS = (
    "the class that is asked about; in explain repeatable, and all: every class where it is predicted; of --segment "
    "LABELMAP:all a segment's class is the one of its name, or SEGMENT=CLASS"
)


def _asked(default: Any, *flags: str, **words: Any) -> Any:
    """A field whose option has these flags and argparse's words."""
    return field(default=default, metadata={"option": (flags, words)})


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise ArgumentTypeError(f"a share lies between 0 and 1, got {text}")
    return value


@dataclass(frozen=True)
class Noise:
    """Averaging a map over noisy copies of the image. kind: one of NOISES.  samples: n, the copies.  sigma: standard
    deviation of the white Gaussian noise, as a share of each channel's range (largest minus smallest value of what the
    network is fed).

    SmoothGrad: Smilkov et al., arXiv 1706.03825 (2017).  SmoothGrad-squared and VarGrad: Hooker et al., NeurIPS 2019;
    Adebayo et al., ICLR Workshops 2018.  Raises MethodError for what is none of these.
    """

    kind: str = NO_NOISE
    samples: int = SAMPLES
    sigma: float = SIGMA

    def __post_init__(self) -> None:
        if self.kind not in NOISES:
            raise MethodError(f"Unknown noise {self.kind!r}.", f"Use one of: {', '.join(NOISES)}.")
        least = 2 if self.kind == VARGRAD else 1
        whole = isinstance(self.samples, int) and not isinstance(self.samples, bool)
        if not (whole and least <= self.samples <= MOST_SAMPLES):
            raise MethodError(
                f"The number of noisy copies is a whole number from {least} to {MOST_SAMPLES}, not {self.samples!r}.",
                f"{SAMPLES} are usual.",
            )
        if not (isinstance(self.sigma, (int, float)) and math.isfinite(self.sigma) and 0 < self.sigma <= 1):
            raise MethodError(
                f"The noise is a share of each channel's range, above 0 and not above 1, not {self.sigma!r}.",
                f"{SIGMA:g} is usual.",
            )

    @property
    def is_none(self) -> bool:
        return self.kind == NO_NOISE

    @property
    def keeps_unit(self) -> bool:
        """A mean of maps is on the maps' scale; of squares it is not."""
        return self.kind == SMOOTHGRAD


@dataclass(frozen=True, eq=False)
class Question:
    """A class, methods, layers and a score, asked about pixel sets.

    class_index: index or name, of all pixel sets or one for each.  pixel_sets: recipes or PixelSets, None for where the
    class is predicted; a single one goes with every class.  methods: names, or Method instances.  layers: a word
    (default: at least two cells across the first pixel set; each: the same for every pixel set by itself; deepest: the
    paper's choice; main: the last of every level) or names.  score: "logit", "log_odds", or "contrast" against
    ``rival``, again one for all or one for each.  side: "reading", "writing" or "auto".  draws: of a network that draws
    random numbers, the mean map of so many.  noise, noise_samples, noise_sigma: see :class:`Noise`.

    One item stands for itself wherever several are allowed.  Raises ClassError, LayerError, PixelSetError or ModelError
    for what no model can be asked.
    """

    class_index: int | str | Sequence[int | str] = field(
        metadata={"option": (("--class",), {"metavar": "NAME|INDEX", "help": _CLASS})}
    )
    pixel_sets: tuple[Recipe, ...] = None  # type: ignore[assignment]  # recipes once it is made
    methods: tuple = _asked((DEFAULT_METHOD,), "--method", action="append", metavar="NAME")
    layers: str | tuple[str, ...] = _asked(
        DEFAULT, "--layer", action="append", metavar="NAME",
        help="repeatable: a name of 'seghirescam layers', or one of: default (the deepest level with two cells across "
        "the pixel set, the first of several), each (the same for every pixel set by itself), deepest (as in the "
        "paper), main (every level)",
    )  # fmt: skip
    score: str = _asked(
        LOGIT, "--score", choices=SCORES, help="the score of each voxel of the pixel set (default: logit)"
    )
    rival: int | str | Sequence[int | str] | None = _asked(
        None,
        "--rival",
        metavar="CLASS",
        help=_RIVAL,
    )
    side: str = _asked(
        AUTO, "--side", choices=SIDES, help="place cells where they look, or where they act (default: auto)"
    )
    noise: str = _asked(
        NO_NOISE, "--noise", choices=NOISES,
        help="average the map over noisy copies of the image: smoothgrad (the mean), smoothgrad_squared (of the "
        "squares), vargrad (the variance); default: none",
    )  # fmt: skip
    noise_samples: int = _asked(SAMPLES, "--noise-samples", type=int, metavar="N", help=f"copies (default: {SAMPLES})")
    noise_sigma: float = _asked(
        SIGMA, "--noise-sigma", type=float, metavar="SHARE",
        help=f"standard deviation of the noise, as a share of each channel's range (default: {SIGMA:g})",
    )  # fmt: skip
    draws: int = _asked(
        1, "--draws", type=int, metavar="N",
        help="of a network that draws random numbers: the mean map of N draws (their seeds count up), and how far they "
        "differ",
    )  # fmt: skip

    def __post_init__(self) -> None:
        sets = [PredictedClass()] if self.pixel_sets is None else several(self.pixel_sets)
        if not sets:
            raise PixelSetError("No pixel set was named.", "Name one, or leave the word out for the predicted class.")
        for word in ("class_index", "rival"):
            if isinstance(getattr(self, word), (list, tuple)):
                object.__setattr__(self, word, tuple(getattr(self, word)))
        sets = sets * _classes(self.class_index, len(sets)) if len(sets) == 1 else sets
        object.__setattr__(self, "pixel_sets", tuple(as_recipe(one) for one in sets))
        for word in ("class_index", "rival"):
            _refuse_count(getattr(self, word), "class" if word == "class_index" else "rival", len(sets))
        object.__setattr__(self, "methods", tuple(several(self.methods)))
        if not isinstance(self.layers, str):
            object.__setattr__(self, "layers", tuple(self.layers))
        if self.score not in SCORES:
            raise ClassError(f"Unknown score {self.score!r}.", "Use 'logit', 'log_odds' or 'contrast'.")
        if self.score == CONTRAST and self.rival is None:
            raise ClassError("The contrast score needs a rival class.", "Name the class to compare with.")
        if self.side not in SIDES:
            raise LayerError(f"Unknown side {self.side!r}.", "Use 'auto', 'reading' or 'writing'.")
        refuse_draws(self.draws)
        if not self.averaged_over.is_none and self.draws > 1:
            raise MethodError("Several draws and noise were asked for together.", "Ask for one of the two.")

    @property
    def averaged_over(self) -> Noise:
        """What the maps are averaged over. Raises MethodError."""
        return Noise(self.noise, self.noise_samples, self.noise_sigma)

    @staticmethod
    def of(pixel_sets: Any = None, **words: Any) -> Question:
        """From a verb's arguments: a Question stands for itself, None for the default of its field."""
        if isinstance(pixel_sets, Question):
            return pixel_sets
        return Question(pixel_sets=pixel_sets, **words)

    @property
    def classes(self) -> tuple[int | str, ...]:
        """The class of each pixel set."""
        return _each(self.class_index, len(self.pixel_sets))

    @property
    def rivals(self) -> tuple[int | str | None, ...]:
        """The rival of each pixel set's class."""
        return _each(self.rival, len(self.pixel_sets))

    @property
    def words(self) -> dict:
        """Everything but the pixel sets, JSON-able where the methods are names: as requests and sidecars carry it."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "pixel_sets"}


@dataclass(frozen=True)
class ComputeSettings:
    """How an answer is computed; another choice is another session.

    device: None is the network's own.  tolerance: models with sliding windows may leave out windows that hold this
    share of the pixel set's weight.  seed: of networks that draw random numbers.  memory_budget_bytes: of what is kept
    between questions; None chooses.  deterministic: only algorithms that give the same bits again (GPUs; the CPU's do).
    mirroring, folds: a preview (:mod:`models.preview`): "none" leaves the mirroring of test-time augmentation out,
    folds are named as the model names them, or "first"; () are all.
    """

    device: str | None = None
    precision: str = FP32
    deterministic: bool = False
    memory_budget_bytes: int | None = None
    tolerance: float = _asked(
        0.0, "--tolerance", type=_share, metavar="SHARE",
        help="models with sliding windows: leave out the windows that hold this share of the pixel set's weight "
        "(0.01: much faster; default: exact)",
    )  # fmt: skip
    seed: int = _asked(
        0, "--random-seed", type=int, metavar="N",
        help="of a network that draws random numbers in its forward pass, dropout that is always on (default: 0)",
    )  # fmt: skip

    mirroring: str = _asked(
        ALL_MIRRORINGS, "--mirroring", choices=MIRRORINGS,
        help="none: a preview without the model's mirroring (test-time augmentation), which of three axes takes an "
        "eighth of the passes (default: all, as the model's own inference)",
    )  # fmt: skip
    folds: tuple[str, ...] = _asked(
        (), "--folds", nargs="+", metavar="FOLD",
        help="a preview by some of the model's folds, as it names them, or 'first' (default: all)",
    )  # fmt: skip

    def __post_init__(self) -> None:
        object.__setattr__(self, "folds", tuple(str(fold) for fold in several(self.folds)))
        if self.mirroring not in MIRRORINGS:
            raise ModelError(f"Unknown mirroring {self.mirroring!r}.", "Use 'all' or 'none'.")
        if self.precision not in PRECISIONS:
            raise ModelError(f"Unknown precision {self.precision!r}.", f"Use one of: {', '.join(PRECISIONS)}.")


def _each(value: Any, count: int) -> tuple:
    """One value, or one for each, as a tuple of ``count``."""
    values = value if isinstance(value, tuple) else (value,)
    return values * count if len(values) == 1 else values


def _classes(value: Any, count: int) -> int:
    return max(1, len(value)) if isinstance(value, tuple) else count


def _refuse_count(value: Any, what: str, count: int) -> None:
    """Raises ClassError for a number of classes that fits no number of pixel sets."""
    if not isinstance(value, tuple) or len(value) in (1, count):
        return
    raise ClassError(
        f"{len(value)} {'classes' if what == 'class' else 'rivals'} were named for {count} pixel set(s).",
        f"Name one {what} for all pixel sets, or one for each.",
    )


def refuse_draws(draws: int) -> None:
    """Raises ModelError for what is no number of draws."""
    if not isinstance(draws, int) or isinstance(draws, bool) or not 1 <= draws <= MOST_DRAWS:
        raise ModelError(f"A number of draws is a whole number from 1 to {MOST_DRAWS}, not {draws!r}.", "5 are usual.")


def several(value: Any) -> list:
    """One or several, as a list; None is none."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
