"""Which packages are there and which would have to be installed: read from their metadata, nothing is imported."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from .Translation import _

#: torch below 2.10 can run code from a weights-only checkpoint (CVE-2025-32434, CVE-2026-24747)
TORCH = "torch>=2.10"
#: later wheels hold paths that Windows cannot unpack
TORCH_ON_WINDOWS = "torch>=2.10,<2.13"
LIGHT = ("safetensors>=0.5", "scipy>=1.13")
#: installs the build of torch that fits the graphics card; the PyTorch extension brings it too
TORCH_INSTALLER = "light-the-torch>=0.7"

MAC = _(
    "No local computing on this Mac: Slicer runs here as an Intel program, for which no PyTorch exists that "
    "is safe to load model files with (2.10 or later). Use Slicer on Linux or Windows."
)
#: the extension that brings what installs PyTorch
EXTENSION = "PyTorch"
RESTART = _("The extension PyTorch is installed, and works after a restart: restart Slicer, then install PyTorch here.")
NO_EXTENSION = _(
    "PyTorch is missing. Install the extension PyTorch in the Extensions Manager and restart Slicer; "
    "everything else here works without it."
)


@dataclass(frozen=True)
class Dependencies:
    """torch: requirement to be installed ("" if it is there).  packages: the light ones to be installed.

    sentence: what the user reads, "" if nothing is missing.  installable: a click could install it here and now.
    """

    torch: str = ""
    packages: tuple[str, ...] = ()
    sentence: str = ""
    installable: bool = False

    @property
    def complete(self) -> bool:
        return not self.sentence

    @property
    def wouldInstall(self) -> tuple[str, ...]:
        return (*((self.torch,) if self.torch else ()), *self.packages)

    @staticmethod
    def examined(
        requirements: tuple[str, ...] = (),
        hasPyTorchExtension: bool = True,
        version: Any = metadata.version,
        system: str | None = None,
        machine: str | None = None,
        waitsForRestart: bool = False,
    ) -> Dependencies:
        """What the chosen model kind needs beyond the engine's own needs, against what is installed.

        requirements: pip requirements such as "monai>=1.6".  version: name -> installed version, raising
        PackageNotFoundError.  system, machine: as of :mod:`platform`, replaceable for tests.  waitsForRestart:
        the extension is on disk only.
        """
        system, machine = system or platform.system(), machine or platform.machine()
        wanted = TORCH_ON_WINDOWS if system == "Windows" else TORCH
        torch = "" if isInstalled(TORCH, version) else wanted
        light = {nameOf(r): r for r in (*LIGHT, *requirements) if nameOf(r) != "torch"}
        packages = tuple(r for r in light.values() if not isInstalled(r, version))
        if torch and system == "Darwin" and machine == "x86_64":
            return Dependencies(torch, packages, MAC, False)
        if torch and not hasPyTorchExtension:
            return Dependencies(torch, packages, RESTART if waitsForRestart else NO_EXTENSION, False)
        if torch:
            size = _("3 GB with an NVIDIA GPU, 0.2 GB without")
            sentence = _("PyTorch 2.10 or later is needed to run networks (download: about {size}).").format(size=size)
            return Dependencies(torch, packages, sentence, True)
        if packages:
            return Dependencies(
                "", packages, _("This model needs {names}.").format(names=", ".join(map(nameOf, packages))), True
            )
        return Dependencies()


def nameOf(requirement: str) -> str:
    """ "monai" of "monai[nibabel]>=1.6"."""
    from packaging.requirements import Requirement

    return Requirement(requirement).name


def isInstalled(requirement: str, version: Any = metadata.version) -> bool:
    """Whether a package is there in a fitting version; builds such as 2.13.0+cpu count as their version."""
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    if wanted.marker is not None and not wanted.marker.evaluate():
        return True
    try:
        return wanted.specifier.contains(version(wanted.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False
