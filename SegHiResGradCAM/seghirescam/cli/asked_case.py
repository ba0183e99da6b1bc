"""One command's question about its image: refused before the model is opened where that can be, then on its grid."""

from __future__ import annotations

from ..io.segments_on_images import on_image, read_segment
from .dicom.dicom_files import DicomFiles, refuse_before, suffix_of
from .inputs import Opened


class AskedCase:
    """segment: as it was read, and once the case is open as it lies on the image, None without one.  opened, recipes:
    the model with its image, and the pixel sets; known once the case is open.  dicom: what writes DICOM objects, where
    they are asked for.  Raises PixelSetError, ImageError."""

    def __init__(self, options, asked):
        refuse_before(options)
        self.options, self.asked = options, asked
        self.segment = read_segment(options.segment) if options.segment else None
        self.recipes = asked.recipes(self.segment)

    def open(self, console) -> Opened:
        """Raises what opening a model and reading an image do."""
        asked, options = self.asked, self.options
        self.opened = opened = Opened(options, console, classes=asked.classes, settings=asked.settings)
        if hasattr(options, "format"):
            from ..io.volumes import refuse_unholdable

            refuse_unholdable(suffix_of(options.format), opened.image.grid)
        self.dicom = DicomFiles.of(options, opened.model.channels, opened.image.grid, console)
        if self.segment is not None:
            self.segment = on_image(options.segment, self.segment, opened.image, opened.rule)
        self.recipes = asked.on(opened.image.grid).recipes(self.segment)
        return opened

    @property
    def request(self) -> dict:
        """What has to be the same where it is asked again: JSON-able, hashes instead of files."""
        return {
            "question": self.asked.to_json(),
            "channels": self.opened.channels,
            "segment_sha256": self.segment.content_hash if self.segment is not None else "",
            "weights_sha256": self.opened.model.weights_hash,
        }
