"""The files of a MONAI bundle, in a folder or a .zip of one: found, read and hashed; nothing is unpacked in place."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import zipfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ..errors import DependencyError, ModelError
from ..private_folders import PrivateFolder

_CONFIGS = tuple(f"configs/inference.{ending}" for ending in ("json", "yaml", "yml"))
METADATA = "configs/metadata.json"
_LARGEST_CONFIG = 5_000_000


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
            self._archive, self._inside = _members(path)
            self.names = tuple(sorted(self._inside))
        self.config_name = next((name for name in _CONFIGS if name in self.names), "")

    @staticmethod
    def looks_like_one(source) -> bool:
        """Whether this is worth a closer look; never raises."""
        path = Path(source)
        try:
            if path.is_dir():
                return any((path / name).is_file() for name in _CONFIGS)
            if path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    return any(name.endswith(_CONFIGS) for name in archive.namelist())
            return path.parent.name == "configs" and f"configs/{path.name}" in (*_CONFIGS, METADATA) and path.is_file()
        except (OSError, ValueError, zipfile.BadZipFile):
            return False

    def read(self, name: str) -> bytes:
        """Raises ModelError if it is not there, cannot be read, or is damaged."""
        try:
            if self._archive is None:
                return (self.path / name).read_bytes()
            with zipfile.ZipFile(self._archive) as archive:
                return archive.read(self._inside[name])
        except (OSError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise ModelError(f"The bundle's file '{name}' cannot be read.", "Copy or download it again.") from error

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
        content = self.read(name)
        if len(content) > _LARGEST_CONFIG:
            raise ModelError(f"The bundle's file '{name}' has {len(content)} bytes.", "That is no configuration.")
        try:
            data = json.loads(content.decode("utf-8")) if name.endswith(".json") else _yaml(content)
        except (ValueError, RecursionError) as error:
            raise ModelError(
                f"The bundle's file '{name}' cannot be understood: {' '.join(str(error).split())[:200]}.", "Correct it."
            ) from error
        if not isinstance(data, dict):
            raise ModelError(f"The bundle's file '{name}' must hold one object.", "Correct it.")
        return data

    def content_hash(self, without: str) -> str:
        """SHA-256 over names and contents of every file but ``without`` (the weights, which are read as data only)."""
        return _hash_of((name, self.read(name)) for name in self.names if name != without)

    def copied_to(self, folder: Path, without: str) -> str:
        """Copy all files but ``without``; returns the content hash of what was written, read only once."""

        def copies():
            for name in self.names:
                if name != without:
                    content = self.read(name)
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    (folder / name).write_bytes(content)
                    yield name, content

        return _hash_of(copies())

    @contextmanager
    def on_disk(self, name: str):
        """The path of one file; from an archive a private copy that is removed afterwards."""
        if self._archive is None:
            yield self.path / name
            return
        with PrivateFolder() as folder:
            target = folder / PurePosixPath(name).name
            try:
                with zipfile.ZipFile(self._archive) as archive, archive.open(self._inside[name]) as packed:
                    with open(target, "wb") as unpacked:
                        shutil.copyfileobj(packed, unpacked, 1 << 20)
            except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
                raise ModelError(f"'{name}' in the archive is damaged.", "Copy or download it again.") from error
            yield target


def _files_below(folder):
    """Relative names; folders that are links are not entered, hidden ones are no part of a bundle."""
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from (f"{entry.name}/{name}" for name in _files_below(entry))
        elif entry.is_file():
            yield entry.name


def _members(path):
    """(path of the archive, relative name -> member). Refuses members that would lie outside (zip slip), and links."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(f"'{path.name}' is no readable .zip archive.", "Copy or download it again.") from error
    for info in infos:
        name = info.filename.replace("\\", "/")
        if name.startswith("/") or ".." in name.split("/") or ":" in name or stat.S_ISLNK(info.external_attr >> 16):
            raise ModelError(
                f"The archive '{path.name}' holds '{name[-80:]}', which would lie outside its folder; it is unsafe.",
                "Do not use this file.",
            )
    names = [info.filename.replace("\\", "/") for info in infos]
    start = next((n.removesuffix(c) for n in names for c in _CONFIGS if n == c or n.endswith("/" + c)), "")
    return path, {n.removeprefix(start): i.filename for n, i in zip(names, infos, strict=True) if n.startswith(start)}


def _hash_of(files):
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(f"{len(name)} {name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _yaml(content):
    try:
        import yaml
    except ImportError as error:
        raise DependencyError(
            "Reading this bundle's YAML configuration needs 'pyyaml', which is not installed.",
            "Install it: python -m pip install pyyaml.",
        ) from error
    try:
        return yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise ValueError(error) from error
