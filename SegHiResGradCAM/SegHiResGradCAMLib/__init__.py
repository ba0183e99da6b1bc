"""The Slicer building: everything between MRML nodes and the engine's plain types. No Qt, no torch.

readImage, readPixelSet       MRML nodes -> Image, PixelSet (world millimetres, RAS)
addOverlay, removeOverlay     Explanation -> volume node with display, legend, provenance; and away again
applyDisplay, DisplaySettings another threshold, sign, colour table or opacity for the same map
showInForeground, hideFromForeground   slice layers, with the former foreground restored
exportOverlay                 .nrrd and its JSON sidecar, both or neither
"""

from .DisplaySettings import DisplaySettings
from .Export import exportOverlay
from .ImageReader import readImage
from .Overlay import addOverlay, applyDisplay, removeOverlay
from .OverlayDisplay import settingsOf
from .PixelSetReader import readPixelSet
from .Provenance import explanationFacts, isOverlay
from .SliceLayers import hideFromForeground, showInForeground

__all__ = [
    "DisplaySettings",
    "addOverlay",
    "applyDisplay",
    "explanationFacts",
    "exportOverlay",
    "hideFromForeground",
    "isOverlay",
    "readImage",
    "readPixelSet",
    "removeOverlay",
    "settingsOf",
    "showInForeground",
]
