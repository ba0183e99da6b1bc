"""The Python files beside a factory that it imports by name: found without running anything, read once, run as read.

A yes holds for content.  What the file imports from its own folder is part of that content, so it is looked for in the
source (``import helper``, ``from package import part``, relative imports inside a package), hashed with the file, and
imported from the bytes that were hashed.  The folder itself is never on the path: what is imported in other ways (by a
computed name, as a compiled library) is not found.  Each model's modules are its own: two models with a ``helper.py``
each do not meet, and nobody else's ``import helper`` leads there.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import importlib
import importlib.abc
import importlib.util
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...protocol.errors import ModelError
from ...protocol.untrusted import content, is_file

_LARGEST_FILE, _MOST_FILES = 5_000_000, 500


@dataclass(frozen=True)
class Code:
    """main: the factory's own source.  name: of its file.  modules: dotted name -> source of files beside it; packages
    also stand there without an ``__init__.py`` (empty source).  packages: which names are packages.  paths: of those
    files."""

    name: str
    main: bytes
    modules: dict[str, bytes]
    packages: frozenset[str]
    paths: tuple[Path, ...] = ()

    @staticmethod
    def of(path: Path) -> Code:
        """Raises ModelError for files that cannot be read or are too many."""
        main = content(path, _LARGEST_FILE, "Python file")
        found = _Search(path.parent)
        found.follow(main, "")
        return Code(path.name, main, dict(sorted(found.modules.items())), frozenset(found.packages), tuple(found.paths))

    def digest(self, *words: str) -> str:
        """SHA-256 of all that would run, and of the words that say what of it is called: those that are not usual.

        A file without siblings and such words has its own SHA-256, as ``sha256sum`` shows it.
        """
        words = [word for word in words if word]
        if not self.modules and not words:
            return hashlib.sha256(self.main).hexdigest()
        digest = hashlib.sha256(b"seghirescam factory and what it imports\n")
        parts = [("", self.main), *self.modules.items(), *((f"word {word}", b"") for word in words)]
        for name, source in parts:
            package = "package " if name in self.packages else ""
            digest.update(f"{len(name)} {package}{name} {len(source)}\n".encode("utf-8", "surrogatepass") + source)
        return digest.hexdigest()


class _Search:
    def __init__(self, folder: Path):
        self.folder = folder
        self.modules: dict[str, bytes] = {}
        self.packages: set[str] = set()
        self.paths: list[Path] = []

    def follow(self, source: bytes, package: str) -> None:
        """Take in what a source imports; package: the one it lies in, "" for none."""
        try:
            nodes = list(ast.walk(ast.parse(source)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return  # it will not run either
        for node in nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.take(alias.name)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    parts = package.split(".")[: len(package.split(".")) - node.level + 1] if package else []
                    if not package or not parts:
                        continue
                    base = ".".join([*parts, *([base] if base else [])])
                self.take(base)
                for alias in node.names:
                    self.take(f"{base}.{alias.name}")

    def take(self, name: str) -> None:
        """A dotted name as far as it lies beside the file; libraries of Python itself come first."""
        parts = name.split(".")
        if parts[0] in sys.stdlib_module_names or not all(part.isidentifier() for part in parts):
            return
        pending = []  # folders without an __init__.py are packages only if a module is found in them
        for end in range(1, len(parts) + 1):
            module, place = ".".join(parts[:end]), self.folder.joinpath(*parts[:end])
            if module in self.modules:
                continue
            inside, beside = place / "__init__.py", place.with_name(f"{place.name}.py")
            if is_file(inside) or is_file(beside):
                for folder in pending:
                    self._add(folder, None, package=True)
                pending = []
                self._add(module, inside if is_file(inside) else beside, package=is_file(inside))
            elif os.path.isdir(place):
                pending.append(module)
            else:
                return

    def _add(self, module, path, package):
        if len(self.modules) >= _MOST_FILES:
            raise ModelError(
                f"The Python file imports more than {_MOST_FILES} files from its folder.", "Install them as a library."
            )
        source = b"" if path is None else content(path, _LARGEST_FILE, "Python file")
        self.modules[module] = source
        self.paths += [] if path is None else [path]
        if package:
            self.packages.add(module)
        self.follow(source, module if package else module.rpartition(".")[0])


@contextmanager
def apart(folder: Path):
    """Meanwhile neither that folder nor the current one is searched for modules."""
    left_out = {os.path.realpath(folder), os.path.realpath(os.curdir)}
    before = list(sys.path)
    sys.path[:] = [place for place in before if os.path.realpath(place or os.curdir) not in left_out]
    try:
        yield
    finally:
        sys.path[:] = before


def run(code: Code, digest: str):
    """The factory's module, with its siblings importable from what was read. Raises whatever the code raises."""
    root = f"seghirescam_factory_{digest[:12]}"
    for name in [n for n in sys.modules if n == root or n.startswith(f"{root}.")]:
        del sys.modules[name]  # opened before: it runs anew
    _FINDER.known[root] = code
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
    return importlib.import_module(root)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Serves ``seghirescam_factory_<hash>`` and the modules below it."""

    def __init__(self):
        self.known: dict[str, Code] = {}

    def find_spec(self, fullname, path=None, target=None):
        root, _, name = fullname.partition(".")
        code = self.known.get(root)
        if code is None or (name and name not in code.modules):
            return None
        return importlib.util.spec_from_loader(
            fullname, self, origin=_file(code, name), is_package=not name or name in code.packages
        )

    def exec_module(self, module):
        root, _, name = module.__name__.partition(".")
        code = self.known[root]
        source = code.modules[name] if name else code.main
        module.__file__ = _file(code, name)
        module.__dict__["__builtins__"] = vars(builtins) | {"__import__": _importing(root, code)}
        exec(compile(source, module.__file__, "exec", dont_inherit=True), module.__dict__)


_FINDER = _Finder()


def _file(code, name):
    """A name for tracebacks that tells nothing of where the file lies."""
    return f"{name.replace('.', '/')}{'/__init__' if name in code.packages else ''}.py" if name else code.name


def _importing(root, code):
    """``import`` for the author's modules: the files beside them first, as Python does for a script."""

    def author_import(name, globals=None, locals=None, fromlist=(), level=0):
        top = name.partition(".")[0]
        if level or top not in code.modules:
            return builtins.__import__(name, globals, locals, fromlist, level)
        found = importlib.import_module(f"{root}.{name}")
        if not fromlist:
            return sys.modules[f"{root}.{top}"]
        for part in fromlist:
            if part != "*" and not hasattr(found, part) and f"{name}.{part}" in code.modules:
                importlib.import_module(f"{root}.{name}.{part}")
        return found

    return author_import
