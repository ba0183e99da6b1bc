"""Where a page's files lie, as links relative to it, which hold no folder's name unless names are wanted."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ...figures.report.page import Cell, words

#: said where there are none
NO_LINKS = (
    "The report lies outside the folder it is about, and has no links to the files: they would hold the names of "
    "folders. Put it into that folder, or add --names."
)


@dataclass(frozen=True)
class Links:
    """folder: what the page is about.  page: the folder it will lie in.  names: whether folders may be named."""

    folder: Path
    page: Path
    names: bool

    @property
    def linking(self) -> bool:
        return self.names or _real(self.page).is_relative_to(_real(self.folder))

    def to(self, path: Path, text: str = "") -> Cell:
        """text: instead of the file's own name.  Nothing where there is no link."""
        href = self._href(path)
        return words(href and (text or path.name), href=href)

    def _href(self, path: Path) -> str:
        if not self.linking or not path.exists():
            return ""
        try:
            relative = os.path.relpath(_real(path), _real(self.page))
        except ValueError:  # another drive
            return ""
        return quote(relative.replace(os.sep, "/"))


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
