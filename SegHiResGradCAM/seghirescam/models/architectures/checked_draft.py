"""A draft from a user's files: refused in one sentence where they are none, and read as the description will be."""

from __future__ import annotations

from pathlib import Path

from ...protocol.errors import ModelError
from ...protocol.untrusted import named, refuse_odd
from .. import recognise
from ..descriptions.description_file import TOML, parsed
from ..unrecognised import what_it_is
from ..weights.tensor_table import table_of
from .draft import draft
from .draft_lines import Draft
from .stated import Stated


def place_beside(weights: Path) -> Path:
    """Where the description of weights is written unless another place is named."""
    return weights.with_name(weights.stem + TOML)


def drafted(weights: Path, out: Path, stated: Stated, factory: Path | None = None) -> Draft:
    """out: the description to be, which is not written.  Raises ModelError, which says what a file is instead."""
    refuse_odd(str(weights))
    _refuse_what_is_no_file(weights)
    if factory is not None and not factory.is_file():
        raise ModelError(f"The Python file '{named(factory)}' is not there.", "Check its path.")
    try:
        return draft(weights, out.parent, out.name.removesuffix(TOML), stated, factory)
    except ModelError as error:
        raise _told_better(weights, error) from error


def check_draft(found: Draft, weights: Path, factory: Path | None = None) -> None:
    """The description as it will be read, before it is written: a stated word may be wrong. Raises ModelError."""
    words = dict(parsed(found.text.encode(), f"description{TOML}"))
    words["weights"] = str(weights)
    if "factory" in words:
        words["factory"] = str(factory or weights)  # one that is not there yet
    recognise(words).classes(words)


def _refuse_what_is_no_file(weights):
    if weights.is_file():
        return
    if weights.is_dir() and (told := what_it_is(weights)):
        raise ModelError(*told)
    missing = "is a folder" if weights.is_dir() else "is not there"
    raise ModelError(f"'{named(weights)}' {missing}.", "Give a file of weights: .pt, .pth, .ckpt or .safetensors.")


def _told_better(weights, error):
    """What the file is instead, where it is no weights file."""
    try:
        table_of(weights)
    except ModelError:
        told = what_it_is(weights)
        return ModelError(*told) if told else error
    return error
