#!/usr/bin/env python3
"""The Extensions Index's own checks, as far as they can be run without the network, on this repository.

    python3 tools/check_extension.py [--root DIR]

One line a check: ok, FAILED with the reason, or not run (it needs the network or a reader). Exit code 1 on a failure.
The list follows scripts/check_description_files.py and the review questions of github.com/Slicer/ExtensionsIndex
(state of August 2026). Standard library only.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import urllib.parse
from pathlib import Path

import extension_facts as facts
import source_checks
from module_files import MODULE
from write_extension_files import different_files

NETWORK = "needs the network"
READER = "needs a reader"

#: of the 61 that the index accepts, those that could be ours
CATEGORIES = {"Segmentation", "Analysis", "Active Learning", "Developer Tools", "Informatics", "Quantification"}
LICENCE_NAMES = ("LICENSE", "LICENCE", "License.txt", "license.txt", "LICENSE.txt", "COPYING", "COPYING.txt")
SIZE_LIMIT = 100 * 1024 * 1024  # of the clone, history included
KEYS = {
    "$schema": str,
    "category": str,
    "scm_url": str,
    "scm_revision": str,
    "scm_type": str,
    "build_dependencies": list,
    "build_subdirectory": str,
    "enabled": bool,
    "tier": int,
}


class Repository:
    """What the checks look at. root: a checkout of the extension."""

    def __init__(self, root: Path):
        self.root = root
        self.entry_file = root / f"{facts.NAME}.json"
        self.module_folder = root / MODULE

    def text(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8")

    @property
    def entry(self) -> dict:
        return json.loads(self.entry_file.read_text(encoding="utf-8"))

    def cmake(self, variable: str) -> str:
        """A variable of the top-level CMakeLists.txt, found as the index finds it; "" if it is not set so."""
        found = re.findall(rf'set\s*\({variable}\s*"([^"]+)"[ ]*\)', self.text("CMakeLists.txt"), re.IGNORECASE)
        return found[0].strip() if found else ""


def json_format(repo):
    repo.entry_file.read_bytes().decode("utf-8")
    if not isinstance(repo.entry, dict):
        return "the file holds no object"
    return "line ends are not LF" if b"\r" in repo.entry_file.read_bytes() else ""


def json_schema(repo):
    """Schema v1.0.1: three required keys, no others than KEYS, their types."""
    entry = repo.entry
    if missing := {"$schema", "category", "scm_url"} - set(entry):
        return f"missing: {', '.join(sorted(missing))}"
    if unknown := set(entry) - set(KEYS):
        return f"not in the schema: {', '.join(sorted(unknown))}"
    wrong = [key for key, value in entry.items() if type(value) is not KEYS[key]]
    wrong += [] if entry.get("scm_type", "git") in ("git", "local") else ["scm_type"]
    wrong += [] if 1 <= entry.get("tier", 1) <= 5 else ["tier"]
    wrong += [] if all(isinstance(d, str) for d in entry.get("build_dependencies", [])) else ["build_dependencies"]
    return f"wrong value: {', '.join(wrong)}" if wrong else ""


def category(repo):
    return "" if repo.entry["category"] in CATEGORIES else f"unknown category '{repo.entry['category']}'"


def scm_url(repo):
    scheme = urllib.parse.urlsplit(repo.entry["scm_url"]).scheme
    return "" if "://" in repo.entry["scm_url"] and scheme in ("https", "git") else "neither https:// nor git://"


def extension_name(repo):
    return "starts with 'Slicer'" if repo.entry_file.stem.lower().startswith("slicer") else ""


def repository_name(repo):
    name = urllib.parse.urlsplit(repo.entry["scm_url"].strip("/")).path.split("/")[-1]
    return "" if name.startswith("Slicer") else f"'{name}' does not start with 'Slicer'"


def project_name(repo):
    """The index takes the first project(...) of the file, comments included."""
    found = re.findall(r"project\s*\(\s*([^\s)]+)", repo.text("CMakeLists.txt"), re.IGNORECASE)
    return "" if found[:1] == [facts.NAME] else f"project() says {found[:1]}, the json file is called {facts.NAME}"


def picture_addresses(repo):
    """Addresses of the pictures themselves; those of this repository must lie in it as the image they claim to be."""
    icon, screenshots = repo.cmake("EXTENSION_ICONURL"), repo.cmake("EXTENSION_SCREENSHOTURLS").split()
    if not icon or not screenshots:
        return "EXTENSION_ICONURL and EXTENSION_SCREENSHOTURLS must each be one quoted text"
    for url in (icon, *screenshots):
        if not url.startswith("https://") or "/blob/" in url:
            return f"{url} is no address of the picture itself"
        if url.startswith(facts.RAW):
            path = repo.root / url.removeprefix(f"{facts.RAW}/")
            if not path.exists():
                return f"{path.relative_to(repo.root)} is not in the repository"
            if not path.read_bytes().startswith((b"\x89PNG", b"\xff\xd8", b"GIF8")):
                return f"{path.relative_to(repo.root)} is no PNG, JPEG or GIF"
    return ""


def icon_size(repo):
    header = (repo.root / facts.ICON).read_bytes()[:24]
    size = int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")
    return "" if header[1:4] == b"PNG" and size == (128, 128) else f"{facts.ICON} is {size}, not a PNG of 128 x 128"


def clone_size(repo):
    """The checked-out files and the history, as a clone would have them."""
    files = [repo.root / name for name in tracked(repo.root)]
    history = subprocess.run(
        ["git", "rev-parse", "--absolute-git-dir"], capture_output=True, text=True, check=False, cwd=repo.root
    ).stdout.strip()
    files += list(Path(history).rglob("*")) if history else []
    total = sum(path.stat().st_size for path in files if path.is_file())
    return "" if total <= SIZE_LIMIT else f"{total / 2**20:.0f} MB with its history, the limit is 100 MB"


def licence_file(repo):
    return "" if any((repo.root / name).is_file() for name in LICENCE_NAMES) else "no licence file in the root"


def same_facts(repo):
    """What the reviewers compare by eye: CMake's dependencies and homepage, and the json's."""
    wanted = " ".join(repo.entry.get("build_dependencies", [])) or "NA"
    if repo.cmake("EXTENSION_DEPENDS") != wanted:
        return f"EXTENSION_DEPENDS is '{repo.cmake('EXTENSION_DEPENDS')}', build_dependencies '{wanted}'"
    if repo.cmake("EXTENSION_HOMEPAGE") != repo.entry["scm_url"]:
        return "EXTENSION_HOMEPAGE and scm_url differ"
    return "" if repo.cmake("EXTENSION_DESCRIPTION") else "no EXTENSION_DESCRIPTION"


def written_files(repo):
    different = different_files(repo.root)
    return f"{', '.join(different)}: run  python3 tools/write_extension_files.py" if different else ""


def one_module_file(repo):
    names = sorted(path.name for path in repo.module_folder.glob("*.py"))
    if names == [f"{MODULE}.py"]:
        return ""
    return f"should be {MODULE}.py alone (each is loaded as a module), found {names}"


def readme_picture(repo):
    return "" if re.search(r"!\[[^\]]*\]\([^)]+\)", repo.text(facts.README_FILE)) else "no picture"


def readme_citation(repo):
    return "" if re.search(r"^#+ .*cite", repo.text(facts.README_FILE), re.I | re.M) else "no section on how to cite"


def readme_licence(repo):
    return "" if facts.LICENCE in repo.text(facts.README_FILE) else f"{facts.LICENCE} is not named"


def readme_tutorial(repo):
    text = repo.text(facts.README_FILE)
    if not re.search(r"^1\. .*?^2\. .*?^3\. ", text, re.M | re.S):
        return "no tutorial in numbered steps"
    return "" if "Sample Data" in text else "it does not say where the sample data are (Sample Data module)"


def foreign_imports(repo):
    return "; ".join(source_checks.foreign_imports(repo.module_folder))


def code_at_file_scope(repo):
    return "; ".join(source_checks.code_at_file_scope(repo.module_folder))


def torch_by_pip(repo):
    return "; ".join(source_checks.torch_by_pip(repo.module_folder))


def network_imports(repo):
    return "; ".join(source_checks.network_imports(repo.module_folder))


#: (what, check or why it is not run); the numbers are those of the index's automated checks
CHECKS = (
    ("1 json: valid, LF line ends", json_format),
    ("2 json: schema v1.0.1", json_schema),
    ("3 category is one the index knows", category),
    ("4 scm_url", scm_url),
    ("5 extension name does not start with 'Slicer'", extension_name),
    ("6 repository name starts with 'Slicer'", repository_name),
    ("7 GitHub topic 3d-slicer-extension", NETWORK),
    ("8 clone at scm_revision", NETWORK),
    ("9 CMakeLists.txt: project is the json's name", project_name),
    ("9 CMakeLists.txt: icon and screenshot addresses", picture_addresses),
    ("9 the addresses answer with a picture", NETWORK),
    ("10 clone is at most 100 MB", clone_size),
    ("11 licence file", licence_file),
    ("12 build dependencies are in the index", NETWORK),
    ("13 structure of the index with our entry in it", NETWORK),
    ("review: CMake and json agree", same_facts),
    ("review: every file listed in CMake, lists up to date", written_files),
    ("review: one Python file at the module's top level", one_module_file),
    ("review: icon is 128 x 128", icon_size),
    ("review: description and README understandable, one sentence a module", READER),
    ("review: README has a picture", readme_picture),
    ("review: README says how to cite", readme_citation),
    ("review: README names the licence", readme_licence),
    ("review: README has a step-by-step tutorial with sample data", readme_tutorial),
    ("review: nothing downloads or uploads", network_imports),
    ("review: no code runs at file scope", code_at_file_scope),
    ("review: file-scope imports", foreign_imports),
    ("review: torch is not installed by pip", torch_by_pip),
    ("Python packaging workflow of the index (Windows, Linux)", "needs Slicer; the index skips it for dependants"),
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=facts.ROOT, help="the repository (default: this one)")
    repo = Repository(parser.parse_args(arguments).root)
    failed = 0
    for what, check in CHECKS:
        if isinstance(check, str):
            print(f"not run   {what}: {check}")
            continue
        reason = outcome(check, repo)
        failed += bool(reason)
        print(f"FAILED    {what}: {reason}" if reason else f"ok        {what}")
    if facts.OWNER == "OWNER":
        print("to do     the repository's owner is not known yet: OWNER in tools/extension_facts.py")
    return 1 if failed else 0


def outcome(check, repo: Repository) -> str:
    """The reason of the failure, "" for none; a file that is missing or no json is a failure, too."""
    try:
        return check(repo)
    except (OSError, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {error}"


def tracked(root: Path) -> list[str]:
    """The files of the repository, tracked or about to be; all files where there is no git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    if done.returncode == 0:
        return done.stdout.splitlines()
    return [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]


if __name__ == "__main__":
    sys.exit(main())
