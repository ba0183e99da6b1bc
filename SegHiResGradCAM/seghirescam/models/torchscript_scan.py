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

from ..bounded import DamagedZip, member

FILES = frozenset(("from_file", "save", "load", "read_file", "write_file"))
#: libraries of operations that come with torch and torchvision and only compute
_LIBRARIES = frozenset((
    "aten", "prim", "prims", "quantized", "quantized_decomposed", "torchvision", "mkldnn", "mkldnn_prepacked", "onednn",
    "prepacked", "sparse",
))  # fmt: skip
#: bytes; a large network's code has one million
_LARGEST_CODE = 5_000_000
#: remarks, texts, numbers (which may end in a point), names; anything else is one character
_WORD = re.compile(
    rb"#[^\n]*"
    rb"|'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\""
    rb"|\.?\d[\w.]*|[A-Za-z_]\w*|\.\.\.|\\\r?\n|\S",
    re.DOTALL,
)


def code_members(archive: zipfile.ZipFile) -> list[str]:
    """Everything torch may compile: it knows no capital letters in names."""
    return [n for n in archive.namelist() if "/code/" in f"/{n}".lower() and not n.lower().endswith(".debug_pkl")]


def findings(archive: zipfile.ZipFile) -> Iterator[str]:
    """What the code does besides computing, in a few words each. Raises DamagedZip."""
    left = _LARGEST_CODE
    for name in code_members(archive):
        source = member(archive, name, _LARGEST_CODE)
        left -= len(source)
        if left < 0:
            raise DamagedZip("more code than any network has")
        yield from suspicious(source)


def suspicious(source: bytes) -> Iterator[str]:
    """The same for one file of code."""
    words = (found.group() for found in _WORD.finditer(source))
    words = [word for word in words if word[:1] not in (b"#", b"\\")]
    for place, word in enumerate(words):
        if word not in (b"torch", b"ops") or (place and words[place - 1] == b"."):
            continue
        chain = _chain(words, place)
        if len(chain) < (2 if word == b"torch" else 3):
            yield f"'{word.decode()}' under another name"
        elif word == b"ops" and chain[1] not in _LIBRARIES:
            yield f"the library '{chain[1][:60]}'"
        elif chain[-1] in FILES:
            yield f"'{chain[-1]}'"


def _chain(words, place):
    """The names joined by points from there on: two for torch, three for ops, as far as they go."""
    chain = [words[place].decode()]
    wanted = 2 if chain[0] == "torch" else 3
    while len(chain) < wanted and words[place + 1 : place + 2] == [b"."]:
        following = b"".join(words[place + 2 : place + 3])
        if not re.fullmatch(rb"[A-Za-z_]\w*", following):
            break
        chain.append(following.decode())
        place += 2
    return chain
