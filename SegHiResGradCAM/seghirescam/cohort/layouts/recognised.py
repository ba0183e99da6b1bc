"""Which layout a folder is in, where its own files say so: nnU-Net and BIDS name themselves, the others are named."""

from __future__ import annotations

from pathlib import Path

from ..plans.row import PlanError
from . import LAYOUTS
from .held_files import held

#: layout -> what tells it
SIGNS = {
    "nnunet": "dataset.json beside imagesTr or imagesTs",
    "bids": "dataset_description.json beside sub- folders",
}


def layout_of(folder: Path) -> str:
    """The layout's word. Raises PlanError where nothing tells it, or both do."""
    names = set(held(folder))
    found = []
    if "dataset.json" in names and {"imagesTr", "imagesTs"} & names:
        found.append("nnunet")
    if "dataset_description.json" in names and any(name.startswith("sub-") for name in names):
        found.append("bids")
    if len(found) == 1:
        return found[0]
    signs = "; ".join(f"{name}: {sign}" for name, sign in SIGNS.items())
    if found:
        raise PlanError(f"The folder '{folder.name}' may be {' or '.join(found)}.", "Say which with --layout.")
    raise PlanError(
        f"The folder '{folder.name}' does not tell its layout ({signs}).",
        f"Say it with --layout: {', '.join(LAYOUTS)}.",
    )
