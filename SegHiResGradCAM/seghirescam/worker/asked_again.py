"""What a map in Slicer was asked, for its DICOM objects: M again, and the question as ``explain --repeat`` takes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..evaluation.trust.explained_case import frozen
from ..io.segments_on_images import on_image, read_segment
from ..io.volumes import read_slices_of
from ..protocol.display.map_grids import LAYER
from ..protocol.pixel_set import PixelSet
from ..protocol.question import DEEPEST
from ..protocol.recipes import PredictedClass, Recipe, Segment, WholeImage, hardened, mask_on
from ..protocol.resampling import copied

if TYPE_CHECKING:
    from ..io.dicom_out.source import SourceSeries
    from ..protocol.image import Image
    from ..protocol.progress import Tell
    from ..protocol.requests import WriteAskedDicom
    from ..session.interface import Session

#: sets that a command can name again with nothing but the model, the image and the written segment
_NAMED = (Segment, PredictedClass, WholeImage)
#: fields that mean the same in a request and in a command's question
_SAME = ("score", "side", "mirroring", "folds", "tolerance", "random_seed", "deterministic")
#: maps of the image itself have no layer that could be named
_INPUT = "input"


@dataclass(frozen=True, eq=False)
class AskedAgain:
    """pixels: M on the model's grid.  recipe: how it is told.  index: of the class."""

    session: Session
    recipe: Recipe
    pixels: PixelSet
    index: int

    @staticmethod
    def of(session: Session, request: WriteAskedDicom, tell: Tell) -> AskedAgain | None:
        """None where image, model or M are not what the map was made of. Raises EmptyPixelSetError."""
        recipe, made = request.pixel_set("A DICOM map"), request.facts["provenance"]
        if (session.image.content_hash, session.model.weights_hash) != (made["image_sha256"], made["weights_sha256"]):
            return None
        index = session.model.class_index(request.class_index)
        pixels = frozen(session, recipe, index, tell)
        same = pixels.content_hash == made["pixel_set_sha256"] and index == request.facts["class_index"]
        return AskedAgain(session, recipe, pixels, index) if same else None

    @property
    def given(self) -> bool:
        """Whether a segment of the user's is part of M."""
        return bool(self.recipe.given) and not isinstance(getattr(self.recipe, "of", None), PredictedClass)

    def mask(self, series: SourceSeries) -> np.ndarray:
        """Bool [K, J, I]: M on the series' own voxels."""
        grid = self.session.image.grid
        return hardened(PixelSet(mask_on(grid, self.recipe, self.pixels), grid).on(series.grid).weights)

    def request(self, request: WriteAskedDicom, regions: Path) -> tuple[dict | None, str]:
        """(what a sidecar has under that word, "") or (None, why not).

        regions: the file that was written, with M as its first segment.  The hashes are those of what a command will
        read: the series' files, and that segment, which must be M again on the model's grid.
        """
        model, why = self.session.model, "The question is not in the map: "
        if len(model.channels) > 1:
            return None, f"{why}the model has several channels, and a series is one of them."
        if type(self.recipe) not in _NAMED:
            return None, f"{why}its pixel set ({type(self.recipe).title.lower()}) is no segment by itself."
        image = read_slices_of(request.files)
        if not self._is_explained(image):
            return None, f"{why}the volume's voxels are not the series' own."
        segment = ""
        if isinstance(self.recipe, Segment):
            text = f"{regions}:1"
            found = on_image(text, read_segment(text), image)
            again = frozen(self.session, Segment(found), self.index)
            if not np.allclose(again.weights, self.pixels.weights, atol=1e-5):
                return None, f"{why}the segment is finer than the series' voxels."
            segment = found.content_hash
        return {
            "question": self._question(request),
            "channels": [{"name": model.channels[0], "sha256": image.content_hash}],
            "segment_sha256": segment,
            "weights_sha256": model.weights_hash,
        }, ""

    def _is_explained(self, image: Image) -> bool:
        own = self.session.image
        found = copied(image.array[0], image.grid, own.grid)
        return found is not None and np.array_equal(found, own.array[0])

    def _question(self, request: WriteAskedDicom) -> dict:
        facts, layer = request.facts, request.facts["layer"]
        told = {name: value for name in _SAME if (value := getattr(request, name)) is not None}
        return told | {
            "class_name": str(request.class_index),
            "rival": None if request.rival is None else str(request.rival),
            "pixel_sets": [type(self.recipe).word],
            "methods": [facts["method"]],
            "layers": [DEEPEST if layer["part"] == _INPUT else layer["name"]],
            "grid": LAYER,
        }
