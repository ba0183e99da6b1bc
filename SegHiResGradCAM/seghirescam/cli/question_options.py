"""What ``explain`` is asked, from the words of a command or from the sidecar of an earlier answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

from ..cam.methods import method
from ..cam.methods import names as method_names
from ..io.nifti_header import NIBABEL
from ..protocol import recipes
from ..protocol.errors import ClassError, LayerError, MethodError, PixelSetError
from ..protocol.grid import Grid
from ..protocol.image import Image
from ..protocol.pixel_set import PixelSet, refuse_elsewhere
from ..protocol.resampling import same_voxels

PIXEL_SETS = (
    *("segment", "predicted", "segment-and-predicted", "component", "whole", "voxel", "box"),
    *("false-positives", "false-negatives"),
)
_NEED_SEGMENT = ("segment", "segment-and-predicted", "false-positives", "false-negatives")
#: as in seghirescam.session.layer_choice, written here because the help must not load torch (a test compares)
LAYER_WORDS = ("default", "deepest", "main")
METHOD = "seg_hires_grad_cam"
_NO_FRAME = "The segmentation is DICOM and the image is not: whether both lie in one frame of reference is not known."


_ABSENT = object()


@dataclass(frozen=True)
class Asked:
    """One question, JSON-able: no path in it. tolerance: None = exact where the model goes by windows."""

    class_name: str
    pixel_sets: tuple[str, ...]
    methods: tuple[str, ...] = (METHOD,)
    layers: tuple[str, ...] = LAYER_WORDS[:1]
    score: str = "logit"
    rival: str | None = None
    side: str = "auto"
    precision: str = "fp32"
    tolerance: float | None = None
    grid: str = "input"
    at_ras: tuple[float, ...] | None = None
    box_ras: tuple[float, ...] | None = None
    random_seed: int = 0
    draws: int = 1

    def __post_init__(self):
        if self.score == "contrast" and self.rival is None:
            raise ClassError("The contrast score needs a rival class.", "Add --rival CLASS.")
        if self.rival is not None and self.score != "contrast":
            raise ClassError("A rival class goes with the contrast score only.", "Add --score contrast.")
        if len(self.layers) > 1 and set(self.layers) & set(LAYER_WORDS):
            raise LayerError(
                f"The words {', '.join(LAYER_WORDS)} stand alone.", "Name one of them, or layers by their names."
            )
        if "voxel" in self.pixel_sets and self.at_ras is None:
            raise PixelSetError("The pixel set 'voxel' needs a place.", "Add --at R A S in mm.")
        if "box" in self.pixel_sets and self.box_ras is None:
            raise PixelSetError("The pixel set 'box' needs two corners.", "Add --box R1 A1 S1 R2 A2 S2 in mm.")

    @property
    def engine_layers(self) -> str | list[str]:
        return self.layers[0] if self.layers[0] in LAYER_WORDS else list(self.layers)

    @property
    def needs_segment(self) -> bool:
        return any(name in _NEED_SEGMENT for name in self.pixel_sets)

    def on(self, grid) -> Asked:
        """With places as that grid counts them: in a photo they are told as column and row."""
        if not grid.is_photo:
            return self
        at = None if self.at_ras is None else tuple(grid.placed(self.at_ras))
        box = None if self.box_ras is None else (*grid.placed(self.box_ras[:3]), *grid.placed(self.box_ras[3:]))
        return replace(self, at_ras=at, box_ras=box)

    def to_json(self) -> dict:
        """What only networks that draw random numbers need is left out where nobody asked for it."""
        usual = {"random_seed": 0, "draws": 1}
        return {name: value for name, value in asdict(self).items() if usual.get(name, _ABSENT) != value}

    @staticmethod
    def from_json(data: dict) -> Asked:
        known = {f.name for f in fields(Asked)}
        return Asked(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k in known})

    def recipes(self, segment: PixelSet | None) -> list[recipes.Recipe]:
        """The pixel sets as the engine's recipes. Raises PixelSetError where a segment is needed and none given."""
        if segment is None and self.needs_segment:
            name = next(name for name in self.pixel_sets if name in _NEED_SEGMENT)
            raise PixelSetError(f"The pixel set '{name}' needs a segment.", "Add --segment LABELMAP[:value|:name].")
        return [self._recipe(name, segment) for name in self.pixel_sets]

    def _recipe(self, name, segment):
        if name == "segment":
            return recipes.Segment(segment)
        if name == "predicted":
            return recipes.PredictedClass()
        if name == "segment-and-predicted":
            return recipes.SegmentAndPredicted(segment)
        if name == "component":
            return recipes.Component(
                recipes.PredictedClass() if segment is None else recipes.Segment(segment), self.at_ras
            )
        if name == "whole":
            return recipes.WholeImage()
        if name == "voxel":
            return recipes.Voxel(self.at_ras)
        if name == "box":
            return recipes.Box.between(self.box_ras[:3], self.box_ras[3:])
        return recipes.FalsePositives(segment) if name == "false-positives" else recipes.FalseNegatives(segment)


def add_segment(parser) -> None:
    parser.add_argument(
        "--segment", metavar="LABELMAP[:value|:name]",
        help="a segment as label map (.seg.nrrd, DICOM SEG, NIfTI, NRRD, MetaImage, a grey PNG), with the label's "
        "value or name after a colon",
    )  # fmt: skip


