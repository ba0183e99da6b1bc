"""A sentence where an image holds values that no scanner measures: padding, metal, integers that were wrapped."""

from __future__ import annotations

import numpy as np

#: twelve bits of Hounsfield units
CT_LOW, CT_HIGH = -1024, 3071
#: an image is taken for a CT that holds values from air to bone or contrast
_AIR, _BONE = -900, 200
#: negative numbers of 16 bits, read as positive ones, lie here
_WRAPPED = 60_000


def extreme_values(array: np.ndarray) -> tuple[str, ...]:
    """The sentence for channels ``[C, K, J, I]``, with how many voxels it is about, or nothing."""
    found = []
    for channel in array:
        low, high = float(channel.min()), float(channel.max())
        outside = 0
        if low <= _AIR and high >= _BONE and (low < CT_LOW or high > CT_HIGH):
            outside, why = (channel < CT_LOW) | (channel > CT_HIGH), f"outside a CT's {CT_LOW} to {CT_HIGH} HU"
        elif low >= 0 and high > _WRAPPED:
            outside, why = channel > _WRAPPED, f"above {_WRAPPED}, as negative numbers look that were wrapped"
        count = int(np.count_nonzero(outside))
        if count:
            found.append(
                f"The image holds values from {low:g} to {high:g}: {count} voxels lie {why}. They went into the "
                "model's preprocessing as they are."
            )
    return tuple(dict.fromkeys(found))
