"""No result takes the place of what the command reads: images, label maps, sidecars, the model's files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from ..protocol.writing.claims import OutputError

_HINT = "Name another place with --out."


class Inputs:
    """What one command reads. files: also what is read beside a label map.  folders: with DICOM slices."""

    def __init__(self, files: Sequence[Path] = (), folders: Sequence[Path] = ()):
        self.files, self.folders = tuple(files), tuple(folders)

    @staticmethod
    def of(options) -> Inputs:
        """Of a command's words; what is not there is left to whoever reads it."""
        from ..io.label_maps import split_label
        from ..io.volumes import exists, series_of, stem

        def words(name):
            value = getattr(options, name, None)
            return [] if value is None else value if isinstance(value, list) else [value]

        volumes = [
            text if exists(text) else text.partition("=")[2] or text
            for text in (*words("image"), *words("image_b"), *words("other"))
        ]
        files = []
        for text in (*words("segment"), *words("region"), *words("reference"), *words("labels"), *words("within")):
            path, names = split_label(str(text))
            volumes.append(path)
            files += [Path(names)] if names else []
        folders = [folder for text in volumes if (folder := series_of(text)[0]) is not None]
        for path in map(Path, volumes):
            if path.is_file():  # a label map's names, or what a scanner's converter told of an image
                files += [path, path.with_name(stem(path) + ".json")]
        for path in map(Path, (*words("map"), *words("repeat"), *words("result"))):
            files += [path] if path.is_file() else []
        return Inputs([path for path in (*files, *_of_model(words("model"))) if path.is_file()], folders)

    def refuse_file(self, path: Path) -> None:
        """Raises OutputError where ``path`` is one of them, by whatever name, or lies among a series' slices."""
        self._refuse_same(path)
        if any(_lies_in(path.parent, folder) for folder in self.folders):
            raise OutputError("The file would lie in the DICOM folder that is read.", _HINT)

    def refuse_folder(self, folder: Path, replaced: Sequence[str]) -> None:
        """The same for a folder for results. replaced: names in it that would go."""
        for series in self.folders:
            if _lies_in(folder, series) or _lies_in(series, folder):
                raise OutputError("The results' folder and the DICOM folder that is read lie in each other.", _HINT)
        for name in replaced:
            self._refuse_same(folder / name)

    def _refuse_same(self, path):
        if not path.exists():
            return
        inside = [Path(entry.path) for folder in self.folders for entry in os.scandir(folder) if entry.is_file()]
        for own in (*self.files, *inside):
            if _is(own, path):
                raise OutputError(f"'{path.name}' is read by this command: the result would destroy it.", _HINT)


def _of_model(sources) -> list[Path]:
    from ..models import recognise
    from ..protocol.errors import SegHiResCamError

    found = [Path(source) for source in sources if not isinstance(source, dict)]
    for source in sources:
        with contextlib.suppress(SegHiResCamError, OSError, ValueError):  # told when the model is opened
            found += recognise(source).files(source)
    return found


def _is(one, other) -> bool:
    """Hard links too."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _lies_in(path, folder) -> bool:
    """Whether ``path``, which need not be there yet, is the folder or lies in it, links followed."""
    real = Path(os.path.realpath(path))
    return any(_is(part, folder) for part in (real, *real.parents))
