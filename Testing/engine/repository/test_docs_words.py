"""One set of words for panel, command line and pages: the glossary's; the words that it retired are gone."""

import argparse
import ast
import re
import textwrap
from pathlib import Path

import pytest

from engine.doc_snippets import pages
from seghirescam.cli import parser

ROOT = Path(__file__).parents[3]
GLOSSARY = ROOT / "docs" / "glossary.md"
ENGINE = ROOT / "SegHiResGradCAM" / "seghirescam"
PANEL = [
    *(ROOT / "SegHiResGradCAM" / "SegHiResGradCAMLib").rglob("*.py"), ROOT / "SegHiResGradCAM" / "SegHiResGradCAM.py",
]  # fmt: skip


def retired():
    """The left column of the glossary's last table; what is marked as the panel's own is a usual word elsewhere."""
    table = GLOSSARY.read_text(encoding="utf-8").split("<!-- retired:start -->")[1].split("<!-- retired:end -->")[0]
    cells = [line.split("|")[1].strip() for line in table.strip().splitlines()[2:]]
    return [word for one in cells if "(in the panel)" not in one for word in one.split(", ")]


def found_in(text):
    plain = " ".join(text.split()).lower()
    return [word for word in retired() if re.search(rf"(?<!\w){re.escape(word.lower())}(?!\w)", plain)]


def test_the_glossary_names_what_it_retired():
    assert {"painted over", "hottest part", "is the map true?", "a fault of ours", "Manners"} <= set(retired())
    assert found_in("It was Painted\n   over.") == ["painted over"] and not found_in("repainted overnight")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_page_uses_a_retired_word(page):
    text = page.read_text(encoding="utf-8")
    if page == GLOSSARY:
        text = re.sub(r"<!-- retired:start -->.*<!-- retired:end -->", "", text, flags=re.S)
    assert not found_in(re.sub(r"`[^`\n]+::[^`\n]+`", "", text))  # the names of tests


def test_no_help_of_a_command_uses_a_retired_word():
    whole = parser.build()
    (commands,) = (a for a in whole._actions if isinstance(a, argparse._SubParsersAction))
    for name, command in {"": whole, **commands.choices}.items():
        assert not found_in(command.format_help()), name


def words_of(path):
    """Every text of a file that is no docstring: what it may say to a user."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = (n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return "\n".join(text.value for text in texts if id(text) not in told)


def test_no_message_of_the_engine_uses_a_retired_word():
    used = {path.relative_to(ENGINE).as_posix(): found_in(words_of(path)) for path in ENGINE.rglob("*.py")}
    assert not {name: words for name, words in used.items() if words}


def test_nothing_in_the_panel_uses_a_retired_word():
    used = {path.name: found_in(words_of(path)) for path in PANEL}
    for form in (ROOT / "SegHiResGradCAM" / "Resources" / "UI").glob("*.ui"):
        used[form.name] = found_in(" ".join(re.findall(r"<string>(.*?)</string>", form.read_text("utf-8"), re.S)))
    assert not {name: words for name, words in used.items() if words}


def test_every_word_of_the_glossary_is_explained_once_and_in_order():
    rows = re.findall(r"^\| \*\*(.+?)\*\*(?:, \w+)? \| (.+) \|$", GLOSSARY.read_text(encoding="utf-8"), re.M)
    words = [word.lower() for word, _ in rows]
    assert len(words) > 30 and words == sorted(set(words)) and all(len(about) > 10 for _, about in rows)


def test_sentences_of_the_pages_are_short():
    """Forty words at most: what is longer is read twice."""
    for page in pages():
        if page.parent.name == "reference" and page.read_text(encoding="utf-8").startswith("<!-- Written by"):
            continue
        text = re.sub(r"^```.*?^```|<!--.*?-->|^\|.*?$|!\[.*?\]\(.*?\)", "", page.read_text("utf-8"), flags=re.M | re.S)
        for paragraph in re.split(r"\n\s*\n|\n(?=[-*\d#] ?)|:\n", text):
            for sentence in re.split(r"(?<=[.!?:;])\s+", re.sub(r"\]\([^)]*\)|`[^`]*`", "]", paragraph)):
                longest = len(re.findall(r"[A-Za-z][\w'-]*", sentence))
                assert longest <= 40, textwrap.shorten(f"{page.name}: {sentence}", 400)
