"""One small file a contestant: how its documentation says it is used for the score of one class over M."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Prepared(NamedTuple):
    """What a peer's ``prepare(case, row, layers)`` returns.

    call: one explanation, as a user gets it; this is what is measured.  maps: its result -> layer -> raw map, not
    measured.  kind: what the peer has done to the raw map (a constant of ``agreement``).
    """

    call: Callable[[], object]
    maps: Callable[[object], dict[str, np.ndarray]]
    kind: str
    note: str = ""
