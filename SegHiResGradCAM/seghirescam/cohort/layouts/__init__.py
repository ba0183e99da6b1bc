"""Folders as datasets are published, understood by their names: one file a layout, nothing read but names and JSON.

Every module has ``rows(folder, *, model, ...) -> Iterator[Row]`` (its own further words are keywords), which raises
PlanError before the first row: what is missing, and what to do.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from ..plans.row import PlanError

#: what a user calls a layout -> its module
LAYOUTS = {
    "nnunet": "nnunet_raw",
    "bids": "bids",
    "kits23": "kits23",
    "cityscapes": "cityscapes",
    "opg": "opg",
}


def layout(name: str) -> ModuleType:
    """The module of a layout. Raises PlanError with the list."""
    if name not in LAYOUTS:
        raise PlanError(f"There is no layout '{name}'.", f"Known: {', '.join(LAYOUTS)}.")
    return importlib.import_module(f".{LAYOUTS[name]}", __name__)
