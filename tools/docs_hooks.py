"""What the documentation's build does beyond MkDocs: links that leave ``docs/``, pictures, a list of outside links.

Pages are read on GitHub, too, where a link to a file of the repository is relative.  In the site such a link becomes
the file's address, and a picture is brought along.  One that leads nowhere is a warning, and the build is strict.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from pathlib import Path

from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).parent))
import extension_facts as facts

ROOT = facts.ROOT
DOCS = ROOT / "docs"
PICTURES = "pictures"
#: a list of all links to elsewhere, beside the site's pages; none of them is visited
LISTED = "external_links.txt"
_LINK = re.compile(r"(\]\(|src=\")([^)\s\"#]+)((?:#[^)\"\s]*)?[)\"])")
_OUTSIDE = re.compile(r"https?://[^\s)\"'<>`]+")
_LOG = logging.getLogger("mkdocs.docs_hooks")
_found: dict[str, set[str]] = {}


def on_config(config):
    # no repo_url: for one of GitHub the theme asks GitHub, whenever a page is read, how many like it
    config["site_url"] = ""
    _found.clear()
    return config


def on_files(files, config):
    for path in sorted((ROOT / "Resources").glob("*.png")):
        files.append(File.generated(config, f"{PICTURES}/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown, page, config, files):
    for address in _OUTSIDE.findall(markdown):
        _found.setdefault(address.rstrip(".,;:"), set()).add(page.file.src_uri)
    folder = DOCS / Path(page.file.src_uri).parent
    return _LINK.sub(lambda found: found[1] + _address(found[2], folder, page) + found[3], markdown)


def on_post_build(config):
    lines = [f"{address}  ({', '.join(sorted(pages))})" for address, pages in sorted(_found.items())]
    Path(config["site_dir"], LISTED).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _address(target: str, folder: Path, page) -> str:
    if "://" in target or target.startswith("mailto:"):
        return target
    path = Path(os.path.normpath(folder / target))
    if path.is_relative_to(DOCS):
        return target
    if not path.exists() or not path.is_relative_to(ROOT):
        _LOG.warning("%s links to %s, which is not there", page.file.src_uri, target)
        return target
    if path.suffix == ".png" and path.parent == ROOT / "Resources":
        return os.path.relpath(DOCS / PICTURES / path.name, folder)
    kind = "tree" if path.is_dir() else "blob"
    return f"{facts.HOMEPAGE}/{kind}/{facts.BRANCH}/{path.relative_to(ROOT).as_posix()}"
