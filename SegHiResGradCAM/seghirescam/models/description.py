"""What a model says about itself before anything of it runs. No torch."""

from __future__ import annotations

import contextlib
import re
from importlib import metadata

from . import recognise
from .file_stamp import file_stamp


def description(source) -> dict:
    """Kind, classes, channels, requirements and whose code would run; JSON-able. Raises ModelError."""
    kind = recognise(source)
    requirements = list(kind.requirements(source))
    why = kind.runs_author_code(source)
    return {
        "kind": kind.name,
        "kind_title": kind.title,
        "classes": [{"index": c.index, "name": c.name} for c in kind.classes(source)],
        "channels": list(kind.channels(source)),
        "requirements": requirements,
        "missing": [requirement for requirement in requirements if not _installed(requirement)],
        "runs_author_code": why,
        "consent_sha256": kind.consent_hash(source) if why else "",
    }


def stamp(kind, source) -> tuple:
    """Changes when the content of a file of the model does; see :mod:`models.file_stamp`."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        return tuple(file_stamp(path) for path in kind.files(source))
    return ()


def _installed(requirement: str) -> bool:
    with contextlib.suppress(metadata.PackageNotFoundError):
        return bool(metadata.version(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]))
    return False
