"""What is wrong with the tree, in sentences: arrows that go up, circles, loose files, full folders, names used twice.

All imports count: also those within functions, for type checkers only, and ``importlib.import_module("a literal")``.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import rooms as house
from rooms import ENGINE, SLICER

#: files that have no name of their own
_UNNAMED = ("__init__", "__main__")


@dataclass(frozen=True)
class Import:
    """One name that a file imports: dotted, and the line; whether the line runs when the file is imported."""

    name: str
    line: int
    at_file_scope: bool


class Tree:
    """Both buildings below the module's folder: every file, named by its path without ``.py``, and what it imports."""

    def __init__(self, module_folder: Path):
        paths = [path for top in (ENGINE, SLICER) for path in sorted((module_folder / top).rglob("*.py"))]
        self.files = {path.relative_to(module_folder).with_suffix("").as_posix(): path for path in paths}
        self.imports = {file: self._imports(file) for file in self.files}
        self.ours = {file: self._ours(file) for file in self.files}

    def below(self, folder: str) -> list[str]:
        return [file for file in self.files if file.startswith(f"{folder}/")]

    def named(self, dotted: str) -> str | None:
        """The file that a dotted name is, or None: ``a.b`` is a/b.py or a/b/__init__.py."""
        path = dotted.replace(".", "/")
        return next((file for file in (path, f"{path}/__init__") if file in self.files), None)

    def _ours(self, file):
        """file of ours that is imported -> the line where that is done first."""
        found = {}
        for one in self.imports[file]:
            target = self.named(one.name)
            if target not in (None, file):
                found.setdefault(target, one.line)
        return found

    def _imports(self, file):
        tree = ast.parse(self.files[file].read_text(encoding="utf-8"))
        later = {id(n) for f in ast.walk(tree) if isinstance(f, (ast.FunctionDef, ast.Lambda)) for n in ast.walk(f)}
        package = file.split("/")[:-1]
        return [
            Import(name, node.lineno, id(node) not in later)
            for node in ast.walk(tree)
            for name in self._names(node, package)
        ]

    def _names(self, node, package):
        """Dotted names one node imports.  Of ``from a import b``: a.b where that is a file, otherwise a."""
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            base = ".".join([*_start(package, node.level), *filter(None, [node.module])])
            inner = [f"{base}.{alias.name}" for alias in node.names]
            return sorted({name if self.named(name) else base for name in inner})
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "import_module"):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                bare = first.value.lstrip(".")
                return [".".join([*_start(package, len(first.value) - len(bare)), bare])]
        return []


def _start(package, level):
    return package[: len(package) - level + 1] if level else []


def complaints(module_folder: Path) -> list[str]:
    """Everything that is wrong, one sentence each; no sentence where the house stands."""
    tree = Tree(module_folder)
    checks = (arrows, corridor, foreigners, circles, loose_files, unknown_rooms, full_folders, long_files, twins, size)
    return [sentence for check in checks for sentence in check(tree)]


def news(told: list[str], known: tuple[str, ...]) -> list[str]:
    """The sentences that no pattern of ``known`` matches, and one for each pattern that matches nothing any more."""
    new = [sentence for sentence in told if not any(fnmatchcase(sentence, pattern) for pattern in known)]
    kept = [pattern for pattern in known if not any(fnmatchcase(sentence, pattern) for sentence in told)]
    return new + [f"Strike this line from NOT_YET in tools/rooms.py, it is kept now: {pattern}" for pattern in kept]


