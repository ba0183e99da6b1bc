"""What a model says about itself before anything of it runs, and what people call its kind. No torch."""

from __future__ import annotations

import contextlib
import os
import re
from importlib import metadata

from .errors import ModelError
from .models import kinds

#: what people call the kinds of :mod:`models`; one that is missing here is called by its own name
TITLES = {
    "demo": "Demo network",
    "totalsegmentator": "TotalSegmentator weights",
    "nnunet": "nnU-Net v2 model",
    "monai_bundle": "MONAI bundle",
    "monai_network": "MONAI network with weights",
    "auto3dseg": "MONAI Auto3DSeg checkpoint",
    "exported": "torch.export program (.pt2)",
    "torchscript": "TorchScript program",
    "factory": "Python file and weights",
}


def recognised(source):
    """The kind of a model. Raises ModelError with all kinds that were tried, in words."""
    known = kinds()
    for kind in known:
        if kind.recognises(source):
            return kind
    tried = ", ".join(title(kind.name) for kind in known)
    if isinstance(source, dict):
        raise ModelError("No model was recognised in this description.", f"Tried: {tried}.")
    if not os.path.exists(str(source)):
        raise ModelError("There is no such file or folder.", "It was moved or deleted: pick the model again.")
    raise ModelError(f"No model was recognised in {str(source)!r}.", f"Tried: {tried}.")


def title(kind: str) -> str:
    return TITLES.get(kind, kind)


def description(source) -> dict:
    """Kind, classes, channels, requirements and whose code would run; JSON-able. Raises ModelError."""
    kind = recognised(source)
    requirements = list(kind.requirements(source))
    why = kind.runs_author_code(source)
    return {
        "kind": kind.name,
        "kind_title": title(kind.name),
        "classes": [{"index": c.index, "name": c.name} for c in kind.classes(source)],
        "channels": list(kind.channels(source)) if hasattr(kind, "channels") else None,
        "requirements": requirements,
        "missing": [requirement for requirement in requirements if not _installed(requirement)],
        "runs_author_code": why,
        "consent_sha256": kind.consent_hash(source) if why else "",
    }


def stamp(kind, source) -> tuple:
    """Changes when a file of the model does: its size and time."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        files = kind.files(source) if hasattr(kind, "files") else [source]
        return tuple((str(path), os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in files)
    return ()


def _installed(requirement: str) -> bool:
    with contextlib.suppress(metadata.PackageNotFoundError):
        return bool(metadata.version(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]))
    return False
