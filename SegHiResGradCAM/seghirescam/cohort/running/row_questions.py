"""From a row's words to what is asked: on an image that was read, of a model that is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...io.asked_images import read_image, refuse_absent
from ...io.label_maps import Label, LabelMap, read_labels
from ...io.segments_on_images import placed_on
from ...models.segmentation_model import SegmentationModel
from ...protocol.class_names import class_word, matching_class
from ...protocol.errors import ClassError, PixelSetError
from ...protocol.grid import Grid
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...protocol.recipes import FORMS, Recipe, hardened
from ...session.sets.asked_sets import AskedSet
from ..content_key import image_hash
from ..plans.places import labels_placed, placed
from ..plans.row import EVERY, Row

_NO_CLASS = "No class of the model is called as this label is."


@dataclass(eq=False)
class Asked:
    """One pixel set and class of a row. refused: why it cannot be asked, as (status, sentence)."""

    row: int
    label: str
    form: str
    class_index: int = -1
    rival: int | None = None
    asked: AskedSet | None = None
    refused: tuple[str, str] | None = None


@dataclass(eq=False)
class OpenCase:
    """The image of a job, read once, and its label maps as they are asked for."""

    image: Image
    sha256: str
    rule: str
    folder: Path
    _maps: dict[str, LabelMap] = field(default_factory=dict)

    @staticmethod
    def read(row: Row, model: SegmentationModel, folder: Path, note: Callable[[str], object]) -> OpenCase:
        """Raises ImageError, GeometryError, DependencyError."""
        paths = [placed(one, folder) for one in row.images]
        refuse_absent(paths)
        image, channels = read_image(paths, model.channels, note, model.header_rule)
        return OpenCase(image, image_hash(channels), model.header_rule, folder)

    def labels(self, word: str) -> LabelMap:
        """Raises ImageError, PixelSetError and what reading a label map raises."""
        if word not in self._maps:
            self._maps[word] = read_labels(labels_placed(word, self.folder), self.image.grid, self.rule)
        return self._maps[word]

    def hash_of(self, word: str) -> str:
        return self.labels(word).content_hash if word else ""

    def asked(self, place: int, row: Row, model: SegmentationModel) -> list[Asked]:
        """What a row asks: one pixel set, or one for every label or class. Raises ClassError, PixelSetError."""
        rival = None if not row.rival else model.class_index(class_word(row.rival, model.classes))
        form = FORMS_BY_WORD[row.pixels or ("segment" if row.segment else "predicted")]
        found: list[Asked] = []
        for label, pixels in self._segments(row, form):
            for index in self._classes(row, model, label):
                one = Asked(place, "" if label is None else label.name or str(label.value), form.word, index, rival)
                if index < 0:
                    one.refused = "no_class", _NO_CLASS
                elif index == rival:
                    one.refused = "no_class", "Its class is the rival itself."
                else:
                    one.asked = AskedSet(_maker(form, pixels), _stand_in(form, pixels).needs_prediction, one.label)
                found.append(one)
        return found

    def reference(self, row: Row, class_name: str) -> np.ndarray:
        """Bool [K, J, I] on the image's grid: the truth for that class; all False where it has no voxel of it."""
        labels = self.labels(row.reference)
        names = [label.name for label in labels.labels]
        wanted = row.reference_label
        if not wanted and len(labels.labels) > 1:
            wanted = matching_class(class_name, names)
            if not wanted:
                raise PixelSetError(
                    f"No label of the reference is called as the class {class_name}.",
                    f"Fill the column 'reference_label'; labels: {', '.join(map(str, labels.labels))}.",
                )
        label = _label(labels, wanted)
        pixels = self._placed(row.reference, labels, label)
        return (
            np.zeros(self.image.grid.shape, bool) if pixels.is_empty else hardened(pixels.on(self.image.grid).weights)
        )

    def _segments(self, row: Row, form: type[Recipe]) -> list[tuple[Label | None, PixelSet | None]]:
        if not row.segment or not form.given:
            return [(None, None)]
        labels = self.labels(row.segment)
        wanted = list(labels.labels) if row.label == EVERY else [_label(labels, row.label)]
        return [(label, self._placed(row.segment, labels, label)) for label in wanted]

    def _placed(self, word: str, labels: LabelMap, label: Label) -> PixelSet:
        return placed_on(labels_placed(word, self.folder), labels.of(label), self.image)

    def _classes(self, row: Row, model: SegmentationModel, label: Label | None) -> list[int]:
        if row.target == EVERY:
            return [one.index for one in model.classes if one.index != 0 or model.head == "sigmoid"]
        if row.target:
            return [model.class_index(class_word(row.target, model.classes))]
        if label is None:
            raise ClassError("No class is named, and there is no label to be called so.", "Fill the column 'target'.")
        name = matching_class(label.name, [one.name for one in model.classes])
        return [model.class_index(name)] if name else [-1]


#: forms of the pixel set that a plan can name: those that need no place
FORMS_BY_WORD: dict[str, type[Recipe]] = {form.word: form for form in FORMS.values() if not form.place}


def _label(labels: LabelMap, wanted: str) -> Label:
    """As :meth:`label_maps.LabelMap.label`, "" for the only one. Raises PixelSetError with the list."""
    if not wanted and len(labels.labels) != 1:
        raise PixelSetError(
            f"The label map holds {len(labels.labels)} labels and none was chosen.",
            "Fill the column 'label', or write * for all of them; labels: "
            f"{', '.join(map(str, labels.labels)) or 'none'}.",
        )
    return labels.label(wanted or None)


def _maker(form: type[Recipe], pixels: PixelSet | None) -> Callable[[], Recipe]:
    return lambda: form.asked(pixels)


def _stand_in(form: type[Recipe], pixels: PixelSet | None) -> Recipe:
    return form.asked(None if pixels is None else PixelSet(np.ones((1, 1, 1)), Grid.from_spacing((1, 1, 1))))
