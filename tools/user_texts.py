"""The texts of the Slicer side that a user sees: those that are wrapped by ``_()``, and literals that should be.

Standard library only; nothing is imported of what is read.  A literal counts as a user's text when it reads as words:
two of them, or a sentence's end.  What looks like it and is none (a key, a file's format, another program's words) has
``# no tr`` on its line, or on the line that opens the brackets around it, as ``/*no tr*/`` says it in Slicer's C++.
"""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULE = ROOT / "SegHiResGradCAM"
#: what translates: ``_(text)`` by the file's own context, ``translate(context, text)``
TR, TRANSLATE = "_", "translate"
NOT_TRANSLATED = "# no tr"
_WORDS = re.compile(r"[A-Za-z]{2,}[,.:;]? +[A-Za-z({]|[A-Za-z}] [a-z]{2,}|[a-z]{3,}\.(\s|$)|^[A-Z][a-z]+(\.\.\.|:)\s*$")
#: whoever calls these talks to programmers, or to Qt
_INTERNAL = set(
    "TypeError ValueError KeyError RuntimeError AttributeError IndexError AssertionError NotImplementedError OSError "
    "connect compile invoke getattr setattr".split()
)
#: calls whose first words are keys
_KEYED = {"Job", "jobFor"}
#: calls that show their arguments from that one on: there a single word is a text, too
_SHOWING = {"Option": 1, "say": 1, "tip": 1, "set": 2, "setUsers": 2, "addTable": 1}
_WORD = re.compile(r"^&?[A-Z][a-z&]+:?$")
_LOGGING = {"debug", "info", "warning", "error", "exception", "critical"}


@dataclass(frozen=True)
class Text:
    """context: of the translation.  file: below the module's folder."""

    context: str
    text: str
    file: str
    line: int


def sources() -> list[Path]:
    """The Python files of the Slicer side."""
    return [MODULE / "SegHiResGradCAM.py", *sorted((MODULE / "SegHiResGradCAMLib").rglob("*.py"))]


def forms() -> list[Path]:
    return sorted((MODULE / "Resources" / "UI").glob("*.ui"))


def context_of(path: Path) -> str:
    """As slicer.i18n.getContext: the folder's name too, where it is a package."""
    return f"{path.parent.name}.{path.stem}" if (path.parent / "__init__.py").exists() else path.stem


def wrapped(path: Path) -> list[Text]:
    """In the file's order. Raises ValueError for a call whose words cannot be known before it runs."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        name = node.func.id
        if name not in (TR, TRANSLATE):
            continue
        words = node.args if name == TRANSLATE else [ast.Constant(context_of(path)), *node.args]
        if len(words) != 2 or not all(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in words):
            raise ValueError(f"{path.name}:{node.lineno}: {name}() takes literal texts only")
        found.append(Text(words[0].value, words[1].value, path.relative_to(MODULE).as_posix(), node.lineno))
    return sorted(found, key=lambda one: one.line)


def unwrapped(path: Path) -> list[Text]:
    """Literals that read as words and are not translated."""
    source = path.read_text(encoding="utf-8")
    return [
        Text(context_of(path), template(node), path.relative_to(MODULE).as_posix(), node.lineno)
        for node in literals(source)
    ]


def literals(source: str) -> Iterator[ast.Constant | ast.JoinedStr]:
    """The nodes of literals that read as words and are not translated."""
    tree, lines = ast.parse(source), source.splitlines()
    skipped: set[int] = set()
    shown: set[int] = set()
    for node in ast.walk(tree):
        skipped |= {id(part) for part in _not_for_users(node)}
        shown |= {id(part) for part in _shown(node)}
        if isinstance(node, (ast.Tuple, ast.List, ast.Set, ast.Dict)) and NOT_TRANSLATED in lines[node.lineno - 1]:
            skipped |= {id(part) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in skipped or not isinstance(node, (ast.Constant, ast.JoinedStr)):
            continue
        marked = any(NOT_TRANSLATED in lines[n - 1] for n in range(node.lineno, (node.end_lineno or node.lineno) + 1))
        words = template(node)
        if not marked and (_WORDS.search(words) or (id(node) in shown and _WORD.match(words))):
            yield node


def template(node: ast.Constant | ast.JoinedStr) -> str:
    """The literal's text; of an f-string with {} for what is put in, "" for what is no text."""
    if isinstance(node, ast.JoinedStr):
        return "".join(one.value if isinstance(one, ast.Constant) else "{}" for one in node.values)
    return node.value if isinstance(node.value, str) else ""


def _shown(node: ast.AST) -> Iterator[ast.AST]:
    """Of one node: literals within it that stand where a user reads them."""
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in _SHOWING:
            yield from (part for one in node.args[_SHOWING[name] :] for part in ast.walk(one))
    elif isinstance(node, ast.FunctionDef) and node.name.lower().endswith("text"):
        yield from (part for one in ast.walk(node) if isinstance(one, ast.Return) for part in ast.walk(one))
    elif isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("Choice") for base in node.bases):
        for one in node.body:
            if isinstance(one, ast.Assign) and isinstance(one.value, ast.Tuple):
                yield from one.value.elts[1:]


def _not_for_users(node: ast.AST) -> Iterator[ast.AST]:
    """Of one node: what within it is translated already, a docstring, a key, a fragment, or for programmers."""
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in (TR, TRANSLATE):
            yield from (part for one in node.args for part in ast.walk(one))
        if name in _KEYED:
            yield from node.args[:1]
        logs = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) in ("logging", "re", "slicer.util")
        if name in _INTERNAL or (logs and (name in _LOGGING or ast.unparse(node.func.value) == "re")):
            yield from (part for one in node.args for part in ast.walk(one))
    elif isinstance(node, ast.ClassDef) and node.name.endswith("Test"):
        yield from ast.walk(node)
    elif isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr):
            yield first.value
    elif isinstance(node, ast.JoinedStr):  # told as a whole
        yield from (one for one in node.values if isinstance(one, ast.Constant))
        for one in node.values:
            if isinstance(one, ast.FormattedValue) and one.format_spec is not None:
                yield from ast.walk(one.format_spec)
    elif isinstance(node, ast.Compare):
        yield from (one for one in (node.left, *node.comparators) if isinstance(one, ast.Constant))
    elif isinstance(node, ast.Subscript):
        yield from ast.walk(node.slice)
    elif isinstance(node, ast.Dict):
        yield from (one for one in node.keys if one is not None)
    elif isinstance(node, (ast.AnnAssign, ast.arg)) and node.annotation is not None:
        yield from ast.walk(node.annotation)


def of_form(path: Path) -> list[Text]:
    """What Qt translates of a .ui file: each <string> that is not empty and not marked notr."""
    tree = ElementTree.parse(path)
    context, file = tree.findtext("class") or "", path.relative_to(MODULE).as_posix()
    fixed = {one for held in tree.iter("stringlist") if held.get("notr") == "true" for one in held.iter("string")}
    found = [one for one in tree.iter("string") if one not in fixed and one.get("notr") != "true" and one.text]
    return [Text(context, one.text or "", file, 0) for one in found]
