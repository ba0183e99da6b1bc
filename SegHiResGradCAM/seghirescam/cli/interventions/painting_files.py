"""What masking out leaves in a folder: the painted image, the region, the class before and after, a figure."""

from __future__ import annotations

import numpy as np

from ...protocol.sizes import Size
from ..sidecars import map_name, write_result

FIGURE = "figure.png"


def write_painting(folder, options, opened, found, explanation, request) -> None:
    """found: an :class:`intervention.Painting`; explanation: the map that was made for it, or None."""
    from ...figures.before_and_after import draw_painting
    from ...figures.style import DARK, LIGHT, save
    from ...io.label_maps import write_labels
    from ...io.volumes import write_volume
    from ...protocol.recipes import hardened

    suffix, grid = f".{options.format}", opened.image.grid
    several = len(found.image.array) > 1
    for n, channel in enumerate(found.image.array, start=1):
        write_volume(folder / f"painted{f'_{n}' * several}{suffix}", channel, grid)
    region = hardened(found.painted.weights)
    write_volume(folder / f"region{suffix}", region.astype(np.uint8), grid)
    write_volume(folder / f"pixel_set_1{suffix}", found.mask.astype(np.uint8), grid)
    for word, mask in zip(("before", "after"), found.predicted, strict=True):
        write_labels(folder / f"predicted_{word}.seg.nrrd", mask.astype(np.uint8), grid, {1: found.class_name})
    if explanation is not None:
        write_map(folder, options, opened, explanation, found.mask, request)
    window = tuple(options.window) if options.window else None
    figure = draw_painting(opened.image, found, region, DARK if options.dark else LIGHT, window)
    save(figure, folder / FIGURE, options.dpi)


def write_map(folder, options, opened, explanation, mask, request) -> None:
    """The map as ``seghirescam explain`` writes it, with its sidecar; mask: M on the image's grid."""
    from ...evaluation.metrics.ground import Ground

    suffix, grid = f".{options.format}", opened.image.grid
    placed = explanation.resampled_to(grid)
    more = {
        "request": request,
        "pixel_set_file": f"pixel_set_1{suffix}",
        "evidence": Ground.of(opened.image).evidence(placed.array, mask),
        "pixel_set_size": Size.of(mask, grid).to_json(),
    }
    write_result(folder, map_name(1, explanation, suffix), suffix, explanation, placed, more)
