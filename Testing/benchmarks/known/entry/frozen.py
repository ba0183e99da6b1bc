"""The twenty networks: made again by one command, and told apart from others by their hashes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from .. import trained

#: names of the weights files to their SHA-256, and on what machine they were made
MANIFEST = Path(__file__).with_name("networks.json")


def networks(folder: Path, quick: bool = False) -> list[trained.Name]:
    """The models' names; trains what is not in the folder (13 minutes on one core for all twenty).

    quick: two networks of two steps each, in a folder of their own: whether an entry runs at all.
    """
    if quick:
        wanted = trained.names(1)
        trained.train_all(folder, wanted, 2, range(8))
    else:
        wanted = trained.names()
        trained.train_all(folder, wanted)
    return wanted


def hashes(folder: Path, wanted: list[trained.Name]) -> dict[str, str]:
    """{file name: SHA-256}"""
    files = [folder / f"{name}.safetensors" for name in wanted]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def differing(found: dict[str, str]) -> list[str]:
    """Names of the files whose content is not that of the frozen networks."""
    frozen = json.loads(MANIFEST.read_text(encoding="utf-8"))["sha256"]
    return sorted(name for name, digest in found.items() if frozen.get(name) != digest)
