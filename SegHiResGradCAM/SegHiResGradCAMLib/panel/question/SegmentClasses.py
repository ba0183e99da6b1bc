"""Which class each segment of a segmentation is asked about, and which are left out; as the command line does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from ...setup.Translation import _
from ..model.ClassMatch import matchingClass
from ..Notices import NAMED, listed

#: the command line's reasons, see cli/segments/which_class.py
NO_CLASS = _("No class of the model is called so.")
OF_RIVAL = _("Its class is the rival itself.")


@dataclass(frozen=True)
class SegmentClass:
    """A segment, and the class it is asked about."""

    segmentId: str
    name: str
    className: str


@dataclass(frozen=True)
class LeftOut:
    """A segment that is not asked about, and why."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class ManySegments:
    """Who is asked about, in the order of the pixel sets, and who is not. refused: {segment id: why it has no voxel},
    known once the segments were read."""

    asked: tuple[SegmentClass, ...]
    leftOut: tuple[LeftOut, ...]
    refused: dict[str, str] = field(default_factory=dict)

    def told(self, most: int | None = NAMED) -> str:
        """One line: which class each segment is asked about; who is left out, and why. most: names of each."""
        return _told(self.asked, self.leftOut, most)

    def answered(self, empty: dict[int, str]) -> ManySegments:
        """As it was answered. empty: {place of a pixel set: why it was left out}."""
        out = [
            LeftOut(self.asked[place].name, self.refused.get(self.asked[place].segmentId, reason))
            for place, reason in sorted(empty.items())
        ]
        asked = tuple(one for place, one in enumerate(self.asked) if place not in empty)
        return ManySegments(asked, (*self.leftOut, *out))


@lru_cache(maxsize=2)  # the panel asks with every change
def segmentClasses(
    names: tuple[tuple[str, str, str], ...], chosen: str, rival: str, classes: tuple[str, ...]
) -> tuple[tuple[SegmentClass, ...], tuple[LeftOut, ...]]:
    """Of segments (id, name, name as it is shown): the class chosen for all, or with "" the one of each one's name.

    rival: the class of a contrast, "" without one.
    """
    found, out = [], []
    for segmentId, own, name in names:
        className = chosen or matchingClass(own, classes)
        if not className:
            out.append(LeftOut(name, NO_CLASS))
        elif className == rival:
            out.append(LeftOut(name, OF_RIVAL))
        else:
            found.append(SegmentClass(segmentId, name, className))
    return tuple(found), tuple(out)


def _told(asked: tuple[SegmentClass, ...], leftOut: tuple[LeftOut, ...], most: int | None) -> str:
    parts = []
    if asked:
        told = [_("{name} as {className}").format(name=one.name, className=one.className) for one in asked]
        parts.append(f"{listed(told, most)}.")
    reasons = dict.fromkeys(one.reason for one in leftOut)
    named = []
    for reason in reasons:
        who = listed([one.name for one in leftOut if one.reason == reason], most)
        named.append(f"{who} ({reason.removesuffix('.')})")
    if named:
        parts.append(_("Left out: {names}.").format(names="; ".join(named)))
    return " ".join(parts)
