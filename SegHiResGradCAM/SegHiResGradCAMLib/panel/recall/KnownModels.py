"""The classes of models that were used before, kept on this computer; and the model that fits a segmentation."""

from __future__ import annotations

import json
from typing import Any

from ..model.ClassMatch import matchingClass
from ..model.ModelList import ModelList

_KEY = "SegHiResGradCAM/KnownClasses"


class KnownModels:
    """settings: mapping that outlives the session.  shelf: the models that can still be found; others are forgotten."""

    def __init__(self, settings: Any, shelf: ModelList):
        self._settings, self._shelf = settings, shelf

    def learn(self, key: str, classes: tuple[str, ...]) -> None:
        """Remembers what a model can say, by its key; never its path."""
        known = {one: names for one, names in self._known().items() if self._shelf.source(one)}
        if known.get(key) != list(classes):
            self._settings[_KEY] = json.dumps(known | {key: list(classes)})

    def fitting(self, segmentNames: list[str]) -> str:
        """Key of the only model that has a class for every name; "" where there is none, or more than one."""
        found = [
            key for key, classes in self._known().items()
            if self._shelf.source(key) and all(matchingClass(name, classes) for name in segmentNames)
        ]  # fmt: skip
        return found[0] if len(found) == 1 and segmentNames else ""

    def _known(self) -> dict[str, list[str]]:
        try:
            found = json.loads(str(self._settings.get(_KEY) or "{}"))
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
