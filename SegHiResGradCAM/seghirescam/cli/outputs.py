"""Results that are there whole or not at all: made in a hidden folder beside their place, then moved there."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import threading
from pathlib import Path

from ..protocol.arrays import DiskError
from ..protocol.errors import SegHiResCamError
from ..protocol.writing.claims import Claim, OutputError, claim, is_hidden, sweep
from ..protocol.writing.swap import NEW, settle
from .manifest import NAME, names_in, read_manifest, write_manifest
from .own_inputs import Inputs

__all__ = ["OutputError", "check_file", "check_folder", "claimed_file", "claimed_folder", "swept"]

#: what file browsers put into folders by themselves
_DROPPINGS = {".DS_Store", "Thumbs.db", "desktop.ini"}
#: names that runs write: such a file outside the manifest may be another run's
_A_RUNS = re.compile(
    r"\d\d+_.+|pixel_set_\d+\..+|(contact_)?sheet(_\d+)?\..+|table\.csv|bibliography\.bib|caption\.txt|evaluation\.json|"
    r"(metrics|by_label)\.csv|curves(_\d+)?\..+|result\.json|figure\.png|painted(_\d+)?\..+|region\..+|predicted_.+|"
    r"run\.json"
)


#: the folder in a result folder for maps where they are many
MAPS = "maps"
#: how a map's file may end
SUFFIXES = (".nii.gz", ".nrrd")
#: the word for DICOM objects
DICOM = "dicom"


def add_result(parser, *, maps: bool = True, dicom: bool = False):
    """The options of commands that write a folder; returns their group. maps: whether volumes are among its files;
    dicom: whether these can be DICOM objects."""
    writing = parser.add_argument_group("result")
    writing.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="folder for all of it")
    if maps:
        kinds = [suffix[1:] for suffix in SUFFIXES]
        about = f"of the maps (default: {kinds[0]})"
        if dicom:
            about += (
                "; dicom: parametric maps and segmentations of the DICOM series explained, on the layer's grid unless "
                "--grid says otherwise; they carry the patient's and the study's identifiers"
            )
            kinds = [*kinds, DICOM]
        writing.add_argument("--format", choices=kinds, default=kinds[0], help=about)
    writing.add_argument(
        "--overwrite", action="store_true", help="replace the run that the folder holds; other files stay"
    )
    return writing


def check_folder(folder: Path, overwrite: bool) -> None:
    """Refuses, before anything is computed, a folder that holds something or cannot be written to.

    overwrite: the files of one run of ours are replaced, others stay; what may be of a run and stands in no manifest is
    refused, because it would mix with the new ones.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"'{folder.name}' is a file.", "Name a folder with --out.")
    held = _held(folder)
    if held and not overwrite:
        raise OutputError(
            f"The folder '{folder.name}' is not empty.", "Name another one with --out, or add --overwrite."
        )
    run = read_manifest(folder)
    everything = _deep(folder, held)
    others = [n for n in everything if _A_RUNS.fullmatch(n.removeprefix(f"{MAPS}/")) and not _is_of(folder, run, n)]
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise OutputError(
            f"The folder '{folder.name}' holds '{others[0]}'{more}, which no {NAME} lists: it may be another run's.",
            "Name another folder with --out, or move the files away.",
        )
    _check_writable(folder)


def check_file(path: Path, overwrite: bool, suffixes) -> None:
    """The same for one file, whose name must end in one of the suffixes."""
    if not path.name.lower().endswith(tuple(suffixes)):
        raise OutputError(f"'{path.name}' ends in none of {', '.join(suffixes)}.", "Choose one of them for --out.")
    if path.is_dir():
        raise OutputError(f"'{path.name}' is a folder.", "Name a file with --out.")
    if path.exists() and not overwrite:
        raise OutputError(f"'{path.name}' exists already.", "Name another file with --out, or add --overwrite.")
    _check_writable(path)


