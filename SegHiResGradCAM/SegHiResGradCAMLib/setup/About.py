"""What Slicer says about the module in Help & Acknowledgement; the facts of the index entry, see extension_facts."""

from __future__ import annotations

from typing import Any

from .ExtensionFacts import CONTRIBUTORS, HOMEPAGE
from .Translation import _


def describe(parent: Any) -> None:
    """Writes help, contributors and acknowledgement into what Slicer gives a module as ``parent``."""
    parent.contributors = CONTRIBUTORS.split(", ")
    parent.helpText = _(
        "Why did a network draw that segment? Choose volume, segment and model, press Apply: the evidence is laid over "
        "the volume. Not for diagnosis."
    )
    page = _("Documentation, tutorial and source")
    parent.helpText += f' <a href="{HOMEPAGE}">{page}</a>.'  # no tr
    parent.acknowledgementText = _(
        "Method: T. Rheude, A. Wirtz, A. Kuijper, S. Wesarg, Leveraging CAM Algorithms for Explaining Medical "
        "Semantic Segmentation, MELBA 2024:023."
    )
