"""Whether TorchScript code touches files: its words are looked at as torch's own compiler takes them apart.

torch finds the code of a program whatever the capitals in its folder's name, joins lines, skips remarks, and lets a
function or ``torch`` itself be handed on under another name.  So whatever stands below ``code/`` is split into words,
and two rules are kept: ``torch`` and ``ops`` are followed by the name of an operation at once, and no such operation
reads or writes files or belongs to a library we do not know.  Custom C++ classes are not looked at; the question
before opening promises nothing: the program runs with all the user's rights.  Standard library only.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator

from ...protocol.untrusted import DamagedZip, member

FILES = frozenset(("from_file", "save", "load", "read_file", "write_file"))
#: libraries of operations that come with torch and torchvision and only compute
_LIBRARIES = frozenset((
    "aten", "prim", "prims", "quantized", "quantized_decomposed", "torchvision", "mkldnn", "mkldnn_prepacked", "onednn",
    "prepacked", "sparse",
))  # fmt: skip
#: bytes; a large network's code has some hundred thousand
_LARGEST_CODE = 3_000_000
#: remarks, texts and joined lines: between two words they are worth a space; the groups: texts that do not end
_BLANK = re.compile(
    rb"#[^\n]*+"
    rb"|'''(?:\\.|(?!''')[^\\])*+(?:'''|())|\"\"\"(?:\\.|(?!\"\"\")[^\\])*+(?:\"\"\"|())"
    rb"|'(?:\\.|[^'\\\n])*+(?:'|())|\"(?:\\.|[^\"\\\n])*+(?:\"|())"
    rb"|\\\r?\n",
    re.DOTALL,
)
_HEAD = re.compile(rb"(?<!\w)(?:torch|ops)(?!\w)")
_PART = re.compile(rb"\s*\.\s*([A-Za-z_]\w*)")
_WORD_OR_POINT = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."


def code_members(archive: zipfile.ZipFile) -> list[str]:
    """Everything torch may compile: it knows no capital letters in names."""
    return [n for n in archive.namelist() if "/code/" in f"/{n}".lower() and not n.lower().endswith(".debug_pkl")]


def findings(archive: zipfile.ZipFile) -> Iterator[str]:
    """What the code does besides computing, in a few words each. Raises DamagedZip."""
    names = code_members(archive)
    if sum(archive.getinfo(name).file_size for name in names) > _LARGEST_CODE:
        raise DamagedZip("more code than any network has")
    for name in names:
        yield from suspicious(member(archive, name, _LARGEST_CODE))


def suspicious(source: bytes) -> Iterator[str]:
    """The same for one file of code."""
    endless = set()

    def blank(found):
        endless.add(bool(found.lastindex))
        return b" "

    text = _BLANK.sub(blank, source)
    if True in endless:
        yield "a text without an end"
    for found in _HEAD.finditer(text):
        word, place = found.group().decode(), found.end()
        if _is_attribute(text[max(0, found.start() - 200) : found.start()].rstrip()):
            continue
        wanted = 2 if word == "torch" else 3
        chain = [word]
        while len(chain) < wanted and (part := _PART.match(text, place)):
            chain.append(part.group(1).decode())
            place = part.end()
        if len(chain) < wanted:
            yield f"'{word}' under another name"
        elif word == "ops" and chain[1] not in _LIBRARIES:
            yield f"the library '{chain[1][:60]}'"
        elif chain[-1] in FILES:
            yield f"'{chain[-1]}'"


def _is_attribute(before):
    """Whether a word follows a point that joins it to what stands there; not one of a number, or of three dots."""
    last = before[len(before.rstrip(_WORD_OR_POINT)) :]
    return last.endswith(b".") and not last.endswith(b"...") and not last[:-1].rpartition(b".")[2][:1].isdigit()
