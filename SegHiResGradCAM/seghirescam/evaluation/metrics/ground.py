"""Over what chance is counted, the same in every table: the body where one can be found, else the whole image. numpy.

Evidence that is spread evenly over the body holds a share of |M in the body| / |body| in M.  Counted over a volume that
is mostly air the same map would look many times better.  A photo shows no body on a background of air.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...protocol.grid import Grid
from ...protocol.image import Image
from ...protocol.sizes import Size
from ...protocol.value import BODY, IMAGE, VOLUME, Value
from .body import body_of
from .location import share_in


@dataclass(frozen=True, eq=False)
class Ground:
    """body: bool ``[K, J, I]`` on ``grid``, None where none was found."""

    body: np.ndarray | None
    grid: Grid

    @staticmethod
    def of(image: Image) -> Ground:
        return Ground(body_of(image), image.grid)

    @property
    def over(self) -> str:
        """One word, as it stands in tables and sidecars."""
        return BODY if self.body is not None else IMAGE if self.grid.is_photo else VOLUME

    @property
    def size(self) -> Size:
        whole = int(np.prod(self.grid.shape))
        return Size.counted(whole if self.body is None else int(np.count_nonzero(self.body)), self.grid)

    @property
    def words(self) -> str:
        """ "the body (812 ml)", "the volume (1020 ml), in which no body was found", "the image (65536 pixels)"."""
        size = self.size
        if size.ml is None:
            return f"the image ({size.voxels} pixels)"
        found = f"{size.ml:.3g} ml" if size.ml < 1000 else f"{size.ml:.0f} ml"
        return f"the body ({found})" if self.body is not None else f"the volume ({found}), in which no body was found"

    def share(self, density: np.ndarray, mask: np.ndarray) -> Value:
        """:func:`location.share_in` of a map on this grid."""
        return self.told(share_in(density, mask, self.body))

    def told(self, value: Value) -> Value:
        """A value whose chance level was counted over this body, with the word for it."""
        return value if value.chance is None else replace(value, over=self.over)

    def evidence(self, density: np.ndarray, mask: np.ndarray) -> dict:
        """What sidecars and tables say: share inside, chance, lift, and over what chance was counted."""
        found = self.share(density, mask)
        return {"inside": found.value, "chance": found.chance, "lift": found.lift, "chance_over": self.over}


def lift_text(lift: float | None) -> str:
    return "-" if lift is None else f"{lift:.3g}x" if lift < 100 else f"{lift:.0f}x"


def in_pixels(value: Value) -> Value:
    """A value measured on a photo's grid: its lengths and volumes are pixels."""
    unit = "pixels" if value.unit in ("mm", "ml") else value.unit
    return replace(value, unit=unit, note=value.note.replace(" mm", " pixels"))
