"""The models a user may pick: the demo networks, and files picked before."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...setup.Translation import _
from ..Option import Option

DEMO_PREFIX = "demo:"
DEMOS = (
    Option("demo:shortcut", _("Demo network: shortcut"), _("Learnt to look for a marker away from the lesion.")),
    Option("demo:honest", _("Demo network: honest"), _("Learnt that a bright ring makes a body a lesion.")),
)
_KEY = "SegHiResGradCAM/RecentModels"
_KEPT = 10
_FILE, _UNKNOWN = "file#", _("A model file")


def isDemo(key: str) -> bool:
    return key.startswith(DEMO_PREFIX)


class ModelList:
    """Knows models by a key that may stand in a saved scene: "demo:honest", or "file#1f0c..." for a file.

    The file's path and name stay in this computer's settings (a mapping): a scene that is given away must not carry
    them: a file may be called after a patient.  On another computer the key is unknown, and the user picks it again.
    """

    def __init__(self, settings: Any):
        self._settings = settings

    def options(self, current: str = "") -> tuple[Option, ...]:
        """Demo networks first, then files, the latest first; ``current`` is among them even if it is not known here."""
        known = _key(current)  # an older scene's key stays as it is until another model is picked
        recent = [(current if key == known else key, path) for key, path in self._recent().items()]
        found = (*DEMOS, *(Option(key, title(key, path), path) for key, path in recent))
        if current and all(option.key != current for option in found):
            tip = _("Its path is not known on this computer.")
            found = (*found, Option(current, _("{name} (not found)").format(name=_UNKNOWN), tip))
        return found

    def add(self, path: str) -> str:
        """Remembers a file or folder as the latest one and returns its key; a demo's name is its own key."""
        if path.startswith(DEMO_PREFIX):
            return path
        path = str(Path(path).expanduser().absolute())
        key = f"{_FILE}{hashlib.sha256(path.encode()).hexdigest()[:8]}"
        others = {k: p for k, p in self._recent().items() if k != key}
        kept = dict([(key, path), *others.items()][:_KEPT])
        self._settings[_KEY] = json.dumps(kept)
        return key

    def forget(self, key: str) -> None:
        """Takes a path off the list."""
        self._settings[_KEY] = json.dumps({k: p for k, p in self._recent().items() if k != _key(key)})

    def source(self, key: str) -> str:
        """What the engine opens: a demo's name or a path; "" for a key that is not known on this computer."""
        return key if key.startswith(DEMO_PREFIX) else self.path(key)

    def path(self, key: str) -> str:
        """The path of a file's key, "" for demos and unknown keys."""
        return self._recent().get(_key(key), "")

    def _recent(self) -> dict[str, str]:
        return _readPaths(str(self._settings.get(_KEY) or "{}"))


def title(key: str, path: str = "") -> str:
    """What the user reads for a key. path: where the model lies on this computer."""
    return next((option.text for option in DEMOS if option.key == key), Path(path).name if path else _UNKNOWN)


@lru_cache(maxsize=1)  # the panel asks with every change
def _readPaths(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return {_key(str(k)): str(p) for k, p in found.items()} if isinstance(found, dict) else {}


def _key(key: str) -> str:
    """Of an older version's key, which began with the file's name, what is left without it."""
    name, mark, digest = key.rpartition("#")
    return f"{_FILE}{digest}" if mark and name else key
