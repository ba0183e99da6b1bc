"""What Slicer says about the module in Help & Acknowledgement; the facts of the index entry, see extension_facts."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from .ExtensionFacts import CONTRIBUTORS, HOMEPAGE


def describe(parent: Any) -> None:
    """Writes help, contributors and acknowledgement into what Slicer gives a module as ``parent``."""
    parent.contributors = CONTRIBUTORS.split(", ")
    parent.helpText = _(
        "Why did a network draw that segment? Choose volume, segment and model, press Apply: the evidence is laid over "
        "the volume. Not for diagnosis."
    ) + ' <a href="{url}">{text}</a>.'.format(url=HOMEPAGE, text=_("Documentation, tutorial and source"))
    parent.acknowledgementText = _(
        "Method: T. Rheude, A. Wirtz, A. Kuijper, S. Wesarg, Leveraging CAM Algorithms for Explaining Medical "
        "Semantic Segmentation, MELBA 2024:023."
    )
