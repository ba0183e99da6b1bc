"""What the convolutions of a network nobody knows tell: 2D or 3D, input and output channels."""

from __future__ import annotations

from ..weights.tensor_table import TensorTable
from .found import Convolutions

#: what people call the last layer
_LAST = ("out", "final", "head", "last", "classifier", "seg", "logit", "pred", "score")
_FIRST = ("in", "inc", "stem", "init", "first", "enc", "down", "conv1", "conv_1", "conv0", "conv_0", "0")


def convolutions(table: TensorTable) -> Convolutions | None:
    """None where there is no convolution in two or three dimensions."""
    for dims in (3, 2):
        found = {name: shape for name, shape in table.shapes.items() if len(shape) == dims + 2 and _is_weight(name)}
        if found:
            break
    else:
        return None
    first = _first(found, table.ordered)
    last = _last(found, table)
    inner = found[last]
    transposed = f"{last.rpartition('.')[0]}.bias" in table.shapes and table.shapes[
        f"{last.rpartition('.')[0]}.bias"
    ] != (inner[0],)
    grouped = found[first][1] == 1 and table.ordered is False
    return Convolutions(
        dims, found[first][1], inner[1] if transposed else inner[0], first, last, table.ordered and not grouped
    )


def _is_weight(name):
    return name.rpartition(".")[2] in ("weight", "weight_v", "kernel")


def _first(found, ordered):
    names = list(found)
    if ordered:
        return names[0]
    # names are sorted: the input is what no other convolution makes, the fewest of those (joined skips make many)
    made = {shape[0] for shape in found.values()}
    fresh = [n for n in names if found[n][1] not in made] or names
    fewest = min(found[n][1] for n in fresh)
    few = [n for n in fresh if found[n][1] == fewest]
    return next((n for n in few if n.split(".")[0].lower().startswith(_FIRST)), few[0])


def _last(found, table):
    names = list(found)
    if table.ordered:
        return names[-1]
    called = [n for n in names if any(word in n.lower() for word in _LAST)]
    fewest = min(shape[0] for shape in found.values())
    few = [n for n in names if found[n][0] == fewest]
    both = [n for n in called if n in few]
    return (both or few or called or names)[-1]
