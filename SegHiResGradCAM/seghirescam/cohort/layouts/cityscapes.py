"""Cityscapes: ``leftImg8bit/SPLIT/CITY/*_leftImg8bit.png`` and ``gtFine/SPLIT/CITY/*_gtFine_labelIds.png``.

The masks hold label ids; of the 34 the 19 that count are asked about, whose train ids are a network's channels.  What
is published for the split "test" are dummies without a label, so there the prediction is asked about.  Source:
cityscapesscripts/helpers/labels.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..plans.row import PlanError, Row
from .held_files import chosen, dataset, held, refuse_missing

IMAGES, MASKS = "leftImg8bit", "gtFine"
_IMAGE, _MASK = "_leftImg8bit.png", "_gtFine_labelIds.png"
#: the splits in the order of use; the last one's masks are not published
SPLITS = ("train", "val", "test")
_NO_MASKS = "test"
#: class -> id in the masks; in the order of their train ids
IDS = {
    "road": 7, "sidewalk": 8, "building": 11, "wall": 12, "fence": 13, "pole": 17, "traffic light": 19,
    "traffic sign": 20, "vegetation": 21, "terrain": 22, "sky": 23, "person": 24, "rider": 25, "car": 26, "truck": 27,
    "bus": 28, "train": 31, "motorcycle": 32, "bicycle": 33,
}  # fmt: skip
#: class -> train id: the channel of a network that was trained as usual
TRAIN_IDS = {name: number for number, name in enumerate(IDS)}


def rows(
    folder: Path | str, *, model: str, split: str = "val", classes: Sequence[str] = (), by_train_id: bool = False
) -> Iterator[Row]:
    """One row an image and class; the group is the city. A class that an image does not show is an empty set.

    classes: of IDS; () are all 19.  by_train_id: name the model's class by its train id, for networks whose classes
    have other names.  Raises PlanError.
    """
    root = dataset(folder, "Cityscapes")
    names = chosen(classes, list(IDS), "Cityscapes")
    if split not in SPLITS:
        raise PlanError(f"Cityscapes has no split '{split}'.", f"It has: {', '.join(SPLITS)}.")
    cities = held(root / IMAGES / split)
    found = [(city, name[: -len(_IMAGE)]) for city in cities for name in held(root / IMAGES / split / city)
             if name.endswith(_IMAGE)]  # fmt: skip
    if not found:
        raise PlanError(
            f"The folder '{root.name}' holds no image in {IMAGES}/{split}.",
            f"Name the folder that holds {IMAGES} and {MASKS}, unpacked from {IMAGES}_trainvaltest.zip and "
            f"{MASKS}_trainvaltest.zip.",
        )
    if split != _NO_MASKS:
        there = {(city, name) for city in cities for name in held(root / MASKS / split / city)}
        refuse_missing(
            [stem for city, stem in found if (city, stem + _MASK) not in there],
            f"has no {MASKS} mask of label ids ({_MASK})",
            f"Unpack {MASKS}_trainvaltest.zip beside {IMAGES}.",
        )
    targets = {name: str(TRAIN_IDS[name]) if by_train_id else name for name in names}
    return _rows(root, split, found, model, targets)


def _rows(root, split, found, model, targets) -> Iterator[Row]:
    for city, stem in found:
        image = str(root / IMAGES / split / city / (stem + _IMAGE))
        mask = str(root / MASKS / split / city / (stem + _MASK))
        for name, target in targets.items():
            words = {"case": stem, "images": (image,), "model": model, "target": target, "group": city}
            if split == _NO_MASKS:
                words |= {"pixels": "predicted"}
            else:
                label = str(IDS[name])
                words |= {"segment": mask, "label": label, "reference": mask, "reference_label": label}
            yield Row(**words)
