"""The Slicer side speaks by ``_()``: every text a user sees, in Slicer's contexts, in the file for translators."""

import ast
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

PySide6 = pytest.importorskip("PySide6", reason="brings Qt's lupdate and lrelease")
sys.path.insert(0, str(Path(__file__).parents[3] / "tools"))

import user_texts  # noqa: E402
import write_translations  # noqa: E402

BIN = Path(PySide6.__file__).parent
#: rooms whose texts are not wrapped yet; this list only shrinks
NOT_YET: tuple[str, ...] = ()
NAME = re.compile(r"(?<!\{)\{([^{}]*)\}(?!\})")


def test_every_text_a_user_sees_is_translated():
    found = [one for source in user_texts.sources() for one in user_texts.unwrapped(source)]
    told = [f"{one.file}:{one.line}: {one.text!r}" for one in found if not one.file.startswith(NOT_YET)]
    assert not told, "\n".join(["Wrap it by _(), or end its line by  # no tr:", *told])


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('say("Choose a volume.")', ["Choose a volume."]),
        ('say(f"{n} voxels in {name}")', ["{} voxels in {}"]),
        ('say(_("Choose a volume."))', []),
        ('say(_("{n} voxels").format(n=n))', []),
        ('"""Choose a volume."""', []),
        ('raise ValueError("no such thing here")', []),
        ('raise ImageError("No such thing here.")', ["No such thing here."]),
        ('known = "chance over"  # no tr', []),
        ('known = (  # no tr\n    "chance over",\n    "lift over",\n)', []),
        ('if text == "not there yet": pass', []),
        ('say("Yes, " + ("of course." if sure else "perhaps so"))', ["of course.", "perhaps so"]),
        ('node.SetAttribute("SegHiResGradCAM.Layer", name)', []),
        ('logging.error("It went wrong here.")', []),
        ('Job("by segment", title="Sharing out")', ["Sharing out"]),
        ('Option("auto", "Automatic")', ["Automatic"]),
        ('state("Automatic")', []),
        ('class PassesChoice(_Choice):\n    ALL = "all", "Preview"', ["Preview"]),
        ('def applyText(self):\n    return "Cancel" if self.busy else "Apply"', ["Cancel", "Apply"]),
        ('controls.set("applyButton", "text", "Cancel")', ["Cancel"]),
        ('row["chance over"] = {"lift over": 1}', []),
    ],
)
def test_what_counts_as_a_users_text(code, found):
    assert [user_texts.template(node) for node in user_texts.literals(code)] == found


def test_the_template_is_as_the_texts_are():
    assert write_translations.main(["--check"]) == 0, "Write it again:  python3 tools/write_translations.py"


def test_underscore_is_nothing_else_where_it_translates():
    for source in user_texts.sources():
        tree = ast.parse(source.read_text(encoding="utf-8"))
        if user_texts.wrapped(source):
            scopes = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.Lambda, ast.Module))]
            for scope in scopes:
                assert "_" not in bound(scope), f"{source.name}:{getattr(scope, 'lineno', 1)}"


def bound(scope):
    """Names that are bound in a scope itself, not in scopes within it."""
    found, todo = set(), [*(scope.body if isinstance(scope.body, list) else [scope.body])]
    inner = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    if not isinstance(scope, ast.Module):
        found |= {one.arg for one in ast.walk(scope.args) if isinstance(one, ast.arg)}
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        if not isinstance(node, inner):
            todo += ast.iter_child_nodes(node)
    return found


def test_what_is_put_in_has_the_names_that_the_text_has():
    """A translator moves them about; one that is not there would raise where the text is shown."""
    for source in user_texts.sources():
        tree = ast.parse(source.read_text(encoding="utf-8"))
        filled = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
                for text in _texts(node.func.value):
                    filled[id(text)] = {word.arg for word in node.keywords}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                names = {re.split(r"[!:.\[]", name)[0] for name in NAME.findall(node.args[0].value)}
                assert all(name.isidentifier() for name in names), (source.name, node.lineno)
                if id(node) in filled:
                    assert names <= filled[id(node)], (source.name, node.lineno, names, filled[id(node)])
                elif names:  # filled where it is used
                    assert source.stem in ("ComparisonTable", "DisagreementTable", "PaintingNode"), (
                        source.name,
                        node.lineno,
                    )


def _texts(node):
    """The calls of _() whose answer an expression may be."""
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    return [node] if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_" else []


def test_contexts_are_those_of_slicers_own_function():
    library = user_texts.MODULE / "SegHiResGradCAMLib"
    assert user_texts.context_of(library / "setup" / "Installer.py") == "setup.Installer"
    assert user_texts.context_of(user_texts.MODULE / "SegHiResGradCAM.py") == "SegHiResGradCAM"


def test_qts_own_tools_read_the_same_texts_and_compile_the_file(tmp_path):
    """lupdate on the forms, and on the sources with ``_(`` spelt out as Slicer's script spells it for lupdate."""
    copies = []
    for n, source in enumerate(user_texts.sources()):
        copies.append(tmp_path / f"{n}.py")
        context = user_texts.context_of(source)
        spelt = re.sub(r"(?<!\w)_\(", f'translate("{context}", ', source.read_text(encoding="utf-8"))
        copies[-1].write_text(spelt, encoding="utf-8")
    ts = tmp_path / "own.ts"
    command = [BIN / "lupdate", "-silent", "-locations", "none", *copies, *user_texts.forms(), "-ts", ts]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    theirs, ours = read(ts), read(write_translations.FILE)
    assert ours.keys() == theirs.keys()
    for context, texts in ours.items():
        assert texts ^ theirs[context] == set(), context
    translated = tmp_path / "all.ts"
    translated.write_text(write_translations.template(lambda text: f"[{text}]"), encoding="utf-8")
    done = subprocess.run([BIN / "lrelease", translated], check=True, capture_output=True, text=True, timeout=120)
    count = sum(map(len, ours.values()))
    assert count > 200 and f"Generated {count} translation(s) ({count} finished" in done.stdout


def read(file):
    """context -> texts"""
    found = {}
    for context in ElementTree.parse(file).iter("context"):
        found.setdefault(context.findtext("name"), set()).update(
            one.findtext("source") for one in context.iter("message")
        )
    return found


def test_what_slicer_reads_of_a_form_is_not_translated():
    """The names of parameters, node types: a translator who changed one would take the control out of use."""
    for form in user_texts.forms():
        for one in ElementTree.parse(form).iter("property"):
            if one.get("stdset") == "0":
                for text in one.iter("string"):
                    assert text.get("notr") == "true", (form.name, one.get("name"), text.text)
