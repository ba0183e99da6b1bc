"""The harmless part of the ``$`` expressions in MONAI bundles, calculated without ``eval``.

MONAI gives every ``$...`` to ``eval`` (GHSA-873f-pvrv-4x83: a bundle can run anything).  Here the text is parsed, and
only literals, ``@`` references, arithmetic, comparisons, ``if``-``else``, subscripts and a few pure functions are
calculated.  Anything else raises :class:`NotData`, which says what stood there.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable

from ...protocol.untrusted import is_vast, parts_of

#: no result may have more parts, counted as often as they stand in it (or letters), nor be larger (whole numbers): a
#: few characters must not fill the memory
_LONGEST, _LARGEST, _TEXT = 10_000, 10**12, 2_000
#: steps of one expression that stands alone, and of everything in a configuration
_MOST_STEPS, ALL_STEPS = 2_000, 100_000

_BINARY = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
}  # fmt: skip
_UNARY = {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_}
_COMPARE = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip
_FUNCTIONS = {"len": len, "int": int, "float": float, "bool": bool, "abs": abs, "min": min, "max": max, "sum": sum,
              "list": list, "tuple": tuple, "round": round}  # fmt: skip
#: names of number types, handed on as words: MONAI's transforms take them
_DTYPES = {f"{lib}.{t}" for lib in ("torch", "np", "numpy") for t in (
    "float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool", "float", "half", "long",
)}  # fmt: skip

_KEYS = {f"monai.utils.{cls}.{key}": key.lower() for cls in ("CommonKeys", "enums.CommonKeys")
         for key in ("IMAGE", "LABEL", "PRED")}  # fmt: skip

#: ``@name``, ``@name::part::0``, ``@name#part`` and the relative ``@##name``
REFERENCE = re.compile(r"@(?:#|::)*[A-Za-z_]\w*(?:(?:#|::)\w+)*")


class NotData(Exception):
    """This part of the configuration says more than data; str(error) is what stood there, short."""


class Dtype(str):
    """``torch.float32`` and the like, as the words that stood in the configuration."""


class Budget:
    """What reading one configuration may still cost. spend() raises NotData when it is used up."""

    def __init__(self, left: int):
        self.left = left

    def spend(self, count: int = 1) -> None:
        self.left -= count
        if self.left < 0:
            raise NotData


def calculated(text: str, lookup: Callable[[str], object], budget: Budget | None = None) -> object:
    """The value of an expression (without its ``$``). lookup: what a reference such as ``@a::b`` stands for.

    budget: shared by the expressions of one configuration; each step costs one, and what it makes its parts by tens.
    """
    if len(text) > _TEXT:
        raise NotData(short(text))
    budget = Budget(_MOST_STEPS) if budget is None else budget
    names = {}

    def placeholder(found):
        name = f"_reference_{len(names)}_"
        names[name] = found.group(0)
        return name

    try:
        tree = ast.parse(REFERENCE.sub(placeholder, text).strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotData(short(text)) from error
    try:
        return _value(tree, names, lookup, budget)
    except NotData as error:
        raise NotData(str(error) or short(text)) from error
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError, MemoryError) as error:
        raise NotData(short(text)) from error


def short(text) -> str:
    """One line of at most 120 characters, for messages."""
    line = " ".join((text if isinstance(text, str) else "a large value" if is_vast(text, 1000) else str(text)).split())
    return line if len(line) <= 120 else line[:117] + "..."


def _value(node, names, lookup, budget):
    def of(child):
        return _value(child, names, lookup, budget)

    def _bounded(value):
        budget.spend(1 + _refuse_large(value) // 10)
        return value

    budget.spend()

    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return _bounded(value)
        case ast.Name(id=name) if name in names:
            return lookup(names[name])
        case ast.Attribute() if ast.unparse(node) in _DTYPES:
            return Dtype(ast.unparse(node))
        case ast.Attribute() if ast.unparse(node) in _KEYS:
            return _KEYS[ast.unparse(node)]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            a, b = of(left), of(right)
            if isinstance(op, ast.Mod) and isinstance(a, str):  # '%999999999d' % 1
                raise NotData
            if isinstance(op, ast.Mult):
                _refuse_long_product(a, b)
            return _bounded(_BINARY[type(op)](a, b))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return _UNARY[type(op)](of(operand))
        case ast.BoolOp(op=op, values=values):
            result = None
            for value in values:
                result = of(value)
                if bool(result) is isinstance(op, ast.Or):
                    break
            return result
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _COMPARE for op in ops):
            value = of(left)
            for op, other in zip(ops, others, strict=True):
                following = of(other)
                if not (_is_plain(_bounded(value)) and _is_plain(_bounded(following))):
                    raise NotData
                if not _COMPARE[type(op)](value, following):
                    return False
                value = following
            return True
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return of(body) if of(test) else of(orelse)
        case ast.List(elts=elements):
            return _bounded([of(e) for e in elements])
        case ast.Tuple(elts=elements):
            return _bounded(tuple(of(e) for e in elements))
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return _bounded({of(k): of(v) for k, v in zip(keys, values, strict=True)})
        case ast.Subscript(value=value, slice=ast.Slice(lower=low, upper=high, step=step)):
            return _bounded(of(value))[slice(*(None if part is None else of(part) for part in (low, high, step)))]
        case ast.Subscript(value=value, slice=index):
            return of(value)[of(index)]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            given = [_bounded(of(a)) for a in arguments]
            if name == "round" and len(given) > 1 and not abs(int(given[1])) <= 20:  # it makes 10 to that power
                raise NotData
            return _bounded(_FUNCTIONS[name](*given))
        case ast.Call(func=ast.Attribute(value=owner, attr="to" | "eval" | "cpu" | "cuda")) if _is_reference(
            owner, names
        ):
            return of(owner)  # where a network lives is our business
    raise NotData


def _is_reference(node, names):
    return isinstance(node, ast.Name) and node.id in names


def _is_plain(value):
    """Whether nothing in it compares by a rule of its own, which may go through everything once more."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, (list, tuple, dict)):
            todo += item.values() if isinstance(item, dict) else item
        elif not (item is None or isinstance(item, (str, int, float))):
            return False
    return True


def _refuse_long_product(a, b):
    for sequence, count in ((a, b), (b, a)):
        if isinstance(sequence, (str, list, tuple)) and len(sequence) * max(0, int(count)) > _LONGEST:
            raise NotData


def _refuse_large(value) -> int:
    """How many parts a result has. Raises NotData."""
    size = len(value) if isinstance(value, str) else parts_of(value, _LONGEST)
    if size > _LONGEST or (isinstance(value, int) and abs(value) > _LARGEST):
        raise NotData
    return size
