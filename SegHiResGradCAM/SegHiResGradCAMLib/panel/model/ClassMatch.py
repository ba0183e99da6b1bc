"""Which class of the model a segment is: by its name, or none at all."""

from __future__ import annotations

from seghirescam.protocol.class_names import matching_class


def matchingClass(segmentName: str, classNames: list[str] | tuple[str, ...]) -> str:
    """As the command line matches them, see :func:`class_names.matching_class`."""
    return matching_class(segmentName, classNames)
