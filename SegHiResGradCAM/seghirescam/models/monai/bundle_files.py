"""The files of a MONAI bundle, in a folder or a .zip of one: found, read and hashed; nothing is unpacked in place."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import stat
import zipfile
import zlib
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePosixPath

from ...protocol.errors import ModelError, SegHiResCamError
from ...protocol.untrusted import (
    LARGEST_DESCRIPTION,
    is_file,
    json_value,
    named,
    opened_file,
    opened_zip,
    short,
    zip_names,
)
from ...protocol.writing.private_folders import PrivateFolder
from .yaml_text import yaml_value

_CONFIGS = tuple(f"configs/inference.{ending}" for ending in ("json", "yaml", "yml"))
METADATA = "configs/metadata.json"
_MOST_FILES, _DEEPEST_FOLDER = 5_000, 30


class BundleFiles:
    """source: the bundle's folder, a file inside its ``configs``, or a .zip. Raises ModelError for unsafe archives.

    names: relative path of every file, with ``/``.  config_name: "" if there is no inference configuration.
    """

    def __init__(self, source):
        path = Path(source)
        self.title = path.name.removesuffix(".zip")
        self._archive = None
        if path.is_dir():
            self.path = path
            self.names = tuple(sorted(_files_below(path)))
        elif path.parent.name == "configs" and path.is_file() and path.suffix != ".zip":
            self.path = path.parent.parent
            self.title = self.path.resolve().name
            self.names = tuple(sorted(_files_below(self.path)))
        else:
            self.path = path
            self._archive, self._inside = _members(path)  # one archive, open as long as this lives
            self.names = tuple(sorted(self._inside))
        self.config_name = next((name for name in _CONFIGS if name in self.names), "")

    @staticmethod
    def looks_like_one(source) -> bool:
        """Whether this is worth a closer look; never raises."""
        path = Path(source)
        try:
            if path.is_dir():
                return any((path / name).is_file() for name in _CONFIGS)
            if path.suffix.lower() == ".zip":
                return any(name.endswith(_CONFIGS) for name in zip_names(path))
            return path.parent.name == "configs" and f"configs/{path.name}" in (*_CONFIGS, METADATA) and path.is_file()
        except (OSError, ValueError, zipfile.BadZipFile):
            return False

    def read(self, name: str) -> bytes:
        """A small file's bytes. Raises ModelError if it is not there, cannot be read, is damaged or too large."""
        with self._opened(name) as (file, size):
            if size > LARGEST_DESCRIPTION:
                raise ModelError(f"The bundle's file '{named(name)}' has {size} bytes.", "That is no configuration.")
            return file.read(size)

    @contextmanager
    def _opened(self, name):
        """(binary file, its bytes in number); whatever goes wrong while it is read becomes a ModelError."""
        if self._archive is None:
            with opened_file(self.path / name) as found:
                yield found
            return
        try:
            with self._archive.open(self._inside[name]) as packed:
                yield packed, self._archive.getinfo(self._inside[name]).file_size
        except SegHiResCamError:
            raise
        except (OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
            raise ModelError(
                f"The bundle's file '{named(name)}' cannot be read.", "Copy or download it again."
            ) from error

    def config(self) -> dict:
        """The inference configuration as plain data. Raises ModelError, DependencyError (YAML without PyYAML)."""
        if not self.config_name:
            raise ModelError(
                f"The bundle '{self.title}' has no configs/inference.json (or .yaml).", "Give a MONAI bundle's folder."
            )
        return self._parsed(self.config_name)

    def metadata(self) -> dict:
        if METADATA not in self.names:
            raise ModelError(
                f"The bundle '{self.title}' has no {METADATA}, so its channels and classes have no names.",
                "Add it, or describe the network in a *.model.json file.",
            )
        return self._parsed(METADATA)

    def _parsed(self, name):
        text = self.read(name)
        try:
            data = json_value(text) if name.endswith(".json") else yaml_value(text)
        except ValueError as error:
            raise ModelError(
                f"The bundle's file '{name}' cannot be understood: {short(error)}.", "Correct it."
            ) from error
        if not isinstance(data, dict):
            raise ModelError(f"The bundle's file '{name}' must hold one object.", "Correct it.")
        return data

    def content_hash(self, without: str) -> str:
        """SHA-256 over names and contents of every file but ``without`` (the weights, which are read as data only)."""
        return self._hashed(without, lambda name: nullcontext())

    def copied_to(self, folder: Path, without: str) -> str:
        """Copy all files but ``without``; returns the content hash of what was written, read only once."""

        def target(name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            return open(folder / name, "wb")

        return self._hashed(without, target)

    def _hashed(self, without, opened_target):
        """The hash, in pieces; what is hashed is written to what ``opened_target(name)`` opens."""
        digest = hashlib.sha256()
        for name in self.names:
            if name == without:
                continue
            with self._opened(name) as (file, size), opened_target(name) as copy:
                digest.update(f"{len(name)} {name} {size}\n".encode("utf-8", "surrogateescape"))
                while piece := file.read(min(size, 1 << 20)):
                    size -= len(piece)
                    digest.update(piece)
                    if copy is not None:
                        copy.write(piece)
                if size:
                    raise ModelError(f"The bundle's file '{named(name)}' changed while it was read.", "Try again.")
        return digest.hexdigest()

    @contextmanager
    def on_disk(self, name: str):
        """The path of one file; from an archive a private copy that is removed afterwards."""
        if self._archive is None:
            yield self.path / name
            return
        with PrivateFolder() as folder:
            target = folder / PurePosixPath(name).name
            with self._opened(name) as (packed, _), open(target, "wb") as unpacked:
                shutil.copyfileobj(packed, unpacked, 1 << 20)
            yield target


def _files_below(folder):
    """Relative names; folders that are links are not entered, hidden ones are no part of a bundle."""
    found, todo = [], [(folder, "", 0)]
    while todo:
        place, start, depth = todo.pop()
        try:
            entries = list(itertools.islice(os.scandir(place), _MOST_FILES + 1))
        except OSError as error:
            raise ModelError(
                f"The bundle's folder '{named(place)}' cannot be read: {error.strerror}.", "Check its permissions."
            ) from error
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                todo.append((entry.path, f"{start}{entry.name}/", depth + 1))
            elif is_file(entry.path):
                found.append(start + entry.name)
        if max(len(found), len(todo), len(entries)) > _MOST_FILES or depth > _DEEPEST_FOLDER:
            raise ModelError(
                f"The folder '{named(folder)}' holds more than {_MOST_FILES} files, or lies too deep, for a bundle.",
                "Give the bundle a folder of its own.",
            )
    return found


def _members(path):
    """(archive, relative name -> member). Refuses members that would lie outside (zip slip), and links."""
    try:
        archive = opened_zip(path)
    except zipfile.BadZipFile as error:
        raise ModelError(
            f"'{named(path)}' is no readable .zip archive, or unpacks to far more than it is.",
            "Copy or download it again.",
        ) from error
    infos = [info for info in archive.infolist() if not info.is_dir()]
    for info in infos:
        name = info.filename.replace("\\", "/")
        if name.startswith("/") or ".." in name.split("/") or ":" in name or stat.S_ISLNK(info.external_attr >> 16):
            raise ModelError(
                f"The archive '{named(path)}' holds {name[-80:]!a}, which would lie outside its folder; it is unsafe.",
                "Do not use this file.",
            )
    names = [info.filename.replace("\\", "/") for info in infos]
    start = next((n.removesuffix(c) for n in names for c in _CONFIGS if n == c or n.endswith("/" + c)), "")
    inside = zip(names, infos, strict=True)
    return archive, {name.removeprefix(start): info.filename for name, info in inside if name.startswith(start)}
