"""``_(text)``: Slicer's own translation of a text, in the context of the file that calls it.

It is Slicer's function itself, because that takes the context from its caller's file.  Where Slicer's Python is not
there (its classes alone, in tests and scripts) a text stays as it is.
"""

from __future__ import annotations

__all__ = ["_"]

try:
    from slicer.i18n import tr as _
except ImportError:

    def _(text: str) -> str:
        return text
