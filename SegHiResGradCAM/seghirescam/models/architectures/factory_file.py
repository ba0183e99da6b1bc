"""What a Python file that builds a network says without being run: its functions and classes, and what they ask for."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from ...protocol.errors import ModelError
from ...protocol.untrusted import content, named
from ..weights.tensor_table import TensorTable

#: how people call the number of input and output channels
_CHANNELS = "_?(c|ch|chan|channel|channels)"
_IN = re.compile(rf"(n_?|num_?)?(in|input){_CHANNELS}|n_channels|num_channels|channels_in|img_ch")
_OUT = re.compile(rf"(n_?|num_?)?(out|output){_CHANNELS}|(n|num)_?(class|classes|labels)|channels_out")
_LARGEST = 5_000_000


@dataclass(frozen=True)
class Builder:
    """name: of the function or class.  needed, optional: its arguments without and with a default.  is_class."""

    name: str
    needed: tuple[str, ...]
    optional: tuple[str, ...]
    is_class: bool
    parts: frozenset[str] = frozenset()

    def channel_arguments(self, in_channels: int | None, out_channels: int | None) -> dict:
        """The arguments that say the number of channels, filled in from the weights."""
        told = {}
        for word in (*self.needed, *self.optional):
            if in_channels and _IN.fullmatch(word):
                told[word] = in_channels
            elif out_channels and _OUT.fullmatch(word):
                told[word] = out_channels
        return told


def builders(path: str | Path) -> list[Builder]:
    """All functions and network classes at the top of a file, in its order. Raises ModelError for what is no Python."""
    try:
        tree = ast.parse(content(path, _LARGEST, "Python file"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        raise ModelError(f"'{named(path)}' is no Python file that can be read{line}.", "Correct it.") from error
    found = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found.append(Builder(node.name, *_arguments(node, skip=0), False))
        elif isinstance(node, ast.ClassDef) and any("Module" in ast.unparse(base) for base in node.bases):
            init = next((f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"), None)
            told = _arguments(init, skip=1) if init else ((), ())
            found.append(Builder(node.name, *told, True, frozenset(_parts(node))))
    return found


def likeliest(found: list[Builder], table: TensorTable) -> Builder | None:
    """``build``, else the class whose parts are what the weights' names begin with, else the only function."""
    for one in found:
        if one.name == "build":
            return one
    tops = [{name.partition(".")[0] for name in part.shapes} for _, part in table.unwrapped()]
    best = max(found, key=lambda one: max(_fit(one.parts, top) for top in tops), default=None)
    if best and max(_fit(best.parts, top)[0] for top in tops) > 0.5:
        return best
    functions = [one for one in found if not one.is_class and one.parts == frozenset()]
    callers = [one for one in functions if re.search(r"build|make|create|get|net|model", one.name.lower())]
    return callers[0] if len(callers) == 1 else None


def _fit(parts, top):
    """(share of the weights' first names that are parts of a class, how alike both are)"""
    both = len(parts & top)
    return both / max(len(top), 1), both / max(len(parts | top), 1)


def _arguments(node, skip):
    """(names without a default, names with one)"""
    plain = [a.arg for a in (*node.args.posonlyargs, *node.args.args)][skip:]
    defaults = len(node.args.defaults)
    needed, optional = plain[: len(plain) - defaults], plain[len(plain) - defaults :]
    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        (needed if default is None else optional).append(argument.arg)
    return tuple(needed), tuple(optional)


def _parts(node):
    """Names set on ``self`` in the class: its parts may be among them."""
    for inner in ast.walk(node):
        if isinstance(inner, (ast.Assign, ast.AnnAssign)):
            for target in inner.targets if isinstance(inner, ast.Assign) else [inner.target]:
                if (
                    isinstance(target, ast.Attribute)
                    and isinstance(target.value, ast.Name)
                    and target.value.id == "self"
                ):
                    yield target.attr
