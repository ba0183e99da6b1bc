"""The one set of facts about the extension. Everything that 3D Slicer and its Extensions Index read is written from it.

After a change:  python3 tools/write_extension_files.py
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

NAME = "SegHiResGradCAM"
REPOSITORY = "SlicerSegHiResGradCAM"

#: whose repository it is; not known yet, and written nowhere else
OWNER = "OWNER"
BRANCH = "main"
HOMEPAGE = f"https://github.com/{OWNER}/{REPOSITORY}"
RAW = f"https://raw.githubusercontent.com/{OWNER}/{REPOSITORY}/{BRANCH}"

CATEGORY = "Segmentation"
DEPENDS = ("PyTorch",)
TIER = 3
STATUS = "Development"
CONTRIBUTORS = "The SegHiResGradCAM authors"
LICENCE = "Apache-2.0"
LICENCE_FILE = "LICENSE.txt"
README_FILE = "README.md"
KEYWORDS = ("explainability", "segmentation", "Grad-CAM", "HiResCAM", "saliency")

# one line, without ; and ": CMake would read them as its own
DESCRIPTION = (
    "Shows why a neural network drew a segment: which places of the CT, MR or other image spoke for it. "
    "The evidence (Seg-HiRes-Grad CAM, in 2D and 3D) is laid over the volume as a colour map, in the right place and "
    "with a unit, so that one sees whether the network looked at the tumour or at something else. "
    "Research software, not for diagnosis."
)

ICON = "SegHiResGradCAM/Resources/Icons/SegHiResGradCAM.png"
#: the first is always listed; the others as soon as they are in the tree
SCREENSHOTS = ("Resources/four_up.png", "Resources/panel.png")

SCHEMA = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/slicer-extension-catalog-entry-schema-v1.0.1.json#"
)


def icon_url() -> str:
    """The icon as the Extensions Manager loads it: the file itself, not GitHub's page about it."""
    return f"{RAW}/{ICON}"


def screenshots(root: Path = ROOT) -> list[str]:
    """The screenshots to be listed, as paths below the repository's root."""
    return [path for n, path in enumerate(SCREENSHOTS) if n == 0 or (root / path).exists()]


def screenshot_urls(root: Path = ROOT) -> list[str]:
    """Addresses of the pictures themselves, in the order of SCREENSHOTS."""
    return [f"{RAW}/{path}" for path in screenshots(root)]
