"""The methods as a list the panel can show."""

from __future__ import annotations

from ...protocol.question import DEFAULT_METHOD


def method_list() -> list[dict]:
    """[{"name", "title", "cost", "slow", "about"}], the paper's first, then by title; see :class:`base.Method`."""
    from . import methods

    found = [kind() for kind in methods().values()]  # some titles tell the settings: those of the default ones
    told = [{key: getattr(one, key) for key in ("name", "title", "cost", "slow", "about")} for one in found]
    return sorted(told, key=lambda one: (one["name"] != DEFAULT_METHOD, one["title"].lower()))
