"""Every command and every line of Python of README and documentation runs as it stands."""

import re

import pytest

from engine import doc_workplace as workplace
from engine.doc_snippets import EXAMPLES, LONG, ROOT, Page, blocks, commands, extras_there, pages
from seghirescam.cam.methods import methods
from seghirescam.cam.methods.base import registered

pytest.importorskip("sybil")

#: pages whose blocks another test runs, with what it asks of them beside
ELSEWHERE = {
    "docs/how-to/dicom.md": "engine/cli/test_dicom_how_to.py",
    "docs/how-to/paper_data.md": "engine/cohort/test_layouts.py",
    "docs/reference/commands.md": "engine/cli/test_help_examples.py",
}
#: they take more than five seconds
SLOW = {
    "docs/how-to/nnunet.md", "docs/how-to/totalsegmentator.md", "docs/how-to/check_a_map.md", "docs/how-to/figure.md",
    "docs/how-to/cohorts.md", "docs/tutorials/command_line.md",
}  # fmt: skip
#: page -> what its commands find in their folder
FOUND = {
    "docs/tutorials/pictures_2d.md": (workplace.own_network,),
    "docs/how-to/own_network.md": (workplace.own_network, workplace.volume, workplace.monai_weights),
    "README.md": (workplace.own_network, workplace.volume, workplace.monai_weights),
    "docs/how-to/monai.md": (workplace.volume, workplace.monai_weights, workplace.bundle),
    "docs/how-to/nnunet.md": (workplace.nnunet,),
    "docs/how-to/totalsegmentator.md": (workplace.totalsegmentator,),
}
NAMES = [path.relative_to(ROOT).as_posix() for path in pages()]
WITH_BLOCKS = [n for n in NAMES if any(language in ("bash", "python") for language, _ in blocks(ROOT / n))]


@pytest.fixture(autouse=True)
def known_methods():
    """A method that a page adds is known on this page only."""
    methods()
    before = dict(registered)
    yield
    registered.clear()
    registered.update(before)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in WITH_BLOCKS if n not in ELSEWHERE]
)
def test_the_blocks_of_a_page_run_in_their_order(name, tmp_path, monkeypatch, capsys):
    for library in ("SimpleITK", "matplotlib", "monai"):
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # as the folder of a script is
    monkeypatch.setenv("SEGHIRESCAM_PROGRESS", "0")
    for make in FOUND.get(name, ()):
        for variable, value in (make(tmp_path) or {}).items():
            monkeypatch.setenv(variable, value)
    assert Page(ROOT / name, capsys, frozenset(LONG)).run() > 0


@pytest.mark.parametrize("name, test", ELSEWHERE.items())
def test_a_page_that_is_run_elsewhere_is_named_there(name, test):
    page, text = ROOT / name, (ROOT / "Testing" / test).read_text(encoding="utf-8")
    assert page.name in text or name == "docs/reference/commands.md"
    if name == "docs/reference/commands.md":
        typed = [tuple(words) for language, block in blocks(page) if language == "bash" for words in commands(block)]
        assert sorted(typed) == sorted(EXAMPLES)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_typed_stands_in_a_block_that_is_run(name):
    """No command hides in an indented block or in one of another language; what pip is told exists."""
    text = (ROOT / name).read_text(encoding="utf-8")
    outside = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    assert not re.findall(r"^    (?:seghirescam|python3?|pip) .*", outside, re.M)
    for language, block in blocks(ROOT / name):
        assert language in ("bash", "python", "text", "toml"), f"a block in no known language: {block[:50]}"
        if language == "text":
            assert not re.search(r"^\$? ?(?:seghirescam|python3?|pip) ", block, re.M)
    for words in re.findall(r"pip install \"?(\.\[[\w,]+\])", text):
        extras_there([words])
