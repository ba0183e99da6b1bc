"""What a program file would import or compile if it were loaded: read off the bytes, nothing is unpickled or run.

``torch.export.load`` falls back to unrestricted pickle for the sample inputs, unpickles weights marked as pickled,
evaluates size expressions with sympy, imports modules that the shapes of inputs and outputs name and starts machine
code packed beside the graph.  So every pickle in the zip file (zip files within it too) may name globals of a short
list only, every expression, operator and shape of the graph must be of the forms torch.export writes, and whatever is
neither text, raw numbers nor a pickle is refused.  What is raw numbers is decided as torch decides it
(:mod:`exported_parts`), and what torch gets in the end is a copy without pickles of strangers: the scan refuses early
and says why, the copy is what can be relied on.  Standard library only.
"""

from __future__ import annotations

import ast
import hashlib
import pickletools
import re
import zipfile
import zlib

from ...protocol.errors import ModelError
from ...protocol.untrusted import LARGEST_GRAPH, json_value, member, opened_zip
from .exported_parts import Layout

#: enough to rebuild tensors; none of them calls what it is given
ALLOWED = frozenset(
    {
        "collections.OrderedDict", "torch.Size", "torch.device", "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter", "torch.storage.UntypedStorage",
        *(f"torch.{kind}Storage" for kind in (
            "Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")),
        *(f"torch.{kind}" for kind in (
            "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")),
    }
)  # fmt: skip
UNRESOLVED = "a name computed while loading"
#: of all pickles in a file; a thousand weights take some twenty thousand
_MOST_STEPS = 400_000

#: containers a program takes and returns
_TREES = frozenset(
    {"builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict", "torch.Size"}
    | {f"torch.fx.immutable_collections.immutable_{kind}" for kind in ("dict", "list")}
)

_MARK = object()
_TEXT = re.compile(
    r"(^|/)(byteorder|version|archive_format|archive_version|\.format_version|\.storage_alignment)$"
    r"|(^|/)\.data/(version|serialization_id)$|(^|/)extra/[^/]+$|\.json$"
)
#: in a file of torch.save, and as torch.export writes weights that are not pickled
_NUMBERS = re.compile(r"(^|/)data/\d+$")
_OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims|quantized|quantized_decomposed|torchvision)"
    r"\.(?!from_file)([a-z]\w*|_[a-z]\w*|__i?(and|or|xor|lshift|rshift)__)\.[A-Za-z]\w*"
    r"|torch\.ops\.higher_order\.[a-z]\w*|torch\.sym_\w+|math\.[a-z]\w*"
    r"|_operator\.(getitem|add|sub|mul|floordiv|truediv|mod|neg|pos|pow|eq|ne|lt|le|gt|ge|and_|or_|not_|abs)|"
)
_DOTTED = re.compile(r"[\w.]*")
_SYMBOLIC = frozenset(
    "Mul Add Pow Integer Rational Float Symbol Max Min Mod Eq Ne Equality Unequality StrictGreaterThan StrictLessThan "
    "GreaterThan LessThan And Or Not Piecewise ExprCondPair FloorDiv ModularIndexing Where PythonMod CleanDiv "
    "CeilToInt FloorToInt CeilDiv LShift RShift PowByNatural FloatPow FloatTrueDiv IntTrueDiv TruncToFloat TruncToInt "
    "IsNonOverlappingAndDenseIndicator RoundToInt RoundDecimal ToFloat Identity Abs floor ceiling".split()
)