def arrows(tree: Tree) -> list[str]:
    """Imports within a building from a storey to the same or a higher one, and of data by others than its keepers."""
    told = []
    for building, rooms in ((ENGINE, house.ENGINE_ROOMS), (SLICER, house.SLICER_ROOMS)):
        storey = {room.name: room.storey for room in rooms}
        for file in tree.below(building):
            for target, line in tree.ours[file].items():
                a, b = room_of(file), room_of(target)
                if not target.startswith(f"{building}/") or a == b or not {a, b} <= storey.keys():
                    continue
                if b in house.DATA:
                    if not file.removeprefix(f"{building}/").startswith(house.DATA[b]):
                        told.append(f"{file}.py:{line} imports {target}.py: {b} is data, only {_known(b)} know it.")
                elif storey[b] >= storey[a] and (a, b) not in house.BESIDE:
                    way = "up" if storey[b] > storey[a] else "sideways"
                    told.append(f"{file}.py:{line} imports {target}.py: the arrow {a} -> {b} goes {way}.")
    return told


def corridor(tree: Tree) -> list[str]:
    """What the Slicer side knows of the engine, and the engine of the Slicer side (nothing)."""
    told = []
    allowed = tuple(f"{ENGINE}/{name}" for name in house.CORRIDOR)
    for file in tree.files:
        for target, line in tree.ours[file].items():
            if file.startswith(f"{ENGINE}/") and target.startswith(f"{SLICER}/"):
                told.append(f"{file}.py:{line} imports {target}.py: the engine never knows the Slicer side.")
            elif file.startswith(f"{SLICER}/") and target.startswith(f"{ENGINE}/"):
                if not target.startswith(allowed) and target != f"{ENGINE}/__init__":
                    told.append(
                        f"{file}.py:{line} imports {target}.py: the Slicer side knows protocol and demo.case only."
                    )
    return told


def foreigners(tree: Tree) -> list[str]:
    """Packages from outside in ``protocol``: numpy, and what is excepted by name, there within functions only."""
    told = []
    for file in tree.below(f"{ENGINE}/protocol"):
        lazily = house.PROTOCOL_MAY.get(file.removeprefix(f"{ENGINE}/"))
        for one in tree.imports[file]:
            top = one.name.split(".")[0]
            if top in sys.stdlib_module_names or top in ("numpy", ENGINE) or (top == lazily and not one.at_file_scope):
                continue
            told.append(f"{file}.py:{one.line} imports {one.name}: protocol is standard library and numpy only.")
    return told


def circles(tree: Tree) -> list[str]:
    """Circles of rooms, of folders within rooms and of files, each once, in the order in which they import.

    What lies in a room beside its folders is no folder: there circles of files tell.
    """
    told = []
    for what, node_of, deep in (("rooms", _room, 2), ("folders", folder_of, 3), ("files", str, 1)):
        graph: dict[str, set[str]] = {}
        for file, targets in tree.ours.items():
            if file.count("/") >= deep:  # all may read the version at the top
                graph.setdefault(node_of(file), set()).update(node_of(t) for t in targets if t.count("/") >= deep)
        told += [f"A circle of {what}: {' -> '.join([*ring, ring[0]])}." for ring in _rings(graph)]
    return told


def loose_files(tree: Tree) -> list[str]:
    return [
        f"{file}.py lies loose at the top of {building}: put it into a room."
        for building in (ENGINE, SLICER)
        for file in tree.below(building)
        if file.count("/") == 1 and _stem(file) not in _UNNAMED
    ]


def unknown_rooms(tree: Tree) -> list[str]:
    """Folders that tools/rooms.py does not list, and lines there without a folder."""
    listed = {f"{ENGINE}/{room.name}" for room in house.ENGINE_ROOMS} | {f"{ENGINE}/{s}" for s in house.SUB_ROOMS}
    listed |= {f"{SLICER}/{room.name}" for room in house.SLICER_ROOMS}
    there = {folder_of(f) if f.startswith(ENGINE) else _room(f) for f in tree.files if f.count("/") > 1}
    told = [f"{folder} is not in tools/rooms.py: give it a line there." for folder in sorted(there - listed)]
    return told + [f"tools/rooms.py lists {folder}, and there is none." for folder in sorted(listed - there)]


