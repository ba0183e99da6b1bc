"""Label maps that a command is given beside its question: read before the model is opened, then laid on its image."""

from __future__ import annotations

import json
from pathlib import Path

from ...io.nifti_header import NIBABEL
from ...protocol.errors import PixelSetError
from ...protocol.pixel_set import refuse_elsewhere


def label_map_on(text, label_map, opened):
    """The label map again, now that its image is known; see :func:`segments_on_images.on_image`."""
    from ...io.dicom_seg import wants_image

    (found, _), _ = label_map
    refuse_elsewhere(found.grid, opened.image.grid, "label map")
    again = wants_image(found.notes) or (found.header and opened.rule != NIBABEL)
    return read_label_map(text, opened.image.grid, opened.rule) if again else label_map


def read_label_map(text, image=None, rule=NIBABEL):
    """((LabelMap, {value: name}), SHA-256 of its labels)."""
    import hashlib

    from ...io.label_maps import read_labels, split_label

    path, names = split_label(text)
    found = read_labels(path, image, rule)
    if found.soft:
        raise PixelSetError(
            "The DICOM segmentation holds fractions, and evidence by label needs whole labels.",
            "Give its segments one by one as --reference FILE:NAME.",
        )
    own = {} if names is None else _names(names)
    digest = hashlib.sha256(found.layers.tobytes()).hexdigest()
    return (found, own), digest


def _names(path):
    """{value: name} of a JSON file {"1": "liver"} or {"labels": {...}}."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        return {int(value): str(name) for value, name in data.get("labels", data).items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise PixelSetError(
            f"'{Path(path).name}' does not name labels.", 'It should hold {"1": "liver", "2": "spleen"}.'
        ) from error


def layers_of(label_map, grid):
    """[(whole numbers on the image's grid, {value: name})] of one file."""
    from ...protocol.resampling import labels_on

    found, names = label_map
    layers = []
    for n, array in enumerate(found.layers):
        told = {label.value: label.name for label in found.labels if label.layer == n and label.name} | names
        layers.append((labels_on(array, found.grid, grid), told))
    return layers
