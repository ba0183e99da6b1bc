"""The package as it is handed out: an sdist of the tree, a wheel of the sdist, an environment with pip alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pytest
import SimpleITK as sitk
import torch

ROOT = Path(__file__).parents[2]
#: what of the caller's Python and pip must not reach a process
_OWN = ("PYTHON", "PIP_", "VIRTUAL_ENV")


def clean() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_OWN)}
    return kept | {"OMP_NUM_THREADS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INDEX": "1"}


def sdist(folder: Path) -> Path:
    """The archive, built from a copy of the tree with everything a clone has beside the package."""
    copy = folder / "clone"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE.txt", "CHANGELOG.md", "mkdocs.yml", "dev.py"):
        shutil.copy(ROOT / name, copy / name)
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info")
    for name in ("SegHiResGradCAM", "docs", "tools", "requirements", "Resources"):
        shutil.copytree(ROOT / name, copy / name, ignore=unwanted)
    (copy / "site").mkdir()
    (copy / "site" / "index.html").write_text("built documentation", encoding="utf-8")
    code = f"from setuptools import build_meta; build_meta.build_sdist({str(folder / 'sdist')!r})"
    (folder / "sdist").mkdir()
    subprocess.run([sys.executable, "-c", code], cwd=copy, check=True, env=clean(), capture_output=True)
    (made,) = (folder / "sdist").iterdir()
    return made


def unpacked(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return source


def wheel(source: Path, folder: Path) -> Path:
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        str(source),
    ]
    subprocess.run(build, check=True, env=clean(), capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def bare_environment(folder: Path) -> dict[str, str]:
    """A virtual environment with pip alone, and the variables of a shell in it. What the package requires is found
    where the tests' own Python has it; nothing is fetched."""
    venv.create(folder, with_pip=True)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    # a Python of its own may bring an old setuptools, where torch asks for a newer one
    subprocess.run([scripts / "python", "-m", "pip", "uninstall", "-q", "-y", "setuptools"], check=True, env=clean())
    (site,) = folder.rglob("site-packages")
    places = {str(Path(module.__file__).parents[1]) for module in (torch, sitk, pytest)}
    (site / "requirements_there.pth").write_text("\n".join(sorted(places)), encoding="utf-8")
    # pip reads it as "build isolation: no": the setuptools that is there builds
    return clean() | {"PATH": os.pathsep.join([str(scripts), clean()["PATH"]]), "PIP_NO_BUILD_ISOLATION": "0"}
