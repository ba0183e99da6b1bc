"""The part of the Extensions Index's review of the sources that a program can do: imports, file scope, pip, network."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

#: what a file that Slicer imports may itself import at file scope
SLICER_PROVIDES = {"slicer", "vtk", "qt", "ctk", "SimpleITK", "numpy", "scipy", "sitkUtils", "teem", "mrml"}
NETWORK = {"requests", "urllib.request", "http", "ftplib", "socket", "smtplib", "httpx", "aiohttp", "urllib3"}
BUILDINGS = ("SegHiResGradCAMLib", "seghirescam")

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (ast.Import, ast.ImportFrom, *_FUNCTIONS, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Pass)


def foreign_imports(module_folder: Path) -> list[str]:
    """File-scope imports of anything but the standard library, Slicer, vtk, SimpleITK, numpy and scipy."""
    allowed = {*sys.stdlib_module_names, *SLICER_PROVIDES, *BUILDINGS}
    complaints = []
    for path in reached_at_import(module_folder):
        for name in imports(path, module_folder, file_scope_only=True):
            if name.split(".")[0] not in allowed:
                complaints.append(f"{path.relative_to(module_folder)} imports {name}")
    return complaints


def reached_at_import(module_folder: Path) -> list[Path]:
    """The module file, its library, and every engine file that importing them loads."""
    found = [path for path in (module_folder / "SegHiResGradCAM.py",) if path.exists()]
    found += sorted((module_folder / "SegHiResGradCAMLib").rglob("*.py"))
    for path in found:
        for name in imports(path, module_folder, file_scope_only=True):  # found grows while it is walked
            if name.split(".")[0] in BUILDINGS:
                found += [file for file in files_of(name, module_folder) if file not in found]
    return found


def code_at_file_scope(module_folder: Path) -> list[str]:
    """Statements that do something on import: all but docstrings, imports, definitions and constants."""
    complaints = []
    for path in reached_at_import(module_folder):
        for statement in parse(path).body:
            if not _only_defines(statement):
                complaints.append(f"{path.relative_to(module_folder)}:{statement.lineno} runs code on import")
    return complaints


def torch_by_pip(module_folder: Path) -> list[str]:
    """Calls that would install torch by pip instead of leaving it to the PyTorch extension."""
    complaints = []
    for path in sorted(module_folder.rglob("*.py")):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Call) and _called(node) in {"pip_install", "pip_ensure"}:
                texts = [text for argument in [*node.args, *node.keywords] for text in strings(argument)]
            elif isinstance(node, (ast.List, ast.Tuple)) and {"pip", "install"} <= set(strings(node)):
                texts = strings(node)
            else:
                continue
            if any(word.startswith("torch") for text in texts for word in text.split()):
                complaints.append(f"{path.relative_to(module_folder)}:{node.lineno} installs torch by pip")
    return complaints


def network_imports(module_folder: Path) -> list[str]:
    """Imports of anything that talks to the network, in whatever function."""
    complaints = []
    for path in sorted(module_folder.rglob("*.py")):
        for name in imports(path, module_folder, file_scope_only=False):
            if name in NETWORK or name.split(".")[0] in NETWORK:
                complaints.append(f"{path.relative_to(module_folder)} imports {name}")
    return complaints


def imports(path: Path, module_folder: Path, file_scope_only: bool) -> list[str]:
    """Dotted names that a file imports, relative ones resolved; ``from a import b`` gives a and a.b."""
    nodes = _file_scope(parse(path).body) if file_scope_only else ast.walk(parse(path))
    package = path.relative_to(module_folder).with_suffix("").parts[:-1]
    names = []
    for node in nodes:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*start, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return names


def files_of(name: str, module_folder: Path) -> list[Path]:
    """The files a dotted name of ours loads: each package's __init__ on the way, and the module."""
    found, folder = [], module_folder
    for part in name.split("."):
        candidates = (folder / part / "__init__.py", folder / f"{part}.py")
        found += [path for path in candidates if path.exists()]
        folder = folder / part
    return found


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def strings(node: ast.AST) -> list[str]:
    """All string constants below a node."""
    return [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def _file_scope(body):
    """Statements that run on import, also below if, try and with and in class bodies."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If) and _is_type_checking(statement.test):
            yield from _file_scope(statement.orelse)
        elif not isinstance(statement, _FUNCTIONS):
            for field in ("body", "orelse", "finalbody"):
                yield from _file_scope(getattr(statement, field, []))
            for handler in getattr(statement, "handlers", []):
                yield from _file_scope(handler.body)


def _only_defines(statement):
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.If):
        return _is_type_checking(statement.test) or _is_main(statement.test)
    if isinstance(statement, ast.Try):  # a fallback for an import
        bodies = [*statement.body, *(s for h in statement.handlers for s in h.body), *statement.orelse]
        return not statement.finalbody and all(_only_defines(s) for s in bodies)
    return isinstance(statement, _DEFINITIONS)


def _is_type_checking(test):
    return "TYPE_CHECKING" in ast.unparse(test)


def _is_main(test):
    return "__main__" in strings(test) and "__name__" in ast.unparse(test)


def _called(node):
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
