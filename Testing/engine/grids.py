"""Grids that lie as patients do: oblique, anisotropic, far from the origin."""

from __future__ import annotations

import numpy as np

from seghirescam import Grid


def oblique(
    shape=(4, 5, 6), spacing_kji=(3.1, 1.3, 0.7), degrees=(60.0, 30.0, 15.0), order=(0, 1, 2), flips=(1, 1, 1),
    origin=(-123.4, 77.7, 812.9),
):  # fmt: skip
    """A grid whose I, J, K axes run along the RAS axes ``order`` with ``flips``, then turned about all three axes.

    spacing_kji: mm, in the order of the array.  degrees: about the third, the first and the second axis.
    """
    a, b, c = np.radians(degrees)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    turn = turn @ np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    turn = turn @ np.array([[np.cos(c), 0, np.sin(c)], [0, 1, 0], [-np.sin(c), 0, np.cos(c)]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.eye(3)[:, list(order)] * np.array(flips) * np.array(spacing_kji[::-1])
    matrix[:3, 3] = origin
    return Grid(shape, matrix)
