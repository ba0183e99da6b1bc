"""What a command asks: its options, made from the fields of a question, and the question they make.

A new option is a field of :class:`question.Question` or :class:`question.ComputeSettings`: commands take it from there,
sidecars keep it, ``--repeat`` reads it.
"""

from __future__ import annotations

from argparse import Action
from dataclasses import MISSING, asdict, dataclass, field, fields, make_dataclass, replace

from ..cam.methods import method
from ..cam.methods import names as method_names
from ..models import recognise
from ..protocol.class_names import only_class
from ..protocol.display.map_grids import INPUT, MAP_GRIDS
from ..protocol.errors import ClassError, LayerError, MethodError, PixelSetError
from ..protocol.pixel_set import PixelSet
from ..protocol.question import (
    ALL_MIRRORINGS,
    CONTRAST,
    DEFAULT_METHOD,
    LAYER_WORDS,
    NO_NOISE,
    SAMPLES,
    SIGMA,
    ComputeSettings,
    Noise,
    Question,
    several,
)
from ..protocol.recipes import FORMS, Recipe

#: fields that commands and sidecars call otherwise
_CALLED = {"class_index": "class_name", "seed": "random_seed"}
#: settings that are the machine's and no part of a question
_OF_THE_MACHINE = {"device", "memory_budget_bytes"}
#: defaults that sidecars tell otherwise
_UNSAID = {"tolerance": None}
#: of what only some networks need sidecars are silent where nobody asked for it
_USUAL = {
    "random_seed": 0, "draws": 1, "deterministic": False, "mirroring": ALL_MIRRORINGS, "folds": (),
    "noise": NO_NOISE, "noise_samples": SAMPLES, "noise_sigma": SIGMA,
}  # fmt: skip
#: fields of averaging over noisy copies, which only explain does
NOISE = ("noise", "noise_samples", "noise_sigma")
#: what a form asks of the user: the field, what is missing, and the option that gives it
_PLACES = {
    "at": ("at_ras", "a place", "--at R A S in mm"),
    "box": ("box_ras", "two corners", "--box R1 A1 S1 R2 A2 S2 in mm"),
}
#: another word for the grid "input"
_IMAGE = "image"


def _option(*flags, default=MISSING, **words):
    return field(default=default, metadata={"option": (flags, words)})


@dataclass(frozen=True, kw_only=True)
class _Words:
    """What only a command says: names instead of objects, places in mm."""

    pixel_sets: tuple[str, ...] = _option("--pixel-set", action="append", metavar="SET")
    at_ras: tuple[float, ...] | None = _option(
        "--at", default=None, nargs=3, type=float, metavar=("R", "A", "S"),
        help="a place in mm, RAS as Slicer shows it; in a photo: column, row, 0",
    )  # fmt: skip
    box_ras: tuple[float, ...] | None = _option(
        "--box", default=None, nargs=6, type=float, metavar="MM", help="two corners: R A S R A S in mm (see --at)"
    )
    grid: str = _option(
        "--grid", default=INPUT, choices=(*MAP_GRIDS, _IMAGE),
        help="write maps on the image's grid (input or image, the default) or on quarters of the layer's cells (or the "
        "image's voxels, where they are coarser), in logit/ml (photos: per pixel), or the layer's cells as they are, "
        "in logit",
    )  # fmt: skip

    def __post_init__(self):
        if self.grid == _IMAGE:
            object.__setattr__(self, "grid", INPUT)
        if self.score == CONTRAST and self.rival is None:
            raise ClassError("The contrast score needs a rival class.", "Add --rival CLASS.")
        if self.rival is not None and self.score != CONTRAST:
            raise ClassError("A rival class goes with the contrast score only.", "Add --score contrast.")
        noise = Noise(self.noise, self.noise_samples, self.noise_sigma)
        if noise.is_none and (self.noise_samples, self.noise_sigma) != (SAMPLES, SIGMA):
            raise MethodError("A number or strength of noise goes with a kind of it.", "Add --noise smoothgrad.")
        if len(self.layers) > 1 and set(self.layers) & set(LAYER_WORDS):
            raise LayerError(
                f"The words {', '.join(LAYER_WORDS)} stand alone.", "Name one of them, or layers by their names."
            )
        for form in self.forms:
            if form.place and getattr(self, _PLACES[form.place][0]) is None:
                _, what, option = _PLACES[form.place]
                raise PixelSetError(f"The pixel set '{form.word}' needs {what}.", f"Add {option}.")

    @property
    def forms(self) -> list[type[Recipe]]:
        known = {form.word: form for form in FORMS.values()}
        return [known[word] for word in self.pixel_sets]

    @property
    def classes(self) -> list[str]:
        """Names or indices the model must have, of a question about one class."""
        return [self.class_name, *several(self.rival)]

    @property
    def engine_layers(self) -> str | list[str]:
        return self.layers[0] if self.layers[0] in LAYER_WORDS else list(self.layers)

    @property
    def settings(self) -> dict:
        """The fields of ComputeSettings that were said."""
        found = {one.name: getattr(self, _CALLED.get(one.name, one.name), None) for one in fields(self._settings)}
        return {name: value for name, value in found.items() if value is not None}

    def question(self, opened) -> dict:
        """The fields of a Question but its pixel sets, classes by the opened model's indices."""
        own = {one.name: getattr(self, _CALLED.get(one.name, one.name)) for one in fields(self._question)}
        del own["pixel_sets"]
        rival = None if self.rival is None else opened.class_index(self.rival)
        known = {"class_index": opened.class_index(self.class_name), "rival": rival}
        return own | known | {"methods": list(self.methods), "layers": self.engine_layers}

    def on(self, grid):
        """With places as that grid counts them: in a photo they are told as column and row."""
        if not grid.is_photo:
            return self
        at = None if self.at_ras is None else tuple(grid.placed(self.at_ras))
        box = None if self.box_ras is None else (*grid.placed(self.box_ras[:3]), *grid.placed(self.box_ras[3:]))
        return replace(self, at_ras=at, box_ras=box)

    def to_json(self) -> dict:
        return {name: value for name, value in asdict(self).items() if name not in _USUAL or _USUAL[name] != value}

    @classmethod
    def from_json(cls, data: dict):
        known = {f.name for f in fields(cls)}
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k in known})

    def recipes(self, segment: PixelSet | None) -> list[Recipe]:
        """The pixel sets as the engine's recipes. Raises PixelSetError where a segment is needed and none given."""
        for form in self.forms:
            if segment is None and form.given and not form.given_optional:
                sentence = f"The pixel set '{form.word}' needs a segment."
                raise PixelSetError(sentence, "Add --segment LABELMAP[:value|:name].")
        return [form.asked(segment, self.at_ras, self.box_ras) for form in self.forms]


