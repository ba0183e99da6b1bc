"""The image behind a result's maps, which is one that was explained, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...figures.report.page import Picture
from ...figures.report.small_slices import small_slices
from ...io.colour_images import is_rgb, read_rgb
from ...io.file_content import hash_of
from ...io.volumes import read_volume
from ...protocol.errors import DependencyError, ImageError, SegHiResCamError
from ...protocol.grid import Grid
from ...protocol.image import Image
from ..sidecars import Stored


@dataclass(frozen=True, eq=False)
class ShownImage:
    image: Image | None = None
    colour: bool = False
    signed: bool = False

    @staticmethod
    def of(path: str | None, results: Sequence[Stored], signed: bool = False) -> ShownImage:
        """Raises ImageError, also for an image that none of the results is about."""
        if path is None:
            return ShownImage(signed=signed)
        colour = is_rgb(path)
        image = read_rgb(path) if colour else read_volume(path)
        known = {channel["sha256"] for one in results for channel in one.facts["request"]["channels"]}
        if results and any(Image(channel, image.grid).content_hash not in known for channel in image.array):
            raise ImageError(
                "The image is not the one that was explained (its hash differs).",
                "Give that one; of several channels, any of them that is on the first one's grid.",
            )
        return ShownImage(image, colour, signed)

    def picture(self, stored: Stored, what: str) -> Picture | None:
        """None for a map that is not there any more, or not as it was written."""
        facts = stored.facts["file"]
        try:
            if self.image is not None:
                density, unit = stored.density_on(self.image.grid)
                mask = stored.mask(self.image.grid)
                return small_slices(
                    density, self.image.grid, unit, what, image=self.image, mask=mask, colour=self.colour,
                    signed=self.signed,
                )  # fmt: skip
            path = stored.folder / facts["name"]
            if hash_of(path) != facts["sha256"]:
                return None
            grid = Grid.from_json(facts)
            array = read_volume(path).array[0]
            if array.shape != grid.shape:
                return None
            unit = facts["unit"] if "/" in facts["unit"] else f"{facts['unit']} per cell"
            return small_slices(array, grid, unit, what, mask=self._mask(stored, grid), signed=self.signed)
        except DependencyError:
            raise
        except (SegHiResCamError, OSError, KeyError, TypeError, ValueError):
            return None

    def _mask(self, stored: Stored, grid: Grid):
        """The pixel set, where it lies on the map's grid."""
        try:
            return stored.mask(grid)
        except (SegHiResCamError, OSError, KeyError, TypeError):
            return None