def named_globals(data: bytes, left: list[int] | None = None) -> set[str]:
    """``module.name`` of everything a pickle would import; UNRESOLVED where that cannot be told.

    Follows stack and memo, so that names fetched from the memo are seen.  Raises ValueError for what is no pickle,
    holds anything behind its end, or has more steps than ``left`` holds (which is counted down).
    """
    found, stack, memo, end = set(), [], {}, None
    left = [_MOST_STEPS] if left is None else left

    def pop():
        return stack.pop() if stack else None

    for opcode, argument, position in pickletools.genops(data):
        name, end = opcode.name, position
        left[0] -= 1
        if left[0] < 0:
            raise ValueError("the pickle is too long")
        if name in ("GLOBAL", "INST"):
            found.add(str(argument).replace(" ", ".", 1))
        elif name.startswith("EXT"):
            found.add(UNRESOLVED)
        if name == "STACK_GLOBAL":
            last, module = pop(), pop()
            both = isinstance(last, str) and isinstance(module, str)
            found.add(f"{module}.{last}" if both else UNRESOLVED)
            stack.append(None)
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            key = len(memo) if name == "MEMOIZE" else int(argument)
            memo[key] = stack[-1] if stack else None
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo.get(int(argument)))
        elif name == "DUP":
            stack.append(stack[-1] if stack else None)
        elif name == "MARK":
            stack.append(_MARK)
        else:
            taken = opcode.stack_before
            if pickletools.markobject in taken:
                while stack and pop() is not _MARK:
                    pass
                taken = taken[: taken.index(pickletools.markobject)]
            for _ in taken:
                pop()
            text = isinstance(argument, str) and "UNICODE" in name
            stack += [argument if text else None] * len(opcode.stack_after)
    if end is None or end + 1 != len(data):
        raise ValueError("something follows the end of the pickle")
    return found


def opened(content: bytes, name: str, whole: bool = False) -> zipfile.ZipFile:
    """The zip file of a program; raises ModelError for damaged ones and those that other readers see otherwise.

    whole: check every byte, not only the list of members.
    """
    try:
        archive = opened_zip(content)
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        plain = content[:4] == b"PK\x03\x04" and content[-22:-18] == b"PK\x05\x06" and not archive.comment
        # torch's reader knows no capital letters: of two names that differ in nothing else it takes either
        plain = plain and len({n.lower() for n in names}) == len(names) and not any("\\" in n for n in names)
        plain = plain and min(entry.header_offset for entry in entries) == 0
        # torch writes its members as they are: small files that unpack to huge ones are none of its
        plain = plain and sum(entry.file_size for entry in entries) <= 10 * len(content)
        # what two readers could see in two ways is no program file torch has written
        if not plain or any(entry.flag_bits & 1 or entry.compress_type not in (0, 8) for entry in entries):
            raise zipfile.BadZipFile
        if whole and archive.testzip() is not None:
            raise zipfile.BadZipFile
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError, RuntimeError, zlib.error) as error:
        raise damaged(content, name) from error
    return archive


def damaged(content: bytes, name: str) -> ModelError:
    digest = hashlib.sha256(content).hexdigest()[:12]
    return ModelError(
        f"The program file '{name}' is damaged ({len(content)} bytes, SHA-256 {digest}).",
        "Copy or save it again.",
        bytes=len(content),
    )


def scan(content: bytes, name: str, allowed: frozenset[str] = ALLOWED) -> None:
    """Refuse a torch.export file that could run more than its graph. Raises ModelError naming what was found."""
    archive = opened(content, name)
    try:
        found = sorted(_findings(archive, "", allowed, 0, [_MOST_STEPS]))
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, RuntimeError, NotImplementedError, zlib.error) as error:
        raise damaged(content, name) from error
    if found:
        raise ModelError(
            f"The file '{name}' holds more than a program: {'; '.join(found[:5])}{'; ...' if len(found) > 5 else ''}. "
            "It was not opened.",
            "Ask its author for a file that torch.export.save wrote, with plain tensors as sample inputs.",
            findings=len(found),
        )