def asked_form(question: type, settings: type) -> type[_Words]:
    """The words of a command as one frozen dataclass, JSON-able, no path in it: the fields of these two and its own."""
    own, found = {one.name for one in fields(_Words)}, []
    for one in (*fields(question), *fields(settings)):
        name, (_, words) = _CALLED.get(one.name, one.name), one.metadata.get("option", ((), {}))
        if name not in own | _OF_THE_MACHINE:
            usual = _UNSAID.get(name, one.default)
            usual = tuple(several(usual)) if words.get("action") == "append" else usual
            found.append((name, one.type, field(default=usual, metadata=one.metadata)))
    about = {"_question": question, "_settings": settings}
    return make_dataclass("Asked", found, bases=(_Words,), namespace=about, frozen=True, kw_only=True)


Asked = asked_form(Question, ComputeSettings)


class _Once(Action):
    """An option of which a second one would take the first one's place in silence."""

    def __call__(self, parser, namespace, value, option_string=None):
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option_string} was given twice: name one, or all of a label map by LABELMAP:all")
        setattr(namespace, self.dest, value)


def add_segment(parser) -> None:
    parser.add_argument(
        "--segment", action=_Once, metavar="LABELMAP[:value|:name]",
        help="a segment as label map (.seg.nrrd, DICOM SEG, NIfTI, NRRD, MetaImage, a grey PNG), with the label's "
        "value or name after a colon; explain takes :all, every segment",
    )  # fmt: skip


def add_question(parser, *, once=(), repeated=(), without=(), only=None, form: type = Asked, segment: bool = True):
    """The question's options; returns their group. once: fields of which there is one; repeated: of which there may be
    several here. without, only: fields.  segment: whether one may be given.

    Everything is None unless given, so that ``--repeat`` can refuse to be mixed with it.
    """
    group = parser.add_argument_group("question")
    if segment:
        add_segment(group)
    for one in fields(form):
        if one.name in without or (only and one.name not in only) or "option" not in one.metadata:
            continue
        flags, words = one.metadata["option"]
        words = words | _listed(one.name, without) | {"dest": one.name, "default": None}
        if one.name in once:
            words |= {"nargs": 1, "action": "store", "help": words["help"].removeprefix("repeatable: ")}
        if one.name in repeated:
            words |= {"action": "append"}
        group.add_argument(*flags, **words)
    return group


def _listed(name, without):
    """What options say that list what there is."""
    if name == "methods":
        return {"help": f"repeatable: {', '.join(method_names())}; default: {DEFAULT_METHOD}"}
    if name != "pixel_sets":
        return {}
    sets = [form.word for form in FORMS.values() if _PLACES.get(form.place, ("",))[0] not in without]
    return {"choices": sets, "help": (
        f"repeatable: whose score is explained: {', '.join(sets)}; default: the segment if one is given, else the "
        "predicted class. A component is one of the segment's or, without one, of the prediction's: the largest, or "
        "the one --at. False positives and negatives are told by the segment as reference"
    )}  # fmt: skip


def understood(options, form: type = Asked, by_name: bool = False):
    """The question that the command's words ask, see :class:`_Words`. Raises ClassError, LayerError, PixelSetError.

    by_name: segments name their classes themselves, so that none need be stated.  A model with one class beside the
    background need not be told, either.
    """
    if options.class_name is None and not by_name:
        classes = recognise(options.model).classes(options.model)
        index, options.class_note = only_class(classes, "--class NAME", "; 'seghirescam models' lists them")
        options.class_name = str(index)
    given = {
        f.name: tuple(value) if isinstance(value, list) else value
        for f in fields(form)
        if (value := getattr(options, f.name, None)) is not None
    }
    for name in ("class_name", "rival"):
        words = given.get(name)
        if isinstance(words, tuple) and len(words) == 1 and not by_name:
            given[name] = words[0]
    given.setdefault("class_name", ())
    given.setdefault("pixel_sets", ("segment",) if getattr(options, "segment", None) else ("predicted",))
    return form(**given)


def refuse_unknown_methods(asked: Asked) -> None:
    """Raises MethodError, before the model is opened."""
    known = method_names()
    for name in asked.methods:
        if name not in known:
            raise MethodError(f"There is no method '{name}'.", f"Known: {', '.join(known)}.")
        method(name)  # one of another package may not load


def given_words(options) -> list[str]:
    """The question's options that stand in the command, as the user writes them."""
    found = [one for one in fields(Asked) if "option" in one.metadata and getattr(options, one.name, None) is not None]
    return [one.metadata["option"][0][0] for one in found]
