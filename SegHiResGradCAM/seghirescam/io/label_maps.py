"""Label maps on disk with the names of their labels: Slicer's ``.seg.nrrd``, a DICOM segmentation, or a volume with a
``.json`` beside it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..protocol.errors import EmptyPixelSetError, PixelSetError
from ..protocol.grid import Grid
from ..protocol.pixel_set import PixelSet
from .dicom_seg import read_segmentation, segmentation_file
from .dicom_series import refuse_contours
from .nifti_header import NIBABEL
from .nifti_voxels import voxels_of
from .photos import grid_in, is_photo
from .simple_itk import simple_itk
from .volumes import SUFFIXES, exists, named, notes_of, read_itk, stem, write_volume

SEGMENTATION = ".seg.nrrd"


@dataclass(frozen=True)
class Label:
    """One label of a label map. name: "" if the file tells none.  layer: of a map whose labels overlap.  parts: of a
    union of labels, which has no value of its own."""

    value: int
    name: str = ""
    layer: int = 0
    parts: tuple[Label, ...] = ()

    def __str__(self):
        if self.parts:
            return self.name
        return f"{self.value} = {self.name}" if self.name else str(self.value)


@dataclass(frozen=True, eq=False)
class LabelMap:
    """layers: whole numbers [L, K, J, I], one layer unless labels overlap.

    soft: 0, or what stands for a weight of 1 in layers that hold one segment's fractions each.  notes, header: what was
    assumed when it was read, as an Image's.
    """

    layers: np.ndarray
    grid: Grid
    labels: tuple[Label, ...]
    soft: int = 0
    notes: tuple[str, ...] = ()
    header: str = ""

    def pixel_set(self, wanted: str | None = None) -> PixelSet:
        """The label of that value or name, or a sum of labels, see :meth:`label`; without one the only label there is.

        Raises PixelSetError with the list of labels, EmptyPixelSetError for a label without a voxel.
        """
        label = self.label(wanted)
        pixels = self.of(label)
        if pixels.is_empty:
            known = ", ".join(map(str, self.labels)) or "none"
            told = f"The label {label} has no voxel."
            if label not in self.labels and not label.parts:
                told = f"The label map has no label '{label.value}'."
            raise EmptyPixelSetError(told, f"Labels: {known}.")
        return pixels

    def label(self, wanted: str | None = None) -> Label:
        """The label of that value or name; without one the only label there is. Raises PixelSetError with the list.

        "1+2+3", or names: the union of several.  A value that a map without names does not hold is a label without a
        voxel: which values there are depends on the case.
        """
        known = ", ".join(map(str, self.labels)) or "none"
        if not wanted:
            if len(self.labels) != 1:
                raise PixelSetError(
                    f"The label map holds {len(self.labels)} labels and none was chosen.",
                    f"Add a value or a name after a colon; labels: {known}.",
                )
            return self.labels[0]
        text = wanted.strip()
        found = [x for x in self.labels if x.name.strip().lower() == text.lower()]
        found = found or [x for x in self.labels if str(x.value) == text]
        if len(found) > 1:
            raise PixelSetError(f"Several labels of the label map are called {text!r}.", f"Labels: {known}.")
        if found:
            return found[0]
        if "+" in text:
            parts = tuple(self.label(part) for part in text.split("+") if part.strip())
            return Label(0, " + ".join(part.name or str(part.value) for part in parts), parts=parts)
        if text.isdigit() and not any(x.name for x in self.labels):
            return Label(int(text))
        raise PixelSetError(f"The label map has no label {text!r}.", f"Labels: {known}.")

    def of(self, label: Label) -> PixelSet:
        """One of its labels; it may have no voxel."""
        if label.parts:
            weights = np.max([self.of(part).weights for part in label.parts], axis=0)
            return PixelSet(weights, self.grid, f"segment '{label.name}'", self.notes, self.header)
        layer = self.layers[label.layer]
        weights = layer / np.float32(self.soft) if self.soft else layer == label.value
        return PixelSet(weights, self.grid, f"segment '{label.name or label.value}'", self.notes, self.header)

    @property
    def content_hash(self) -> str:
        """Of all labels, with their names and places."""
        digest = hashlib.sha256(np.ascontiguousarray(self.layers))
        digest.update(np.round(self.grid.ijk_to_ras, 6).tobytes())
        digest.update(repr([(label.value, label.name, label.layer) for label in self.labels]).encode())
        return digest.hexdigest()


def read_labels(path, image: Grid | None = None, rule: str = NIBABEL) -> LabelMap:
    """rule: see :func:`volumes.read_volume`.  image: the grid of the image it belongs to, which tells how thick a DICOM
    segmentation's slices are where nothing else does.

    Raises ImageError or GeometryError as :func:`read_volume` does, PixelSetError for fractions in any file but a DICOM
    segmentation, DependencyError for that without highdicom.
    """
    segmentation = segmentation_file(path)
    if segmentation is not None:
        layers, grid, labels, soft, notes = read_segmentation(segmentation, image)
        return LabelMap(layers, grid, tuple(Label(*label) for label in labels), soft, notes)
    refuse_contours(path)
    itk = read_itk(path, rule)
    array = voxels_of(simple_itk(), itk)
    layers = np.moveaxis(array, -1, 0) if itk.GetNumberOfComponentsPerPixel() > 1 else array[None]
    if is_photo(path):
        layers = _of_picture(layers, path)
    if layers.dtype.kind not in "iu":
        whole = layers.astype(np.int64) if np.isfinite(layers).all() else np.zeros(())
        if layers.dtype.kind != "f" or not np.array_equal(whole, layers):
            raise PixelSetError(
                f"{named(path)} holds fractions: it is no label map.", "Give a volume of whole numbers, 0 outside."
            )
        layers = whole
    described = _slicers_labels(itk)
    if not described:
        names = _names_beside(path)
        described = tuple(
            Label(int(value), names.get(int(value), ""), layer)
            for layer, voxels in enumerate(layers)
            for value in _values(voxels)
            if value != 0
        )
    notes, header = notes_of(itk)
    notes = tuple(note.replace("This file", "The label map") for note in notes)
    return LabelMap(layers, grid_in(path, itk), described, notes=notes, header=header)


def _values(voxels):
    """The values there are, rising: what differs from its neighbour, so that a large volume is not sorted."""
    flat = voxels.reshape(-1)
    return np.unique(np.append(flat[1:][flat[1:] != flat[:-1]], flat[:1]))


def _of_picture(layers, path):
    """The one layer of a picture whose grey values are labels; an opaque fourth (or second) value is left out."""
    if str(path).lower().endswith((".jpg", ".jpeg")):
        raise PixelSetError(
            f"{named(path)} is a JPEG, which does not keep the values of labels.", "Save the mask as PNG or TIFF."
        )
    if len(layers) in (2, 4) and layers[-1].min() == layers[-1].max():
        layers = layers[:-1]
    if any((layer != layers[0]).any() for layer in layers[1:]):
        raise PixelSetError(
            f"{named(path)} is a colour picture, and colours are no labels.",
            "Save it with one grey value for each label, 0 outside.",
        )
    return layers[:1]


def split_label(text: str) -> tuple[str, str | None]:
    """("labels.nii.gz", "liver") for ``labels.nii.gz:liver``.

    Names may hold colons, and paths too: the longest path that exists is the path.  Where none does it ends at the
    last colon that is not a drive's.
    """
    if exists(text):
        return text, None
    places = [n for n, letter in enumerate(text) if letter == ":" and n > 1]
    if not places:
        return text, None
    place = next((n for n in reversed(places) if exists(text[:n])), None)
    if place is None:
        ends = (n for n in places if text[:n].lower().endswith(SUFFIXES))
        place = next(ends, places[-1])
    return text[:place], text[place + 1 :]


def write_labels(path, labels: np.ndarray, grid: Grid, names: dict[int, str], facts: dict | None = None) -> list[Path]:
    """Label values [K, J, I], or bool [C, K, J, I] with one mask for each name; returns the files written.

    ``.seg.nrrd`` carries Slicer's segment attributes.  Other suffixes take [K, J, I] only and get a ``.json`` of the
    same name with ``labels`` (value -> name), facts, and the map's SHA-256.  names: by value, 0 left out; the masks of
    [C, K, J, I] stand in the names' order.
    """
    path = Path(path)
    if path.name.lower().endswith(SEGMENTATION):
        layered = labels.ndim == 4
        array = (
            np.stack([mask * _small(value) for mask, value in zip(labels, names, strict=True)]) if layered else labels
        )
        if layered and len(array) == 1:
            array = array[0]
        write_volume(path, array, grid, _slicers_words(names, layered, grid))
        return [path]
    write_volume(path, labels, grid)
    beside = beside_of(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    content = {"format": "seghirescam-labels-1", "labels": {str(v): n for v, n in names.items()}, **(facts or {})}
    content["sha256"] = digest
    beside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return [path, beside]


def beside_of(path) -> Path | None:
    """The ``.json`` that :func:`write_labels` writes with a label map of that name; None for ``.seg.nrrd``."""
    path = Path(path)
    return None if path.name.lower().endswith(SEGMENTATION) else path.with_name(stem(path) + ".json")


def _small(value):
    return (np.uint8 if value <= 255 else np.uint16)(value)


def _slicers_words(names, layered, grid):
    """Attributes by which Slicer's segmentation storage knows its segments."""
    extent = " ".join(f"0 {n - 1}" for n in grid.shape[::-1])
    words = {
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
    }
    for n, (value, name) in enumerate(names.items()):
        about = {
            "ID": f"Segment_{n + 1}",
            "Name": re.sub(r"\s+", " ", name),
            "NameAutoGenerated": "0",
            "LabelValue": str(value),
            "Layer": str(n if layered else 0),
            "Extent": extent,
            "Color": " ".join(f"{c:.3f}" for c in _colour(n)),
            "ColorAutoGenerated": "0",
            "Tags": "|",
        }
        words.update({f"Segment{n}_{key}": text for key, text in about.items()})
    return words


def _colour(n):
    """Well separated hues, one after the other by the golden angle."""
    import colorsys

    return colorsys.hsv_to_rgb((0.02 + 0.618034 * n) % 1, 0.65, 0.9)


def _slicers_labels(itk):
    known, found, n = set(itk.GetMetaDataKeys()), [], 0
    while f"Segment{n}_LabelValue" in known or f"Segment{n}_ID" in known:

        def word(key, fallback, n=n):
            name = f"Segment{n}_{key}"
            return itk.GetMetaData(name) if name in known else fallback

        found.append(Label(int(word("LabelValue", "1")), word("Name", ""), int(word("Layer", "0"))))
        n += 1
    return tuple(found)


def _names_beside(path):
    """{value: name} from the ``.json`` of the same name: {"1": "liver"}, or {"labels": ...} either way round."""
    beside = Path(path).with_name(stem(path) + ".json")
    try:
        data = json.loads(beside.read_text(encoding="utf-8"))
        data = data.get("labels", data)
        pairs = [(v, k) if isinstance(v, int) else (k, v) for k, v in data.items()]
        return {int(value): str(name) for value, name in pairs}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
