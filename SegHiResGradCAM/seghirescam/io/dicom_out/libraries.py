"""highdicom and pydicom, imported where they are used."""

from __future__ import annotations

from ...protocol.errors import DependencyError


def libraries():
    """(highdicom, pydicom). Raises DependencyError."""
    try:
        import highdicom
        import pydicom
    except ImportError as error:
        raise DependencyError(
            "highdicom, which writes DICOM objects, is not installed.", "Run: python -m pip install highdicom"
        ) from error
    return highdicom, pydicom
