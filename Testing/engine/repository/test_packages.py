"""What is handed out: the sdist and the wheel hold the package, its data and its licences, and nothing else."""

import tarfile
import zipfile
from pathlib import Path

import pytest

from engine import packages

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "SegHiResGradCAM" / "seghirescam"
#: files of the package that are no Python, and go with it
DATA = (".py", ".typed", ".json", ".j2", ".nrrd", ".safetensors", ".csv", ".md")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(sdist, wheel of the unpacked sdist)"""
    folder = tmp_path_factory.mktemp("packages")
    archive = packages.sdist(folder)
    source = packages.unpacked(archive, folder / "unpacked")
    return archive, packages.wheel(source, folder / "wheel")


def files_of_the_package():
    found = (path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {f"seghirescam/{path.relative_to(PACKAGE).as_posix()}" for path in found}


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(made):
    with zipfile.ZipFile(made[1]) as archive:
        names = set(archive.namelist())
    assert {name for name in names if not name.startswith("seghirescam-")} == files_of_the_package()
    assert any(name.endswith("licenses/LICENSE.txt") for name in names)
    assert all(name.endswith(DATA) for name in files_of_the_package())
    assert made[1].stat().st_size < 7e6


@pytest.mark.slow
def test_the_sdist_holds_no_documentation_no_built_site_and_no_tests(made):
    with tarfile.open(made[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tops = {name.split("/")[0] for name in names if name}
    assert tops <= {"SegHiResGradCAM", "LICENSE.txt", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg"}
    assert files_of_the_package() <= {name.removeprefix("SegHiResGradCAM/") for name in names}
    assert not [name for name in names if name.startswith("SegHiResGradCAM/SegHiResGradCAMLib")]


def test_every_extra_is_needed_somewhere_and_no_library_stands_in_two_that_go_together():
    """Each library of an extra is imported in the engine, or is what another of them needs to read its files."""
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    imported = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    called = {"SimpleITK": "SimpleITK", "pillow": "PIL", "pyyaml": "yaml", "nibabel": "nibabel", "einops": "einops"}
    for extra in (
        "files",
        "dicom",
        "figures",
        "report",
        "input",
        "nnunet",
        "huggingface",
        "monai",
        "cohort",
        "notebook",
    ):
        for requirement in extras[extra]:
            name = requirement.split(">")[0].split("[")[0]
            assert called.get(name, name) in imported or name == "einops", f"{extra}: {name} is used nowhere"