@contextlib.contextmanager
def claimed_folder(folder: Path, overwrite: bool, inputs: Inputs | None = None):
    """Yields the :class:`OutputFolder` of one run, from before its first computation to its end.

    inputs: what the run reads, which is never replaced.  Raises OutputError, also for a folder that belongs to another
    run, and DiskError.
    """
    real = _real(folder)
    for place in {_existing(real), _existing(real.parent)}:
        sweep(place)
    run = read_manifest(real)
    (inputs or Inputs()).refuse_folder(real, [NAME, *run.files] if run else [])
    check_folder(folder, overwrite)
    with _told():
        held = claim(_place_of(real), real)
    try:
        check_folder(folder, overwrite)  # another run may have ended meanwhile
        yield OutputFolder(real, held, overwrite)
    finally:
        held.release()


def into_folder(work):
    """``run(options, console)`` of a command whose ``work(options, console, place)`` writes a folder."""

    def run(options, console) -> int:
        with claimed_folder(options.out, options.overwrite, Inputs.of(options)) as place:
            return work(options, console, place)

    return run


@contextlib.contextmanager
def claimed_file(path: Path, overwrite: bool, suffixes, inputs: Inputs | None = None, beside: Path | None = None):
    """Yields the :class:`OutputFile` of one run: the file, and what belongs beside it.

    beside: the .json that would be written with it; one that is not ours is never replaced.  Raises as
    :func:`claimed_folder` does.
    """
    real = _real(path.parent) / path.name  # a link in the file's place is replaced, what it leads to is not
    sweep(_existing(real.parent))
    for written in (path, beside):
        if written is not None:
            (inputs or Inputs()).refuse_file(written)
    check_file(path, overwrite, suffixes)
    _check_beside(beside, overwrite)
    with _told():
        held = claim(_existing(real.parent), real)
    try:
        check_file(path, overwrite, suffixes)
        _check_beside(beside, overwrite)
        yield OutputFile(real, held)
    finally:
        held.release()


class OutputFolder:
    """path: the folder, links followed."""

    def __init__(self, path: Path, held: Claim, overwrite: bool):
        self.path, self._held, self._overwrite = path, held, overwrite

    @contextlib.contextmanager
    def filled(self, command: str, request: dict, model, hashes: dict[str, str] | None = None):
        """Yields a hidden folder; at the end its files and their manifest are the result folder's, in the stead of a
        former run's; foreign files stay.  If the block raises (also by Ctrl-C), nothing of it stays.  Raises DiskError.

        hashes: gets the SHA-256 of what is hashed as it is written, by its name.
        """
        with _told():
            hidden = self._held.prepare()
            yield hidden
            write_manifest(hidden, command, request, model, hashes or {})
            check_folder(self.path, self._overwrite)  # somebody else may have come, who knows no locks
            former = read_manifest(self.path)
            with _uninterrupted():
                self._held.swap(*(self._as_a_whole(hidden) if self._is_replaceable() else self._file_by_file(hidden)))
            for name in {n.partition("/")[0] for n in (former.files if former else ()) if "/" in n}:
                with contextlib.suppress(OSError):  # not empty: the new run's, or somebody's
                    os.rmdir(self.path / name)

    def _is_replaceable(self) -> bool:
        """Whether the folder can change places with the new one: it holds nothing else, and nobody stands in it."""
        if not self.path.exists():
            return True
        run = read_manifest(self.path)
        ours = {NAME, *(run.files if run else ())}
        inside = Path(os.path.realpath(os.getcwd())).is_relative_to(self.path)
        return self._held.place != self.path and not inside and set(_deep(self.path, os.listdir(self.path))) <= ours

    def _as_a_whole(self, hidden):
        name = str(self.path.relative_to(self._held.place))
        if self.path.exists():
            _take_over_rights(hidden, self.path)
        return [(NEW, name)], [name]

    def _file_by_file(self, hidden):
        base = self.path.relative_to(self._held.place)
        run = read_manifest(self.path)
        former = [NAME, *run.files] if run else []
        names = [name for name in names_in(hidden) if name != NAME]
        foreign = set(_deep(self.path, _names(self.path))) - set(former)
        taken = next((name for name in (*names, NAME) if {name, name.partition("/")[0]} & foreign), None)
        if taken:
            raise OutputError(
                f"The folder '{self.path.name}' holds a '{taken}' of somebody else, which was left alone.",
                "Nothing was written. Name another folder with --out.",
            )
        return [(f"{NEW}/{n}", str(base / n)) for n in (*names, NAME)], [str(base / n) for n in former]


