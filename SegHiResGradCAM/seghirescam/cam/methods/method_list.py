"""The registered methods, as a list the panel can show."""

from __future__ import annotations

import re

#: what stands first: the paper's own
FIRST = "seg_hires_grad_cam"


def method_list() -> list[dict]:
    """[{"name", "title", "cost", "slow", "about"}], the default first, then by title.

    cost: passes forward (F) and backward (B) as the method's description counts them, K the layer's channels.  slow:
    it takes a pass for each channel or step.
    """
    from . import methods

    found = [_told(cls) for cls in methods().values()]
    return sorted(found, key=lambda told: (told["name"] != FIRST, told["title"].lower()))


def _told(cls):
    words = " ".join((cls.__doc__ or "").split())
    cost = re.search(r"Cost: (.+?)\.(?:\s|$)", words)
    cost = cost.group(1) if cost else ""
    return {
        "name": cls.name,
        "title": _title(cls),
        "cost": cost,
        "slow": bool(re.search(r"\+ K\b|\bK tail|\bsteps\b", cost)),
        "about": _about(words),
    }


def _title(cls):
    """Some titles tell the settings: those are asked of the method with its default ones."""
    return cls.title if isinstance(cls.title, str) else cls().title


def _about(words):
    """The description without its cost, up to three sentences."""
    sentences = re.split(r"(?<=[.])\s+(?=[A-Z])", re.sub(r"Cost: .+?\.(\s|$)", "", words).strip())
    return " ".join(sentences[:3])
