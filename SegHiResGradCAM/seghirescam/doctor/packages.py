"""Which packages are there, read from their metadata (nothing is imported), and how large the others are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

from .finding import FAILED, MISSING, OK, Finding, size_text


@dataclass(frozen=True)
class Package:
    """floor: the least version.  what: what it is for.  megabytes: on disk, with what comes along beyond the needed
    packages (Linux, Python 3.11; a test measures it again)."""

    name: str
    floor: str
    what: str
    megabytes: int


#: of PyTorch: on disk without CUDA, and with the build for NVIDIA's cards and the libraries that it brings (about)
TORCH_CPU, TORCH_CUDA = 740, 7000
NEEDED = (
    Package("numpy", "2.0", "arrays", 57),
    Package("scipy", "1.13", "resampling", 114),
    Package("torch", "2.10", "networks", TORCH_CPU),
    Package("safetensors", "0.5", "weights", 1),
)
OPTIONAL = (
    Package("SimpleITK", "2.3", "volumes and label maps on disk", 274),
    Package("matplotlib", "3.8", "pictures", 77),
    Package("jinja2", "3.1", "report pages", 1),
    Package("highdicom", "0.27", "DICOM in and out", 62),
    Package("captum", "0.8", "maps of the image itself", 79),
    Package("monai", "1.6", "MONAI models", 7),
    Package("nnunetv2", "2.5", "nnU-Net models", 620),
    Package("transformers", "5.24", "Hugging Face models", 92),
    Package("distributed", "2025.1", "cohorts on several processes", 18),
    Package("statsmodels", "0.14", "statistics of a cohort", 91),
)


def packages(version: Callable[[str], str] = metadata.version) -> list[Finding]:
    """One finding for each needed package, and one for all optional ones.

    version: name -> version, raising PackageNotFoundError; replaceable for tests.
    """
    return [*(_needed(one, version) for one in NEEDED), _optional(version)]


def missing_bytes(version: Callable[[str], str] = metadata.version, cuda: bool = False) -> int:
    """What the needed packages that are not there take on disk. cuda: PyTorch for an NVIDIA card."""
    return sum(int(1e6 * _megabytes(one, cuda)) for one in NEEDED if not _fits(one, _version(one, version)))


def _needed(one: Package, version: Callable[[str], str]) -> Finding:
    found = _version(one, version)
    if not found:
        size = size_text(1e6 * one.megabytes)
        if one.name == "torch":
            size += f" on disk without CUDA, about {size_text(1e6 * TORCH_CUDA)} with it"
        else:
            size += " on disk"
        return Finding(one.name, MISSING, f"not installed ({size})", _how(one), True)
    if not _fits(one, found):
        return Finding(one.name, FAILED, f"{found}, too old", _how(one), True, {"version": found})
    return Finding(one.name, OK, found, needed=True, numbers={"version": found})


def _optional(version: Callable[[str], str]) -> Finding:
    versions = {one.name: _version(one, version) for one in OPTIONAL}
    there = ", ".join(f"{name} {found}" for name, found in versions.items() if found) or "none"
    lacking = [one for one in OPTIONAL if not _fits(one, versions[one.name])]
    numbers = {"versions": versions, "missing_megabytes": {one.name: one.megabytes for one in lacking}}
    if not lacking:
        return Finding("Optional packages", OK, there, numbers=numbers)
    sizes = "; ".join(f"{one.name} for {one.what} ({size_text(1e6 * one.megabytes)})" for one in lacking)
    return Finding(
        "Optional packages",
        MISSING,
        f"there: {there}. Not there: {sizes}",
        "Install one when you need it: python -m pip install NAME.",
        numbers=numbers,
    )


def _how(one: Package) -> str:
    if one.name == "torch":
        return (
            "In 3D Slicer: install the extension PyTorch and press Install in the panel; else: python -m pip install "
            f'"torch>={one.floor}".'
        )
    return f'Install it: python -m pip install "{one.name}>={one.floor}".'


def _megabytes(one: Package, cuda: bool) -> int:
    return TORCH_CUDA if cuda and one.name == "torch" else one.megabytes


def _version(one: Package, version: Callable[[str], str]) -> str:
    try:
        return str(version(one.name) or "")
    except metadata.PackageNotFoundError:
        return ""
    except Exception:  # metadata that cannot be read: of a package that was removed by halves
        return ""


def _fits(one: Package, found: str) -> bool:
    """By the numbers of the version; builds such as 2.13.0+cpu and 2.14.0a0 count as theirs."""
    return bool(found) and _numbers(found) >= _numbers(one.floor)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.match(r"\d+(\.\d+)*", text).group().split(".")) if text[:1].isdigit() else ()
