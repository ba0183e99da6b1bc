"""What ``torch.export.load`` takes out of a program file, part by part, and a copy that holds nothing else.

The layout is torch's own (export/pt2_archive/_package.py and export/__init__.py of 2.13, back to the format of 2.7):
which member is unpickled, which is raw numbers, which is a table is decided by the tables torch itself reads, not by
any other JSON that lies in the archive.  :func:`copied` writes a new archive of graph and weights: sample inputs are
left out, whatever was pickled has been read as data only (weights_only) and written anew, tables and names are our own.
So what torch unpickles without restriction is never a byte of the file.  :class:`Layout` needs the standard library
only.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass

from ...protocol.errors import ModelError
from ...protocol.untrusted import LARGEST_GRAPH, json_value, member, short

#: the one program torch.export.load returns
_MODEL = "model"
_GRAPH, _SAMPLES = f"models/{_MODEL}.json", f"data/sample_inputs/{_MODEL}.pt"
_OLD_GRAPH = "serialized_exported_program.json"
_OLD_PICKLES = ("serialized_state_dict", "serialized_constants", "serialized_example_inputs")
#: (folder, table, the earlier format's one pickle)
_TABLES = tuple(
    (f"data/{what}/", f"data/{what}/{_MODEL}_{what}_config.json", f"data/{what}/{_MODEL}.pt")
    for what in ("weights", "constants")
)
#: short texts about the archive itself
_ABOUT = (
    "archive_format", "archive_version", "byteorder", "version", ".data/version", ".data/serialization_id",
    ".format_version", ".storage_alignment",
)  # fmt: skip
_PLAIN = re.compile(r"[A-Za-z0-9_][\w.-]*")
_OBJECTS = ("custom_obj_", "opaque_obj_")


@dataclass(frozen=True)
class Layout:
    """root: of all names, with its slash ("" in the format of 2.7).  graph: full name of the graph's JSON.

    tables: full name -> entries.  raw: full names of raw numbers.  pickled: full names of what is unpickled.
    findings: what no program of ours may hold.
    """

    root: str
    graph: str
    tables: dict[str, dict]
    raw: frozenset[str]
    pickled: frozenset[str]
    findings: tuple[str, ...]

    @staticmethod
    def of(archive: zipfile.ZipFile) -> Layout:
        """Raises DamagedZip, ValueError for tables nobody can read."""
        names = archive.namelist()
        if _OLD_GRAPH in names:
            pickled = frozenset(n for n in names if n.removesuffix(".pt").removesuffix(".json") in _OLD_PICKLES)
            return Layout("", _OLD_GRAPH, {}, frozenset(), pickled, ())
        root = names[0].partition("/")[0] + "/" if names else ""
        tables, raw, pickled, findings = {}, set(), {root + _SAMPLES}, []
        for folder, table, legacy in _TABLES:
            if root + legacy in names:
                pickled.add(root + legacy)
            elif root + table in names:
                tables[root + table] = entries = _entries(member(archive, root + table))
                for entry in entries.values():
                    name = entry["path_name"]
                    if not _PLAIN.fullmatch(name) or name.startswith(_OBJECTS) or root + folder + name not in names:
                        findings.append(f"a weight that is none ({short(name, 60)})")
                    (pickled if entry["use_pickle"] else raw).add(root + folder + name)
        graph = root + _GRAPH if root + _GRAPH in names else ""
        # what is both is unpickled
        return Layout(root, graph, tables, frozenset(raw - pickled), frozenset(pickled), tuple(findings))


def no_graph(name: str) -> ModelError:
    return ModelError(
        f"'{name}' holds no graph of torch.export.",
        "Compiled packages cannot be explained; save the program itself: torch.export.save(program, path).",
    )


def _entries(data):
    """The table's entries with ``use_pickle`` as torch takes it: anything that is not false."""
    found = json_value(data)
    try:
        return {
            str(key): {**entry, "path_name": _text(entry["path_name"]), "use_pickle": bool(entry["use_pickle"])}
            for key, entry in found["config"].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("a table of weights that nobody can read") from error


def _text(value):
    if not isinstance(value, str):
        raise TypeError
    return value


def copied(archive: zipfile.ZipFile, name: str) -> bytes:
    """A program file of graph and weights alone. Raises ModelError, DamagedZip, ValueError; needs torch."""
    layout = Layout.of(archive)
    if layout.findings:
        raise ModelError(f"The file '{name}' holds {layout.findings[0]}. It was not opened.", "Export it again.")
    if not layout.graph:
        raise no_graph(name)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        (_copy if layout.root else _copy_old)(archive, target, layout, name)
    return out.getvalue()


def _copy(archive, target, layout, name):
    for text in _ABOUT:
        if layout.root + text in archive.namelist():
            target.writestr(f"archive/{text}", member(archive, layout.root + text, 1000))
    target.writestr(f"archive/{_GRAPH}", _graph(member(archive, layout.graph, LARGEST_GRAPH)))
    target.writestr(f"archive/{_SAMPLES}", b"")
    for folder, table, legacy in _TABLES:
        if layout.root + legacy in layout.pickled:
            target.writestr(f"archive/{legacy}", _as_data(archive.read(layout.root + legacy), name))
            continue
        entries = layout.tables.get(layout.root + table, {})
        target.writestr(f"archive/{table}", json.dumps({"config": entries}))
        for path in sorted({entry["path_name"] for entry in entries.values()}):
            data = archive.read(layout.root + folder + path)
            pickled = layout.root + folder + path in layout.pickled
            target.writestr(f"archive/{folder}{path}", _as_data(data, name) if pickled else data)


def _copy_old(archive, target, layout, name):
    names = archive.namelist()
    if "version" in names:
        target.writestr("version", member(archive, "version", 1000))
    target.writestr(_OLD_GRAPH, _graph(member(archive, _OLD_GRAPH, LARGEST_GRAPH)))
    for stem in _OLD_PICKLES:
        held = next((n for n in (f"{stem}.pt", f"{stem}.json") if n in layout.pickled), None)
        needed = held is not None and stem != "serialized_example_inputs"
        target.writestr(f"{stem}.pt", _as_data(archive.read(held), name) if needed else b"")


def _graph(data):
    """The graph without the code of its guards, which nobody needs to run it."""
    graph = json_value(data)
    return json.dumps({**graph, "guards_code": []}) if isinstance(graph, dict) and graph.get("guards_code") else data


def _as_data(data, name):
    """What a torch.save file holds, read as tensors and plain values only and saved again."""
    import torch

    from .state import SAFE_TORCH

    if not data:
        return data
    if tuple(int(n) for n in re.findall(r"\d+", torch.__version__)[:2]) < SAFE_TORCH:
        raise ModelError(
            f"PyTorch {torch.__version__} can run code from pickled weights; '{name}' was not opened.",
            "Install PyTorch 2.10 or newer.",
        )
    out = io.BytesIO()
    try:
        torch.save(torch.load(io.BytesIO(data), map_location="cpu", weights_only=True), out)
    except Exception as error:  # torch raises whatever the bytes lead to
        raise ModelError(
            f"The file '{name}' holds more than a program: weights that are Python objects. It was not opened.",
            "Ask its author for a file that torch.export.save wrote.",
        ) from error
    return out.getvalue()
