"""Room on disk where packages would go and where arrays travel, long paths on Windows, a proxy. Nothing is written."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path

from .finding import FAILED, OK, Finding, size_text

#: while it is unpacked, a package lies there as a whole twice: as an archive and unpacked
TWICE = 2
#: bytes for the arrays of a large case
TEMPORARY = 2e9
#: Windows' limit, and letters of the longest path within PyTorch 2.13's wheel (2.12 and before stay far below)
PATH_LIMIT, TORCH_LONGEST = 259, 171
_PROXIES = ("https_proxy", "http_proxy", "all_proxy")


def places(needed: int, usage: Callable = shutil.disk_usage) -> list[Finding]:
    """needed: bytes of what is still to be installed.  usage: replaceable for tests."""
    folder = sysconfig.get_paths()["purelib"]
    return [
        _room("Disk for packages", folder, TWICE * needed, usage),
        _room("Disk for temporary files", tempfile.gettempdir(), TEMPORARY, usage),
    ]


def _room(name: str, folder: str, needed: float, usage: Callable) -> Finding:
    try:
        free = usage(_there(folder)).free
    except OSError:
        return Finding(name, FAILED, "the disk does not answer", "Check that its drive is connected.")
    numbers = {"free_bytes": free, "needed_bytes": int(needed)}
    if free < needed:
        return Finding(
            name,
            FAILED,
            f"{size_text(free)} free, {size_text(needed)} are needed",
            f"Free {size_text(needed - free)} on that disk.",
            numbers=numbers,
        )
    if needed and not os.access(_there(folder), os.W_OK):
        return Finding(
            name,
            FAILED,
            f"{size_text(free)} free, but you may not write there",
            "Install for yourself (pip's --user), or start the program as administrator once.",
            numbers=numbers,
        )
    return Finding(name, OK, f"{size_text(free)} free", numbers=numbers)


def _there(folder: str) -> Path:
    """The folder, or the next one above that exists."""
    path = Path(folder)
    return next((one for one in (path, *path.parents) if one.exists()), path)


def long_paths(torch_is_there: bool, folder: str = "", enabled: Callable[[], bool] | None = None) -> list[Finding]:
    """On Windows only: whether PyTorch's files can be unpacked where packages go.

    folder, enabled: replaceable for tests, which also have it answer on other systems.
    """
    if enabled is None:
        if sys.platform != "win32":
            return []
        enabled = _enabled
    longest = len(folder or sysconfig.get_paths()["purelib"]) + 1 + TORCH_LONGEST
    numbers = {"longest": longest, "limit": PATH_LIMIT}
    if torch_is_there or longest <= PATH_LIMIT or enabled():
        return [Finding("Long paths", OK, "nothing in their way", numbers=numbers)]
    return [
        Finding(
            "Long paths",
            FAILED,
            f"PyTorch's longest path would have {longest} letters, Windows allows {PATH_LIMIT}",
            "Turn on Windows' long paths (LongPathsEnabled), move the program to a shorter folder, or install "
            '"torch>=2.10,<2.13".',
            numbers=numbers,
        )
    ]


def _enabled() -> bool:
    try:
        import winreg

        with winreg.OpenKey(  # type: ignore[attr-defined]
            winreg.HKEY_LOCAL_MACHINE,  # type: ignore[attr-defined]
            r"SYSTEM\CurrentControlSet\Control\FileSystem",
        ) as key:
            return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])  # type: ignore[attr-defined]
    except (ImportError, OSError):
        return False


def proxy() -> Finding:
    """Whether a proxy is set; never which. Nobody is asked on the network."""
    names = [name for name in _PROXIES if os.environ.get(name) or os.environ.get(name.upper())]
    if names:
        return Finding("Proxy", OK, f"set ({', '.join(names)})")
    return Finding("Proxy", OK, "none is set")
