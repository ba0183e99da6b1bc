"""The library MONAI, imported where something of it is used, and the pip line where it is missing."""

from __future__ import annotations

from ..protocol.errors import DependencyError

MONAI = "monai>=1.6"
#: libraries that MONAI itself imports only when it meets these
_EXTRA = {"Orientation": "nibabel", "Spacing": "nibabel", "UNETR": "einops", "SwinUNETR": "einops"}


def monai(part: str):
    """A module of MONAI; raises DependencyError if it is not installed."""
    import importlib

    try:
        return importlib.import_module(f"monai.{part}")
    except ImportError as error:
        missing = (getattr(error, "name", None) or "monai").partition(".")[0]
        raise DependencyError.of("This model", missing, f"'{MONAI if missing == 'monai' else missing}'") from error


def requirements(*names: str) -> tuple[str, ...]:
    """pip requirements of components by name."""
    return (MONAI, *dict.fromkeys(_EXTRA[name] for name in names if name in _EXTRA))
