"""Which layer is explained where none is named."""

from __future__ import annotations

import math

from .layer import Layer


def default_layer(layers: list[Layer], extent: tuple[float, ...]) -> tuple[Layer, str]:
    """The deepest resolution with at least two cells across the pixel set, on the encoder side where there are two.

    extent: size of the pixel set in voxels per axis.  Returns the layer and a warning ("" if it fits).  Falls back to
    the finest encoder level.  Late decoder layers show the segment whatever the reason was: they are never the default.
    Where all layers have one resolution the receptive field stands for the cell: the last layer that has read no more
    than it will still act on, and that sees no more than half of the pixel set at a time; and the text says so.
    """
    mains = [layer for layer in layers if layer.main]
    before = [layer for layer in mains if layer.part != "decoder"] or [m for m in mains if m is mains[0] or not m.reach]
    fits = [m for m in before if all(e >= 2 * s for e, s in zip(extent, m.grain, strict=True))]
    if any(m.reach for m in mains):
        chosen = max(fits, key=lambda m: m.order) if fits else min(before, key=lambda m: (math.prod(m.grain), m.order))
        return chosen, _by_receptive_field(chosen, extent, bool(fits))
    if fits:
        return max(fits, key=lambda m: (m.volume, m.order)), ""
    finest = min(before, key=lambda m: m.volume)
    warning = (
        "The pixel set is smaller than two cells of every layer; the finest encoder level is used and even its cells "
        "may be too coarse for this segment."
    )
    return finest, warning


def _by_receptive_field(layer, extent, fits):
    """The sentence for networks without levels."""
    reads, acts, size = (
        " x ".join(f"{v:.0f}" for v in values) for values in (layer.reach.reads, layer.reach.acts, extent)
    )
    text = (
        "All layers of this network have one resolution, so the layer was chosen by its receptive field: a cell of "
        f"'{layer.name}' reads {reads} voxels and acts on {acts}; the pixel set spans {size}."
    )
    return text if fits else f"{text} It is smaller than twice what a cell of any layer reads."
