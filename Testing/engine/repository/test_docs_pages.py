"""The pages: those made from the code are current, every link leads somewhere, README is short, the site builds."""

import os
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from engine.doc_snippets import pages

ROOT = Path(__file__).parents[3]
PAGES = [*pages(), ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"]


def told(*words):
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=ROOT)
    return done.returncode, done.stderr


@pytest.mark.parametrize("tool", ["write_readme_tables.py", "write_reference.py"])
def test_what_tools_write_into_pages_is_current(tool):
    assert told(ROOT / "tools" / tool, "--check") == (0, "")


def without_code(text):
    return re.sub(r"^```.*?^```|`[^`\n]+`", "", text, flags=re.M | re.S)


def anchors(page):
    """As MkDocs and GitHub make them of headings."""
    found = set()
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for heading in re.findall(r"^#+ (.+)$", text, re.M):
        own = re.search(r"\{ #([\w-]+) \}", heading)
        plain = re.sub(r"[^\w\s-]", "", re.sub(r"\{.*\}", "", heading)).strip().lower()
        found.add(own[1] if own else re.sub(r"\s+", "-", plain))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(page):
    text = without_code(page.read_text(encoding="utf-8"))
    for target, anchor in re.findall(r"(?:\]\(|src=\")([^)#\s\"]*)(#[^)\s\"]+)?[)\"]", text):
        if target.startswith(("http", "mailto:")):
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), target
        if anchor and path.suffix == ".md":
            assert anchor[1:] in anchors(path), target + anchor


def test_readme_is_at_most_a_screen_and_a_half_and_leads_to_every_page():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 160
    written = re.sub(r"<!-- (\S+):start -->.*?<!-- \1:end -->|^\|.*?$|!?\[.*?$|<img.*?$", "", text, flags=re.M | re.S)
    assert max(map(len, written.splitlines())) <= 160
    linked = set(re.findall(r"\]\((docs/[\w/-]+\.md)", text))
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")} - {"docs/index.md"}
    assert linked == ours


def test_every_page_stands_in_the_site_s_navigation():
    listed = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    assert listed == {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}


@pytest.mark.slow
def test_a_link_that_leads_nowhere_ends_the_build(tmp_path):
    """Also one that leaves docs/, which MkDocs itself does not follow."""
    pytest.importorskip("mkdocs")
    for name in ("docs", "tools", "mkdocs.yml"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    (tmp_path / "SegHiResGradCAM").symlink_to(ROOT / "SegHiResGradCAM")
    page = tmp_path / "docs" / "explanation" / "limits.md"
    page.write_text("# Limits\n\n[a](../../nowhere.py) [b](colours.md#nothing)\n", encoding="utf-8")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "nowhere.py, which is not there" in done.stderr and "#nothing" in done.stderr


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    pytest.importorskip("mkdocs")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    environment = os.environ | nowhere | {"NO_MKDOCS_2_WARNING": "1"}
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(build, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    site = tmp_path / "site"
    made = [path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")]
    assert all((site / path).exists() for path in made)
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|source)[^>]+src=\"?([^\"\s>]+)", text)
        loaded += re.findall(r"<link[^>]+rel=\"?(?:stylesheet|icon|preconnect)[^>]+href=\"?([^\"\s>]+)", text)
        assert not [one for one in loaded if re.match(r"(https?:)?//", unescape(one))], page.name
    assert "pytorch.org" in (site / "external_links.txt").read_text(encoding="utf-8")
