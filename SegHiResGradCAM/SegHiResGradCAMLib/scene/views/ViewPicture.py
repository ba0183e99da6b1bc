"""The views as they are, as a PNG; without the annotations in their corners, which may hold a patient's name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import slicer


def writeViews(path: Any) -> bool:
    """Writes all views of the layout as one picture; False, and nothing, where there is no layout to be seen."""
    layout = slicer.app.layoutManager()
    if layout is None or layout.viewport() is None:
        return False
    with _withoutAnnotations():
        slicer.app.processEvents()
        picture = layout.viewport().grab()
        return bool(not picture.isNull() and picture.save(str(path), "PNG"))


@contextmanager
def _withoutAnnotations() -> Iterator[None]:
    """Slicer writes patient, study and series into the corners of slice views, unless its user switched that off."""
    probe = getattr(slicer.modules, "DataProbeInstance", None)
    annotations = getattr(getattr(probe, "infoWidget", None), "sliceAnnotations", None)
    if annotations is None:
        yield
        return
    former = annotations.sliceViewAnnotationsEnabled
    annotations.sliceViewAnnotationsEnabled = False
    annotations.updateSliceViewFromGUI()
    try:
        yield
    finally:
        annotations.sliceViewAnnotationsEnabled = former
        annotations.updateSliceViewFromGUI()
