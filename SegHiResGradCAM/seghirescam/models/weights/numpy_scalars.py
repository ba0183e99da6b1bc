"""numpy's numbers, which training code leaves in its checkpoints: harmless, and let through."""

from __future__ import annotations

import numpy as np


def numpy_scalars() -> list:
    """What torch.serialization.safe_globals needs for numpy's numbers, under the names of numpy 1 and 2."""
    try:
        from numpy._core.multiarray import scalar
    except ImportError:  # numpy 1
        from numpy.core.multiarray import scalar
    kinds = ("Float64", "Float32", "Float16", "Int64", "Int32", "UInt8", "Bool")
    return [
        np.dtype,
        *(getattr(np.dtypes, f"{kind}DType") for kind in kinds),
        (scalar, "numpy._core.multiarray.scalar"),
        (scalar, "numpy.core.multiarray.scalar"),
    ]
