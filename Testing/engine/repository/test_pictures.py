"""Every picture that a page shows is drawn by a script, and where a command stands beside it, by that command."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.doc_snippets import ROOT, pages

sys.path.insert(0, str(ROOT / "tools"))
from draw_pictures import PICTURES, Script, Typed

#: what shows pictures besides the pages: the index's entry and its build, and what the module itself shows
LISTS = (ROOT / "SegHiResGradCAM.s4ext", ROOT / "CMakeLists.txt", ROOT / "CONTRIBUTING.md")


def shown(path: Path) -> set[str]:
    """Pictures of the repository that a page shows, as paths from its root."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"", text)
    inside = {(path.parent / (a or b)).resolve().relative_to(ROOT).as_posix() for a, b in found}
    return inside | set(re.findall(r"/main/(\S+?\.png)", text))


def test_the_list_holds_what_pages_and_index_show_and_every_picture_that_is_committed():
    every = set().union(*(shown(path) for path in (*pages(), *LISTS)))
    listed = subprocess.run(["git", "ls-files", "*.png"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no clone: what is committed is not known")
    committed = {name for name in listed.stdout.split() if not name.startswith("Testing/")}
    assert every <= set(PICTURES) == committed
    assert not {name for name in PICTURES if "/Icons/" not in name} - every  # none that nobody sees


def written_by(words: list[str]) -> str:
    """The folder or file that a command writes."""
    if "--out" in words:
        return words[words.index("--out") + 1].rstrip("/")
    if words[:2] == ["seghirescam", "stats"]:
        return f"{words[2]}/stats"
    return "demo_output" if words[1:] == ["dev.py", "demo"] else ""


@pytest.mark.parametrize("name", [name for name, how in PICTURES.items() if isinstance(how, Typed)])
def test_a_picture_beside_a_command_is_what_that_command_writes(name):
    how = PICTURES[name]
    typed = how.commands()
    assert typed and " ".join(typed[0]).startswith(how.first)
    assert any(how.made == out or how.made.startswith(f"{out}/") for words in typed if (out := written_by(words)))
    by = [ROOT / how.page] if how.page != "README.md" else pages()  # the demo's pictures stand on several pages
    assert any(name in shown(page) for page in by)


@pytest.mark.parametrize("name", [name for name, how in PICTURES.items() if isinstance(how, Script)])
def test_a_picture_of_a_script_has_it(name):
    text = (ROOT / PICTURES[name].path).read_text(encoding="utf-8")
    assert Path(name).name in text or "ICON" in text
