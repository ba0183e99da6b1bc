"""The images a command or a plan names, as the channels a model takes: by name, or in its order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..protocol.errors import ImageError
from ..protocol.image import Image
from .colour_images import coloured, is_rgb, read_rgb, takes_colour
from .nifti_header import NIBABEL
from .volumes import exists, named, read_channels


def assigned(images: Sequence[str], channels: Sequence[str]) -> list[str]:
    """One path for each channel, in the channels' order; ``NAME=PATH`` goes to its name, the rest fill up in order.

    Raises ImageError for an unknown or repeated name, missing channels (all are listed), or too many images.
    """
    known = {name.lower(): name for name in channels}
    listed = f"The model's channels: {', '.join(channels)}."
    by_name: dict[str, str] = {}
    rest = []
    for text in images:
        name, mark, path = text.partition("=")
        if not mark or Path(text).exists():
            rest.append(text)
        elif name.strip().lower() not in known:
            raise ImageError(f"The model has no channel '{name.strip()}'.", listed)
        elif known[name.strip().lower()] in by_name:
            raise ImageError(f"The channel '{name.strip()}' was given twice.", listed)
        else:
            by_name[known[name.strip().lower()]] = path
    free = [name for name in channels if name not in by_name]
    by_name.update(zip(free, rest, strict=False))
    missing = [name for name in channels if name not in by_name]
    if missing:
        raise ImageError(
            f"The model expects {len(channels)} channel(s) ({', '.join(channels)}), no image was given for "
            f"{', '.join(missing)}.",
            " ".join(f"Add --image {name}=PATH." for name in missing),
            expected=len(channels),
            given=len(images),
        )
    if len(rest) > len(free):
        raise ImageError(
            f"{len(images)} images were given for {len(channels)} channel(s).", f"Give one for each. {listed}"
        )
    return [by_name[name] for name in channels]


def in_colour(images: Sequence[str], channels: Sequence[str]) -> bool:
    """Whether the one image given is red, green and blue, and the model takes three channels."""
    if len(images) != 1 or len(channels) != 3:
        return False
    return is_rgb(images[0])


def in_grey(images: Sequence[str], channels: Sequence[str]) -> bool:
    """Whether the one image given, no channel named, is to be red, green and blue alike."""
    return len(images) == 1 and takes_colour(channels) and ("=" not in images[0] or exists(images[0]))


def read_image(
    images: Sequence[str], channels: Sequence[str], note: Callable[[str], object], rule: str = NIBABEL
) -> tuple[Image, list[dict]]:
    """(Image on the first channel's grid, [{"name", "sha256"}] of its channels). note: told every note for the user."""
    if in_colour(images, channels):
        image = read_rgb(images[0], rule)
    elif in_grey(images, channels):
        image = coloured(read_channels(images, None, rule)[0], channels)
    else:
        image, notes = read_channels(assigned(images, channels), channels, rule)
        for one in notes:
            note(one)
    parts = [Image(image.array[n], image.grid) for n in range(len(channels))]
    return image, [{"name": n, "sha256": p.content_hash} for n, p in zip(channels, parts, strict=True)]


def refuse_absent(images: Sequence[str]) -> None:
    for text in images:
        path = text if exists(text) else text.partition("=")[2] or text
        if not exists(path):
            raise ImageError(f"The image {named(path)} is not there.", "Check the path.")
