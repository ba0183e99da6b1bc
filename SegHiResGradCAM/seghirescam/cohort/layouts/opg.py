"""Panoramic teeth (OPG) in the layout of the paper's code: ``SPLIT/images/*.jpg`` and ``SPLIT/masks/*.png``.

A mask's grey value is the class: 0 background, 1 to 32 a tooth each; or, in masks of all teeth together, one value.
The images of Rheude et al. (MELBA 2024) are not published, as far as we know: the layout is that of README.md and
dataloader.py in github.com/TillmannRheude/SegHiResGrad_CAM, and which value is which tooth is not told there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..plans.row import PlanError, Row
from .held_files import chosen, dataset, ending, held, one_ending, refuse_missing

SPLITS = ("train", "validation", "test")
#: values of the masks, and of the network's channels
TEETH = tuple(str(number) for number in range(1, 33))
#: the class of masks in which all teeth have one value
ALL_TEETH = "teeth"
_MASKS_END = ".png"
#: what the two files of a case may begin with, and differ in
_PREFIX = re.compile(r"^(image|img|mask|label)[_-]+", re.IGNORECASE)


def rows(folder: Path | str, *, model: str, split: str = "test", classes: Sequence[str] = ()) -> Iterator[Row]:
    """One row an image and tooth; the group is the split. A tooth that an image does not show is an empty set.

    classes: "1" to "32" (the default: all), the model's class by the same index; or "teeth" alone, of masks with one
    value, the model's class 1.  Image and mask belong together by their names (``image_1.jpg``, ``mask_1.png``; or the
    same name).  Raises PlanError.
    """
    root = dataset(folder, "OPG")
    if split not in SPLITS:
        raise PlanError(f"The OPG layout has no split '{split}'.", f"It has: {', '.join(SPLITS)}.")
    if ALL_TEETH in classes and len(classes) > 1:
        raise PlanError(f"The class '{ALL_TEETH}' stands alone.", "Name it, or teeth by their values 1 to 32.")
    names = list(classes) if ALL_TEETH in classes else chosen(classes, TEETH, "The OPG layout")
    images, masks = root / split / "images", root / split / "masks"
    one_ending(held(images), f"{split}/images")
    pictures = {_key(name): name for name in held(images) if ending(name)}
    if not pictures:
        raise PlanError(
            f"The folder '{root.name}' holds no image in {split}/images.",
            "Name the folder that holds train, validation and test, each with images and masks.",
        )
    drawn = {_key(name): name for name in held(masks) if name.lower().endswith(_MASKS_END)}
    lacking = [pictures[key] for key in pictures if key not in drawn]
    refuse_missing(lacking, f"has no mask in {split}/masks", "Masks are PNG and have the image's name or number.")
    pairs = [(name, str(images / name), str(masks / drawn[key])) for key, name in sorted(pictures.items())]
    return _rows(pairs, split, model, names)


def _rows(pairs, split, model, names) -> Iterator[Row]:
    for name, image, mask in pairs:
        for tooth in names:
            label, target = ("", "1") if tooth == ALL_TEETH else (tooth, tooth)
            yield Row(
                case=Path(name).stem, images=(image,), model=model, target=target, segment=mask, label=label,
                reference=mask, reference_label=label, group=split,
            )  # fmt: skip


def _key(name: str) -> str:
    return _PREFIX.sub("", Path(name).stem).lower()