def _findings(archive, where, allowed, depth, left):
    names = archive.namelist()
    raw, pickled, graph = frozenset(), frozenset(), ""
    if depth == 0:
        try:
            layout = Layout.of(archive)
        except ValueError as error:
            yield str(error)
            return
        raw, pickled, graph = layout.raw, layout.pickled, layout.graph
        yield from layout.findings
    for name in names:
        if name.endswith("/"):
            continue
        label = f"{where}{name.rsplit('/', 1)[-1]}"
        if "/aotinductor/" in f"/{name}".lower():
            yield f"machine code ({label})"
        elif name in pickled:
            yield from _pickled(archive.read(name), label, allowed, depth, left)
        elif name == graph:
            yield from _foreign_words(member(archive, name, LARGEST_GRAPH), label)
        elif _TEXT.search(name):
            continue  # what torch does not read stays behind
        elif name not in raw and not (depth and _NUMBERS.search(name)):
            yield from _pickled(archive.read(name), label, allowed, depth, left)


def _pickled(data, label, allowed, depth, left):
    if data[:4] == b"PK\x03\x04":
        if depth >= 3:
            yield f"zip files within zip files ({label})"
            return
        try:
            inner = opened(data, label)
        except ModelError:
            yield f"a damaged zip file ({label})"
            return
        yield from _findings(inner, f"{label}/", allowed, depth + 1, left)
        return
    if not data:
        return
    try:
        found = named_globals(data, left)
    except Exception:  # pickletools raises whatever the bytes lead to
        yield f"bytes that are no numbers, text or pickle ({label})"
        return
    yield from (f"{what} ({label})" for what in sorted(found - allowed))


def _foreign_words(data, label):
    """Operators, names and size expressions of the graph that torch.export would not write."""
    try:
        todo = [json_value(data)]
    except ValueError:
        yield f"a damaged description ({label})"
        return
    while todo:
        item = todo.pop()
        if isinstance(item, list):
            todo += item
        elif isinstance(item, dict):
            for key, value in item.items():
                if key == "metadata":
                    continue
                if key == "range_constraints" and isinstance(value, dict):
                    yield from (f"the expression {e!r} ({label})" for e in value if not _is_size(e))
                if not isinstance(value, str):
                    todo.append(value)
                elif key.endswith("_spec") and not _is_tree(value):
                    yield f"the shape {value[:80]!r} ({label})"
                elif key in ("target", "as_operator") and not _OPERATOR.fullmatch(value):
                    yield f"the operator {value[:80]!r} ({label})"
                elif key == "expr_str" and not _is_size(value):
                    yield f"the expression {value[:80]!r} ({label})"
                elif (key == "name" or key.endswith("_name")) and not _DOTTED.fullmatch(value):
                    yield f"the name {value[:80]!r} ({label})"


def _is_tree(text):
    """Whether the shape of inputs or outputs is made of tuples, lists and dicts.

    torch imports what a default dict or an enumeration in there names.
    """
    if text == "":
        return True
    try:
        todo = [json_value(text.encode())[1]]
        while todo:
            spec = todo.pop()
            if spec["type"] is not None and spec["type"] not in _TREES:
                return False
            context = spec["context"]
            context = json_value(context.encode()) if isinstance(context, str) and spec["type"] else context
            if _has_object(context):
                return False
            todo += spec["children_spec"]
    except (ValueError, TypeError, LookupError, AttributeError):
        return False
    return True


def _has_object(value):
    if isinstance(value, list):
        return any(_has_object(item) for item in value)
    return isinstance(value, dict)


def _is_size(text):
    """Whether an expression only computes with sizes: it is read by sympy, which evaluates what it is given."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    heads = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            known = node.id in _SYMBOLIC if id(node) in heads else re.fullmatch(r"[a-z]{1,3}\d+|_[a-z0-9]+", node.id)
            if not known and node.id not in _SYMBOLIC | {"true", "false", "oo", "int_oo"}:
                return False
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str) and not re.fullmatch(r"[\w.+-]{1,40}", node.value):
                return False
        elif isinstance(node, ast.Call):
            if not isinstance(node.func, ast.Name) or not all(isinstance(k.value, ast.Constant) for k in node.keywords):
                return False
        elif not isinstance(
            node,
            (ast.Expression, ast.keyword, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.operator, ast.unaryop,
             ast.cmpop, ast.boolop, ast.expr_context),
        ):  # fmt: skip
            return False
    return True
