"""Which class each segment is asked about: as stated, or by its name; and who is left out, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...protocol.class_names import matching_class
from ...protocol.errors import ClassError
from ..inputs import class_word

if TYPE_CHECKING:
    from ...io.label_maps import Label
    from ...models.segmentation_model import SegmentationModel

NO_CLASS, NO_NAME = "No class of the model is called so.", "It has no name that could be a class's."
_STATE = "Say which class a segment is: --class 'SEGMENT=CLASS', once for each whose name is no class of the model."


@dataclass(frozen=True)
class SegmentClass:
    """A segment, its class and its rival, by the model's indices. label: None where a class itself is asked about."""

    label: Label | None
    class_index: int
    rival: int | None


@dataclass(frozen=True)
class LeftOut:
    """A segment or class without an answer, and why."""

    name: str
    reason: str


def classes_of_segments(
    labels: Sequence[Label], stated: Sequence[str], rivals: Sequence[str], model: SegmentationModel
) -> tuple[list[SegmentClass], list[LeftOut]]:
    """For every segment of a label map; stated, rivals: words of the options. Raises ClassError."""
    names = [c.name for c in model.classes]
    by_name = {label: matching_class(label.name, names) for label in labels}
    own = _stated(labels, stated, "--class")
    against = _stated(labels, rivals, "--rival")
    found, out = [], []
    for label in labels:
        wanted = own.get(label) or own.get(None) or by_name[label]
        if not wanted:
            out.append(LeftOut(name_of(label), NO_CLASS if label.name else NO_NAME))
            continue
        index = model.class_index(class_word(wanted, model.classes))
        other = against.get(label) or against.get(None)
        rival = None if other is None else model.class_index(class_word(other, model.classes))
        if rival == index:
            out.append(LeftOut(name_of(label), "Its class is the rival itself."))
        elif rivals and rival is None:
            out.append(LeftOut(name_of(label), "No rival was stated for it: --rival 'SEGMENT=CLASS'."))
        else:
            found.append(SegmentClass(label, index, rival))
    if not found:
        raise ClassError(
            f"None of the segments ({', '.join(map(name_of, labels))}) is known as a class of the model "
            f"({', '.join(names)}).", _STATE,
        )  # fmt: skip
    return found, out


def all_classes(rivals: Sequence[str], model: SegmentationModel) -> tuple[list[SegmentClass], list[LeftOut]]:
    """Every class but the background of classes that exclude each other."""
    wanted = [c for c in model.classes if c.index != 0 or model.head == "sigmoid"]
    return named_classes([c.name for c in wanted], rivals, model)


def named_classes(
    wanted: Sequence[str], rivals: Sequence[str], model: SegmentationModel
) -> tuple[list[SegmentClass], list[LeftOut]]:
    """These classes, each asked about by itself, against one rival or none."""
    if len(rivals) > 1:
        raise ClassError("Several rivals were named for several classes.", "Name one --rival for all of them.")
    rival = model.class_index(class_word(rivals[0], model.classes)) if rivals else None
    found, out = [], []
    for word in wanted:
        index = model.class_index(class_word(word, model.classes))
        if index == rival:
            out.append(LeftOut(model.class_name(index), "Its class is the rival itself."))
        else:
            found.append(SegmentClass(None, index, rival))
    return found, out


def hint(left_out: Sequence[LeftOut]) -> str:
    """What to do about segments without a class, or ""."""
    return _STATE if any(one.reason in (NO_CLASS, NO_NAME) for one in left_out) else ""


def name_of(label: Label) -> str:
    return label.name or str(label.value)


def _stated(labels: Sequence[Label], words: Sequence[str], option: str) -> dict[Label | None, str]:
    """{segment: class}; None: of all segments that are not stated by themselves."""
    found: dict[Label | None, str] = {}
    for word in words:
        label, wanted = _split(labels, word)
        if label in found:
            who = "all segments" if label is None else f"the segment '{name_of(label)}'"
            raise ClassError(
                f"{option} names two classes for {who}.", f"Write {option} 'SEGMENT=CLASS' for one segment each."
            )
        found[label] = wanted
    return found


def _split(labels: Sequence[Label], word: str) -> tuple[Label | None, str]:
    if "=" not in word:
        return None, word
    for place in (n for n, letter in enumerate(word) if letter == "="):
        name = word[:place].strip()
        for label in labels:
            if name in (str(label.value), label.name):
                return label, word[place + 1 :].strip()
    raise ClassError(
        f"The label map has no segment '{word.partition('=')[0]}'.", f"Segments: {', '.join(map(str, labels))}."
    )
