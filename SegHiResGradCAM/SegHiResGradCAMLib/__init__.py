"""The Slicer building: everything between MRML nodes and the engine's plain types. No Qt, no torch.

readImage, readPixelSet       MRML nodes -> Image, PixelSet (world millimetres, RAS)
addOverlay, removeOverlay     Explanation -> volume node with display, legend, provenance; and away again
applyDisplay, DisplaySettings another threshold, sign, colour table or opacity for the same map
showInForeground, hideFromForeground   slice layers, with the former foreground restored
exportOverlay                 .nrrd and its JSON sidecar, both or neither
"""

from .scene.nodes.Provenance import explanationFacts, isOverlay
from .scene.overlay.DisplaySettings import DisplaySettings
from .scene.overlay.Overlay import addOverlay, applyDisplay, removeOverlay
from .scene.overlay.OverlayDisplay import settingsOf
from .scene.results.Export import exportOverlay
from .scene.segments.PixelSetReader import readPixelSet
from .scene.views.SliceLayers import hideFromForeground, showInForeground
from .scene.volumes.ImageReader import readImage

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
