"""Keeping names of users' files out of what the worker says and logs: paths may hold names of patients."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

_HIDDEN = "<path>"
#: said wherever DICOM is about to be written
DICOM_SENTENCE = (
    "A DICOM object carries the patient's name, number, birth date and sex and the study's identifiers of the series "
    "it explains, unlike everything else that is written here."
)


class Names:
    """Remembers the paths that requests named, and hides them, with every other absolute path, from texts."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def know(self, source: object) -> None:
        """source: the model of a request, a path or a dict with paths in it."""
        for value in source.values() if isinstance(source, dict) else [source]:
            if isinstance(value, str) and (os.sep in value or "/" in value):
                self._files.add(str(Path(value)))
                self._folders |= {str(p) for p in Path(value).parents if len(p.parts) > 1}

    def hide(self, text: str) -> str:
        """The text without directories; what follows the last separator (a file's own name) stays."""
        for path in sorted(self._files, key=len, reverse=True):
            text = text.replace(path, Path(path).name)
        for path in sorted(self._folders, key=len, reverse=True):
            text = text.replace(path + os.sep, "").replace(path, _HIDDEN)
        text = re.sub(r"""(['"])(?:[A-Za-z]:)?[\\/][^'"\n]*[\\/]""", rf"\1{_HIDDEN}/", text)
        # names hold spaces too: from the first separator to the last one of the line, quote or bracket
        return re.sub(r"(?<![\w.>])(?:[A-Za-z]:)?[\\/][^'\"<>|\n]*[\\/]", _HIDDEN + "/", text)

    def hide_in(self, value: Any) -> Any:
        """The same for every text in a JSON-like structure."""
        if isinstance(value, dict):
            return {key: self.hide_in(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.hide_in(item) for item in value]
        return self.hide(value) if isinstance(value, str) else value
