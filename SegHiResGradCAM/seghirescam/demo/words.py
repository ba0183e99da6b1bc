"""The shipped case by a word instead of a path: ``demo:case`` as an image, ``demo:case:Lesion`` as a segment."""

from __future__ import annotations

from .case import FOLDER, SEGMENTATION_FILE, VOLUME_FILE

CASE = "demo:case"
#: a cohort of that case and both networks
PLAN, PLAN_FILE = "demo:plan", FOLDER / "plan.csv"


def image_path(text: str) -> str:
    """The volume's path for ``demo:case`` (or ``CHANNEL=demo:case``); any other text as it is."""
    name, mark, value = text.rpartition("=")
    return f"{name}{mark}{VOLUME_FILE}" if value == CASE else text


def labels_path(text: str) -> str:
    """The segmentation's path, and what follows: ``demo:case:Lesion`` is its segment; any other text as it is."""
    return f"{SEGMENTATION_FILE}{text[len(CASE) :]}" if text == CASE or text.startswith(f"{CASE}:") else text
