"""Seg-HiRes-Grad CAM: why did a segmentation network draw that segment?

The engine.  ``import seghirescam`` loads no torch; the names below are imported when first used::

    import seghirescam

    (found,) = seghirescam.explain(network, image, mask, classes=["background", "tumour"], target="tumour")
    found.plot()
"""

import importlib  # nothing more: with ``python -m`` the current folder is still searched for modules here

__version__ = "0.1.0"

_WHERE = {
    "Grid": "protocol.grid",
    "Image": "protocol.image",
    "PixelSet": "protocol.pixel_set",
    "Explanation": "verbs.shown",
    "LayerInfo": "protocol.explanation",
    "Question": "protocol.question",
    "open_model": "models",
    "PlainModel": "models.plain",
    "open_session": "verbs.asked",
    "explain": "verbs.asked",
    "list_layers": "verbs.asked",
    "predict": "verbs.asked",
    "compare": "verbs.asked",
    "disagree": "verbs.asked",
    "evaluate": "verbs.asked",
    "causes": "verbs.asked_why",
    "smallest_flip": "verbs.asked_why",
}

__all__ = ["__version__", *_WHERE]


def __getattr__(name):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)


def __dir__():
    return sorted(__all__)
