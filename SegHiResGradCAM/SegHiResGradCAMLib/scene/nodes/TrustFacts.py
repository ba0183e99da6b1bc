"""Whether a map is faithful, as far as it was checked: remembered with the map's node, and said in words."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from ...setup.Translation import _
from . import AttributeNames
from .NodeFacts import factsOf

FAST, FULL = "fast", "full"
#: the engine's word for a map that fails, in files too; never translated, because it is compared
NOT_SUPPORTED = "not supported by the model"  # no tr
_STATUS = {
    "empty_reference": _("nothing to compare with"), "zero_map": _("no evidence"), "nonfinite": _("not finite"),
    "too_small": _("too small"), "not_measured": _("not measured"),
}  # fmt: skip


def writeTrust(volumeNode: Any, checks: dict) -> None:
    """checks: {"fast" or "full": the worker's ``trust``}; curves are kept in tables, not here. {} takes it away."""
    told = {tier: {key: value for key, value in one.items() if key != "curves"} for tier, one in checks.items()}
    if told:
        volumeNode.SetAttribute(AttributeNames.TRUST, json.dumps(told, sort_keys=True, allow_nan=False))
    else:
        volumeNode.RemoveAttribute(AttributeNames.TRUST)


def trustOf(volumeNode: Any) -> dict:
    """What :func:`writeTrust` wrote, also after the scene was reloaded; {} where nothing was checked."""
    return factsOf(volumeNode, AttributeNames.TRUST)


def verdictOf(volumeNode: Any) -> str:
    """The full check's verdict in the engine's word, "" before there is one."""
    return trustOf(volumeNode).get(FULL, {}).get("verdict", "")


def isNotSupported(volumeNode: Any) -> bool:
    return verdictOf(volumeNode) == NOT_SUPPORTED


def verdictText(volumeNode: Any) -> str:
    """The full check's verdict as one sentence, "" before there is one."""
    return trustOf(volumeNode).get(FULL, {}).get("verdict_sentence", "")


def numbersText(volumeNode: Any) -> str:
    """The full check's numbers, before it the fast ones: what it is, the number, what it says; a paragraph each, in
    rich text without colours. What a sentence says in brackets at its end is left to :func:`numbersTip`."""
    return "".join(_paragraph(row, first=n == 0) for n, row in enumerate(_shown(volumeNode)))


def numbersTip(volumeNode: Any) -> str:
    """The same as plain text, whole."""
    return "\n".join(f"{_head(row)} {row['sentence']}" for row in _shown(volumeNode))


def valueText(value: dict) -> str:
    """ "0.24", "3.1 ml", or why there is no number; value: Value.to_json()."""
    if value["value"] is None:
        return _STATUS.get(value["status"], value["status"])
    return f"{value['value']:.3g} {value['unit']}".strip()


def _shown(volumeNode: Any) -> list[dict]:
    found = trustOf(volumeNode)
    return (found.get(FULL) or found.get(FAST) or {"rows": []})["rows"]


def _head(row: dict) -> str:
    return f"{row['title']}: {valueText(row['value'])}."


def _paragraph(row: dict, first: bool) -> str:
    brief = row.get("brief", row["sentence"])  # a scene of an earlier version holds sentences only
    text = f"<b>{escape(_head(row), quote=False)}</b> <small>{escape(brief, quote=False)}</small>"
    return f'<p style="margin: {0 if first else 3}px 0 0 0">{text}</p>'  # no tr
