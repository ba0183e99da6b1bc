"""JSON that a node carries, read once for each text: the panel asks for it with every change."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any


def factsOf(node: Any, name: str) -> dict:
    """What stands in an attribute, {} where nothing does. Shared by all who ask: copy it before you change it.

    Kept by its text, not by the node or its time stamp: a node that is being modified tells no time of it yet.
    """
    text = node.GetAttribute(name)
    return _read(text) if text else {}


@lru_cache(maxsize=1024)  # a comparison of sixty maps has three texts each
def _read(text: str) -> dict:
    return json.loads(text)
