"""SimpleITK, imported where it is used."""

from __future__ import annotations

from ..protocol.errors import DependencyError


def simple_itk():
    """The library, without its warnings on the console. Raises DependencyError."""
    try:
        import SimpleITK as sitk
    except ImportError as error:
        raise DependencyError(
            "SimpleITK, which reads and writes volumes, is not installed.", "Run: python -m pip install SimpleITK"
        ) from error
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    return sitk
