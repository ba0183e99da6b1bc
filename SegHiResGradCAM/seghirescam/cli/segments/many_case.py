"""A command about all segments of a label map, or several classes: who is asked, refused before expensive work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...io.dicom_seg import wants_image
from ...io.label_maps import Label, LabelMap, read_labels, split_label
from ...io.nifti_header import NIBABEL
from ...io.segments_on_images import on_image, placed_on, read_segment
from ...io.volumes import refuse_unholdable
from ...protocol.grid import Grid
from ...protocol.pixel_set import PixelSet
from ...protocol.question import several
from ...session.sets.asked_sets import AskedSet
from ..dicom.dicom_files import DicomFiles, refuse_before, suffix_of
from ..inputs import Opened
from ..question_options import Asked
from .which_class import LeftOut, SegmentClass, all_classes, classes_of_segments, name_of, named_classes

if TYPE_CHECKING:
    from ...protocol.recipes import Recipe

#: the word for every segment of a label map, and for every class of a model
ALL = "all"


def all_segments(options) -> LabelMap | None:
    """The label map where ``LABELMAP:all`` was written; a label of that name is meant where there is one."""
    path, wanted = split_label(options.segment or "")
    if wanted != ALL:
        return None
    if not hasattr(options, "label_map"):  # read once a command
        options.label_map = read_labels(path)
    return None if any(label.name == ALL for label in options.label_map.labels) else options.label_map


def is_about_many(options, before: dict | None) -> bool:
    """Whether the command's words ask about more than one segment or class; before: a request to repeat."""
    if before:
        return isinstance(before["question"]["class_name"], list)
    classes = several(options.class_name)
    return len(classes) > 1 or classes == [ALL] or all_segments(options) is not None


class ManyCase:
    """opened, pairs, left_out, sets: the model with its image, who is asked, who is not, and each pixel set with the
    place of its pair; known once the case is open.  dicom: what writes DICOM objects, where they are asked for.
    Raises PixelSetError, ClassError, ImageError."""

    def __init__(self, options, asked: Asked):
        refuse_before(options)
        self.options, self.asked = options, asked
        self.labels = all_segments(options)
        self.segment: PixelSet | None = None
        if self.labels is None:
            self.segment = read_segment(options.segment) if options.segment else None
            asked.recipes(self.segment)

    def open(self, console, check: Callable[[ManyCase], None]) -> Opened:
        """check: called before classes are looked up, with what is known by then."""
        options, asked = self.options, self.asked
        self.opened = opened = Opened(options, console, settings=asked.settings)
        grid = opened.image.grid
        refuse_unholdable(suffix_of(options.format), grid)
        self.dicom = DicomFiles.of(options, opened.model.channels, grid, console)
        if self.labels is not None:
            path, dicom = split_label(options.segment)[0], wants_image(self.labels.notes)
            if dicom or (self.labels.header and opened.rule != NIBABEL):
                self.labels = read_labels(path, grid, opened.rule)
        elif self.segment is not None:
            self.segment = on_image(options.segment, self.segment, opened.image, opened.rule)
        self.asked = asked.on(grid)
        check(self)
        self.pairs, self.left_out = self._paired()
        forms = range(len(asked.forms))
        self.sets = [(n, self._set(pair, form)) for n, pair in enumerate(self.pairs) for form in forms]
        return opened

    def _paired(self) -> tuple[list[SegmentClass], list[LeftOut]]:
        classes, rivals = several(self.asked.class_name), several(self.asked.rival)
        model = self.opened.model
        if self.labels is None:
            if classes == [ALL] and not any(c.name == ALL for c in model.classes):
                return all_classes(rivals, model)
            return named_classes(classes, rivals, model)
        filled = [label for label in self.labels.labels if self._voxels(label)]
        pairs, out = classes_of_segments(filled, classes, rivals, model)
        empty = [label for label in self.labels.labels if label not in filled]
        return pairs, [*out, *(LeftOut(name_of(label), "It has no voxel.") for label in empty)]

    def _voxels(self, label: Label) -> bool:
        assert self.labels is not None
        layer = self.labels.layers[label.layer]
        return bool(layer.any() if self.labels.soft else (layer == label.value).any())

    def _set(self, pair: SegmentClass, form: int) -> AskedSet:
        name = "" if pair.label is None else name_of(pair.label)
        stand_in = self._recipe(pair.label, form, PixelSet(np.ones((1, 1, 1)), Grid.from_spacing((1, 1, 1))))
        return AskedSet(lambda: self._recipe(pair.label, form), stand_in.needs_prediction, name)

    def _recipe(self, label: Label | None, form: int, given: PixelSet | None = None) -> Recipe:
        """given: in the segment's stead, where only the kind of the recipe matters."""
        one = replace(self.asked, pixel_sets=(self.asked.pixel_sets[form],))
        if label is None:
            return one.recipes(self.segment)[0]
        assert self.labels is not None
        pixels = given or placed_on(self.options.segment, self.labels.of(label), self.opened.image)
        return one.recipes(pixels)[0]

    @property
    def request(self) -> dict:
        """As :attr:`asked_case.AskedCase.request`."""
        given = self.segment.content_hash if self.segment is not None else ""
        return {
            "question": self.asked.to_json(),
            "channels": self.opened.channels,
            "segment_sha256": given if self.labels is None else self.labels.content_hash,
            "weights_sha256": self.opened.model.weights_hash,
        }
