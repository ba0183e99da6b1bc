"""The sections that are filled by one file each: the one place where a new one is named."""

from __future__ import annotations

from importlib import import_module

#: "room.File" below panel/: the class of the file's name is the section's logic
SECTIONS: tuple[str, ...] = ("causes.WhatMattered", "causes.SmallestFlip")


def sections() -> dict[str, type]:
    """By the names of their states, in their order in the panel.

    A logic is made as ``Logic(panel, scene, later)`` and has ``section`` (a Section), ``View`` (a FeatureView) and
    ``state()``, which returns what the view shows.
    """
    return {file[0].lower() + file[1:]: _class(room, file) for room, file in (one.split(".") for one in SECTIONS)}


def _class(room: str, file: str) -> type:
    found: type = getattr(import_module(f"...panel.{room}.{file}", __package__), file)
    return found
