"""Several volumes that a model looks at together, on their way to the worker."""

from __future__ import annotations

from dataclasses import dataclass

from seghirescam.protocol.image import Image


@dataclass(frozen=True, eq=False)
class ChannelImages:
    """images: one a channel, in the model's order, each on its own grid; the worker brings them onto the first's.

    names: the model's names of the channels (never those of nodes).
    """

    images: tuple[Image, ...]
    names: tuple[str, ...]


#: what a request is about
Images = Image | ChannelImages