def add_question(parser) -> None:
    """Everything is None unless given, so that ``--repeat`` can refuse to be mixed with it."""
    asked = parser.add_argument_group("question")
    add_segment(asked)
    asked.add_argument("--class", dest="class_name", metavar="NAME|INDEX", help="the class to explain")
    asked.add_argument(
        "--pixel-set", dest="pixel_sets", action="append", choices=PIXEL_SETS, metavar="SET",
        help=f"whose score is explained (repeatable): {', '.join(PIXEL_SETS)}; default: the segment if one is given, "
        "else the predicted class. A component is one of the segment's or, without one, of the prediction's: the "
        "largest, or the one --at. False positives and negatives are told by the segment as reference",
    )  # fmt: skip
    asked.add_argument(
        "--at",
        dest="at_ras",
        nargs=3,
        type=float,
        metavar=("R", "A", "S"),
        help="a place in mm, RAS as Slicer shows it; in a photo: column, row, 0",
    )
    asked.add_argument(
        "--box", dest="box_ras", nargs=6, type=float, metavar="MM", help="two corners: R A S R A S in mm (see --at)"
    )
    asked.add_argument(
        "--method", dest="methods", action="append", metavar="NAME",
        help=f"repeatable: {', '.join(method_names())}; default: {METHOD}",
    )  # fmt: skip
    asked.add_argument(
        "--layer", dest="layers", action="append", metavar="NAME",
        help="repeatable: a name of 'seghirescam layers', or one of: default (the deepest level with two cells across "
        "the pixel set), deepest (as in the paper), main (every level)",
    )  # fmt: skip
    asked.add_argument(
        "--score", choices=("logit", "log_odds", "contrast"), help="what is summed over the pixel set (default: logit)"
    )
    asked.add_argument("--rival", metavar="CLASS", help="why the class and not this one? (--score contrast)")
    asked.add_argument(
        "--side",
        choices=("auto", "reading", "writing"),
        help="place cells where they look, or where they act (default: auto)",
    )
    asked.add_argument(
        "--tolerance", type=_share, metavar="SHARE",
        help="models with sliding windows: leave out the windows that hold this share of the pixel set's weight "
        "(0.01: much faster; default: exact)",
    )  # fmt: skip
    asked.add_argument(
        "--random-seed", type=int, metavar="N",
        help="of a network that draws random numbers in its forward pass, dropout that is always on (default: 0)",
    )  # fmt: skip
    asked.add_argument(
        "--grid",
        choices=("input", "layer"),
        help="write maps on the image's grid, in logit/ml (photos: per pixel; default), or the layer's cells as they "
        "are, in logit",
    )


def understood(options) -> Asked:
    """The question that the command's words ask. Raises the errors of :class:`Asked`."""
    if options.class_name is None:
        raise ClassError("No class was named.", "Add --class NAME; 'seghirescam models' lists them.")
    given = {
        f.name: tuple(value) if isinstance(value, list) else value
        for f in fields(Asked)
        if (value := getattr(options, f.name, None)) is not None
    }
    given.setdefault("pixel_sets", ("segment",) if options.segment else ("predicted",))
    return Asked(**given)


def refuse_unknown_methods(asked: Asked) -> None:
    """Raises MethodError, before the model is opened."""
    known = method_names()
    for name in asked.methods:
        if name not in known:
            raise MethodError(f"There is no method '{name}'.", f"Known: {', '.join(known)}.")
        method(name)  # one of another package may not load


def given_words(options) -> list[str]:
    """The question's options that stand in the command, as the user writes them (precision has a default)."""
    words = {
        "class_name": "class",
        "pixel_sets": "pixel-set",
        "methods": "method",
        "layers": "layer",
        "at_ras": "at",
        "box_ras": "box",
        "random_seed": "random-seed",
    }
    names = [f.name for f in fields(Asked) if f.name != "precision" and getattr(options, f.name, None) is not None]
    return [f"--{words.get(name, name)}" for name in names]


def read_segment(text: str, image: Grid | None = None, rule: str = NIBABEL) -> PixelSet:
    """``LABELMAP[:value|:name]``. image, rule: see :func:`label_maps.read_labels`."""
    from ..io.label_maps import read_labels, split_label

    path, wanted = split_label(text)
    return read_labels(path, image, rule).pixel_set(wanted)


def on_image(text: str, pixels: PixelSet, image: Image, rule: str = NIBABEL) -> PixelSet:
    """The segment that :func:`read_segment` found before the image was known, as it lies on the image, with notes.

    rule: of the model's own reader, where a file's headers disagree.  Raises PixelSetError where the two lie in
    different frames of reference.
    """
    from ..io.dicom_seg import segmentation_file, wants_image
    from ..io.label_maps import split_label

    grid = image.grid
    if segmentation_file(split_label(text)[0]) is not None:
        if wants_image(pixels.notes):
            pixels = read_segment(text, grid)
        if not grid.frame:
            pixels = replace(pixels, notes=(*pixels.notes, _NO_FRAME))
    elif pixels.header and rule != NIBABEL:
        pixels = read_segment(text, grid, rule)
    refuse_elsewhere(pixels.grid, grid, pixels.label)
    if not pixels.grid.same_as(grid) and not same_voxels(pixels.grid, grid):
        turned = f"{pixels.label} lies on another grid than the image and was resampled linearly."
        pixels = replace(pixels, notes=(*pixels.notes, turned[0].upper() + turned[1:]))
    return pixels


def _share(text):
    import argparse

    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"a share lies between 0 and 1, got {text}")
    return value
