"""Slicer's settings as a mapping, so that nothing but the widget needs Qt."""

from __future__ import annotations

from typing import Any


class Settings:
    """``get(key, default)`` and ``settings[key] = text`` over an object with ``value`` and ``setValue`` (QSettings)."""

    def __init__(self, store: Any):
        self._store = store

    def get(self, key: str, default: Any = None) -> Any:
        found = self._store.value(key)
        return default if found is None else found

    def __setitem__(self, key: str, text: str) -> None:
        self._store.setValue(key, text)
