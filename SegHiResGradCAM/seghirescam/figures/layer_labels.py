"""What stands above a layer's column: its name, or for a long one its part and stride, so that a head stays short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..protocol.explanation import LayerInfo

#: characters that fit above a column
LONGEST = 16


def layer_labels(layers: Sequence[LayerInfo]) -> list[str]:
    """A short word for each, in order: names of up to 16 characters as they are, others as "encoder, stride 4".

    Labels that would be the same get a letter: "encoder, stride 4 a".
    """
    found = [layer.name if len(layer.name) <= LONGEST else part_and_stride(layer) for layer in layers]
    often, seen = Counter(found), Counter[str]()
    labels = []
    for label in found:
        letter = chr(ord("a") + seen[label] % 26)
        seen[label] += 1
        labels.append(f"{label} {letter}" if often[label] > 1 else label)
    return labels


def part_and_stride(layer: LayerInfo) -> str:
    """ "decoder, stride 2", or "stride 1 x 2 x 2" where the axes differ; a single slice's K axis does not count."""
    axes = layer.stride[1:] if layer.cells[0] == 1 and layer.stride[0] == 1 else layer.stride
    one = str(axes[0]) if len(set(axes)) == 1 else " x ".join(map(str, axes))
    return f"{layer.part}, stride {one}"


def full_names(layers: Sequence[LayerInfo]) -> str:
    """For a caption: "encoder, stride 4: model.1.submodule; ...", "" where every column has its layer's own name."""
    pairs = zip(layer_labels(layers), layers, strict=True)
    return "; ".join(f"{label}: {layer.name}" for label, layer in pairs if label != layer.name)
