"""A dataset's folder asked as a plan: its layout's rows for every model, with a rival and a form of the pixel set."""

from __future__ import annotations

import inspect
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...protocol.recipes import FORMS
from ..plans.row import PlanError, Row
from . import layout

#: what every layout's ``rows`` has
_OURS = ("folder", "model")


@dataclass(frozen=True)
class FolderPlan:
    """models: as the command line takes them, relative to where it runs.  words: of the layout's ``rows`` (split,
    classes, ...).  rival: of every row.  pixels: word of a form, "" for the layout's own: the segment, else the
    prediction; a form that takes no segment leaves the dataset's masks as the reference.

    The masks are always the reference.  Raises PlanError for a word that the layout does not take.
    """

    folder: Path
    name: str
    models: tuple[str, ...]
    words: Mapping[str, Any] = field(default_factory=dict)
    rival: str = ""
    pixels: str = ""

    def __post_init__(self) -> None:
        if not self.models:
            raise PlanError(f"No model was named for the folder '{self.folder.name}'.", "Add --model.")
        taken = taken_words(self.name)
        for word in self.words:
            if word not in taken:
                raise PlanError(
                    f"The layout {self.name} takes no {OPTIONS.get(word, word)}.",
                    f"It takes: {', '.join(OPTIONS[one] for one in taken)}.",
                )

    def rows(self) -> Iterator[Row]:
        """With absolute paths. Raises PlanError before the first row."""
        module, root = layout(self.name), self.folder.absolute()
        each = [module.rows(root, model=_model(model), **self.words) for model in dict.fromkeys(self.models)]
        return map(self._own, itertools.chain(*each))

    def rows_inside(self) -> Iterator[Row]:
        """With paths relative to the folder, so that the same dataset elsewhere is the same plan."""
        root = self.folder.absolute()
        for row in self.rows():
            paths = {name: _inside(getattr(row, name), root) for name in ("segment", "reference")}
            yield replace(row, images=tuple(_inside(one, root) for one in row.images), **paths)

    def _own(self, row: Row) -> Row:
        words: dict[str, str] = {"rival": self.rival} if self.rival else {}
        if self.pixels:
            words["pixels"] = self.pixels
            if self.pixels not in _TAKE_A_SEGMENT:
                words |= {"segment": "", "label": ""}
        return replace(row, **words)


#: a layout's word -> the command's
OPTIONS = {
    "split": "--split", "classes": "--class", "channels": "--channel", "pipeline": "--pipeline",
    "by_train_id": "--by-train-id",
}  # fmt: skip
_TAKE_A_SEGMENT = {form.word for form in FORMS.values() if form.given and not form.place}


def taken_words(name: str) -> Sequence[str]:
    """What the layout's ``rows`` takes beside folder and model. Raises PlanError for an unknown layout."""
    return [word for word in inspect.signature(layout(name).rows).parameters if word not in _OURS]


def _model(word: str) -> str:
    return word if word.startswith("demo:") else os.path.abspath(word)


def _inside(path: str, root: Path) -> str:
    return Path(path).relative_to(root).as_posix() if path else ""
