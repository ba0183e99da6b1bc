"""The word ``preprocessing`` of a model description: a list of steps, in the order in which they are applied.

Each step is one word with its value; lengths and sizes are along the file's axes x, y, z (2D networks: x, y)::

    "preprocessing": [{"orientation": "RAS"}, {"spacing": [1, 1, 1]}, {"crop_nonzero": 0}, {"size": [128, 128, 128]},
                      {"percentile_clip": [2, 98]}, {"z_score": "all"}, {"min_max": [0, 1]},
                      {"intensity_window": [-160, 240], "to": [0, 1]}, {"divide": 255}, {"scale": 2}, {"shift": -1}]

``orientation``: where x, y and z run to, as nibabel names it ("RAS": to the right, to the front, up).  ``spacing``: mm;
0 keeps an axis.  ``size``: voxels, the image stretched to them; 0 keeps an axis.  Both are linear unless the step
says ``"mode": "nearest"``.  ``crop_nonzero``: to the box around all voxels that are not 0 in some channel, and so many
voxels more on each side.  ``percentile_clip``, ``z_score`` ("all" voxels, or of and to the "nonzero" ones), ``min_max``
(to these values): each channel by itself, of what the steps before made.  ``intensity_window``: these values become
``to`` (0..1 unless said), what lies outside is clipped.  ``scale``, ``divide``, ``shift``: every value times, by, plus
that; a list gives one for each channel.  Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from ...protocol.errors import ModelError
from ...protocol.untrusted import short

#: a checked step, as it stands in a description
Step = dict
LINEAR, NEAREST = "linear", "nearest"
ALL, NONZERO = "all", "nonzero"
#: words that move or cut voxels; all others change their values
GEOMETRIC = ("orientation", "spacing", "size", "crop_nonzero")
_OPTIONS = {"spacing": ("mode",), "size": ("mode",), "intensity_window": ("to",)}
_ENDS = ("LR", "PA", "IS")
_LARGEST_SIZE = 4096


def steps_of(value: object, spatial_dims: int | None = 3, channels: int | None = None) -> tuple[Step, ...]:
    """The checked steps of a description's list; None: none. Raises ModelError naming the words there are.

    spatial_dims, channels: of the network and the image, None where not known yet.
    """
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise ModelError(
            f"The description's preprocessing {_seen(value)} is no list.",
            f"Known steps: {', '.join(WORDS)}.",
            word="preprocessing",
        )
    return tuple(_checked(step, spatial_dims, channels) for step in value)


def word_of(step: Step) -> str:
    """Which of the words a checked step is."""
    return next(word for word in step if word in WORDS)


def changes_values(steps: Sequence[Step]) -> bool:
    """Whether some step is about intensities."""
    return any(word_of(step) not in GEOMETRIC for step in steps)


def _checked(step, spatial_dims, channels):
    found = [word for word in step if word in WORDS] if isinstance(step, dict) else []
    if len(found) != 1:
        raise ModelError(
            f"The preprocessing step {_seen(step)} is unknown.",
            f'A step is one word with its value, as {{"z_score": "all"}}; known: {", ".join(WORDS)}.',
            word="preprocessing",
        )
    word = found[0]
    options = _OPTIONS.get(word, ())
    unknown = [str(key) for key in step if key != word and key not in options]
    if unknown:
        more = f"it may also hold {', '.join(options)}" if options else "it holds nothing else"
        raise ModelError(
            f"The preprocessing step {word} holds the unknown word {short(unknown[0])}.",
            f"One step, one word: {more}.",
            word="preprocessing",
        )
    fits, example = WORDS[word]
    if not fits(step[word], spatial_dims, channels):
        raise _wrong(word, step[word], spatial_dims, example)
    if step.get("mode", LINEAR) not in (LINEAR, NEAREST):
        raise ModelError(
            f"The mode {_seen(step['mode'])} of {word} is unknown.",
            f"Known: '{LINEAR}', '{NEAREST}'.",
            word="preprocessing",
        )
    if "to" in step and not _range(step["to"], spatial_dims, channels):
        raise _wrong(f"{word}'s to", step["to"], spatial_dims, "[0, 1]")
    return dict(step)


def _wrong(word, value, spatial_dims, example):
    axes = f" (a {spatial_dims}D network)" if word in ("spacing", "size") and spatial_dims else ""
    return ModelError(
        f"The preprocessing step {word} cannot be {_seen(value)}{axes}.",
        f"It is given as {example}.",
        word="preprocessing",
    )


# what fits a word: fits(value, spatial_dims, channels)


def _number(value, least=None):
    usual = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e30
    return usual and (least is None or value >= least)


def _one_an_axis(value, dims):
    return isinstance(value, list) and len(value) in ((dims,) if dims else (2, 3))


def _orientation(value, dims, channels):
    return (
        isinstance(value, str)
        and len(value) == 3
        and sorted(next((n for n, ends in enumerate(_ENDS) if c in ends), 9) for c in value) == [0, 1, 2]
    )


def _spacing(value, dims, channels):
    return _one_an_axis(value, dims) and all(n is None or _number(n, least=0) for n in value)


def _size(value, dims, channels):
    return _one_an_axis(value, dims) and all(n is None or (type(n) is int and 0 <= n <= _LARGEST_SIZE) for n in value)


def _margin(value, dims, channels):
    return type(value) is int and 0 <= value <= _LARGEST_SIZE


def _range(value, dims, channels):
    return isinstance(value, list) and len(value) == 2 and all(map(_number, value)) and value[0] < value[1]


def _percentiles(value, dims, channels):
    return _range(value, dims, channels) and value[0] >= 0 and value[1] <= 100


def _which(value, dims, channels):
    return value in (ALL, NONZERO)


def _amount(value, dims, channels):
    if isinstance(value, list):
        return len(value) == (channels or len(value)) > 0 and all(map(_number, value))
    return _number(value)


def _divisor(value, dims, channels):
    return _amount(value, dims, channels) and 0 not in (value if isinstance(value, list) else [value])


#: every word, what fits it, and how it is written; another word is one line here and one in the chain
WORDS: dict[str, tuple[Callable[..., bool], str]] = {
    "orientation": (_orientation, 'three letters, as "RAS" or "LPS"'),
    "spacing": (_spacing, "[1, 1, 1]: mm along x, y, z ([1, 1] of a 2D network); 0 keeps an axis"),
    "size": (_size, "[128, 128, 128]: voxels along x, y, z ([256, 256] of a 2D network); 0 keeps an axis"),
    "crop_nonzero": (_margin, "a whole number of voxels around it, 0 for none"),
    "percentile_clip": (_percentiles, "[2, 98]: two percentiles, the smaller first"),
    "z_score": (_which, f'"{ALL}" or "{NONZERO}"'),
    "min_max": (_range, "[0, 1]: what the smallest and the largest value become"),
    "intensity_window": (_range, '[-160, 240], the smaller first, and "to": [0, 1] where that is not meant'),
    "scale": (_amount, "a number, or a list with one for each channel"),
    "divide": (_divisor, "a number that is not 0, or a list with one for each channel"),
    "shift": (_amount, "a number, or a list with one for each channel"),
}


def written(steps: Sequence[Step]) -> str:
    """The steps as they are written into a description."""
    return f'"preprocessing": {json.dumps([dict(step) for step in steps])}'


def _seen(value):
    return short(repr(value), 80)
