"""Which class is meant where none was named: the one beside the background, where there is no other."""

from __future__ import annotations

from ..models import recognise
from ..protocol.errors import ClassError


def only_class(source: str) -> tuple[str, str]:
    """(its index as a word, the note for the result), from what the model says before it is opened.

    Raises ClassError where there is another class, or only the opened model knows its classes.
    """
    classes = recognise(source).classes(source)
    if len(classes) == 1:
        return str(classes[0].index), ""
    if len(classes) == 2:
        first, only = classes
        return str(only.index), f"No class was named: explained is '{only.name}', the one beside '{first.name}'."
    listed = f"one of: {', '.join(c.name for c in classes)}." if 0 < len(classes) <= _LISTED else ""
    hint = "'seghirescam models' lists them."
    raise ClassError("No class was named.", f"Add --class NAME, {listed}" if listed else f"Add --class NAME; {hint}")


#: more are not read off a sentence
_LISTED = 8
