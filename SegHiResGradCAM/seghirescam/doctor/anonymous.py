"""Texts of other programs without what names a user, a computer or a place: the answer may be sent to others."""

from __future__ import annotations

import getpass
import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path

from ..protocol.privacy import Names

#: shorter names are words of every text
_SHORTEST = 3
_VARIABLES = ("USER", "USERNAME", "LOGNAME", "HOSTNAME", "COMPUTERNAME", "USERDOMAIN")


def names_here() -> set[str]:
    """The user's and the computer's names, as the system and the environment tell them; asks nobody else."""
    found = {os.environ.get(name, "") for name in _VARIABLES} | {platform.node(), platform.node().split(".")[0]}
    try:
        found |= {getpass.getuser(), Path.home().name}
    except (OSError, KeyError, ImportError, RuntimeError):
        pass  # a user without an entry in the system's list
    return {name for name in found if len(name) >= _SHORTEST}


def without_names(text: str, names: Iterable[str] | None = None) -> str:
    """The text of another program without paths, network addresses, and the names of user and computer."""
    text = re.sub(r"\b[a-z]\w{1,5}://[^\s'\"]+", "<address>", text, flags=re.IGNORECASE)
    text = Names().hide(text)
    for name in sorted(names_here() if names is None else names, key=len, reverse=True):
        text = re.sub(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", "<name>", text, flags=re.IGNORECASE)
    return text


def first_line(text: str, longest: int = 200) -> str:
    """The first line of a text that says something, without names and no longer than that."""
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return without_names(lines[0])[:longest] if lines else "no reason was told"