class OutputFile:
    """path: the file, links to its folder followed."""

    def __init__(self, path: Path, held: Claim):
        self.path, self._held = path, held

    @contextlib.contextmanager
    def filled(self):
        """Yields a hidden folder for the file and a ``.json`` about it, which replace those that are there together."""
        with _told():
            hidden = self._held.prepare()
            yield hidden
            names = sorted((p.name for p in hidden.iterdir()), key=lambda name: name.endswith(".json"))
            with _uninterrupted():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                if len(names) == 1:
                    settle(hidden)
                    os.replace(hidden / names[0], self.path.parent / names[0])
                else:
                    targets = [str((self.path.parent / name).relative_to(self._held.place)) for name in names]
                    moves = [(f"{NEW}/{name}", target) for name, target in zip(names, targets, strict=True)]
                    self._held.swap(moves, targets[::-1])


def swept(path: Path) -> Path:
    """The same path, after what killed runs left at it or beside it was put right: before a result is read."""
    for place in {_existing(_real(path)), _existing(_real(path).parent)}:
        if os.access(place, os.W_OK | os.X_OK):
            sweep(place)
    return path


def _check_beside(path, overwrite):
    if path is None or not os.path.lexists(path):
        return
    try:
        ours = str(json.loads(path.read_text(encoding="utf-8"))["format"]).startswith("seghirescam-")
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        raise OutputError(
            f"'{path.name}', which would be written beside the result, is there and not ours.",
            "Name another file with --out.",
        )
    if not overwrite:
        raise OutputError(f"'{path.name}' exists already.", "Name another file with --out, or add --overwrite.")


def _is_of(folder, run, name):
    return run is not None and (name == NAME or (name in run.files and (folder / name).is_file()))


def _held(folder):
    return [name for name in _names(folder) if name not in _DROPPINGS]


def _names(folder):
    """Everything in a folder but working folders; none of a folder that is not there."""
    try:
        return sorted(name for name in os.listdir(folder) if not is_hidden(name))
    except FileNotFoundError:
        return []


def _deep(folder, names):
    """The names, and in the stead of the folder for maps what lies in it."""
    if MAPS not in names or (folder / MAPS).is_symlink() or not (folder / MAPS).is_dir():
        return list(names)
    return [
        *(name for name in names if name != MAPS),
        *(f"{MAPS}/{name}" for name in sorted(os.listdir(folder / MAPS))),
    ]


def _real(path):
    return Path(os.path.realpath(path))


def _place_of(folder):
    """Where lock and working folder lie: beside the folder, or in it where that is another drive, or forbidden."""
    beside = _existing(folder.parent)
    alone = folder.is_dir() and (os.path.ismount(folder) or not os.access(beside, os.W_OK | os.X_OK))
    return folder if alone else beside


def _take_over_rights(new, former):
    """What the owner of the former folder had arranged for it."""
    about = former.stat()
    with contextlib.suppress(OSError):
        if hasattr(os, "chown"):
            os.chown(new, -1, about.st_gid)
    with contextlib.suppress(OSError):
        os.chmod(new, about.st_mode & 0o7777)


@contextlib.contextmanager
def _told():
    """The system's errors as sentences."""
    try:
        yield
    except OSError as error:
        if isinstance(error, SegHiResCamError):
            raise
        raise DiskError(
            f"The results could not be written: {error.strerror or type(error).__name__}.",
            "Free some space there, or choose another place with --out.",
            errno=error.errno,
        ) from error


@contextlib.contextmanager
def _uninterrupted():
    """Ctrl-C waits until the block is done: it takes milliseconds, and half of it would be a mixture of two results."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = []
    before = signal.signal(signal.SIGINT, lambda *what: heard.append(what))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _existing(path: Path) -> Path:
    """The nearest folder on the way to ``path`` (itself included) that is there."""
    path = Path(path).absolute()
    return next(p for p in (path, *path.parents) if p.is_dir())


def _check_writable(path):
    if not os.access(_existing(path), os.W_OK | os.X_OK):
        raise OutputError(f"Nothing can be written at the place of '{path.name}'.", "Choose another place with --out.")
