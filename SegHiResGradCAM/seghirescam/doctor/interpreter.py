"""Python, the system and its memory."""

from __future__ import annotations

import platform
import struct
import sys

from ..session.memory import memory_of_machine
from .finding import FAILED, OK, Finding, memory_text

#: pyproject.toml says the same; a test compares
OLDEST = (3, 11)
#: bytes that the small map needs beside what PyTorch takes
ENOUGH = 2e9


def python(version: tuple = sys.version_info[:3], bits: int = 8 * struct.calcsize("P")) -> Finding:
    """version, bits: replaceable for tests."""
    text = ".".join(map(str, version))
    said = f"{platform.python_implementation()} {text}, {bits} bit"
    oldest = ".".join(map(str, OLDEST))
    if tuple(version[:2]) < OLDEST:
        return Finding("Python", FAILED, said, f"Use Python {oldest} or later (3D Slicer 5.10 or later has it).", True)
    if bits < 64:
        return Finding("Python", FAILED, said, "Use a 64-bit Python: there is no PyTorch for this one.", True)
    return Finding("Python", OK, said, needed=True, numbers={"version": text, "bits": bits})


def system() -> Finding:
    """The kind of system, never its name in a network."""
    word = platform.system()
    if word == "Linux":
        try:
            word = platform.freedesktop_os_release().get("PRETTY_NAME", word)
        except OSError:
            pass  # a system that does not say which Linux it is
        word = f"{word}, {' '.join(platform.libc_ver()).strip() or 'unknown C library'}"
    elif word == "Darwin":
        word = f"macOS {platform.mac_ver()[0]}"
    elif word == "Windows":
        word = f"Windows {platform.release()} ({platform.version()})"
    if platform.system() == "Darwin" and platform.machine() == "x86_64":
        return Finding(
            "System",
            FAILED,
            f"{word}, {platform.machine()}",
            "No PyTorch that is safe to load model files with exists for Intel programs on a Mac: use a native Python, "
            "or Linux or Windows.",
            True,
        )
    return Finding("System", OK, f"{word}, {platform.machine()}")


def memory() -> Finding:
    total, free = memory_of_machine()
    said = f"{memory_text(total)}, {memory_text(free)} free"
    numbers = {"total_bytes": total, "free_bytes": free}
    if free < ENOUGH:
        return Finding(
            "Memory", FAILED, said, "Close other programs: PyTorch and a small image need 2 GB.", numbers=numbers
        )
    return Finding("Memory", OK, said, numbers=numbers)
