"""Seg-HiRes-Grad CAM: why did a segmentation network draw that segment?

The engine.  ``import seghirescam`` loads no torch; the names below are imported when first used.  The one verb is
``from seghirescam.session.explain import explain``.
"""

import importlib  # nothing more: with ``python -m`` the current folder is still searched for modules here

__version__ = "0.1.0"

_WHERE = {
    "Grid": "protocol.grid",
    "Image": "protocol.image",
    "PixelSet": "protocol.pixel_set",
    "Explanation": "protocol.explanation",
    "LayerInfo": "protocol.explanation",
    "open_model": "models",
    "PlainModel": "models.plain",
}

__all__ = ["__version__", *_WHERE]


def __getattr__(name):
    if name in _WHERE:
        return getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
