"""The views as they are, as a picture; without the annotations in their corners, which may hold a patient's name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import slicer


def pictureOfViews() -> Any:
    """All views of the layout in one QPixmap; None where there is no layout to be seen. The event loop runs once."""
    layout = slicer.app.layoutManager()
    if layout is None or layout.viewport() is None:
        return None
    with _withoutAnnotations():
        slicer.app.processEvents()
        picture = layout.viewport().grab()
    return None if picture.isNull() else picture


def writePicture(path: Any, picture: Any) -> None:
    """As PNG; nothing of None. Raises OSError."""
    if picture is not None and not picture.save(str(path), "PNG"):
        raise OSError("Qt could not write the picture.")


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
