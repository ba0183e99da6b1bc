"""highdicom and pydicom, imported where they are used, and heard by nobody: their warnings repeat what they read."""

from __future__ import annotations

import contextlib
import logging
import warnings

from ...protocol.errors import DependencyError

_LIBRARIES = ("pydicom", "highdicom")


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


@contextlib.contextmanager
def unheard():
    """While it lasts neither library warns or logs: what they say of odd values holds them, names of patients too."""
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith(_LIBRARIES)]
    loggers = [one for one in loggers if not one.disabled]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for one in loggers:
            one.disabled = True
        try:
            yield
        finally:
            for one in loggers:
                one.disabled = False