def full_folders(tree: Tree) -> list[str]:
    held = Counter(folder_of(file) for file in tree.files if _stem(file) != "__init__")
    most = house.MOST_FILES
    return [f"{name} has {n} files, at most {most}: make rooms in it." for name, n in held.items() if n > most]


def long_files(tree: Tree) -> list[str]:
    told = []
    for file, path in tree.files.items():
        most = house.MOST_LINES if file.startswith(f"{ENGINE}/") else house.MOST_LINES_SLICER
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > most:
            told.append(f"{file}.py has {lines} lines, at most {most}: split it by idea.")
    return told


def twins(tree: Tree) -> list[str]:
    """A basename twice in a building, but a verb's: one in its own room, and one in each of cli and worker."""
    told = []
    for building in (ENGINE, SLICER):
        named: dict[str, list[str]] = {}
        for file in tree.below(building):
            if _stem(file) not in _UNNAMED:
                named.setdefault(_stem(file), []).append(file)
        verbs = tuple(f"{building}/{room}/" for room in house.VERB_ROOMS) if building == ENGINE else ()
        for stem, files in named.items():
            if len([file for file in files if not file.startswith(verbs)]) > 1 or (not verbs and len(files) > 1):
                told.append(f"Several files are called {stem}.py: {', '.join(files)}.")
    return told


def size(tree: Tree) -> list[str]:
    """Rooms at a building's top, and storeys: the longest way down from room to room, by the imports."""
    told = []
    for building in (ENGINE, SLICER):
        graph: dict[str, set[str]] = {}
        for file in tree.below(building):
            if file.count("/") > 1:
                within = {room_of(t) for t in tree.ours[file] if t.startswith(f"{building}/") and t.count("/") > 1}
                graph.setdefault(room_of(file), set()).update(within)
        if len(graph) > house.MOST_ROOMS:
            told.append(f"{building} has {len(graph)} rooms, at most {house.MOST_ROOMS}.")
        if not _rings(graph) and (storeys := _storeys(graph)) > house.MOST_STOREYS:
            told.append(f"{building} has {storeys} storeys, at most {house.MOST_STOREYS}.")
    return told


def room_of(file: str) -> str:
    """``building/room/...`` -> room; a file at the top is its building's."""
    parts = file.split("/")
    return parts[1] if len(parts) > 2 else parts[0]


def _room(file):
    """A room with its building: both have a worker."""
    return f"{file.split('/')[0]}/{room_of(file)}"


def folder_of(file: str) -> str:
    return file.rpartition("/")[0]


def _stem(file):
    return file.rpartition("/")[2]


def _known(room):
    return ", ".join(house.DATA[room])


def _storeys(graph):
    deepest: dict[str, int] = {}

    def height(node):
        if node not in deepest:
            deepest[node] = 1 + max((height(n) for n in graph.get(node, ()) if n != node), default=0)
        return deepest[node]

    return max(map(height, graph), default=0)


def _rings(graph):
    """One circle for each strongly connected part: the shortest through its first member by name."""
    rings, done = [], set()
    for start in sorted(graph):
        if start in done:
            continue
        ring = _way_back(graph, start)
        if ring:
            rings.append(ring)
            done |= {node for node in graph if _reaches(graph, start, node) and _reaches(graph, node, start)}
    return rings


def _way_back(graph, start):
    """The shortest way from ``start`` to itself through others, or None."""
    ways, seen = [[start]], {start}
    for way in ways:  # grows while it is walked
        for node in sorted(graph.get(way[-1], ())):
            if node == start and len(way) > 1:
                return way
            if node not in seen:
                seen.add(node)
                ways.append([*way, node])
    return None


def _reaches(graph, start, end):
    found, todo = set(), [start]
    while todo:
        for node in graph.get(todo.pop(), ()):
            if node == end:
                return True
            if node not in found:
                found.add(node)
                todo.append(node)
    return False
