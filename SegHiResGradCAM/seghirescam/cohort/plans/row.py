"""One question of a plan: a case's images, a pixel set, a model and a class. Standard library only."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields

from ...protocol.errors import SegHiResCamError

#: every label of a label map, every class of a model, every file that a pattern finds
EVERY = "*"
#: between the channels of one image
BETWEEN = "|"


class PlanError(SegHiResCamError, ValueError):
    """A plan that cannot be understood; the sentence names the line."""

    code = "plan"


@dataclass(frozen=True, slots=True)
class Row:
    """Words as the plan writes them; paths are relative to the plan's folder.

    case: what the user calls the case; it never leaves ``cases.csv``.  images: one path a channel (``NAME=path``, or in
    the model's order).  segment: path of a label map, a segmentation or a mask; label: its value or name, "*" for every
    label of it by itself, "" for the only one there is.  pixels: the form of the pixel set, a word of ``explain
    --pixel-set``; "" is the segment if one is given, else where the class is predicted.  model: as the command line
    takes it.  target: a class by index or name, "*" for every class; with label "*", "" for the class that is called as
    the label is.  rival: of the contrast score.  reference, reference_label: the truth, as segment and label.  group:
    a word of the user's for comparisons (site, scanner, arm).
    """

    case: str
    images: tuple[str, ...]
    model: str
    target: str = ""
    segment: str = ""
    label: str = ""
    pixels: str = ""
    rival: str = ""
    reference: str = ""
    reference_label: str = ""
    group: str = ""

    def __post_init__(self) -> None:
        if not self.images or not all(self.images):
            raise PlanError("No image is named.", "Fill the column 'images'.")
        if not self.model:
            raise PlanError("No model is named.", "Fill the column 'model'.")
        if not self.target and self.label != EVERY:
            raise PlanError("No class is named.", "Fill the column 'target' with a class, or * for every class.")
        for word, of in (("label", "segment"), ("reference_label", "reference")):
            if getattr(self, word) and not getattr(self, of):
                raise PlanError(f"A {word} is named and no {of}.", f"Fill the column '{of}', or empty '{word}'.")
        if self.reference_label == EVERY:
            raise PlanError("A reference is one label.", "Name the label, or leave it empty for the target's name.")

    @property
    def identity(self) -> str:
        """32 hex digits of what is asked of which files: two rows of a plan with the same one ask the same."""
        words = {name: value for name, value in asdict(self).items() if name not in ("case", "group")}
        text = json.dumps(words, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def together(self) -> tuple:
        """What questions of one forward pass share: the images and the model."""
        return self.model, self.images


#: the columns of a plan, in the order in which one is written
COLUMNS = (
    "case", "images", "segment", "label", "pixels", "model", "target", "rival", "reference", "reference_label", "group",
)  # fmt: skip
assert set(COLUMNS) == {one.name for one in fields(Row)}
